"""What every store does alike: sealed text to records and back, attachments held to their digests. Pure."""

from collections.abc import Callable, Iterable
from datetime import datetime

from pydantic import Field, ValidationError

from bot.audit import chain
from bot.canonical import digest
from bot.errors import BrokenTrail, TrailError
from bot.events import LISTINGS, Asked, Attachment, Entry, Held, Looked, Record
from bot.models import Moment, Value
from bot.retention import Dropping


class Condition(Value):
    """How a store is, without a look at all of it. events: the newest one's number; its tail fits.

    now: the store's clock; None where it is this machine's. barred: why it can't be written from here; empty if it can.
    sealed: the event of the newest checkpoint, 0 without one. told: up to which event each place, or stream, was told.
    """

    events: int
    sealed: int = 0
    told: dict[str, int] = Field(default_factory=dict)
    now: Moment | None = None
    barred: str = ""


class Proved(Value):
    """Event `event` and all before it existed before `at`. by: who stamped it, empty where that was not checked."""

    event: int
    at: datetime
    by: str = ""


class Verified(Value):
    """What was checked and fits. head: the newest event's hash; note it elsewhere, and a trail cut there is found out.

    bodies: attachments whose content is there, with the size and hash that their event states. dropped: how many are
    gone by the word of which two people. checkpoints: of the trail itself; newest_checkpoint: its event; vouched: the
    newest event that a signature which counts stands for. anchors: heads from elsewhere. stamps: time stamps, of which
    the first and the last one are told.
    notes: what an auditor should know all the same, in sentences.
    """

    events: int
    head: str
    bodies: int
    dropped: tuple[tuple[Dropping, int], ...] = ()
    checkpoints: int = 0
    newest_checkpoint: int = 0
    vouched: int = 0
    anchors: int = 0
    stamps: int = 0
    first_stamp: Proved | None = None
    last_stamp: Proved | None = None
    notes: tuple[str, ...] = ()


def seal(head: chain.Head, entry: Entry) -> tuple[chain.Sealed, Record]:
    """What to store of an entry, and the record as it will be read back. Raises TrailError if it can't be written."""
    try:
        sealed = chain.seal(head.hash, entry)
        return sealed, read(entry.seq, sealed.text.encode(), sealed.hash)
    except (ValueError, BrokenTrail) as error:
        raise TrailError(f"this {entry.event.kind} event can't be written: {error}") from error


def checked(seq: int, content: bytes, stored: str, previous: str | None) -> Record:
    """A record is given out only if it fits: nobody may act on an event that was changed meanwhile."""
    if chain.link(previous or chain.GENESIS, content) != stored:
        raise BrokenTrail(seq, "its hash doesn't fit: the event, or the hash before it, was changed")
    return read(seq, content, stored)


def read(seq: int, content: bytes, stored: str) -> Record:
    """Raises BrokenTrail for bytes that this release doesn't understand."""
    try:
        return Record(entry=Entry.model_validate_json(content), hash=stored)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BrokenTrail(seq, f"this release can't read it: {place}: {first['msg']}") from error


def content_of(attachment: Attachment, content: bytes) -> bytes:
    """The content, which is what the attachment states. Raises TrailError if it isn't."""
    if digest(content) != attachment.sha256 or len(content) != attachment.size:
        raise TrailError(f"the attachment of {attachment.host} doesn't match its digest and size")
    return content


def body(sha256: str, content: bytes | None) -> bytes:
    """An attachment's content as it was found. Raises TrailError if it wasn't, or isn't what the digest says."""
    if content is None:
        raise TrailError(f"the content of {sha256} isn't in the trail")
    if digest(content) != sha256:
        raise TrailError(f"the content of {sha256} was changed")
    return content


def with_bodies(
    found: Verified,
    attachments: Iterable[tuple[int, int, str, int, bytes | None]],
    dropped: Callable[[int], Dropping | None],
) -> Verified:
    """With each attachment: (event, request, digest, size, content). dropped: by whose word a request's are gone.

    Raises BrokenTrail with the event that names one that doesn't fit, or is missing though nobody agreed to that.
    """
    fit, gone = 0, dict[Dropping, int]()
    for sequence, request, sha256, size, content in attachments:
        if content is None and (by := dropped(request)):
            gone[by] = gone.get(by, 0) + 1
        elif why := _fault(sha256, size, content):
            raise BrokenTrail(sequence, f"its attachment {sha256} {why}")
        else:
            fit += 1
    return found.model_copy(update={"bodies": fit, "dropped": tuple(gone.items())})


def hidden(*, listings: bool, reads: bool) -> list[str]:
    """The kinds of requests that a list leaves out. Who reads it again and again must not fill it."""
    return sorted(LISTINGS if not listings else frozenset() if reads else {"read"})


def _fault(sha256: str, size: int, content: bytes | None) -> str | None:
    """What is wrong with a stored attachment, if anything is."""
    if content is None:
        return "is missing, and nobody agreed to drop it"
    if digest(content) != sha256:
        return "was changed"
    return None if len(content) == size else f"has {len(content)} bytes and not {size}"


def names(first: Record) -> frozenset[str]:
    """Whom and what a request is about, by its first event."""
    event = first.event
    match event:
        case Asked():
            return frozenset({event.who, event.command.user, *event.command.hosts})
        case Held():
            return frozenset({event.who, event.target.account.name, event.target.host})
        case Looked():
            return frozenset({event.who, event.user or event.who, *event.hosts})
        case _:
            return frozenset({event.who})
