"""Who is called to decide, where and how often: at first, by the reminder, in person, and what they see afterwards."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit.sqlite import SqliteTrail, utc_now
from bot.policy import Policy
from bot.request import Request
from bot.sandbox import elements
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE, DENY
from tests.fakes import usual_hosts
from tests.make import INCIDENT
from tests.publishing import ELSEWHERE, Teller, part_of, parts, publish_all, teller, the
from tests.slack_bot import POLICY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


class Clock:
    """The trail's clock, which can be set ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return utc_now() + self.ahead


async def reminded(slack: SandboxSlack, path: Path, policy: Policy = POLICY) -> Request:
    """A request that nobody decided for eleven of its fifteen minutes."""
    clock = Clock()
    async with SqliteTrail.open(path, clock) as trail:
        story = Teller(slack, trail, usual_hosts(), policy)
        request = await story.planned()
        clock.ahead = timedelta(minutes=11)
        request = await story.workflow.drive(request.id)
        assert request.reminded
    await publish_all(slack, path)
    return request


def then(*who: str) -> Policy:
    """The policy whose rule also lets those approve, and calls them last."""
    rules = tuple(r.model_copy(update={"approve": (*r.approve, *who), "then": who}) for r in POLICY.rules)
    return POLICY.model_copy(update={"rules": rules})


def away(slack: SandboxSlack, *people: str, channel: str = "C0INC4711") -> None:
    """Those people aren't in the channel."""
    members = slack.workspace.channels[channel].members
    slack.workspace.change_channel(channel, members=tuple(m for m in members if m not in people))


def buttons(message: Any) -> list[str]:
    return [place.element["action_id"] for place in elements.places(message.blocks)]


# -- in person -----------------------------------------------------------------------------------------


async def test_an_approver_who_is_not_in_the_channel_is_reached_in_person(slack: SandboxSlack, path: Path) -> None:
    """Carol, who isn't there, gets the question with buttons and a link, and no evidence; Bob, who is, gets nothing."""
    away(slack, "U0CAROL")
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.planned()
    await publish_all(slack, path)
    asked = the(slack, "approver:U0CAROL", "D0CAROL")
    assert buttons(asked) == [APPROVE, DENY]
    assert "Kick audituser off host1?" in asked.text
    assert "sessions 7, 9" in asked.text
    assert "/archives/C0INC4711/" in asked.text
    assert "203.0.113.10" not in f"{asked.text}{elements.words(asked.blocks)}"
    assert parts(slack, "D0BOB") == []


async def test_who_was_asked_in_person_sees_what_became_of_it(slack: SandboxSlack, path: Path) -> None:
    """The message shows the end, and has no buttons any more."""
    away(slack, "U0CAROL", "U0BOB")
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.finished()
    await publish_all(slack, path)
    for person in ("BOB", "CAROL"):
        asked = the(slack, f"approver:U0{person}", f"D0{person}")
        assert "audituser is off host1" in asked.text
        assert buttons(asked) == []


async def test_a_channel_whose_members_can_not_be_read_counts_as_empty(slack: SandboxSlack, path: Path) -> None:
    """Told twice beats not told at all."""
    slack.workspace.faults = lambda method, _args: (
        Fault.refused("fetch_members_failed") if method == "conversations.members" else None
    )
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.planned()
    await publish_all(slack, path)
    assert parts(slack, "D0BOB") == ["approver:U0BOB"]
    assert parts(slack, "D0CAROL") == ["approver:U0CAROL"]


# -- the reminder --------------------------------------------------------------------------------------


async def test_nobody_decides_and_those_who_may_are_reminded_once(slack: SandboxSlack, path: Path) -> None:
    """After two thirds of the time the thread calls them, and says until when."""
    await reminded(slack, path)
    await publish_all(slack, path)
    assert parts(slack) == ["parent", "before", "reminder"]
    reminder = the(slack, "reminder")
    assert reminder.thread_ts == the(slack, "parent").ts
    assert "Nobody has decided yet" in reminder.text
    assert "<@U0BOB> or <@U0CAROL>, please approve or deny." in reminder.text


async def test_a_second_group_is_called_by_the_reminder_only(slack: SandboxSlack, path: Path) -> None:
    """`then` names who is asked when the first ones are silent."""
    slack.workspace.change_group("S0LEADS", members=("U0CAROL",))
    slack.workspace.groups["S0LAST"] = slack.workspace.groups["S0LEADS"].model_copy(
        update={"id": "S0LAST", "handle": "managers", "members": ("U0DAVE",)}
    )
    await reminded(slack, path, then("S0LAST"))
    parent = the(slack, "parent")
    assert "<!subteam^S0LAST>" not in parent.text
    assert "<!subteam^S0LAST> are asked now too." in the(slack, "reminder").text


async def test_the_reminder_reaches_in_person_who_is_away(slack: SandboxSlack, path: Path) -> None:
    """They are asked a second time, and both messages show the end."""
    away(slack, "U0CAROL", channel=INCIDENT)
    request = await reminded(slack, path)
    assert parts(slack, "D0CAROL") == ["approver:U0CAROL"] * 2
    async with SqliteTrail.open(path) as trail:
        story = Teller(slack, trail, usual_hosts(), POLICY)
        origin = story.origin("U0BOB").model_copy(update={"key": "x"})
        await story.workflow.deny(origin, request.id, request.plan_hash, "not now")
    await publish_all(slack, path)
    told = [m for m in slack.workspace.messages.values() if m.channel == "D0CAROL"]
    assert all("Denied" in m.text and not buttons(m) for m in told)
    assert [part_of(m) for m in told] == ["approver:U0CAROL"] * 2


async def test_the_group_is_mentioned_once_in_the_channel(slack: SandboxSlack, path: Path) -> None:
    """A whole group is called by the request itself, and by nothing that follows."""
    async with teller(slack, path) as story:
        await story.finished()
    await publish_all(slack, path)
    posted = [v for m in slack.workspace.messages.values() if m.channel == INCIDENT for v in m.versions[:1]]
    assert sum(bool(re.search("S0LEADS", f"{v.text}{elements.words(v.blocks)}")) for v in posted) <= 1


# -- several approvals ---------------------------------------------------------------------------------


async def test_the_request_shows_who_has_approved_so_far(slack: SandboxSlack, path: Path) -> None:
    """With two approvals needed, the first one stands in the request, which stays open."""
    rules = tuple(r.model_copy(update={"approvals": 2}) for r in POLICY.rules)
    async with teller(slack, path, policy=POLICY.model_copy(update={"rules": rules})) as story:
        request = await story.planned()
        await story.workflow.approve(story.origin("U0CAROL"), request.id, request.plan_hash)
    await publish_all(slack, path)
    parent = the(slack, "parent")
    assert "needs 2 approvals on each host, so far <@U0CAROL>." in parent.text
    assert APPROVE in buttons(parent)
