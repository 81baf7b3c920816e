"""Decisions are recorded only where they may follow; one that never may is no reason to try for ever."""

import asyncio
from pathlib import Path

import pytest

from bot import events
from bot.audit.sqlite import SqliteTrail
from bot.errors import Conflict
from bot.events import Event
from bot.ledger import Ledger
from bot.request import Request
from tests.fakes import FakeClock
from tests.stage import KICK, Stage


async def test_a_decision_that_can_never_follow_is_given_up(tmp_path: Path) -> None:
    """Nothing came meanwhile, so it will not fit the next time either."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock)
        over = await stage.ask(KICK)

        async def deny(request: Request) -> Event:
            return events.Denied(who="U0CAROL", plan_hash=request.plan_hash, reason="")

        async with asyncio.timeout(60):
            with pytest.raises(Conflict):
                await Ledger(trail).decide(over.id, "U0CAROL", "deny", deny)

        assert "denied" not in await stage.kinds(over.id)
