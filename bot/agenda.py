"""When each request is due next. It asks nobody, and knows nothing else of them."""

from datetime import datetime
from heapq import heappop, heappush

from bot.models import RequestId

SPARE = 100
"""Moments that count no longer and are kept all the same, besides as many as there are requests."""


class Agenda:
    """One moment for each request. None of its methods looks through all of them."""

    def __init__(self) -> None:
        self._due: dict[RequestId, datetime] = {}
        self._earliest: list[tuple[datetime, RequestId]] = []  # a heap; a moment that was changed stays until its turn

    def put(self, request: RequestId, due: datetime | None) -> None:
        """Instead of its moment until now. None: it has none any more."""
        if due is None:
            self._due.pop(request, None)
        elif self._due.get(request) != due:
            self._due[request] = due
            heappush(self._earliest, (due, request))
        if len(self._earliest) > 2 * len(self._due) + SPARE:
            self._earliest = sorted((due, request) for request, due in self._due.items())

    @property
    def earliest(self) -> datetime | None:
        while self._earliest and self._due.get(self._earliest[0][1]) != self._earliest[0][0]:
            heappop(self._earliest)
        return self._earliest[0][0] if self._earliest else None

    def take(self, now: datetime) -> tuple[RequestId, ...]:
        """Those that are due, the earliest first; they are on it no longer."""
        taken = []
        while (due := self.earliest) and due <= now:
            taken.append(heappop(self._earliest)[1])
            del self._due[taken[-1]]
        return tuple(taken)
