"""Several people at the same moment, and late ones: one result, and each of them gets an answer."""

import asyncio

import pytest

from bot.events import Expired
from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Message
from bot.slack.content.deny_form import DENY_FORM
from bot.slack.content.tickets import AGAIN, APPROVE, DENY
from bot.states import State
from tests.make import INCIDENT
from tests.slack_bot import Bot


async def asked(bot: Bot, words: str = "audituser host1 because INC-42") -> Message:
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", words)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval")
    assert isinstance(parent, Message)
    return parent


def told(bot: Bot, who: str) -> list[str]:
    """What only this person sees."""
    return [e.text for e in bot.sandbox.workspace.ephemerals.values() if e.reader == f"U0{who.upper()}"]


async def kinds(bot: Bot) -> list[str]:
    return [r.event.kind for r in await bot.trail.read(RequestId(1))]


async def test_two_approvers_at_the_same_moment(bot: Bot) -> None:
    """One of them approves, the other one reads who did; each session is ended once."""
    parent = await asked(bot)
    bob, carol = bot.sandbox.as_("bob"), bot.sandbox.as_("carol")
    await asyncio.gather(bob.click(parent, APPROVE), carol.click(parent, APPROVE))
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    await bot.sandbox.workspace.until(lambda: bool(told(bot, "bob")) and bool(told(bot, "carol")))
    answers = [*told(bot, "bob"), *told(bot, "carol")]
    assert sum("You approved request 1" in answer for answer in answers) == 1
    assert sum("Nothing was done by your click." in answer for answer in answers) == 1
    assert (await kinds(bot)).count("approved") == 1
    assert len(bot.hosts.acts) == len({step.target.identity for step in bot.hosts.acts}) == 2


async def test_approving_and_denying_at_the_same_moment(bot: Bot) -> None:
    """The first one counts, whichever it is, and the other one is told so."""
    parent = await asked(bot)
    bob, carol = bot.sandbox.as_("bob"), bot.sandbox.as_("carol")
    await bob.click(parent, DENY)
    form = await bob.sees_modal()
    assert form.content["callback_id"] == DENY_FORM
    await asyncio.gather(carol.click(parent, APPROVE), bob.submit(form, {"reason": "he is on call"}))
    await bot.sandbox.workspace.until(lambda: bool(told(bot, "bob")) and bool(told(bot, "carol")))
    await bot.sandbox.as_("alice").sees("asked by", "incidents")
    decided = [kind for kind in await kinds(bot) if kind in {"approved", "denied"}]
    assert len(decided) == 1
    assert (decided == ["approved"]) is any("You approved" in text for text in told(bot, "carol"))
    assert (decided == ["denied"]) is any("You denied" in text for text in told(bot, "bob"))
    assert len(bot.hosts.acts) == (2 if decided == ["approved"] else 0)


async def test_a_click_on_a_message_of_last_week(bot: Bot) -> None:
    """The request has ended, and this screen still shows its buttons: the click is answered, and nothing is done."""
    parent = await asked(bot)
    await bot.sandbox.as_("bob").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    acts = len(bot.hosts.acts)
    for who in ("carol", "alice", "dave"):
        await bot.sandbox.as_(who).click(parent, APPROVE, stale=True)
        await bot.sandbox.workspace.until(lambda who=who: bool(told(bot, who)))  # type: ignore[misc]
    assert "Nothing was done by your click." in told(bot, "carol")[-1]
    assert len(bot.hosts.acts) == acts


async def test_an_expired_request_is_asked_again_with_the_same_words(bot: Bot) -> None:
    """Whoever presses it asks anew: a new request with the same command, which needs its own approval."""
    parent = await asked(bot, "audituser host1 session 7 because INC-42")
    first = replay(await bot.trail.read(RequestId(1)))
    await bot.trail.append(RequestId(1), Expired())
    bot.workflow._ledger.forget(RequestId(1))
    over = await bot.sandbox.as_("alice").sees("nobody decided until", "incidents")
    await bot.sandbox.as_("alice").click(over, AGAIN)
    again = await bot.sandbox.workspace.until(lambda: _other(bot, parent))
    assert any(place.element["action_id"] == APPROVE for place in elements.places(again.blocks))
    opened = await bot.trail.open_requests()
    second = replay(await bot.trail.read(opened[-1]))
    assert second.command == first.command
    assert second.state is State.PENDING


def _other(bot: Bot, parent: Message) -> Message | None:
    found = (m for m in bot.sandbox.workspace.messages.values() if "waiting for approval" in m.text)
    return next((m for m in found if m.ts != parent.ts), None)


@pytest.mark.parametrize(
    "reason",
    ["<!everyone> <@U0EVE> <http://x|y>", "🔥" * 200, "a\nb\r\n\tc", "`*_~ ```", "x" * 1_000],
)
async def test_a_reason_is_only_ever_words(bot: Bot, reason: str) -> None:
    """Emoji, markup, line breaks, mentions: they stand in the request as they are, and call nobody."""
    parent = await asked(bot, f"audituser host1 because {reason}")
    assert "<!everyone>" not in parent.text
    assert "<@U0EVE>" not in parent.text
    assert "<http://x" not in parent.text
    assert '"broadcast"' not in str(parent.blocks)


async def test_a_reason_of_five_thousand_characters_is_refused_in_words(bot: Bot) -> None:
    """It says how long one may be, and nothing is asked."""
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", f"audituser host1 because {'x' * 5_000}")
    await bot.sandbox.workspace.until(lambda: bool(told(bot, "alice")))
    assert "That reason is too long: at most 1000 characters." in told(bot, "alice")[-1]
    assert not await bot.trail.open_requests()
