"""The matrix: one undisturbed run finds the points, then there is one run for each of them.

A new step of the workflow, or a new call of Slack, is a new point by itself.
"""

import asyncio
import os
import signal
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.extent import AT_ONCE, sample
from tests.chaos.scene import OnSandboxHosts, Scene, Told
from tests.chaos.table import Row, Table
from tests.dying_bot import QUICK_LEASE, Life
from tests.lives import bot, is_stopped, readable

STOPPED_FOR = 2 * QUICK_LEASE.total_seconds()
AFTERWARDS = 2 * QUICK_LEASE.total_seconds()
"""Seconds for which someone who goes on is watched."""
MOST_COME = 0.8
"""Of the points. One that depends on the moment, such as a message that is changed once more, may not come again."""


@dataclass(frozen=True)
class Seen:
    """How one run went. came: its point was reached. faults: what was wrong in the end.

    late: what a host was asked after SIGCONT, and did.
    """

    point: str
    came: bool
    faults: tuple[str, ...] = ()
    doubles: int = 0
    late: int = 0

    @property
    def right(self) -> bool:
        return not (self.faults or self.doubles or self.late)


class Turns:
    """So many runs are at work beside each other; of those that only wait, one more for each."""

    def __init__(self) -> None:
        self._work, self._runs = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(2 * AT_ONCE)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        async with self._runs, self._work:
            yield

    async def wait(self, seconds: float) -> None:
        """Somebody else may work meanwhile."""
        self._work.release()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._work.acquire()


@dataclass(frozen=True)
class Attempt:
    """One run. scene: opens it. point: where its bot dies or stops. expected: what is to be told in the end."""

    scene: Callable[[], AbstractAsyncContextManager[Scene]]
    point: str
    expected: Told
    turns: Turns


Run = Callable[[Attempt], Awaitable[Seen]]
Scenes = Callable[[Path, str], AbstractAsyncContextManager[Scene]]
"""(folder, address of an empty trail in PostgreSQL or nothing)"""


async def matrix(
    tier: str,
    folder: Path,
    run: Run,
    table: Table,
    few: int,
    new_trail: Callable[[], str] = str,
    scenes: Scenes = OnSandboxHosts.start,
) -> None:
    """Finds the points and tries each, or `few` of them in the short form; the result is a row of the table."""
    began = time.monotonic()
    points, expected = await undisturbed(scenes(_new(folder, "undisturbed"), new_trail()))
    chosen = sample(points, few)
    turns = Turns()

    async def one(number: int, stand_ins: Sequence[str]) -> Seen:
        async with turns.one():
            for point in stand_ins:
                scene = partial(scenes, _new(folder, f"{number} {point}"), new_trail())
                try:
                    seen = await run(Attempt(scene, point, expected, turns))
                except (TimeoutError, ExceptionGroup):  # the other runs are worth seeing too
                    seen = Seen(point, came=True, faults=(f"no end: {traceback.format_exc()}",))
                print(f"{tier}: {seen}", flush=True)  # noqa: T201 - the long form takes its time
                if seen.came or not seen.right:
                    break
            return seen

    runs = await asyncio.gather(*(one(number, stand_ins) for number, stand_ins in enumerate(chosen)))
    table.add(_row(tier, len(points), runs, time.monotonic() - began))
    assert [seen for seen in runs if not seen.right] == []
    assert sum(seen.came for seen in runs) >= int(MOST_COME * len(runs))


def _new(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def _row(tier: str, points: int, runs: Sequence[Seen], seconds: float) -> Row:
    return Row(
        tier=tier,
        points=points,
        runs=len(runs),
        hit=sum(seen.came for seen in runs),
        right=sum(seen.right for seen in runs),
        doubles=sum(seen.doubles for seen in runs),
        late=sum(seen.late for seen in runs),
        seconds=seconds,
    )


async def undisturbed(opening: AbstractAsyncContextManager[Scene]) -> tuple[list[str], Told]:
    """The points of a run in which nothing happens, and what it told."""
    async with opening as scene, bot(scene.config, scene.slack, Life(scene.passed, scene.fate)):
        await _told(scene, frozenset())
        assert await scene.faults(frozenset()) == []
        return scene.points(), scene.told(await scene.records())


async def killed_and_started_again(attempt: Attempt) -> Seen:
    """On SQLite: the next life goes on."""
    async with attempt.scene() as scene:
        life = Life(scene.passed, scene.fate, attempt.point)
        async with asyncio.TaskGroup() as others:
            others.create_task(scene.people())
            async with bot(scene.config, scene.slack, life) as first:
                await _first(scene.settled(attempt.expected), readable(first.sentinel))
                first.join(0)
                killed = first.exitcode == -signal.SIGKILL
            if killed:
                async with bot(scene.config, scene.slack, life):
                    await scene.settled(attempt.expected)
        return await _seen(scene, attempt)


async def one_of_two_killed(attempt: Attempt) -> Seen:
    """On PostgreSQL: whichever replica comes there is killed, and the other one goes on."""
    async with attempt.scene() as scene:
        life = Life(scene.passed, scene.fate, attempt.point)
        async with bot(scene.config, scene.slack, life), bot(scene.config, scene.slack, life):
            await _told(scene, attempt.expected)
        return await _seen(scene, attempt)


async def one_of_two_stopped(attempt: Attempt) -> Seen:
    """On PostgreSQL: whichever replica comes there sleeps until the other one has finished, then it goes on."""
    async with attempt.scene() as scene:
        life = Life(scene.passed, scene.fate, attempt.point, signal.SIGSTOP)
        async with bot(scene.config, scene.slack, life) as first, bot(scene.config, scene.slack, life) as second:
            await _told(scene, attempt.expected)
            await attempt.turns.wait(STOPPED_FOR)
            asked, acted = scene.asked_to_end(), len(scene.acts())
            for process in (first, second):
                if process.pid and is_stopped(process):
                    os.kill(process.pid, signal.SIGCONT)
            await attempt.turns.wait(AFTERWARDS)
            await scene.settled(attempt.expected)
            late = min(scene.asked_to_end() - asked, len(scene.acts()) - acted)  # not what was under way already
        return await _seen(scene, attempt, late=late)


async def _told(scene: Scene, expected: Told) -> None:
    """People ask and approve, and whoever is there carries it out, to the end."""
    async with asyncio.TaskGroup() as others:
        others.create_task(scene.people())
        await scene.settled(expected)


async def _seen(scene: Scene, attempt: Attempt, late: int = 0) -> Seen:
    faults = tuple(await scene.faults(attempt.expected))
    return Seen(attempt.point, not scene.fate.exists(), faults, scene.doubles(), late)


async def _first(*waits: Awaitable[None]) -> None:
    """Until one of them returns; what that one raises is raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
