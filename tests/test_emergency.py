"""Emergencies: where every rule lets them, one person acts without another; two others review it afterwards."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import events
from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, Refused
from bot.lifecycle import REVIEW_AGAIN
from bot.models import Act, Kick, RequestId, Result
from bot.policy import Policy
from bot.request import Request
from bot.sandbox.server import SandboxSlack
from bot.slack.content.in_short import in_one_line
from bot.slack.content.lines import in_plain
from bot.slack.content.tickets import REVIEW, actions
from bot.states import State
from tests import make
from tests.fakes import FakeClock
from tests.slack_bot import POLICY, start
from tests.stage import Stage

ALONE = make.kick(reason="INC-42", emergency=True)
LEADS = {"U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"}


def with_rule(policy: Policy, **changes: Any) -> Policy:
    """The same with its one rule changed."""
    return policy.model_copy(update={"rules": (policy.rules[0].model_copy(update=changes), *policy.rules[1:])})


LETS = with_rule(make.team_policy(owners={"bob": {"U0BOB"}}), emergency=True)


class Died(BaseException):
    """The process ended here."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage whose rule allows an emergency, with one login of audituser and one of bob on each of two hosts."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock, LETS)
        stage.people.groups["S0LEADS"] = set(LEADS)
        for number, host in enumerate(("host1", "host2")):
            stage.hosts[host].login(f"7{number}", "audituser", 1001)
            stage.hosts[host].login(f"8{number}", "bob", 1002)
        yield stage


def ruled(stage: Stage, policy: Policy) -> None:
    """From now on by these rules, in a new process."""
    stage.policy = policy
    stage.restart()


def ended(stage: Stage) -> list[str]:
    return [identity for host in ("host1", "host2") for identity in stage.hosts[host].ended]


async def reviews(stage: Stage) -> list[Request]:
    """Every review that was ever opened."""
    begun = await stage.trail.requests(limit=100)
    return [await stage.request(r[0].request) for r in begun if isinstance(r[0].event, events.ReviewOpened)]


async def acted(stage: Stage, command: Kick = ALONE) -> tuple[Request, Request]:
    """The emergency once it has ended, and its review."""
    done = await stage.wait(await stage.ask(command))
    (review,) = await reviews(stage)
    return done, review


async def word(stage: Stage, review: Request, who: str, *, fine: bool = True, comment: str = "looked at it") -> Request:
    return await stage.workflow.review(stage.origin(who), review.id, fine=fine, comment=comment)


# -- who may not ---------------------------------------------------------------------------------------------


async def test_without_a_rule_nobody_acts_alone(stage: Stage) -> None:
    """Off by default: it is refused, recorded, and nothing ends."""
    ruled(stage, with_rule(LETS, emergency=False))

    with pytest.raises(Refused, match="No rule lets anybody act alone on host1"):
        await stage.ask(ALONE)
    assert ended(stage) == []
    assert await stage.kinds(RequestId(1)) == ["asked", "refused"]


async def test_every_rule_that_decides_has_to_say_so(stage: Stage) -> None:
    """A kick may be an emergency by its rule, and force by another rule not: then together they may not."""
    kick = LETS.rules[0]
    force = kick.model_copy(update={"acts": frozenset({Act.FORCE}), "emergency": False})
    ruled(stage, LETS.model_copy(update={"rules": (kick, force)}))

    with pytest.raises(Refused, match="act alone"):
        await stage.ask(ALONE.model_copy(update={"force": True}))
    await acted(stage)
    assert len(ended(stage)) == 1


async def test_every_host_has_to_say_so(stage: Stage) -> None:
    """One of two hosts falls under a rule without it: nothing is done on either."""
    one = LETS.rules[0].model_copy(update={"hosts": frozenset({"host1"})})
    other = one.model_copy(update={"hosts": frozenset({"host2"}), "emergency": False})
    ruled(stage, LETS.model_copy(update={"rules": (one, other)}))

    with pytest.raises(Refused, match="act alone on host2"):
        await stage.ask(ALONE.model_copy(update={"hosts": ("host1", "host2")}))
    assert ended(stage) == []


@pytest.mark.parametrize("who", ["U0GUS", "U0ZOE", "U0MALLORY"])
async def test_who_may_not_ask_may_not_act_alone(stage: Stage, who: str) -> None:
    """A guest, someone who left, and someone whom no rule names."""
    with pytest.raises(Refused):
        await stage.ask(ALONE, who)
    assert ended(stage) == []


async def test_a_reason_is_always_needed(stage: Stage) -> None:
    """Also where the rule doesn't ask for one, and wherever the command came from."""
    with pytest.raises(Refused, match="An emergency needs a reason"):
        await stage.ask(ALONE.model_copy(update={"reason": ""}))
    assert ended(stage) == []


async def test_where_too_few_could_review_nobody_acts_alone(stage: Stage) -> None:
    """It could never be closed: with one lead besides the asker it is refused."""
    stage.people.groups["S0LEADS"] = {"U0ALICE", "U0CAROL"}
    with pytest.raises(Refused, match="reviewed by 2 other people, and only 1 could"):
        await stage.ask(ALONE)
    assert ended(stage) == []


async def test_protected_accounts_stay_protected(stage: Stage) -> None:
    """Whatever the emergency."""
    ruled(stage, LETS.model_copy(update={"protected": frozenset({"root", "audituser"})}))
    with pytest.raises(Refused, match="protected"):
        await stage.ask(ALONE)
    assert ended(stage) == []


@pytest.mark.parametrize("above", ["no", "approval"])
@pytest.mark.parametrize("bound", ["requests_per_hour", "hosts_per_hour", "max_hosts"])
async def test_no_bound_is_passed_by_one_approval_more(stage: Stage, bound: str, above: str) -> None:
    """Where nobody approves there is none: it is no, at the latest once its plan is known."""
    ruled(stage, with_rule(LETS, above=above, **{bound: 1}))
    await acted(stage, ALONE.model_copy(update={"hosts": ("host1",)}))
    two = ALONE.model_copy(update={"hosts": ("host1", "host2"), "user": "bob"})
    stage.people.groups["S0LEADS"] |= {"U0ERIN"}

    try:
        refused = (await stage.wait(await stage.ask(two))).state
    except Refused:
        refused = State.REFUSED

    assert refused is State.REFUSED
    assert len(ended(stage)) == 1


async def test_more_than_max_sessions_is_no(stage: Stage) -> None:
    """Everyone above the limit would need one approval more."""
    acts = frozenset({Act.KICK, Act.EVERYONE})
    everyone = make.kick("host1", user="everyone", me=True, reason="INC-42", emergency=True)
    stage.people.groups["S0LEADS"] |= {"U0ERIN"}
    ruled(stage, with_rule(LETS, acts=acts, max_sessions=1))
    assert (await stage.wait(await stage.ask(everyone))).state is State.REFUSED
    assert ended(stage) == []

    ruled(stage, with_rule(LETS, acts=acts, max_sessions=2))
    assert len((await stage.wait(await stage.ask(everyone))).outcomes) == 2


async def test_the_freeze_stops_emergencies_too(stage: Stage) -> None:
    """None can be asked; one that is asked already does nothing."""
    asked = await stage.ask_only(ALONE)
    frozen = await stage.workflow.freeze(stage.origin("U0BOB"), "wrong rule")
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)
    with pytest.raises(ActingFrozen):
        await stage.ask(ALONE)
    assert ended(stage) == []

    for who in ("U0BOB", "U0CAROL"):
        await stage.workflow.unfreeze(stage.origin(who), frozen.id)
    await stage.wait(await stage.workflow.drive(asked.id))
    assert len(ended(stage)) == 1


# -- right before it acts ------------------------------------------------------------------------------------


async def warned(stage: Stage) -> Request:
    """An emergency whose user was told, with a minute left."""
    waiting = await stage.ask(ALONE.model_copy(update={"warn": 60}))
    assert (waiting.state, len(stage.hosts["host1"].told)) == (State.WARNED, 1)
    return waiting


async def test_a_right_that_was_lost_meanwhile_stops_it(stage: Stage) -> None:
    """Whoever acts alone is no longer among those who may ask."""
    waiting = await warned(stage)
    stage.people.groups["S0SRE"].discard("U0ALICE")

    over = await stage.wait(waiting)

    assert (over.state, ended(stage)) == (State.LAPSED, [])
    assert [r.state for r in await reviews(stage)] == [State.REVIEW]


async def test_a_rule_that_lets_it_no_longer_stops_it(stage: Stage) -> None:
    """kickbot.toml was changed meanwhile."""
    waiting = await warned(stage)
    ruled(stage, with_rule(LETS, emergency=False))

    over = await stage.wait(waiting)

    assert (over.state, ended(stage)) == (State.LAPSED, [])
    assert "act alone" in over.reason


@pytest.mark.parametrize("who", ["U0ALICE", "U0CAROL"])
async def test_until_the_end_of_the_warning_it_can_be_stopped(stage: Stage, who: str) -> None:
    """By whoever asked, and by those who were passed over; it is reviewed all the same."""
    waiting = await warned(stage)
    over = await stage.workflow.cancel(stage.origin(who), waiting.id, waiting.plan_hash)

    assert (over.state, ended(stage)) == (State.CANCELLED, [])
    assert [r.state for r in await reviews(stage)] == [State.REVIEW]


async def test_it_is_never_approved_by_anybody(stage: Stage) -> None:
    """A click on Approve counts for nothing, in any state, and is no approval in the trail."""
    waiting = await warned(stage)
    with pytest.raises(Refused, match="Nobody had to approve this"):
        await stage.workflow.approve(stage.origin("U0CAROL"), waiting.id, waiting.plan_hash)
    over = await stage.wait(await stage.request(waiting.id))

    kinds = await stage.kinds(over.id)
    assert "approved" not in kinds
    assert (kinds.count("permitted"), over.decisions) == (1, ())


async def test_a_forged_click_before_it_is_permitted_counts_for_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process died in between, so it waits; no button is shown, and an approval is refused all the same."""
    append = stage.trail.append

    async def dying(number: RequestId | None, event: events.Event, **more: Any) -> Any:
        if isinstance(event, events.Permitted):
            raise Died
        return await append(number, event, **more)

    monkeypatch.setattr(stage.trail, "append", dying)
    with pytest.raises(Died):
        await stage.ask(ALONE)
    monkeypatch.setattr(stage.trail, "append", append)
    stage.restart()
    waiting = await stage.request(RequestId(1))

    assert (waiting.state, actions(waiting)) == (State.PENDING, ())
    with pytest.raises(Refused, match="Nobody has to approve this"):
        await stage.workflow.approve(stage.origin("U0CAROL"), waiting.id, waiting.plan_hash)
    assert (await stage.wait(waiting)).permitted


async def test_a_button_starts_no_emergency(stage: Stage) -> None:
    """What is offered after one is an ordinary request, which waits for an approval."""
    stage.hosts["host1"].stubborn |= set(stage.hosts["host1"].sessions)
    stage.hosts["host1"].ended_by = {"force"}
    ruled(stage, with_rule(LETS, acts=frozenset({Act.KICK, Act.FORCE})))
    done, _ = await acted(stage)
    assert {o.result for o in done.outcomes} == {Result.SURVIVED}

    next_level = await stage.workflow.again(stage.origin("U0ALICE"), done.id, done.plan_hash, force=True)
    assert (await stage.workflow.drive(next_level.id)).state is State.PENDING


# -- what it does --------------------------------------------------------------------------------------------


async def test_someone_acts_alone_and_the_trail_says_so(stage: Stage) -> None:
    """Nobody clicks: it is permitted in the asker's name, ends, and waits for its review."""
    done, review = await acted(stage)

    assert (done.state, done.emergency, done.permitted) == (State.CLOSED, True, True)
    assert len(ended(stage)) == 1
    permitted = next(r.event for r in await stage.trail.read(done.id) if isinstance(r.event, events.Permitted))
    assert (permitted.who, permitted.emergency) == ("U0ALICE", True)
    assert review.review is not None
    assert (review.review.of, review.review.asker, review.review.reason) == (done.id, "U0ALICE", "INC-42")
    assert set(review.review.reviewers) == LEADS - {"U0ALICE"}


async def test_the_canary_goes_first(stage: Stage) -> None:
    """On a rule with one, the first host is judged before the other one is touched."""
    ruled(stage, with_rule(LETS, canary=True))
    await acted(stage, ALONE.model_copy(update={"hosts": ("host1", "host2")}))

    kinds = await stage.kinds(RequestId(1))
    assert kinds.index("judged") < len(kinds) - 1 - kinds[::-1].index("ending")
    assert len(ended(stage)) == 2


async def test_where_nothing_is_to_end_there_is_nothing_to_review(stage: Stage) -> None:
    """Nobody acted."""
    stage.hosts["host1"].logout("70")
    closed = await stage.wait(await stage.ask(ALONE))
    assert (closed.state, await reviews(stage)) == (State.CLOSED, [])


async def test_no_death_of_the_process_loses_the_review_or_opens_two(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before and after each thing that is recorded: it ends once, and there is exactly one review."""
    append, at, count = stage.trail.append, 0, 0

    async def dying(*given: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            raise Died
        record = await append(*given, **more)
        count += 1
        if count == at:
            raise Died
        return record

    asked = await stage.ask_only(ALONE)
    monkeypatch.setattr(stage.trail, "append", dying)
    request = asked
    while not request.state.final:
        at, count = at + 1, 0
        try:
            request = await stage.wait(request)
        except Died:
            stage.restart()
            request = await stage.request(asked.id)

    assert at > 5
    assert len(ended(stage)) == 1
    assert [r.state for r in await reviews(stage)] == [State.REVIEW]
    assert (await stage.kinds(asked.id)).count("permitted") == 1


# -- who may not review --------------------------------------------------------------------------------------


async def test_whoever_acted_reviews_nothing(stage: Stage) -> None:
    """Though they could approve what others ask."""
    _, review = await acted(stage)
    with pytest.raises(Refused, match="You acted alone there"):
        await word(stage, review, "U0ALICE")
    assert (await stage.request(review.id)).found == ()


async def test_nobody_reviews_twice(stage: Stage) -> None:
    """The second word of one person is none."""
    _, review = await acted(stage)
    await word(stage, review, "U0CAROL")
    with pytest.raises(Refused, match="You reviewed this already"):
        await word(stage, review, "U0CAROL", fine=False)
    assert (await stage.request(review.id)).state is State.REVIEW


async def test_an_owner_of_the_account_reviews_nothing(stage: Stage) -> None:
    """Bob's own sessions ended: Carol and Dave have to say whether that was right."""
    _, review = await acted(stage, ALONE.model_copy(update={"user": "bob"}))
    with pytest.raises(Refused, match="your own account"):
        await word(stage, review, "U0BOB")
    await word(stage, review, "U0CAROL")
    assert (await word(stage, review, "U0DAVE")).state is State.REVIEWED


@pytest.mark.parametrize("who", ["U0GUS", "U0MALLORY"])
async def test_who_could_not_have_approved_it_reviews_nothing(stage: Stage, who: str) -> None:
    """A guest, and someone whom no rule names."""
    stage.people.groups["S0LEADS"].add("U0GUS")
    _, review = await acted(stage)
    with pytest.raises(Refused):
        await word(stage, review, who)
    assert (await stage.request(review.id)).found == ()


async def test_where_the_rule_is_gone_the_answer_says_what_to_do(stage: Stage) -> None:
    """Nobody can review it then; with a rule that names approvers again, two of them can."""
    _, review = await acted(stage)
    rules = stage.policy
    stage.policy = rules.model_copy(update={"rules": ()})
    stage.restart()
    for who in ("U0CAROL", "U0BOB", "U0DAVE"):
        with pytest.raises(Refused, match=r"No rule says any more .* on host1, .* with `approve` for it again"):
            await word(stage, review, who)
    assert (await stage.request(review.id)).found == ()

    stage.policy = rules.model_copy(
        update={"rules": (rules.rules[0].model_copy(update={"emergency": False, "approve": ("U0CAROL", "U0DAVE")}),)}
    )
    stage.restart()
    with pytest.raises(Refused, match="not among"):
        await word(stage, review, "U0BOB")
    await word(stage, review, "U0CAROL")
    assert (await word(stage, review, "U0DAVE")).state is State.REVIEWED


async def test_a_reviewer_who_lost_the_right_counts_no_longer(stage: Stage) -> None:
    """Carol reviewed and left the leads: it takes another two."""
    _, review = await acted(stage)
    await word(stage, review, "U0CAROL")
    stage.people.groups["S0LEADS"].discard("U0CAROL")

    assert (await word(stage, review, "U0BOB")).state is State.REVIEW
    assert (await word(stage, review, "U0DAVE")).state is State.REVIEWED


async def test_nothing_is_reviewed_before_it_is_over(stage: Stage) -> None:
    """It was opened, and the process died before the emergency ended."""
    waiting = await warned(stage)
    opened = events.ReviewOpened(
        key=f"review {waiting.id}-{waiting.plan_hash[:16]}",
        home="C0",
        of=waiting.id,
        asker="U0ALICE",
        user="audituser",
        hosts=("host1",),
        reason="INC-42",
    )
    await stage.trail.append(None, opened)
    (review,) = await reviews(stage)

    with pytest.raises(Refused, match="isn't over yet"):
        await word(stage, review, "U0CAROL")
    await stage.wait(waiting)
    assert len(await reviews(stage)) == 1
    assert (await word(stage, review, "U0CAROL")).state is State.REVIEW


async def test_an_old_button_changes_nothing(stage: Stage) -> None:
    """Of a review that is over, and of a request that is none."""
    done, review = await acted(stage)
    for who in ("U0CAROL", "U0BOB"):
        await word(stage, review, who)

    with pytest.raises(Refused, match="reviewed already"):
        await word(stage, review, "U0DAVE", fine=False)
    with pytest.raises(Refused, match="no review"):
        await word(stage, done, "U0DAVE")
    assert [w.who for w in (await stage.request(review.id)).found] == ["U0CAROL", "U0BOB"]


async def test_a_review_without_a_word_is_none(stage: Stage) -> None:
    """Blanks are none either."""
    _, review = await acted(stage)
    with pytest.raises(Refused, match="needs a word"):
        await word(stage, review, "U0CAROL", comment=" \n ")
    assert (await stage.request(review.id)).found == ()


async def test_each_host_needs_its_own_two(stage: Stage) -> None:
    """Where other people approve on each host, two of one host are not enough for the other."""
    one = LETS.rules[0].model_copy(update={"hosts": frozenset({"host1"}), "approve": ("U0BOB", "U0CAROL")})
    other = one.model_copy(update={"hosts": frozenset({"host2"}), "approve": ("U0DAVE", "U0CAROL")})
    ruled(stage, LETS.model_copy(update={"rules": (one, other)}))
    _, review = await acted(stage, ALONE.model_copy(update={"hosts": ("host1", "host2")}))

    states = [(await word(stage, review, who)).state for who in ("U0BOB", "U0CAROL", "U0DAVE")]

    assert states == [State.REVIEW, State.REVIEW, State.REVIEWED]


# -- the review ----------------------------------------------------------------------------------------------


async def test_two_people_close_it_and_their_words_stay(stage: Stage) -> None:
    """Whatever they found: one no stands there for good."""
    _, review = await acted(stage)
    assert actions(review) == (REVIEW,)
    await word(stage, review, "U0CAROL")
    over = await word(stage, review, "U0BOB", fine=False, comment="he was\non call")

    assert (over.state, actions(over)) == (State.REVIEWED, ())
    assert [(w.who, w.fine, w.comment) for w in over.found] == [
        ("U0CAROL", True, "looked at it"),
        ("U0BOB", False, "he was on call"),
    ]
    assert await stage.kinds(review.id) == ["review_opened", "review_given", "reviewed"]


async def test_lists_say_that_nobody_approved_it_and_who_reviewed(stage: Stage) -> None:
    """In one line each, as `/audit` and the Home tab show them."""
    done, review = await acted(stage)
    await word(stage, review, "U0CAROL")
    over = await word(stage, review, "U0BOB", fine=False)

    assert "audituser off host1 (emergency)" in in_plain(in_one_line(done))
    assert "asked by <@U0ALICE>, approved by nobody (an emergency)" in in_plain(in_one_line(done))
    assert "⚠️ reviewed: not fine" in in_plain(in_one_line(over))
    assert "asked by <@U0ALICE>, reviewed by <@U0CAROL> and <@U0BOB>" in in_plain(in_one_line(over))


async def test_while_it_is_open_people_are_reminded_each_day(stage: Stage) -> None:
    """Only those who have not said anything yet."""
    _, review = await acted(stage)
    await word(stage, review, "U0CAROL")
    for day in (1, 2):
        stage.clock.now = review.at + day * REVIEW_AGAIN + timedelta(minutes=day)
        await stage.workflow.drive(review.id)
        await stage.workflow.drive(review.id)

    reminded = [r.event for r in await stage.trail.read(review.id) if isinstance(r.event, events.Reminded)]
    assert [set(event.approvers) for event in reminded] == [{"U0BOB", "U0DAVE"}] * 2


# -- in Slack ------------------------------------------------------------------------------------------------


async def test_an_emergency_and_its_review_in_slack(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Alice acts alone; those who were passed over hear of it at once; two of them close it, one by the Home tab."""
    alice, bob, carol = (sandbox.as_(name) for name in ("alice", "bob", "carol"))
    lets = with_rule(POLICY, emergency=True, approve=("U0BOB", "U0CAROL"))
    async with start(sandbox, tmp_path, policy=lets) as bot:
        await alice.command("inc-4711", "/kick", "audituser host1 emergency because INC-42")
        await bob.sees("acts alone in an emergency", "incidents")
        for person in (bob, carol):
            await person.sees("nobody approved this", "@kickbot")
        card = await alice.sees("audituser is off host1", "inc-4711")
        assert "approved by nobody (*an emergency*)" in card.text
        assert "two other people review it" in card.text.lower()
        assert bot.hosts["host1"].ended

        review = await carol.sees("To be reviewed", "inc-4711")
        await alice.command("inc-4711", "/kickbot", "reviews")
        await alice.sees("To be reviewed (1)")
        await alice.open_home()
        assert REVIEW not in str(await alice.sees_home("To be reviewed (1)"))
        await carol.click(review, REVIEW)
        form = await sandbox.workspace.until(lambda: carol.modal if "find" in str(carol.modal) else None)
        await carol.submit(form, {"verdict": "fine", "comment": "the laptop was stolen"})
        await carol.sees("It needs another person's review too")

        await bob.open_home()
        home = await bob.sees_home("To be reviewed (1)")
        assert REVIEW in str(home)
        await bob.click(home, REVIEW)
        form = await sandbox.workspace.until(lambda: bob.modal if "find" in str(bob.modal) else None)
        await bob.submit(form, {"verdict": "not_fine", "comment": "I was awake, ask me"})
        over = await alice.sees("reviewed: not fine", "inc-4711")

        assert over.ts == review.ts
        assert REVIEW not in str(over.blocks)
        assert "I was awake, ask me" in over.text
        await alice.sees("reviewed: not fine", "incidents")
