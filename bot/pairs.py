"""Who approved for whom, how often, counted while events pass by; and the pairs that approve each other over and over.

Pure. Memory: the requests that wait, and the pairs of people that there are.
"""

from collections import Counter
from fractions import Fraction

from bot.events import (
    BOT,
    FINAL,
    Approved,
    Asked,
    Record,
    RetentionApproved,
    RetentionAsked,
    UnholdApproved,
    UnholdAsked,
)
from bot.models import RequestId, Value

OFTEN = 3
"""From how many times on it is pointed out, in each direction."""
MOSTLY = Fraction(2, 3)
"""Of what each of them asked and anybody approved: in a small team everyone approves for everyone now and then."""

BEGINS = frozenset({"asked", "retention_asked", "unhold_asked"})
SAYS_YES = frozenset({"approved", "retention_approved", "unhold_approved"})
KINDS = BEGINS | SAYS_YES | FINAL
"""What counts here; all other events may be left out."""


class Pair(Value):
    """times: how many requests of this asker that person approved. of: how many of them anybody approved."""

    asker: str
    approver: str
    times: int
    of: int

    @property
    def stands_out(self) -> bool:
        return self.times >= OFTEN and self.times >= MOSTLY * self.of


class EachOther(Value):
    """Two people who approve each other over and over. back: the same two the other way round."""

    there: Pair
    back: Pair

    @property
    def people(self) -> frozenset[str]:
        return frozenset({self.there.asker, self.back.asker})


class Counted(Value):
    """The most frequent first."""

    pairs: tuple[Pair, ...]

    @property
    def each_other(self) -> tuple[EachOther, ...]:
        found = {(pair.asker, pair.approver): pair for pair in self.pairs if pair.stands_out}
        both = ((pair, found.get((pair.approver, pair.asker))) for pair in found.values() if pair.asker < pair.approver)
        return tuple(EachOther(there=there, back=back) for there, back in both if back)


class Pairs:
    """Shown every event of the kinds that count, in their order."""

    def __init__(self) -> None:
        self._askers: dict[RequestId, str] = {}
        self._yes: dict[RequestId, set[str]] = {}
        self._times: Counter[tuple[str, str]] = Counter()
        self._of: Counter[str] = Counter()

    def see(self, record: Record) -> None:
        match record.event:
            case (Asked() | RetentionAsked() | UnholdAsked()) as asked if asked.who != BOT:
                self._askers[record.request] = asked.who
                self._yes[record.request] = set()
            case Approved() | RetentionApproved() | UnholdApproved():
                self._approved(record.request, record.event.who)
            case event if event.kind in FINAL:
                self._askers.pop(record.request, None)
                self._yes.pop(record.request, None)

    def _approved(self, request: RequestId, who: str) -> None:
        """The same person may approve a request several times, for one host and then for another."""
        asker = self._askers.get(request)
        if asker is None or who in self._yes[request]:
            return
        self._of[asker] += not self._yes[request]
        self._yes[request].add(who)
        self._times[asker, who] += 1

    def counted(self) -> Counted:
        by_number = sorted(self._times.items(), key=lambda item: (-item[1], item[0]))
        return Counted(pairs=tuple(Pair(asker=a, approver=b, times=n, of=self._of[a]) for (a, b), n in by_number))
