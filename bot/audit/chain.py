"""Seal one event to the one before it, and tell whether a whole trail still fits. Pure.

    hash = SHA-256( the previous event's hash, as its 64 lower-case hexadecimal digits in ASCII  +  the event's bytes )

The first event's previous hash is 64 zeros. The bytes are the RFC 8785 JSON of `events.Entry`, in UTF-8. Nothing else
is hashed, so a shell can do it: `printf '%s%s' "$previous" "$bytes" | sha256sum`.
"""

import hashlib
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, get_args

from bot.canonical import canonical
from bot.errors import BrokenTrail
from bot.events import Entry, Event

GENESIS = "0" * 64
VERSIONS = frozenset({1})
KINDS = frozenset(event.model_fields["kind"].default for event in get_args(get_args(Event)[0]))

_FIELDS = frozenset(Entry.model_fields)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Sealed(NamedTuple):
    """What is stored of one event, and nothing else: its canonical JSON and its hash."""

    text: str
    hash: str


class Head(NamedTuple):
    """The newest event of a trail, as far as the chain needs it. at: its time as it is stored."""

    seq: int = 0
    hash: str = GENESIS
    at: str = ""


START = Head()


def link(previous: str, content: bytes) -> str:
    """The hash of an event's bytes after the event whose hash is `previous`: 64 hexadecimal digits."""
    return hashlib.sha256(previous.encode("ascii", "backslashreplace") + content).hexdigest()


def seal(previous: str, entry: Entry) -> Sealed:
    """The text and the hash to store. Raises ValueError for lone surrogates and integers beyond 2^53."""
    content = canonical(entry)
    return Sealed(content.decode(), link(previous, content))


def verify(rows: Iterable[tuple[bytes, str]], head: Head = START) -> Head:
    """Check stored events, oldest first, each as (bytes, hash); the newest event if every one of them fits.

    Raises BrokenTrail at the first event that was changed, moved, added or removed, or that this release can't know.
    The stored bytes are hashed as they are, and never made anew. head: the event before the first row.
    What this can't see: events cut off at the end, and a whole trail made anew, because what is left fits. Only a
    head that was written down elsewhere shows it.
    """
    newest = deque(walk(rows, head), maxlen=1)
    return newest[0] if newest else head


def walk(rows: Iterable[tuple[bytes, str]], head: Head = START) -> Iterator[Head]:
    """The same, with the head after each event that fits."""
    following = iter(rows)
    for content, stored in following:
        try:
            head = _next(head, content, stored)
        except BrokenTrail as broken:
            kind = _kind(head, content, following)
            raise BrokenTrail(broken.sequence, broken.why, kind) from broken
        yield head


def _kind(head: Head, content: bytes, following: Iterable[tuple[bytes, str]]) -> str:
    """What was done to the first event that doesn't fit, as far as what follows it tells."""
    expected, number = head.seq + 1, _number(content)
    if number is None or number == expected:
        after = next(iter(following), None)
        real = after is not None and _number(after[0]) == expected and link(head.hash, after[0]) == after[1]
        return "inserted" if real else "changed"
    if number < expected:
        return "inserted"
    if any(_number(later) == expected for later, _ in following):
        return "moved"
    return "cut off at the beginning" if expected == 1 else "removed"


def _number(content: bytes) -> int | None:
    """The sequence number in an event's bytes, if there is one."""
    try:
        number = json.loads(content)["seq"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return number if type(number) is int else None


def _next(head: Head, content: bytes, stored: str) -> Head:
    """The head after one more event that fits."""
    expected = head.seq + 1
    try:
        entry = _DECODER.decode(content.decode())
    except (ValueError, RecursionError) as error:
        raise BrokenTrail(expected, f"its bytes are no JSON: {error}") from error
    if why := _misfit(head, entry, link(head.hash, content) == stored) or _unknown(entry) or _disorder(head, entry):
        raise BrokenTrail(expected, why)
    return Head(expected, stored, entry["at"])


def _misfit(head: Head, entry: Any, hash_fits: bool) -> str | None:
    """Why an event doesn't belong in this place. A number that is wrong says more than a hash that is."""
    number = entry.get("seq") if isinstance(entry, dict) else None
    if type(number) is int and number != head.seq + 1:
        return f"it is missing or was moved: event {number} stands in its place"
    if not hash_fits:
        return "its hash doesn't fit: the event, or the hash before it, was changed"
    return None if type(number) is int else "it has no sequence number"


def _unknown(entry: dict[str, Any]) -> str | None:
    """Why this release can't read an event."""
    version, event = entry.get("v"), entry.get("event")
    if type(version) is not int or version not in VERSIONS:
        return f"its version is {version!r}, which this release doesn't know"
    if entry.keys() != _FIELDS or not isinstance(event, dict):
        return "it hasn't got the fields of version 1"
    kind = event.get("kind")
    known = isinstance(kind, str) and kind in KINDS
    return None if known else f"its kind is {kind!r}, which this release doesn't know"


def _disorder(head: Head, entry: dict[str, Any]) -> str | None:
    """Why an event can't come after the ones before it."""
    at, request = entry["at"], entry["request"]
    if not isinstance(at, str) or not _MOMENT.fullmatch(at):
        return f"its time is {at!r}, not in UTC with microseconds"
    if at < head.at:
        return f"its time {at} is before that of the event before it, {head.at}"
    if type(request) is not int or not 1 <= request <= head.seq + 1:
        return f"its request {request!r} is no event up to this one"
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of one text may each take another of two equal keys: such a text says two things."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return members


_DECODER = json.JSONDecoder(object_pairs_hook=_once)
