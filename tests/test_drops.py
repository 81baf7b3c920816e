"""What hosts said goes only by the word of two people, as kickbot.toml lets it; and afterwards everything says so."""

import asyncio
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import events
from bot.audit import reading
from bot.audit.reading import verify
from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, BrokenTrail, Refused, TrailError
from bot.models import RequestId
from bot.policy import Policy
from bot.request import Request
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import DROP, KEEP
from bot.states import State
from tests.fakes import FakeClock
from tests.make import INCIDENT
from tests.slack_bot import POLICY as SLACK_POLICY
from tests.slack_bot import Bot, start
from tests.stage import KICK, POLICY, Stage
from tests.test_audit_commands import Left, configured
from tests.test_crashes import Fuse, FusedTrail, Killed
from tests.test_reading import edit
from tests.trail_behaviours import dropped, kept, looked_at

YEAR = 365 * 86_400
KEPT_A_YEAR = POLICY.model_copy(update={"keep": YEAR})


async def closed(stage: Stage) -> Request:
    """A kick that ended, and then more than a year."""
    done = await stage.wait(await stage.approve(await stage.ask(KICK)))
    stage.clock.now += timedelta(seconds=YEAR + 60)
    return done


@pytest.fixture
async def old(stage: Stage) -> Request:
    """A kick that ended more than a year ago, where a year is what is kept."""
    done = await closed(stage)
    stage.policy = KEPT_A_YEAR
    stage.restart()
    return done


async def bodies(stage: Stage, request: Request) -> int:
    """How much of what its hosts said is there, the same counted once."""
    there = set()
    for record in await stage.trail.read(request.id):
        for attachment in record.event.attachments:
            with suppress(TrailError):
                there.add(await stage.trail.body(attachment.sha256))
    return len(there)


async def ask(stage: Stage, who: str = "U0ALICE") -> Request:
    return await stage.workflow.retention(stage.origin(who))


async def agree(stage: Stage, request: Request, who: str = "U0CAROL") -> Request:
    return await stage.workflow.let_drop(stage.origin(who), request.id)


# -- who may not, and when not -----------------------------------------------------------------------------


async def test_without_a_time_in_the_configuration_nothing_is_ever_dropped(stage: Stage) -> None:
    """The answer starts as no."""
    await closed(stage)

    with pytest.raises(Refused, match="kept for ever"):
        await ask(stage)


async def test_who_may_approve_nothing_may_not_ask(stage: Stage, old: Request) -> None:
    """As with the emergency brake; a guest neither."""
    for who in ("U0DAVE", "U0GUS", "U0ZOE"):
        with pytest.raises(Refused):
            await ask(stage, who)
    assert await bodies(stage, old) > 0


async def test_one_person_is_not_two(stage: Stage, old: Request) -> None:
    """Whoever asked can't approve, nor can someone whom no rule lets approve; both are recorded, and nothing goes."""
    asked = await ask(stage)

    for who, said in (("U0ALICE", "You asked for this one"), ("U0DAVE", "not among them"), ("U0GUS", "guest")):
        with pytest.raises(Refused, match=said):
            await agree(stage, asked, who)
    await stage.workflow.drive(asked.id)

    assert await stage.kinds(asked.id) == ["retention_asked", *["decision_refused"] * 3]
    assert await bodies(stage, old) > 0


async def test_the_asker_must_still_be_allowed_to(stage: Stage, old: Request) -> None:
    """Someone who lost the right meanwhile is no first person."""
    asked = await ask(stage)
    stage.people.groups["S0LEADS"].discard("U0ALICE")

    with pytest.raises(Refused, match="approve nothing any more"):
        await agree(stage, asked)
    assert await bodies(stage, old) > 0


async def test_a_longer_time_in_the_configuration_counts_at_once(stage: Stage, old: Request) -> None:
    """What was asked under a shorter one isn't approved under a longer one, nor where it was taken out."""
    asked = await ask(stage)
    for keep in (2 * YEAR, 0):
        stage.policy = POLICY.model_copy(update={"keep": keep})
        stage.restart()
        with pytest.raises(Refused, match="keeps them for longer"):
            await agree(stage, asked)
    assert await bodies(stage, old) > 0


async def test_nothing_goes_while_all_acting_is_frozen(stage: Stage, old: Request) -> None:
    """Neither asked, nor approved, nor done: a trail that people have to look at first loses nothing."""
    asked = await ask(stage)
    frozen = await stage.workflow.freeze(stage.origin("U0BOB"), "restored backup")
    for attempt in (ask(stage, "U0BOB"), agree(stage, asked)):
        with pytest.raises(ActingFrozen):
            await attempt
    for who in ("U0BOB", "U0CAROL"):
        await stage.workflow.unfreeze(stage.origin(who), frozen.id)
    await agree(stage, asked)
    await stage.workflow.freeze(stage.origin("U0BOB"), "again")

    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)
    assert await bodies(stage, old) > 0


async def test_nobody_decides_for_a_day(stage: Stage, old: Request) -> None:
    """Then it has expired, and a click comes too late; before, it can be cancelled."""
    asked = await ask(stage)
    assert asked.due == asked.at + timedelta(hours=24)
    with pytest.raises(Refused, match="still open"):
        await ask(stage, "U0BOB")

    expired = await stage.wait(asked)
    with pytest.raises(Refused, match="expired already"):
        await agree(stage, asked)
    second = await ask(stage)
    with pytest.raises(Refused):
        await stage.workflow.keep(stage.origin("U0DAVE"), second.id)
    cancelled = await stage.workflow.keep(stage.origin("U0BOB"), second.id)

    assert (expired.state, cancelled.state, cancelled.ended_by) == (State.EXPIRED, State.CANCELLED, "U0BOB")
    assert await bodies(stage, old) > 0


async def test_a_click_on_another_request_drops_nothing(stage: Stage) -> None:
    """The button carries a number: one of a kick is refused."""
    stage.policy = KEPT_A_YEAR
    stage.restart()
    asked = await stage.ask(KICK)

    with pytest.raises(Refused, match="not about what is kept"):
        await agree(stage, asked)
    with pytest.raises(Refused, match="not about what is kept"):
        await stage.workflow.keep(stage.origin("U0ALICE"), asked.id)


# -- done --------------------------------------------------------------------------------------------------


async def test_two_people_let_it_go_and_the_events_stay(stage: Stage, old: Request) -> None:
    """Recorded, then done, and the trail verifies and says by whose word; what is younger stays."""
    younger = await stage.ask(KICK)
    many = await bodies(stage, old)
    asked = await ask(stage)
    await agree(stage, asked)

    done = await stage.workflow.drive(asked.id)

    assert done.state is State.DROPPED
    assert (await bodies(stage, old), await bodies(stage, younger)) == (0, 1)
    assert asked.retention is not None
    assert (asked.retention.bodies, asked.retention.before) == (many, asked.at - timedelta(seconds=YEAR))
    found = verify(stage.trail.database.path)
    assert [(by.request, by.asker, by.approver) for by, _ in found.dropped] == [(asked.id, "U0ALICE", "U0CAROL")]
    with pytest.raises(Refused, match="nothing to drop"):
        await ask(stage)


async def test_what_is_dropped_is_no_longer_in_the_file(stage: Stage, old: Request) -> None:
    """Its bytes are overwritten, and not only forgotten."""
    (first, *_) = [a for r in await stage.trail.read(old.id) for a in r.event.attachments]
    content = (await stage.trail.body(first.sha256))[:200]
    path = stage.trail.database.path
    with sqlite3.connect(path) as beside:
        beside.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert content in path.read_bytes()

    asked = await ask(stage)
    await agree(stage, asked)
    await stage.workflow.drive(asked.id)
    with sqlite3.connect(path) as beside:
        beside.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    assert content not in path.read_bytes()


class _FusedDrops(FusedTrail):
    """It can die too before, in the middle of and after a drop."""

    async def drop(self, request: RequestId) -> None:
        self._fuse.point()
        real = self._trail.database.run

        async def cut(work: Any) -> Any:
            self._fuse.point()
            done: object = await real(work)
            self._fuse.point()
            return done

        self._trail.database.run = cut  # type: ignore[method-assign]
        try:
            await self._trail.drop(request)
        finally:
            self._trail.database.run = real  # type: ignore[method-assign]
        self._fuse.point()


async def _told(path: Path, dies_at: int | None, monkeypatch: pytest.MonkeyPatch) -> tuple[Request, int]:
    """A drop that dies there, and is gone on with by the next start: its end, and how many points there were."""
    monkeypatch.setattr("bot.retention.BATCH", 2)
    clock, fuse = FakeClock(), Fuse(dies_at)
    async with SqliteTrail.open(path, clock) as trail:
        stage = Stage(trail, clock, KEPT_A_YEAR)
        await looked_at(trail, "old", "w1", "w2", "w3", "w4")
        clock.now += timedelta(seconds=YEAR + 60)
        await looked_at(trail, "young", "w4")
        asked = await ask(stage)
        for each in (fuse, Fuse()):
            try:
                stage.restart_on(_FusedDrops(trail, each))
                state = (await stage.request(asked.id)).state
                if state is State.TO_DROP:
                    await agree(stage, asked)
                done = await stage.workflow.drive(asked.id)
                break
            except Killed:
                assert verify(path).events > 0, dies_at
        assert await kept(trail, "w1", "w2", "w3", "w4") == ["w4"], dies_at
    assert sum(n for _, n in verify(path).dropped) == 3, dies_at
    return done, fuse.points


async def test_a_crash_at_any_point_of_a_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, between and after: the trail verifies at each, and the next start drops the rest and nothing else."""
    _, points = await _told(tmp_path / "whole.db", None, monkeypatch)
    assert points >= 10
    for dies_at in range(1, points + 1):
        done, _ = await _told(tmp_path / f"{dies_at}.db", dies_at, monkeypatch)
        assert done.state is State.DROPPED


# -- and what is told of it --------------------------------------------------------------------------------


async def recorded(database: Path) -> None:
    """An old request whose attachments two people let go, and a younger one."""
    async with SqliteTrail.open(database) as trail:
        await looked_at(trail, "old", "w1")
        await dropped(trail)
        await looked_at(trail, "young", "w2")


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(recorded(left.database))
    return left


def test_a_body_that_is_missing_without_a_word_of_two_is_a_finding(left: Left) -> None:
    """Of the younger request, which the older drop is not about."""
    edit(left.database, "DELETE FROM bodies")

    assert "event 8: its attachment" in (said := left.broken())
    assert "is missing, and nobody agreed to drop it" in said
    assert "missing, and nobody agreed" in left.audit("show", "7").stdout


@pytest.mark.parametrize("who", ["U0ALICE", "kickbot"])
async def test_a_word_that_only_looks_like_two_people_covers_nothing(tmp_path: Path, who: str) -> None:
    """Approved by the asker, or by the bot itself: what is missing is a finding."""
    path = tmp_path / "kickbot.db"
    async with SqliteTrail.open(path) as trail:
        await looked_at(trail, "old", "w1")
        now = await trail.now()
        asked = events.RetentionAsked(
            who="U0ALICE", key="k", channel="C", home="C", before=now, up_to=3, bodies=1, size=1, decide_by=now
        )
        request = (await trail.append(None, asked)).request
        await trail.append(request, events.RetentionApproved(who=who))
    edit(path, "DELETE FROM bodies")

    with pytest.raises(BrokenTrail, match="nobody agreed"):
        verify(path)


def test_every_command_says_by_whose_word_it_went(left: Left) -> None:
    """verify, show, list, an export, and the report: in one and the same words."""
    day = f"{reading.show(left.database, 4)[-1].at:%Y-%m-%d}"
    told = f"dropped by request 4, asked by U0ALICE, approved by U0CAROL, on {day}"

    assert f"1 attachment was {told}." in left.audit("verify").stdout
    assert f"; {told}" in left.audit("show", "1").stdout
    assert told not in left.audit("show", "7").stdout
    assert "U0CAROL approved: it is dropped from here on" in left.audit("show", "4").stdout
    assert "retention of what ended before" in left.audit("list").stdout
    for form in ("csv", "cef"):
        assert "asked to drop what hosts said" in left.audit("export", "--format", form).stdout
    assert left.audit("export", "--format", "ocsf").exit_code == 0
    out = left.folder / "report.html"
    assert left.audit("report", "1", "--out", str(out)).exit_code == 0
    assert f"What w1 said was {told}. Its digest stays." in out.read_text()


# -- in Slack ----------------------------------------------------------------------------------------------


@pytest.fixture
def policy() -> Policy:
    return SLACK_POLICY.model_copy(update={"keep": YEAR})


async def old_request(folder: Path) -> None:
    """A request that ended two years ago, in the trail with which a bot then starts."""
    now = datetime.now(UTC) - timedelta(days=730)
    async with SqliteTrail.open(folder / "kickbot.db", lambda: now) as trail:
        await looked_at(trail, "old", "host1")
        await trail.postings().advance(3)


async def test_asked_by_one_and_clicked_by_another(sandbox: SandboxSlack, tmp_path: Path, policy: Policy) -> None:
    """The message says what goes and what stays; its buttons go with the decision; `/audit` tells it afterwards."""
    await old_request(tmp_path)
    bob, carol = sandbox.as_("bob"), sandbox.as_("carol")
    async with start(sandbox, tmp_path, policy=policy):
        await bob.command("incidents", "/kickbot", "retention")
        card = await carol.sees("1 attachment, ", "incidents")
        assert "Every event stays" in card.text
        await bob.click(card, DROP)
        await bob.sees("You asked for this one, so you can't approve it.")

        await carol.click(card, DROP)

        await carol.sees("Approved: it is dropped now.")
        over = await carol.sees("Dropped: ", "incidents")
        assert over.ts == card.ts
        assert DROP not in str(over.blocks)
        await carol.sees("All of it is dropped, but for what newer or open requests need too.", "incidents")
        await bob.command("incidents", "/audit", "1")
        await bob.sees("What the hosts said was dropped by request 4, asked by")


async def test_it_waits_on_the_home_tab_of_whoever_may_decide(
    sandbox: SandboxSlack, tmp_path: Path, policy: Policy
) -> None:
    """With its buttons for Carol, with the way back for Bob, who asked, and for Dave, who may approve nothing, not."""
    await old_request(tmp_path)
    bob, carol, dave = (sandbox.as_(name) for name in ("bob", "carol", "dave"))
    async with start(sandbox, tmp_path, policy=policy) as bot:
        await bob.command("incidents", "/kickbot", "retention")
        await carol.sees("1 attachment, ", "incidents")
        for person in (bob, carol, dave):
            await person.open_home()

        assert DROP in str((await carol.sees_home("Waiting for you (1)")).blocks)
        own = str((await bob.sees_home("Yours, waiting for others (1)")).blocks)
        assert KEEP in own
        assert DROP not in own
        others = str((await dave.sees_home("Waiting for you (0)")).blocks)
        assert DROP not in others
        assert KEEP not in others
        assert await kept(bot.trail, "host1") == ["host1"]


async def test_cancelled_by_a_click(sandbox: SandboxSlack, tmp_path: Path, policy: Policy) -> None:
    """Nothing is dropped, and the message says so."""
    await old_request(tmp_path)
    bob, carol = sandbox.as_("bob"), sandbox.as_("carol")
    async with start(sandbox, tmp_path, policy=policy) as bot:
        await bob.command("incidents", "/kickbot", "retention")
        card = await carol.sees("1 attachment, ", "incidents")

        await carol.click(card, KEEP)

        over = await bob.sees("Cancelled by", "incidents")
        assert over.ts == card.ts
        assert await kept(bot.trail, "host1") == ["host1"]


async def test_a_message_about_what_was_dropped_says_so(stage: Stage, old: Request) -> None:
    """Where a request is shown once more, its looks are told as dropped, by whose word."""
    from bot.slack.outgoing.stories import Stories  # noqa: PLC0415

    asked = await ask(stage)
    await agree(stage, asked)
    await stage.workflow.drive(asked.id)

    story = await Stories(stage.trail).read(old.id)

    assert f"dropped by request {asked.id}, asked by U0ALICE, approved by U0CAROL" in str(story.before)


async def test_nothing_to_drop_is_said_in_slack(bot: Bot) -> None:
    """Alone to whoever typed it."""
    bob = bot.sandbox.as_("bob")
    await bob.command("incidents", "/kickbot", "retention")
    await bob.sees("what hosts said is kept for ever")


async def test_who_could_approve_is_asked_in_person(sandbox: SandboxSlack, tmp_path: Path, policy: Policy) -> None:
    """Carol isn't in the incident channel: she gets the question with its buttons, and then what became of it."""
    await old_request(tmp_path)
    members = sandbox.workspace.channels[INCIDENT].members
    sandbox.workspace.change_channel(INCIDENT, members=tuple(m for m in members if m != "U0CAROL"))
    bob, carol = sandbox.as_("bob"), sandbox.as_("carol")
    async with start(sandbox, tmp_path, policy=policy):
        await bob.command("incidents", "/kickbot", "retention")
        question = await carol.sees("1 attachment, ")
        assert question.channel.startswith("D")

        await carol.click(question, DROP)

        over = await carol.sees("Dropped: ")
        assert over.ts == question.ts
        assert DROP not in str(over.blocks)


async def test_where_nobody_else_could_approve_it_is_not_asked(stage: Stage, old: Request) -> None:
    """A request that nobody can decide would only wait."""
    stage.people.groups["S0LEADS"] = {"U0ALICE"}
    with pytest.raises(Refused, match="Nobody could approve this"):
        await ask(stage)
    assert await bodies(stage, old) > 0
