"""The bot doesn't go deaf: whatever becomes of its connection, it hears Slack again, or says that it can't."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import app, settings
from bot.audit.sqlite import SqliteTrail
from bot.cli.main import main
from bot.errors import SlackLost
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.socket_mode import Heartbeat, SocketMode
from tests.slack_bot import QUICK_BEAT, start
from tests.whole import configure, secrets_of

SMALL = """
[slack]
incident_channel = "C0INCIDENT"
[ssh]
user = "kickbot"
[[hosts]]
name = "host1"
[[rules]]
hosts = "*"
"""
NOT_DEAF = QUICK_BEAT.model_copy(update={"deaf": 1000.0})
"""What is down is noticed by that alone."""
IMPATIENT = QUICK_BEAT.model_copy(update={"lost": 2.0})


async def is_heard(sandbox: SandboxSlack) -> None:
    """Commands are acknowledged again; those until then are lost, as in Slack."""
    async with asyncio.timeout(60):
        while not (await sandbox.as_("alice").command("incidents", "/kickbot", "help")).ok:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


def addresses(sandbox: SandboxSlack) -> int:
    return len(sandbox.workspace.calls("apps.connections.open"))


def no_addresses(method: str, _args: object) -> Fault | None:
    return Fault(drop=True) if method == "apps.connections.open" else None


async def test_a_failed_handshake_does_not_leave_the_bot_deaf(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """An address of Socket Mode is good for one try: after a failure the bot asks for another one."""
    async with start(sandbox, tmp_path, heartbeat=NOT_DEAF):
        sandbox.socket.refuse_handshakes = 1
        sandbox.socket.drop()
        await is_heard(sandbox)


async def test_a_handshake_that_gets_no_answer_is_given_up(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Slack's client would wait for five minutes, with everyone who comes later."""
    async with start(sandbox, tmp_path, heartbeat=NOT_DEAF):
        sandbox.socket.hang_handshakes = True
        sandbox.socket.drop()
        asked = addresses(sandbox)
        await until(lambda: addresses(sandbox) > asked + 1)
        sandbox.socket.hang_handshakes = False
        await is_heard(sandbox)


async def test_a_start_goes_on_when_the_first_handshake_gets_no_answer(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """It takes another address."""
    sandbox.socket.hang_handshakes = True
    thaw = asyncio.get_running_loop().call_later(0.5, setattr, sandbox.socket, "hang_handshakes", False)
    async with asyncio.timeout(60), start(sandbox, tmp_path, heartbeat=QUICK_BEAT):
        assert thaw.when() < asyncio.get_running_loop().time()
        await is_heard(sandbox)


async def test_a_connection_on_which_nothing_comes_is_made_anew(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """TCP is alive and no ping is answered: the silence is seen although connections stand, and ends with it."""
    async with start(sandbox, tmp_path, heartbeat=QUICK_BEAT) as bot:
        sandbox.socket.frozen = True
        await until(lambda: bot.slack.way.silence() > 1 and sandbox.socket.connections)
        assert bot.slack.way.reconnects
        sandbox.socket.frozen = False
        await is_heard(sandbox)
        await until(lambda: bot.slack.way.silence() < 1)
        assert not bot.slack.way.lost.is_set()


async def test_the_watchdog_does_without_the_clients_own_care(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """With a client that neither pings nor notices anything for an hour, silence alone makes it connect anew."""
    heartbeat = QUICK_BEAT.model_copy(update={"ping": 3600.0, "deaf": 0.3})
    async with start(sandbox, tmp_path, heartbeat=heartbeat):
        (first,) = sandbox.socket.connections
        await until(lambda: first not in sandbox.socket.connections)
        await is_heard(sandbox)


async def test_a_live_connection_is_left_alone(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Pings are answered, and however often that is looked at, nothing is made anew."""
    heartbeat = QUICK_BEAT.model_copy(update={"deaf": 20.0})
    async with start(sandbox, tmp_path, heartbeat=heartbeat) as bot:
        (first,) = sandbox.socket.connections
        await asyncio.sleep(1)
        await until(lambda: bot.slack.way.silence() < 1)
        assert sandbox.socket.connections == [first]
        assert bot.slack.way.reconnects == 0


async def test_a_process_that_can_not_get_through_says_so(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Slack gives out addresses, and nothing comes through from there: a new process may help."""
    async with start(sandbox, tmp_path, heartbeat=IMPATIENT) as bot:
        sandbox.socket.frozen = True
        await asyncio.wait_for(bot.slack.way.lost.wait(), 60)


async def test_an_outage_of_slack_is_waited_out(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """No address at all, for hours: no restart would cure that. When Slack is back, the bot gets its whole time."""
    async with start(sandbox, tmp_path, heartbeat=QUICK_BEAT) as bot:
        way = bot.slack.way
        assert isinstance(way, SocketMode)
        sandbox.workspace.faults = no_addresses
        sandbox.socket.drop()
        before = addresses(sandbox)
        await until(lambda: addresses(sandbox) > before + 3)
        way._heard -= 2 * QUICK_BEAT.lost
        sandbox.socket.hang_handshakes = True  # so that it has to take several addresses
        sandbox.workspace.faults = lambda _method, _args: None
        before = addresses(sandbox)
        await until(lambda: addresses(sandbox) > before + 3)
        assert not way.lost.is_set()
        sandbox.socket.hang_handshakes = False
        await is_heard(sandbox)
        assert not way.lost.is_set()


async def test_a_start_that_never_gets_through_ends(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """It doesn't wait for ever, and the line says what to look at."""
    sandbox.socket.hang_handshakes = True
    heartbeat = Heartbeat(ping=0.1, look=0.05, handshake=0.1, deaf=0.5, lost=1)
    with pytest.raises(BaseExceptionGroup) as stopped:
        async with asyncio.timeout(60), start(sandbox, tmp_path, heartbeat=heartbeat):
            pytest.fail("it is said to be ready")
    assert stopped.group_contains(SlackLost, match="nothing came through .* does the network let WebSockets through")


def test_the_process_of_a_lost_bot_fails_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a supervisor starts a new one, and its log says why."""

    async def lost(*_: object) -> None:
        raise SlackLost(301)

    (tmp_path / "kickbot.toml").write_text(SMALL)
    monkeypatch.setattr(app, "run", lost)
    secrets = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1"}
    done = CliRunner().invoke(main, ["run", "--config", str(tmp_path / "kickbot.toml")], env=secrets)
    assert done.exit_code == 2
    assert "nothing came through from there for 301 s" in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_a_bot_that_is_lost_stops_as_always_and_fails(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Its supervisor starts a new one: the trail is closed, and free for it."""
    async with SandboxHosts.start([HostSpec("host1")]) as hosts:
        host = hosts.hosts["host1"]
        lines = [(host.name, host.address, host.port)]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        running = asyncio.create_task(app.run(settings.load(config), secrets_of(sandbox), IMPATIENT))
        await until(lambda: sandbox.socket.connections)
        sandbox.socket.frozen = True
        with pytest.raises(SlackLost, match="nothing came through"):
            await asyncio.wait_for(running, 60)
    async with SqliteTrail.open(tmp_path / "kickbot.db"):
        pass
