"""Warnings, owners and large requests, from a real trail into Slack."""

from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import elements
from bot.sandbox.server import SandboxSlack
from bot.states import State
from tests.fakes import usual_hosts
from tests.publishing import parts, publish_all, teller, the
from tests.slack_bot import POLICY
from tests.stories import many


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


async def test_a_warning_stands_in_the_thread_and_counts_in_the_parent(slack: SandboxSlack, path: Path) -> None:
    """Told before anything is ended, with a button to stop it."""
    async with teller(slack, path) as story:
        request = await story.approved("audituser host1 warn 5m because INC-42")
        assert request.state is State.WARNED
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "decision", "warning"]
    parent = the(slack, "parent")
    assert "*audituser was told on pts/3*" in parent.text
    assert [p.element["text"]["text"] for p in elements.places(parent.blocks)] == ["Stop"]
    assert "Session 7 was told on pts/3." in the(slack, "warning").text


async def test_a_warning_that_carol_stops_is_told_to_the_asker(slack: SandboxSlack, path: Path) -> None:
    """Nothing was ended, and everyone reads who stopped it."""
    hosts = usual_hosts()
    async with teller(slack, path, hosts) as story:
        request = await story.approved("audituser host1 warn 5m because INC-42")
        await story.workflow.cancel(story.origin("U0CAROL"), request.id, request.plan_hash)
    await publish_all(slack, path)
    assert not hosts["host1"].ended
    assert "*Stopped by <@U0CAROL>:* nothing was ended" in the(slack, "parent").text
    assert "*Stopped by <@U0CAROL>:*" in the(slack, "asker", "D0ALICE").text


OWNERS = POLICY.model_copy(update={"owners": {"audituser": frozenset({"U0DAVE", "U0ALICE", "U0GONE"})}})


async def test_owners_are_told_in_person_once(slack: SandboxSlack, path: Path, caplog: Any) -> None:
    """Not the asker, who owns them too; one who can't be written to holds up nobody."""
    async with teller(slack, path, policy=OWNERS) as story:
        await story.finished()
    await publish_all(slack, path)
    await publish_all(slack, path)
    assert parts(slack, "D0DAVE") == ["owner:U0DAVE"]
    assert parts(slack, "D0ALICE") == ["asker"]
    assert "to tell U0GONE in person (owner:U0GONE" in caplog.text
    assert "Your sessions of audituser on host1 were ended" in the(slack, "owner:U0DAVE", "D0DAVE").text


async def test_more_than_a_hundred_sessions_are_told_with_their_files(slack: SandboxSlack, path: Path) -> None:
    """Every message is taken by Slack with its blocks, and nothing is lost."""
    async with teller(slack, path, many(101)) as story:
        request = await story.finished()
    await publish_all(slack, path)
    assert len(request.outcomes) == 101
    assert parts(slack) == ["parent", "before", "file", "decision", "run", "file", "after", "file"]
    assert all(m.blocks or m.files for m in slack.workspace.messages.values())
