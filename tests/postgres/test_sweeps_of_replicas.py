"""A sweep with two replicas on one database: each run is opened once, and looks once."""

import asyncio
from datetime import UTC, datetime

from bot.audit.postgres.trail import PostgresTrail
from bot.events import BOT
from bot.lifecycle import replay
from bot.rights import Rights
from bot.states import State
from bot.stopping import together
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts, FakePeople


async def test_a_run_happens_once(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Both look after the sweep, and both are awake at its time."""
    policy = make.sweeping_policy(make.series(every=make.soon(datetime.now(UTC))))
    hosts = [FakeHosts(host1=()), FakeHosts(host1=())]
    replicas = [
        Workflow(trail=each, hosts=there, rights=Rights(policy, FakePeople({})))
        for each, there in zip((trail, other), hosts, strict=True)
    ]
    working = asyncio.create_task(together(*(replica.run() for replica in replicas)))
    async with asyncio.timeout(60):
        async for record in trail.follow(0):
            if record.event.kind == "closed":
                break
    await asyncio.sleep(3)  # the other one hears of it, and has nothing to do
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    runs = [replay(records) for records in await trail.requests(about=BOT, limit=100)]
    assert [run.state for run in runs] == [State.ASKED, State.CLOSED]
    assert sum(there.looks for there in hosts) == 1
