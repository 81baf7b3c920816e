"""Two replicas carry requests from the question to the proof: whoever is there, each session ends once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from bot.audit.postgres import reading
from bot.audit.postgres.trail import PostgresTrail
from bot.borders import Origin
from bot.errors import ActingFrozen, HeldElsewhere, LeaseLost, Refused
from bot.events import Ending, Signalled
from bot.execution import Timing
from bot.lifecycle import replay
from bot.models import Answer, HostUptime, RequestId, Result, Step
from bot.request import Request
from bot.rights import Rights
from bot.states import State
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts, FakePeople, usual_hosts
from tests.lives import PATIENCE
from tests.postgres.test_replicas import run_out
from tests.stage import GROUPS, KICK, POLICY

QUICK = Timing(act_window=1, rung=0.05, watch=0.1, poll=(0.01, 0.02))


class Stopping:
    """Hosts where the bot stops in the middle of an act: the host ended the session, and the bot sleeps until woken."""

    def __init__(self, hosts: FakeHosts) -> None:
        self._hosts = hosts
        self.look, self.limits = hosts.look, hosts.limits
        self.stopped, self.woken = asyncio.Event(), asyncio.Event()

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        answer = await self._hosts.act(step, not_after=not_after)
        self.stopped.set()
        await self.woken.wait()
        return answer


def replica(trail: PostgresTrail, hosts: FakeHosts | Stopping) -> Workflow:
    people = FakePeople({group: set(members) for group, members in GROUPS.items()})
    return Workflow(trail=trail, hosts=hosts, rights=Rights(POLICY, people), timing=QUICK)


def origin(who: str, key: str = "message-1") -> Origin:
    return Origin(who=who, channel=make.channel("C0INC4711", name="inc-4711"), key=key)


async def asked(workflow: Workflow) -> Request:
    request = await workflow.ask(origin("U0ALICE"), "audituser host1", KICK)
    return await workflow.drive(request.id)


@asynccontextmanager
async def running(workflow: Workflow) -> AsyncIterator[None]:
    """Its loop is at work meanwhile."""
    task = asyncio.create_task(workflow.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def comes_to(trail: PostgresTrail, request_id: RequestId, state: State) -> Request:
    async with asyncio.timeout(PATIENCE):
        async for _ in trail.follow(0):
            request = replay(await trail.read(request_id))
            if request.state is state:
                return request
    raise AssertionError("a follower never ends")


@pytest.fixture
def hosts() -> FakeHosts:
    return usual_hosts()


async def test_asked_here_approved_there(trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts) -> None:
    """One replica takes the command, the other one the click; it is done once."""
    first, second = replica(trail, hosts), replica(other, hosts)
    async with running(first), running(second):
        request = await first.ask(origin("U0ALICE"), "audituser host1", KICK)
        planned = await comes_to(trail, request.id, State.PENDING)
        await second.approve(origin("U0CAROL"), request.id, planned.plan_hash)
        closed = await comes_to(other, request.id, State.CLOSED)

    assert [outcome.result for outcome in closed.outcomes] == [Result.ENDED, Result.ENDED]
    assert len(hosts["host1"].ended) == len(set(hosts["host1"].ended)) == 2


async def test_both_approve_at_once(trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts) -> None:
    """Two people who approve at two replicas at the same moment: one approval counts, the other one reads that."""
    first, second = replica(trail, hosts), replica(other, hosts)
    request = await asked(first)

    results = await asyncio.gather(
        first.approve(origin("U0CAROL"), request.id, request.plan_hash),
        second.approve(origin("U0BOB"), request.id, request.plan_hash),
        return_exceptions=True,
    )

    (refused,) = (result for result in results if isinstance(result, Refused))
    assert "approved this already" in str(refused)
    kinds = [record.event.kind for record in await trail.read(request.id)]
    assert (kinds.count("approved"), kinds.count("decision_refused")) == (1, 1)


async def test_decided_elsewhere(trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts) -> None:
    """A click on what the other replica has planned or closed since is judged on how it stands now."""
    first, second = replica(trail, hosts), replica(other, hosts)
    request = await asked(first)
    with pytest.raises(Refused, match="older state"):
        await second.approve(origin("U0CAROL"), request.id, "0" * 64)

    await first.deny(origin("U0CAROL"), request.id, request.plan_hash)

    with pytest.raises(Refused, match="denied this"):
        await second.approve(origin("U0CAROL"), request.id, request.plan_hash)


async def test_planned_elsewhere(trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts) -> None:
    """A replica that knows a request from before its plan takes the click on that plan."""
    first, second = replica(trail, hosts), replica(other, hosts)
    request = await second.ask(origin("U0ALICE"), "audituser host1", KICK)
    planned = await first.drive(request.id)

    approved = await second.approve(origin("U0CAROL"), request.id, planned.plan_hash)

    assert approved.state is State.APPROVED


async def test_only_one_is_left(trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts) -> None:
    """What one replica recorded before it died is heard by the other one, which goes on with it at once."""
    dying, second = replica(trail, hosts), replica(other, hosts)
    async with running(second):
        await asyncio.sleep(0.2)
        request = await dying.ask(origin("U0ALICE"), "audituser host1", KICK)
        planned = await comes_to(other, request.id, State.PENDING)
        await dying.approve(origin("U0CAROL"), request.id, planned.plan_hash)
        await comes_to(other, request.id, State.CLOSED)

    assert len(hosts["host1"].ended) == 2


async def test_held_elsewhere(
    trail: PostgresTrail, other: PostgresTrail, hosts: FakeHosts, caplog: pytest.LogCaptureFixture
) -> None:
    """While one replica acts the other keeps away from the request, and nobody is warned."""
    stopping = Stopping(hosts)
    first, second = replica(trail, stopping), replica(other, hosts)
    request = await asked(first)
    await first.approve(origin("U0CAROL"), request.id, request.plan_hash)
    driving = asyncio.create_task(first.drive(request.id))
    await stopping.stopped.wait()
    async with running(second):
        with pytest.raises(HeldElsewhere):
            await second.drive(request.id)
        await asyncio.sleep(0.5)
        stopping.woken.set()
        await driving
        await comes_to(other, request.id, State.CLOSED)

    assert [record.levelname for record in caplog.records] == []
    assert len(stopping._hosts.acts) == 2


async def test_one_sleeps_in_the_middle_of_an_act(url: str, hosts: FakeHosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica that stops in an act for longer than its lease: the other one finishes; the first does nothing more."""
    async with PostgresTrail.open(url) as trail, PostgresTrail.open(url) as other:
        monkeypatch.setattr(trail._leases, "renew", asyncio.Event().wait)
        stopping = Stopping(hosts)
        sleeper, second = replica(trail, stopping), replica(other, hosts)
        request = await asked(sleeper)
        await sleeper.approve(origin("U0CAROL"), request.id, request.plan_hash)
        driving = asyncio.create_task(sleeper.drive(request.id))
        await stopping.stopped.wait()
        run_out(url)

        async with running(second):
            closed = await comes_to(other, request.id, State.CLOSED)
        stopping.woken.set()

        with pytest.raises(LeaseLost):
            await driving
    assert [outcome.result for outcome in closed.outcomes] == [Result.ENDED, Result.ENDED]
    assert len(hosts["host1"].ended) == len(set(hosts["host1"].ended)) == 2
    await demand_patience(url, request.id)


async def demand_patience(url: str, request_id: RequestId) -> None:
    """The first intent was judged only after the time in which the host could still have started it."""
    events = [(record.at, record.event) for record in await reading.show(url, request_id)]
    (_, intent), *_ = ((at, event) for at, event in events if isinstance(event, Ending))
    (judged, answer), *_ = ((at, event) for at, event in events if isinstance(event, Signalled))
    assert answer.answer.status == "unknown"
    assert judged >= intent.answer_by


async def test_a_freeze_at_one_replica_stops_the_other_one(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Typed at one, it stops the other before its next step, which goes on once both people released it."""
    hosts = usual_hosts()
    here, there = replica(trail, hosts), replica(other, hosts)
    request = await asked(here)
    frozen_in_between = hosts.act

    async def act(step: Step, *, not_after: HostUptime) -> Answer:
        answer = await frozen_in_between(step, not_after=not_after)
        if len(hosts.acts) == 1:
            await there.freeze(origin("U0BOB", "freeze"), "wrong rule deployed")
        return answer

    hosts.act = act  # type: ignore[method-assign]
    await here.approve(origin("U0CAROL"), request.id, request.plan_hash)
    with pytest.raises(ActingFrozen):
        await here.drive(request.id)
    assert len(hosts["host1"].ended) == 1

    async with running(here):
        await there.unfreeze(origin("U0BOB"))
        await there.unfreeze(origin("U0CAROL"))
        done = await comes_to(trail, request.id, State.CLOSED)
    assert [o.result for o in done.outcomes] == [Result.ENDED, Result.ENDED]
    assert len(set(hosts["host1"].ended)) == len(hosts["host1"].ended) == 2
