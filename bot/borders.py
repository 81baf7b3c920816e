"""The borders between the workflow, the publisher and the world, for good. Nothing here does anything.

The workflow talks to Trail, Hosts and People; the publisher follows the Trail and remembers its Postings.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.events import Event, Record
from bot.models import Answer, HostLimits, HostUptime, Moment, Person, RequestId, Snapshot, Step, Unreachable, Value
from bot.policy import Channel
from bot.retention import Dropping

Sleep = Callable[[float], Awaitable[None]]
"""Time is an edge too: who waits is told how, so that a test never does."""


class Origin(Value):
    """Where something came from: who, in which channel, and a key that names this very message from Slack.

    sent: when, at the earliest; None where no time is too late.
    """

    who: str
    channel: Channel
    key: str
    sent: Moment | None = None


class Lease(Value):
    """The right to drive one request. A lease that was lost stops the next append."""

    request: RequestId
    owner: str
    epoch: int = 0


class Aged(Value):
    """What could be dropped of a trail: attachments, with their bytes, of requests that ended by the event `up_to`."""

    up_to: int
    bodies: int
    size: int


class Trail(Protocol):
    """The audit trail: the only memory. Every failure raises a TrailError, and then nothing was recorded."""

    async def append(
        self, request: RequestId | None, event: Event, *, after: int | None = None, lease: Lease | None = None
    ) -> Record:
        """Seal one event, durably, and store its attachments with it.

        request: None opens a request, named by this event's sequence number.
        after: the sequence number of the request's newest event as the caller knows it; raises Conflict if it is older.
        lease: raises LeaseLost if it is no longer held. Raises AlreadyRecorded for a key that is in the trail.
        """
        ...

    async def claim(self, request: RequestId) -> Lease | None:
        """The lease on a request, or None while another process holds it."""
        ...

    async def release(self, lease: Lease) -> None:
        """Nothing is driven any more with this lease: another process may have the next one."""
        ...

    async def read(self, request: RequestId) -> Sequence[Record]:
        """The events of a request, oldest first; none for a request that doesn't exist."""
        ...

    async def body(self, digest: str) -> bytes:
        """An attachment's content. Raises TrailError if it isn't there or doesn't match its digest."""
        ...

    def follow(self, since: int) -> AsyncIterator[Record]:
        """Every record after the sequence number `since`, in order, then each new one as it is recorded. Never ends."""
        ...

    async def open_requests(self) -> Sequence[RequestId]:
        """Requests without an event that ends them."""
        ...

    async def requests(
        self, *, about: str | None = None, since: datetime | None = None, listings: bool = True, limit: int
    ) -> Sequence[Sequence[Record]]:
        """The newest requests first, each with its events.

        about: only of this Slack id, login name or host. since: only what began then or later. listings: with those
        that only looked.
        """
        ...

    async def by(self, who: str, kinds: Collection[str], since: datetime) -> Sequence[Record]:
        """What that person did in any request, recorded since then, oldest first. kinds: of events."""
        ...

    async def aged(self, before: datetime) -> Aged:
        """What only requests need that had ended by then."""
        ...

    async def drop(self, request: RequestId) -> None:
        """Drop what that request lets be dropped, but for what others need by now. Again does no harm.

        Raises TrailError unless two people agreed to it.
        """
        ...

    async def dropped(self, request: RequestId) -> Dropping | None:
        """By which word of two people the attachments of that request are gone; None if they are kept."""
        ...

    async def now(self) -> datetime:
        """The store's clock, UTC: the only clock that decides."""
        ...


class Hosts(Protocol):
    """The configured hosts. No method raises for a host that is in trouble."""

    def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        """One look for each host, each as it arrives. groups: Unix groups, to be told who is in them.

        account: a login name, to be told whose it is there, logged in or not.
        """
        ...

    def limits(self, hosts: Sequence[str]) -> AsyncIterator[HostLimits | Unreachable]:
        """What each host does by itself about idle people, each as it arrives."""
        ...

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        """Carry out one step, if the host still has exactly that target and its uptime is not past `not_after`."""
        ...


class People(Protocol):
    """Who is who in Slack, read afresh. A failure raises LookupFailed, and means no."""

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        ...

    async def members(self, group: str) -> frozenset[str]: ...


class Match(Value):
    """Whose code it is: the newest time step around now that has it, and which of that person's authenticators."""

    step: int
    fingerprint: str


class Authenticators(Protocol):
    """What people's own devices can prove, and Slack can't. A failure raises SecretsUnusable, and means no."""

    def enrolled(self) -> Mapping[str, str]:
        """Who has one, and its fingerprint."""
        ...

    def match(self, who: str, code: str, at: datetime) -> Match | None:
        """None if it is no code of that person's around that moment."""
        ...


class Posting(Value):
    """One message in Slack. event: a sequence number; part: the publisher's own word for a message about it."""

    event: int
    part: str
    channel: str
    ts: str


class Told(Value):
    """What a message in Slack says of the trail: an event, and the hash that it had there, or its first digits.

    place: the message.
    """

    request: RequestId
    event: int
    hash: str
    place: str = ""


class Postings(Protocol):
    """What the publisher remembers, outside the chain. It proves nothing: losing it costs a look into Slack."""

    async def turn(self) -> None:
        """Returns once this process is the one that publishes; afterwards all but `noted` raise LeaseLost if not."""
        ...

    async def get(self, event: int, part: str) -> Posting | None:
        """Where this part of an event was posted, or None if it wasn't, as far as is known."""
        ...

    async def noted(self, event: int, part: str) -> Posting | None:
        """The same for one whose turn it isn't any more: as the one that publishes now has it."""
        ...

    async def put(self, posting: Posting) -> None:
        """Remember a message, durably. One that is put again replaces the earlier one."""
        ...

    async def cursor(self) -> int:
        """The sequence number up to which everything was published; 0 at first."""
        ...

    async def advance(self, seq: int) -> None:
        """Everything up to `seq` was published. It never goes back."""
        ...


class Checkpoint(Value):
    """A signed statement about a trail up to an event. seq: that event. text: what is signed. signature: armored."""

    seq: int
    text: str
    signature: str


class Stamped(Value):
    """What an authority answered about the checkpoint at this event: a time stamp of RFC 3161, as it came."""

    seq: int
    place: str
    answer: bytes


class End(Value):
    """The newest event of a trail. trail: the hash of its first event, which no other trail has."""

    trail: str
    seq: int
    hash: str


class Checkpoints(Protocol):
    """What the notary and the streams remember, beside the chain: checkpoints, and how far each place was told."""

    async def turn(self) -> None:
        """Returns once this process is the one that signs and streams. It may be another's later: ask each round."""
        ...

    async def end(self) -> End | None:
        """None for a trail without events."""
        ...

    async def hash_of(self, seq: int) -> str | None:
        """The hash of an event; None if it isn't there."""
        ...

    async def newest(self) -> Checkpoint | None: ...

    async def put(self, checkpoint: Checkpoint) -> None:
        """Durably. One that is there already, at the same event, stays."""
        ...

    async def after(self, seq: int) -> Sequence[Checkpoint]:
        """The next few, oldest first."""
        ...

    async def keep(self, stamped: Stamped) -> None:
        """Durably. One that is there already, at the same event from the same place, stays."""
        ...

    async def cursor(self, place: str) -> int | None:
        """The event up to which this place was told; None at first."""
        ...

    async def advance(self, place: str, seq: int) -> None:
        """It was told so far. It never goes back."""
        ...


class Reports(Protocol):
    """Requests as pages for people who don't know Kickbot."""

    async def of(self, request: RequestId, up_to: int) -> str:
        """One request up to that event, as HTML; always the same. Raises TrailError."""
        ...


class StoreState(Value):
    """What a store knows of its own work. Ages are seconds; None: there was nothing yet.

    recorded, failed: events in this process. leases: that it holds; lease_age: since they were last renewed, None where
    none is held, or none can be lost.
    """

    recorded: int = 0
    recorded_age: float | None = None
    failed: int = 0
    failed_age: float | None = None
    leases: int = 0
    lease_age: float | None = None


class HostsState(Value):
    """How many hosts there are, and how many of them answered the newest look, or did not. The rest was never asked.

    answered_age: seconds since any of them last answered; None if none did yet.
    """

    configured: int
    answered: int = 0
    silent: int = 0
    answered_age: float | None = None


class Store(Trail, Protocol):
    """A trail with the publisher's memory beside it."""

    def state(self) -> StoreState:
        """How it is; asks nobody."""
        ...

    def postings(self) -> Postings:
        """For one use: only the one whose `turn` was waited for is held to it."""
        ...

    def checkpoints(self) -> Checkpoints:
        """Beside the chain, never in it."""
        ...
