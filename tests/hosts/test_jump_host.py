"""A host that is reached through another one only: looked at and acted on, on booted hosts."""

from pathlib import Path

from bot import settings
from bot.hosts.connections import SshHosts
from bot.models import HostUptime, Snapshot
from bot.survey import survey
from tests import make
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine
from tests.whole import configure

BEHIND = """
[[hosts]]
name = "trixie"
address = "{behind}"
[inventory]
ssh_config = "ssh_config"
"""


async def test_sessions_end_on_a_host_behind_a_jump_host(
    bookworm: Machine, trixie: Machine, logins: Logins, tmp_path: Path
) -> None:
    """As OpenSSH's configuration says it; the host sees the jump host come, and proves itself with its own key."""
    known = tmp_path / "known_hosts"
    known.write_text(bookworm.known_hosts.read_text() + trixie.known_hosts.read_text())
    config = configure(tmp_path, [], key=trixie.identity, known_hosts=known)
    config.write_text(config.read_text() + BEHIND.format(behind=trixie.address))
    (tmp_path / "ssh_config").write_text(f"Host {trixie.address}\n  ProxyJump {bookworm.address}\n")
    doomed = logins.terminal(trixie, "audituser")
    found = await survey(settings.load(config))
    hosts = SshHosts(found.inventory.hosts, [trixie.identity], known)
    try:
        (look,) = [look async for look in hosts.look(["trixie"])]
        assert isinstance(look, Snapshot), look
        (session,) = look.of("audituser")
        step = make.step(make.target(look, session), "terminate")
        answer = await hosts.act(step, not_after=HostUptime(look.uptime + 2000))
    finally:
        await hosts.close()

    assert (answer.status, answer.exit_status) == ("done", 0)
    doomed.wait_end()
    assert f"Accepted publickey for kickbot from {bookworm.address} " in trixie.run("journalctl", "--no-pager")
