"""The one loop: what is due is driven, and only what changed is loaded again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from bot import loop
from bot.borders import Trail
from bot.errors import TrailError
from bot.ledger import Ledger
from bot.loop import Loop
from bot.models import RequestId
from bot.request import Request
from bot.states import State
from tests.stage import KICK, Stage

MANY = 20


class Counting(Ledger):
    """Counts how often each request is asked for."""

    def __init__(self, trail: Trail) -> None:
        super().__init__(trail)
        self.loaded = Counter[RequestId]()

    async def load(self, request_id: RequestId) -> Request:
        self.loaded[request_id] += 1
        return await super().load(request_id)


class Deaf(Ledger):
    """Hears nothing of what is recorded."""

    async def changes(self) -> AsyncIterator[RequestId | None]:
        await asyncio.Event().wait()
        yield None


class Away(Deaf):
    """The trail can't be read at first."""

    times = 2

    async def open_requests(self) -> Sequence[RequestId]:
        if self.times:
            self.times -= 1
            raise TrailError("the database can't be reached")
        return await super().open_requests()


@asynccontextmanager
async def running(stage: Stage, ledger: Ledger) -> AsyncIterator[None]:
    task = asyncio.create_task(Loop(ledger, stage.workflow.drive).run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def comes_to(stage: Stage, request_id: RequestId, state: State) -> None:
    async with asyncio.timeout(60):
        async for _ in stage.trail.follow(0):
            if (await stage.request(request_id)).state is state:
                return


async def test_a_new_request_costs_no_look_at_those_that_wait(stage: Stage) -> None:
    """However many wait for a decision: only the one that changed is loaded again."""
    waiting = [(await stage.ask(KICK)).id for _ in range(MANY)]
    ledger = Counting(stage.trail)
    async with running(stage, ledger):
        for _ in range(MANY):
            asked = await stage.ask_only(KICK)
            await comes_to(stage, asked.id, State.PENDING)
    assert max(ledger.loaded[each] for each in waiting) <= 2  # at the start, and once all that comes is heard


async def test_what_somebody_else_recorded_is_driven(stage: Stage) -> None:
    """The click arrives at another process: this one carries it out."""
    request = await stage.ask(KICK)
    async with running(stage, Ledger(stage.trail)):
        await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
        await comes_to(stage, request.id, State.CLOSED)


async def test_what_was_not_heard_is_found_all_the_same(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Now and then all that is open is looked through."""
    monkeypatch.setattr(loop, "LOOK_THROUGH", timedelta(seconds=0.02))
    async with running(stage, Deaf(stage.trail)):
        request = await stage.ask_only(KICK)
        stage.clock.now += timedelta(seconds=1)
        await comes_to(stage, request.id, State.PENDING)


async def test_a_trail_that_can_not_be_read_is_read_again_soon(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only at the next look through all."""
    monkeypatch.setattr(loop, "RETRY", timedelta(seconds=0.02))
    request = await stage.ask_only(KICK)
    async with running(stage, Away(stage.trail)):
        await comes_to(stage, request.id, State.PENDING)
