"""Clicks on what a closed request offers next, and on a warning: through unmodified bolt, each with an answer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.lifecycle import replay
from bot.models import Act, Kick, RequestId
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE, CANCEL, FORCE
from bot.states import State
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.test_listeners import answered, asked

FORCEFUL = POLICY.model_copy(
    update={"rules": tuple(r.model_copy(update={"acts": frozenset({Act.KICK, Act.FORCE})}) for r in POLICY.rules)}
)


@pytest.fixture
async def bot(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with start(sandbox, tmp_path, policy=FORCEFUL) as running:
        yield running


async def survived(bot: Bot) -> Message:
    """Session 7 ignores the polite signals; the parent offers the next level."""
    host = bot.hosts["host1"]
    host.stubborn, host.ended_by = {"7"}, {"force"}
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    seen = await bot.sandbox.as_("alice").sees("1 of 2 sessions of audituser is still on host1", "incidents")
    assert isinstance(seen, Message)
    return seen


async def request_of(bot: Bot, parent: Message) -> RequestId:
    value = next(b["elements"][0]["value"] for b in parent.blocks if b["type"] == "actions")
    return RequestId(json.loads(value)["request"])


async def test_what_survived_is_forced_by_a_new_request_with_its_own_approval(bot: Bot) -> None:
    """Bob asks, Carol approves, and the new card names the request before."""
    parent = await survived(bot)
    first = await request_of(bot, parent)
    await bot.sandbox.as_("bob").click(parent, FORCE)
    assert await answered(bot, "bob", "Looking at host1 for sessions of audituser. The request will stand here.")
    question = await bot.sandbox.as_("carol").sees(f"Next step after request {first}.", "incidents")
    assert isinstance(question, Message)
    assert "*Force audituser off host1?*" in question.text
    assert "7" in bot.hosts["host1"].sessions
    await bot.sandbox.as_("carol").click(question, APPROVE)
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    command = replay(await bot.trail.read(await request_of(bot, question))).command
    assert isinstance(command, Kick)
    assert (command.after, command.force) == (first, True)


async def test_whoever_may_not_ask_is_refused_the_next_level(bot: Bot) -> None:
    """Dave is in no group: the button is there for all to see, and no is the answer."""
    parent = await survived(bot)
    await bot.sandbox.as_("dave").click(parent, FORCE)
    assert await answered(bot, "dave", "Only <!subteam^S0SRE> may ask")


async def test_a_stale_button_still_gets_an_answer(bot: Bot) -> None:
    """What it offered isn't there: forged, or of another plan."""
    parent = await survived(bot)
    blocks = json.loads(json.dumps(parent.blocks))
    button = next(block for block in blocks if block["type"] == "actions")["elements"][0]
    button["value"] = json.dumps({"request": json.loads(button["value"])["request"], "plan": "0" * 64})
    bot.sandbox.workspace.edit(parent, parent.current.model_copy(update={"blocks": tuple(blocks)}))
    await bot.sandbox.as_("bob").click(bot.sandbox.workspace.message(parent.channel, parent.ts), FORCE)
    assert await answered(bot, "bob", "left nothing for a next step. Nothing was asked.")


async def test_an_approver_stops_what_was_announced(bot: Bot) -> None:
    """The last word before the act; nothing is ended."""
    parent = await asked(bot, INCIDENT, "audituser host1 warn 5m because INC-42")
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    told = await bot.sandbox.as_("alice").sees("audituser was told on pts/3", "incidents")
    assert isinstance(told, Message)
    await bot.sandbox.as_("bob").click(told, CANCEL)
    assert await answered(bot, "bob", "You stopped request ")
    await bot.sandbox.as_("alice").sees("*Stopped by <@U0BOB>:* nothing was ended", "incidents")
    assert replay(await bot.trail.read(await request_of(bot, parent))).state is State.CANCELLED
    assert not bot.hosts["host1"].ended
