"""Many requests of every kind while Slack and the hosts fail: nothing is lost, nothing is done or told twice."""

from pathlib import Path

from bot.audit import stored
from bot.audit.sqlite import SqliteTrail
from tests.chaos.extent import LONG, REQUESTS
from tests.chaos.soak import Soaked, soak
from tests.chaos.table import Row, Table
from tests.chaos.virtual import LoopClock
from tests.observed import Watch

GROWTH = 40.0
"""MiB that the process may grow over four fifths of the requests: what the test itself writes down, and fragments."""


def test_a_soak_on_sqlite(in_memory: Path, table: Table, watch: Watch) -> None:
    """Each request ends, each part of each event is told once, each session ended once, the trail is whole."""
    path = in_memory / "kickbot.db"
    soaked = soak(REQUESTS, lambda loop: SqliteTrail.open(path, LoopClock(loop)), in_memory, watch.forget)
    judge("soak, SQLite", soaked, path, table)


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
    early, late = soaked.memory
    table.notes.append(f"{tier}: {dict(soaked.stood)}, {early:.0f} MiB after a fifth, {late:.0f} MiB at the end")
    assert soaked.open == 0
    assert sum(soaked.stood.values()) == soaked.asked
    assert (soaked.lost, soaked.doubled, soaked.twice) == ([], [], 0)
    assert late - early < GROWTH or not LONG  # a short one has not kept all yet that it may keep
    assert stored.verify(database).events > soaked.asked
