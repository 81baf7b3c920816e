"""Many requests of every kind while Slack and the hosts fail: nothing is lost, nothing is done or told twice."""

from pathlib import Path

import pytest

from bot.audit import stored
from bot.audit.sqlite import SqliteTrail
from tests.chaos.extent import LONG, REQUESTS
from tests.chaos.soak import Soaked, soak
from tests.chaos.table import Row, Table
from tests.chaos.virtual import LoopClock
from tests.chaos.virtual_postgres import virtual_trail
from tests.postgres.server import TEMPLATE, Server

GROWTH = 15.0
"""MiB that the process may grow from the first tenth of the requests to the last: fragments, and what the hosts and
the people of the test keep."""
LESS = 10
"""How much fewer on PostgreSQL, where each takes so much longer."""


def test_a_soak_on_sqlite(in_memory: Path, table: Table) -> None:
    """Each request ends, each part of each event is told once, each session ended once, the trail is whole."""
    path = in_memory / "kickbot.db"
    soaked = soak(REQUESTS, lambda loop: SqliteTrail.open(path, LoopClock(loop)), in_memory)
    judge("soak, SQLite", soaked, path, table)


@pytest.mark.postgres
def test_a_soak_on_postgres(in_memory: Path, server: Server, table: Table) -> None:
    """The same, by the clock of the database."""
    url = server.new_database(TEMPLATE)
    soaked = soak(REQUESTS // LESS, lambda loop: virtual_trail(server, url, loop), in_memory)
    judge("soak, PostgreSQL", soaked, url, table)


def judge(tier: str, soaked: Soaked, database: Path | str, table: Table) -> None:
    table.add(
        Row(
            tier=tier,
            points=soaked.asked,
            runs=soaked.asked,
            hit=sum(soaked.troubles),
            right=sum(soaked.stood.values()) - soaked.open - len(soaked.lost),
            doubles=len(soaked.doubled) + soaked.twice,
            late=0,
            seconds=soaked.seconds,
        )
    )
    first, half, end = soaked.memory[0], soaked.memory[len(soaked.memory) // 2 - 1], soaked.memory[-1]
    table.notes.append(
        f"{tier}: {dict(soaked.stood)}, {first:.0f} MiB after a tenth, {half:.0f} after half, {end:.0f} at the end, "
        f"{soaked.cpu / soaked.asked * 1000:.0f} ms CPU for each"
    )
    assert soaked.open == 0
    assert sum(soaked.stood.values()) == soaked.asked
    assert (soaked.lost, soaked.doubled, soaked.twice) == ([], [], 0)
    assert end - first < GROWTH or not LONG  # a short one has not met all yet that it keeps for good
    assert stored.verify(database).events > soaked.asked
