"""Mere progress is shown now and then, and then the newest: a kick on hundreds of hosts has thousands of events."""

import asyncio
from collections.abc import Awaitable, Callable

from bot.borders import Sleep
from bot.events import Record
from bot.models import RequestId

PROGRESS = frozenset({"observed", "signalled", "judged", "verifying"})
PAUSE = 3.0


class Progress:
    """Shows each request that went on, and whatever comes meanwhile in the next round."""

    def __init__(self, show: Callable[[Record], Awaitable[None]], sleep: Sleep) -> None:
        self._show = show
        self._sleep = sleep
        self._newest: dict[RequestId, Record] = {}
        self._added = asyncio.Event()

    def add(self, record: Record) -> None:
        self._newest[record.request] = record
        self._added.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._added.wait()
            self._added.clear()
            newest, self._newest = self._newest, {}
            for record in newest.values():
                await self._show(record)
            await self._sleep(PAUSE)
