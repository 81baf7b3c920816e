"""Sweeps: of each one that is configured, one run stands open ahead, a request that is due at its time.

A run opens the next one before it does anything, so that no crash ends the series; and those that were missed are made
up for by one. Which runs there are is in the trail alone: however many replicas there are, each runs once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from bot import sweeping
from bot.errors import AlreadyRecorded, KickbotError, NotNow
from bot.ledger import Ledger
from bot.models import RequestId, Series
from bot.policy import Policy
from bot.request import Request, known

log = logging.getLogger(__name__)

LOOK_AFTER = 60.0
"""Seconds between two looks at whether each sweep has its run."""
OTHERS_MAY = timedelta(minutes=10)
"""For so long a run that isn't configured here is left to a replica that may have another configuration."""
SOON = 5.0

GONE = "kickbot.toml has no such sweep any more."
MADE_UP = "It was missed: request {} makes up for it."
STILL_OPEN = "Request {} of this sweep is not over yet."


class Sweeps:
    """Opens the runs, and says whether one is to be done now. It acts on no host. policy: as it stands now."""

    def __init__(self, ledger: Ledger, policy: Callable[[], Policy]) -> None:
        self._ledger = ledger
        self._now_in_force = policy

    @property
    def _policy(self) -> Policy:
        return self._now_in_force()

    async def keep(self) -> None:
        """Until cancelled: no sweep is without its run."""
        while self._policy.sweeps:
            try:
                await self.open_missing()
            except KickbotError as error:
                log.warning("the next runs of the sweeps can't be opened: %s", error)
            await asyncio.sleep(LOOK_AFTER)

    async def open_missing(self) -> None:
        """Of each sweep that has no open run, the next one."""
        there = [sweeping.series_of(run, self._policy) for run in await self._open_runs() if sweeping.is_waiting(run)]
        for series in self._policy.sweeps:
            if series not in there:
                await self._begin(series)

    async def why_not(self, run: Request) -> str:
        """Its time has come: why nothing is to be done all the same; empty if it is to be done.

        By then the next run is open. Raises NotNow where it is to wait.
        """
        series, now = sweeping.series_of(run, self._policy), await self._ledger.now()
        if series is None:
            return self._gone(run, now)
        if wait := self._quiet_for(series, now):
            raise NotNow("it is a quiet time", wait)
        others = [other for other in await self._open_runs() if other.id != run.id and _is_of(other, run)]
        waiting = [o for o in others if sweeping.is_waiting(o) and sweeping.series_of(o, self._policy) == series]
        if any(_due(other) < _due(run) for other in waiting):
            raise NotNow("an earlier run is to be closed first", SOON)
        if later := [other for other in waiting if _due(other) <= now]:
            return MADE_UP.format(later[-1].id)
        if not waiting:
            await self._begin(series, run.id)
        under_way = [other for other in others if not sweeping.is_waiting(other)]
        return STILL_OPEN.format(under_way[0].id) if under_way else ""

    async def is_quiet(self, run: Request) -> bool:
        """True where kickbot.toml, as it is now, lets this sweep end nothing at this moment."""
        now = await self._ledger.now()
        ours = (series for series in self._policy.sweeps if series.command == run.command)
        return any(self._quiet_for(series, now, warned=True) for series in ours)

    def _gone(self, run: Request, now: datetime) -> str:
        left = (_due(run) + OTHERS_MAY - now).total_seconds()
        if left > 0:
            raise NotNow("kickbot.toml has no such sweep here", left)
        return GONE

    def _quiet_for(self, series: Series, now: datetime, *, warned: bool = False) -> float:
        """For how many seconds it must not run; what ends without a person must not end in a quiet time either."""
        warn = series.command.warn if series.sweep.action == "end" and not warned else 0
        zone, begin = _zone(series.sweep.zone), now
        for ahead in (timedelta(0), timedelta(seconds=warn), timedelta(0)):
            begin = sweeping.after_quiet(begin + ahead, series.sweep.quiet, zone) - ahead
        return max((begin - now).total_seconds(), 0)

    async def _begin(self, series: Series, follows: RequestId | None = None) -> None:
        due = sweeping.due_after(await self._ledger.now(), series, _zone(series.sweep.zone))
        with suppress(AlreadyRecorded):
            await self._ledger.begin(sweeping.run(series, self._policy, due, follows))

    async def _open_runs(self) -> Sequence[Request]:
        """As they stand now, whoever opened them."""
        numbers = await self._ledger.open_requests()
        requests = [await self._ledger.load(number) for number in numbers]
        runs = [request.id for request in requests if request.sweep is not None]
        return [run for number in runs if not (run := await self._ledger.load_afresh(number)).state.final]


def _is_of(other: Request, run: Request) -> bool:
    """A sweep that was changed is the same one, as far as what its runs would do twice is concerned."""
    return other.sweep is not None and run.sweep is not None and other.sweep.name == run.sweep.name


def _due(run: Request) -> datetime:
    return known(run.not_before)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)
