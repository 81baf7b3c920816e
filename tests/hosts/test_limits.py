"""`/limits` on real hosts: what sshd, logind and the shells' profiles would do is read right, and it is true."""

from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from bot.hosts.connections import SshHosts
from bot.limits import in_short, sentences
from bot.models import Host, HostLimits
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine

DROP_IN = "/etc/ssh/sshd_config.d/50-limits.conf"
PROFILE = "/etc/profile.d/tmout.sh"
LOGIND = "/etc/systemd/logind.conf.d/50-limits.conf"
RELOAD = """
until pid=$(cat /run/sshd.pid 2>/dev/null) && [ -n "$pid" ]; do sleep 0.05; done
rm /run/sshd.pid; kill -HUP "$pid"
until [ -s /run/sshd.pid ]; do sleep 0.05; done
"""


@pytest.fixture
def untouched(four_hosts: list[Machine]) -> Iterator[None]:
    """No setting of a test is left after it."""
    yield
    for machine in four_hosts:
        machine.run("sh", "-c", f"rm -f {DROP_IN} {PROFILE} {LOGIND}; {RELOAD}")


def configure(machine: Machine, *lines: str) -> None:
    machine.run("sh", "-c", f"printf '%s\\n' \"$@\" >{DROP_IN} && sshd -t || exit 1; {RELOAD}", "sh", *lines)


@pytest.fixture
async def hosts(four_hosts: list[Machine]) -> AsyncIterator[SshHosts]:
    """By their names, through sudo."""
    known = four_hosts[0].folder / "of_all"
    known.write_text("".join(machine.known_hosts.read_text() for machine in four_hosts))
    named = {m.name: Host(name=m.name, address=m.address, user="kickbot") for m in four_hosts}
    hosts = SshHosts(named, [four_hosts[0].identity], known)
    yield hosts
    await hosts.close()


async def limits(hosts: SshHosts, machines: Sequence[Machine]) -> dict[str, HostLimits]:
    seen = {look.host: look async for look in hosts.limits([machine.name for machine in machines])}
    return {name: look for name, look in seen.items() if isinstance(look, HostLimits)}


async def test_hosts_as_they_come(hosts: SshHosts, four_hosts: list[Machine]) -> None:
    """No Debian ends anyone for being idle, and both know ChannelTimeout; without systemd there is no logind."""
    seen = await limits(hosts, four_hosts)

    assert {name: in_short(look) for name, look in seen.items()} == {
        m.name: "nobody is ended for being idle." for m in four_hosts
    }
    assert {(look.alive_interval, look.alive_count, look.channels, look.unused) for look in seen.values()} == {
        (0, 3, (), 0)
    }
    assert all(look.sshd.startswith("OpenSSH_") for look in seen.values())
    assert {m.name: seen[m.name].logind for m in four_hosts} == {m.name: m.kind == "systemd" for m in four_hosts}
    assert {look.stop_idle for look in seen.values()} == {0, None}


async def test_what_people_have_configured(hosts: SshHosts, logind_hosts: list[Machine], untouched: None) -> None:
    """Each setting arrives from its own file, and a Match block is named; whoever it is about may have other limits."""
    for machine in logind_hosts:
        limit = "ChannelTimeout session:shell=15m x11=1h30m"
        configure(
            machine, "ClientAliveInterval 5m", "ClientAliveCountMax 0", limit, "Match User deploy", "MaxSessions 3"
        )
        machine.run("sh", "-c", f"echo 'readonly TMOUT=600' >{PROFILE}; mkdir -p ${{1%/*}}", "sh", LOGIND)
        machine.run("sh", "-c", f"printf '[Login]\\nStopIdleSessionSec=30min\\nKillUserProcesses=yes\\n' >{LOGIND}")
        machine.run("systemctl", "restart", "systemd-logind")

    for look in (await limits(hosts, logind_hosts)).values():
        assert (look.alive_interval, look.alive_count) == (300, 0)
        assert [(c.channels, c.seconds) for c in look.channels or ()] == [("session:shell", 900), ("x11", 5400)]
        assert (look.stop_idle, look.kill_left, look.matches) == (1800, True, ("Match User deploy",))
        assert [(s.file, s.seconds, s.fixed) for s in look.shells] == [(PROFILE, 600, True)]
        assert "⚠️ Someone whose network is gone may stay for hours" in "\n".join(sentences(look))

    for machine in logind_hosts:
        machine.run("sh", "-c", f"rm {LOGIND}; systemctl restart systemd-logind")


async def test_a_limit_that_is_shown_is_one_that_ends_people(
    hosts: SshHosts, logind_hosts: list[Machine], logins: Logins, untouched: None
) -> None:
    """`session:shell` closes an idle shell, and lets a silent command be; plain `session`, as it says, ends nobody."""
    for machine in logind_hosts:
        configure(machine, "ChannelTimeout session=1s")
    about_nobody = await limits(hosts, logind_hosts)
    spared = [logins.terminal(machine, "alice") for machine in logind_hosts]
    for machine in logind_hosts:
        configure(machine, "ChannelTimeout session:shell=2s")
    seen = await limits(hosts, logind_hosts)
    commands = [logins.command(machine, "bob", "exec sleep 1000") for machine in logind_hosts]
    shells = [logins.terminal(machine, "audituser") for machine in logind_hosts]

    assert [shell.wait_end() for shell in shells] == [255] * len(shells)

    assert all("ends nobody" in sentences(look)[0] for look in about_nobody.values())
    assert {in_short(look) for look in seen.values()} == {"an idle shell is closed after 2 s."}
    assert all(login.alive for login in (*spared, *commands))
