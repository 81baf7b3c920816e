"""How many hosts are asked at the same time, by all questions together. Some places are kept for small questions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.hosts.limits import Limits


class Places:
    """A place is one host that is being asked. A question about few hosts finds one, however many fleets are asked."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = asyncio.Semaphore(limits.at_once)
        self._of_large = asyncio.Semaphore(limits.at_once - limits.spare)

    @asynccontextmanager
    async def one(self, hosts: int) -> AsyncIterator[None]:
        """hosts: of the whole question."""
        if hosts <= self._limits.spare:
            async with self._all:
                yield
        else:
            async with self._of_large, self._all:
                yield
