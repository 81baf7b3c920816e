"""How many hosts are asked at the same time: by all questions together, and through each jump host.

Some places are kept for questions about few hosts.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext

from bot.hosts.limits import Limits
from bot.models import Host


class Places:
    """A place is one host that is being asked. A question about few hosts finds one, however many fleets are asked."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._everywhere = _Places(limits.at_once, limits.spare)
        self._behind: dict[Host, _Places] = {}

    def one(self, hosts: int) -> AbstractAsyncContextManager[None]:
        """hosts: of the whole question."""
        return self._everywhere.one(hosts)

    def behind(self, jump: Host | None, hosts: int) -> AbstractAsyncContextManager[None]:
        """The same for those that are reached through one jump host; it is taken first, so that only they wait."""
        if jump is None:
            return nullcontext()
        places = self._behind.setdefault(jump, _Places(self._limits.through, self._limits.through_spare))
        return places.one(hosts)


class _Places:
    """So many, of which some are only for questions about at most so many hosts."""

    def __init__(self, most: int, spare: int) -> None:
        self._spare = spare
        self._all = asyncio.Semaphore(most)
        self._of_large = asyncio.Semaphore(most - spare)

    @asynccontextmanager
    async def one(self, hosts: int) -> AsyncIterator[None]:
        if hosts <= self._spare:
            async with self._all:
                yield
        else:
            async with self._of_large, self._all:
                yield
