"""The one loop over due times: sleeps until the earliest open request is due, by the trail's clock, and drives it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bot.agenda import Agenda
from bot.errors import ActingFrozen, HeldElsewhere, KickbotError, NotNow, TrailError
from bot.ledger import Ledger
from bot.models import RequestId

log = logging.getLogger(__name__)

RETRY = timedelta(seconds=5)
HELD = timedelta(seconds=2)
"""After which a request is tried again that another process drives, or that is frozen."""
LOOK_THROUGH = timedelta(seconds=60)
NEVER = datetime.min.replace(tzinfo=UTC)


class Loop:
    """Drives what is due; each request in a task of its own, and never twice at once.

    Only a request that changed is loaded again; all that are open are looked through now and then, so that none stays
    behind whatever goes wrong.
    """

    def __init__(self, ledger: Ledger, drive: Callable[[RequestId], Awaitable[object]]) -> None:
        self._ledger = ledger
        self._drive = drive
        self._driving: set[RequestId] = set()
        self._not_before: dict[RequestId, datetime] = {}
        self._agenda = Agenda()
        self._changed: set[RequestId] = set()
        self._looked_through = NEVER
        self._woken = asyncio.Event()

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
        """Wake when something was recorded, by whichever process."""
        while True:
            try:
                async for request_id in self._ledger.changes():
                    self._hear(request_id)
            except TrailError as error:
                log.warning("what is recorded is heard late: %s", error)
            await asyncio.sleep(RETRY.total_seconds())

    def _hear(self, request_id: RequestId | None) -> None:
        """None: of any of them. One that is driven is looked at afterwards."""
        if request_id is None:
            self._looked_through = NEVER
        elif request_id not in self._driving:
            self._changed.add(request_id)
        else:
            return
        self._woken.set()

    async def _start_due(self, tasks: asyncio.TaskGroup) -> float:
        """Start what is due now; the seconds until something else will be."""
        try:
            now = await self._ledger.now()
            if now - self._looked_through >= LOOK_THROUGH:
                self._looked_through = now  # whatever is heard from here on counts again
                self._changed.update(await self._ledger.open_requests())
        except KickbotError as error:
            log.warning("the audit trail can't be read: %s", error)
            self._looked_through = NEVER
            return RETRY.total_seconds()
        changed, self._changed = self._changed, set()
        for request_id in sorted(changed - self._driving):
            self._agenda.put(request_id, await self._when(request_id, now))
        for request_id in self._agenda.take(now):
            self._driving.add(request_id)
            self._not_before[request_id] = now + RETRY  # taken back when all goes well
            tasks.create_task(self._drive_one(request_id), name=f"request {request_id}")
        later = self._agenda.earliest or now + LOOK_THROUGH
        return min((later - now).total_seconds(), LOOK_THROUGH.total_seconds())

    async def _when(self, request_id: RequestId, now: datetime) -> datetime | None:
        """The moment when it is due; None if only people can go on with it, or nobody."""
        try:
            due = (await self._ledger.load(request_id)).due
        except KickbotError as error:
            log.warning("request %s can't be read: %s", request_id, error)
            return now + RETRY
        if due is None:
            self._not_before.pop(request_id, None)
            return None
        return max(due, self._not_before.get(request_id, due))

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
            self._hear(request_id)
