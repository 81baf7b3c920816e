"""The numbered log of all that happened in a workspace, and ways to wait for what comes next."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, TypeVar

from bot.sandbox.nouns import Happening, Json

Found = TypeVar("Found")

PATIENCE = 120.0
"""Seconds for what takes one when the machine is not busy: only what never comes takes so long."""


class Log:
    """`clock` gives seconds since 1970; `happenings` only grows, and every entry is JSON-able."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.happenings: list[Happening] = []
        self._news = asyncio.Event()

    def happen(self, kind: str, **details: Any) -> Happening:
        happening = Happening(number=len(self.happenings) + 1, at=self.clock(), kind=kind, details=details)
        self.happenings.append(happening)
        self._news.set()
        self._news = asyncio.Event()
        return happening

    async def follow(self, since: int = 0) -> AsyncIterator[Happening]:
        """Every happening after number `since`, then the new ones as they come, without end."""
        while True:
            news = self._news
            while since < len(self.happenings):
                since += 1
                yield self.happenings[since - 1]
            await news.wait()

    async def until(self, found: Callable[[], Found | None], seconds: float = PATIENCE) -> Found:
        """Waits until `found()` gives something, looking after each happening, and often; else TimeoutError."""
        async with asyncio.timeout(seconds):
            while not (result := found()):
                await self._stir(0.02)
            return result

    async def _stir(self, at_most: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._news.wait()

    def calls(self, method: str | None = None) -> list[Json]:
        """The api calls so far: {method, args, ok, error, status}."""
        made = [happening.details for happening in self.happenings if happening.kind == "api_call"]
        return [call for call in made if method in {None, call["method"]}]
