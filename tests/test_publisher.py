"""From the trail into Slack, exactly once: a real trail, the real client, and a workspace that fails at every place."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.audit.postings import Posting, Postings
from bot.audit.sqlite import SqliteTrail
from bot.events import Record
from bot.lifecycle import Request, State
from bot.models import Kick, RequestId
from bot.policy import Channel, Policy
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.sandbox.workspace import Workspace
from bot.slack.people import SlackPeople
from bot.slack.publisher import Publisher
from bot.workflow import Origin, Workflow
from tests.fake_hosts import FakeHosts
from tests.slack_bot import HOME, INVENTORY, POLICY, QUICK, usual_hosts

WRITING = frozenset(
    {
        "chat.postMessage",
        "chat.update",
        "conversations.open",
        "files.getUploadURLExternal",
        "upload",
        "files.completeUploadExternal",
    }
)
LONG = "KICKBOT look\n" + "x" * 4_000
ELSEWHERE = POLICY.model_copy(
    update={"rules": tuple(r.model_copy(update={"channel": "C0INC4711"}) for r in POLICY.rules)}
)


class Killed(BaseException):
    """kill -9."""


# -- a trail with stories in it ------------------------------------------------------------------------


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxSlack]:
    async with SandboxSlack.start(demo_workspace()) as running:
        yield running


class Teller:
    """Writes stories into a trail with the real workflow, and publishes nothing."""

    def __init__(self, sandbox: SandboxSlack, trail: SqliteTrail, hosts: FakeHosts, policy: Policy) -> None:
        people = SlackPeople(AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url), "T0SANDBOX")
        self.hosts = hosts
        self.workflow = Workflow(trail=trail, hosts=hosts, rights=Rights(policy, people), timing=QUICK)
        self._number = 0

    def origin(self, who: str = "U0ALICE", channel: str = HOME) -> Origin:
        self._number += 1
        return Origin(who=who, channel=Channel(id=channel, member=True), key=f"key-{self._number}")

    async def planned(self, words: str = "audituser host1 because INC-42", channel: str = HOME) -> Request:
        command = commands.parse("kick", words, INVENTORY)
        assert isinstance(command, Kick)
        request = await self.workflow.ask(self.origin(channel=channel), f"/kick {words}", command)
        return await self.workflow.drive(request.id)

    async def finished(self, words: str = "audituser host1 because INC-42", channel: str = HOME) -> Request:
        request = await self.planned(words, channel)
        if request.state is not State.PENDING:
            return request
        await self.workflow.approve(self.origin("U0CAROL"), request.id, request.plan_hash)
        return await self.workflow.drive(request.id)


@asynccontextmanager
async def teller(
    sandbox: SandboxSlack, path: Path, hosts: FakeHosts | None = None, policy: Policy = POLICY
) -> AsyncIterator[Teller]:
    async with SqliteTrail.open(path) as trail:
        yield Teller(sandbox, trail, hosts or usual_hosts(), policy)


# -- publishing it -------------------------------------------------------------------------------------


class Unfolding:
    """A trail that is read as if its events came one by one, each after the one before it was published."""

    def __init__(self, trail: SqliteTrail) -> None:
        self._trail = trail
        self._now = 0

    async def follow(self, since: int) -> AsyncIterator[Record]:
        records = [r for i in range(1, 60) for r in await self._trail.read(RequestId(i))]
        for record in sorted(records, key=lambda r: r.seq):
            if record.seq > since:
                self._now = record.seq
                yield record

    async def read(self, request: RequestId) -> Sequence[Record]:
        return [r for r in await self._trail.read(request) if r.seq <= self._now]

    async def body(self, digest: str) -> bytes:
        return await self._trail.body(digest)

    async def now(self) -> datetime:
        """The start of all time: so only the first event of a run may have been posted before."""
        return datetime.min.replace(tzinfo=UTC)


class DyingPostings(Postings):
    """Dies at its n-th write, before or after it."""

    def __init__(self, trail: SqliteTrail, at: int = 0, *, after: bool = False) -> None:
        super().__init__(trail.database)
        self.left, self._after = at, after

    async def put(self, posting: Posting) -> None:
        await self._dying(super().put(posting))

    async def advance(self, seq: int) -> None:
        await self._dying(super().advance(seq))

    async def _dying(self, write: Any) -> None:
        self.left -= 1
        if self.left == 0 and not self._after:
            write.close()
            raise Killed
        await write
        if self.left == 0:
            raise Killed


async def die(_seconds: float) -> None:
    raise Killed


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def publisher(
    sandbox: SandboxSlack,
    trail: Any,
    postings: Postings,
    sleep: Callable[[float], Any] = at_once,
    incident: str = HOME,
) -> Publisher:
    client = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url, retry_handlers=[], timeout=5)
    return Publisher(
        client=client, trail=trail, postings=postings, incident_channel=incident, bot_user="U0KICKBOT", sleep=sleep
    )


async def publish_all(sandbox: SandboxSlack, path: Path) -> None:
    """One run over everything, without trouble."""
    async with SqliteTrail.open(path) as trail:
        await publisher(sandbox, Unfolding(trail), Postings(trail.database))._follow()


async def publish_until_killed(
    sandbox: SandboxSlack, path: Path, *, write: int = 0, after: bool = False, sleep: Callable[[float], Any] = die
) -> bool:
    """One run that is killed at its n-th note, or as soon as Slack fails; False if it came to its end."""
    async with SqliteTrail.open(path) as trail:
        try:
            await publisher(sandbox, Unfolding(trail), DyingPostings(trail, write, after=after), sleep)._follow()
        except Killed:
            return True
    return False


class FailAt:
    """The n-th writing call fails, before or after it took effect; all others succeed."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.left, self.fault = number, fault

    def __call__(self, method: str, _args: Mapping[str, Any]) -> Fault | None:
        if method in WRITING:
            self.left -= 1
            return self.fault if self.left == 0 else None
        return None


def shown(workspace: Workspace) -> list[tuple[str, ...]]:
    """What people see in the end, comparable between workspaces: place, author's tag, words, files."""
    seen = []
    for message in workspace.messages.values():
        tag = (message.metadata or {}).get("event_payload", {})
        names = [workspace.files[f].name for f in message.files]
        text = re.sub(r"http://\S+?/p\d+", "LINK", message.text)
        parent = workspace.messages.get((message.channel, message.thread_ts or ""))
        under = str((parent.metadata or {})["event_payload"]["part"]) if parent else "-"
        seen.append((message.channel, under, str(tag.get("event")), str(tag.get("part")), text, *names))
    return sorted(seen)


def writes(workspace: Workspace) -> int:
    return len([c for c in workspace.calls() if c["method"] in WRITING]) + len(workspace.files)


async def make_story(folder: Path) -> Path:
    """A request from a third channel that lives in another than the incident channel, with files, told to its end."""
    path = folder / "story.db"
    hosts = usual_hosts()
    hosts.raw = LONG
    async with (
        SandboxSlack.start(demo_workspace()) as sandbox,
        teller(sandbox, path, hosts, ELSEWHERE) as story,
    ):
        await story.finished(channel="C0RANDOM")
    return path


# -- nothing twice, nothing missing --------------------------------------------------------------------


async def test_nothing_twice_and_nothing_missing_wherever_slack_or_the_bot_dies(tmp_path: Path) -> None:
    """At every writing call the bot is killed, before it took effect and after: the next run completes the story."""
    story = await make_story(tmp_path)
    reference, calls = await _told(story, tmp_path / "reference.db")

    async def life(number: int, fault: Fault) -> None:
        async with SandboxSlack.start(demo_workspace()) as sandbox:
            copy = copied(story, tmp_path / f"{number}-{fault.effect}.db")
            sandbox.workspace.faults = FailAt(number, fault)
            assert await publish_until_killed(sandbox, copy)
            await publish_all(sandbox, copy)
            assert shown(sandbox.workspace) == reference, (number, fault)

    faults = Fault.dropped_before(), Fault.dropped_after()
    await _each(life(number, fault) for number in range(1, calls + 1) for fault in faults)


async def test_nothing_twice_and_nothing_missing_wherever_a_note_is_lost(tmp_path: Path) -> None:
    """The bot is killed before and after everything that it notes down: the next run completes the story."""
    story = await make_story(tmp_path)
    reference, _ = await _told(story, tmp_path / "reference.db")
    notes = await _count_notes(story, tmp_path / "notes.db")
    killed: list[bool] = []

    async def life(number: int, *, after: bool) -> None:
        async with SandboxSlack.start(demo_workspace()) as sandbox:
            copy = copied(story, tmp_path / f"{number}-{after}.db")
            killed.append(await publish_until_killed(sandbox, copy, write=number, after=after))
            await publish_all(sandbox, copy)
            assert shown(sandbox.workspace) == reference, (number, after)

    await _each(life(number, after=after) for number in range(1, notes + 1) for after in (False, True))
    assert killed.count(True) == 2 * notes


@pytest.mark.parametrize("fault", [Fault.dropped_after(), Fault.server_error(500, effect=True)])
async def test_an_unclear_failure_is_looked_up_before_it_is_tried_again(tmp_path: Path, fault: Fault) -> None:
    """The same without a restart: an answer that was lost makes no second message."""
    story = await make_story(tmp_path)
    reference, calls = await _told(story, tmp_path / "reference.db")

    async def life(number: int) -> None:
        async with SandboxSlack.start(demo_workspace()) as sandbox:
            copy = copied(story, tmp_path / f"{number}.db")
            sandbox.workspace.faults = FailAt(number, fault)
            assert not await publish_until_killed(sandbox, copy, sleep=at_once)
            assert shown(sandbox.workspace) == reference, number

    await _each(life(number) for number in range(1, calls + 1))


@pytest.mark.parametrize(
    "fault",
    [
        Fault.rate_limited(1),
        Fault.server_error(502),
        Fault(status=503, body="<html>busy"),
        Fault.refused("token_revoked"),
    ],
)
async def test_a_failure_that_heals_is_waited_out(tmp_path: Path, fault: Fault) -> None:
    """Slack is busy, or the token is being changed: everything is told in the end, in order."""
    story = await make_story(tmp_path)
    reference, _ = await _told(story, tmp_path / "reference.db")
    async with SandboxSlack.start(demo_workspace()) as sandbox:
        counter = iter(range(1_000))
        sandbox.workspace.faults = lambda _method, _args: fault if next(counter) % 7 == 0 else None
        assert not await publish_until_killed(sandbox, story, sleep=at_once)
        assert shown(sandbox.workspace) == reference


async def _each(lives: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them, a few at a time."""
    few = asyncio.Semaphore(8)

    async def one(life: Coroutine[Any, Any, None]) -> None:
        async with few:
            await life

    async with asyncio.TaskGroup() as tasks:
        for life in lives:
            tasks.create_task(one(life))


async def test_lost_postings_cost_a_look_and_no_more(tmp_path: Path) -> None:
    """Someone deleted what the publisher remembers: it finds its messages again and posts none of them twice."""
    story = await make_story(tmp_path)
    fresh = copied(story, tmp_path / "fresh.db")
    async with SandboxSlack.start(demo_workspace()) as sandbox:
        await publish_all(sandbox, story)
        before = shown(sandbox.workspace)
        async with SqliteTrail.open(fresh) as trail:
            await publisher(sandbox, Latest(trail), Postings(trail.database))._follow()
        assert shown(sandbox.workspace) == before


class Latest(Unfolding):
    """The same, with the trail's real clock: everything was recorded before this run."""

    async def now(self) -> datetime:
        return datetime.now(UTC)


def copied(story: Path, copy: Path) -> Path:
    """The same trail once more, for another life."""
    shutil.copy(story, copy)
    return copy


async def _count_notes(story: Path, copy: Path) -> int:
    """How often something is noted down while the story is published."""
    shutil.copy(story, copy)
    async with SandboxSlack.start(demo_workspace()) as sandbox, SqliteTrail.open(copy) as trail:
        postings = DyingPostings(trail)
        await publisher(sandbox, Unfolding(trail), postings)._follow()
    return -postings.left


async def _told(story: Path, copy: Path) -> tuple[list[tuple[str, ...]], int]:
    """What people see after a run without trouble, and how many writing calls it took."""
    shutil.copy(story, copy)
    async with SandboxSlack.start(demo_workspace()) as sandbox:
        counter = FailAt(0, Fault())
        sandbox.workspace.faults = counter
        await publish_all(sandbox, copy)
        seen = shown(sandbox.workspace)
    assert len(seen) == len(set(seen))
    return seen, -counter.left
