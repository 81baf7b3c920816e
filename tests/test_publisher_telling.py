"""What people find in Slack for each way that a request can go, and what happens where Slack does not take it."""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail, utc_now
from bot.errors import TrailError
from bot.events import Refused
from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import AGAIN
from bot.states import State
from tests import make
from tests.fakes import FakeHosts, usual_hosts
from tests.lives import PATIENCE
from tests.make import INCIDENT
from tests.publishing import ELSEWHERE, LONG, Teller, Unfolding, part_of, parts, publish_all, publisher, teller, the
from tests.slack_bot import POLICY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


# -- the ways that a request can go --------------------------------------------------------------------


async def test_a_request_in_the_incident_channel(slack: SandboxSlack, path: Path) -> None:
    """One parent, its replies in order, a line for the asker, and no second line where the parent stands."""
    async with teller(slack, path) as story:
        await story.finished()
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "decision", "run", "after"]
    assert parts(slack, "D0ALICE") == ["asker"]
    parent = the(slack, "parent")
    replies = [m for m in slack.workspace.messages.values() if m.channel == INCIDENT and m.ts != parent.ts]
    assert {m.thread_ts for m in replies} == {parent.ts}
    assert all(len(m.versions) == 1 for m in replies), "evidence is never edited"


async def test_every_message_names_its_event_with_the_whole_hash(slack: SandboxSlack, path: Path) -> None:
    """What stands in Slack can be held against the trail."""
    async with teller(slack, path) as story:
        request = await story.finished()
    await publish_all(slack, path)
    async with SqliteTrail.open_readonly(path) as trail:
        hashes = {r.seq: r.hash for r in await trail.read(request.id)}
    for message in slack.workspace.messages.values():
        payload = (message.metadata or {})["event_payload"]
        assert payload["trail"] == hashes[payload["event"]]
        assert payload["request"] == request.id


async def test_a_request_elsewhere_is_told_in_the_incident_channel(slack: SandboxSlack, path: Path) -> None:
    """Once when it can be decided, once when it is over; the asker has a link from the start."""
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.finished(channel="C0RANDOM")
    await publish_all(slack, path)
    assert parts(slack) == ["news", "news"]
    assert parts(slack, "C0INC4711")[:2] == ["parent", "before"]
    assert parts(slack, "D0ALICE") == ["asker", "asker"]
    parent = the(slack, "parent", "C0INC4711")
    for message in slack.workspace.messages.values():
        if message.channel in {INCIDENT, "D0ALICE"}:
            assert f"/archives/C0INC4711/p{parent.ts.replace('.', '')}" in message.text
    assert not any(m.channel == "C0RANDOM" for m in slack.workspace.messages.values())


@pytest.mark.parametrize(
    ("end", "headline", "buttons", "asker"),
    [
        ("deny", "Denied", [], True),
        ("cancel", "Cancelled", [], False),
        ("expire", "Expired", [AGAIN], True),
    ],
)
async def test_an_end_without_an_act(
    slack: SandboxSlack, path: Path, end: str, headline: str, buttons: list[str], asker: bool
) -> None:
    """The parent says so without its buttons; the asker is told in person what the asker did not do."""
    clock = Clock()
    async with SqliteTrail.open(path, clock) as trail:
        story = Teller(slack, trail, usual_hosts(), POLICY)
        request = await story.planned()
        if end == "expire":
            clock.ahead = timedelta(minutes=16)
            await story.workflow.drive(request.id)
        else:
            decide = getattr(story.workflow, end)
            await decide(story.origin("U0CAROL" if end == "deny" else "U0ALICE"), request.id, request.plan_hash)
    await publish_all(slack, path)
    parent = the(slack, "parent")
    assert headline in parent.text
    assert [place.element["action_id"] for place in elements.places(parent.blocks)] == buttons
    assert parts(slack, "D0ALICE") == (["asker"] if asker else [])


class Clock:
    """The trail's clock, which can be set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return utc_now() + self.ahead


async def test_nothing_to_end(slack: SandboxSlack, path: Path) -> None:
    """The parent says so at once, with what was seen."""
    async with teller(slack, path, FakeHosts(host1=())) as story:
        request = await story.planned()
        assert request.state is State.CLOSED
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before"]
    assert "audituser is not logged in on host1 · asked by" in the(slack, "parent").text


async def test_a_refusal_is_told_once(slack: SandboxSlack, path: Path) -> None:
    """Someone who had the answer already gets no second one; someone who had none gets it in person."""
    async with SqliteTrail.open(path) as trail:
        for told in (True, False):
            asked = make.asked(key=f"k{told}")
            request = (await trail.append(None, asked)).request
            await trail.append(request, Refused(reason="Only <!subteam^S0SRE> may.", told=told))
    await publish_all(slack, path)
    assert [(m.channel, part_of(m)) for m in slack.workspace.messages.values()] == [("D0ALICE", "asker")]


async def test_catching_up_renders_only_the_newest_state(slack: SandboxSlack, path: Path) -> None:
    """Slack was away during the whole request: no edit is spent on states that are over."""
    async with teller(slack, path) as story:
        await story.finished()
    async with SqliteTrail.open(path) as trail:
        await stop_at(trail, publisher(slack, trail, SqlitePostings(trail.database)).run())
    assert len(the(slack, "parent").versions) == 1
    assert not slack.workspace.calls("chat.update")


async def stop_at(trail: SqliteTrail, run: Coroutine[Any, Any, None]) -> None:
    """Runs until everything is published."""
    task = asyncio.create_task(run)
    newest = max([r.seq for i in range(1, 60) for r in await trail.read(RequestId(i))])
    async with asyncio.timeout(PATIENCE):
        while await SqlitePostings(trail.database).cursor() < newest:  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_can_not_be_read_from_the_trail_does_not_hold_up_the_rest(slack: SandboxSlack, path: Path) -> None:
    """A look whose content was tampered with is told as such."""
    async with teller(slack, path) as story:
        await story.finished()
    async with SqliteTrail.open(path) as trail:
        await publisher(slack, Lost(trail), SqlitePostings(trail.database))._follow()
    assert parts(slack) == ["parent", "before", "decision", "run", "after"]
    assert "the trail can't show what was seen" in the(slack, "before").text


class Lost(Unfolding):
    """A trail without its bodies."""

    async def body(self, digest: str) -> bytes:
        raise TrailError(f"the content of {digest} was changed")


# -- where Slack does not take it ----------------------------------------------------------------------


async def test_a_channel_that_is_gone_is_told_in_the_incident_channel(slack: SandboxSlack, path: Path) -> None:
    """The home was archived after the question: the whole story stands in one thread of the incident channel."""
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.finished()
    slack.workspace.change_channel("C0INC4711", is_archived=True)
    await publish_all(slack, path)
    assert [p for p in parts(slack) if p != "news"] == ["parent", "before", "decision", "run", "after"]
    assert not parts(slack, "C0INC4711")
    under = {part_of(m): m.thread_ts for m in slack.workspace.messages.values() if m.channel == INCIDENT}
    assert under["after"] == the(slack, "parent").ts


@pytest.mark.parametrize("gone", ["archived", "removed", "deleted"])
async def test_a_request_whose_message_is_out_of_reach_goes_on_elsewhere(
    slack: SandboxSlack, path: Path, gone: str
) -> None:
    """The channel is archived, the bot removed from it or the message deleted meanwhile: nothing is lost."""
    async with teller(slack, path, policy=ELSEWHERE) as story:
        request = await story.planned()
    await publish_all(slack, path)
    if gone == "deleted":
        slack.workspace.delete(the(slack, "parent", "C0INC4711"))
    else:
        there: dict[str, Any] = {"archived": {"is_archived": True}, "removed": {"members": ("U0ALICE", "U0CAROL")}}
        slack.workspace.change_channel("C0INC4711", **there[gone])
    async with SqliteTrail.open(path) as trail:
        story = Teller(slack, trail, usual_hosts(), ELSEWHERE)
        origin = story.origin("U0CAROL").model_copy(update={"key": "x"})
        await story.workflow.approve(origin, request.id, request.plan_hash)
        await story.workflow.drive(request.id)
    await publish_all(slack, path)
    moved = the(slack, "moved")
    assert "goes on here" in moved.text
    assert "audituser is off host1" in moved.text
    thread = [part_of(m) for m in slack.workspace.messages.values() if m.thread_ts == moved.ts]
    assert thread == ["decision", "run", "after"]
    assert parts(slack).count("moved") == 1


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_blocks_too_long", "something_new"])
async def test_blocks_that_slack_does_not_take_are_posted_as_text(slack: SandboxSlack, path: Path, code: str) -> None:
    """Nothing is lost only because of its looks."""
    async with teller(slack, path) as story:
        await story.finished()

    def refuse_blocks(method: str, args: Mapping[str, Any]) -> Fault | None:
        refused = method in {"chat.postMessage", "chat.update"} and bool(args.get("blocks"))
        return Fault.refused(code) if refused else None

    slack.workspace.faults = refuse_blocks
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "decision", "run", "after"]
    assert not the(slack, "parent").blocks
    assert "audituser is off host1" in the(slack, "parent").text


async def test_an_asker_who_is_gone_holds_up_nothing(slack: SandboxSlack, path: Path) -> None:
    """Nobody can be told in person, and the thread has it all."""
    async with teller(slack, path) as story:
        await story.finished()
    slack.workspace.change_person("U0ALICE", deleted=True)
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "decision", "run", "after"]


async def test_files_that_slack_does_not_take_hold_up_nothing(slack: SandboxSlack, path: Path) -> None:
    """The trail has their content."""
    hosts = usual_hosts()
    hosts["host1"].raw = LONG
    async with teller(slack, path, hosts) as story:
        await story.finished()
    refused = Fault.refused("file_uploads_disabled")
    slack.workspace.faults = lambda method, _args: refused if method.startswith("files.") else None
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "decision", "run", "after"]


async def test_a_home_where_the_bot_is_not_gets_nothing(slack: SandboxSlack, path: Path) -> None:
    """Neither twice nor never."""
    slack.workspace.change_channel("C0INC4711", members=("U0ALICE",))
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.planned()
    await publish_all(slack, path)
    assert "parent" in parts(slack)
