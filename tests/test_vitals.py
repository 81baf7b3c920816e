"""The port of [health] on a running bot, and what its pulse says while its parts are in trouble."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import app, settings
from bot.audit.sqlite import SqliteTrail
from bot.borders import HostsState
from bot.errors import SettingsError, TrailError
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.http_mode import HttpMode
from bot.vitals import Vitals
from tests import make
from tests.fakes import FakeSeconds
from tests.lives import PATIENCE
from tests.ports import free_port
from tests.scene import until
from tests.slack_bot import start
from tests.whole import configure, secrets_of


class Way:
    """A connection to Slack as its tests want it."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.reconnects = 0
        self.seconds = 0.0

    def silence(self) -> float:
        return self.seconds


@asynccontextmanager
async def felt(trail: SqliteTrail, way: Way | None = None) -> AsyncIterator[Vitals]:
    """The pulse of a bot at work on that trail."""
    vitals = Vitals(way or Way(), trail, lambda: HostsState(configured=1), read_every=0.02)
    async with asyncio.TaskGroup() as tasks, vitals.at_work():
        running = tasks.create_task(vitals.run())
        yield vitals
        running.cancel()


async def asked(port: int, path: str) -> tuple[int, str, str]:
    """Status, content type and text."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as said:
        return said.status, said.content_type, await said.text()


# ------------------------------------------------------------------------------------------ the whole bot


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """That of [health], of the whole bot at work on two hosts, of which one is not there."""
    spec = HostSpec("host1", (Login("audituser"),))
    async with SandboxHosts.start([spec]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host, port = hosts.hosts["host1"], free_port()
        lines = [(host.name, host.address, host.port), ("host2", host.address, free_port())]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        config.write_text(config.read_text() + f'[health]\nlisten = "127.0.0.1:{port}"\n')
        async with app.serving(settings.load(config), secrets_of(slack)):
            await slack.as_("alice").command("inc-4711", "/sessions", "host1,host2")
            await slack.as_("alice").sees("audituser", "inc-4711")
            async with asyncio.timeout(PATIENCE):
                while "kickbot_events_recorded_total 1" not in (await asked(port, "/metrics"))[2]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            yield port


async def test_healthz_of_a_bot_at_work(port: int) -> None:
    """200, and in JSON how it is: one event recorded, one host that answered, one that didn't."""
    status, kind, text = await asked(port, "/healthz")
    said: dict[str, Any] = json.loads(text)
    assert (status, kind, said["ready"], said["reasons"]) == (200, "application/json", True, [])
    assert (said["store"]["recorded"], said["open_requests"]) == (1, 0)
    assert {name: said["hosts"][name] for name in ("configured", "answered", "silent")} == {
        "configured": 2,
        "answered": 1,
        "silent": 1,
    }
    assert said["hosts"]["answered_age"] >= 0


async def test_metrics_of_a_bot_at_work(port: int) -> None:
    """The same in Prometheus's words."""
    status, kind, text = await asked(port, "/metrics")
    assert (status, kind) == (200, "text/plain")
    assert "\nkickbot_ready 1\n" in text
    assert "\nkickbot_events_recorded_total 1\n" in text
    assert "\nkickbot_hosts_silent 1\n" in text


async def test_nobody_and_nothing_is_named(port: int) -> None:
    """No person, account, host, channel or token."""
    for path in ("/healthz", "/metrics"):
        text = (await asked(port, path))[2]
        assert not [word for word in ("U0ALICE", "audituser", "host1", "inc-4711", "xoxb", "xapp") if word in text]


async def test_there_is_nothing_else_on_that_port(port: int) -> None:
    """Neither Slack's requests nor any other page."""
    assert (await asked(port, "/slack/events"))[0] == 404
    assert (await asked(port, "/"))[0] == 404


async def test_a_port_that_is_taken_stops_the_start(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """The line names the key."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        vitals = Vitals(Way(), trail, lambda: HostsState(configured=1))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(SettingsError, match=r"health\.listen: can't listen on 127\.0\.0\.1:"):
                async with vitals.shown(*taken.getsockname()):
                    pytest.fail("it listens")


async def test_healthz_before_and_after_work(tmp_path: Path) -> None:
    """503 while the bot starts and while it stops."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        vitals = Vitals(Way(), trail, lambda: HostsState(configured=1))
        async with vitals.shown("127.0.0.1", 0) as port:
            assert "starting" in (await asked(port, "/healthz"))[2]
            async with vitals.at_work():
                assert (await asked(port, "/healthz"))[0] == 200
            status, _, text = await asked(port, "/healthz")
            assert (status, "stopping" in text) == (503, True)


# ------------------------------------------------------------------------------------------ the pulse


async def test_a_silent_slack_is_no_health_and_no_reason_to_restart(tmp_path: Path) -> None:
    """/healthz says so; the supervisor still hears that the bot lives."""
    way = Way()
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail, felt(trail, way) as vitals:
        assert vitals.healthy()
        way.seconds = 3600
        assert not vitals.healthy()
        assert vitals.alive()


async def test_a_trail_that_was_taken_away_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By reading it, without any request; the log names the file, once, the page none. It is well when it is back.

    However long it takes, the supervisor hears that the bot lives: a restart would not cure it.
    """
    clock = FakeSeconds()
    monkeypatch.setattr("bot.vitals.monotonic", clock)
    path = tmp_path / "kickbot.db"
    async with SqliteTrail.open(path) as trail, felt(trail) as vitals:
        shutil.move(path, tmp_path / "away")
        await until(lambda: not vitals.healthy())
        assert "can't be read now" in vitals.in_short()
        assert str(tmp_path) not in vitals.in_short()
        assert [str(path) in record.getMessage() for record in caplog.records] == [True]
        clock.now += 3600
        await until(vitals.alive)
        assert not vitals.healthy()
        shutil.move(tmp_path / "away", path)
        await until(vitals.healthy)


async def test_a_fault_in_reading_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bot goes on; the log has the traceback."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail, felt(trail) as vitals:
        with monkeypatch.context() as broken:
            broken.setattr(trail, "read", lambda _request: 1 / 0)
            await until(lambda: not vitals.healthy())
        await until(vitals.healthy)
        assert "ZeroDivisionError" in caplog.text


async def test_a_trail_that_hangs_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that gives no answer at all: after a while neither healthy nor alive."""
    monkeypatch.setattr("bot.health.TRAIL_PATIENCE", 0.5)
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail, felt(trail) as vitals:
        monkeypatch.setattr(trail, "read", lambda _request: asyncio.Event().wait())
        await until(lambda: not vitals.alive())
        assert "can't be read now" in vitals.in_short()


async def test_an_event_that_could_not_be_recorded_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one that can be makes it well; one that came too late is no trouble of the store's."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail, felt(trail) as vitals:
        record = await trail.append(None, make.asked())
        with pytest.raises(TrailError):
            await trail.append(record.request, make.asked(), after=record.seq + 1)
        assert vitals.healthy()
        with monkeypatch.context() as broken:
            broken.setattr(trail, "_append", _full)
            with pytest.raises(TrailError):
                await trail.append(None, make.asked(key="second"))
        assert "an event could not be recorded" in vitals.in_short()
        await trail.append(None, make.asked(key="second"))
        assert vitals.healthy()
        assert (trail.state().recorded, trail.state().failed) == (2, 1)
        await until(lambda: vitals.facts().open_requests == 2)


def _full(*_: object) -> None:
    raise TrailError("the disk is full")


async def test_a_loop_that_hangs_is_seen_afterwards(tmp_path: Path) -> None:
    """By how late it came."""
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail, felt(trail) as vitals:
        asyncio.get_running_loop().call_later(0.1, time.sleep, 2)
        await until(lambda: vitals.facts().loop_lag > 0.5)


# ------------------------------------------------------------------------------------------ HTTP mode


async def test_in_http_mode_the_bot_asks_whether_slack_is_there(
    sandbox: SandboxSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody may type for hours: it knocks, and an answer ends the silence."""
    monkeypatch.setattr("bot.slack.http_mode.KNOCK_EVERY", 0.05)
    async with HttpMode.open(sandbox.signing_secret, "127.0.0.1", 0) as http, start(sandbox, tmp_path, http=http):
        await sandbox.workspace.until(lambda: sandbox.workspace.calls("api.test"))
        sandbox.workspace.faults = _dropped
        await until(lambda: http.silence() > 1)
        sandbox.workspace.faults = lambda _method, _args: None
        await until(lambda: http.silence() < 0.5)


def _dropped(_method: str, _args: object) -> Fault:
    return Fault(drop=True)


async def test_healthz_for_a_load_balancer_judges_as_the_other_one(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Its port is open to strangers: it says that it isn't well, and not why."""
    async with HttpMode.open(sandbox.signing_secret, "127.0.0.1", 0) as http, start(sandbox, tmp_path, http=http):
        assert (await asked(http.port, "/healthz"))[::2] == (200, "ok")
        http.healthy = lambda: False
        assert (await asked(http.port, "/healthz"))[::2] == (503, "")
