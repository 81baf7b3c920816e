"""Stopping: what was begun is brought to its end, for a bounded time; a process that can't stop is ended.

What is cut here is no loss: it is what a `kill -9` leaves, and the next start goes on from it.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

log = logging.getLogger(__name__)

GRACE = 20.0
"""Seconds for an act or a posting that is under way at a stop."""
STOPS_WITHIN = 30.0
"""Seconds from the first SIGTERM until the process is gone, whatever happens."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
CUT_OFF = 1


async def to_its_end(work: Coroutine[Any, Any, T], grace: float = GRACE) -> T:
    """The result of `work`. A caller that is cancelled meanwhile first lets it end, for at most `grace` seconds."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        _, late = await asyncio.wait([task], timeout=grace)
        for each in late:
            each.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """All of it, until one part fails: then the others are ended, and its error is raised.

    A cancellation stays one, also where a part fails at that moment: a TaskGroup would raise the error in its place.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def on_signals() -> asyncio.Event:
    """Set by the first SIGTERM or SIGINT; from then on the process has so long to end. Another one changes nothing."""
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def stop() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)  # the loop's handler would be gone before the process is
        stopped.set()
        _end_within(STOPS_WITHIN)

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    return stopped


def _end_within(seconds: float) -> None:
    """A thread, since what hangs may be the event loop itself, or a thread that Python would wait for."""
    timer = threading.Timer(seconds, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    log.error("could not stop within %g s, so it ends here; the next start goes on from the trail", STOPS_WITHIN)
    os._exit(CUT_OFF)
