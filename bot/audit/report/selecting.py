"""Which requests a report is about, from the words of whoever wants it. Pure."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.audit import records
from bot.durations import seconds
from bot.errors import CommandError
from bot.events import LISTINGS, Record, ReviewOpened
from bot.models import RequestId, Value

USAGE = "say which requests: 42 57, since 24h, or channel C0PROD"
PLACE = re.compile(rb'"request":([1-9][0-9]*),"seq":([1-9][0-9]*),"v":1\}$')
"""Of an event's bytes: its request and its number, which stand at the end."""


class Wanted(Value):
    """requests: those numbers, and the reviews of the emergencies among them. since: those that began then or later.

    channel: those of that channel.
    """

    requests: frozenset[int] = frozenset()
    since: datetime | None = None
    channel: str = ""

    def means(self, first: Record) -> bool:
        """True for the first event of a request that was asked for. One that only looked is meant by its number."""
        if first.request in self.requests:
            return True
        if isinstance(first.event, ReviewOpened) and first.event.of in self.requests:
            return True
        if first.event.kind in LISTINGS or not (self.since or self.channel):
            return False
        there = {getattr(first.event, "home", ""), getattr(first.event, "channel", "")}
        return (not self.since or first.at >= self.since) and (not self.channel or self.channel in there)


def wanted(words: Sequence[str], now: datetime) -> Wanted:
    """`42 57`, `since 24h`, `channel C0PROD`, or several of them. Raises CommandError."""
    numbers, since, channel = set[int](), None, ""
    following = iter(words)
    for word in following:
        if word == "since" and (length := seconds(next(following, ""))):
            since = now - timedelta(seconds=length)
        elif word == "channel" and (named := next(following, "")):
            channel = named
        elif word.isascii() and word.isdigit():
            numbers.add(int(word))
        else:
            raise CommandError(f"{word!r} is not understood: {USAGE}")
    if not (numbers or since or channel):
        raise CommandError(USAGE)
    return Wanted(requests=frozenset(numbers), since=since, channel=channel)


class Selecting:
    """Keeps the events of the requests that are meant, while all events pass by."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._found: dict[RequestId, list[Record]] = {}

    def passing(self, events: Iterator[tuple[bytes, str]]) -> Iterator[tuple[bytes, str]]:
        """The same events."""
        for content, hash_ in events:
            if place := PLACE.search(content):
                self._see(RequestId(int(place[1])), int(place[2]), content, hash_)
            yield content, hash_

    def _see(self, request: RequestId, seq: int, content: bytes, hash_: str) -> None:
        if seq == request:
            first = records.read(seq, content, hash_)
            if self._wanted.means(first):
                self._found[request] = [first]
        elif request in self._found:
            self._found[request].append(records.read(seq, content, hash_))

    def found(self) -> list[list[Record]]:
        """Oldest first. Raises CommandError if a number that was asked for isn't there."""
        if missing := sorted(self._wanted.requests - self._found.keys()):
            raise CommandError(f"there is no request {missing[0]} in the trail")
        return list(self._found.values())
