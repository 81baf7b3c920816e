"""Nobody is ended without the warning that was promised: who could not be told in time is told later, or stays."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import events, forewarning, outcomes, planning
from bot.audit.sqlite import SqliteTrail
from bot.models import Act, EndAccount, EndSession, Kick, Result, Step, Warn
from bot.request import Request
from bot.states import State
from tests import make
from tests.fakes import FakeClock, FakeHosts
from tests.make import START
from tests.stage import POLICY, Stage
from tests.test_crashes import Fuse, Story

WARN = timedelta(minutes=5)
HOSTS = ("host1", "host2", "host3")
THERE = make.snapshot(make.session("7"), make.session("8"), ladder=make.ACCOUNT_LADDER)
KICK = make.kick(warn=300, processes=True, hold=3600)
PLAN = make.plan(THERE, command=KICK)
APPROVED = (make.asked(command=KICK), make.observed("before", THERE), make.planned(PLAN), make.approved(PLAN))
DONE: dict[str, Any] = {"status": "done"}
FAILED: list[dict[str, Any]] = [
    {"status": "unknown"},
    *({"status": "refused", "refusal": why} for why in ("late", "frozen", "forbidden", "unable")),
]


def warned(
    *answers: tuple[int, dict[str, Any]], act_at: datetime = START + WARN, then: tuple[events.Event, ...] = ()
) -> Request:
    """Two sessions and their account, which is to be held too; the warnings by number of the session, each with its
    answer.
    """
    steps = [make.warning(PLAN.sessions[number], act_at=act_at) for number, _ in answers]
    tried = [e for step, (_, answer) in zip(steps, answers, strict=True) for e in make.tried(step, **answer)]
    return make.request(*APPROVED, *tried, events.Warned(act_at=act_at), *then)


def next_step(request: Request, after: timedelta = WARN) -> Step | None:
    return planning.next_step(request, [THERE], START + after)


# ------------------------------------------------------------------------------------------------ the core


@pytest.mark.parametrize("failed", FAILED)
def test_who_was_not_told_is_not_ended(failed: dict[str, Any]) -> None:
    """No warning, or one that failed: neither session, nor account, nor a hold, however long ago."""
    for request in (warned(), warned((0, failed), (1, failed)), warned((0, failed), (0, failed))):
        assert next_step(request, timedelta(hours=1)) is None
        assert {o.result for o in outcomes.judge(request, [THERE])} == {Result.LEFT}


def test_one_who_was_told_ends_and_the_other_stays_with_the_account() -> None:
    """The session that was told is ended; the account waits, since that would end the other one too."""
    request = warned((1, DONE))
    step = next_step(request)
    assert step is not None
    assert step.what == "hold"
    request = warned((1, DONE), then=make.tried(step))
    ended = next_step(request)
    assert isinstance(ended, EndSession)
    assert ended.target.session == "8"
    only_first = make.snapshot(make.session("7"), ladder=make.ACCOUNT_LADDER)
    assert planning.next_step(request, [only_first], START + WARN) is None
    assert [o.result for o in outcomes.judge(request, [only_first])] == [
        Result.LEFT,
        Result.ALREADY_GONE,
        Result.LEFT,
    ]


def test_nothing_comes_before_its_time() -> None:
    """A second before the moment that was told, nothing; then the hold comes first."""
    request = warned((0, DONE), (1, DONE))
    assert next_step(request, WARN - timedelta(seconds=1)) is None
    step = next_step(request)
    assert step is not None
    assert step.what == "hold"


@pytest.mark.parametrize("why", ["gone", "changed", "rebooted"])
def test_where_the_session_is_not_there_nobody_is_to_be_told(why: str) -> None:
    """What is left of a login whose people are gone may be ended."""
    nobody = {"status": "refused", "refusal": why}
    assert next_step(warned((0, nobody), (1, nobody))) is not None


def test_who_has_no_terminal_is_not_told_again() -> None:
    """The host answered: there is nobody to reach, and the thread says so."""
    request = warned((0, {"untold": ("no terminal",)}), (1, {"untold": ("pts/3: stopped",)}))
    assert forewarning.to_tell(request, [THERE], START + 2 * WARN) == ()
    assert next_step(request) is not None


@pytest.mark.parametrize("failed", FAILED)
def test_a_failed_warning_is_tried_once_more(failed: dict[str, Any]) -> None:
    """Twice in all, and only while its time ends within that in which anything may be done."""
    once, twice = warned((0, failed)), warned((0, failed), (0, failed), (1, failed))
    assert once.act_by is not None
    before = once.act_by - timedelta(seconds=1)
    assert [t.session for t in forewarning.to_tell(once, [THERE], before)] == ["7", "8"]
    assert [t.session for t in forewarning.to_tell(twice, [THERE], before)] == ["8"]
    assert forewarning.to_tell(once, [THERE], once.act_by) == ()


def test_at_first_nobody_is_told_twice() -> None:
    """While the others wait to be told, one whose answer didn't come holds nobody up."""
    request = make.request(*APPROVED, *make.tried(make.warning(PLAN.sessions[0]), **FAILED[0]))
    assert [t.session for t in forewarning.to_tell(request, [THERE], START + WARN)] == ["8"]


def test_a_kick_without_a_warning_waits_for_nobody() -> None:
    """There was nothing to tell."""
    plan = make.plan(THERE)
    story = (make.asked(), make.observed("before", THERE), make.planned(plan), make.approved(plan))
    assert planning.next_step(make.request(*story), [THERE], START) is not None
    assert forewarning.to_tell(make.request(*story), [THERE], START) == ()


ANSWERS = st.sampled_from([DONE, *FAILED])
SECONDS = st.integers(0, 1200).map(lambda seconds: timedelta(seconds=seconds))


@given(st.lists(st.tuples(st.integers(0, 1), ANSWERS), max_size=5), SECONDS, SECONDS)
def test_whatever_was_answered_only_who_was_told_in_time_is_ended(
    answers: list[tuple[int, dict[str, Any]]], told_for: timedelta, now: timedelta
) -> None:
    """Any warnings with any answers, at any moment."""
    step = next_step(warned(*answers, act_at=START + told_for), now)
    told = {number for number, answer in answers if answer is DONE}
    assert step is None or (told and now >= told_for)
    if told == {0, 1} and now >= told_for:
        assert step is not None


# ------------------------------------------------------------------------------------------------ the whole story


def at(stage: Stage, *, canary: bool = False, hosts: tuple[str, ...] = HOSTS) -> None:
    """One login of audituser on each host."""
    stage.hosts = FakeHosts(stage.clock, **dict.fromkeys(hosts, ()))
    for name in hosts:
        stage.hosts[name].login("7")
    rule = POLICY.rules[0].model_copy(
        update={"hosts": frozenset(hosts), "canary": canary, "acts": frozenset({Act.KICK, Act.PROCESSES, Act.HOLD})}
    )
    stage.policy = POLICY.model_copy(update={"rules": (rule,)})
    stage.restart()


async def approved(stage: Stage, *lost: str, **changes: Any) -> Request:
    """Asked with a warning and approved. lost: who stops to answer in between."""
    asked = await stage.ask(make.kick(*stage.hosts.by_name, warn=300, reason="INC-42", **changes))
    for name in lost:
        stage.hosts[name].lost = "did not answer"
    return await stage.approve(asked)


async def later(stage: Stage, request: Request) -> Request:
    """Driven when it is due."""
    assert request.due is not None
    stage.clock.now = max(stage.clock.now, request.due)
    return await stage.workflow.drive(request.id)


def when(stage: Stage) -> dict[tuple[str, str], datetime]:
    """The moment of each act from here on."""
    moments: dict[tuple[str, str], datetime] = {}
    stage.hosts.before_act = lambda step: moments.setdefault((step.host, step.what), stage.clock.now)
    return moments


async def test_a_host_that_comes_back_in_time_is_told_then_and_its_people_get_their_time(stage: Stage) -> None:
    """The others end when they were told, and are recorded as done; the late one five minutes after its own warning."""
    at(stage)
    moments = when(stage)
    request = await approved(stage, "host2")
    act_at = request.act_at
    stage.clock.now = request.due or stage.clock.now
    stage.hosts["host2"].lost = ""
    request = await stage.workflow.drive(request.id)
    assert request.state is State.ACTING
    assert set(request.judged) == {"host1", "host3"}
    assert request.giving_time == {"host2"}
    assert request.due == request.told_until("host2")
    done = await stage.wait(request)
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    assert {moments[name, "terminate"] for name in ("host1", "host3")} == {act_at}
    assert moments["host2", "terminate"] >= moments["host2", "warn"] + WARN


async def test_a_host_that_is_back_too_late_is_left_alone(stage: Stage) -> None:
    """Its people can't have their time any more: the outcome says so, and the rest can be asked again."""
    at(stage)
    request = await approved(stage, "host2")
    assert request.act_by is not None
    while stage.clock.now < request.act_by - WARN:
        request = await later(stage, request)
    stage.hosts["host2"].lost = ""
    done = await stage.wait(request)
    ends = {o.host: o for o in done.outcomes}
    assert {name: end.result for name, end in ends.items()} == {
        "host1": Result.ENDED,
        "host2": Result.LEFT,
        "host3": Result.ENDED,
    }
    assert ends["host2"].detail == forewarning.UNTOLD
    assert stage.hosts["host2"].ended == []
    assert stage.hosts["host2"].told == []
    again = planning.again(done, force=False)
    assert isinstance(again, Kick)
    assert (again.hosts, again.warn) == (("host2",), 300)


async def test_while_one_is_waited_for_those_with_time_left_are_not_looked_at(stage: Stage) -> None:
    """host2 has its five minutes, host3 stays away: every look meanwhile is one at host3."""
    at(stage)
    request = await approved(stage, "host2", "host3")
    stage.hosts["host2"].lost = ""
    request = await later(stage, request)
    until = request.told_until("host2")
    assert until is not None
    for _ in range(5):
        request = await later(stage, request)
        records = [r.event for r in await stage.trail.read(request.id)]
        assert isinstance(records[-1], events.Observed)
        assert [look.host for look in records[-1].looks] == ["host3"]
    done = await stage.wait(request)
    assert {o.host: o.result for o in done.outcomes}["host2"] is Result.ENDED
    assert "host3" in done.undone


@pytest.mark.parametrize("lost", [HOSTS, HOSTS[:1], HOSTS[:2]])
async def test_of_several_hosts_still_one_goes_first(stage: Stage, lost: tuple[str, ...]) -> None:
    """Whichever hosts were away during the warning: one is ended alone, nobody unwarned, and nothing waits for ever."""
    at(stage, canary=True)
    moments = when(stage)
    request = await approved(stage, *lost)
    for name in lost:
        stage.hosts[name].lost = ""
    done = await stage.wait(request)
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    records = [record.event for record in await stage.trail.read(request.id)]
    told = next(number for number, event in enumerate(records) if isinstance(event, events.Judged))
    before = (e.step for e in records[:told] if isinstance(e, events.Ending))
    assert len({step.host for step in before if isinstance(step, EndSession)}) == 1
    assert all(moments[name, "terminate"] >= moments[name, "warn"] + WARN for name in HOSTS)


async def test_until_the_late_ones_time_it_can_be_stopped(stage: Stage) -> None:
    """As long as nothing was begun anywhere."""
    at(stage, hosts=("host1",))
    request = await approved(stage, "host1")
    stage.hosts["host1"].lost = ""
    request = await later(stage, request)
    assert (request.state, request.giving_time) == (State.WARNED, frozenset({"host1"}))
    await stage.clock.sleep(299)
    stopped = await stage.workflow.cancel(stage.origin("U0ALICE"), request.id, request.plan_hash)
    assert stopped.state is State.CANCELLED
    assert stage.hosts["host1"].ended == []


async def test_a_warning_whose_answer_never_came_is_given_again(stage: Stage) -> None:
    """Nobody knows whether it stands on the terminal: that session is told once more, and has its time from then on."""
    at(stage, hosts=("host1",))
    host = stage.hosts["host1"]

    def lose(step: Step) -> None:
        host.lost = "the connection was lost" if isinstance(step, Warn) and step.attempt == 1 else ""

    stage.hosts.before_act = lose
    asked = await stage.ask(make.kick("host1", warn=300))
    request = await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    request = await stage.workflow.drive(request.id)
    host.lost = ""
    done = await stage.wait(request)
    warnings = [a for a in done.attempts if isinstance(a.step, Warn)]
    assert [(a.step.attempt, a.status) for a in warnings] == [(1, "unknown"), (2, "done")]
    assert {o.result for o in done.outcomes} == {Result.ENDED}


async def test_one_dead_host_delays_none_of_many(stage: Stage) -> None:
    """All who were told end in time; the dead one is named at the end."""
    fleet = tuple(f"web{n:03}" for n in range(20))
    at(stage, hosts=fleet)
    moments = when(stage)
    request = await approved(stage, "web007")
    act_at = request.act_at
    done = await stage.wait(request)
    ended = {at for (_, what), at in moments.items() if what == "terminate"}
    assert ended == {act_at}
    assert done.undone == ("web007",)


# ------------------------------------------------------------------------------------------------ crashes and chance


class Witness:
    """Fails the test where somebody is ended before the time that was promised them was over."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.told: dict[tuple[str, str], datetime] = {}
        stage.hosts.before_act = self.see

    def see(self, step: Step) -> None:
        host = self.stage.hosts[step.host]
        if isinstance(step, Warn) and not host.lost:
            self.told.setdefault(step.target.key[::2], self.stage.clock.now)
        if isinstance(step, EndSession):
            self.demand(step.target.key[::2])
        if isinstance(step, EndAccount):
            for session in host.sessions.values():
                if session.identity not in step.spare:
                    self.demand((step.host, session.identity))

    def demand(self, who: tuple[str, str]) -> None:
        assert who in self.told, f"{who} was never told"
        assert self.stage.clock.now >= self.told[who] + WARN


async def _run(path: Path, dies_at: int | None) -> tuple[Request, Stage, int]:
    """host2 is away when the others are told, and back right after."""
    clock, fuse = FakeClock(), Fuse(dies_at)
    async with SqliteTrail.open(path, clock) as trail:
        stage = Stage(trail, clock)
        at(stage, hosts=HOSTS[:2])
        witness = Witness(stage)

        def see(step: Step) -> None:
            witness.see(step)
            stage.hosts["host2"].lost = ""

        stage.hosts.before_act = see
        story = Story(stage, make.kick(*HOSTS[:2], warn=300))
        looks = stage.hosts.look

        def look(hosts: Any, **changes: Any) -> Any:
            if stage.hosts.looks == 1:
                stage.hosts["host2"].lost = "did not answer"
            return looks(hosts, **changes)

        stage.hosts.look = look  # type: ignore[method-assign]
        request = await story.tell_through(fuse)
    return request, stage, fuse.points


async def test_a_crash_at_any_point_ends_nobody_unwarned(tmp_path: Path) -> None:
    """Before and after each append, look and act: all in the plan end, each once, each after its own warning."""
    done, stage, points = await _run(tmp_path / "whole.db", None)
    assert [a.step.host for a in done.attempts if isinstance(a.step, Warn)] == ["host1", "host2"]
    for dies_at in range(1, points + 1):
        done, stage, _ = await _run(tmp_path / f"{dies_at}.db", dies_at)
        assert {o.result for o in done.outcomes} == {Result.ENDED}, dies_at
        assert [host for host in HOSTS[:2] if len(stage.hosts[host].ended) == 1] == [*done.hosts], dies_at


@pytest.mark.parametrize("number", range(12))
async def test_whoever_goes_and_comes_nobody_is_ended_unwarned(stage: Stage, number: int) -> None:
    """Hosts come and go at random, with and without a canary, a hold and the whole account; and it always ends."""
    chance = random.Random(number)
    at(stage, canary=chance.random() < 0.5)
    Witness(stage)
    levels = {"processes": chance.random() < 0.5, "hold": chance.choice((0, 3600))}
    request = await approved(stage, *(name for name in HOSTS if chance.random() < 0.6), **levels)
    for _ in range(400):
        if request.state.final:
            break
        for name in HOSTS:
            if chance.random() < 0.3:
                stage.hosts[name].lost = chance.choice(("", "did not answer"))
        if chance.random() < 0.1:
            stage.restart()
        request = await later(stage, request)
    assert request.state.final
