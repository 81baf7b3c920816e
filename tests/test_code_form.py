"""The form that asks for a code, through unmodified bolt: opened, sent, repeated and forged in the sandbox."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.events import Approved
from bot.ledger import USED
from bot.sandbox import elements
from bot.sandbox.nouns import Fault, Message, View
from bot.sandbox.server import SandboxSlack
from bot.second_factors import MOST_WRONG, NEEDED, NOT_A_CODE, WRONG
from bot.slack.content.code_form import CODE
from bot.slack.content.tickets import APPROVE, DENY
from bot.states import State
from tests import codes
from tests.codes import enrolled
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.test_hostile_member import asked, forged, sent, state, told
from tests.test_kick_forms import errors, recorded

ASKS = tuple(rule.model_copy(update={"second_factor": True}) for rule in POLICY.rules)
ASKING = POLICY.model_copy(update={"rules": ASKS})


@pytest.fixture
async def bot(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    """Under rules that ask for a code; Bob and Carol have a second factor."""
    file = enrolled(tmp_path / "codes.toml", "U0BOB", "U0CAROL")
    async with start(sandbox, tmp_path, policy=ASKING, second_factors=file) as bot:
        yield bot


def code(who: str = "U0CAROL") -> str:
    return codes.code(who, datetime.now(UTC))


def wrong(who: str = "U0CAROL") -> str:
    return codes.wrong(who, datetime.now(UTC))


async def opened(bot: Bot, parent: Message, who: str = "carol") -> View:
    persona = bot.sandbox.as_(who)
    assert (await persona.click(parent, APPROVE)).ok
    return await persona.sees_modal()


async def kinds(bot: Bot, number: int = 1) -> list[str]:
    return [event.kind for event in await recorded(bot, number)]


# -- around it -----------------------------------------------------------------------------------------


async def test_a_click_opens_the_form_and_approves_nothing(bot: Bot) -> None:
    """However often it is repeated, also by whoever forges it; whoever asked reads at once that they may not."""
    parent = await asked(bot)
    await opened(bot, parent)
    await forged(bot, sent(bot, "block_actions"))
    await bot.sandbox.as_("alice").click(parent, APPROVE)

    assert await told(bot, "alice", "You asked for this one, so you can't approve it.")
    assert bot.sandbox.as_("alice").modal is None
    assert await state(bot) is State.PENDING
    assert "approved" not in await kinds(bot)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, NEEDED),
        ({CODE: {}}, NEEDED),
        ({CODE: {CODE: {"value": None}}}, NEEDED),
        ({CODE: {CODE: {"value": "   "}}}, NEEDED),
        ({"other": {CODE: {"value": "123456"}}}, NEEDED),
        ({CODE: {CODE: {"value": "abcdef"}}}, NOT_A_CODE),
        ({CODE: {CODE: {"value": "9" * 50_000}}}, NOT_A_CODE),
    ],
)
async def test_a_form_without_a_code(bot: Bot, values: dict[str, Any], why: str) -> None:
    """Sent without its field, or with what is none: nothing is approved, and no guess was made."""
    await bot.sandbox.as_("carol").submit(await opened(bot, await asked(bot)), {CODE: wrong()})
    form = sent(bot, "view_submission")
    form["view"]["state"]["values"] = values
    before = await kinds(bot)

    await forged(bot, form)

    assert await state(bot) is State.PENDING
    assert (await kinds(bot))[len(before) :] == ["decision_refused"]
    assert (await recorded(bot, 1))[-1].model_dump()["reason"] == why


async def test_a_form_of_another_request_or_plan_or_person(bot: Bot) -> None:
    """What it carries along may be changed: then it is about that request, by that plan, and that person's code."""
    await bot.sandbox.as_("carol").submit(await opened(bot, await asked(bot)), {CODE: wrong()})
    form = sent(bot, "view_submission")
    form["view"]["state"]["values"][CODE][CODE]["value"] = code()
    carried = json.loads(form["view"]["private_metadata"])

    await forged(bot, form, user={**form["user"], "id": "U0BOB"})  # Carol's code in Bob's name
    form["view"]["private_metadata"] = json.dumps({**carried, "ticket": {"request": 1, "plan": "0" * 64}})
    await forged(bot, form)
    for action in ("kickbot_drop", "kickbot_unhold", "kickbot_deny", "kickbot_freeze"):
        form["view"]["private_metadata"] = json.dumps({**carried, "action": action})
        await forged(bot, form)

    assert await state(bot) is State.PENDING
    assert {"approved", "retention_approved", "unhold_approved"}.isdisjoint(await kinds(bot))


async def test_a_form_that_is_repeated_counts_once(bot: Bot) -> None:
    """By whoever recorded it: for the same request, and with what it carries along changed to the next one."""
    await bot.sandbox.as_("carol").submit(await opened(bot, await asked(bot)), {CODE: code()})
    await bot.sandbox.as_("alice").sees("audituser is off host1", INCIDENT)
    form = sent(bot, "view_submission")
    bot.hosts["host1"].login("20")
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", "audituser host1 because INC-43")
    await bot.sandbox.as_("bob").sees("INC-43")
    await bot.sandbox.as_("bob").sees("waiting for approval")
    [second] = await bot.trail.open_requests()
    plan = next(e.plan_hash for e in await recorded(bot, second) if e.kind == "planned" and hasattr(e, "plan_hash"))
    carried = json.loads(form["view"]["private_metadata"])

    await forged(bot, form)
    form["view"]["private_metadata"] = json.dumps({**carried, "ticket": {"request": second, "plan": plan}})
    await forged(bot, {**form, "trigger_id": "9.9.again"}, trigger_id="9.9.again")

    assert (await kinds(bot)).count("approved") == 1
    assert (await recorded(bot, second))[-1].model_dump()["reason"] == USED


# -- the whole way -------------------------------------------------------------------------------------


async def test_from_the_click_to_the_end(bot: Bot) -> None:
    """A slip stands in the form; the right code, as authenticators show it, approves; and it is told everywhere."""
    parent, carol = await asked(bot), bot.sandbox.as_("carol")
    assert "asks for it" in parent.text
    assert "Approve…" in elements.words(parent.blocks)
    form = await opened(bot, parent)

    assert errors(await carol.submit(form, {CODE: "abcdef"})) == {CODE: NOT_A_CODE}
    assert errors(await carol.submit(form, {CODE: wrong()})) == {CODE: WRONG}
    right = code()
    done = await carol.submit(form, {CODE: f"{right[:3]} {right[3:]}"})

    assert (done.ok, done.response or {}, carol.modal) == (True, {}, None)
    assert await told(bot, "carol", "You approved request 1: 2 sessions of audituser on host1 end now")
    assert await bot.sandbox.as_("alice").sees("audituser is off host1", INCIDENT)
    assert await bot.sandbox.as_("alice").sees("with a second factor", INCIDENT)
    approved = next(e for e in await recorded(bot, 1) if isinstance(e, Approved))
    assert approved.second_factor
    assert (await kinds(bot)).count("wrong_code") == 1
    await bot.sandbox.as_("carol").command(INCIDENT, "/audit", "1")
    assert await told(bot, "carol", "with a second factor")


async def test_from_the_home_tab_too(bot: Bot) -> None:
    """The form opens there, and the answer stands on top of that page."""
    await asked(bot)
    bob = bot.sandbox.as_("bob")
    await bob.open_home()
    assert (await bob.click(await bob.sees_home("Waiting for you (1)"), APPROVE)).ok
    assert (await bob.submit(await bob.sees_modal(), {CODE: code("U0BOB")})).ok

    assert await bob.sees_home("You approved request")
    assert (await kinds(bot)).count("approved") == 1


async def test_a_refusal_stands_in_the_form(bot: Bot) -> None:
    """Denied while the code was typed: whoever sends it reads that, with people's names."""
    parent = await asked(bot)
    form = await opened(bot, parent)
    bob = bot.sandbox.as_("bob")
    await bob.click(parent, DENY)
    await bob.submit(await bob.sees_modal(), {})
    await bob.sees("You denied request 1.")

    said = errors(await bot.sandbox.as_("carol").submit(form, {CODE: code()}))

    assert said[CODE].startswith("bob denied this at")


async def test_somebody_guesses(bot: Bot) -> None:
    """After the fifth wrong code the form says until when none counts, and so does the thread."""
    form = await opened(bot, await asked(bot))
    said = [errors(await bot.sandbox.as_("carol").submit(form, {CODE: wrong()}))[CODE] for _ in range(MOST_WRONG)]

    assert said[:-1] == [WRONG] * (MOST_WRONG - 1)
    assert "none counts until" in said[-1]
    assert await bot.sandbox.as_("bob").sees("someone may be guessing", INCIDENT)
    assert errors(await bot.sandbox.as_("carol").submit(form, {CODE: code()}))[CODE] == said[-1]
    assert await state(bot) is State.PENDING


async def test_who_has_none_is_told_at_once(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """No form is opened that could never be filled in."""
    file = enrolled(tmp_path / "codes.toml", "U0BOB", "U0CAROL")
    async with start(sandbox, tmp_path, policy=ASKING, second_factors=file) as bot:
        parent = await asked(bot)
        file.remove("U0CAROL")
        await sandbox.as_("carol").click(parent, APPROVE)

        assert await told(bot, "carol", "Ask whoever runs Kickbot to enrol you")
        assert sandbox.as_("carol").modal is None


async def test_where_slack_opens_no_form_nothing_is_done(bot: Bot) -> None:
    """It is said, and a click more tries again."""
    parent = await asked(bot)
    bot.sandbox.workspace.faults = lambda method, _: Fault.refused("internal_error") if method == "views.open" else None
    await bot.sandbox.as_("carol").click(parent, APPROVE)

    assert await told(bot, "carol", "Slack did not open the form. Nothing was done by your click")
    assert await state(bot) is State.PENDING
