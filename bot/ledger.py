"""Requests as the audit trail tells them: load one, record its next event. Decides nothing."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot import lifecycle
from bot.borders import Lease, Trail
from bot.errors import Conflict, Refused
from bot.events import Asked, Event, Looked
from bot.lifecycle import Request
from bot.models import RequestId


class Ledger:
    """The trail with the open requests kept replayed in memory. A conflict drops what is kept and reads again."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._kept: dict[RequestId, Request] = {}
        self._recording = asyncio.Lock()

    async def now(self) -> datetime:
        return await self._trail.now()

    async def claim(self, request_id: RequestId) -> Lease | None:
        return await self._trail.claim(request_id)

    async def open_requests(self) -> Sequence[RequestId]:
        return await self._trail.open_requests()

    async def begin(self, event: Asked | Looked) -> Request:
        """Record the first event of a new request."""
        return self._keep(lifecycle.begin(await self._trail.append(None, event)))

    async def load(self, request_id: RequestId) -> Request:
        """The request as it stands. Raises Refused if there is none of that number."""
        kept = self._kept.get(request_id)
        if kept is not None:
            return kept
        records = await self._trail.read(request_id)
        if not records:
            raise Refused("There is no such request.")
        return self._keep(lifecycle.replay(records))

    def forget(self, request_id: RequestId) -> None:
        """Read it again from the trail next time."""
        self._kept.pop(request_id, None)

    async def record(
        self, request: Request, event: Event, lease: Lease | None = None, *, after: int | None = None
    ) -> Request:
        """Append one event that may follow. Raises Conflict if meanwhile it may not.

        after: raises Conflict too if anything changed the request after this event; a refused click changes nothing.
        """
        async with self._recording:
            while True:
                current = await self.load(request.id)
                if (after is not None and current.changed != after) or not lifecycle.may_follow(current, event):
                    raise Conflict(f"request {request.id} is {current.state}: {event.kind} came too late")
                try:
                    record = await self._trail.append(request.id, event, after=current.newest, lease=lease)
                except Conflict:
                    self.forget(request.id)
                    continue
                return self._keep(lifecycle.advance(current, record))

    def _keep(self, request: Request) -> Request:
        if request.state.final:
            self.forget(request.id)
        else:
            self._kept[request.id] = request
        return request
