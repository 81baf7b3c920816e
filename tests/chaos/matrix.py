"""The matrix: one undisturbed run finds the points, then there is one run for each of them.

A new step of the workflow, or a new call of Slack, is a new point by itself.
"""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.extent import AT_ONCE, sample
from tests.chaos.scene import Scene, Told
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


Run = Callable[[Path, str, str, Told], Awaitable[Seen]]
"""(folder, address of an empty trail in PostgreSQL or nothing, point, what is to be told)"""


async def matrix(tier: str, folder: Path, run: Run, table: Table, few: int, new_trail: Callable[[], str] = str) -> None:
    """Finds the points and tries each, or `few` of them in the short form; the result is a row of the table."""
    began = time.monotonic()
    points, expected = await undisturbed(_new(folder, "undisturbed"), new_trail())
    chosen = sample(points, few)
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, point: str) -> Seen:
        async with turns:
            try:
                seen = await run(_new(folder, str(number)), new_trail(), point, expected)
            except (TimeoutError, ExceptionGroup) as error:  # the other runs are worth seeing too
                seen = Seen(point, came=True, faults=(f"no end: {error!r}",))
            print(f"{tier}: {seen}", flush=True)  # noqa: T201 - the long form takes its time
            return seen

    runs = await asyncio.gather(*(one(number, point) for number, point in enumerate(chosen)))
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


async def undisturbed(folder: Path, url: str = "") -> tuple[list[str], Told]:
    """The points of a run in which nothing happens, and what it told."""
    async with Scene.start(folder, url) as scene, bot(scene.config, scene.slack, Life(scene.passed, scene.fate)):
        await scene.people()
        await scene.settled(quiet=3)
        assert await scene.faults(frozenset()) == []
        return scene.points(), scene.told(await scene.records())


async def killed_and_started_again(folder: Path, url: str, point: str, expected: Told) -> Seen:
    """On SQLite: the next life goes on."""
    async with Scene.start(folder, url) as scene:
        life = Life(scene.passed, scene.fate, point)
        async with asyncio.TaskGroup() as others:
            others.create_task(scene.people())
            async with bot(scene.config, scene.slack, life) as first:
                await _first(scene.settled(expected), readable(first.sentinel))
                first.join(0)
                killed = first.exitcode == -signal.SIGKILL
            if killed:
                async with bot(scene.config, scene.slack, life):
                    await scene.settled(expected)
        return await _seen(scene, point, expected)


async def one_of_two_killed(folder: Path, url: str, point: str, expected: Told) -> Seen:
    """On PostgreSQL: whichever replica comes there is killed, and the other one goes on."""
    async with Scene.start(folder, url) as scene:
        life = Life(scene.passed, scene.fate, point)
        async with bot(scene.config, scene.slack, life), bot(scene.config, scene.slack, life):
            await _told(scene, expected)
        return await _seen(scene, point, expected)


async def one_of_two_stopped(folder: Path, url: str, point: str, expected: Told) -> Seen:
    """On PostgreSQL: whichever replica comes there sleeps until the other one has finished, then it goes on."""
    async with Scene.start(folder, url) as scene:
        life = Life(scene.passed, scene.fate, point, signal.SIGSTOP)
        async with bot(scene.config, scene.slack, life) as first, bot(scene.config, scene.slack, life) as second:
            await _told(scene, expected)
            await asyncio.sleep(STOPPED_FOR)
            asked, acted = scene.asked_to_end(), len(scene.acts())
            for process in (first, second):
                if process.pid and is_stopped(process):
                    os.kill(process.pid, signal.SIGCONT)
            await asyncio.sleep(AFTERWARDS)
            await scene.settled(expected)
            late = min(scene.asked_to_end() - asked, len(scene.acts()) - acted)  # not what was under way already
        return await _seen(scene, point, expected, late=late)


async def _told(scene: Scene, expected: Told) -> None:
    """People ask and approve, and whoever is there carries it out, to the end."""
    async with asyncio.TaskGroup() as others:
        others.create_task(scene.people())
        await scene.settled(expected)


async def _seen(scene: Scene, point: str, expected: Told, late: int = 0) -> Seen:
    faults = tuple(await scene.faults(expected))
    return Seen(point, not scene.fate.exists(), faults, scene.doubles(), late)


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
