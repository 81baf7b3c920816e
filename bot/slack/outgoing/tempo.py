"""How fast calls may follow each other: a few at once, then as many as Slack takes in the long run. Pure."""

from collections import defaultdict, deque
from collections.abc import Callable


class Tempo:
    """At most `most` calls in any `span` seconds, for each key."""

    def __init__(self, most: int, span: float, clock: Callable[[], float]) -> None:
        self._most = most
        self._span = span
        self._clock = clock
        self._last: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=most))

    def next(self, key: str = "") -> float:
        """Seconds to wait before the next call; it counts as made then."""
        now, last = self._clock(), self._last[key]
        at = max(now, last[0] + self._span) if len(last) == self._most else now
        last.append(at)
        return at - now

    def left(self, key: str = "") -> int:
        """How many calls could be made right now."""
        oldest = self._clock() - self._span
        return self._most - sum(at > oldest for at in self._last[key])
