"""Many requests that wait for someone, on any store."""

import asyncio
import time

from bot.borders import Origin, Store
from bot.models import RequestId
from bot.rights import Rights
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakePeople, usual_hosts
from tests.lives import PATIENCE
from tests.stage import GROUPS, KICK

SETTLED = 5.0
"""Seconds after the start of a bot, in which it reads what there is."""
POLICY = make.team_policy(
    rules=(
        make.rule(
            hosts={"host1", "host2"}, look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",), expires=86_400, act_by=900
        ),
    )
)


async def opened(trail: Store, many: int) -> tuple[float, float]:
    """The seconds of CPU for one of the first tenth of the requests, and of the last one."""
    people = FakePeople({group: set(members) for group, members in GROUPS.items()})
    workflow = Workflow(trail=trail, hosts=usual_hosts(), rights=Rights(POLICY, people))
    running = asyncio.create_task(workflow.run())
    costs = [await _some_opened(workflow, trail, part, many // 10) for part in range(10)]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await trail.postings().advance((await trail.requests(limit=1))[0][-1].seq)  # as if all were told
    return costs[0], costs[-1]


async def _some_opened(workflow: Workflow, trail: Store, part: int, number: int) -> float:
    began = time.process_time()
    for each in range(number):
        origin = Origin(who="U0ALICE", channel=make.channel(), key=f"{part}-{each}")
        asked = await workflow.ask(origin, "audituser host1", KICK)
    async with asyncio.timeout(PATIENCE):
        while not await _is_planned(trail, asked.id):  # noqa: ASYNC110 - only the trail tells
            await asyncio.sleep(0.05)
    return (time.process_time() - began) / number


async def _is_planned(trail: Store, request: RequestId) -> bool:
    return any(record.event.kind == "planned" for record in await trail.read(request))
