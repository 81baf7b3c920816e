"""Requests as the audit trail tells them: load one, record its next event. Decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

from bot import lifecycle
from bot.borders import Lease, Trail
from bot.errors import AlreadyRecorded, Conflict, LookupFailed, Refused, TrailError, WrongCode
from bot.events import (
    FINAL,
    WITHOUT_EFFECT,
    Action,
    Asked,
    DecisionRefused,
    Event,
    Frozen,
    Held,
    Looked,
    Record,
    RetentionAsked,
    ReviewOpened,
)
from bot.models import RequestId
from bot.request import Request

MOST = 1_000
"""Requests of one person that are looked through, for one that was asked before or to count them."""
USED = "That code counted once already. Wait for the next one, at most 30 seconds, and send that."


async def from_now_on(trail: Trail) -> int:
    """After which event to follow the trail for what comes next: one that stands already, near the end."""
    newest = await trail.requests(limit=1)
    return newest[0][-1].seq if newest else 0


class Ledger:
    """The trail with the open requests kept replayed in memory. A conflict drops what is kept and reads again.

    What other processes record is heard a moment later, so what is kept may be old: whoever decides reads afresh.
    """

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._kept: dict[RequestId, Request] = {}
        self._heard: dict[RequestId, int] = {}  # the newest event of each open request, as far as it was heard
        self._recording = asyncio.Lock()

    async def now(self) -> datetime:
        return await self._trail.now()

    async def claim(self, request_id: RequestId) -> Lease | None:
        return await self._trail.claim(request_id)

    async def release(self, lease: Lease) -> None:
        """Others may drive that request. A lease that can't be given back runs out by itself."""
        with suppress(TrailError):
            await self._trail.release(lease)

    async def changes(self) -> AsyncIterator[RequestId | None]:
        """Which request changed, whoever recorded it. None, at first: any of them may have. Never ends."""
        since = await from_now_on(self._trail)
        self._kept.clear()  # what came until now isn't heard
        self._heard.clear()
        yield None
        async for record in self._trail.follow(since):
            self._hear(record)
            yield record.request

    async def open_requests(self) -> Sequence[RequestId]:
        return await self._trail.open_requests()

    async def begin(self, event: Asked | Looked | Frozen | Held | ReviewOpened | RetentionAsked) -> Request:
        """Record the first event of a new request."""
        return self._keep(lifecycle.begin(await self._trail.append(None, event)))

    async def demand_new(self, key: str, who: str, since: datetime) -> None:
        """Raises AlreadyRecorded if this person began a request with that key since then."""
        for records in await self._trail.requests(about=who, since=since, limit=MOST):
            if getattr(records[0].event, "key", "") == key:
                raise AlreadyRecorded(records[0].request)

    async def asked_by(self, who: str, since: datetime) -> tuple[Request, ...]:
        """What this person asked for since then, on whichever replica. Raises Refused where it is too much to count."""
        found = await self._trail.requests(about=who, since=since, listings=False, limit=MOST)
        if len(found) >= MOST:
            raise Refused(f"You asked {MOST} times or more since {since:%H:%M} UTC. Nothing was done; try again later.")
        return tuple(r for r in map(lifecycle.replay, found) if r.asker == who)

    async def by(self, who: str, kinds: Collection[str], since: datetime) -> Sequence[Record]:
        """What this person did in any request since then, on whichever replica, oldest first."""
        return await self._trail.by(who, kinds, since)

    async def load(self, request_id: RequestId) -> Request:
        """The request as it stands. Raises Refused if there is none of that number."""
        kept = self._kept.get(request_id)
        if kept is not None:
            return kept
        records = await self._trail.read(request_id)
        if not records:
            raise Refused("There is no such request.")
        return self._keep(lifecycle.replay(records))

    async def load_afresh(self, request_id: RequestId) -> Request:
        """The request with everything that any process recorded until now."""
        self.forget(request_id)
        return await self.load(request_id)

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

    async def decide(
        self, request_id: RequestId, who: str, action: Action, judge: Callable[[Request], Awaitable[Event | None]]
    ) -> Request:
        """The first valid decision wins: it is recorded only if nothing else was since it was judged.

        judge: the event, or None where the decision isn't needed any more. What it raises as Refused or LookupFailed is
        recorded too, and raised.
        """
        judged = 0
        while True:
            request = await self.load_afresh(request_id)
            try:
                event = await judge(request)
                return await self.record(request, event, after=request.changed) if event else request
            except Conflict:
                if request.newest == judged:  # nothing came meanwhile: it may never follow here
                    raise
                judged = request.newest
            except WrongCode:  # recorded where it was found out
                raise
            except (Refused, LookupFailed) as refusal:
                await self.record(request, DecisionRefused(who=who, action=action, reason=refusal.for_user()))
                raise
            except AlreadyRecorded as known:  # its code counted for something else, a moment before
                used = Refused(USED)
                await self.record(request, DecisionRefused(who=who, action=action, reason=str(used)))
                raise used from known

    def _keep(self, request: Request) -> Request:
        if request.state.final:
            self.forget(request.id)
        elif request.newest >= self._heard.get(request.id, 0):  # else something came while this was read
            self._kept[request.id] = request
        return request

    def _hear(self, record: Record) -> None:
        """What is kept and older than this is dropped."""
        kept = self._kept.get(record.request)
        if kept is not None and kept.newest >= record.seq:
            return
        self.forget(record.request)
        if record.event.kind in FINAL:
            self._heard.pop(record.request, None)
        elif record.event.kind not in WITHOUT_EFFECT:  # which may come after the end
            self._heard[record.request] = record.seq
