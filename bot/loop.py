"""The one loop over due times: sleeps until the earliest open request is due, by the trail's clock, and drives it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bot.errors import ActingFrozen, HeldElsewhere, KickbotError, NotNow, TrailError
from bot.ledger import Ledger
from bot.models import RequestId

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)
HELD = timedelta(seconds=2)
"""After which a request is tried again that another process drives, or that is frozen."""
LONGEST_SLEEP = 60.0


class Loop:
    """Drives what is due; each request in a task of its own, and never twice at once."""

    def __init__(self, ledger: Ledger, drive: Callable[[RequestId], Awaitable[object]]) -> None:
        self._ledger = ledger
        self._drive = drive
        self._driving: set[RequestId] = set()
        self._not_before: dict[RequestId, datetime] = {}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something was recorded: look at what is due again."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled. At a start every open request is looked at: this is how a crash is survived."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            while True:
                self._woken.clear()
                wait = await self._start_due(tasks)
                try:
                    async with asyncio.timeout(wait):
                        await self._woken.wait()
                except TimeoutError:
                    continue

    async def _listen(self) -> None:
        """Wake when another process recorded something."""
        while True:
            try:
                async for _ in self._ledger.changes():
                    self.wake()
            except TrailError as error:
                log.warning("other processes' events come late: %s", error)
            await asyncio.sleep(RETRY.total_seconds())

    async def _start_due(self, tasks: asyncio.TaskGroup) -> float:
        """Start what is due now; the seconds until something else will be."""
        try:
            now = await self._ledger.now()
            waiting = await self._ledger.open_requests()
        except KickbotError as error:
            log.warning("the audit trail can't be read: %s", error)
            return RETRY.total_seconds()
        later = [due for request_id in waiting if (due := await self._start(request_id, now, tasks))]
        return min([LONGEST_SLEEP, *((due - now).total_seconds() for due in later)])

    async def _start(self, request_id: RequestId, now: datetime, tasks: asyncio.TaskGroup) -> datetime | None:
        """Start one request if it is due; otherwise the moment when it will be."""
        if request_id in self._driving:
            return None
        try:
            request = await self._ledger.load(request_id)
        except KickbotError as error:
            log.warning("request %s can't be read: %s", request_id, error)
            return now + RETRY
        if request.due is None:
            return None
        due = max(request.due, self._not_before.get(request_id, now))
        if due > now:
            return due
        self._driving.add(request_id)
        self._not_before[request_id] = now + RETRY  # taken back when all goes well
        tasks.create_task(self._drive_one(request_id), name=f"request {request_id}")
        return None

    async def _drive_one(self, request_id: RequestId) -> None:
        """Trouble with one request is logged and tried again later; it never stops the others."""
        try:
            await self._drive(request_id)
            self._not_before.pop(request_id, None)
        except (HeldElsewhere, ActingFrozen) as error:
            log.debug("request %s: %s", request_id, error)
            self._not_before[request_id] += HELD - RETRY
            self._ledger.forget(request_id)
        except NotNow as error:
            log.info("request %s: %s", request_id, error)
            self._not_before[request_id] += timedelta(seconds=error.pause) - RETRY
            self._ledger.forget(request_id)
        except KickbotError as error:
            log.warning("request %s: %s", request_id, error)
            self._ledger.forget(request_id)
        except Exception:
            log.exception("request %s: a fault in Kickbot", request_id)
            self._ledger.forget(request_id)
        finally:
            self._driving.discard(request_id)
            self._woken.set()
