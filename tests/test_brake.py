"""The emergency brake: while it is on nothing acts, whatever was approved; two people release it."""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot import events
from bot.borders import Told
from bot.errors import ActingFrozen, LookupFailed, Refused, TooLate, TrailError
from bot.models import EndSession, Listing, Result
from bot.request import Request
from bot.sandbox.nouns import Fault, Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE, UNFREEZE
from bot.states import State
from bot.workflow import Workflow
from tests import make
from tests.lives import PATIENCE
from tests.make import INCIDENT
from tests.slack_bot import Bot, start
from tests.stage import KICK, Stage

WRONG = "wrong rule deployed"


async def freeze(stage: Stage, who: str = "U0BOB") -> Request:
    return await stage.workflow.freeze(stage.origin(who), WRONG)


async def unfreeze(stage: Stage, *people: str) -> Request:
    return [await stage.workflow.unfreeze(stage.origin(who)) for who in people][-1]


# -- what it stops ---------------------------------------------------------------------------------------


async def test_an_approved_request_does_nothing_while_frozen_and_goes_on_afterwards(stage: Stage) -> None:
    """Approved, then frozen: no step is begun, and it is done once two people released the brake."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    await freeze(stage)

    with pytest.raises(ActingFrozen, match=WRONG):
        await stage.workflow.drive(asked.id)
    assert stage.hosts.acts == []
    await unfreeze(stage, "U0BOB", "U0CAROL")

    done = await stage.wait(await stage.request(asked.id))
    assert [o.result for o in done.outcomes] == [Result.ENDED, Result.ENDED]


async def test_it_stops_in_the_middle_before_the_next_step(stage: Stage) -> None:
    """Frozen after the first session was ended: the second one stays."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    act = stage.hosts.act

    async def freeze_after_it(step: EndSession, **given: int) -> object:
        answer = await act(step, **given)  # type: ignore[arg-type]
        await freeze(stage)
        return answer

    stage.hosts.act = freeze_after_it  # type: ignore[method-assign, assignment]
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)

    assert len(stage.hosts["host1"].ended) == 1
    assert (await stage.request(asked.id)).state is State.ACTING


async def test_frozen_between_the_intent_and_the_act(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another replica's freeze that stands before the intent in the trail stops that very act."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    append = stage.trail.append

    async def frozen_before(request: object, event: events.Event, **given: object) -> object:
        if isinstance(event, events.Ending):
            monkeypatch.setattr(stage.trail, "append", append)
            await append(None, events.Frozen(who="U0BOB", key="other", home=INCIDENT, reason=WRONG))
        return await append(request, event, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.trail, "append", frozen_before)
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)

    assert stage.hosts.acts == []
    assert [a.refusal for a in (await stage.request(asked.id)).attempts] == ["frozen"]
    await unfreeze(stage, "U0BOB", "U0CAROL")
    done = await stage.wait(await stage.request(asked.id))
    assert [o.result for o in done.outcomes] == [Result.ENDED, Result.ENDED]


async def test_a_trail_that_does_not_say_stops_the_act(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is frozen must be known: a trail that can't be read means no."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)

    async def gone() -> object:
        raise TrailError("gone")

    monkeypatch.setattr(stage.trail, "open_requests", gone)
    with pytest.raises(TrailError):
        await stage.workflow.drive(asked.id)
    assert stage.hosts.acts == []


async def test_nobody_is_warned_while_frozen(stage: Stage) -> None:
    """A warning is an act too."""
    asked = await stage.ask(KICK.model_copy(update={"warn": 60}))
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    await freeze(stage)

    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)
    assert stage.hosts["host1"].told == []


async def test_a_warned_one_ends_nothing_while_frozen(stage: Stage) -> None:
    """Scheduled, and then frozen: its time comes, and nothing happens; after `act_by` it lapses."""
    asked = await stage.ask(KICK.model_copy(update={"warn": 60}))
    warned = await stage.approve(asked)
    assert warned.act_at is not None
    assert warned.act_by is not None
    await freeze(stage)

    stage.clock.now = warned.act_at
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)
    stage.clock.now = warned.act_by
    assert (await stage.workflow.drive(asked.id)).state is State.LAPSED
    assert stage.hosts["host1"].ended == []


async def test_nothing_is_asked_or_approved_while_frozen(stage: Stage) -> None:
    """A new kick and an approval are refused, with who froze, why, and how it goes on; denying works."""
    asked = await stage.ask(KICK)
    await freeze(stage)

    for refused in (stage.ask(KICK), stage.approve(asked)):
        with pytest.raises(Refused, match=rf"<@U0BOB> has frozen .* {WRONG}\. Nothing was done\. It goes on when two"):
            await refused
    assert (await stage.kinds(asked.id))[-1] == "decision_refused"
    denied = await stage.workflow.deny(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    assert denied.state is State.DENIED


async def test_looks_go_on_while_frozen(stage: Stage) -> None:
    """What was done before is still proven: an answer that never came is settled, and the request is closed."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].stubborn = {"7", "9"}
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    driven = await stage.workflow.drive(asked.id)
    assert driven.state is State.CLOSED

    await freeze(stage)
    seen = await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    assert seen.looks


# -- who -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["U0DAVE", "U0GUS", "U0ZOE"])
async def test_who_may_approve_nothing_can_not_freeze(stage: Stage, who: str) -> None:
    """A stranger to every rule, a guest and a deactivated member, though some are in the group."""
    stage.people.groups["S0LEADS"] |= {"U0GUS", "U0ZOE"}
    with pytest.raises(Refused):
        await freeze(stage, who)
    assert await stage.trail.open_requests() == ()


async def test_a_person_who_is_named_needs_no_group(stage: Stage) -> None:
    """Whoever stands in a rule by id may freeze though Slack doesn't say who is in which group."""
    rule = stage.policy.rules[0].model_copy(update={"approve": ("U0DAVE", "S0LEADS")})
    stage.policy = stage.policy.model_copy(update={"rules": (rule,)})
    stage.restart()
    stage.people.unknown.add("S0LEADS")

    assert (await freeze(stage, "U0DAVE")).state is State.FROZEN


async def test_frozen_already(stage: Stage) -> None:
    """A second freeze is refused with the first one's words; it isn't another one to release."""
    await freeze(stage)
    with pytest.raises(Refused, match="stays so"):
        await freeze(stage, "U0CAROL")
    assert len(await stage.trail.open_requests()) == 1


async def test_one_person_does_not_release_it(stage: Stage) -> None:
    """Not by saying so twice; another one does, and whoever froze may be one of the two."""
    await freeze(stage, "U0BOB")
    assert (await unfreeze(stage, "U0BOB")).state is State.FROZEN
    with pytest.raises(Refused, match="needs another person"):
        await unfreeze(stage, "U0BOB")

    released = await unfreeze(stage, "U0CAROL")
    assert (released.state, released.ended_by) == (State.UNFROZEN, "U0CAROL")


async def test_the_first_word_counts_for_fifteen_minutes(stage: Stage) -> None:
    """Two people who never meant the same moment release nothing."""
    await freeze(stage)
    await unfreeze(stage, "U0BOB")
    stage.clock.now += timedelta(minutes=16)

    assert (await unfreeze(stage, "U0CAROL")).state is State.FROZEN
    assert (await unfreeze(stage, "U0BOB")).state is State.UNFROZEN


async def test_an_unfreeze_that_arrives_late_counts_for_nothing(stage: Stage) -> None:
    """A word from before a sleep of the bot is not one of the two."""
    await freeze(stage)
    old = stage.origin("U0BOB").model_copy(update={"sent": stage.clock.now - timedelta(minutes=3)})
    with pytest.raises(TooLate):
        await stage.workflow.unfreeze(old)
    assert (await unfreeze(stage, "U0CAROL")).state is State.FROZEN


async def test_the_first_one_must_still_be_allowed_to(stage: Stage) -> None:
    """Who lost the right meanwhile, or can't be looked up, is no second person."""
    await freeze(stage)
    await unfreeze(stage, "U0BOB")
    stage.people.odd = {"U0BOB": make.person("U0BOB", deactivated=True)}
    assert (await unfreeze(stage, "U0CAROL")).state is State.FROZEN


async def test_who_may_not_unfreeze_is_recorded(stage: Stage) -> None:
    """A refused one changes nothing and stands in the trail."""
    frozen = await freeze(stage)
    with pytest.raises(Refused, match="not among them"):
        await unfreeze(stage, "U0DAVE")
    assert await stage.kinds(frozen.id) == ["frozen", "decision_refused"]


async def test_nothing_to_unfreeze(stage: Stage) -> None:
    """Said so, and nothing is recorded."""
    with pytest.raises(Refused, match="Nothing is frozen"):
        await unfreeze(stage, "U0BOB")


async def test_two_at_once_release_it_once(stage: Stage) -> None:
    """However their words cross: the first one asks, the second one releases."""
    frozen = await freeze(stage)
    await asyncio.gather(unfreeze(stage, "U0BOB"), unfreeze(stage, "U0CAROL"))
    assert await stage.kinds(frozen.id) == ["frozen", "unfreeze_asked", "unfrozen"]


async def test_a_third_word_at_the_same_moment_is_answered(stage: Stage) -> None:
    """Bob has said so, and two others click together: one releases it, and the other one hears that it is released."""
    await freeze(stage)
    await unfreeze(stage, "U0BOB")
    stage.people.groups["S0LEADS"] |= {"U0DAVE"}
    async with asyncio.timeout(PATIENCE):
        ends = await asyncio.gather(unfreeze(stage, "U0CAROL"), unfreeze(stage, "U0DAVE"))
    assert {freeze.state for freeze in ends} == {State.UNFROZEN}


async def test_of_two_freezes_both_have_to_be_released(stage: Stage) -> None:
    """Frozen twice at once: nobody reads that acting goes on while one of them stands, and two people release both."""
    first = await freeze(stage)
    await stage.trail.append(None, events.Frozen(who="U0CAROL", key="other", home=INCIDENT, reason="me too"))
    await stage.workflow.unfreeze(stage.origin("U0BOB"), first.id)

    assert (await unfreeze(stage, "U0CAROL")).state is State.FROZEN
    assert (await unfreeze(stage, "U0BOB")).state is State.UNFROZEN
    assert await stage.trail.open_requests() == ()


async def test_a_click_counts_for_the_freeze_under_which_it_stands(stage: Stage) -> None:
    """An old message's button releases no later freeze."""
    first = await freeze(stage)
    await unfreeze(stage, "U0BOB", "U0CAROL")
    await freeze(stage)
    with pytest.raises(Refused, match="That freeze is over"):
        await stage.workflow.unfreeze(stage.origin("U0BOB"), first.id)


async def test_a_group_that_can_not_be_read_holds_up_nobody_of_another_one(stage: Stage) -> None:
    """One old rule with a group that is gone doesn't take the brake away from everyone, nor its release."""
    rule = stage.policy.rules[0].model_copy(update={"approve": ("S0GONE",)})
    stage.policy = stage.policy.model_copy(update={"rules": (rule, *stage.policy.rules)})
    stage.restart()
    stage.people.unknown.add("S0GONE")

    await freeze(stage)
    with pytest.raises(LookupFailed):
        await unfreeze(stage, "U0DAVE")
    assert (await unfreeze(stage, "U0BOB", "U0CAROL")).state is State.UNFROZEN


async def test_a_freeze_outlives_the_process(stage: Stage) -> None:
    """The trail remembers it, not the process."""
    asked = await stage.ask(KICK)
    await freeze(stage)
    stage.restart()
    with pytest.raises(ActingFrozen):
        await stage.approve(asked)


# -- in Slack --------------------------------------------------------------------------------------------


async def test_it_is_shown_in_its_own_message_and_on_every_open_request(bot: Bot) -> None:
    """Typed by Bob, released by Carol's click and his own; the request's message says it as long as it lasts."""
    alice, bob, carol = (bot.sandbox.as_(name) for name in ("alice", "bob", "carol"))
    await alice.command("incidents", "/kick", "audituser host1 because INC-42")
    await alice.sees("waiting for approval", "incidents")

    await bob.command("incidents", "/kickbot", f"freeze because {WRONG}")

    own = await carol.sees("Until two people unfreeze, no session is ended", "incidents")
    waiting = await alice.sees("This goes on when two people unfreeze", "incidents")
    assert "waiting for approval" in waiting.text
    assert "has frozen all acting" in waiting.text
    await carol.click(own, UNFREEZE)
    await carol.sees("One more person has to")
    await bob.command("incidents", "/kickbot", "unfreeze")
    await bob.sees("acting goes on")
    released = await alice.sees("Acting goes on", "incidents")
    assert released.ts == own.ts
    workspace = bot.sandbox.workspace
    await workspace.until(lambda: "frozen" not in workspace.message(waiting.channel, waiting.ts).text)


async def test_a_freeze_needs_a_reason(bot: Bot) -> None:
    """Without one nothing is frozen, and the answer shows how it is written."""
    bob = bot.sandbox.as_("bob")
    await bob.command("incidents", "/kickbot", "freeze because")
    await bob.sees("Something is missing after `because`")
    assert await bot.trail.open_requests() == ()


async def test_the_home_tab_says_it_with_a_button_for_who_may_release_it(bot: Bot) -> None:
    """Everyone sees that nothing acts; the button is there for approvers alone."""
    bob, dave = bot.sandbox.as_("bob"), bot.sandbox.as_("dave")
    await bob.command("incidents", "/kickbot", f"freeze because {WRONG}")
    await bob.sees("Frozen.")

    await bob.open_home()
    await dave.open_home()

    assert UNFREEZE in str((await bob.sees_home("has frozen all acting")).blocks)
    assert UNFREEZE not in str((await dave.sees_home("has frozen all acting")).blocks)


# -- a trail that went backwards --------------------------------------------------------------------------


async def test_a_restored_backup_acts_only_after_a_word_of_two_people(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """What Slack was told and the trail doesn't have freezes all acting; once released, it stays released."""
    alice, bob, carol = (sandbox.as_(name) for name in ("alice", "bob", "carol"))
    (tmp_path / "backup").mkdir()
    async with start(sandbox, tmp_path):
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await alice.sees("waiting for approval", "incidents")

    async with start(sandbox, tmp_path / "backup"):
        await carol.sees("was told in Slack and is not in the audit trail", "incidents")
        await alice.command("incidents", "/kick", "audituser host1 because INC-43")
        await alice.sees("Kickbot has frozen all acting")
        await bob.command("incidents", "/kickbot", "unfreeze")
        await bob.sees("One more person has to")
        await carol.command("incidents", "/kickbot", "unfreeze")
        await carol.sees("acting goes on")

    async with start(sandbox, tmp_path / "backup") as bot:
        await alice.command("incidents", "/kick", "audituser host1 because INC-44")
        await alice.sees("INC-44", "incidents")
        assert "frozen" not in {r.event.kind for n in await bot.trail.open_requests() for r in await bot.trail.read(n)}


async def test_a_backup_from_the_middle_of_a_request_is_noticed(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Its plan is in the backup, its end is not: the message shows more than the trail has."""
    alice, carol, workspace = sandbox.as_("alice"), sandbox.as_("carol"), sandbox.workspace
    (tmp_path / "backup").mkdir()
    async with start(sandbox, tmp_path):
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        card = await alice.sees("waiting for approval", "incidents")
        assert isinstance(card, Message)
        with sqlite3.connect(tmp_path / "kickbot.db") as now, sqlite3.connect(tmp_path / "backup/kickbot.db") as copy:
            now.backup(copy)
        await carol.click(card, APPROVE)
        await alice.sees("audituser is off host1", "incidents")
        await workspace.until(lambda: "newest_trail" in str(workspace.message(card.channel, card.ts)))

    for number in range(250):
        await alice.say("incidents", f"talk {number}")
    async with start(sandbox, tmp_path / "backup"):
        await carol.sees("was told in Slack and is not in the audit trail", "incidents")


async def test_a_trail_that_is_away_at_the_start_is_waited_for(
    sandbox: SandboxSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is done until it was compared, and then all goes on by itself."""
    monkeypatch.setattr("bot.app.TRAIL_PAUSE", 0.05)
    compare, tries = Workflow.compare, list[int]()

    async def away_at_first(workflow: Workflow, told: Sequence[Told]) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise TrailError("away")
        await compare(workflow, told)

    monkeypatch.setattr(Workflow, "compare", away_at_first)
    alice = sandbox.as_("alice")
    async with start(sandbox, tmp_path):
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await alice.sees("waiting for approval", "incidents")
    assert len(tries) == 3


async def test_the_own_trail_is_taken_up_again(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """A restart with the same trail freezes nothing."""
    alice = sandbox.as_("alice")
    async with start(sandbox, tmp_path):
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await alice.sees("waiting for approval", "incidents")
    async with start(sandbox, tmp_path) as bot:
        await alice.command("incidents", "/kick", "audituser host1 because INC-43")
        await alice.sees("INC-43", "incidents")
        assert [r[0].event.kind for r in await bot.trail.requests(limit=9)] == ["asked", "asked"]


async def test_nothing_is_done_before_slack_says_what_was_told(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """As long as that can't be read nobody acts; then it goes on by itself."""
    sandbox.workspace.faults = lambda method, _args: Fault(status=500) if method == "conversations.history" else None
    alice = sandbox.as_("alice")
    async with start(sandbox, tmp_path) as bot:
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await alice.sees("Looking at host1")
        await asyncio.sleep(0.3)
        assert not bot.hosts.looks
        sandbox.workspace.faults = lambda _method, _args: None
        await alice.sees("waiting for approval", "incidents")
