"""What is tried again for as long as the bot runs: its troubles are logged, and stop nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from bot.errors import TrailError

PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before what failed is tried again: twice as long each time, until it went well for the longest."""

log = logging.getLogger(__name__)


async def persist(work: Callable[[], Awaitable[None]], trouble: str) -> None:
    """Until cancelled. trouble: what it means if it fails, for the log."""
    clock, pause = asyncio.get_running_loop().time, PAUSE
    while True:
        began = clock()
        try:
            await work()
        except (OSError, TrailError) as error:
            if clock() - began > LONGEST_PAUSE:
                pause = PAUSE
            log.warning("%s, which is tried again: %s", trouble, str(error) or type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            pause = PAUSE
