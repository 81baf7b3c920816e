"""Notes how the writing of events goes in this process: when one was last recorded, and when one last failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from bot.borders import StoreState
from bot.errors import AlreadyRecorded, Conflict, LeaseLost, TrailError

NOT_NOW = (AlreadyRecorded, Conflict, LeaseLost)
"""The store is well; the event had no place in it."""


class Writing:
    def __init__(self) -> None:
        self._recorded = self._failed = 0
        self._recorded_at = self._failed_at = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Around the recording of one event."""
        try:
            yield
        except NOT_NOW:
            raise
        except TrailError:
            self._failed += 1
            self._failed_at = monotonic()
            raise
        self._recorded += 1
        self._recorded_at = monotonic()

    def state(self, *, leases: int = 0, lease_age: float | None = None) -> StoreState:
        now = monotonic()
        return StoreState(
            recorded=self._recorded,
            recorded_age=now - self._recorded_at if self._recorded else None,
            failed=self._failed,
            failed_age=now - self._failed_at if self._failed else None,
            leases=leases,
            lease_age=lease_age,
        )
