"""Many requests that wait for someone: opening one more costs what the first one cost, and waiting nothing."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.borders import Origin, Store
from bot.models import RequestId
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from bot.workflow import Workflow
from tests import make
from tests.chaos.extent import LONG
from tests.chaos.figures import cpu
from tests.chaos.table import Table
from tests.dying_bot import Life
from tests.fakes import FakePeople, usual_hosts
from tests.lives import PATIENCE, bot
from tests.postgres.server import TEMPLATE, Server
from tests.stage import GROUPS, KICK
from tests.whole import configure

MANY = 1_000 if LONG else 150
WATCHED = 30.0 if LONG else 8.0
"""Seconds of which the CPU time is measured."""
SETTLED = 5.0
"""Seconds after the start, in which it reads what there is."""
MOST = 0.01
"""Of a core."""
SLOWER = 2.0
"""How much more the last tenth may cost than the first one: nothing is looked through again for each request."""

POLICY = make.team_policy(
    rules=(
        make.rule(
            hosts={"host1", "host2"}, look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",), expires=86_400, act_by=900
        ),
    )
)


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
    store: str, trail: AbstractAsyncContextManager[Store], folder: Path, database: Path | str, table: Table
) -> None:
    async with trail as opened:
        first, last = await _opened(opened)
    used, start = await _idle(folder, database)
    table.notes.append(
        f"idle, {store}: {MANY} open requests, {used:.2%} of a core over {WATCHED:.0f} s, {start:.1f} s CPU to start; "
        f"to open one cost {first * 1000:.1f} ms CPU at first, {last * 1000:.1f} ms at the end"
    )
    assert used < MOST
    assert last < SLOWER * first


async def _opened(trail: Store) -> tuple[float, float]:
    """The seconds of CPU for one of the first tenth of the requests, and of the last one."""
    people = FakePeople({group: set(members) for group, members in GROUPS.items()})
    workflow = Workflow(trail=trail, hosts=usual_hosts(), rights=Rights(POLICY, people))
    running = asyncio.create_task(workflow.run())
    costs = [await _some_opened(workflow, trail, part) for part in range(10)]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await trail.postings().advance((await trail.requests(limit=1))[0][-1].seq)  # as if all were told
    return costs[0], costs[-1]


async def _some_opened(workflow: Workflow, trail: Store, part: int) -> float:
    began, number = time.process_time(), MANY // 10
    for each in range(number):
        origin = Origin(who="U0ALICE", channel=make.channel(), key=f"{part}-{each}")
        asked = await workflow.ask(origin, "audituser host1", KICK)
    async with asyncio.timeout(PATIENCE):
        while not await _is_planned(trail, asked.id):  # noqa: ASYNC110 - only the trail tells
            await asyncio.sleep(0.05)
    return (time.process_time() - began) / number


async def _is_planned(trail: Store, request: RequestId) -> bool:
    return any(record.event.kind == "planned" for record in await trail.read(request))


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
