"""One message, person or channel that fails holds up nobody else, and no wrong state stays shown."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.borders import Posting
from bot.errors import LeaseLost
from bot.lifecycle import replay
from bot.questions import Known
from bot.sandbox import elements
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.outgoing.later import ROUNDS, Later
from bot.slack.outgoing.links import Links
from bot.slack.trouble import Impossible, Trouble
from tests.fakes import usual_hosts
from tests.lives import PATIENCE
from tests.make import INCIDENT
from tests.publishing import (
    ELSEWHERE,
    Killed,
    Teller,
    at_once,
    die,
    parts,
    publish_all,
    publisher,
    teller,
    the,
)
from tests.slack_bot import POLICY

HOME = "C0INC4711"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


async def decided(slack: SandboxSlack, path: Path, number: int, plan: str) -> None:
    """Carol approves, and it is carried out."""
    async with SqliteTrail.open(path) as trail:
        story = Teller(slack, trail, usual_hosts(), POLICY)
        origin = story.origin("U0CAROL").model_copy(update={"key": f"x{number}"})
        request = await story.workflow.approve(origin, number, plan)  # type: ignore[arg-type]
        await story.workflow.drive(request.id)


class DyingAtFirst(SqlitePostings):
    """Dies before it notes the first message."""

    async def put(self, posting: Posting) -> None:
        raise Killed


async def publish_as_it_is(slack: SandboxSlack, path: Path) -> None:
    """One run that reads the trail as it stands now, as a real start does."""
    async with SqliteTrail.open(path) as trail:
        telling = publisher(slack, trail, SqlitePostings(trail.database))
        work = asyncio.create_task(telling.run())
        newest = max([seq for n in range(1, 60) for seq in [r.seq for r in await trail.read(n)]], default=0)  # type: ignore[arg-type]
        while telling._told < newest:  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.02)
        work.cancel()


async def test_a_message_that_an_earlier_run_posted_does_not_keep_its_old_state(
    slack: SandboxSlack, path: Path
) -> None:
    """The bot died right after posting the question; while it was down the request was carried out."""
    async with teller(slack, path) as story:
        request = await story.planned()
    async with SqliteTrail.open(path) as trail:
        with pytest.raises(Killed):
            await publisher(slack, trail, DyingAtFirst(trail.database), die)._follow()
    assert "waiting for approval" in the(slack, "parent").text
    await decided(slack, path, request.id, request.plan_hash)
    await publish_as_it_is(slack, path)
    assert parts(slack).count("parent") == 1
    assert "audituser is off host1" in the(slack, "parent").text
    assert not list(elements.places(the(slack, "parent").blocks))


@pytest.mark.parametrize("fault", [Fault.server_error(500), Fault.refused("ekm_access_denied")])
async def test_a_message_that_can_not_be_changed_holds_up_no_other_request(
    slack: SandboxSlack, path: Path, fault: Fault
) -> None:
    """Slack fails for ever to change one message: the evidence comes all the same, and the next request too."""
    async with teller(slack, path) as story:
        first = await story.planned()
    await publish_all(slack, path)
    stuck = the(slack, "parent").ts
    slack.workspace.faults = lambda method, args: fault if method == "chat.update" and args["ts"] == stuck else None
    await decided(slack, path, first.id, first.plan_hash)
    async with SqliteTrail.open(path) as trail:
        story = Teller(slack, trail, usual_hosts(), POLICY)
        story._number = 10
        await story.planned()
    async with asyncio.timeout(PATIENCE):
        await publish_as_it_is(slack, path)
    assert {"decision", "run", "after"} <= set(parts(slack))
    assert parts(slack).count("parent") == 2


@pytest.mark.parametrize("code", ["access_denied", "missing_scope", "internal_error"])
async def test_a_person_who_can_not_be_reached_holds_up_nobody(slack: SandboxSlack, path: Path, code: str) -> None:
    """The direct message with one approver can't be opened: the other one gets it, and the request goes on."""
    members = tuple(m for m in slack.workspace.channels[HOME].members if m not in {"U0CAROL", "U0BOB"})
    slack.workspace.change_channel(HOME, members=members)

    def refuse(method: str, args: Mapping[str, Any]) -> Fault | None:
        return Fault.refused(code) if method == "conversations.open" and "U0BOB" in str(args) else None

    slack.workspace.faults = refuse
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.finished()
    async with asyncio.timeout(PATIENCE):
        await publish_all(slack, path)
    assert "audituser is off host1" in the(slack, "approver:U0CAROL", "D0CAROL").text
    assert parts(slack, "D0BOB") == []
    assert "after" in parts(slack, HOME)


async def test_where_no_channel_takes_the_request_approvers_are_asked_in_person(
    slack: SandboxSlack, path: Path
) -> None:
    """Both channels are archived: that is the only way left, and the asker isn't told of a place that is none."""
    for channel in (HOME, INCIDENT):
        slack.workspace.change_channel(channel, is_archived=True)
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.planned()
    await publish_all(slack, path)
    assert parts(slack, "D0CAROL") == ["approver:U0CAROL"]
    assert parts(slack, "D0BOB") == ["approver:U0BOB"]
    assert parts(slack, "D0ALICE") == []


async def test_no_evidence_is_posted_where_another_company_reads(slack: SandboxSlack, path: Path) -> None:
    """The request's channel was shared with another company: the request stands in the incident channel."""
    share(slack, HOME)
    async with teller(slack, path, policy=ELSEWHERE) as story:
        await story.finished()
    await publish_all(slack, path)
    assert parts(slack, HOME) == []
    assert {"parent", "before", "after"} <= set(parts(slack))


async def test_an_incident_channel_that_another_company_reads_gets_no_evidence(slack: SandboxSlack, path: Path) -> None:
    """Then it stands nowhere but in the trail; who may approve is asked in person."""
    share(slack, INCIDENT)
    async with teller(slack, path) as story:
        await story.finished()
    await publish_all(slack, path)
    assert set(parts(slack)) <= {"news"}
    assert "203.0.113.10" not in "".join(m.text for m in slack.workspace.messages.values())
    assert parts(slack, "D0CAROL") == ["approver:U0CAROL"]


def share(slack: SandboxSlack, channel: str) -> None:
    slack.workspace.change_channel(channel, is_ext_shared=True)


async def test_a_request_that_moved_can_move_again(slack: SandboxSlack, path: Path) -> None:
    """Somebody deletes the message that stands for it in the incident channel too; links lead to the newest one."""
    async with teller(slack, path, policy=ELSEWHERE) as story:
        request = await story.planned()
    await publish_all(slack, path)
    slack.workspace.delete(the(slack, "parent", HOME))
    async with SqliteTrail.open(path) as trail:
        story = Teller(slack, trail, usual_hosts(), ELSEWHERE)
        origin = story.origin("U0CAROL").model_copy(update={"key": "x"})
        await story.workflow.approve(origin, request.id, request.plan_hash)
    await publish_all(slack, path)
    slack.workspace.delete(the(slack, "moved"))
    async with SqliteTrail.open(path) as trail:
        await Teller(slack, trail, usual_hosts(), ELSEWHERE).workflow.drive(request.id)
    await publish_all(slack, path)
    again = the(slack, "moved-2")
    assert "audituser is off host1" in again.text
    assert [m.thread_ts for m in slack.workspace.messages.values() if m.thread_ts == again.ts]
    async with SqliteTrail.open(path) as trail:
        records = tuple(await trail.read(request.id))
        links = Links(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url), trail.postings())
        found = await links.of([Known(request=replay(records), records=records)])
    assert again.ts.replace(".", "") in found[request.id]


# -- later ---------------------------------------------------------------------------------------------


async def test_what_fails_for_now_is_done_later() -> None:
    """It is tried until it works, and then no more."""
    left, later = [Impossible(Trouble.WAIT, "ratelimited")] * 3, Later(at_once)

    async def work() -> None:
        if left:
            raise left.pop()

    await later.now_or("to tell", 7, work)
    for _ in range(5):
        await later.round()
    assert not left
    assert not later._waiting


async def test_what_waits_for_the_trail_is_kept() -> None:
    """It can't be read at this moment, or another Kickbot posts: nothing is given up."""
    later, tried = Later(at_once), []

    async def work() -> None:
        tried.append(1)
        raise LeaseLost("another Kickbot posts now") if len(tried) > 1 else Impossible(Trouble.WAIT, "ratelimited")

    await later.now_or("to tell", 7, work)
    for _ in range(ROUNDS + 5):
        await later.round()
    assert later._waiting


@pytest.mark.parametrize("trouble", [Trouble.PLACE, Trouble.CONTENT])
async def test_what_can_not_be_done_is_not_tried_again(trouble: Trouble) -> None:
    """Nothing waits for a person who has left."""
    later = Later(at_once)

    async def work() -> None:
        raise Impossible(trouble, "user_not_found")

    await later.now_or("to tell", 7, work)
    assert not later._waiting


async def test_after_a_day_it_is_given_up(caplog: Any) -> None:
    """The log says so."""
    later = Later(at_once)

    async def work() -> None:
        raise Impossible(Trouble.UNCLEAR, "internal_error")

    await later.now_or("to tell U0BOB", 7, work)
    for _ in range(ROUNDS + 1):
        await later.round()
    assert not later._waiting
    assert "to tell U0BOB: given up: internal_error" in caplog.text
