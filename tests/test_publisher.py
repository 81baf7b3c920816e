"""From the trail into Slack, exactly once: a real trail, the real client, and a workspace that fails at every place."""

import asyncio
import shutil
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.sandbox.workspace import Workspace
from tests.publishing import (
    DyingPostings,
    FailAt,
    Unfolding,
    at_once,
    make_story,
    publish_all,
    publish_until_killed,
    publisher,
    shown,
)


def without_carol() -> Workspace:
    """Carol may approve, and isn't in the request's channel: she is told in person."""
    workspace = demo_workspace()
    there = tuple(person for person in workspace.channels["C0INC4711"].members if person != "U0CAROL")
    workspace.change_channel("C0INC4711", members=there)
    return workspace


# -- nothing twice, nothing missing --------------------------------------------------------------------


async def test_nothing_twice_and_nothing_missing_wherever_slack_or_the_bot_dies(tmp_path: Path) -> None:
    """At every writing call the bot is killed, before it took effect and after: the next run completes the story."""
    story = await make_story(tmp_path)
    reference, calls = await _told(story, tmp_path / "reference.db")
    assert {"warning", "asker", "owner:U0DAVE", "approver:U0CAROL"} <= {part for _, _, _, part, *_ in reference}

    async def life(number: int, fault: Fault) -> None:
        async with SandboxSlack.start(without_carol()) as sandbox:
            copy = copied(story, tmp_path / f"{number}-{fault.effect}.db")
            sandbox.workspace.faults = FailAt(number, fault)
            assert await publish_until_killed(sandbox, copy)
            await publish_all(sandbox, copy)
            assert shown(sandbox.workspace) == reference, (number, fault)

    faults = Fault.dropped_before(), Fault.dropped_after()
    await _each(life(number, fault) for number in range(1, calls + 1) for fault in faults)


async def test_nothing_twice_and_nothing_missing_wherever_a_note_is_lost(tmp_path: Path) -> None:
    """The bot is killed before and after everything that it notes down: the next run completes the story."""
    story = await make_story(tmp_path)
    reference, _ = await _told(story, tmp_path / "reference.db")
    notes = await _count_notes(story, tmp_path / "notes.db")
    killed: list[bool] = []

    async def life(number: int, *, after: bool) -> None:
        async with SandboxSlack.start(without_carol()) as sandbox:
            copy = copied(story, tmp_path / f"{number}-{after}.db")
            killed.append(await publish_until_killed(sandbox, copy, write=number, after=after))
            await publish_all(sandbox, copy)
            assert shown(sandbox.workspace) == reference, (number, after)

    await _each(life(number, after=after) for number in range(1, notes + 1) for after in (False, True))
    assert killed.count(True) == 2 * notes


@pytest.mark.parametrize("fault", [Fault.dropped_after(), Fault.server_error(500, effect=True)])
async def test_an_unclear_failure_is_looked_up_before_it_is_tried_again(tmp_path: Path, fault: Fault) -> None:
    """The same without a restart: an answer that was lost makes no second message."""
    story = await make_story(tmp_path)
    reference, calls = await _told(story, tmp_path / "reference.db")

    async def life(number: int) -> None:
        async with SandboxSlack.start(without_carol()) as sandbox:
            copy = copied(story, tmp_path / f"{number}.db")
            sandbox.workspace.faults = FailAt(number, fault)
            assert not await publish_until_killed(sandbox, copy, sleep=at_once)
            assert shown(sandbox.workspace) == reference, number

    await _each(life(number) for number in range(1, calls + 1))


@pytest.mark.parametrize(
    "fault",
    [
        Fault.rate_limited(1),
        Fault.server_error(502),
        Fault(status=503, body="<html>busy"),
        Fault.refused("token_revoked"),
    ],
)
async def test_a_failure_that_heals_is_waited_out(tmp_path: Path, fault: Fault) -> None:
    """Slack is busy, or the token is being changed: everything is told in the end, in order."""
    story = await make_story(tmp_path)
    reference, _ = await _told(story, tmp_path / "reference.db")
    async with SandboxSlack.start(without_carol()) as sandbox:
        counter = iter(range(1_000))
        # the upload itself goes to an address of its own, which asks for no token
        sandbox.workspace.faults = lambda method, _: fault if method != "upload" and next(counter) % 7 == 0 else None
        assert not await publish_until_killed(sandbox, story, sleep=at_once)
        assert shown(sandbox.workspace) == reference


async def _each(lives: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, a few at a time."""
    few = asyncio.Semaphore(8)

    async def one(life: Coroutine[Any, Any, None]) -> None:
        async with few:
            await life

    async with asyncio.TaskGroup() as tasks:
        for life in lives:
            tasks.create_task(one(life))


async def test_lost_postings_cost_a_look_and_no_more(tmp_path: Path) -> None:
    """Someone deleted what the publisher remembers: it finds its messages again and posts none of them twice."""
    story = await make_story(tmp_path)
    fresh = copied(story, tmp_path / "fresh.db")
    async with SandboxSlack.start(without_carol()) as sandbox:
        await publish_all(sandbox, story)
        before = shown(sandbox.workspace)
        async with SqliteTrail.open(fresh) as trail:
            await publisher(sandbox, Latest(trail), SqlitePostings(trail.database))._follow()
        assert shown(sandbox.workspace) == before


class Latest(Unfolding):
    """The same, with the trail's real clock: everything was recorded before this run."""

    async def now(self) -> datetime:
        return datetime.now(UTC)


def copied(story: Path, copy: Path) -> Path:
    """The same trail once more, for another life."""
    shutil.copy(story, copy)
    return copy


async def _count_notes(story: Path, copy: Path) -> int:
    """How often something is noted down while the story is published."""
    shutil.copy(story, copy)
    async with SandboxSlack.start(without_carol()) as sandbox, SqliteTrail.open(copy) as trail:
        postings = DyingPostings(trail)
        await publisher(sandbox, Unfolding(trail), postings)._follow()
    return -postings.left


async def _told(story: Path, copy: Path) -> tuple[list[tuple[str, ...]], int]:
    """What people see after a run without trouble, and how many writing calls it took."""
    shutil.copy(story, copy)
    async with SandboxSlack.start(without_carol()) as sandbox:
        counter = FailAt(0, Fault())
        sandbox.workspace.faults = counter
        await publish_all(sandbox, copy)
        seen = shown(sandbox.workspace)
    assert len(seen) == len(set(seen))
    return seen, -counter.left
