"""A hostile member, or who speaks in Slack's name: forged, changed, misplaced. It ends in an answer, and no yes."""

import asyncio
import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.events import Asked, DecisionRefused
from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox.nouns import Ephemeral, Message
from bot.slack.content.tickets import APPROVE, DENY
from bot.states import State
from tests.lives import PATIENCE
from tests.make import INCIDENT
from tests.slack_bot import Bot
from tests.test_kick_forms import chosen, opened

Json = dict[str, Any]
KICK = "audituser host1 because INC-42"
UNREADABLE = "Kickbot can't read what Slack sent for this. Nothing was done"


async def asked(bot: Bot) -> Message:
    """Alice asks; the parent with its buttons."""
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", KICK)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval")
    assert isinstance(parent, Message)
    return parent


def sent(bot: Bot, kind: str) -> Json:
    """A copy of the newest thing of that kind that Slack has sent."""
    payloads = (delivery.payload for delivery in reversed(bot.sandbox.socket.deliveries))
    return deepcopy(next(p for p in payloads if p.get("type", "command") == kind))


async def forged(bot: Bot, payload: Json, **changes: Any) -> None:
    """The same with another trigger, so that it isn't taken for a repetition, and with those changes."""
    await bot.slack.app.async_dispatch(
        AsyncBoltRequest(mode="socket_mode", body={**payload, "trigger_id": "9.9.forged", **changes})
    )


async def told(bot: Bot, who: str, words: str) -> Ephemeral | Message:
    return await bot.sandbox.as_(who).sees(words)


async def state(bot: Bot) -> State:
    return replay(await bot.trail.read(RequestId(1))).state


async def refused(bot: Bot) -> set[str]:
    """Those whose decision did not count."""
    return {r.event.who for r in await bot.trail.read(RequestId(1)) if isinstance(r.event, DecisionRefused)}


# -- of another shape ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"actions": []},
        {"actions": True},
        {"actions": [{"action_id": APPROVE}]},
        {"user": "U0CAROL"},
        {"user": {"id": 7}},
        {"user": {}},
        {"container": None},
        {"channel": {"id": "C0 INCIDENT"}},
        {"trigger_id": "\ud800"},
        {"event": "app_mention"},
    ],
    ids=str,
)
async def test_a_click_of_another_shape_is_answered(bot: Bot, changes: Json, caplog: pytest.LogCaptureFixture) -> None:
    """It reaches no listener, is no fault in Kickbot, and whoever clicked reads that nothing was done."""
    parent = await asked(bot)
    await bot.sandbox.as_("dave").click(parent, APPROVE)
    await told(bot, "dave", "may approve on host1")
    await forged(bot, sent(bot, "block_actions"), **changes)
    await told(bot, "dave", UNREADABLE)
    assert await state(bot) is State.PENDING
    assert "a fault in Kickbot" not in caplog.text


@pytest.mark.parametrize("changes", [{"user_id": None}, {"channel_id": ["C0INCIDENT"]}, {"text": {}}], ids=str)
async def test_a_command_of_another_shape_is_answered(bot: Bot, changes: Json) -> None:
    """The same for what was typed."""
    await bot.sandbox.as_("alice").command(INCIDENT, "/kickbot", "help")
    await forged(bot, sent(bot, "command"), command="/kick", **changes)
    await told(bot, "alice", UNREADABLE)
    assert not await bot.trail.open_requests()


@pytest.mark.parametrize("metadata", ["", "{}", "[]", "null", '{"ticket":{},"channel":"C0INCIDENT"}', "[" * 5_000])
async def test_a_denial_whose_metadata_is_not_kickbots_denies_nothing(bot: Bot, metadata: str) -> None:
    """It no longer says what it is about, nor where it came from."""
    parent = await asked(bot)
    await bot.sandbox.as_("bob").click(parent, DENY)
    form = await bot.sandbox.as_("bob").sees_modal()
    await bot.sandbox.as_("bob").submit(form, {})
    await told(bot, "alice", "Denied by")
    payload = sent(bot, "view_submission")
    await forged(bot, payload, view={**payload["view"], "id": "V0FORGED", "private_metadata": metadata})
    assert [record.event.kind for record in await bot.trail.read(RequestId(1))].count("denied") == 1


@pytest.mark.parametrize("metadata", ["", "{}", "x", '{"channel":1}'])
async def test_a_kick_form_whose_metadata_is_not_kickbots_is_answered(bot: Bot, metadata: str) -> None:
    """In person, since it no longer says where it came from."""
    payload = await _form(bot)
    await forged(bot, payload, view={**payload["view"], "id": "V0FORGED", "private_metadata": metadata})
    await told(bot, "alice", "This form isn't one that Kickbot knows")


async def _form(bot: Bot) -> Json:
    """What Slack sends for a form that Alice has filled in."""
    form = await chosen(bot, await opened(bot))
    await bot.sandbox.as_("alice").submit(form, {})
    return sent(bot, "view_submission")


# -- of the right shape --------------------------------------------------------------------------------


async def test_a_number_that_no_trail_holds_is_no_request(bot: Bot) -> None:
    """A button with a number beyond every store's integers isn't Kickbot's."""
    parent = await asked(bot)
    await bot.sandbox.as_("dave").click(parent, APPROVE)
    payload = sent(bot, "block_actions")
    action = {**payload["actions"][0], "value": json.dumps({"request": 10**30, "plan": "0" * 64})}
    await forged(bot, payload, actions=[action])
    await told(bot, "dave", "This button isn't one that Kickbot knows.")


async def test_a_replayed_click_of_another_person_counts_as_that_persons(bot: Bot) -> None:
    """Who clicked is Slack's word alone: the same button in the asker's name approves nothing."""
    parent = await asked(bot)
    await bot.sandbox.as_("dave").click(parent, APPROVE)
    payload = sent(bot, "block_actions")

    async def clicked_by(who: str) -> None:
        await forged(bot, payload, trigger_id=f"9.9.{who}", user={"id": who, "username": "carol", "name": "carol"})

    await clicked_by("U0ALICE")
    # Dave's response_url it is, and after five answers it is used up
    await told(bot, "dave", "You asked for this one, so you can't approve it.")
    others = ("U0GUS", "U0ZOE", "U0KICKBOT", "U0NOBODY", "S0LEADS")
    for who in others:
        await clicked_by(who)
    async with asyncio.timeout(PATIENCE):
        while await refused(bot) != {"U0DAVE", "U0ALICE", *others}:  # noqa: ASYNC110 - only the trail tells
            await asyncio.sleep(0.01)
    assert await state(bot) is State.PENDING
    assert not bot.hosts.acts


async def test_a_click_from_another_channel_takes_no_evidence_there(bot: Bot) -> None:
    """Carol's approval counts wherever the message is said to stand, and everything is told where the request lives."""
    parent = await asked(bot)
    await bot.sandbox.as_("dave").click(parent, APPROVE)
    payload = sent(bot, "block_actions")
    carol = {"id": "U0CAROL", "username": "carol"}
    await forged(bot, payload, user=carol, channel={"id": "C0RANDOM"}, container={"channel_id": "C0RANDOM"})
    await told(bot, "alice", "audituser is off host1")
    assert not _in(bot, "C0RANDOM")


@pytest.mark.parametrize("channel", ["C0RANDOM", "C0NONE", "D0BOB"])
async def test_a_form_with_another_channels_id_takes_no_evidence_there(bot: Bot, channel: str) -> None:
    """A request lives where its rules let it, whatever the form says of where it was opened."""
    payload = await _form(bot)
    known = json.loads(payload["view"]["private_metadata"]) | {"channel": channel}
    await forged(bot, payload, view={**payload["view"], "id": "V0FORGED", "private_metadata": json.dumps(known)})
    asked = [e for e in await _events(bot) if isinstance(e, Asked)]
    assert {each.home for each in asked} <= {INCIDENT}
    assert not _in(bot, channel)


@pytest.mark.parametrize("change", [lambda t: {**t, "request": 2}, lambda t: {**t, "plan": "0" * 64}])
async def test_a_denial_of_another_request_or_plan_denies_nothing(bot: Bot, change: Callable[[Json], Json]) -> None:
    """The form's ticket was changed: what it names is looked up like any other."""
    parent = await asked(bot)
    await bot.sandbox.as_("alice").click(parent, DENY)
    await bot.sandbox.as_("alice").submit(await bot.sandbox.as_("alice").sees_modal(), {})
    payload = sent(bot, "view_submission")
    known = json.loads(payload["view"]["private_metadata"])
    view = {**payload["view"], "private_metadata": json.dumps({**known, "ticket": change(known["ticket"])})}
    await forged(bot, payload, view=view, user={"id": "U0BOB"})
    assert await state(bot) is State.PENDING


def _in(bot: Bot, channel: str) -> list[Message]:
    return [message for message in bot.sandbox.workspace.messages.values() if message.channel == channel]


async def _events(bot: Bot) -> list[Any]:
    return [record.event for number in range(1, 10) for record in await bot.trail.read(RequestId(number))]
