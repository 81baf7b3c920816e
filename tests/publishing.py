"""Trails with stories in them, and ways to publish them: as if each event came fresh, until killed, with failures."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.audit.postings import SqlitePostings
from bot.audit.report.at_the_end import TrailReports
from bot.audit.sqlite import SqliteTrail, utc_now
from bot.borders import Origin, Posting, Reports
from bot.events import FINAL, Record
from bot.models import Kick, RequestId
from bot.policy import Channel, Policy
from bot.request import Request
from bot.retention import Dropping
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Fault, Message
from bot.sandbox.server import SandboxSlack
from bot.sandbox.workspace import Workspace
from bot.slack.outgoing.publisher import Publisher
from bot.slack.people import SlackPeople
from bot.states import State
from bot.workflow import Workflow
from tests.fakes import FakeHosts, usual_hosts
from tests.make import INCIDENT
from tests.slack_bot import INVENTORY, POLICY, QUICK

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
OWNED = ELSEWHERE.model_copy(update={"owners": {"audituser": frozenset({"U0DAVE"})}})


class Killed(BaseException):
    """kill -9."""


class Teller:
    """Writes stories into a trail with the real workflow, and publishes nothing."""

    def __init__(self, sandbox: SandboxSlack, trail: SqliteTrail, hosts: FakeHosts, policy: Policy) -> None:
        people = SlackPeople(AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url), "T0SANDBOX")
        self.hosts = hosts
        self.workflow = Workflow(trail=trail, hosts=hosts, rights=Rights(policy, people), timing=QUICK)
        self._number = 0

    def origin(self, who: str = "U0ALICE", channel: str = INCIDENT) -> Origin:
        self._number += 1
        return Origin(who=who, channel=Channel(id=channel, member=True), key=f"key-{self._number}")

    async def planned(self, words: str = "audituser host1 because INC-42", channel: str = INCIDENT) -> Request:
        command = commands.parse("kick", words, INVENTORY)
        assert isinstance(command, Kick)
        request = await self.workflow.ask(self.origin(channel=channel), f"/kick {words}", command)
        return await self.workflow.drive(request.id)

    async def approved(self, words: str = "audituser host1 because INC-42", channel: str = INCIDENT) -> Request:
        """As far as it goes at once: to the end, or until the time of a warning."""
        request = await self.planned(words, channel)
        if request.state is not State.PENDING:
            return request
        await self.workflow.approve(self.origin("U0CAROL"), request.id, request.plan_hash)
        return await self.workflow.drive(request.id)

    async def finished(self, words: str = "audituser host1 because INC-42", channel: str = INCIDENT) -> Request:
        request = await self.approved(words, channel)
        while request.state is State.WARNED and request.act_at:
            await asyncio.sleep(max((request.act_at - utc_now()).total_seconds(), 0) + 0.01)
            request = await self.workflow.drive(request.id)
        return request


@asynccontextmanager
async def teller(
    sandbox: SandboxSlack, path: Path, hosts: FakeHosts | None = None, policy: Policy = POLICY
) -> AsyncIterator[Teller]:
    async with SqliteTrail.open(path) as trail:
        yield Teller(sandbox, trail, hosts or usual_hosts(), policy)


# -- publishing it -------------------------------------------------------------------------------------


class Unfolding:
    """A trail that is read as if its events came one by one, each after the one before it was published."""

    def __init__(self, trail: SqliteTrail, until: int = 60) -> None:
        self._trail = trail
        self._until = until
        self._now = 0

    async def follow(self, since: int) -> AsyncIterator[Record]:
        records = [r for i in range(1, self._until) for r in await self._trail.read(RequestId(i))]
        for record in sorted(records, key=lambda r: r.seq):
            if record.seq > since:
                self._now = record.seq
                yield record

    async def read(self, request: RequestId) -> Sequence[Record]:
        return [r for r in await self._trail.read(request) if r.seq <= self._now]

    async def body(self, digest: str) -> bytes:
        return await self._trail.body(digest)

    async def dropped(self, request: RequestId) -> Dropping | None:
        return await self._trail.dropped(request)

    async def open_requests(self) -> Sequence[RequestId]:
        read = {RequestId(i): await self.read(RequestId(i)) for i in range(1, self._until)}
        return [number for number, records in read.items() if records and not {r.event.kind for r in records} & FINAL]

    async def now(self) -> datetime:
        """The start of all time: so only the first event of a run may have been posted before."""
        return datetime.min.replace(tzinfo=UTC)


class DyingPostings(SqlitePostings):
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


HURRY: Callable[[], float] = count(step=100).__next__
"""A clock by which no message waits for the one before it: a test that dies when it waits does not die of that."""


async def die(_seconds: float) -> None:
    raise Killed


async def at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


def publisher(
    sandbox: SandboxSlack,
    trail: Any,
    postings: SqlitePostings,
    sleep: Callable[[float], Any] = at_once,
    incident: str = INCIDENT,
    clock: Callable[[], float] = HURRY,
    reports: Reports | None = None,
) -> Publisher:
    client = AsyncWebClient(token=sandbox.bot_token, base_url=sandbox.api_url, retry_handlers=[], timeout=5)
    return Publisher(
        client=client,
        trail=trail,
        postings=postings,
        incident_channel=incident,
        bot_user="U0KICKBOT",
        reports=reports,
        sleep=sleep,
        clock=clock,
    )


async def publish_all(sandbox: SandboxSlack, path: Path, *, report: bool = False) -> None:
    """One run over everything, without trouble."""
    async with SqliteTrail.open(path) as trail:
        reports = TrailReports(trail) if report else None
        await publisher(sandbox, Unfolding(trail), SqlitePostings(trail.database), reports=reports)._follow()


async def publish_until_killed(
    sandbox: SandboxSlack,
    path: Path,
    *,
    write: int = 0,
    after: bool = False,
    sleep: Callable[[float], Any] = die,
    report: bool = False,
) -> bool:
    """One run that is killed at its n-th note, or as soon as Slack fails; False if it came to its end."""
    async with SqliteTrail.open(path) as trail:
        postings = DyingPostings(trail, write, after=after)
        reports = TrailReports(trail) if report else None
        try:
            await publisher(sandbox, Unfolding(trail), postings, sleep, reports=reports)._follow()
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


def parts(slack: SandboxSlack, channel: str = INCIDENT) -> list[str]:
    """The parts that stand in a channel, in order."""
    here = [m for m in slack.workspace.messages.values() if m.channel == channel]
    return [part_of(m) for m in here]


def part_of(message: Message) -> str:
    """What a message is, by its own metadata."""
    return str(message.metadata["event_payload"]["part"]) if message.metadata else "file"


def the(slack: SandboxSlack, part: str, channel: str = INCIDENT) -> Message:
    """The message that is this part."""
    return next(m for m in slack.workspace.messages.values() if m.channel == channel and part_of(m) == part)


def writes(workspace: Workspace) -> int:
    return len([c for c in workspace.calls() if c["method"] in WRITING]) + len(workspace.files)


async def make_story(folder: Path) -> Path:
    """A request with everything: from a third channel to its own, warned, with files, told to its end and its owner."""
    path = folder / "story.db"
    hosts = usual_hosts()
    hosts["host1"].raw = LONG
    async with (
        SandboxSlack.start(demo_workspace()) as sandbox,
        teller(sandbox, path, hosts, OWNED) as story,
    ):
        await story.finished("audituser host1 warn 1s because INC-42", channel="C0RANDOM")
    return path
