"""Carries a crowd of requests to its end, and looks at everything afterwards."""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

from bot.borders import Store
from bot.lifecycle import replay
from bot.models import RequestId
from tests.chaos.crowd import AT_ONCE, Crowd
from tests.chaos.figures import resident
from tests.chaos.slack_apart import SlackApart
from tests.chaos.told import expected
from tests.chaos.virtual import LoopClock, VirtualLoop

CHANNELS = tuple(f"C0INC{number}" for number in range(1, 9))
TIDY = 100
"""After so many requests the workspace is made small again."""
KEPT = 8_000
"""Events for which messages stay in the workspace: the publisher may look for them, or change them."""
UNTOLD = 2_000
"""Events after which people wait for Slack, which takes only so much in a minute, before they ask for more."""

OpenTrail = Callable[[VirtualLoop], AbstractAsyncContextManager[Store]]


@dataclass
class Soaked:
    """What came of it. memory: MiB of this process after each tenth of the requests, and at the end. Slack isn't in it.

    cpu: seconds of this process for all of it, with the people and the hosts in it.
    troubles: of calls of Slack and of hosts. lost, doubled: names of messages. twice: sessions that were ended again.
    """

    asked: int = 0
    stood: Counter[str] = field(default_factory=Counter)
    open: int = 0
    troubles: tuple[int, int] = (0, 0)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    twice: int = 0
    memory: list[float] = field(default_factory=list)
    seconds: float = 0
    cpu: float = 0


def soak(number: int, open_trail: OpenTrail, folder: Path, seed: int = 4711) -> Soaked:
    """In time that doesn't pass while anything is done.

    Nothing is logged meanwhile: each trouble would be, and pytest keeps it all.
    """
    loop = VirtualLoop()
    logging.disable()
    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            return runner.run(_soak(number, open_trail, folder, loop, seed))
    finally:
        logging.disable(logging.NOTSET)


async def _soak(number: int, open_trail: OpenTrail, folder: Path, loop: VirtualLoop, seed: int) -> Soaked:
    began, clock, soaked = time.monotonic(), LoopClock(loop), Soaked(asked=number)
    cpu = time.process_time()
    with SlackApart.start(folder / "told", CHANNELS, clock.seconds) as slack:
        async with open_trail(loop) as store:
            crowd = Crowd(store, slack, clock, CHANNELS, seed)
            async with asyncio.TaskGroup() as tasks:
                work = (crowd.workflow.run(), crowd.publisher.run(), crowd.follow())
                running = [tasks.create_task(one) for one in work]
                await _ask_all(crowd, store, slack, soaked)
                await _all_told(crowd, store)
                soaked.memory.append(_memory())
                for task in running:
                    task.cancel()
            soaked.cpu = time.process_time() - cpu
            soaked.open = len(await store.open_requests())
            soaked.stood, soaked.twice = crowd.stood, crowd.troubled.again + _ended_again(crowd)
            soaked.troubles = (crowd.reads.troubled + crowd.posts.troubled, crowd.troubled.troubled)
            await _compare(soaked, store, slack)
    soaked.seconds = time.monotonic() - began
    return soaked


async def _ask_all(crowd: Crowd, store: Store, slack: SlackApart, soaked: Soaked) -> None:
    """Everyone asks, so many at once."""
    turns, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(which: int) -> None:
        nonlocal done
        try:
            await crowd.ask(which)
        finally:
            turns.release()
        done += 1
        if done % TIDY == 0:
            slack.archive(await store.postings().cursor() - KEPT)
        if done % (soaked.asked // 10) == 0:
            soaked.memory.append(_memory())

    async with asyncio.TaskGroup() as askers:
        for which in range(soaked.asked):
            await turns.acquire()
            while crowd.newest - await store.postings().cursor() > UNTOLD:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(10)
            askers.create_task(one(which))


async def _all_told(crowd: Crowd, store: Store) -> None:
    """Returns when the publisher has nothing left to do."""
    postings = store.postings()
    while await postings.cursor() < crowd.newest or crowd.publisher._later._waiting:  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(10)


async def _compare(soaked: Soaked, store: Store, slack: SlackApart) -> None:
    told = slack.told()
    soaked.doubled = [name for name, times in told.items() if times > 1]
    async for request in _requests(store):
        if not replay(await store.read(request)).state.final:
            soaked.open += 1
        soaked.lost += sorted(await expected(store, request) - told.keys())


async def _requests(store: Store) -> AsyncIterator[RequestId]:
    """All of them, each named by its first event."""
    newest = (await store.requests(limit=1))[0][0].request
    for number in map(RequestId, range(1, newest + 1)):
        if await store.read(number):
            yield number


def _ended_again(crowd: Crowd) -> int:
    """An identity is one on its own host only."""
    return sum(len(host.ended) - len(set(host.ended)) for host in crowd.hosts.values())


def _memory() -> float:
    gc.collect()
    return resident()
