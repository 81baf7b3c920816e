"""Hosts that are no good: another key, a full disk, a sudo that asks, one command at a time. People read why."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.hosts.connections import SshHosts
from bot.models import Host, Snapshot, Unreachable
from bot.sandbox.server import SandboxSlack
from tests.hosts import witness
from tests.hosts.kicking import BOTS_ACCOUNT, Kicks
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine, greets
from tests.hosts.rack import Rack
from tests.whole import CHANNEL, bot_at_work

SUDOERS = "/etc/sudoers.d/10-test"
KEY = "/etc/ssh/ssh_host_ed25519_key"
SSHD = "/etc/ssh/sshd_config.d/00-test.conf"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def machine(request: pytest.FixtureRequest, rack: Rack, machines: list[Machine]) -> Iterator[Machine]:
    """A host of its own, which these tests may spoil."""
    with Machine(rack, f"bad-{request.param}", request.param) as machine:
        machines.append(machine)
        yield machine
        machines.remove(machine)


async def listing(slack: SandboxSlack, config: Path, machine: Machine) -> str:
    """What Alice reads after `/sessions HOST`."""
    alice = slack.as_("alice")
    async with bot_at_work(slack, config):
        await alice.command(CHANNEL, "/sessions", machine.name)
        seen = await alice.sees(machine.name, CHANNEL)
        while seen.text.startswith("Looking at "):
            await asyncio.sleep(0.1)
            seen = await alice.sees(machine.name, CHANNEL)
        return seen.text


def restart_sshd(machine: Machine) -> None:
    """Who is logged in stays."""
    machine.run("systemctl", "restart", "ssh")
    witness.until(lambda: greets(machine.address), "sshd to be back")


def fingerprint(machine: Machine) -> str:
    return machine.run("ssh-keygen", "-l", "-f", f"{KEY}.pub").split()[1]


async def test_a_changed_host_key_is_refused_with_both_fingerprints(
    config: Path, slack: SandboxSlack, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """The host was installed anew, or is another one: a person reads which key it shows, and which one is recorded."""
    recorded = fingerprint(machine)
    machine.run("sh", "-c", f"cp -p {KEY} {KEY}.old; cp -p {KEY}.pub {KEY}.pub.old; rm {KEY} {KEY}.pub")
    machine.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", KEY)
    restart_sshd(machine)
    try:
        shown = fingerprint(machine)
        text = await listing(slack, config, machine)
    finally:
        machine.run("sh", "-c", f"mv {KEY}.old {KEY}; mv {KEY}.pub.old {KEY}.pub")
        restart_sshd(machine)

    assert shown != recorded
    assert f"shows another host key, {shown}, than {recorded}" in text
    assert any(r.levelname == "ERROR" and shown in r.message and recorded in r.message for r in caplog.records)


async def test_a_sudo_that_asks_for_a_password_is_told(config: Path, slack: SandboxSlack, machine: Machine) -> None:
    """The bot's login may use sudo with a password only: a person reads what is missing."""
    before = machine.run("cat", SUDOERS)
    machine.run("sh", "-c", f"echo '{BOTS_ACCOUNT} ALL=(ALL) ALL' >{SUDOERS}")
    try:
        text = await listing(slack, config, machine)
    finally:
        machine.run("sh", "-c", f"printf '%s' '{before}' >{SUDOERS}")

    assert "asks for a password: kickbot needs `NOPASSWD` for sudo" in text.replace(
        "\N{MODIFIER LETTER GRAVE ACCENT}", "`"
    )


async def test_a_full_disk_does_not_keep_anyone_logged_in(machine: Machine, logins: Logins, tmp_path: Path) -> None:
    """No byte is left on the host, neither on its disk nor in /tmp: it is looked at, and the session ends."""
    doomed = logins.terminal(machine, "audituser")
    machine.run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "none", "/tmp")
    machine.fill_disk()
    try:
        said = machine.run("sh", "-c", "{ echo x >/root/x && echo wrote; echo x >/tmp/x && echo wrote; } 2>&1 || true")
        assert "wrote" not in said
        async with Kicks.at_work([machine], tmp_path) as kicks:
            done = await kicks.kick("audituser", machine)
    finally:
        machine.free_disk()
        machine.run("umount", "/tmp")

    assert done.results == {machine.name: ["ended"]}
    doomed.wait_end()


async def test_a_host_that_takes_one_command_at_a_time(machine: Machine, logins: Logins, tmp_path: Path) -> None:
    """`MaxSessions 1`: what many people ask at once is answered, one after the other; none of them is turned away."""
    logins.terminal(machine, "audituser")
    machine.run("sh", "-c", f"echo 'MaxSessions 1' >{SSHD}")
    restart_sshd(machine)
    try:
        known = tmp_path / "known"
        known.write_text(machine.known_hosts.read_text())
        host = Host(name=machine.name, address=machine.address)
        hosts = SshHosts({machine.name: host}, [machine.identity], known, user=BOTS_ACCOUNT)
        try:
            looks = await asyncio.gather(*(_look(hosts, machine) for _ in range(6)))
        finally:
            await hosts.close()
        async with Kicks.at_work([machine], tmp_path) as kicks:
            done = await kicks.kick("audituser", machine)
    finally:
        machine.run("rm", SSHD)
        restart_sshd(machine)

    assert [look.reason for look in looks if isinstance(look, Unreachable)] == []
    assert done.results == {machine.name: ["ended"]}


async def _look(hosts: SshHosts, machine: Machine) -> Snapshot | Unreachable:
    (look,) = [look async for look in hosts.look([machine.name])]
    return look
