"""Who sees a listing, why, and how all in the channel may see it."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Ephemeral, Fault, Json, Message
from bot.slack.incoming.sharing import SHARE, alone
from tests import make
from tests.slack_bot import POLICY, Bot, sandbox_slack, start

INC = "C0INC4711"
BOT = "U0KICKBOT"


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[Bot]:
    """In a workspace where Kickbot isn't in #inc-4711 yet."""
    async with sandbox_slack() as sandbox:
        everyone = sandbox.workspace.channels[INC].members
        sandbox.workspace.change_channel(INC, members=tuple(member for member in everyone if member != BOT))
        async with start(sandbox, tmp_path) as running:
            yield running


def invite(bot: Bot) -> None:
    bot.sandbox.workspace.change_channel(INC, members=(*bot.sandbox.workspace.channels[INC].members, BOT))


async def told(bot: Bot, words: str) -> Ephemeral:
    """What Alice alone sees."""
    seen = await bot.sandbox.as_("alice").sees(words)
    assert isinstance(seen, Ephemeral)
    return seen


def shared(blocks: Sequence[Json]) -> list[str]:
    """What each [Share here] of a message carries."""
    return [p.element["value"] for p in elements.places(blocks) if p.element["action_id"] == SHARE]


async def offered(bot: Bot) -> Ephemeral:
    """Alice's listing with the button."""
    await bot.sandbox.as_("alice").command("inc-4711", "/sessions", "host1 audituser")
    return await told(bot, "Only you see this: Kickbot is not in this channel.")


async def test_a_listing_can_be_shared_once_the_bot_is_invited(bot: Bot) -> None:
    """The click looks again, and all see what is there by then."""
    private = await offered(bot)
    invite(bot)
    bot.hosts["host1"].logout("7")
    await bot.sandbox.as_("alice").click(private, SHARE)
    seen = await bot.sandbox.as_("bob").sees("host1: 1 session of audituser", "inc-4711")
    assert isinstance(seen, Message)
    assert "Only you see this" not in seen.text
    assert bot.hosts.looks == 2


async def test_each_look_is_recorded(bot: Bot) -> None:
    """The one that is shared too."""
    private = await offered(bot)
    invite(bot)
    await bot.sandbox.as_("alice").click(private, SHARE)
    await bot.sandbox.as_("bob").sees("host1: 2 sessions of audituser", "inc-4711")
    kinds = [r.event.kind for number in (1, 2) for r in await bot.trail.read(RequestId(number))]
    assert kinds == ["looked", "looked"]


async def test_the_button_carries_words_and_no_evidence(bot: Bot) -> None:
    """Nothing of what was seen."""
    (carried,) = shared((await offered(bot)).blocks)
    assert carried == "sessions host1 audituser"


async def test_before_the_bot_is_invited_a_click_shows_nothing(bot: Bot) -> None:
    """No host is asked, and the person reads what is missing."""
    await bot.sandbox.as_("alice").click(await offered(bot), SHARE)
    assert await told(bot, "Nothing was shown: Kickbot is not in this channel. `/invite` it, then click again.")
    assert bot.hosts.looks == 1
    assert not bot.sandbox.workspace.messages


async def test_a_channel_that_is_shared_with_another_company_by_then_shows_nothing(bot: Bot) -> None:
    """Invited or not."""
    private = await offered(bot)
    invite(bot)
    connected = bot.sandbox.workspace.channels[INC].to_slack(BOT) | {"is_ext_shared": True}
    fault = Fault(body={"ok": True, "channel": connected})
    bot.sandbox.workspace.faults = lambda method, _args: fault if method == "conversations.info" else None
    await bot.sandbox.as_("alice").click(private, SHARE)
    assert await told(bot, "Nothing was shown: people of another company can read this channel.")
    assert not bot.sandbox.workspace.messages


async def test_whoever_lost_the_right_to_look_shares_nothing(bot: Bot) -> None:
    """Rights are read at the click."""
    private = await offered(bot)
    invite(bot)
    groups = bot.sandbox.workspace.groups
    groups["S0SRE"] = groups["S0SRE"].model_copy(update={"members": ("U0BOB",)})
    await bot.sandbox.as_("alice").click(private, SHARE)
    assert await told(bot, "may look at host1")
    assert not bot.sandbox.workspace.messages


@pytest.mark.parametrize("value", ["", "x", "kick audituser host1", "help", "sessions nowhere", "{}"])
async def test_a_button_that_is_not_kickbots_shows_nothing(bot: Bot, value: str) -> None:
    """Least of all does it end a session."""
    private = await offered(bot)
    invite(bot)
    blocks = json.loads(json.dumps(private.blocks))
    next(e for block in blocks for e in block.get("elements", ()) if e.get("action_id") == SHARE)["value"] = value
    forged = bot.sandbox.workspace.show(private.model_copy(update={"blocks": tuple(blocks)}))
    await bot.sandbox.as_("alice").click(forged, SHARE)
    await bot.sandbox.workspace.until(lambda: len(bot.sandbox.as_("alice").ephemerals()) > 1)
    assert bot.hosts.looks == 1
    assert not bot.sandbox.workspace.messages
    assert not await bot.trail.read(RequestId(2))


async def test_where_no_evidence_may_stand_there_is_no_button(bot: Bot) -> None:
    """But a line that says where it may."""
    await bot.sandbox.as_("alice").command("random", "/sessions", "host1")
    private = await told(bot, "Only you see this: evidence is shown in <#C0INCIDENT> and `#inc-*` only.")
    assert not shared(private.blocks)


async def test_a_refusal_says_nothing_about_channels(bot: Bot) -> None:
    """There is nothing to be shared."""
    await bot.sandbox.as_("dave").command("inc-4711", "/sessions", "host1")
    seen = await bot.sandbox.as_("dave").sees("may look at host1")
    assert "Only you see this" not in seen.text


# -- pure ----------------------------------------------------------------------------------------------


def shown(**channel: Any) -> str:
    return "\n".join(part.text for part in alone(POLICY, make.channel(**channel), "sessions host1"))


def has_button(**channel: Any) -> bool:
    return bool(shared([part.block for part in alone(POLICY, make.channel(**channel), "sessions host1")]))


def test_a_channel_shared_with_another_company_is_never_offered() -> None:
    """Though the configuration names it."""
    assert not has_button(shared=True)
    assert not has_button(shared=True, member=False)
    assert "people of another company" in shown(shared=True)


def test_many_places_are_counted() -> None:
    """The line stays short."""
    policy = make.team_policy(channels=tuple(f"C0OPS{n}" for n in range(20)))
    (part,) = alone(policy, make.channel("C0RANDOM"), "sessions host1")
    assert part.text.endswith("<#C0OPS6> and 13 more only.")
