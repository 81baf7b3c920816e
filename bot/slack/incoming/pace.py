"""How much one person may ask in a minute, so that nobody can use up what Slack and the hosts allow everyone."""

from collections import defaultdict, deque
from collections.abc import Callable
from time import monotonic

from bot.errors import CommandError

MOST = 20
WINDOW = 60.0


class Pace:
    """Counts what each person asked in the last minute."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._asked: defaultdict[str, deque[float]] = defaultdict(deque)

    def demand(self, who: str) -> None:
        """Raises CommandError for one question too many; it isn't counted."""
        now, asked = self._clock(), self._asked[who]
        while asked and asked[0] <= now - WINDOW:
            asked.popleft()
        if len(asked) >= MOST:
            raise CommandError(
                f"That was more than {MOST} commands and clicks in a minute. Nothing was done: wait a bit."
            )
        asked.append(now)
