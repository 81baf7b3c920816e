"""What can be written into the audit trail, for good: a version, a kind, who, and the kind's values. Pure.

Host output never stands in an event. It is an `Attachment`: the event holds digest and size, the store the content.
A field may be added with a default; nothing is renamed or removed while version 1 is read.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from bot.canonical import canonical, digest
from bot.models import (
    AccountState,
    Answer,
    HostLimits,
    Kick,
    Moment,
    Outcome,
    Plan,
    RequestId,
    SetLimit,
    Snapshot,
    Step,
    Sweep,
    Swept,
    Target,
    Unreachable,
    Value,
)

BOT = "kickbot"

Action = Literal["approve", "deny", "cancel", "unfreeze", "unhold", "review", "drop"]
"""What people decide by a click or a word."""


SAME_READ = 600
"""Seconds in which the same question of the same person is recorded once: who watches doesn't fill the trail."""


class Attachment(Value):
    """A look's canonical JSON, kept beside the chain by its SHA-256. `content` is None once it was read back."""

    host: str
    sha256: str
    size: int
    reached: bool
    content: bytes | None = Field(default=None, exclude=True, repr=False)

    @classmethod
    def of(cls, look: Snapshot | HostLimits | Unreachable) -> "Attachment":
        content = canonical(look)
        return cls(
            host=look.host,
            sha256=digest(content),
            size=len(content),
            reached=not isinstance(look, Unreachable),
            content=content,
        )


class _Event(Value):
    """who: the Slack id of the person, or `kickbot`."""

    who: str = BOT

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return ()


class _Yes(_Event):
    """The word with which something goes on. second_factor: the time step (RFC 6238) of the code that came with it.

    authenticator: the fingerprint of what made it; another one than before means that the person was enrolled anew.
    key: names that code, so that the trail takes it once, for whatever it was given. None: no code came.
    """

    second_factor: int | None = None
    authenticator: str | None = None
    key: str | None = None


class _Looking(_Event):
    looks: tuple[Attachment, ...]

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return self.looks


class Looked(_Looking):
    """Someone looked at sessions or limits. A request of its own, closed at once; the answers' content isn't kept."""

    kind: Literal["looked"] = "looked"
    key: str
    channel: str
    hosts: tuple[str, ...]
    user: str | None = None
    what: Literal["sessions", "limits"] = "sessions"

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return ()


class Exported(_Event):
    """Someone on the command line took the trail, or requests of it, out of its store. A request of its own, closed.

    by: their login and machine. what: in which form. requests: which; none: all. up_to: the newest event in it.
    read_at: when; it may be recorded later, by the bot.
    """

    kind: Literal["exported"] = "exported"
    by: str
    what: str
    channel: str = ""
    requests: tuple[RequestId, ...] = ()
    up_to: int
    read_at: Moment


class Read(_Event):
    """Someone read requests: by `/audit` (who), or on the command line (by: their login and machine). A request of its
    own, closed. The same question of the same person leaves one of these in ten minutes: that is what the key says.

    what: `list`, `show`, `pairs` or `audit`. about: in their words. requests: how many were shown. read_at: as of
    Exported.
    """

    kind: Literal["read"] = "read"
    key: str
    by: str = ""
    what: str
    about: str = ""
    requests: int
    read_at: Moment

    @classmethod
    def of(cls, what: str, about: str, requests: int, read_at: datetime, *, who: str = BOT, by: str = "") -> "Read":
        """With the key that the same reading has in these ten minutes."""
        read = cls(who=who, by=by, what=what, about=about, requests=requests, read_at=read_at, key="")
        same = read_at - timedelta(seconds=read_at.timestamp() % SAME_READ)
        asked = read.model_copy(update={"requests": 0, "read_at": same})
        return read.model_copy(update={"key": f"read {digest(canonical(asked))}"})


class Asked(_Event):
    """Someone asked for an act. key: names the message from Slack, so that one sent twice is recorded once.

    channel: where it was typed. home: the channel where the request lives.
    sweep: what it is a run of; then Kickbot asks, in no channel. not_before: when that run is due. follows: the run
    before it.
    """

    kind: Literal["asked"] = "asked"
    key: str
    channel: str
    home: str
    words: str
    command: Annotated[Kick | SetLimit, Field(discriminator="kind")]
    sweep: Sweep | None = None
    not_before: Moment | None = None
    follows: RequestId | None = None


class Frozen(_Event):
    """The emergency brake: until it is released, nothing is begun on any host. It is a request of its own.

    key, channel: as of Asked; no channel: Kickbot did it by itself. home: the channel where it is shown.
    """

    kind: Literal["frozen"] = "frozen"
    key: str
    channel: str = ""
    home: str
    reason: str


class UnfreezeAsked(_Event):
    """The first of the two people who release the brake. It changes nothing yet."""

    kind: Literal["unfreeze_asked"] = "unfreeze_asked"


class Unfrozen(_Event):
    """The second one: acting goes on."""

    kind: Literal["unfrozen"] = "unfrozen"


class Held(_Event):
    """An account is kept from logging in on one host, until that moment. It is a request of its own, see `holds.py`.

    of: the request that held it. id: the hold's name on its host. before: how the account stood; None: nobody knows
    whether it was held at all. key, home: as of Asked. reason: why, in the asker's words.
    """

    kind: Literal["held"] = "held"
    key: str
    channel: str = ""
    home: str
    of: RequestId
    id: str
    target: Target
    until: Moment
    before: AccountState | None = None
    reason: str = ""


class UnholdAsked(_Event):
    """Someone asks to give back before the time. It changes nothing yet."""

    kind: Literal["unhold_asked"] = "unhold_asked"
    reason: str = ""


class UnholdApproved(_Yes):
    """Someone who may approve that agrees. complete: now there are enough of them, and it is given back at once."""

    kind: Literal["unhold_approved"] = "unhold_approved"
    complete: bool


class Overdue(_Event):
    """It is time, and Kickbot can't give back: it tries again until it can. The host's own timer needs no Kickbot."""

    kind: Literal["overdue"] = "overdue"
    reason: str


class Released(_Event):
    """The hold is over, as a look afterwards showed. by: who gave back: Kickbot, or the host's own timer.

    how: given; changed: people had changed it by hand, so it was left as they made it; never: it had not been in force;
    unknown: the host knows nothing of it. after: how the account stands.
    """

    kind: Literal["released"] = "released"
    how: Literal["given", "changed", "never", "unknown"]
    by: Literal["", "kickbot", "host"] = ""
    after: AccountState | None = None


class ReviewOpened(_Event):
    """An emergency waits for the word of two other people. It is a request of its own, see `reviews.py`.

    of: the emergency. asker: who acted alone. user, hosts: as of its plan. reason: why, in the asker's words.
    reviewers: who could have approved it, for reading only. key, home: as of Asked.
    """

    kind: Literal["review_opened"] = "review_opened"
    key: str
    channel: str = ""
    home: str
    of: RequestId
    asker: str
    user: str
    hosts: tuple[str, ...]
    reason: str
    reviewers: tuple[str, ...] = ()


class _Review(_Event):
    """What someone who could have approved it found. fine: it was right. hosts: those for which it counts."""

    fine: bool
    comment: str
    hosts: tuple[str, ...]


class ReviewGiven(_Review):
    """One that is not enough yet."""

    kind: Literal["review_given"] = "review_given"


class Reviewed(_Review):
    """The one with which each host has its two: the review is over."""

    kind: Literal["reviewed"] = "reviewed"


class RetentionAsked(_Event):
    """Someone asked to drop what hosts said in requests that ended long ago. It is a request of its own.

    key, channel, home: as of Asked. before: the moment by which those requests had ended; up_to: the newest event from
    before it. bodies, size: how many attachments that was about when it was asked, and how many bytes. approvers: who
    could approve it at that moment, for reading only.
    """

    kind: Literal["retention_asked"] = "retention_asked"
    key: str
    channel: str
    home: str
    before: Moment
    up_to: int
    bodies: int
    size: int
    decide_by: Moment
    approvers: tuple[str, ...] = ()


class RetentionApproved(_Yes):
    """Another person agrees: from here on they are dropped, and what isn't there any more was meant to go."""

    kind: Literal["retention_approved"] = "retention_approved"


class Dropped(_Event):
    """All that this request was about is gone, but for what newer or open requests need too."""

    kind: Literal["dropped"] = "dropped"


class Refused(_Event):
    """The policy said no to the asker. told: the asker got it as the direct answer to what they typed."""

    kind: Literal["refused"] = "refused"
    reason: str
    told: bool = False


class Observed(_Looking):
    """The hosts were looked at. phase: before the plan, before a warning, before or between the steps, after them."""

    kind: Literal["observed"] = "observed"
    phase: Literal["before", "warning", "acting", "after"]


class Planned(_Event):
    """This is what would be done. approvers: who could approve at this moment, for reading only.

    groups: the rule's people and groups who may approve. then: those of them who are called only by the reminder.
    owners: whose account it is, as far as the configuration says: they are told when it is done. whose: the same by
    login name, in events that have it.
    limit: the number of sessions that a rule allows with its usual approvals, where the plan ends more; 0: it doesn't.
    may_hold: the rules would also let the account be kept from logging in, so that it can be offered at the end.
    approvals: how many people have to agree; 0 only where the configuration does, see Permitted. In an emergency the
    approvers are those who were passed over.
    swept: of a sweep, what it found.
    canaries: the hosts of which one goes first, in that order; none: all go together.
    above: the bound of a rule that it passes, for which one approval more is needed, as a part of a sentence.
    second_factor: a rule lets no approval count without a code of the approver's own.
    """

    kind: Literal["planned"] = "planned"
    plan: Plan
    plan_hash: str
    decide_by: Moment
    act_within: int
    approvals: int
    approvers: tuple[str, ...]
    groups: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    limit: int = 0
    may_hold: bool = False
    whose: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    swept: Swept | None = None
    canaries: tuple[str, ...] = ()
    above: str = ""
    second_factor: bool = False


class Reminded(_Event):
    """Nobody has decided for most of the time. It changes nothing.

    then: the people and groups of the rule who are called now. approvers: who could approve at this moment, and hasn't.
    """

    kind: Literal["reminded"] = "reminded"
    then: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()


class Approved(_Yes):
    """A person approved the plan for those hosts.

    complete: now every host has its number of approvals. act_by: if so, nothing starts after this moment.
    """

    kind: Literal["approved"] = "approved"
    plan_hash: str
    hosts: tuple[str, ...]
    complete: bool
    act_by: Moment


class Permitted(_Event):
    """The configuration lets this sweep end the plan without a click. act_by: nothing starts after this moment.

    emergency: no sweep; it lets whoever asked act alone.
    """

    kind: Literal["permitted"] = "permitted"
    plan_hash: str
    act_by: Moment
    emergency: bool = False


class Denied(_Event):
    kind: Literal["denied"] = "denied"
    plan_hash: str
    reason: str = ""


class Cancelled(_Event):
    kind: Literal["cancelled"] = "cancelled"


class Expired(_Event):
    """Nobody decided in time."""

    kind: Literal["expired"] = "expired"


class Lapsed(_Event):
    """Approved, but nothing may start any more: too late, or a right was lost meanwhile."""

    kind: Literal["lapsed"] = "lapsed"
    reason: str


class Warned(_Event):
    """Everyone who could be told was told: nothing is done before act_at, and until then it can be stopped."""

    kind: Literal["warned"] = "warned"
    act_at: Moment


class DecisionRefused(_Event):
    """A click that did not count. It changes nothing."""

    kind: Literal["decision_refused"] = "decision_refused"
    action: Action
    reason: str


class WrongCode(_Event):
    """A code that isn't that person's. It changes nothing, and the code itself stands nowhere.

    barred_until: with this one there were so many that until then no code of theirs counts.
    """

    kind: Literal["wrong_code"] = "wrong_code"
    action: Action
    barred_until: Moment | None = None


class Ending(_Event):
    """The intent, recorded before the host is asked.

    not_after: the host refuses to start the act after this uptime (centiseconds). answer_by: the same, about, by the
    trail's clock: an intent without its answer is judged only after it.
    """

    kind: Literal["ending"] = "ending"
    step: Step
    not_after: int
    answer_by: Moment


class Signalled(_Event):
    """What the host said to the step, or that no answer came."""

    kind: Literal["signalled"] = "signalled"
    step: Step
    answer: Answer


class Judged(_Event):
    """On these hosts nothing is left to do, as a look showed, while on others there is: how their targets ended so far.

    It is what decides whether the other hosts follow the one that went first. The last word has Closed.
    """

    kind: Literal["judged"] = "judged"
    hosts: tuple[str, ...]
    outcomes: tuple[Outcome, ...]


class Verifying(_Event):
    """Nothing that was approved is left to do, or may be done any more (reason): from here on only looks."""

    kind: Literal["verifying"] = "verifying"
    reason: str = ""


class Closed(_Event):
    """The end of a request that was asked and not refused. swept: what a sweep found that made no plan."""

    kind: Literal["closed"] = "closed"
    outcomes: tuple[Outcome, ...]
    note: str = ""
    swept: Swept | None = None


Event = Annotated[
    Looked
    | Exported
    | Read
    | Asked
    | Frozen
    | UnfreezeAsked
    | Unfrozen
    | Held
    | UnholdAsked
    | UnholdApproved
    | Overdue
    | Released
    | ReviewOpened
    | ReviewGiven
    | Reviewed
    | RetentionAsked
    | RetentionApproved
    | Dropped
    | Refused
    | Observed
    | Planned
    | Reminded
    | Approved
    | Permitted
    | Denied
    | Cancelled
    | Expired
    | Lapsed
    | Warned
    | DecisionRefused
    | WrongCode
    | Ending
    | Signalled
    | Judged
    | Verifying
    | Closed,
    Field(discriminator="kind"),
]

# The kinds that end a request. A refused click may still follow one of them; nothing that changes the request may.
FINAL = frozenset(
    {
        *{"looked", "exported", "read", "refused", "denied", "cancelled", "expired", "lapsed", "closed", "unfrozen"},
        *{"released", "reviewed", "dropped"},
    }
)

# The kinds of a word that did not count. It changes nothing, and may come after the end.
WITHOUT_EFFECT = frozenset({"decision_refused", "wrong_code"})

# The kinds that only tell of someone who looked, or read: one of them is no request to anyone.
LISTINGS = frozenset({"looked", "exported", "read"})


class Entry(Value):
    """What is sealed: the bytes of a record are the canonical JSON of exactly this.

    request: the sequence number of the request's first event. at: the store's clock, never earlier than the one before.
    """

    v: Literal[1] = 1
    seq: int
    request: RequestId
    at: Moment
    event: Event


class Record(Value):
    """An entry as it stands in the trail. hash: SHA-256(previous hash + bytes), 64 hexadecimal digits."""

    entry: Entry
    hash: str

    @property
    def seq(self) -> int:
        return self.entry.seq

    @property
    def request(self) -> RequestId:
        return self.entry.request

    @property
    def at(self) -> Moment:
        return self.entry.at

    @property
    def event(self) -> Event:
        return self.entry.event
