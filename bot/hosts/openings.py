"""How many connections are being opened to the same place: sshd drops bursts (`MaxStartups`), so they are spread."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.borders import Sleep
from bot.models import Host


class Openings:
    """A place is an address, or the jump host behind which it is. The first one waits for nothing."""

    def __init__(self, jitter: float, sleep: Sleep = asyncio.sleep) -> None:
        self._jitter = jitter
        self._sleep = sleep
        self._opening = Counter[str | Host]()

    @asynccontextmanager
    async def one(self, host: Host) -> AsyncIterator[None]:
        """Around the opening of a connection."""
        place = host.jump or host.address
        others = self._opening[place]
        self._opening[place] += 1
        try:
            if others:
                await self._sleep(random.uniform(0, others * self._jitter))  # noqa: S311 - no secret
            yield
        finally:
            self._opening[place] -= 1
            if not self._opening[place]:
                del self._opening[place]
