"""What people type and click, through unmodified bolt: every no is recorded and answered, and runs nothing."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit.sqlite import utc_now
from bot.events import DecisionRefused, Event
from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Ephemeral, Fault, Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE, CANCEL, DENY
from bot.states import State
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start

KICK = "audituser host1 because INC-42"


async def asked(bot: Bot, channel: str = INCIDENT, words: str = KICK) -> Message:
    """Alice asks; the parent with its buttons."""
    await bot.sandbox.as_("alice").command(channel, "/kick", words)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval")
    assert isinstance(parent, Message)
    return parent


async def answered(bot: Bot, who: str, words: str) -> Ephemeral:
    """What only this person sees."""
    seen = await bot.sandbox.workspace.until(lambda: _mine(bot, who, words))
    assert isinstance(seen, Ephemeral)
    return seen


def _mine(bot: Bot, who: str, words: str) -> Ephemeral | None:
    mine = [e for e in bot.sandbox.workspace.ephemerals.values() if e.reader == f"U0{who.upper()}"]
    return next((e for e in reversed(mine) if words in e.text), None)


async def recorded(bot: Bot, number: int = 1) -> Sequence[Event]:
    return [r.event for r in await bot.trail.read(RequestId(number))]


async def state(bot: Bot, number: int = 1) -> State:
    return replay(await bot.trail.read(RequestId(number))).state


# -- approving -----------------------------------------------------------------------------------------


async def test_a_second_person_approves_and_the_sessions_end(bot: Bot) -> None:
    """The whole way, and alice stays."""
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    assert list(bot.hosts["host1"].sessions) == ["12"]
    assert await answered(
        bot, "carol", "You approved request 1: 2 sessions of audituser on host1 end now, and the result will stand"
    )


@pytest.mark.parametrize(
    ("who", "change", "answer"),
    [
        ("alice", {}, "You asked for this one, so you can't approve it. <@U0BOB> or <@U0CAROL> can."),
        ("dave", {}, "Only <!subteam^S0LEADS> may approve on host1. You are not among them."),
        ("gus", {}, "A guest can't use Kickbot"),
        ("carol", {"deleted": True}, "This Slack account is deactivated"),
        ("carol", {"team_id": "T0OTHER"}, "Someone from another workspace can't use Kickbot"),
        ("carol", {"is_stranger": True}, "Someone from another workspace can't use Kickbot"),
        ("carol", {"is_ultra_restricted": True}, "A guest can't use Kickbot"),
    ],
)
async def test_whoever_may_not_approve_is_refused_recorded_and_answered(
    bot: Bot, who: str, change: dict[str, Any], answer: str
) -> None:
    """The asker, someone outside the group, a guest, a deactivated member and a stranger: nothing happens."""
    parent = await asked(bot)
    persona = bot.sandbox.as_(who)
    clicking = asyncio.create_task(_click_while(bot, persona.id, change, parent))
    assert await answered(bot, who, answer)
    await clicking
    assert (await recorded(bot))[-1].kind == "decision_refused"
    assert await state(bot) is State.PENDING
    assert not bot.hosts.acts


async def _click_while(bot: Bot, who: str, change: dict[str, Any], parent: Message) -> None:
    """The click leaves the person's Slack before what the administrators change about the person."""
    persona = bot.sandbox.as_(who)
    clicking = asyncio.create_task(persona.click(parent, APPROVE))
    await asyncio.sleep(0)
    bot.sandbox.workspace.change_person(who, **change)
    await clicking


async def test_the_owner_of_the_sessions_may_not_approve(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Bob's own account: Bob is a lead, and can't decide about it."""
    policy = POLICY.model_copy(update={"owners": {"audituser": frozenset({"U0BOB"})}})
    async with start(sandbox, tmp_path, policy=policy) as bot:
        parent = await asked(bot)
        await sandbox.as_("bob").click(parent, APPROVE)
        assert await answered(bot, "bob", "audituser is your own account, so you can't decide about it.")
        assert await state(bot) is State.PENDING


async def test_a_second_approval_does_nothing(bot: Bot) -> None:
    """Whoever still has the buttons on the screen reads who was faster."""
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    await bot.sandbox.as_("bob").click(parent, APPROVE, stale=True)
    assert await answered(bot, "bob", "Nothing was done by your click.")
    assert [e.kind for e in await recorded(bot)].count("approved") == 1
    assert len(bot.hosts.acts) == 2


async def test_an_approval_of_another_plan_is_refused(bot: Bot) -> None:
    """A button that carries another plan's hash approves nothing."""
    parent = await asked(bot)
    forged = json.dumps({"request": 1, "plan": "0" * 64})
    _change_button(bot, parent, forged)
    await bot.sandbox.as_("carol").click(bot.sandbox.workspace.message(parent.channel, parent.ts), APPROVE)
    assert await answered(bot, "carol", "This button belongs to an older state of the request.")
    assert isinstance((await recorded(bot))[-1], DecisionRefused)
    assert await state(bot) is State.PENDING


@pytest.mark.parametrize("value", ["", "x", "[]", "{}", '{"request": "1", "plan": 2, "x": 3}', '{"request":1e99}'])
async def test_a_button_that_is_not_kickbots_is_answered(bot: Bot, value: str) -> None:
    """A value that nobody of Kickbot wrote runs nothing."""
    parent = await asked(bot)
    _change_button(bot, parent, value)
    await bot.sandbox.as_("carol").click(bot.sandbox.workspace.message(parent.channel, parent.ts), APPROVE)
    assert await answered(bot, "carol", "This button isn't one that Kickbot knows.")
    assert await state(bot) is State.PENDING


async def test_a_request_that_does_not_exist_is_answered(bot: Bot) -> None:
    """A number from nowhere."""
    parent = await asked(bot)
    _change_button(bot, parent, json.dumps({"request": 99, "plan": "0" * 64}))
    await bot.sandbox.as_("carol").click(bot.sandbox.workspace.message(parent.channel, parent.ts), APPROVE)
    assert await answered(bot, "carol", "There is no such request.")


def _change_button(bot: Bot, parent: Message, value: str) -> None:
    """Another value behind every button of the message."""
    blocks = json.loads(json.dumps(parent.blocks))
    for element in next(block for block in blocks if block["type"] == "actions")["elements"]:
        element["value"] = value
    bot.sandbox.workspace.edit(parent, parent.current.model_copy(update={"blocks": tuple(blocks)}))


async def test_a_late_approval_is_refused(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """After the time to decide, the button does nothing, whether or not the expiry stands there already."""
    ahead = timedelta(0)
    async with start(sandbox, tmp_path, clock=lambda: utc_now() + ahead) as bot:
        parent = await asked(bot)
        ahead = timedelta(hours=1)
        await sandbox.as_("carol").click(parent, APPROVE, stale=True)
        both = "nobody had decided in time", "it is too late"
        await sandbox.workspace.until(lambda: any(_mine(bot, "carol", words) for words in both))
        await sandbox.as_("alice").sees("nobody decided until", "incidents")
        assert not bot.hosts.acts


async def test_when_slack_does_not_say_who_someone_is_the_answer_is_no(bot: Bot) -> None:
    """A failed lookup refuses, and says to try again."""
    parent = await asked(bot)
    fault = Fault.refused("user_not_found")
    bot.sandbox.workspace.faults = lambda method, _args: fault if method == "users.info" else None
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    assert await answered(bot, "carol", "so the answer is no")
    assert await state(bot) is State.PENDING


# -- denying and cancelling ----------------------------------------------------------------------------


async def test_denying_asks_why_and_tells_everyone(bot: Bot) -> None:
    """The form, the parent without buttons, and the reason as text."""
    parent = await asked(bot)
    bob = bot.sandbox.as_("bob")
    await bob.click(parent, DENY)
    form = await bob.sees_modal()
    await bob.submit(form, {"reason": "he is on call,\ntalk to <!channel> first"})
    seen = await bot.sandbox.as_("alice").sees("denied the plan", "incidents")
    assert "he is on call, talk to &lt;!channel&gt; first" in seen.text
    assert await answered(bot, "bob", "You denied request 1. Nothing was done.")
    await bot.sandbox.as_("alice").sees("*Denied by <@U0BOB>:* _he is on call", "incidents")
    shown = bot.sandbox.workspace.message(parent.channel, parent.ts)
    assert not list(elements.places(shown.blocks))
    assert await state(bot) is State.DENIED


async def test_the_asker_can_not_deny_but_cancel(bot: Bot) -> None:
    """Denying is for those who may approve; taking back is for the asker."""
    parent = await asked(bot)
    alice = bot.sandbox.as_("alice")
    await alice.click(parent, DENY)
    await alice.submit(await alice.sees_modal(), {})
    assert await answered(bot, "alice", "You asked for this one")
    await bot.sandbox.as_("bob").click(parent, CANCEL)
    assert await answered(bot, "bob", "Only <@U0ALICE>, who asked, can cancel this. Who may approve it can deny it.")
    await alice.click(parent, CANCEL)
    assert await answered(bot, "alice", "You cancelled request 1. Nothing was done.")
    await alice.sees("Cancelled", "incidents")
    assert await state(bot) is State.CANCELLED


# -- typing --------------------------------------------------------------------------------------------


async def test_a_listing_is_for_all_where_evidence_may_stand(bot: Bot) -> None:
    """In the incident channel everyone sees who is logged in."""
    await bot.sandbox.as_("alice").command("incidents", "/sessions", "host1")
    seen = await bot.sandbox.as_("bob").sees("host1: 3 sessions of 2 people")
    assert isinstance(seen, Message)


async def test_a_listing_elsewhere_is_for_the_asker_alone(bot: Bot) -> None:
    """Addresses and command lines don't go into just any channel."""
    await bot.sandbox.as_("alice").command("random", "/sessions", "host1")
    assert await answered(bot, "alice", "host1: 3 sessions of 2 people")
    assert not bot.sandbox.workspace.messages


async def test_a_listing_that_is_refused_shows_nothing(bot: Bot) -> None:
    """Dave is in no group that may look."""
    await bot.sandbox.as_("dave").command("incidents", "/sessions", "host1")
    assert await answered(bot, "dave", "Only <!subteam^S0SRE> may look at host1.")
    assert not bot.sandbox.workspace.messages
    assert not bot.hosts.looks


@pytest.mark.parametrize(
    ("command", "words", "answer"),
    [
        ("/kick", "help", "who, then where"),
        ("/kick", "audituser", "On which host? `/kick audituser HOSTS`, or `/kick` alone for a form."),
        ("/kick", "audituser hots1", "There is no host `hots1`. Did you mean `host1`?"),
        ("/kick", "x; reboot", "not a login name"),
        ("/kick", "x reboot;", "not a host name"),
        ("/kick", "audituser <!channel>", "!channel"),
        ("/sessions", "<!channel>", "!channel"),
        ("/sessions", "$(id)", "not a host name"),
        ("/sessions", "@a;touch${IFS}x", "not a group of hosts"),
        ("/sessions", "web[1-999999999]", "too large a range"),
        ("/sessions", "-rf", "not a host name"),
        ("/sessions", "../..", "not a host name"),
        ("/sessions", "h" * 300, "too long"),
        ("/sessions", "host1\u202e", "invisible character"),
        ("/kickbot", "help", "/sessions HOSTS [USER]"),
        ("/kickbot", "dance", "is not a word"),
        ("/kickbot", "sesions host1", "Did you mean `sessions`?"),
        ("/kick", "audituser host1 becuase INC-42", "Did you mean `because`?"),
        ("/sessions", "help", "/sessions host1"),
        ("/kickbot", "sessions nowhere", "There is no host"),
    ],
)
async def test_a_mistake_is_answered_and_runs_nothing(bot: Bot, command: str, words: str, answer: str) -> None:
    """The person alone reads what to do; no host is asked, nothing is recorded."""
    await bot.sandbox.as_("alice").command("incidents", command, words)
    shown = await answered(bot, "alice", answer)
    assert "<!" not in shown.text
    assert not bot.hosts.looks
    assert not await recorded(bot)
    assert not bot.sandbox.workspace.messages


async def test_a_kick_of_nobody_says_who_may_have_been_meant(bot: Bot) -> None:
    """The request closes without an act, and what was mistyped is offered."""
    await bot.sandbox.as_("alice").command("incidents", "/kick", "auditusr host1 because INC-42")
    await bot.sandbox.as_("bob").sees("auditusr is not logged in on host1. Did you mean `audituser`?")
    assert await state(bot) is State.CLOSED
    assert not bot.hosts.acts


async def test_whoever_may_not_ask_is_told_and_recorded(bot: Bot) -> None:
    """Dave asks: nothing appears in the channel, and the trail has it."""
    await bot.sandbox.as_("dave").command("incidents", "/kick", KICK)
    assert await answered(bot, "dave", "may ask on host1")
    assert [e.kind for e in await recorded(bot)] == ["asked", "refused"]
    await asyncio.sleep(0.2)
    assert not bot.sandbox.workspace.messages


async def test_the_asker_reads_at_once_where_the_request_will_stand(bot: Bot) -> None:
    """Asked where no evidence may stand, the request lives in the incident channel, and the asker gets a link."""
    await bot.sandbox.as_("alice").command("random", "/kick", KICK)
    assert await answered(bot, "alice", "The request will stand in <#C0INCIDENT>.")
    link = await bot.sandbox.as_("alice").sees("You asked to kick audituser off host1", "@kickbot")
    assert "/archives/C0INCIDENT/" in link.text


async def test_the_same_envelope_twice_runs_once(bot: Bot) -> None:
    """Slack sends again what it believes lost: one request, one decision, one answer."""
    socket = bot.sandbox.socket
    parent = await asked(bot)
    await socket.redeliver(socket.deliveries[-1])
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await socket.redeliver(socket.deliveries[-1])
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    await asyncio.sleep(0.2)
    kinds = [r.event.kind for i in range(1, 30) for r in await bot.trail.read(RequestId(i))]
    assert (kinds.count("asked"), kinds.count("approved"), kinds.count("decision_refused")) == (1, 1, 0)
    assert len(bot.sandbox.workspace.ephemerals) == 2


async def test_what_nobody_knows_is_acknowledged_and_answered(bot: Bot) -> None:
    """A button of another age, or of another app's copy of the message."""
    await bot.slack.posts.chat_postMessage(
        channel=INCIDENT,
        text="old",
        blocks=[
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "action_id": "kickbot_dance", "text": {"type": "plain_text", "text": "Dance"}}
                ],
            }
        ],
    )
    old = await bot.sandbox.as_("bob").sees("old")
    outcome = await bot.sandbox.as_("bob").click(old, "kickbot_dance")
    assert outcome.ok
    assert await answered(bot, "bob", "Kickbot doesn't know what to do with this.")


async def test_a_fault_in_kickbot_is_answered_and_logged(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The person reads that nothing was done; the traceback is in the log."""

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.setattr(bot.workflow, "look", broken)
    outcome = await bot.sandbox.as_("alice").command("incidents", "/sessions", "host1")
    assert outcome.ok
    assert await answered(bot, "alice", "Something went wrong in Kickbot; nothing was done by this.")
    assert "ZeroDivisionError" in caplog.text


async def test_an_answer_whose_blocks_slack_refuses_comes_as_text(bot: Bot) -> None:
    """Nobody waits in vain because of an answer's looks."""

    def refuse_blocks(method: str, args: Any) -> Fault | None:
        refused = method == "response_url" and args.get("blocks")
        return Fault(status=400, body="invalid_blocks") if refused else None

    bot.sandbox.workspace.faults = refuse_blocks
    await bot.sandbox.as_("alice").command("random", "/sessions", "host1")
    assert not (await answered(bot, "alice", "host1: 3 sessions of 2 people")).blocks


async def test_the_acknowledgement_waits_for_nothing(bot: Bot) -> None:
    """Slack's three seconds hold, however slow everything else is."""
    bot.sandbox.workspace.faults = lambda _method, _args: Fault.slow(3)
    outcome = await bot.sandbox.as_("alice").command("incidents", "/sessions", "host1")
    assert outcome.ok
    assert (outcome.seconds or 3) < 2
