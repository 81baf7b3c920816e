"""The report of a request in its thread: once, whatever dies meanwhile, and only where evidence may stand."""

import shutil
from pathlib import Path

import pytest

from bot.audit.report.at_the_end import TrailReports
from bot.audit.sqlite import SqliteTrail
from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.sandbox.workspace import Workspace
from tests.publishing import (
    ELSEWHERE,
    WRITING,
    DyingPostings,
    FailAt,
    Unfolding,
    at_once,
    publish_all,
    publish_until_killed,
    publisher,
    teller,
)

CHANNEL = "C0INC4711"


@pytest.fixture
async def story(tmp_path: Path) -> Path:
    """A kick that ended."""
    path = tmp_path / "story.db"
    async with SandboxSlack.start(demo_workspace()) as sandbox, teller(sandbox, path, policy=ELSEWHERE) as told:
        await told.finished(channel=CHANNEL)
    return path


def reports(workspace: Workspace) -> list[tuple[str, bool]]:
    """Each report that people see: its channel, and whether it stands in the thread of the request."""
    found = []
    for message in workspace.messages.values():
        for shared in message.files:
            if workspace.files[shared].name.endswith("-report.html"):
                parent = workspace.messages.get((message.channel, message.thread_ts or ""))
                found.append((message.channel, parent is not None))
    return found


def copied(story: Path, to: Path) -> Path:
    shutil.copy(story, to)
    return to


async def test_none_unless_it_is_wanted(slack: SandboxSlack, story: Path) -> None:
    """By default a request leaves messages, and what is too long for them."""
    await publish_all(slack, story)

    assert reports(slack.workspace) == []


async def test_no_report_where_people_of_another_company_read(slack: SandboxSlack, story: Path) -> None:
    """It goes on in the incident channel with the rest of the evidence."""
    slack.workspace.change_channel(CHANNEL, is_ext_shared=True)

    await publish_all(slack, story, report=True)

    assert reports(slack.workspace) == [("C0INCIDENT", True)]


async def test_it_stands_once_wherever_slack_or_the_bot_dies(tmp_path: Path, story: Path) -> None:
    """Killed at each call of its upload, before it took effect and after; the next run completes."""
    async with SandboxSlack.start(demo_workspace()) as sandbox:
        await publish_all(sandbox, copied(story, tmp_path / "reference.db"), report=True)
        assert reports(sandbox.workspace) == [(CHANNEL, True)]
        called = [call["method"] for call in sandbox.workspace.calls() if call["method"] in WRITING]
    begins = called.index("files.getUploadURLExternal") + 1
    for number in range(begins - 1, begins + 4):
        for fault in (Fault.dropped_before(), Fault.dropped_after()):
            async with SandboxSlack.start(demo_workspace()) as sandbox:
                copy = copied(story, tmp_path / f"{number}-{fault.effect}.db")
                sandbox.workspace.faults = FailAt(number, fault)
                assert await publish_until_killed(sandbox, copy, report=True)
                await publish_all(sandbox, copy, report=True)
                assert reports(sandbox.workspace) == [(CHANNEL, True)], (number, fault)


@pytest.mark.parametrize("after", [False, True])
async def test_it_stands_once_wherever_its_note_is_lost(tmp_path: Path, story: Path, *, after: bool) -> None:
    """The bot dies at the note of the file, before and after."""
    for number in range(1, 40):
        async with SandboxSlack.start(demo_workspace()) as sandbox:
            copy = copied(story, tmp_path / f"{number}.db")
            await publish_until_killed(sandbox, copy, write=number, after=after, report=True)
            if reports(sandbox.workspace):
                await publish_all(sandbox, copy, report=True)
                assert reports(sandbox.workspace) == [(CHANNEL, True)]
                return
    pytest.fail("it was never posted")


async def test_what_can_not_be_written_holds_up_nothing(
    slack: SandboxSlack, story: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault in writing the page is logged, and all else is told."""

    class Faulty(TrailReports):
        async def of(self, request: int, up_to: int) -> str:
            raise KeyError(request, up_to)

    async with SqliteTrail.open(story) as trail:
        await publisher(slack, Unfolding(trail), DyingPostings(trail), at_once, reports=Faulty(trail))._follow()

    assert "its report can't be written" in caplog.text
    assert reports(slack.workspace) == []
    assert any("What was run" in message.text for message in slack.workspace.messages.values())


async def test_the_page_says_what_it_rests_on(story: Path) -> None:
    """The same each time it is made; the whole trail isn't verified for it."""
    async with SqliteTrail.open(story) as trail:
        last = (await trail.requests(limit=1))[0][-1]
        page = await TrailReports(trail).of(last.request, last.seq)

        assert page == await TrailReports(trail).of(last.request, last.seq)
    assert "Made by Kickbot, as the request ended," in page
    assert "The whole trail was not verified for this" in page
    assert f"--expect-head {last.seq}:{last.hash}" in page
    assert "Sessions before: host1" in page
