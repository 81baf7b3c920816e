"""A request is its events, replayed. Events that may not follow first."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import events, lifecycle
from bot.errors import TrailError
from bot.events import FINAL as FINAL_KINDS
from bot.events import LISTINGS, WITHOUT_EFFECT, Event
from bot.lifecycle import FOLLOWS
from bot.models import Outcome, RequestId, Result, Series
from bot.request import AT_ONCE, GIVE_UP, LOOK_AGAIN, TRY_AGAIN, Request
from bot.states import State
from tests import make
from tests.make import APPROVER, ASKER, INCIDENT, OTHER, START

THERE = make.snapshot(make.session("7"), make.session("8"))
PLAN = make.plan(THERE)
STEPS = [make.step(target, rung, attempt) for target in PLAN.targets for rung in target.rungs for attempt in (1, 2)]
FROZEN = events.Frozen(who=APPROVER, key="k", channel="C0OPS", home=INCIDENT, reason="wrong rule deployed")
HELD = events.Held(
    key="k2", home=INCIDENT, of=RequestId(5), id="5-cccc", target=PLAN.targets[0], until=START + timedelta(hours=2)
)
REVIEW = events.ReviewOpened(
    key="r", home=INCIDENT, of=RequestId(1), asker=ASKER, user="audituser", hosts=("host1",), reason="INC-42"
)
EXPORTED = events.Exported(by="root on bastion1", what="jsonl", up_to=4, read_at=make.START)
READ = events.Read(key="read", by="root on bastion1", what="list", requests=3, read_at=make.START)
TO_DROP = events.RetentionAsked(
    who=ASKER,
    key="k",
    channel="C0OPS",
    home="C0INCIDENT",
    before=make.START,
    up_to=0,
    bodies=2,
    size=9,
    decide_by=make.START + timedelta(days=1),
)
LOOKED = events.Looked(who=ASKER, key="k", channel="C0OPS", hosts=("host1", "host2"), looks=())

# One event of each kind that may follow another.
NEXT: dict[str, Event] = {
    e.kind: e
    for e in (
        events.Refused(reason="no"),
        make.observed("acting", THERE),
        make.planned(PLAN),
        events.Reminded(then=("S0MANAGERS",), approvers=(APPROVER,)),
        make.approved(PLAN),
        events.Permitted(plan_hash=PLAN.hash, act_by=START + timedelta(minutes=30)),
        events.Denied(who=APPROVER, plan_hash=PLAN.hash, reason="wait"),
        events.Cancelled(who=ASKER),
        events.Expired(),
        events.Lapsed(reason="too late"),
        events.DecisionRefused(who=OTHER, action="approve", reason="not you"),
        events.WrongCode(who=APPROVER, action="approve"),
        events.Warned(act_at=START + timedelta(minutes=5)),
        make.ending(STEPS[0]),
        make.signalled(STEPS[0]),
        events.Judged(hosts=("host1",), outcomes=()),
        events.Verifying(),
        events.Closed(outcomes=(), note="done"),
        events.UnfreezeAsked(who=APPROVER),
        events.Unfrozen(who=OTHER),
        events.UnholdAsked(who=ASKER),
        events.UnholdApproved(who=OTHER, complete=True),
        events.Overdue(reason="host1 did not answer"),
        events.Released(how="given", by="kickbot"),
        events.ReviewGiven(who=APPROVER, fine=True, comment="seen", hosts=("host1",)),
        events.Reviewed(who=OTHER, fine=False, comment="seen", hosts=("host1",)),
        events.RetentionApproved(who=APPROVER),
        events.Dropped(),
    )
}

# A shortest story into each state.
ASKED = (make.asked(),)
PENDING = (*ASKED, make.observed("before", THERE), make.planned(PLAN))
APPROVED = (*PENDING, make.approved(PLAN))
WARNED = (*APPROVED, make.observed("warning", THERE), *make.tried(make.warning()), NEXT["warned"])
ACTING = (*APPROVED, make.observed("acting", THERE), make.ending(STEPS[0]))
VERIFYING = (*ACTING, make.signalled(STEPS[0]), events.Verifying())
INTO: dict[State, tuple[Event, ...]] = {
    State.ASKED: ASKED,
    State.PENDING: PENDING,
    State.APPROVED: APPROVED,
    State.WARNED: WARNED,
    State.ACTING: ACTING,
    State.VERIFYING: VERIFYING,
    State.REFUSED: (*ASKED, NEXT["refused"]),
    State.DENIED: (*PENDING, NEXT["denied"]),
    State.CANCELLED: (*PENDING, NEXT["cancelled"]),
    State.EXPIRED: (*PENDING, NEXT["expired"]),
    State.LAPSED: (*APPROVED, NEXT["lapsed"]),
    State.CLOSED: (*VERIFYING, NEXT["closed"]),
    State.LOOKED: (LOOKED,),
    State.EXPORTED: (EXPORTED,),
    State.FROZEN: (FROZEN,),
    State.UNFROZEN: (FROZEN, NEXT["unfrozen"]),
    State.HELD: (HELD,),
    State.RELEASED: (HELD, NEXT["released"]),
    State.REVIEW: (REVIEW,),
    State.REVIEWED: (REVIEW, NEXT["reviewed"]),
    State.READ: (READ,),
    State.TO_DROP: (TO_DROP,),
    State.DROPPING: (TO_DROP, NEXT["retention_approved"]),
    State.DROPPED: (TO_DROP, NEXT["retention_approved"], NEXT["dropped"]),
}

# What may be recorded in each state besides a click that doesn't count; nothing else may.
MAY_FOLLOW: dict[State, set[str]] = {
    State.ASKED: {"refused", "observed", "planned", "cancelled", "closed"},
    State.PENDING: {"reminded", "approved", "denied", "cancelled", "expired"},
    State.APPROVED: {"observed", "cancelled", "lapsed", "warned", "ending", "judged", "verifying"},
    State.WARNED: {"observed", "cancelled", "lapsed", "ending", "judged", "verifying"},
    State.ACTING: {"observed", "ending", "signalled", "judged", "verifying"},
    State.VERIFYING: {"observed", "closed"},
    State.FROZEN: {"unfreeze_asked", "unfrozen"},
    State.HELD: {"unhold_asked", "unhold_approved", "overdue", "released"},
    State.REVIEW: {"reminded", "review_given", "reviewed"},
    State.TO_DROP: {"retention_approved", "cancelled", "expired"},
    State.DROPPING: {"dropped"},
}


def told(*story: Event, every: timedelta = timedelta(seconds=1)) -> Request:
    return lifecycle.replay(make.records(*story, every=every))


# ------------------------------------------------------------------------------------------------ what may not follow


@pytest.mark.parametrize("kind", NEXT)
@pytest.mark.parametrize("state", State)
def test_what_may_follow(state: State, kind: str) -> None:
    """In each state exactly the events of the table may follow; every other one raises."""
    story = INTO[state]
    request = told(*story)
    assert request.state is state

    if kind in MAY_FOLLOW.get(state, set()) | WITHOUT_EFFECT:
        assert lifecycle.may_follow(request, NEXT[kind])
        assert told(*story, NEXT[kind]).newest == len(story) + 1
    else:
        assert not lifecycle.may_follow(request, NEXT[kind])
        with pytest.raises(TrailError, match=f"{kind} can't follow in the state {state}"):
            told(*story, NEXT[kind])


@pytest.mark.parametrize("kind", NEXT)
def test_no_beginning(kind: str) -> None:
    """A request begins with a question, a look or a freeze, and with nothing else."""
    with pytest.raises(TrailError, match="can't be the first"):
        told(NEXT[kind])


@pytest.mark.parametrize("first", [make.asked(), LOOKED, FROZEN])
def test_no_second_beginning(first: Event) -> None:
    """A question, a look or a freeze can't follow anything."""
    with pytest.raises(TrailError):
        told(*PENDING, first)


def test_nothing() -> None:
    """No events are no request."""
    with pytest.raises(TrailError, match="no such request"):
        lifecycle.replay([])


def test_answer_without_its_intent() -> None:
    """An answer to a step that was never recorded as an intent, or was answered already, raises."""
    with pytest.raises(TrailError, match="without its intent"):
        told(*ACTING, make.signalled(STEPS[1]))
    with pytest.raises(TrailError, match="without its intent"):
        told(*ACTING, make.signalled(STEPS[0]), make.signalled(STEPS[0]))


@pytest.mark.parametrize(
    ("sweep", "approvals", "may"),
    [
        (make.series(action="end"), 0, True),
        (make.series(action="end"), 1, False),
        (make.series(action="propose"), 0, False),
    ],
    ids=["ends", "fell back", "proposes"],
)
def test_only_a_sweep_is_permitted_by_the_configuration(sweep: Series, approvals: int, may: bool) -> None:
    """One that ends, whose plan needs nobody; and then it is approved by no person."""
    asked = make.asked(who="kickbot", command=sweep.command, sweep=sweep.sweep, not_before=START)
    story = (asked, make.observed("before", THERE), make.planned(PLAN, approvals=approvals))

    assert lifecycle.may_follow(told(*story), NEXT["permitted"]) is may
    if may:
        request = told(*story, NEXT["permitted"])
        assert (request.state, request.permitted, request.decisions) == (State.APPROVED, True, ())
        assert told(*story).due == AT_ONCE
        with pytest.raises(TrailError, match="another plan"):
            told(*story, events.Permitted(plan_hash="f" * 64, act_by=START))


@pytest.mark.parametrize(("approvals", "may"), [(0, True), (1, False)])
def test_an_emergency_is_permitted_and_never_approved(approvals: int, may: bool) -> None:
    """Its plan says that it needs nobody; and no approval may ever follow it."""
    asked = make.asked(command=make.kick(reason="INC-42", emergency=True))
    story = (asked, make.observed("before", THERE), make.planned(PLAN, approvals=approvals))

    assert lifecycle.may_follow(told(*story), NEXT["permitted"]) is may
    assert not lifecycle.may_follow(told(*story), NEXT["approved"])
    assert told(*story).emergency


def test_a_sweep_is_no_emergency() -> None:
    """Whatever its command says."""
    sweep = make.series(action="propose")
    command = sweep.command.model_copy(update={"emergency": True})
    asked = make.asked(who="kickbot", command=command, sweep=sweep.sweep, not_before=START)
    story = (asked, make.observed("before", THERE), make.planned(PLAN, approvals=0))

    assert not told(*story).emergency
    assert not lifecycle.may_follow(told(*story), NEXT["permitted"])


def test_a_run_is_not_due_before_its_time() -> None:
    """Kickbot asked for it long before."""
    sweep = make.series()
    asked = make.asked(command=sweep.command, sweep=sweep.sweep, not_before=START + timedelta(days=1))
    assert told(asked).due == START + timedelta(days=1)


def test_incomplete_approval() -> None:
    """An approval that isn't the last needed one leaves the request pending: nothing may act."""
    request = told(*PENDING, make.approved(PLAN, complete=False))

    assert request.state is State.PENDING
    assert request.approved_at is None
    assert request.act_by is None
    assert not request.may_act
    assert request.due == request.remind_at


@pytest.mark.parametrize("kind", sorted(WITHOUT_EFFECT))
@pytest.mark.parametrize("state", State)
def test_click_that_does_not_count(state: State, kind: str) -> None:
    """A click or a code that doesn't count changes nothing in any state, not even when the request is due."""
    before = told(*INTO[state])

    after = told(*INTO[state], NEXT[kind])

    assert after == before.model_copy(update={"newest": before.newest + 1})


def test_table_names_every_kind() -> None:
    """The table of what may follow speaks about every kind of event but those that begin, and every state."""
    assert set(FOLLOWS) == set(NEXT)
    assert set(INTO) == set(State)


def test_kinds_that_end_lead_to_states_that_end() -> None:
    """What the trail takes for the end of a request is what the replay does."""
    leads = {kind: state for kind, (_, state) in FOLLOWS.items() if state is not None}

    assert {kind for kind, state in leads.items() if state.final} | LISTINGS == FINAL_KINDS


# ------------------------------------------------------------------------------------------------ any story

ANY_EVENT: st.SearchStrategy[Event] = st.sampled_from(
    [
        *NEXT.values(),
        make.observed("before", THERE),
        make.observed("after", make.unreachable()),
        make.approved(PLAN, who=OTHER, complete=False),
        *(make.ending(step) for step in STEPS),
        *(make.signalled(step, status) for step in STEPS for status in ("done", "unknown", "refused")),
    ]
)
PROBABLE: st.SearchStrategy[Event] = st.sampled_from(
    [make.observed("before", THERE), make.planned(PLAN), make.approved(PLAN)]
)


@given(st.data(), st.sampled_from([ASKED, PENDING, APPROVED, (LOOKED,), (FROZEN,)]))
def test_any_walk(data: st.DataObject, start: tuple[Event, ...]) -> None:
    """Whatever is tried after one another: replaying equals advancing, and the invariants of a request hold."""
    records = make.records(*start)
    request = lifecycle.replay(records)
    for event in data.draw(st.lists(ANY_EVENT | PROBABLE, max_size=25)):
        record = make.records(*(r.event for r in records), event, every=timedelta(seconds=9))[-1]
        may = lifecycle.may_follow(request, event)
        try:
            after = lifecycle.advance(request, record)
        except TrailError:
            assert not may or event.kind == "signalled"
            continue
        assert may
        check_step(request, event, after)
        records.append(record)
        request = after

    assert lifecycle.replay(records) == request


def check_step(before: Request, event: Event, after: Request) -> None:
    """What holds for every event that was taken."""
    assert after.id == before.id
    assert after.newest > before.newest
    assert after.at >= before.at
    assert (after.asker, after.asked_at, after.home) == (before.asker, before.asked_at, before.home)
    if before.state.final:
        assert event.kind in WITHOUT_EFFECT
    if event.kind in WITHOUT_EFFECT:
        assert after == before.model_copy(update={"newest": after.newest})
    assert (after.due is None) is (after.state.final or after.state is State.FROZEN)
    assert len(after.attempts) >= len(before.attempts)
    if after.may_act or after.state is State.VERIFYING:
        assert after.approved_at is not None
    if after.attempts:
        assert after.approved_at is not None


# ------------------------------------------------------------------------------------------------ due times


@pytest.mark.parametrize("state", [s for s in State if s.final])
def test_final_is_never_due(state: State) -> None:
    """A request that has ended is never due again, whatever is clicked afterwards."""
    assert told(*INTO[state]).due is None
    assert told(*INTO[state], NEXT["decision_refused"]).due is None


def test_pending_is_due_for_its_reminder_and_at_its_end() -> None:
    """A pending request is due after two thirds of its time, once reminded at its end; a click moves neither."""
    planned = told(*PENDING)
    assert planned.remind_at is not None
    assert planned.due == planned.remind_at
    assert timedelta(minutes=9, seconds=50) < planned.remind_at - START < timedelta(minutes=10, seconds=10)
    assert told(*PENDING, NEXT["decision_refused"]).due == planned.remind_at
    assert told(*PENDING, NEXT["reminded"]).due == START + timedelta(minutes=15)


def test_a_reminder_changes_nothing_that_a_decision_is_judged_by() -> None:
    """Whoever decides while people are reminded is not told that it was too late."""
    planned, reminded = told(*PENDING), told(*PENDING, NEXT["reminded"])
    assert (reminded.changed, reminded.at, reminded.state) == (planned.changed, planned.at, planned.state)


@pytest.mark.parametrize("story", [ASKED, PENDING[:2], APPROVED, ACTING[:-1], (*ACTING, make.signalled(STEPS[0]))])
def test_due_at_once(story: tuple[Event, ...]) -> None:
    """What was asked or approved, and what was answered, is due at once, even if the trail's clock was ahead."""
    assert told(*story).due == AT_ONCE


def test_unanswered_is_due_when_the_host_may_not_start_any_more() -> None:
    """An intent without its answer is due at its `answer_by`: the latest one, if there are several."""
    later = make.ending(STEPS[4], answer_by=START + timedelta(seconds=50))

    assert told(*ACTING).due == START + timedelta(seconds=20)
    assert told(*ACTING, later).due == START + timedelta(seconds=50)


def test_verifying_is_due_at_once_and_then_in_a_while() -> None:
    """Looks after the last step begin at once; as long as a host is lost they come again, until it is given up."""
    first = told(*VERIFYING)
    again = told(*VERIFYING, make.observed("after", make.unreachable()))

    assert first.due == AT_ONCE
    assert again.due == again.at + LOOK_AGAIN
    assert first.give_up_at == again.give_up_at == first.at + GIVE_UP
    assert told(*ACTING).give_up_at is None


def test_a_lost_host_where_nothing_was_tried_is_waited_for() -> None:
    """An approved host that can't be looked at is tried again in a while, until nothing may start any more."""
    request = told(*APPROVED, make.observed("acting", make.unreachable()))
    late = told(*APPROVED, make.observed("acting", make.unreachable()), every=timedelta(minutes=10))

    assert request.waiting_for == {"host1"}
    assert request.due == request.at + TRY_AGAIN
    assert late.due == late.act_by
    assert told(*ACTING, make.observed("acting", make.unreachable())).waiting_for == frozenset()


def test_a_click_that_does_not_count_changes_nothing() -> None:
    """A refused decision is the newest event, but not a change after which a decision must be judged again."""
    before, after = told(*PENDING), told(*PENDING, NEXT["decision_refused"])

    assert after.newest > before.newest
    assert after.changed == before.changed


def test_act_by() -> None:
    """Nothing starts after the moment that the approval names, which the trail's own time of it can't move."""
    request = told(*APPROVED)

    assert request.approved_at == START + timedelta(seconds=3)
    assert request.act_by == START + timedelta(minutes=30)
    assert told(*PENDING).act_by is None


# ------------------------------------------------------------------------------------------------ what is remembered


def test_asked() -> None:
    """A question keeps who asked, when, where, in which words and for what."""
    request = told(make.asked(channel="C0OPS", words="audituser host1 because x"))

    assert (request.asker, request.channel, request.home) == (ASKER, "C0OPS", INCIDENT)
    assert (request.asked_at, request.words) == (START, "audituser host1 because x")
    assert request.command == make.kick()
    assert request.hosts == ("host1",)


def test_frozen() -> None:
    """A freeze is a request of its own that nobody drives; who would release it is remembered, and when."""
    freeze = told(FROZEN, events.UnfreezeAsked(who=APPROVER))

    assert (freeze.asker, freeze.home, freeze.reason) == (APPROVER, INCIDENT, "wrong rule deployed")
    assert [(decision.who, decision.at) for decision in freeze.decisions] == [(APPROVER, freeze.at)]
    assert freeze.due is None
    assert not freeze.may_act


def test_looked() -> None:
    """A listing is a request that has ended, with the hosts as its words."""
    request = told(LOOKED)

    assert (request.state, request.home, request.words) == (State.LOOKED, "C0OPS", "host1 host2")
    assert request.command is None
    assert request.hosts == ()


def test_planned() -> None:
    """A plan keeps its hash, its clocks, who could approve, and from then on its own hosts."""
    looks = (make.snapshot(make.session()), make.snapshot(host="host2"))

    request = told(*make.pending(*looks, approvals=2, groups=("S0LEADS",)))

    assert request.plan == make.plan(*looks)
    assert request.plan_hash == make.plan(*looks).hash
    assert (request.approvals_needed, request.approvers, request.groups) == (2, (APPROVER, OTHER), ("S0LEADS",))
    assert request.hosts == ("host1",)


def test_several_approvals() -> None:
    """Approvals count for their hosts, each person once; the complete one starts the clock of the act."""
    looks = (make.snapshot(make.session()), make.snapshot(make.session(), host="host2"))
    plan = make.plan(*looks)
    first = make.approved(plan, hosts=("host1",), complete=False)
    second = make.approved(plan, who=OTHER)

    request = told(*make.pending(*looks), first, first, second)

    assert request.state is State.APPROVED
    assert request.approved_on("host1") == {APPROVER, OTHER}
    assert request.approved_on("host2") == {OTHER}
    assert request.approved_on("host3") == frozenset()
    assert request.approved_at == request.at
    assert request.ended_by == OTHER


@pytest.mark.parametrize(
    ("story", "ended_by", "reason"),
    [
        (INTO[State.DENIED], APPROVER, "wait"),
        (INTO[State.CANCELLED], ASKER, ""),
        (INTO[State.EXPIRED], events.BOT, ""),
        (INTO[State.LAPSED], events.BOT, "too late"),
        (INTO[State.REFUSED], events.BOT, "no"),
        (INTO[State.CLOSED], APPROVER, "done"),
    ],
)
def test_how_it_ended(story: tuple[Event, ...], ended_by: str, reason: str) -> None:
    """Who decided last, and why, is kept."""
    request = told(*story)

    assert (request.ended_by, request.reason) == (ended_by, reason)


def test_attempts() -> None:
    """An intent is unanswered until exactly its own step is answered; a look after that is noted."""
    open_ = told(*ACTING)
    answered = told(*ACTING, make.signalled(STEPS[0], "unknown"))
    looked = told(*ACTING, make.signalled(STEPS[0]), make.observed("acting", THERE))

    assert [a.step for a in open_.unanswered] == [STEPS[0]]
    assert [(a.seq, a.not_after) for a in open_.attempts] == [(6, 102_000)]
    assert answered.unanswered == ()
    assert [(a.status, a.looked_after) for a in answered.attempts] == [("unknown", False)]
    assert [(a.status, a.looked_after) for a in looked.attempts] == [("done", True)]


def test_a_look_before_the_answer_is_none_after_it() -> None:
    """A look at the host while the answer is still out doesn't count as one after it; nor does one at another host."""
    early = told(*ACTING, make.observed("acting", THERE), make.signalled(STEPS[0]))
    elsewhere = told(*ACTING, make.signalled(STEPS[0]), make.observed("acting", make.unreachable("host2")))

    assert [a.looked_after for a in early.attempts] == [False]
    assert [a.looked_after for a in elsewhere.attempts] == [False]


def test_looks() -> None:
    """Of each host the newest look is kept; the looks before the plan are kept as such."""
    before, after = make.observed("before", THERE, make.unreachable("host2")), make.observed("acting", make.snapshot())

    request = told(make.asked(), before, make.planned(PLAN), make.approved(PLAN), after)

    assert request.before == before.looks
    assert request.looks == (before.looks[1], after.looks[0])


def test_closed() -> None:
    """The outcomes are kept."""
    outcome = Outcome(host="host1", session="7", identity="i", result=Result.ENDED)

    assert told(*VERIFYING, events.Closed(outcomes=(outcome,))).outcomes == (outcome,)


# ------------------------------------------------------------------------------------------------ warned


def test_a_warning_leaves_the_request_approved() -> None:
    """Telling a user ends nothing: until everyone was told, the request is approved, and can be cancelled."""
    warned = told(*APPROVED, make.observed("warning", THERE), *make.tried(make.warning(), told=("pts/3",)))

    assert warned.state is State.APPROVED
    assert lifecycle.may_follow(warned, events.Cancelled(who=ASKER))
    assert warned.tries(make.plan().targets[0]) == ()


@pytest.mark.parametrize("state", [s for s in State if s not in {State.APPROVED, State.WARNED, State.ACTING}])
def test_a_warning_is_answered_only_while_something_may_be_done(state: State) -> None:
    """An answer to a warning changes nothing in any other state, so it may not follow there."""
    assert not lifecycle.may_follow(told(*INTO[state]), make.signalled(make.warning()))


def test_a_warned_request_waits_until_its_time_has_come() -> None:
    """Nothing is due before the moment that the user was told; then it is due at once."""
    warned = told(*WARNED)

    assert warned.due == warned.act_at == START + timedelta(minutes=5)
    assert warned.may_act
    assert told(*WARNED, make.observed("acting", THERE), every=timedelta(minutes=1)).due == AT_ONCE


def test_a_host_lost_after_its_users_were_told_is_waited_for() -> None:
    """A warning is no try: a host that doesn't answer when the time has come may still come back."""
    late = told(*WARNED, make.observed("acting", make.unreachable()), every=timedelta(minutes=1))

    assert late.waiting_for == {"host1"}
    assert late.due == late.at + TRY_AGAIN
