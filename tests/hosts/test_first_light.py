"""The main job on real hosts: the whole bot, real logins on bookworm and trixie, a workspace that stands for Slack."""

import re
import shlex
import sqlite3
from pathlib import Path

import pytest

from bot import settings
from bot.hosts.connections import SshHosts
from bot.models import HostUptime, Snapshot
from bot.sandbox.server import SandboxSlack
from tests import make
from tests.hosts.logins import Login, Logins, Shared
from tests.hosts.machines import Machine
from tests.whole import APPROVE, CHANNEL, bot_at_work, configure, kickbot, parent_with_buttons, thread

SUDOERS = "/etc/sudoers.d/10-test"


@pytest.fixture
def config(tmp_path: Path, bookworm: Machine, trixie: Machine) -> Path:
    known = tmp_path / "known_hosts"
    known.write_text(bookworm.known_hosts.read_text() + trixie.known_hosts.read_text())
    hosts = [(m.name, m.address, 22) for m in (bookworm, trixie)]
    return configure(tmp_path, hosts, key=bookworm.identity, known_hosts=known)


def sessions_of(machine: Machine, user: str) -> list[str]:
    """The ids of an account's sessions, as the host itself lists them."""
    lines = machine.run("loginctl", "list-sessions", "--no-legend").splitlines()
    return [line.split()[0] for line in lines if user in line.split() and "manager" not in line]


async def test_one_request_ends_every_session_of_the_account_on_both_hosts(
    config: Path, slack: SandboxSlack, bookworm: Machine, trixie: Machine, logins: Logins
) -> None:
    """With a terminal, without one, sftp, two shells over one connection: all end on both hosts, alice's stay."""
    doomed: list[Login | Shared] = []
    for machine in (bookworm, trixie):
        doomed += [
            logins.terminal(machine, "audituser"),
            logins.command(machine, "audituser", "sleep 4000"),
            logins.sftp(machine, "audituser"),
            logins.shared(machine, "audituser"),
        ]
    alices = [logins.terminal(bookworm, "alice"), logins.command(trixie, "alice", "sleep 4000")]
    alice, carol = slack.as_("alice"), slack.as_("carol")

    async with bot_at_work(slack, config):
        await alice.command(CHANNEL, "/kick", "audituser bookworm,trixie because INC-42")
        parent = await parent_with_buttons(alice)
        await carol.click(parent, APPROVE)
        await alice.sees("*After*", CHANNEL)
        replies = thread(alice, parent)

    assert not any(login.alive for login in doomed)
    assert all(login.alive for login in alices)
    assert sessions_of(bookworm, "audituser") == sessions_of(trixie, "audituser") == []
    assert "8 of 8 sessions ended" in replies[0].text
    assert [m.text.split("*")[1] for m in replies[1:] if m.text.startswith("*")] == ["Before", "What was run", "After"]


async def test_verify_passes_and_fails_after_one_byte_is_changed(
    config: Path, slack: SandboxSlack, bookworm: Machine, logins: Logins
) -> None:
    """`kickbot audit verify` passes on the trail of a real kick, and names the event of which one byte was changed."""
    logins.terminal(bookworm, "audituser")
    alice, carol = slack.as_("alice"), slack.as_("carol")
    async with bot_at_work(slack, config):
        await alice.command(CHANNEL, "/kick", "audituser bookworm because INC-42")
        await carol.click(await parent_with_buttons(alice), APPROVE)
        await alice.sees("*After*", CHANNEL)

    assert kickbot("audit", "verify", "--config", str(config)).returncode == 0

    with sqlite3.connect(config.parent / "kickbot.db") as database:
        changed = database.execute("UPDATE events SET bytes = replace(bytes, 'INC-42', 'INC-43') WHERE seq = 1")
        assert changed.rowcount == 1
    broken = kickbot("audit", "verify", "--config", str(config))
    assert broken.returncode == 1
    assert "event 1" in broken.stderr


async def test_the_listing_of_a_real_host_shows_every_kind_of_login(
    config: Path, slack: SandboxSlack, trixie: Machine, logins: Logins
) -> None:
    """`/sessions` shows the terminal and the sftp session, and does not take its own connection for a person's."""
    logins.terminal(trixie, "audituser")
    logins.sftp(trixie, "bob")
    alice = slack.as_("alice")
    async with bot_at_work(slack, config):
        await alice.command(CHANNEL, "/sessions", "trixie")
        answer = await alice.sees("trixie:", CHANNEL)
    assert "audituser" in answer.text
    assert "sftp-server" in answer.text
    assert "2 sessions of 2 people" in answer.text


async def test_what_a_process_calls_itself_is_harmless_masked_text(
    config: Path, slack: SandboxSlack, bookworm: Machine, logins: Logins
) -> None:
    """A title with markup, escape sequences, a newline, a byte that is no text, and a password: shown, and harmless."""
    evil = r"""exec -a $'<!channel> `id` \e[31m \n \xff password=hunter2' sleep 4000"""
    logins.terminal(bookworm, "audituser").send(f"bash -c {shlex.quote(evil)} &")
    alice, carol = slack.as_("alice"), slack.as_("carol")
    async with bot_at_work(slack, config):
        await alice.command(CHANNEL, "/kick", "audituser bookworm because INC-42")
        await carol.click(await parent_with_buttons(alice), APPROVE)
        await alice.sees("*After*", CHANNEL)

    calls = "\n".join(str(call["args"]) for call in slack.workspace.calls())
    trail = (config.parent / "kickbot.db").read_bytes()
    assert "<!channel>" not in "".join(m.text for m in alice.messages(CHANNEL))
    assert "&lt;!channel&gt;" in calls
    assert "password=[masked]" in calls
    assert "\x1b" not in calls
    assert "hunter2" not in calls
    assert b"hunter2" not in trail


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
async def test_the_sudoers_line_of_the_readme_is_enough(
    request: pytest.FixtureRequest, config: Path, suite: str, logins: Logins
) -> None:
    """With that one line, and nothing else, the bot looks and acts."""
    machine: Machine = request.getfixturevalue(suite)
    line = re.search(r"`(kickbot ALL=[^`]+)`", (Path(__file__).parents[2] / "README.md").read_text())
    assert line
    rules = machine.run("cat", SUDOERS)
    doomed = logins.terminal(machine, "audituser")
    loaded = settings.load(config)
    hosts = SshHosts(loaded.inventory().hosts, [machine.identity], config.parent / "known_hosts")
    try:
        machine.run("sh", "-c", f"echo '{line[1]}' >{SUDOERS}")
        (look,) = [look async for look in hosts.look([suite])]
        assert isinstance(look, Snapshot)
        (session,) = look.of("audituser")
        step = make.step(make.target(look, session), "terminate")
        answer = await hosts.act(step, not_after=HostUptime(look.uptime + 2000))
        assert (answer.status, answer.exit_status) == ("done", 0)
        doomed.wait_end()
    finally:
        machine.run("sh", "-c", f"printf %s {shlex.quote(rules)} >{SUDOERS}")
        await hosts.close()
