"""A kick across a fleet as it is on a bad day: what happens to one host delays no word about another one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.audit.sqlite import SqliteTrail
from bot.events import Judged
from bot.execution import Timing
from bot.models import Result, Snapshot, Unreachable
from bot.request import Request
from bot.rights import Rights
from bot.states import State
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts, FakePeople
from tests.lives import PATIENCE
from tests.stage import GROUPS, POLICY, Stage
from tests.test_slow_hosts import OneHangs

FLEET = tuple(f"web{n:02}" for n in range(60))
DEAD = FLEET[::10]


class Counted(FakeHosts):
    """Counts how often each host is looked at."""

    def __init__(self, *args: Any, **sessions: Any) -> None:
        super().__init__(*args, **sessions)
        self.seen = Counter[str]()

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        self.seen.update(hosts)
        async for look in super().look(hosts, groups=groups, account=account):
            yield look


def at(stage: Stage) -> Counted:
    """A fleet with one login of audituser on each host."""
    stage.hosts = hosts = Counted(stage.clock, **dict.fromkeys(FLEET, ()))
    for name in FLEET:
        hosts[name].login("7")
    rule = POLICY.rules[0].model_copy(update={"hosts": frozenset(FLEET)})
    stage.policy = POLICY.model_copy(update={"rules": (rule,)})
    stage.restart()
    return hosts


async def approved(stage: Stage, who: str = "U0ALICE", lost: Sequence[str] = ()) -> Request:
    """Asked and approved. lost: who stops to answer in between."""
    asked = await stage.ask(make.kick(*FLEET, reason="INC-42"), who)
    for name in lost:
        stage.hosts[name].lost = "did not answer"
    return await stage.approve(asked)


async def judged(stage: Stage, request: Request) -> list[Judged]:
    return [r.event for r in await stage.trail.read(request.id) if isinstance(r.event, Judged)]


async def test_dead_hosts_delay_no_outcome_of_the_others(stage: Stage) -> None:
    """Six of sixty are dead: how it ended on the other 54 is recorded at once, and the six are waited for by name."""
    at(stage)
    request = await approved(stage, lost=DEAD)

    (told,) = await judged(stage, request)
    assert set(told.hosts) == set(FLEET) - set(DEAD)
    assert {o.result for o in told.outcomes} == {Result.ENDED}
    assert request.state is State.ACTING
    assert request.waiting_for == set(DEAD)


async def test_those_that_come_back_are_done_under_the_same_approval(stage: Stage) -> None:
    """One by one, each told when it is done."""
    at(stage)
    request = await approved(stage, lost=DEAD)
    for name in DEAD[:2]:
        stage.hosts[name].lost = ""
        assert request.due is not None
        stage.clock.now = request.due
        request = await stage.workflow.drive(request.id)
        assert name not in request.waiting_for
    for name in DEAD:
        stage.hosts[name].lost = ""

    done = await stage.wait(request)

    assert [told.hosts for told in await judged(stage, request)][1:] == [(name,) for name in DEAD[:2]]
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    assert len(done.decisions) == 1


async def test_whoever_is_done_is_left_in_peace_while_others_are_waited_for(stage: Stage) -> None:
    """Ten rounds for the dead ones later, nobody else was looked at once more."""
    hosts = at(stage)
    request = await approved(stage, lost=DEAD)
    before = hosts.seen.copy()
    for _ in range(10):
        assert request.due is not None
        stage.clock.now = request.due
        request = await stage.workflow.drive(request.id)

    assert hosts.seen - before == Counter(dict.fromkeys(DEAD, 10))


async def test_those_that_never_come_back_are_named_when_the_time_is_over(stage: Stage) -> None:
    """The request ends then, and not half an hour later: nothing was begun, and that is known."""
    at(stage)
    request = await approved(stage, lost=DEAD)
    act_by = request.act_by

    done = await stage.wait(request)

    assert done.undone == DEAD
    ends = {o.host: o for o in done.outcomes}
    assert {ends[name].result for name in DEAD} == {Result.LEFT}
    assert ends["web00"].detail == "nothing was begun, and web00 did not answer"
    assert done.stopped.startswith("web[00,10,20,30,40,50] did not answer until ")
    assert act_by is not None
    assert (stage.clock.now - act_by).total_seconds() < 60


async def test_only_what_is_left_is_watched(stage: Stage) -> None:
    """One session survives and is looked at for a while; the 59 other hosts are not."""
    hosts = at(stage)
    hosts["web07"].stubborn.add("7")
    await approved(stage)
    others = {hosts.seen[name] for name in FLEET if name != "web07"}
    assert max(others) < 10  # five, or one more where web07 has moved the clock while they were at work
    assert hosts.seen["web07"] > 20


async def test_slack_is_not_asked_about_people_for_each_host(stage: Stage) -> None:
    """It allows some twenty such questions a minute."""
    at(stage)
    asked = Counter[str]()
    real = stage.people.members

    async def counted(group: str) -> frozenset[str]:
        asked[group] += 1
        return await real(group)

    stage.people.members = counted  # type: ignore[method-assign]
    assert (await approved(stage)).state is State.CLOSED
    assert max(asked.values()) <= 6


async def test_a_right_that_is_lost_in_the_middle_stops_the_rest(stage: Stage) -> None:
    """What was read of people counts for ten seconds, from host to host; here more than that passes each time."""
    hosts = at(stage)

    def leave(_step: object) -> None:
        stage.people.groups["S0LEADS"].discard("U0CAROL")

    hosts.before_act = leave
    asked = await stage.ask(make.kick(*FLEET))
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    stage.workflow._rights._acting._clock = iter(range(0, 10_000, 30)).__next__
    done = await stage.workflow.drive(asked.id)

    assert len(done.undone) > 40
    assert "You are not among them" in done.stopped


async def test_two_kicks_of_the_whole_fleet_at_once(stage: Stage) -> None:
    """Asked by two people, both approved and carried out together: each session ends once, and nothing is unknown."""
    hosts = at(stage)
    asked = [await stage.ask(make.kick(*FLEET), who) for who in ("U0ALICE", "U0BOB")]
    for request in asked:
        await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)

    both = await asyncio.gather(*(stage.workflow.drive(request.id) for request in asked))

    done = [await stage.wait(request) for request in both]
    assert all(len(hosts[name].ended) == 1 for name in FLEET)
    assert {o.result for request in done for o in request.outcomes} <= {Result.ENDED, Result.ALREADY_GONE}


@pytest.fixture
def people() -> FakePeople:
    return FakePeople({group: set(members) for group, members in GROUPS.items()})


async def test_a_host_that_hangs_in_an_act_delays_no_outcome_of_the_others(tmp_path: Path, people: FakePeople) -> None:
    """While web00 doesn't answer its act, it is recorded how the others ended."""
    hosts = FakeHosts(**{name: [make.login("7")] for name in FLEET[:5]})
    stuck = OneHangs(hosts, "web00")
    rule = POLICY.rules[0].model_copy(update={"hosts": frozenset(FLEET)})
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        timing = Timing(act_window=60, rung=0.05, watch=0.1, tell=0.01, poll=(0.01,))
        rights = Rights(POLICY.model_copy(update={"rules": (rule,)}), people)
        workflow = Workflow(trail=trail, hosts=stuck, rights=rights, timing=timing)
        stage = Stage.__new__(Stage)
        stage._messages = 0
        asked = await workflow.ask(stage.origin("U0ALICE"), "", make.kick(*FLEET[:5]))
        planned = await workflow.drive(asked.id)
        await workflow.approve(stage.origin("U0CAROL"), asked.id, planned.plan_hash)
        driving = asyncio.create_task(workflow.drive(asked.id))

        told = set[str]()
        async with asyncio.timeout(PATIENCE):
            while told != set(FLEET[1:5]):
                assert not driving.done()
                await asyncio.sleep(0.01)
                told = {h for r in await trail.read(asked.id) if isinstance(r.event, Judged) for h in r.event.hosts}
        stuck.go_on.set()
        done = await asyncio.wait_for(driving, PATIENCE)

    assert {o.result for o in done.outcomes} == {Result.ENDED}
