"""A crash between any two lines of the workflow: the next start finishes the request, and nothing is done twice.

The points are found by running the story once and counting; a new step is covered without touching this file.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from bot.audit.reading import verify
from bot.audit.sqlite import SqliteTrail
from bot.borders import Lease
from bot.errors import AlreadyRecorded, Refused
from bot.events import Event, Record
from bot.lifecycle import replay
from bot.models import (
    Answer,
    Asking,
    HostLimits,
    HostUptime,
    Kick,
    RequestId,
    Result,
    Snapshot,
    Step,
    Unreachable,
    Warn,
)
from bot.request import Request
from bot.rights import Rights
from bot.states import State
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeClock, FakeHosts
from tests.stage import KICK, Stage, allowing

ALL_ENDED = [("session", Result.ENDED), ("session", Result.ENDED), ("account", Result.ENDED)]


class Killed(BaseException):
    """The process is gone. Nothing in the bot may catch this."""


class Fuse:
    """Counts the points where a crash could happen, and dies at the chosen one."""

    def __init__(self, dies_at: int | None = None) -> None:
        self.points = 0
        self.dies_at = dies_at

    def point(self) -> None:
        self.points += 1
        if self.points == self.dies_at:
            raise Killed


class FusedTrail:
    """A trail that can die before or after each append."""

    def __init__(self, trail: SqliteTrail, fuse: Fuse) -> None:
        self._trail = trail
        self._fuse = fuse
        self.read, self.body, self.follow = trail.read, trail.body, trail.follow
        self.claim, self.release = trail.claim, trail.release
        self.open_requests, self.now = trail.open_requests, trail.now
        self.requests = trail.requests
        self.aged, self.dropped, self.by = trail.aged, trail.dropped, trail.by

    async def append(
        self, request: RequestId | None, event: Event, *, after: int | None = None, lease: Lease | None = None
    ) -> Record:
        self._fuse.point()
        record = await self._trail.append(request, event, after=after, lease=lease)
        self._fuse.point()
        return record

    async def drop(self, request: RequestId) -> None:
        self._fuse.point()
        await self._trail.drop(request)
        self._fuse.point()


class FusedHosts:
    """Hosts where the bot can die before or after each look and act."""

    def __init__(self, hosts: FakeHosts, fuse: Fuse) -> None:
        self._hosts = hosts
        self._fuse = fuse

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        self._fuse.point()
        async for look in self._hosts.look(hosts, groups=groups, account=account):
            yield look

    async def limits(self, hosts: Sequence[str]) -> AsyncIterator[HostLimits | Unreachable]:
        self._fuse.point()
        async for look in self._hosts.limits(hosts):
            yield look

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        self._fuse.point()
        answer = await self._hosts.act(step, not_after=not_after)
        self._fuse.point()
        return answer


class Story:
    """One kick from the question to the end, told again from where it stands after each restart."""

    def __init__(self, stage: Stage, command: Asking = KICK) -> None:
        self.stage = stage
        self.command = command
        self.question = stage.origin("U0ALICE")
        self.request: RequestId | None = None

    async def tell(self, fuse: Fuse) -> Request:
        stage = self.stage
        rights = Rights(stage.policy, stage.people)
        trail, hosts = FusedTrail(stage.trail, fuse), FusedHosts(stage.hosts, fuse)
        stage.workflow = Workflow(trail=trail, hosts=hosts, rights=rights, sleep=stage.clock.sleep)
        request = await self._asked()
        while not (request := await stage.workflow.drive(request.id)).state.final:
            if request.state is State.PENDING:
                await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
            elif request.due is not None:
                stage.clock.now = max(stage.clock.now, request.due)
        return request

    async def tell_through(self, fuse: Fuse) -> Request:
        """The same where the process may die on the way, and is started anew a second later."""
        try:
            return await self.tell(fuse)
        except Killed:
            await self.stage.clock.sleep(1)
            return await self.tell(Fuse())

    async def _asked(self) -> Request:
        try:
            request = await self.stage.workflow.ask(self.question, "audituser host1", self.command)
        except AlreadyRecorded as known:
            request = replay(await self.stage.trail.read(RequestId(known.request)))
        return request


async def _run(path: Path, dies_at: int | None, command: Kick = KICK) -> tuple[Request, FakeHosts, int]:
    clock = FakeClock()
    fuse = Fuse(dies_at)
    async with SqliteTrail.open(path, clock) as trail:
        stage = Stage(trail, clock)
        for session in ("7", "9"):
            stage.hosts["host1"].login(session)
        stage.policy = allowing(*command.acts)
        stage.hosts["host1"].outside = (make.process(900, "nightly"),)
        story = Story(stage, command)
        request = await story.tell_through(fuse)
    return request, stage.hosts, fuse.points


async def test_a_crash_at_any_point_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    """Before and after each append, look and act: the request ends as if nothing had happened, each session once."""
    _, _, points = await _run(tmp_path / "whole.db", None)
    assert points > 20
    for dies_at in range(1, points + 1):
        path = tmp_path / f"{dies_at}.db"
        request, hosts, _ = await _run(path, dies_at)
        ended = hosts["host1"].ended
        assert request.state is State.CLOSED, dies_at
        assert [o.result for o in request.outcomes] == [Result.ENDED, Result.ENDED], dies_at
        assert len(ended) == len(set(ended)) == 2, dies_at
        assert verify(path).events > 0


async def test_a_crash_at_any_point_of_the_longest_story(tmp_path: Path) -> None:
    """With a warning and every process: who may not have been told is told once more; nobody is ended before that."""
    command = make.kick(processes=True, force=True, warn=300)
    _, _, points = await _run(tmp_path / "whole.db", None, command)
    assert points > 35
    for dies_at in range(1, points + 1):
        path = tmp_path / f"{dies_at}.db"
        request, hosts, _ = await _run(path, dies_at, command)
        host = hosts["host1"]
        assert request.state is State.CLOSED, dies_at
        assert [(o.kind, o.result) for o in request.outcomes] == ALL_ENDED, dies_at
        assert len(host.ended) == len(set(host.ended)) == 2, dies_at
        warnings = [a for a in request.attempts if isinstance(a.step, Warn)]
        told = [a.status for a in warnings]
        assert (told.count("done"), len(host.told) <= len(warnings) <= 3) == (2, True), dies_at
        assert host.outside == (), dies_at
        assert request.act_at is not None
        assert request.attempts[-1].step.what == "show"
        assert verify(path).events > 0


async def test_an_intent_without_its_answer_waits_for_its_deadline_on_the_host(tmp_path: Path) -> None:
    """After a crash in the middle of an act nothing is asked of the host again before its deadline is over there."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock)
        stage.hosts["host1"].login("7")
        dying = Fuse()
        stage.hosts.before_act = lambda _step: (_ for _ in ()).throw(Killed)
        story = Story(stage)
        try:
            await story.tell(dying)
        except Killed:
            stage.hosts.before_act = lambda _step: None
        first = (await stage.request(RequestId(1))).attempts[0]
        done = await story.tell(Fuse())
    assert [(a.step.attempt, a.status) for a in done.attempts] == [(1, "unknown"), (2, "done")]
    assert done.attempts[1].not_after > first.not_after
    assert len(stage.hosts["host1"].ended) == 1


async def test_a_cancelled_request_is_never_acted_on(tmp_path: Path) -> None:
    """Cancelled after the approval and before the act: the act doesn't start."""
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        stage = Stage(trail, clock)
        stage.hosts["host1"].login("7")
        asked = await stage.ask(KICK)
        await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
        await stage.workflow.cancel(stage.origin("U0ALICE"), asked.id, asked.plan_hash)
        done = await stage.workflow.drive(asked.id)
        assert done.state is State.CANCELLED
        with pytest.raises(Refused, match="cancelled"):
            await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    assert stage.hosts.acts == []
