"""An event loop whose time stands still while anything is being done, and jumps as soon as all only wait.

So an hour of waiting costs nothing, and no deadline passes because the machine is busy.
"""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from tests.fakes import START

SOME_TIME = 1.0
"""Seconds after which what is done elsewhere is waited for again."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """jumped: is told of each jump, in seconds. Work in threads is noticed; other work says so by `at_work`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.working = 0
        self.jumped: Callable[[float], object] = lambda _seconds: None
        super().__init__(_Hasty(self))

    def time(self) -> float:
        return self.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        self.working += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._done)
        return future

    def _done(self, _future: object) -> None:
        self.working -= 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Time stands still while the block runs, whatever it waits for."""
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1


class _Hasty(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(0)
        if events or timeout == 0:
            return events
        if self._loop.working or timeout is None:
            return super().select(SOME_TIME)
        self._loop.now += max(timeout, 0)
        self._loop.jumped(max(timeout, 0))
        return events


class LoopClock:
    """The time of the loop as a clock and a way to wait, for the stand-ins of `fakes.py` and for the trail."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=self._loop.now)

    def __call__(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        """Since 1970."""
        return self.now.timestamp()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
