"""Holds in the story of a request: first the hold, then the end; given back in time, exactly once, by whoever can."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import events, planning
from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, NotNow, Refused
from bot.models import Account, AccountState, Act, Hold, Release, RequestId, Result, Step, Unhold
from bot.request import Request, known
from bot.sandbox.server import SandboxSlack
from bot.slack.content.headlines import headline
from bot.slack.content.holds import answer, state
from bot.slack.content.in_short import outcome
from bot.slack.content.kick_form import KEEP_OUT
from bot.slack.content.lines import in_plain
from bot.slack.content.story import tell
from bot.slack.content.tickets import APPROVE, UNHOLD, actions
from bot.slack.content.tickets import HOLD as HOLD_BUTTON
from bot.states import State
from tests.fakes import FakeClock
from tests.slack_bot import POLICY, start
from tests.stage import KICK, Stage, allowing


class Died(BaseException):
    """The process ended here."""


HOLD = KICK.model_copy(update={"hold": 7200})


@pytest.fixture
async def held_stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose rule allows to hold, with one login of audituser on host1."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock, allowing(Act.HOLD, Act.UNHOLD))
        stage.hosts["host1"].login("7")
        yield stage


async def holds(stage: Stage) -> list[Request]:
    """Every hold that was ever opened, the oldest first."""
    begun = await stage.trail.requests(limit=100)
    found = [r[0].request for r in begun if isinstance(r[0].event, events.Held)]
    return [await stage.request(RequestId(n)) for n in sorted(found)]


async def kicked(stage: Stage, command: Any = HOLD) -> tuple[Request, Request]:
    """The request with a hold once it has ended, and its hold."""
    done = await stage.wait(await stage.approve(await stage.ask(command)))
    (held,) = await holds(stage)
    return done, held


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (AccountState(where="local", expiry="25000"), "known on the host itself, expiry day 25000."),
        (AccountState(where="local", expiry="2027-06-30 22:00:00 UTC"), "itself, expiry 2027-06-30 22:00:00 UTC."),
        (AccountState(where="local", disabled=True), "known on the host itself, no expiry, disabled."),
        (AccountState(where="directory", drop_in=True), "no expiry, denied by Kickbot's file for sshd."),
    ],
)
def test_how_an_account_stands(how: AccountState, said: str) -> None:
    """In words, whatever its host calls it."""
    assert state(how).endswith(said)


# -- holding -------------------------------------------------------------------------------------------------


async def test_the_account_is_held_before_its_sessions_end(held_stage: Stage) -> None:
    """First it can't log in again, then its sessions end; until when is fixed by the approval."""
    done, held = await kicked(held_stage)

    assert next(type(step) for step in held_stage.hosts.acts) is Hold
    assert len(held_stage.hosts.acts) > 1
    assert [o.result for o in done.outcomes] == [Result.ENDED]
    assert held.state is State.HELD
    assert held.held is not None
    assert done.approved_at is not None
    assert held.held.until == held.due == done.approved_at + timedelta(hours=2)
    assert held.held.before is not None
    assert held.held.before.expiry == ""
    assert held_stage.hosts["host1"].expiry == "2"


async def test_the_time_is_told_by_the_hosts_own_clock(held_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock is an hour ahead gets a time an hour later: its timer goes by its own clock."""
    host = held_stage.hosts["host1"]
    look = host.snapshot
    ahead = timedelta(hours=1)
    monkeypatch.setattr(host, "snapshot", lambda: look().model_copy(update={"time": host.clock.now + ahead}))
    await kicked(held_stage)

    step = held_stage.hosts.acts[0]
    assert isinstance(step, Hold)
    assert step.there - step.until == ahead


async def test_where_it_can_not_be_held_nothing_ends(held_stage: Stage) -> None:
    """Both were approved together: without the hold the session stays, and the outcome says why."""
    held_stage.hosts["host1"].unable = "has nothing that would give it back"

    done = await held_stage.wait(await held_stage.approve(await held_stage.ask(HOLD)))

    assert held_stage.hosts["host1"].ended == []
    assert [o.result for o in done.outcomes] == [Result.SURVIVED]
    assert "has nothing that would give it back" in done.outcomes[0].detail
    assert "audituser is not held on host1, so nothing was ended there" in done.reason
    assert await holds(held_stage) == []


async def test_who_is_not_logged_in_is_kept_out_too(held_stage: Stage) -> None:
    """A stolen laptop: nothing is there to end, and the account can't come in all the same."""
    held_stage.hosts["host1"].logout("7")
    done, held = await kicked(held_stage)

    assert [type(step) for step in held_stage.hosts.acts] == [Hold]
    assert held_stage.hosts["host1"].expiry == "2"
    assert (done.state, done.outcomes, done.not_held) == (State.CLOSED, (), {})
    assert held.held is not None
    assert held.held.target.account == Account(name="audituser", uid=1001)


async def test_every_host_that_was_named_keeps_them_out(held_stage: Stage) -> None:
    """Also the one where nobody is logged in: it is a target of the plan, and the rules are asked about it."""
    plan = (await held_stage.ask(HOLD.model_copy(update={"hosts": ("host1", "host2")}))).plan
    assert plan is not None
    assert ([t.host for t in plan.targets], [t.host for t in plan.holds]) == (["host1"], ["host1", "host2"])
    assert (plan.hosts, plan.untouched) == (("host1", "host2"), ())


async def test_a_hold_of_some_sessions_is_only_where_they_are(held_stage: Stage) -> None:
    """Whoever names a session means the hosts on which it is."""
    plan = (await held_stage.ask(HOLD.model_copy(update={"hosts": ("host1", "host2"), "session": "7"}))).plan
    assert plan is not None
    assert [t.host for t in plan.holds] == ["host1"]


async def test_an_account_that_a_host_does_not_know_is_not_held(held_stage: Stage) -> None:
    """A slip in the name: nothing is done, and it is said."""
    held_stage.hosts["host1"].logout("7")
    held_stage.hosts["host1"].accounts = {}
    closed = await held_stage.ask(HOLD)

    assert closed.state is State.CLOSED
    assert "host1 is not known to have such an account" in closed.reason
    assert held_stage.hosts.acts == []


async def test_what_a_host_calls_otherwise_is_not_held(held_stage: Stage) -> None:
    """A host in an attacker's hands: asked for one account it names another."""
    host = held_stage.hosts["host1"]
    host.logout("7")
    host.accounts["audituser"] = Account(name="alice", uid=1002)
    closed = await held_stage.ask(HOLD)

    assert closed.state is State.CLOSED
    assert "host1 is not known to have such an account" in closed.reason


async def test_a_protected_account_is_never_held(held_stage: Stage) -> None:
    """Not even where it isn't logged in."""
    held_stage.hosts["host1"].accounts["kickbot"] = Account(name="kickbot", uid=990)
    with pytest.raises(Refused, match="protected"):
        await held_stage.ask(HOLD.model_copy(update={"user": "kickbot"}))


async def test_with_nothing_to_end_nobody_is_waited_for(held_stage: Stage) -> None:
    """`warn` is for those who are logged in: with none there, the hold begins at once."""
    held_stage.hosts["host1"].logout("7")
    approved = await held_stage.approve(await held_stage.ask(HOLD.model_copy(update={"warn": 300})))

    assert approved.act_at is None
    assert held_stage.hosts["host1"].expiry == "2"


async def test_a_kick_without_hold_holds_nobody(held_stage: Stage) -> None:
    """Nothing is taken that wasn't asked for."""
    await held_stage.wait(await held_stage.approve(await held_stage.ask(KICK)))

    assert not any(isinstance(step, Hold) for step in held_stage.hosts.acts)
    assert await holds(held_stage) == []


async def test_no_rule_for_it_means_nobody_holds(stage: Stage) -> None:
    """A rule that allows a kick does not allow a hold."""
    with pytest.raises(Refused, match="No rule allows to hold and kick audituser"):
        await stage.ask(HOLD)


async def test_a_hold_whose_answer_got_lost_is_one_hold(held_stage: Stage) -> None:
    """Asked twice, as nobody knew: on the host it is one, and it is given back once."""
    host = held_stage.hosts["host1"]
    host.answers_get_lost = True

    def heal(step: Step) -> None:
        host.answers_get_lost = isinstance(step, Hold) and step.attempt == 1

    held_stage.hosts.before_act = heal
    done, held = await kicked(held_stage)

    assert [o.result for o in done.outcomes] == [Result.ENDED]
    assert sum(isinstance(step, Hold) for step in held_stage.hosts.acts) == 2
    await held_stage.wait(held)
    assert host.expiry == ""


async def test_a_hold_of_which_nobody_knows_is_given_back_too(held_stage: Stage) -> None:
    """No answer came at all: nothing was ended, and what may stand there is looked after."""
    host = held_stage.hosts["host1"]
    host.answers_get_lost = True
    done, held = await kicked(held_stage)

    assert [o.result for o in done.outcomes] == [Result.SURVIVED]
    assert held.held is not None
    assert held.held.before is None
    host.answers_get_lost = False
    over = await held_stage.wait(held)

    assert over.released is not None
    assert over.released.how == "given"
    assert host.expiry == ""


# -- giving back ---------------------------------------------------------------------------------------------


async def test_it_is_given_back_when_its_time_is_up(held_stage: Stage) -> None:
    """What was there before stands there again, and a look proved it."""
    held_stage.hosts["host1"].expiry = "25000"
    _, held = await kicked(held_stage)
    assert held_stage.hosts["host1"].expiry == "2"

    over = await held_stage.wait(held)

    assert over.state is State.RELEASED
    assert over.released is not None
    assert over.released.after is not None
    assert (over.released.how, over.released.by, over.released.after.expiry) == ("given", "kickbot", "25000")
    assert over.at >= held.held.until  # type: ignore[union-attr]


async def test_before_its_time_nothing_is_given_back(held_stage: Stage) -> None:
    """Driving it early changes nothing."""
    _, held = await kicked(held_stage)

    assert (await held_stage.workflow.drive(held.id)).state is State.HELD
    assert held_stage.hosts["host1"].expiry == "2"


async def test_a_new_process_gives_back(held_stage: Stage) -> None:
    """The trail is the memory."""
    _, held = await kicked(held_stage)
    held_stage.restart()

    assert (await held_stage.wait(held)).state is State.RELEASED


async def test_what_the_hosts_timer_gave_back_is_found(held_stage: Stage) -> None:
    """Kickbot comes second, changes nothing, and says who was first."""
    _, held = await kicked(held_stage)
    held_stage.hosts["host1"].give_back("host")
    held_stage.hosts["host1"].expiry = "1"

    over = await held_stage.wait(held)

    assert over.released is not None
    assert (over.released.how, over.released.by) == ("given", "host")
    assert held_stage.hosts["host1"].expiry == "1"


async def test_what_people_changed_is_reported(held_stage: Stage) -> None:
    """Changed by hand on the host: left as it is, and told."""
    _, held = await kicked(held_stage)
    held_stage.hosts["host1"].expiry = "1"

    over = await held_stage.wait(held)

    assert over.released is not None
    assert over.released.how == "changed"
    assert held_stage.hosts["host1"].expiry == "1"


async def test_a_host_that_does_not_answer_is_tried_again_for_ever_and_told_once(held_stage: Stage) -> None:
    """Overdue, said once; given back when the host is there again."""
    _, held = await kicked(held_stage)
    held_stage.hosts["host1"].lost = "did not answer"
    held_stage.clock.now = held.held.until  # type: ignore[union-attr]
    for _ in range(3):
        with pytest.raises(NotNow):
            await held_stage.workflow.drive(held.id)

    assert (await held_stage.kinds(held.id)).count("overdue") == 1
    held_stage.hosts["host1"].lost = ""
    assert (await held_stage.wait(held)).state is State.RELEASED


async def test_a_machine_that_was_built_anew_ends_the_hold(held_stage: Stage) -> None:
    """It knows nothing of the hold, which is told, and nothing is changed there."""
    _, held = await kicked(held_stage)
    host = held_stage.hosts["host1"]
    host.rebuild()
    host.expiry = "20000"

    over = await held_stage.wait(held)

    assert over.released is not None
    assert (over.released.how, over.released.by) == ("unknown", "")
    assert host.expiry == "20000"


async def test_a_machine_with_a_new_key_gives_back_what_it_holds(held_stage: Stage) -> None:
    """Its record names the hold, whatever key the host proves itself by now."""
    _, held = await kicked(held_stage)
    host = held_stage.hosts["host1"]
    host.host_key = "SHA256:new"

    over = await held_stage.wait(held)

    assert over.released is not None
    assert (over.released.how, over.released.by, host.expiry) == ("given", "kickbot", "")


async def test_why_it_is_not_given_back_calls_nobody(held_stage: Stage) -> None:
    """The words of a host never become a mention."""
    _, held = await kicked(held_stage)
    held_stage.clock.now = known(held.due)
    held_stage.hosts["host1"].lost = "gave no complete answer (<@U0EVE> <!subteam^S0LEADS>)"
    with pytest.raises(NotNow):
        await held_stage.workflow.drive(held.id)

    late = await held_stage.request(held.id)
    assert "gave no complete answer" in late.overdue
    assert "<" not in late.overdue


async def test_an_answer_that_got_lost_is_asked_again_and_given_back_once(held_stage: Stage) -> None:
    """The host gave back, and its answer never came: the second try finds it done."""
    _, held = await kicked(held_stage)
    host = held_stage.hosts["host1"]

    def lose(step: Step) -> None:
        host.answers_get_lost = isinstance(step, Release) and step.attempt == 1

    held_stage.hosts.before_act = lose
    over = await held_stage.wait(held)

    assert over.released is not None
    assert (over.released.how, over.released.by) == ("given", "kickbot")
    assert len(host.holds_over) == 1


async def test_a_rebooted_host_still_gives_back(held_stage: Stage) -> None:
    """A hold outlives the boot in which it was made."""
    _, held = await kicked(held_stage)
    held_stage.hosts["host1"].reboot()

    over = await held_stage.wait(held)

    assert over.released is not None
    assert over.released.how == "given"


async def test_while_frozen_kickbot_gives_nothing_back(held_stage: Stage) -> None:
    """Only the host's own timer does then; released, Kickbot goes on."""
    _, held = await kicked(held_stage)
    frozen = await held_stage.workflow.freeze(held_stage.origin("U0BOB"), "wrong rule")
    held_stage.clock.now = held.held.until  # type: ignore[union-attr]

    with pytest.raises(ActingFrozen):
        await held_stage.workflow.drive(held.id)
    assert held_stage.hosts["host1"].expiry == "2"

    assert frozen.state is State.FROZEN
    await held_stage.workflow.unfreeze(held_stage.origin("U0BOB"))
    await held_stage.workflow.unfreeze(held_stage.origin("U0CAROL"))
    assert (await held_stage.wait(held)).state is State.RELEASED


@pytest.mark.parametrize("dies_at", ["ending", "signalled", "held", "observed", "verifying", "closed", "released"])
async def test_dying_at_any_record_leaves_one_hold_that_is_given_back_once(
    held_stage: Stage, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """Killed right after any record, or right before it: the next process goes on, and the account ends as it was."""
    host, append = held_stage.hosts["host1"], held_stage.trail.append
    host.expiry = "25000"
    died: list[str] = []

    async def dying(request: object, event: events.Event, **given: object) -> object:
        if event.kind == dies_at and "before" not in died:
            died.append("before")
            raise Died
        record = await append(request, event, **given)  # type: ignore[arg-type]
        if event.kind == dies_at and "after" not in died:
            died.append("after")
            raise Died
        return record

    monkeypatch.setattr(held_stage.trail, "append", dying)

    async def surviving(request: RequestId) -> Request:
        for _ in range(20):
            try:
                return await held_stage.wait(await held_stage.request(request))
            except Died:
                held_stage.restart()
        raise AssertionError("it dies again and again")

    asked = await held_stage.ask_only(HOLD)
    for _ in range(3):
        try:
            pending = await held_stage.workflow.drive(asked.id)
            break
        except Died:
            held_stage.restart()
    await held_stage.workflow.approve(held_stage.origin("U0CAROL"), asked.id, pending.plan_hash)
    done = await surviving(asked.id)
    (held,) = await holds(held_stage)
    over = await surviving(held.id)

    assert died == ["before", "after"]
    assert done.state is State.CLOSED
    assert over.released is not None
    assert over.released.how == "given"
    assert host.expiry == "25000"
    assert len(host.holds_over) == 1


# -- before its time -----------------------------------------------------------------------------------------

WANTED = Unhold(user="audituser", hosts=("host1",), reason="it is over")


async def unhold(stage: Stage, who: str) -> Request:
    (hold,), _ = await stage.workflow.unhold(stage.origin(who), WANTED)
    return hold


async def test_two_people_give_back_before_the_time(held_stage: Stage) -> None:
    """One asks, which changes nothing; another one agrees, and it is given back at once."""
    await kicked(held_stage)

    asked = await unhold(held_stage, "U0ALICE")
    assert (await held_stage.workflow.drive(asked.id)).state is State.HELD
    agreed = await unhold(held_stage, "U0CAROL")
    over = await held_stage.workflow.drive(agreed.id)

    assert over.state is State.RELEASED
    assert held_stage.hosts["host1"].expiry == ""


async def test_nobody_gives_back_alone(held_stage: Stage) -> None:
    """Whoever asks does not agree with themselves, however often they say so."""
    await kicked(held_stage)
    hold = await unhold(held_stage, "U0ALICE")

    with pytest.raises(Refused, match="needs another person"):
        await unhold(held_stage, "U0ALICE")
    with pytest.raises(Refused, match="needs another person"):
        await held_stage.workflow.unhold_one(held_stage.origin("U0ALICE"), hold.id)
    assert (await held_stage.workflow.drive(hold.id)).state is State.HELD


@pytest.mark.parametrize("who", ["U0DAVE", "U0GUS", "U0ZOE"])
async def test_who_may_not_can_neither_ask_nor_agree(held_stage: Stage, who: str) -> None:
    """Someone whom no rule names, a guest and someone deactivated count for nothing, which is recorded."""
    _, hold = await kicked(held_stage)
    with pytest.raises(Refused):
        await unhold(held_stage, who)
    await unhold(held_stage, "U0ALICE")
    with pytest.raises(Refused):
        await unhold(held_stage, who)

    assert (await held_stage.workflow.drive(hold.id)).state is State.HELD
    assert (await held_stage.kinds(hold.id)).count("decision_refused") == 2


async def test_a_rule_that_does_not_allow_it_gives_nothing_back(tmp_path: Path) -> None:
    """`unhold` stands in the rule, or only time gives back."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock, allowing(Act.HOLD))
        stage.hosts["host1"].login("7")
        await kicked(stage)

        with pytest.raises(Refused, match="No rule"):
            await unhold(stage, "U0ALICE")


async def test_a_word_that_counts_on_some_hosts_is_told_for_each(tmp_path: Path) -> None:
    """It stands on host1, and is no refusal as a whole because of host2, where the rule doesn't let it."""
    clock, both = FakeClock(), ("host1", "host2")
    policy = allowing(Act.HOLD)
    first = policy.rules[0].model_copy(update={"hosts": frozenset({"host1"}), "acts": frozenset(Act)})
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock, policy.model_copy(update={"rules": (first, *policy.rules)}))
        await stage.wait(await stage.approve(await stage.ask(HOLD.model_copy(update={"hosts": both}))))
        found = await stage.workflow.unhold(stage.origin("U0ALICE"), WANTED.model_copy(update={"hosts": both}))

        said = in_plain(answer(*found))
        assert "audituser on host1: asked." in said
        assert "Not on host2: No rule speaks about audituser on host2" in said


async def test_once_enough_agreed_no_further_word_counts(held_stage: Stage) -> None:
    """It is given back already."""
    await kicked(held_stage)
    await unhold(held_stage, "U0ALICE")
    assert (await unhold(held_stage, "U0CAROL")).unheld
    with pytest.raises(Refused, match="given back already"):
        await unhold(held_stage, "U0BOB")


async def test_who_may_ask_no_longer_has_asked_for_nothing(held_stage: Stage) -> None:
    """Alice left the group after she asked: Carol agrees with nobody, which is recorded."""
    _, hold = await kicked(held_stage)
    await unhold(held_stage, "U0ALICE")
    held_stage.people.groups["S0SRE"].discard("U0ALICE")

    with pytest.raises(Refused, match="<@U0ALICE> asked for this, and may not any more"):
        await unhold(held_stage, "U0CAROL")
    assert (await held_stage.workflow.drive(hold.id)).state is State.HELD


async def test_a_word_of_long_ago_counts_no_longer(held_stage: Stage) -> None:
    """After as long as a request would wait, the next one to say so is the first one again."""
    _, hold = await kicked(held_stage)
    await unhold(held_stage, "U0ALICE")
    held_stage.clock.now += timedelta(minutes=16)

    again = await unhold(held_stage, "U0CAROL")

    assert not again.unheld
    assert again.unhold_asked is not None
    assert again.unhold_asked.who == "U0CAROL"
    assert (await held_stage.workflow.drive(hold.id)).state is State.HELD


async def test_what_is_not_held_is_not_given_back(held_stage: Stage) -> None:
    """Nor what is over already."""
    with pytest.raises(Refused, match="holds no audituser on host1"):
        await unhold(held_stage, "U0ALICE")
    _, hold = await kicked(held_stage)
    await held_stage.wait(hold)

    with pytest.raises(Refused, match="This hold is over"):
        await held_stage.workflow.unhold_one(held_stage.origin("U0CAROL"), hold.id)


async def test_the_next_level_does_not_hold_again(held_stage: Stage) -> None:
    """What survived is forced while the account is held: a second hold would be refused, and nothing would end."""
    held_stage.hosts["host1"].stubborn.add("7")
    done, _ = await kicked(held_stage)

    command = planning.again(done, force=True)

    assert command is not None
    assert command.hold == 0


# -- in Slack ------------------------------------------------------------------------------------------------

RULE = POLICY.rules[0].model_copy(update={"acts": frozenset({Act.KICK, Act.HOLD, Act.UNHOLD})})
WITH_HOLDS = POLICY.model_copy(update={"rules": (RULE,)})


async def test_a_hold_is_shown_listed_and_given_back_by_two_people(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """In a message of its own, by `/kickbot holds`, on the Home tab; asked by Alice, agreed to by Carol's click."""
    alice, carol = sandbox.as_("alice"), sandbox.as_("carol")
    async with start(sandbox, tmp_path, policy=WITH_HOLDS) as bot:
        await alice.command("incidents", "/kick", "audituser host1 hold 2h because INC-42")
        asked = await carol.sees("waiting for approval", "incidents")
        assert "kept from logging in on host1 for 2 h" in asked.text
        await carol.click(asked, APPROVE)
        shown = await alice.sees("audituser is kept out of host1", "incidents")
        assert bot.hosts["host1"].expiry == "2"

        await alice.command("incidents", "/kickbot", "holds")
        await alice.sees("Held accounts (1)")
        await carol.open_home()
        assert UNHOLD in str((await carol.sees_home("Held accounts (1)")).blocks)
        await alice.command("incidents", "/unhold", "audituser host1 because it is over")
        await alice.sees("It needs another person")
        await carol.click(shown, UNHOLD)

        over = await alice.sees("The hold of audituser on host1 is over", "incidents")
        assert over.ts == shown.ts
        assert bot.hosts["host1"].expiry == ""


async def test_who_can_log_in_again_is_held_by_the_button_below(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """The form opens filled in, though nobody is logged in any more, and what it asks for keeps them out."""
    alice, carol = sandbox.as_("alice"), sandbox.as_("carol")
    async with start(sandbox, tmp_path, policy=WITH_HOLDS) as bot:
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await carol.click(await carol.sees("waiting for approval", "incidents"), APPROVE)
        over = await alice.sees("audituser is off host1", "incidents")
        await alice.click(over, HOLD_BUTTON)
        form = await sandbox.workspace.until(lambda: alice.modal if "not you" in str(alice.modal) else None)
        await alice.submit(form, {KEEP_OUT: "8h"})

        asked = await carol.sees("Keep audituser out of host1 for 8 h?", "incidents")
        assert "Ends nothing" in asked.text
        assert "INC-42" in asked.text
        await carol.click(asked, APPROVE)
        await alice.sees("✅ *audituser is kept out of host1* until", "incidents")
        assert bot.hosts["host1"].expiry == "2"


async def test_where_one_host_does_not_hold_the_headline_says_so(held_stage: Stage) -> None:
    """Its sessions ended on host1, and host2, where nobody was logged in, keeps nobody out."""
    held_stage.hosts["host2"].unable = "has nothing that would give it back"
    command = HOLD.model_copy(update={"hosts": ("host1", "host2")})
    done = await held_stage.wait(await held_stage.approve(await held_stage.ask(command)))
    story = tell(await held_stage.trail.read(done.id))

    assert in_plain(headline(story)) == "⚠️ audituser is not kept out of host2 · 1 of 1 session ended"
    assert in_plain(outcome(done)) == "⚠️ 1 ended, not held"


async def test_what_nobody_knows_is_not_told_as_known(held_stage: Stage) -> None:
    """The answer to the hold never came: it may stand there, and is listed as a hold."""
    held_stage.hosts["host1"].logout("7")
    held_stage.hosts["host1"].answers_get_lost = True
    done, _ = await kicked(held_stage)
    story = tell(await held_stage.trail.read(done.id))

    assert in_plain(headline(story)) == "⚠️ audituser is not known to be kept out of host1"


async def test_no_hold_is_offered_that_the_form_could_not_take(held_stage: Stage) -> None:
    """The hosts in the button are read as what people type, which is at most 200 characters."""
    done = await held_stage.wait(await held_stage.approve(await held_stage.ask(KICK)))
    assert done.plan is not None
    assert HOLD_BUTTON in actions(done)

    names = [f"{letter * 30}-host" for letter in "abcdef"]
    targets = tuple(done.plan.targets[0].model_copy(update={"host": name}) for name in names)
    many = done.model_copy(update={"plan": done.plan.model_copy(update={"targets": targets})})
    assert HOLD_BUTTON not in actions(many)


async def test_where_no_rule_allows_a_hold_none_is_offered(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """A button that could only be refused is none."""
    alice, carol = sandbox.as_("alice"), sandbox.as_("carol")
    async with start(sandbox, tmp_path):
        await alice.command("incidents", "/kick", "audituser host1 because INC-42")
        await carol.click(await carol.sees("waiting for approval", "incidents"), APPROVE)
        assert HOLD_BUTTON not in str((await alice.sees("audituser is off host1", "incidents")).blocks)
