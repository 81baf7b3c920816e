"""Limits that are set on real hosts: on trial, kept only over a fresh login, and taken back by the host itself."""

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.hosts.connections import SshHosts
from bot.hosts.drivers import linux
from bot.limits import in_short
from bot.models import Answer, Host, HostLimits, HostUptime, KeepLimits, LimitName, SetLimit, SetLimits
from bot.trials import make
from tests.hosts import witness
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine
from tests.hosts.test_limits import RELOAD

DROP_INS = "/etc/ssh/sshd_config.d"
CLEAN = f"""
systemctl disable --now kickbot-limit-idle.timer kickbot-limit-unresponsive.timer 2>/dev/null
rm -rf /var/lib/kickbot {DROP_INS}/00-kickbot-* {DROP_INS}/*lab.conf /etc/systemd/system/kickbot-*
{RELOAD}
"""
NUMBERS = iter(range(1, 1000))


@pytest.fixture(params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Nothing that a test set is left after it."""
    machine: Machine = request.getfixturevalue(request.param)
    yield machine
    machine.run("sh", "-c", CLEAN)


@pytest.fixture
async def hosts(machine: Machine, logins: Logins) -> AsyncIterator[SshHosts]:
    name = machine.name
    hosts = SshHosts(
        {name: Host(name=name, address=machine.address, user="kickbot")}, [machine.identity], machine.known_hosts
    )
    yield hosts
    await hosts.close()


async def look(hosts: SshHosts, machine: Machine) -> HostLimits:
    (seen,) = [each async for each in hosts.limits([machine.name])]
    assert isinstance(seen, HostLimits), seen
    return seen


async def on_trial(
    hosts: SshHosts, machine: Machine, seconds: int = 900, limit: LimitName = "idle"
) -> tuple[Answer, KeepLimits]:
    """Set, and the step that would keep it."""
    seen = await look(hosts, machine)
    plan = make(SetLimit(hosts=(machine.name,), limit=limit, seconds=seconds), (seen,))
    (target,) = plan.targets
    identity = f"{next(NUMBERS)}-{plan.hash[:16]}"
    step = SetLimits(target=target, id=identity, limit=limit, seconds=seconds, about="request 42: asked by Alice")
    answer = await hosts.act(step, not_after=HostUptime(seen.uptime + 6000))
    return answer, KeepLimits(target=target, id=identity, limit=limit)


async def keep(hosts: SshHosts, step: KeepLimits, tries: int = 2) -> Answer:
    """As the workflow does it: once more where no answer came."""
    answer = await hosts.act(step, not_after=HostUptime(step.target.seen + 60000))
    return await keep(hosts, step, tries - 1) if answer.status == "unknown" and tries > 1 else answer


def drop_ins(machine: Machine) -> list[str]:
    """Kickbot's, as they stand there."""
    return machine.run("sh", "-c", f"cd {DROP_INS} && ls | grep kickbot || true").split()


def broken(machine: Machine, text: str) -> None:
    """Somebody else leaves something in sshd's files, and sshd reads it."""
    machine.run("sh", "-c", f"printf '{text}' >{DROP_INS}/99-lab.conf; {RELOAD}")


async def test_a_limit_is_set_kept_and_taken_away(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Sessions that are open stay, Kickbot's own login has no limit, and everyone else's new one has."""
    open_before = logins.terminal(machine, "alice")
    pids = machine.run("pgrep", "-u", "alice").split()

    answer, step = await on_trial(hosts, machine)
    assert (answer.status, answer.output) == ("done", "")
    assert (await look(hosts, machine)).trying == (step.id,)
    kept = await keep(hosts, step)
    assert kept.status == "done", kept

    seen = await look(hosts, machine)
    assert (in_short(seen), seen.own, seen.trying) == ("an idle shell is closed after 15 min.", ("idle",), ())
    of_kickbot = machine.run("sshd", "-T", "-C", "user=kickbot,host=x,addr=198.51.100.1")
    assert "channeltimeout session" not in of_kickbot
    assert open_before.alive
    assert machine.run("pgrep", "-u", "alice").split() == pids
    assert "asked by Alice" in machine.run("cat", f"{DROP_INS}/00-kickbot-limit-idle.conf")
    assert machine.run("sh", "-c", "systemctl list-timers --all | grep -c kickbot || true").strip() == "0"

    answer, step = await on_trial(hosts, machine, seconds=0)
    kept = await keep(hosts, step)
    assert (answer.status, kept.status) == ("done", "done"), kept
    assert drop_ins(machine) == []
    assert in_short(await look(hosts, machine)) == "nobody is ended for being idle."


async def test_what_was_cut_off_before_sshd_read_it_is_not_kept(hosts: SshHosts, machine: Machine) -> None:
    """The script is killed when the drop-in stands and sshd doesn't know of it: a fresh login would prove nothing."""
    killer = "/usr/local/sbin/stat"
    text = '#!/bin/sh\\npkill -9 -f "sh -s -- set_limits"\\n'
    machine.run("sh", "-c", f"printf '{text}' >{killer}; chmod 755 {killer}")
    answer, step = await on_trial(hosts, machine)
    machine.run("rm", killer)

    kept = await keep(hosts, step)

    assert answer.status == "unknown"
    assert drop_ins(machine) == ["00-kickbot-limit-idle.conf"]
    assert (kept.status, kept.refusal) == ("refused", "gone")


async def test_without_a_fresh_login_the_host_takes_it_back(hosts: SshHosts, machine: Machine) -> None:
    """Somebody locks Kickbot out meanwhile: the connection that was open would still do, so it isn't used."""
    before, kept = await on_trial(hosts, machine, seconds=1800)
    assert (await keep(hosts, kept)).status == "done"
    answer, step = await on_trial(hosts, machine, seconds=900)
    assert (before.status, answer.status) == ("done", "done")
    broken(machine, "DenyUsers kickbot\\n")

    refused = await keep(hosts, step)

    assert refused.status == "unknown"
    assert "refused the login kickbot@" in refused.output
    file = f"{DROP_INS}/00-kickbot-limit-idle.conf"
    ended = "/var/lib/kickbot/limits/ended"
    witness.until(lambda: f"{step.id} taken by host" in machine.run("cat", ended), "to be taken back by the host", 240)
    assert "=1800s" in machine.run("cat", file)
    machine.run("sh", "-c", f"rm {DROP_INS}/99-lab.conf; {RELOAD}")
    assert in_short(await look(hosts, machine)) == "an idle shell is closed after 30 min."
    assert (await keep(hosts, step)).refusal == "gone"


async def test_what_sshd_does_not_accept_is_never_written(hosts: SshHosts, machine: Machine) -> None:
    """Its own words say why; a file of somebody else that is broken would end sshd at the reload."""
    machine.run("sh", "-c", f"echo 'Nonsense yes' >{DROP_INS}/99-lab.conf")
    seen = await look(hosts, machine)
    assert "Bad configuration option: Nonsense" in seen.notes[0]
    machine.run("rm", f"{DROP_INS}/99-lab.conf")

    step = SetLimits(
        target=make(SetLimit(hosts=(machine.name,), limit="idle", seconds=900), (await look(hosts, machine),)).targets[
            0
        ],
        id="7-abc",
        limit="idle",
        seconds=900,
        about="request 7",
    )
    machine.run("sh", "-c", f"echo 'Nonsense yes' >{DROP_INS}/99-lab.conf")
    answer = await hosts.act(step, not_after=HostUptime(step.target.seen + 6000))

    assert (answer.status, answer.refusal) == ("refused", "unable")
    assert "Bad configuration option: Nonsense" in answer.output
    assert drop_ins(machine) == []


async def test_a_drop_in_that_breaks_sshd_is_taken_back(
    hosts: SshHosts, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It passed on the copy, and sshd refuses it in its place: it is taken back before sshd is told."""
    script = linux.SET_LIMITS_SCRIPT.replace(
        b'mv "$folder/drop-in" "$file"', b'echo Nonsense >>"$folder/drop-in" && mv "$folder/drop-in" "$file"'
    )
    assert script != linux.SET_LIMITS_SCRIPT
    monkeypatch.setattr(linux, "SET_LIMITS_SCRIPT", script)

    answer, step = await on_trial(hosts, machine)

    assert answer.refusal == "unable"
    assert "it was taken back at once: sshd does not accept it" in answer.output
    assert drop_ins(machine) == []
    assert (await keep(hosts, step)).refusal == "gone"
    assert in_short(await look(hosts, machine)) == "nobody is ended for being idle."


async def test_a_drop_in_that_would_cut_kickbot_off_is_never_written(
    hosts: SshHosts, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judged by sshd itself, on a copy: whatever changes anything for Kickbot's own login is refused."""
    for changed in (b"Match User nobody-else", b"DenyUsers kickbot\\nMatch User %s"):
        script = linux.SET_LIMITS_SCRIPT.replace(b"Match User %s", changed)
        monkeypatch.setattr(linux, "SET_LIMITS_SCRIPT", script)

        answer, _ = await on_trial(hosts, machine)

        assert answer.refusal == "unable"
        assert answer.output.startswith("it would change something for Kickbot's own login")
        assert drop_ins(machine) == []
        assert machine.run("sh", "-c", "ls /var/lib/kickbot/limits || true") == ""


async def test_a_setting_that_stands_before_it_is_named(hosts: SshHosts, machine: Machine) -> None:
    """The first value wins in sshd: what would have no effect is refused, with what to write."""
    machine.run("sh", "-c", f"echo 'ClientAliveInterval 60' >{DROP_INS}/00-a-lab.conf; {RELOAD}")
    answer, _ = await on_trial(hosts, machine, limit="unresponsive")
    assert answer.refusal == "unable"
    assert "something that stands before it sets the same" in answer.output
    assert drop_ins(machine) == []


async def test_a_host_whose_sshd_reads_no_drop_ins(hosts: SshHosts, machine: Machine) -> None:
    """It is said what to write."""
    machine.run("sed", "-i.lab", "s/^Include/#Include/", "/etc/ssh/sshd_config")
    answer, _ = await on_trial(hosts, machine, limit="unresponsive")
    machine.run("mv", "/etc/ssh/sshd_config.lab", "/etc/ssh/sshd_config")
    assert 'write "Include /etc/ssh/sshd_config.d/*.conf" as the first line' in answer.output
