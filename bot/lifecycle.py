"""The state of a request is its events, replayed. Pure.

asked -> refused
asked -> observed(before) -> planned -> pending (reminded) -> approved | denied | cancelled | expired
asked (of a sweep: due at its time) -> observed(before) -> closed | planned -> permitted, the same as approved
asked (as an emergency) -> observed(before) -> planned -> permitted, the same
approved -> (warning: observed, ending, signalled) -> warned, until its time has come
approved | warned -> acting (observed, ending, signalled, again) -> verifying -> closed; who wasn't told before is there
approved | warned -> lapsed | cancelled
frozen -> unfrozen, a request of its own that stops all others, see `brake.py`
review_opened (given, reminded) -> reviewed, a request of its own for each emergency, see `reviews.py`
retention: to drop -> dropping -> dropped, a request of its own about attachments of the trail, see `drops.py`
held -> released, a request of its own for each host on which an account is kept out, see `holds.py`
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property

from pydantic import Field

from bot import errors
from bot.errors import TrailError
from bot.events import (
    WITHOUT_EFFECT,
    Approved,
    Asked,
    Attachment,
    Closed,
    Denied,
    Ending,
    Event,
    Exported,
    Frozen,
    Held,
    Lapsed,
    Looked,
    Observed,
    Overdue,
    Permitted,
    Planned,
    Read,
    Record,
    Refused,
    Released,
    RetentionApproved,
    RetentionAsked,
    Reviewed,
    ReviewGiven,
    ReviewOpened,
    Signalled,
    UnfreezeAsked,
    UnholdApproved,
    UnholdAsked,
    Warned,
)
from bot.models import (
    AccountState,
    Asking,
    EndAccount,
    EndSession,
    Hold,
    HostUptime,
    Kick,
    Moment,
    Outcome,
    Plan,
    Release,
    RequestId,
    Result,
    SetLimit,
    Step,
    Sweep,
    Swept,
    Target,
    Value,
    Warn,
)

LOOK_AGAIN = timedelta(minutes=1)
TRY_AGAIN = timedelta(seconds=15)
GIVE_UP = timedelta(minutes=30)
REMIND_AFTER = 2 / 3
"""Of the time to decide, how much has passed when people are reminded."""
MAX_WARNINGS = 2
"""How often somebody is told, at most, where no answer came, or it was refused for now."""
NOBODY_TO_TELL = frozenset({"gone", "changed", "rebooted"})
"""Why a host refuses a warning where that very session isn't there."""
REVIEW_AGAIN = timedelta(days=1)
"""After which people are reminded of a review, again and again."""
AT_ONCE = datetime.min.replace(tzinfo=UTC)
"""Due already, whatever any clock says: one that was ahead once must not hold up what comes later."""


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    PENDING = "pending"
    APPROVED = "approved"
    WARNED = "warned"
    ACTING = "acting"
    VERIFYING = "verifying"
    FROZEN = "frozen"
    HELD = "held"
    REVIEW = "to be reviewed"
    TO_DROP = "waiting for approval to drop"
    DROPPING = "dropping"
    REFUSED = "refused"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    CLOSED = "closed"
    LOOKED = "looked"
    EXPORTED = "exported"
    UNFROZEN = "unfrozen"
    RELEASED = "released"
    REVIEWED = "reviewed"
    DROPPED = "dropped"
    READ = "read"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset(
    {
        State.REFUSED,
        State.DENIED,
        State.CANCELLED,
        State.EXPIRED,
        State.LAPSED,
        State.CLOSED,
        State.LOOKED,
        State.EXPORTED,
        State.UNFROZEN,
        State.RELEASED,
        State.REVIEWED,
        State.DROPPED,
        State.READ,
    }
)

# kind of event -> the states in which it may be recorded, and the state that it leads to (None: no change)
FOLLOWS: dict[str, tuple[frozenset[State], State | None]] = {
    "refused": (frozenset({State.ASKED}), State.REFUSED),
    "observed": (frozenset({State.ASKED, State.APPROVED, State.WARNED, State.ACTING, State.VERIFYING}), None),
    "planned": (frozenset({State.ASKED}), State.PENDING),
    "reminded": (frozenset({State.PENDING, State.REVIEW}), None),
    "approved": (frozenset({State.PENDING}), None),
    "permitted": (frozenset({State.PENDING}), State.APPROVED),
    "denied": (frozenset({State.PENDING}), State.DENIED),
    "cancelled": (
        frozenset({State.ASKED, State.PENDING, State.APPROVED, State.WARNED, State.TO_DROP}),
        State.CANCELLED,
    ),
    "expired": (frozenset({State.PENDING, State.TO_DROP}), State.EXPIRED),
    "lapsed": (frozenset({State.APPROVED, State.WARNED}), State.LAPSED),
    "warned": (frozenset({State.APPROVED}), State.WARNED),
    "decision_refused": (frozenset(State), None),
    "wrong_code": (frozenset(State), None),
    "ending": (frozenset({State.APPROVED, State.WARNED, State.ACTING, State.HELD}), State.ACTING),
    "signalled": (frozenset({State.ACTING, State.HELD}), None),
    "judged": (frozenset({State.APPROVED, State.WARNED, State.ACTING}), None),
    "verifying": (frozenset({State.APPROVED, State.WARNED, State.ACTING}), State.VERIFYING),
    "closed": (frozenset({State.ASKED, State.VERIFYING}), State.CLOSED),
    "unfreeze_asked": (frozenset({State.FROZEN}), None),
    "unfrozen": (frozenset({State.FROZEN}), State.UNFROZEN),
    "unhold_asked": (frozenset({State.HELD}), None),
    "unhold_approved": (frozenset({State.HELD}), None),
    "overdue": (frozenset({State.HELD}), None),
    "released": (frozenset({State.HELD}), State.RELEASED),
    "review_given": (frozenset({State.REVIEW}), None),
    "reviewed": (frozenset({State.REVIEW}), State.REVIEWED),
    "retention_approved": (frozenset({State.TO_DROP}), State.DROPPING),
    "dropped": (frozenset({State.DROPPING}), State.DROPPED),
}


class Decision(Value):
    """An approval that counted, or the word of one who would unfreeze or drop: that is about no host.

    second_factor: it came with a code of that person's own.
    """

    who: str
    at: Moment
    hosts: frozenset[str]
    second_factor: bool = False


class Attempt(Value):
    """One recorded intent and what became of it. status, refusal: of its answer, None while there is none.

    looked_after: its host was looked at since the answer. said: what the host said; before: how the account stood.
    """

    seq: int
    step: Step
    not_after: int
    answer_by: Moment
    status: str | None = None
    refusal: str | None = None
    looked_after: bool = False
    said: str = ""
    before: AccountState | None = None


class Request(Value):
    """A request as its events tell it. newest: the sequence number of its last event; changed: of the last one that
    changed anything, which a refused click and a reminder do not. at: when that was.

    home: the channel where it lives. ended_by: who made the last decision. looks: the newest look at each host.
    looked, judged_at, verifying: the sequence numbers of the newest look, of the newest word on some hosts, and of
    `verifying`; 0 before.
    act_at: after a warning, the moment before which nothing is ended. owners: whose account it is.
    whose: the same by login name, if the trail tells it.
    remind_at: when those who may decide are reminded. then: who is called by that reminder.
    limit: how many sessions end with the usual approvals, where the plan has more; 0 where it has not. may_hold: the
    rules would let the account be kept from logging in.
    above: the bound that it passes. canaries: the hosts of which one goes first. judged: the hosts where nothing is
    left to do, with how their targets ended so far.
    second_factor: as it was planned, no approval counts without a code of the approver's own.
    stopped: why nothing more was begun although something was left to do.
    held: what a hold is about. unhold_asked: who asked to give it back before its time, and when; its approvals are the
    decisions. unheld: enough agreed. overdue: why it could not be given back in time; released: its end.
    review: what a review is about. found: what people said of it.
    sweep: what it is a run of, due at not_before, after the run `follows`. swept: what it found. permitted: the
    configuration approved it, and no person.
    retention: what is to be dropped, where it is about that.
    """

    id: RequestId
    state: State
    newest: int
    changed: int
    at: Moment
    asked_at: Moment
    asker: str
    channel: str
    home: str
    words: str
    command: Asking | None
    plan: Plan | None = None
    plan_hash: str = ""
    before: tuple[Attachment, ...] = ()
    looks: tuple[Attachment, ...] = ()
    approvals_needed: int = 1
    approvers: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    limit: int = 0
    may_hold: bool = False
    above: str = ""
    second_factor: bool = False
    canaries: tuple[str, ...] = ()
    judged: dict[str, tuple[Outcome, ...]] = Field(default_factory=dict)
    whose: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    remind_at: Moment | None = None
    reminded: bool = False
    decide_by: Moment | None = None
    act_within: int = 0
    decisions: tuple[Decision, ...] = ()
    approved_at: Moment | None = None
    act_by: Moment | None = None
    act_at: Moment | None = None
    attempts: tuple[Attempt, ...] = ()
    looked: int = 0
    judged_at: int = 0
    verifying: int = 0
    verifying_since: Moment | None = None
    ended_by: str = ""
    stopped: str = ""
    reason: str = ""
    outcomes: tuple[Outcome, ...] = ()
    held: Held | None = None
    unhold_asked: Decision | None = None
    unheld: bool = False
    overdue: str = ""
    released: Released | None = None
    review: ReviewOpened | None = None
    found: tuple[ReviewGiven | Reviewed, ...] = ()
    sweep: Sweep | None = None
    not_before: Moment | None = None
    follows: RequestId | None = None
    swept: Swept | None = None
    permitted: bool = False
    retention: RetentionAsked | None = None

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that matter now: of the plan, once there is one."""
        if self.plan is not None:
            return self.plan.hosts
        if self.held is not None:
            return (self.held.target.host,)
        if self.review is not None:
            return self.review.hosts
        return self.command.hosts if self.command else ()

    @property
    def may_act(self) -> bool:
        return self.state in {State.APPROVED, State.WARNED, State.ACTING}

    @property
    def needs_nobody(self) -> bool:
        """No person has to approve: it is an emergency, or a sweep that the configuration lets end by itself."""
        sweeps = self.sweep is not None and self.sweep.action == "end"
        return (sweeps or self.emergency) and self.approvals_needed == 0

    @property
    def emergency(self) -> bool:
        """Someone acts, or acted, without anybody's approval. A sweep never does."""
        return self.sweep is None and self.command is not None and self.command.emergency

    @property
    def to_warn(self) -> bool:
        """Approved, and the user is to be told before anything else."""
        return self.state is State.APPROVED and self.warns

    @property
    def warns(self) -> bool:
        """Whoever's sessions are to end was promised a warning before."""
        return bool(self.command and self.command.warn > 0 and self.plan and self.plan.targets)

    def warnings(self, target: Target) -> tuple[Attempt, ...]:
        """How often its people were to be told, in order."""
        return self._warnings.get(target.key, ())

    def is_untold(self, target: Target) -> bool:
        """True for a session where a warning was promised, and isn't known to stand on each terminal that takes it."""
        if not self.warns or target.kind != "session":
            return False
        return not any(a.status == "done" or a.refusal in NOBODY_TO_TELL for a in self.warnings(target))

    def time_left(self, target: Target, now: datetime) -> bool:
        """True before the moment that was told to its people."""
        return any(a.step.act_at > now for a in self.warnings(target) if isinstance(a.step, Warn) and _may_stand(a))

    def told_until(self, host: str) -> datetime | None:
        """The latest moment that people there may have read as that of the end."""
        return self._told_until.get(host)

    def gives_time(self, host: str, now: datetime) -> bool:
        """True where people were told later than elsewhere, and still have their time."""
        until = self.told_until(host)
        return self.may_act and not self.to_warn and until is not None and until > now and host not in self.judged

    @cached_property
    def giving_time(self) -> frozenset[str]:
        """All such hosts, at the moment when it was changed last."""
        return frozenset(host for host in self.hosts if self.gives_time(host, self.at))

    @property
    def hold_id(self) -> str:
        """What its holds are called on their hosts."""
        return f"{self.id}-{self.plan_hash[:16]}"

    @property
    def hold_until(self) -> datetime | None:
        """Until when the account is kept out, once that is approved."""
        start = self.act_at or self.approved_at
        return start + timedelta(seconds=self.command.hold) if start and self.command and self.command.hold else None

    def holds_tried(self, host: str) -> tuple[Attempt, ...]:
        """What was tried to hold the account there, in order."""
        return tuple(a for a in self.attempts if isinstance(a.step, Hold) and a.step.host == host)

    @property
    def holds_only(self) -> bool:
        """True where nothing is to end: the account is only to be kept from logging in."""
        return self.plan is not None and bool(self.plan.holds) and not self.plan.targets

    @property
    def not_held(self) -> dict[str, str]:
        """Each host on which the account isn't held although that was approved, and why."""
        return {host: why for host in self.hosts if (why := self.why_not_held(host))}

    def why_not_held(self, host: str) -> str:
        """Why the account isn't held there, although that was approved; empty if it is, or was never to be."""
        if self.plan is None or all(t.host != host for t in self.plan.holds):
            return ""
        tried = self.holds_tried(host)
        if any(a.status == "done" for a in tried):
            return ""
        if not tried:
            return "it was not held"
        last = tried[-1]
        return last.said or last.refusal or "no answer came" if last.status == "refused" else "no answer came"

    def may_be_held(self, host: str) -> bool:
        """True where nobody knows whether the account is held: an answer never came."""
        return any(a.status in {None, "unknown"} for a in self.holds_tried(host))

    def tries(self, target: Target) -> tuple[Attempt, ...]:
        """What was tried to end a target, in order."""
        return self._tries.get(target.key, ())

    def may_have_run(self, target: Target) -> bool:
        """True once something that ends a target was done, or perhaps."""
        return any(a.status != "refused" for a in self.tries(target))

    def told_by(self, target: Target) -> HostUptime | None:
        """The host's uptime by which a warning stood on a target's terminals; None if none may have been written."""
        told = [a.not_after for a in self.warnings(target) if _may_stand(a)]
        return HostUptime(max(told)) if told else None

    @cached_property
    def _tries(self) -> dict[tuple[str, str, str], tuple[Attempt, ...]]:
        tries: dict[tuple[str, str, str], tuple[Attempt, ...]] = {}
        for attempt in self.attempts:
            if isinstance(attempt.step, EndSession | EndAccount):
                key = attempt.step.target.key
                tries[key] = (*tries.get(key, ()), attempt)
        return tries

    @cached_property
    def _warnings(self) -> dict[tuple[str, str, str], tuple[Attempt, ...]]:
        warnings: dict[tuple[str, str, str], tuple[Attempt, ...]] = {}
        for attempt in self.attempts:
            if isinstance(attempt.step, Warn):
                key = attempt.step.target.key
                warnings[key] = (*warnings.get(key, ()), attempt)
        return warnings

    @cached_property
    def _told_until(self) -> dict[str, datetime]:
        until: dict[str, datetime] = {}
        for attempt in self.attempts:
            if isinstance(attempt.step, Warn) and _may_stand(attempt):
                until[attempt.step.host] = max(until.get(attempt.step.host, AT_ONCE), attempt.step.act_at)
        return until

    @property
    def unanswered(self) -> tuple[Attempt, ...]:
        """Intents without an answer: after a restart nobody knows whether the host was asked."""
        return tuple(a for a in self.attempts if a.status is None)

    @property
    def due(self) -> datetime | None:
        """When the loop must look at this request again by itself; None once it has ended, and for a freeze."""
        if self.state.final or self.state is State.FROZEN:
            return None
        if self.state is State.ASKED and self.not_before is not None:
            return self.not_before
        if self.state is State.PENDING and self.needs_nobody:
            return AT_ONCE
        if self.state in {State.PENDING, State.TO_DROP, State.REVIEW}:
            return self.decide_by if self.decide_by and (self.reminded or self.remind_at is None) else self.remind_at
        if self.state is State.HELD and not self.unanswered and self.held is not None:
            return AT_ONCE if self.unheld else self.held.until
        if self.unanswered:
            return max(a.answer_by for a in self.unanswered)
        if self.state is State.WARNED and self.act_at is not None and self.at < self.act_at:
            return self.act_at
        if self.state is State.VERIFYING and self.looked > self.verifying and self.lost:
            return self.at + LOOK_AGAIN
        if self.may_act and self.act_by is not None:
            return min(self._next_round, self.act_by)
        return AT_ONCE

    @property
    def _next_round(self) -> datetime:
        """At once while nobody knows that every host has to wait: for its people's time, or until it is back."""
        times = [until for host in self.giving_time if (until := self.told_until(host))]
        if self.waiting_for and self.judged_at != self.changed:
            return min([self.at + TRY_AGAIN, *times])
        all_wait = {host for host in self.hosts if host not in self.judged} <= self.giving_time
        return min(times) if times and (all_wait or self.judged_at != self.changed) else AT_ONCE

    @property
    def lost(self) -> frozenset[str]:
        """Hosts of the plan whose newest look gave no complete answer."""
        return frozenset(look.host for look in self.looks if not look.reached) & frozenset(self.hosts)

    @property
    def waiting_for(self) -> frozenset[str]:
        """Approved hosts that could not be looked at and where nothing was tried yet: they may still come back."""
        return self.lost - self.begun - self.giving_time if self.may_act and not self.to_warn else frozenset()

    @property
    def begun(self) -> frozenset[str]:
        """Hosts where something was tried; a warning is nothing."""
        return frozenset(a.step.host for a in self.attempts if not isinstance(a.step, Warn))

    @cached_property
    def undone(self) -> tuple[str, ...]:
        """Hosts of the plan where something was left to do and nothing was begun: all was stopped before, or, once it
        has ended, nobody there could be told.
        """
        if not self.stopped:
            return tuple(host for host in self.hosts if host in self._left_untold)
        through = {*self.begun, *self.judged} - self._left_untold
        left = {o.host for o in self.outcomes if o.result in {Result.LEFT, Result.UNSET}}
        return tuple(h for h in self.hosts if h not in through and (not self.outcomes or h in left))

    @cached_property
    def _left_untold(self) -> frozenset[str]:
        untold = {target.key for target in self.plan.targets if self.is_untold(target)} if self.plan else set()
        left = {o.host for o in self.outcomes if o.result is Result.LEFT and (o.host, o.kind, o.identity) in untold}
        return frozenset(left) - self.begun

    @property
    def give_up_at(self) -> datetime | None:
        """Until when a host that stopped answering is looked at again."""
        return self.verifying_since + GIVE_UP if self.verifying_since else None

    def approved_on(self, host: str) -> frozenset[str]:
        """Whose approvals count for a host."""
        return frozenset(d.who for d in self.decisions if host in d.hosts)


def _may_stand(warning: Attempt) -> bool:
    """True if its words may be read on some terminal."""
    return warning.status != "refused"


def replay(records: Iterable[Record]) -> Request:
    """The events of one request, oldest first, as a request. Raises TrailError where they can't follow each other."""
    request: Request | None = None
    for record in records:
        request = begin(record) if request is None else advance(request, record)
    if request is None:
        raise TrailError("there is no such request")
    return request


def begin(record: Record) -> Request:
    """A request from its first event."""
    event = record.event
    if isinstance(event, Looked):
        return _new(record, event, State.LOOKED, home=event.channel, words=" ".join(event.hosts), command=None)
    if isinstance(event, Exported):
        return _new(record, event, State.EXPORTED, home="", words=event.what, command=None)
    if isinstance(event, Read):
        return _new(record, event, State.READ, home="", words=event.what, command=None)
    if isinstance(event, Asked):
        asked = _new(record, event, State.ASKED, home=event.home, words=event.words, command=event.command)
        run = {"sweep": event.sweep, "not_before": event.not_before, "follows": event.follows}
        return asked.model_copy(update=run)
    if isinstance(event, Frozen):
        frozen = _new(record, event, State.FROZEN, home=event.home, words="freeze", command=None)
        return frozen.model_copy(update={"reason": event.reason})
    if isinstance(event, Held):
        held = _new(record, event, State.HELD, home=event.home, words="hold", command=None)
        return held.model_copy(update={"held": event, "reason": event.reason})
    if isinstance(event, ReviewOpened):
        opened = _new(record, event, State.REVIEW, home=event.home, words="review", command=None)
        return opened.model_copy(update={"review": event, "remind_at": record.at + REVIEW_AGAIN})
    if isinstance(event, RetentionAsked):
        asked = _new(record, event, State.TO_DROP, home=event.home, words="retention", command=None)
        return asked.model_copy(update={"retention": event, "decide_by": event.decide_by})
    raise TrailError(f"event {record.seq}: {event.kind} can't be the first event of a request")


def may_follow(request: Request, event: Event) -> bool:
    """True if this event may be the next one of that request."""
    if isinstance(event, Ending | Signalled) and isinstance(event.step, Release) is not (request.state is State.HELD):
        return False
    if isinstance(event, Signalled) and isinstance(event.step, Warn):
        return request.may_act
    if isinstance(event, Permitted) and not request.needs_nobody:
        return False
    if isinstance(event, Approved) and (request.emergency or (request.second_factor and event.second_factor is None)):
        return False
    return event.kind in FOLLOWS and request.state in FOLLOWS[event.kind][0]


def advance(request: Request, record: Record) -> Request:
    """The request after one more event. Raises TrailError if that event may not follow."""
    if not may_follow(request, record.event):
        raise TrailError(f"event {record.seq}: {record.event.kind} can't follow in the state {request.state}")
    if record.request != request.id or record.seq <= request.newest:
        raise TrailError(f"event {record.seq} does not continue request {request.id} at {request.newest}")
    state = FOLLOWS[record.event.kind][1]
    changes = {"newest": record.seq, "changed": record.seq, "at": record.at, **_changes(request, record)}
    return request.model_copy(update={"state": state or request.state, **changes})


def _new(
    record: Record,
    event: Looked | Exported | Read | Asked | Frozen | Held | ReviewOpened | RetentionAsked,
    state: State,
    *,
    home: str,
    words: str,
    command: Asking | None,
) -> Request:
    return Request(
        id=record.request,
        state=state,
        newest=record.seq,
        changed=record.seq,
        at=record.at,
        asked_at=record.at,
        asker=event.who,
        channel=getattr(event, "channel", ""),
        home=home,
        words=words,
        command=command,
    )


def _changes(request: Request, record: Record) -> dict[str, object]:
    """What an event changes besides the state."""
    event = record.event
    match event:
        case Observed():
            return _observed(request, record, event)
        case Planned():
            return {
                "plan": event.plan,
                "plan_hash": event.plan_hash,
                "decide_by": event.decide_by,
                "act_within": event.act_within,
                "approvals_needed": event.approvals,
                "approvers": event.approvers,
                "groups": event.groups,
                "owners": event.owners,
                "then": event.then,
                "limit": event.limit,
                "may_hold": event.may_hold,
                "above": event.above,
                "second_factor": event.second_factor,
                "canaries": event.canaries,
                "whose": event.whose,
                "swept": event.swept,
                "remind_at": record.at + (event.decide_by - record.at) * REMIND_AFTER,
            }
        case Approved() | Permitted():
            return _approved(request, record, event)
        case UnfreezeAsked() | RetentionApproved():
            return {"decisions": (*request.decisions, _word(record, event, ()))}
        case Denied() | Refused() | Lapsed():
            return {"ended_by": event.who, "reason": event.reason}
        case Ending():
            attempt = Attempt(seq=record.seq, step=event.step, not_after=event.not_after, answer_by=event.answer_by)
            # a warning ends nothing: the request stays approved; and a hold is one until it is over
            stays = isinstance(event.step, Warn | Release)
            return {"attempts": (*request.attempts, attempt), **({"state": request.state} if stays else {})}
        case Signalled():
            return _signalled(request, event)
        case Warned():
            return {"act_at": event.act_at}
        case Closed():
            return {"outcomes": event.outcomes, "reason": event.note, "swept": event.swept or request.swept}
        case _:
            return _of_plain(request, record, event)


def _of_plain(request: Request, record: Record, event: Event) -> dict[str, object]:
    if isinstance(event, UnholdAsked | UnholdApproved | Overdue | Released):
        return _of_hold(request, record, event)
    if isinstance(event, ReviewGiven | Reviewed):
        word = _word(record, event, event.hosts)
        return {"decisions": (*request.decisions, word), "found": (*request.found, event), "ended_by": event.who}
    if event.kind == "judged":
        judged = {host: tuple(o for o in event.outcomes if o.host == host) for host in event.hosts}
        return {"judged": {**request.judged, **judged}, "judged_at": record.seq}
    if event.kind == "verifying":
        return {"verifying": record.seq, "verifying_since": record.at, "stopped": event.reason}
    unchanged = {"at": request.at, "changed": request.changed}
    if event.kind in WITHOUT_EFFECT:
        return unchanged
    if event.kind == "reminded":
        again = {"remind_at": record.at + REVIEW_AGAIN} if request.review else {}
        return {**unchanged, "reminded": True, **again}
    return {"ended_by": event.who}


def _word(record: Record, event: Event, hosts: Iterable[str]) -> Decision:
    """Whose it is, for which hosts, and whether a code came with it."""
    proved = getattr(event, "second_factor", None) is not None
    return Decision(who=event.who, at=record.at, hosts=frozenset(hosts), second_factor=proved)


def _of_hold(
    request: Request, record: Record, event: UnholdAsked | UnholdApproved | Overdue | Released
) -> dict[str, object]:
    word = _word(record, event, request.hosts)
    match event:
        case UnholdAsked():
            return {"unhold_asked": word, "decisions": (), "reason": event.reason}
        case UnholdApproved():
            return {"decisions": (*request.decisions, word), "unheld": event.complete}
        case Overdue():
            return {"overdue": event.reason}
        case Released():
            return {"released": event, "ended_by": event.who}


def _observed(request: Request, record: Record, event: Observed) -> dict[str, object]:
    seen = {look.host for look in event.looks}
    kept = tuple(look for look in request.looks if look.host not in seen)
    attempts = tuple(
        a.model_copy(update={"looked_after": True}) if a.status is not None and a.step.host in seen else a
        for a in request.attempts
    )
    before = event.looks if event.phase == "before" else request.before
    return {"looked": record.seq, "looks": (*kept, *event.looks), "attempts": attempts, "before": before}


def _approved(request: Request, record: Record, event: Approved | Permitted) -> dict[str, object]:
    if event.plan_hash != request.plan_hash:
        raise TrailError(f"event {record.seq} approves another plan")
    if isinstance(event, Permitted):
        return {"permitted": True, "approved_at": record.at, "act_by": event.act_by, "ended_by": event.who}
    changes: dict[str, object] = {"decisions": (*request.decisions, _word(record, event, event.hosts))}
    if event.complete:
        changes |= {"state": State.APPROVED, "approved_at": record.at, "act_by": event.act_by, "ended_by": event.who}
    return changes


def _signalled(request: Request, event: Signalled) -> dict[str, object]:
    open_ = next((a for a in request.unanswered if a.step == event.step), None)
    if open_ is None:
        raise TrailError(f"request {request.id}: an answer without its intent")
    answer = event.answer
    told = {"status": answer.status, "refusal": answer.refusal, "said": answer.output, "before": answer.before}
    answered = open_.model_copy(update=told)
    return {"attempts": tuple(answered if a is open_ else a for a in request.attempts)}


def plan_of(request: Request) -> Plan:
    """Its plan. Raises Refused before there is one."""
    if request.plan is None:
        raise errors.Refused("This request has no plan yet.")
    return request.plan


def held_of(request: Request) -> Held:
    """What its hold is about. Raises Refused for any other request."""
    if request.held is None:
        raise errors.Refused("This is no hold.")
    return request.held


def command_of(request: Request) -> Asking:
    """What was asked. Raises Refused for a listing."""
    if request.command is None:
        raise errors.Refused("This was a listing, nothing can be decided about it.")
    return request.command


def kick_of(request: Request) -> Kick:
    """The same, where it is about sessions. Raises Refused for any other."""
    command = command_of(request)
    if not isinstance(command, Kick):
        raise errors.Refused("This is not about sessions.")
    return command


def limit_of(request: Request) -> SetLimit:
    """The same, where it is about a limit. Raises Refused for any other."""
    command = command_of(request)
    if not isinstance(command, SetLimit):
        raise errors.Refused("This is not about a limit.")
    return command


def known(moment: datetime | None) -> datetime:
    """A moment that the state guarantees. Raises Conflict where it isn't known after all."""
    if moment is None:
        raise errors.Conflict("the request is not in the state in which this is known")
    return moment
