"""Slack is away for more than an hour: what happened meanwhile is told when it is back, in order, once; files too."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import commands
from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.borders import Origin
from bot.models import Kick
from bot.policy import Channel
from bot.request import Request
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Fault, Message
from bot.sandbox.server import SandboxSlack
from bot.states import State
from bot.workflow import Workflow
from tests.fakes import FakeClock, FakeHosts, FakePeople, usual_hosts
from tests.make import INCIDENT
from tests.publishing import LONG, OWNED, part_of, publisher
from tests.slack_bot import INVENTORY
from tests.stage import GROUPS

HOME = "C0INC4711"
OUTAGE = timedelta(minutes=70)
PATIENCE = 120
"""Seconds of the real clock, for what takes a few."""


class World:
    """Requests and a publisher on one clock that is moved by hand; Slack can be away."""

    def __init__(self, slack: SandboxSlack, path: Path) -> None:
        self.slack, self.path = slack, path
        self.clock = FakeClock()
        self.hosts = FakeHosts(self.clock, host1=(), host2=())
        self.hosts["host1"].raw = LONG
        self._keys = 0
        self._waking: list[datetime] = []

    async def sleep(self, seconds: float) -> None:
        """Until the clock was moved that far."""
        until = self.clock.now + timedelta(seconds=seconds)
        self._waking.append(until)
        try:
            while self.clock.now < until:  # noqa: ASYNC110 - whoever moves it wakes nobody
                await asyncio.sleep(0.001)
        finally:
            self._waking.remove(until)

    async def pass_by(self, time: timedelta) -> None:
        """In small steps, each with a moment for who woke up."""
        until = self.clock.now + time
        while self.clock.now < until:
            self.clock.now += timedelta(seconds=5)
            await asyncio.sleep(0.003)

    async def until_the_next_wakes(self) -> None:
        """Whoever is at work meanwhile may take any time: the clock moves only where somebody waits for it."""
        self.clock.now = max(self.clock.now, min(self._waking, default=self.clock.now))
        await asyncio.sleep(0.003)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["World"]:
        """One life of the bot; who comes after it has only the trail."""
        people = FakePeople({group: set(members) for group, members in GROUPS.items()})
        async with SqliteTrail.open(self.path, self.clock) as self.trail:
            self.workflow = Workflow(
                trail=self.trail, hosts=self.hosts, rights=Rights(OWNED, people), sleep=self.clock.sleep
            )
            self.postings = SqlitePostings(self.trail.database)
            telling = publisher(self.slack, self.trail, self.postings, self.sleep)
            running = asyncio.create_task(telling.run())
            try:
                yield self
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)

    async def asked(self, words: str = "audituser host1 because INC-42") -> Request:
        self.log_in()
        command = commands.parse("kick", words, INVENTORY)
        assert isinstance(command, Kick)
        asked = await self.workflow.ask(self._origin("U0ALICE"), f"/kick {words}", command)
        return await self.workflow.drive(asked.id)

    def log_in(self) -> None:
        """Whoever was kicked is there again, as if it had not happened."""
        self.hosts["host1"].sessions = dict(usual_hosts()["host1"].sessions)

    async def approved(self, request: Request) -> Request:
        await self.workflow.approve(self._origin("U0CAROL"), request.id, request.plan_hash)
        return await self.workflow.drive(request.id)

    async def told(self) -> None:
        """All that was recorded is told, and nothing waits."""
        newest = await self.newest()
        async with asyncio.timeout(PATIENCE):
            while await self.postings.cursor() < newest:
                await self.until_the_next_wakes()

    async def stands(self, request: Request, part: str) -> None:
        """That reply is in its thread."""
        async with asyncio.timeout(PATIENCE):
            while not self.parents(request) or part not in self.thread(request):
                await self.until_the_next_wakes()

    async def newest(self) -> int:
        found = await self.trail.requests(limit=1_000)
        return max(record.seq for records in found for record in records)

    def away(self) -> None:
        self.slack.workspace.faults = lambda _method, _args: Fault.dropped_before()

    def back(self) -> None:
        self.slack.workspace.faults = lambda _method, _args: None

    def _origin(self, who: str) -> Origin:
        self._keys += 1
        return Origin(who=who, channel=Channel(id="C0RANDOM", member=True), key=f"key-{self._keys}")

    # ------------------------------------------------------------------------------------------ what people see

    def messages(self) -> list[Message]:
        return [message for message in self.slack.workspace.messages.values() if not message.deleted]

    def once(self) -> bool:
        """No message of one event and part stands twice, and no file."""
        tags = Counter((str(m.metadata["event_payload"]["event"]), part_of(m)) for m in self.messages() if m.metadata)
        files = Counter(self.slack.workspace.files[f].name for m in self.messages() for f in m.files)
        return max([*tags.values(), *files.values()]) == 1

    def thread(self, request: Request) -> list[str]:
        """The parts under a request, in order; a file by its name without the number of its event."""
        parent = self.parent(request)
        under = [m for m in self.messages() if m.thread_ts == parent.ts]
        return [self._called(m) for m in sorted(under, key=lambda m: m.ts)]

    def parent(self, request: Request) -> Message:
        (found,) = self.parents(request)
        return found

    def parents(self, request: Request) -> list[Message]:
        return [m for m in self.messages() if part_of(m) == "parent" and self._number(m) == request.id]

    def in_person(self, who: str) -> list[Message]:
        return [m for m in self.messages() if m.channel == f"D0{who}"]

    def _called(self, message: Message) -> str:
        names = [self.slack.workspace.files[f].name for f in message.files]
        return names[0].split("-")[-1] if names else part_of(message)

    def _number(self, message: Message) -> int:
        return int(message.metadata["event_payload"]["request"]) if message.metadata else 0


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    workspace = demo_workspace()
    there = tuple(p for p in workspace.channels[HOME].members if p not in {"U0CAROL", "U0BOB"})
    workspace.change_channel(HOME, members=there)
    async with SandboxSlack.start(workspace) as slack:
        yield World(slack, tmp_path / "kickbot.db")


@pytest.mark.parametrize("restart", [False, True], ids=["one life", "a restart in between"])
async def test_an_hour_without_slack(world: World, restart: bool) -> None:
    """One request is decided meanwhile, one comes and goes, one expires: every thread is whole, in order, once."""
    async with world.at_work():
        first = await world.asked()
        await world.told()
        whole = await world.approved(await world.asked())
        await world.told()
        pattern = world.thread(whole)
        assert {"before", "decision", "run", "after"} < set(pattern)
        before = len(world.messages())

        world.away()
        world.log_in()
        await world.approved(first)
        second = await world.approved(await world.asked())
        third = await world.asked()
        await world.pass_by(OUTAGE)
        assert (await world.workflow.drive(third.id)).state is State.EXPIRED
        assert len(world.messages()) == before
        if not restart:
            world.back()
            await world.told()
    if restart:
        async with world.at_work():
            await world.pass_by(timedelta(minutes=5))
            world.back()
            await world.told()

    assert world.thread(first) == world.thread(second) == pattern
    assert world.thread(third)[0] == "before"
    assert "audituser is off host1" in world.parent(first).text
    assert "audituser is off host1" in world.parent(second).text
    assert "expired" in world.parent(third).text.lower()
    for who in ("CAROL", "BOB", "ALICE", "DAVE"):
        assert {world._number(m) for m in world.in_person(who)} >= {first.id, second.id}, who
    assert not any(b["type"] == "actions" for m in world.in_person("CAROL") for b in m.blocks)
    assert world.once()


@pytest.mark.parametrize("restart", [False, True], ids=["one life", "a restart in between"])
async def test_who_was_to_be_told_in_person_when_slack_went_away(world: World, restart: bool) -> None:
    """The request stands already; Slack goes away before Carol and Bob are asked, for longer than an hour."""

    def refuse_direct(method: str, args: Mapping[str, Any]) -> Fault | None:
        return Fault.dropped_before() if method == "conversations.open" else None

    async with world.at_work():
        world.slack.workspace.faults = refuse_direct
        request = await world.asked()
        await world.stands(request, "before")
        world.away()
        await world.pass_by(OUTAGE)
        if not restart:
            world.back()
            await world.told()
    if restart:
        async with world.at_work():
            await world.pass_by(timedelta(minutes=5))
            world.back()
            await world.told()

    for who in ("CAROL", "BOB"):
        assert [part_of(m) for m in world.in_person(who)] == [f"approver:U0{who}"]
        assert "See the thread" in str(world.in_person(who)[0].blocks)
    assert world.once()


async def test_nobody_is_asked_for_what_was_decided_meanwhile(world: World) -> None:
    """Carol could not be reached, and decided in the channel: what she gets late has no buttons."""

    def refuse_direct(method: str, args: Mapping[str, Any]) -> Fault | None:
        return Fault.dropped_before() if method == "conversations.open" else None

    async with world.at_work():
        world.slack.workspace.faults = refuse_direct
        request = await world.asked()
        await world.pass_by(timedelta(minutes=1))
        await world.approved(request)
        await world.stands(request, "after")
        await world.pass_by(timedelta(minutes=2))
        world.back()
        await world.told()

    (message,) = (m for m in world.in_person("CAROL"))
    assert "audituser is off host1" in message.text
    assert not any(block["type"] == "actions" for block in message.blocks)


async def test_a_channel_that_another_company_reads_gets_no_evidence_after_an_outage(world: World) -> None:
    """Slack said so before, and can't be asked at the moment: that still counts."""
    world.slack.workspace.change_channel(HOME, is_ext_shared=True)
    async with world.at_work():
        await world.asked()
        await world.told()
        world.away()
        await world.approved(await world.asked())
        await world.pass_by(timedelta(minutes=5))
        world.back()
        await world.told()

    assert [part_of(m) for m in world.messages() if m.channel == HOME] == []
    assert {"parent", "after"} <= {part_of(m) for m in world.messages() if m.channel == INCIDENT}
