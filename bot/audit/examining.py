"""The whole examination of a trail: its chain, its checkpoints, and the heads that others kept. Pure.

It reads everything once, from iterators. Memory: one event, and the heads from elsewhere.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from bot.audit import chain, checkpoints
from bot.audit.anchors import Anchor, Anchors, of_checkpoint
from bot.audit.checkpoints import Statement
from bot.audit.records import Verified
from bot.borders import Checkpoint
from bot.errors import BrokenTrail

Fits = Callable[[str, str], bool]
"""(text, signature): does the signature count?"""

LATEST = 16
"""Checkpoints that two replicas may have made side by side."""
MOST_NOTES = 10

NO_CHECKPOINTS = (
    "There are no checkpoints: events that were cut off at the end, and a trail that was made anew, can't be seen"
    " from here. `kickbot audit key` makes the key that signs them."
)
NO_SIGNERS = "Nobody said whose signatures count, so those of the checkpoints were not checked: --allowed-signers FILE."


def examine(
    events: Iterable[tuple[bytes, str]],
    sealed: Iterable[Checkpoint],
    elsewhere: Iterable[Anchor] = (),
    fits: Fits | None = None,
) -> Verified:
    """Raises BrokenTrail with the first bad event, and what was done to it. fits: None if nobody said who signs."""
    heads, seals, clock = Anchors(elsewhere), _Seals(sealed, fits), _Clock()
    head, trail, at = chain.START, "", ""
    for head in chain.walk(events):
        trail = trail or head.hash
        if head.at == at:
            clock.stood(head.seq)
        at = head.at
        if seals.due <= head.seq:
            for statement in seals.take(head.seq):
                if statement.hash != head.hash:
                    heads.compare(_own(statement), head.hash)
                elif fits:
                    heads.vouch(statement.seq)
                clock.compare(statement, at)
        heads.meet(head.seq, head.hash)
    heads.judge(trail, head.seq, [_own(statement) for statement in seals.rest()])
    vouched = seals.newest if fits else 0
    notes = (*clock.notes(), *_notes(seals, fits, head.seq))
    return Verified(
        events=head.seq,
        head=head.hash,
        bodies=0,
        checkpoints=seals.count,
        newest_checkpoint=seals.newest,
        vouched=vouched,
        anchors=heads.count,
        notes=notes,
    )


def _own(statement: Statement) -> Anchor:
    return of_checkpoint(statement, f"the checkpoint of event {statement.seq}", own=True)


def _notes(seals: "_Seals", fits: Fits | None, newest: int) -> Iterator[str]:
    if not seals.count:
        yield NO_CHECKPOINTS
    elif fits is None:
        yield NO_SIGNERS
    elif seals.newest < newest:
        yield f"No checkpoint stands for the events after {seals.newest} yet."


class _Seals:
    """The trail's own checkpoints, in their order. due: the event of the next one."""

    def __init__(self, sealed: Iterable[Checkpoint], fits: Fits | None) -> None:
        self._sealed = iter(sealed)
        self._fits = fits
        self._latest: deque[tuple[int, str]] = deque([(0, chain.GENESIS)], LATEST)
        self.count = self.newest = 0
        self._turn()

    def _turn(self) -> None:
        self._next = next(self._sealed, None)
        self.due = self._next.seq if self._next else sys.maxsize

    def take(self, seq: int) -> Iterator[Statement]:
        """Those of this event. Raises BrokenTrail for one that doesn't count."""
        while self._next and self._next.seq <= seq:
            yield self._read(self._next, seq)
            self._turn()

    def rest(self) -> Sequence[Statement]:
        """The first of those that are past the end."""
        return [self._read(self._next, self._next.seq)] if self._next else []

    def _read(self, checkpoint: Checkpoint, seq: int) -> Statement:
        statement = checkpoints.read(checkpoint.text)
        if why := self._fault(checkpoint, statement, seq):
            raise BrokenTrail(seq, f"its checkpoint {why}", "checkpoint changed")
        assert statement is not None  # noqa: S101 - for mypy: it would be a fault
        if (statement.before, statement.before_hash) not in self._latest:
            why = f"the checkpoint of event {statement.before}, which came before that of {checkpoint.seq}, is missing"
            raise BrokenTrail(statement.before, why, "checkpoint removed")
        self._latest.append((statement.seq, statement.hash))
        self.count, self.newest = self.count + 1, statement.seq
        return statement

    def _fault(self, checkpoint: Checkpoint, statement: Statement | None, seq: int) -> str | None:
        if statement is None:
            return "can't be read"
        if not statement.seq == checkpoint.seq == seq:
            return f"is one of event {statement.seq}"
        if self._fits and not self._fits(checkpoint.text, checkpoint.signature):
            return "isn't signed by a key that counts"
        return None


class _Clock:
    """Where the clock went back. Event times never do: an event gets the time before it instead, to the microsecond."""

    def __init__(self) -> None:
        self._first = self._last = self._stood = 0
        self._spans: list[tuple[int, int]] = []
        self._behind: list[str] = []

    def stood(self, seq: int) -> None:
        """An event has the time of the one before it."""
        if seq - 1 != self._last:
            self._note()
            self._first, self._stood = seq - 1, self._stood + 1
        self._last = seq

    def _note(self) -> None:
        if self._first and len(self._spans) < MOST_NOTES:
            self._spans.append((self._first, self._last))

    def compare(self, statement: Statement, at: str) -> None:
        """A checkpoint was written after its event."""
        if statement.at < at and len(self._behind) < MOST_NOTES:
            self._behind.append(f"the checkpoint of event {statement.seq} was written at {statement.at}")

    def notes(self) -> Iterator[str]:
        self._note()
        for first, last in self._spans:
            yield f"The clock was set back, or stood still: events {first} to {last} have one and the same time."
        if self._stood > MOST_NOTES:
            yield f"The same at {self._stood - MOST_NOTES} more places."
        for behind in self._behind:
            yield f"The clock was set back: {behind}, which is before the time of its event."
