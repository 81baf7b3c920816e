"""Heads of a trail that someone else kept, and what it means where they don't fit. Pure.

A head that fits vouches for every event up to it. So one that doesn't fit, before one that does, was itself changed.
"""

from collections.abc import Iterable, Iterator, Sequence

from bot.audit.checkpoints import Statement
from bot.borders import Told
from bot.errors import BrokenTrail
from bot.models import Value

MOST = 1_000
"""Heads that don't fit, of which it is remembered which they are."""
SHORTEST = 8
"""Digits of a hash that say anything at all."""


class Anchor(Value):
    """hash: or its first digits. trail: the hash of the trail's first event, where it says so. source: in words.

    kind: what was done if this head itself was changed. own: it stands beside the chain, in the same database.
    """

    seq: int
    hash: str
    trail: str = ""
    source: str
    kind: str
    own: bool = False

    def fits(self, hash_: str) -> bool:
        return len(self.hash) >= SHORTEST and hash_.startswith(self.hash)


def of_checkpoint(statement: Statement, source: str, *, own: bool = False) -> Anchor:
    kind = "checkpoint changed"
    return Anchor(seq=statement.seq, hash=statement.hash, trail=statement.trail, source=source, kind=kind, own=own)


def expected(text: str) -> Anchor:
    """From `SEQ:HASH`. Raises ValueError."""
    seq, _, hash_ = text.partition(":")
    anchor = Anchor(seq=int(seq), hash=hash_.lower(), source="the head that was expected", kind="another head expected")
    if anchor.seq < 1 or len(anchor.hash) < SHORTEST:
        raise ValueError("too short")
    return anchor


def in_slack(told: Told) -> Anchor:
    """What a message says."""
    return Anchor(seq=told.event, hash=told.hash, source=told.place, kind="Slack message edited")


class Anchors:
    """Every head that was met, compared with the trail as it is read. Memory: the heads from elsewhere."""

    def __init__(self, elsewhere: Iterable[Anchor]) -> None:
        self._ahead: dict[int, list[Anchor]] = {}
        for anchor in elsewhere:
            self._ahead.setdefault(anchor.seq, []).append(anchor)
        self._wrong: list[Anchor] = []
        self._firm = 0
        self.count = 0

    def meet(self, seq: int, hash_: str) -> None:
        """An event of the trail, in its turn."""
        if seq in self._ahead:
            for anchor in self._ahead.pop(seq):
                self.compare(anchor, hash_)

    def compare(self, anchor: Anchor, hash_: str) -> None:
        """With the hash that the trail has there."""
        self.count += not anchor.own
        if anchor.fits(hash_):
            self.vouch(anchor.seq)
        else:
            self._wrong[MOST:] = [] if len(self._wrong) > MOST else [anchor]

    def vouch(self, seq: int) -> None:
        """A head of that event fits: it stands for what was before."""
        self._firm = seq

    def judge(self, trail: str, newest: int, past: Sequence[Anchor]) -> None:
        """At the end of the trail. past: its own checkpoints of events after the end. Raises BrokenTrail."""
        beyond = [*past, *self._beyond()]
        self._demand_same_trail(trail, [*self._wrong, *beyond])
        for anchor in self._wrong:
            raise self._misfit(anchor)
        for anchor in beyond:
            cut = "cut off at the end" if anchor.own else "rolled back to an older copy"
            why = f"{anchor.source} is of event {anchor.seq}, but the newest event is {newest}"
            raise BrokenTrail(newest + 1, f"it is missing: {why}", cut)

    def _beyond(self) -> Iterator[Anchor]:
        for seq in sorted(self._ahead):
            yield from self._ahead[seq]

    def _demand_same_trail(self, trail: str, anchors: Iterable[Anchor]) -> None:
        for anchor in anchors:
            if anchor.trail and anchor.trail != trail:
                why = f"{anchor.source} is of another trail: this one was put in its place, or made anew"
                raise BrokenTrail(1, why, "another trail")

    def _misfit(self, anchor: Anchor) -> BrokenTrail:
        says = f"{anchor.source} says {anchor.hash[:12]}…"
        if anchor.seq <= self._firm:
            return BrokenTrail(anchor.seq, f"{says}, while a later head fits: not the trail was changed", anchor.kind)
        if self._firm:
            why = f"{says}: the events from {self._firm + 1} on were made anew, every hash with them, or it was changed"
            return BrokenTrail(anchor.seq, why, "made anew")
        why = f"{says}: another trail was put in its place, or it was made anew"
        return BrokenTrail(anchor.seq, why, "made anew" if anchor.own else "another trail")
