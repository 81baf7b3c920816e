"""What arrives too late is answered, not asked; through unmodified bolt, both ways, and after a real sleep."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.audit import reading
from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.nouns import Ephemeral
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack
from bot.slack.content.kick_form import REASON
from bot.slack.content.tickets import APPROVE, FORCE
from bot.slack.incoming.arrivals import Pulse
from bot.slack.tokens import SCOPES
from bot.states import State
from tests.dying_bot import Life
from tests.lives import PATIENCE
from tests.lives import bot as life
from tests.make import INCIDENT
from tests.slack_bot import Bot, open_port, start
from tests.test_kick_forms import chosen, opened
from tests.test_listeners import answered, asked
from tests.test_next_level import FORCEFUL, request_of, survived
from tests.whole import CHANNEL, add_to_rule, configure

KICK = "audituser host1 because INC-42"
LATE = 200
"""Seconds by which Slack's clock is behind ours: so late arrives whatever it dates. A kick may be 60 late."""
TOLD = "You may have sent this 3 min ago: it arrived only now, so nothing was asked. Send it again if it still holds."


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxSlack]:
    """A workspace where everything happened a while ago."""
    workspace = demo_workspace(clock=lambda: time.time() - LATE)
    workspace.change_app(scopes=SCOPES)
    async with SandboxSlack.start(workspace) as running:
        yield running


@pytest.fixture
async def over_http(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with open_port(sandbox) as http, start(sandbox, tmp_path, http=http) as running:
        yield running


async def nothing_asked(bot: Bot) -> bool:
    return not await bot.trail.requests(listings=False, limit=1)


# -- by Slack's own time -------------------------------------------------------------------------------


async def test_a_late_command_over_http_is_answered_and_not_asked(over_http: Bot) -> None:
    """Slack signed it minutes ago: nothing is recorded, no host is looked at."""
    await over_http.sandbox.as_("alice").command(INCIDENT, "/kick", KICK)
    assert (await answered(over_http, "alice", "ago")).text == TOLD
    assert await nothing_asked(over_http)
    assert not over_http.hosts.looks


async def test_a_late_mention_is_answered_and_not_asked(bot: Bot) -> None:
    """The message says when it was written."""
    await bot.sandbox.as_("alice").say("incidents", f"<@U0KICKBOT> kick {KICK}")
    assert (await answered(bot, "alice", "ago")).text == TOLD
    assert await nothing_asked(bot)


async def test_a_late_form_over_http_is_answered_and_not_asked(over_http: Bot) -> None:
    """In a message: nobody looks at the form any more."""
    form = await chosen(over_http, await opened(over_http))
    outcome = await over_http.sandbox.as_("alice").submit(form, {REASON: "INC-42"})
    assert not outcome.response
    assert (await answered(over_http, "alice", "ago")).text == TOLD
    assert await nothing_asked(over_http)


async def test_a_late_listing_is_answered(over_http: Bot) -> None:
    """It is as good as one that was asked for now."""
    await over_http.sandbox.as_("alice").command(INCIDENT, "/sessions", "host1")
    await over_http.sandbox.as_("bob").sees("host1: 3 sessions of 2 people", "incidents")


async def test_a_late_click_on_the_next_level_asks_nothing(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """It would be a new request. The approval before it counted, however late: it is judged when it arrives."""
    async with start(sandbox, tmp_path, policy=FORCEFUL) as bot:
        parent = await survived(bot)
        first = await request_of(bot, parent)
        await sandbox.as_("bob").click(parent, FORCE)
        assert (await answered(bot, "bob", "ago")).text == TOLD
        assert [r[0].request for r in await bot.trail.requests(limit=9)] == [first]


async def test_a_late_approval_in_time_counts(bot: Bot) -> None:
    """Whoever decides is judged by the moment at which it arrives."""
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    assert replay(await bot.trail.read(RequestId(1))).state is State.CLOSED


# -- after a sleep -------------------------------------------------------------------------------------


async def test_what_waited_longer_than_slack_takes_answers_is_answered_in_person(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response_url lives for half an hour; nothing is lost without a word."""
    monkeypatch.setattr(Pulse, "waited", lambda _pulse: 3600.0)
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", KICK)
    assert await bot.sandbox.as_("alice").sees("You may have sent this 1 h ago", "@kickbot")
    assert await nothing_asked(bot)


@asynccontextmanager
async def asleep(process: int) -> AsyncIterator[None]:
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


async def test_a_command_that_waited_while_the_bot_slept_is_answered_and_not_asked(tmp_path: Path) -> None:
    """The real process, stopped for longer than the rule allows. What is sent again some moments later is asked."""
    spec = HostSpec("host1", (Login("audituser"), Login("alice")))
    async with SandboxHosts.start([spec]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host, alice = hosts.hosts["host1"], slack.as_("alice")
        lines = [("host1", host.address, host.port)]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        add_to_rule(config, 'late = "6s"')
        async with life(config, slack, Life(tmp_path / "passed", tmp_path / "fate")) as process:
            assert process.pid
            async with asleep(process.pid):
                said = await alice.command(CHANNEL, "/kick", KICK)
                assert said.error == "operation_timeout"
                await asyncio.sleep(8)
            await told(alice)
            assert not reading.list_requests(tmp_path / "kickbot.db")
            async with asyncio.timeout(PATIENCE):
                while not reading.list_requests(tmp_path / "kickbot.db"):
                    await alice.command(CHANNEL, "/kick", KICK)
                    await asyncio.sleep(1)
            await alice.sees("waiting for approval", CHANNEL, seconds=PATIENCE)


async def told(person: Persona) -> Ephemeral:
    """That it came too late."""
    seen = await person.sees("it arrived only now, so nothing was asked", CHANNEL, seconds=PATIENCE)
    assert isinstance(seen, Ephemeral)
    return seen
