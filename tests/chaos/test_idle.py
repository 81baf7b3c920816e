"""Many requests that wait for someone: opening one more costs what the first one cost, and waiting nothing."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.borders import Store
from bot.sandbox.cast import demo_workspace
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.chaos.extent import LONG
from tests.chaos.figures import cpu
from tests.chaos.table import Table
from tests.chaos.waiting import SETTLED, opened
from tests.dying_bot import Life
from tests.lives import bot
from tests.postgres.server import TEMPLATE, Server
from tests.whole import configure

MANY = 1_000 if LONG else 150
WATCHED = 30.0 if LONG else 8.0
"""Seconds of which the CPU time is measured."""
MOST = 0.01
"""Of a core."""
SLOWER = 2.0
"""How much more the last tenth may cost than the first one: nothing is looked through again for each request."""


async def test_waiting_costs_nothing_on_sqlite(in_memory: Path, table: Table) -> None:
    """Idle, the bot takes less than a hundredth of a core."""
    path = in_memory / "kickbot.db"
    await _measured("SQLite", SqliteTrail.open(path), in_memory, path, table)


@pytest.mark.postgres
async def test_waiting_costs_nothing_on_postgres(in_memory: Path, server: Server, table: Table) -> None:
    """The same with several replicas' trail, whose leases are renewed and which is listened to."""
    url = server.new_database(TEMPLATE)
    await _measured("PostgreSQL", PostgresTrail.open(url), in_memory, url, table)


async def _measured(
    name: str, trail: AbstractAsyncContextManager[Store], folder: Path, database: Path | str, table: Table
) -> None:
    async with trail as store:
        first, last = await opened(store, MANY)
    used, start = await _idle(folder, database)
    table.notes.append(
        f"idle, {name}: {MANY} open requests, {used:.2%} of a core over {WATCHED:.0f} s, {start:.1f} s CPU to start; "
        f"to open one cost {first * 1000:.1f} ms CPU at first, {last * 1000:.1f} ms at the end"
    )
    assert used < MOST
    assert last < SLOWER * first


async def _idle(folder: Path, database: Path | str) -> tuple[float, float]:
    """The part of a core that the real process takes on this trail, and the seconds of CPU until it had read it."""
    async with SandboxHosts.start([HostSpec("host1")]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        at = (host.name, host.address, host.port)
        config = configure(folder, [at], key=hosts.client_key, known_hosts=hosts.known_hosts)
        config.write_text(config.read_text() + f'\n[audit]\ndatabase = "{database}"\n')
        async with bot(config, slack, Life(folder / "passed", folder / "fate")) as process:
            assert process.pid
            await asyncio.sleep(SETTLED)
            start, began = cpu(process.pid), time.monotonic()
            await asyncio.sleep(WATCHED)
            return (cpu(process.pid) - start) / (time.monotonic() - began), start
