"""A request as its events tell it, and what can be asked of it. Pure.

How the events make it is `lifecycle.py`'s affair.
"""

from datetime import UTC, datetime, timedelta
from functools import cached_property

from pydantic import Field

from bot import errors
from bot.events import Attachment, Held, Released, RetentionAsked, Reviewed, ReviewGiven, ReviewOpened
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
from bot.states import State

LOOK_AGAIN = timedelta(minutes=1)
TRY_AGAIN = timedelta(seconds=15)
GIVE_UP = timedelta(minutes=30)
NOBODY_TO_TELL = frozenset({"gone", "changed", "rebooted"})
"""Why a host refuses a warning where that very session isn't there."""
AT_ONCE = datetime.min.replace(tzinfo=UTC)
"""Due already, whatever any clock says: one that was ahead once must not hold up what comes later."""


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
