"""Who approved for whom: counted, and the same two people who approve each other over and over stand out."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from bot import events
from bot.audit import reading
from bot.audit.pairing import Pairing
from bot.audit.sqlite import SqliteTrail
from bot.pairs import Counted, Pairs
from bot.questions import Questions
from bot.rights import Rights
from bot.slack.content import history
from tests import make
from tests.fakes import FakeClock
from tests.make import START
from tests.stage import KICK, Stage
from tests.stories import check
from tests.test_audit_commands import Left, configured
from tests.test_reading import edit

A, B, C = "U0ALICE", "U0BOB", "U0CAROL"


def story(asker: str, *approvers: str, end: events.Event | None = None) -> tuple[events.Event, ...]:
    """A request as far as it is counted."""
    said = (
        events.Approved(who=who, plan_hash="c" * 64, hosts=("host1",), complete=who == approvers[-1], act_by=START)
        for who in approvers
    )
    return make.asked(who=asker), *said, end or events.Closed(outcomes=())


def counted(*stories: tuple[events.Event, ...]) -> Counted:
    pairs = Pairs()
    for number, each in enumerate(stories, 1):
        for place, event in enumerate(each):
            pairs.see(make.record(event, number * 100 + place, request=number * 100))
    return pairs.counted()


def numbers(found: Counted) -> list[tuple[str, str, int, int]]:
    return [(pair.asker, pair.approver, pair.times, pair.of) for pair in found.pairs]


def test_the_same_two_over_and_over() -> None:
    """Three times each, whatever others do beside them."""
    found = counted(*[story(A, C)] * 3, *[story(C, A)] * 3, story(A, B), story(B, C))

    assert [found.people for found in found.each_other] == [{A, C}]
    assert numbers(found)[:2] == [(A, C, 3, 4), (C, A, 3, 3)]


@pytest.mark.parametrize(
    "stories",
    [
        [story(A, C)] * 9,
        [*[story(A, C)] * 9, *[story(C, A)] * 2],
        [*[story(A, C)] * 3, *[story(A, B)] * 3, *[story(C, A)] * 3],
        [*[story(A, C)] * 3, *[story(C, B)] * 3, *[story(B, A)] * 3],
    ],
    ids=["one way", "hardly back", "half of it", "in a circle"],
)
def test_who_does_not_stand_out(stories: list[tuple[events.Event, ...]]) -> None:
    """One who approves for another, as a team lead does, is no pair; nor are two of a small team."""
    assert counted(*stories).each_other == ()


def test_what_counts() -> None:
    """Each person once for a request, also where two are needed; what was denied has no approval, a sweep no asker."""
    sweep = (make.asked(who=events.BOT), *story(A, C)[1:])
    denied = (make.asked(who=A), events.Denied(who=C, plan_hash="c" * 64))
    late = (*denied, *story(A, C)[1:])

    found = counted(story(A, B, C), story(A, B, B), sweep, denied, late)

    assert numbers(found) == [(A, B, 2, 2), (A, C, 1, 2)]


def test_other_things_that_take_two() -> None:
    """What is given back early, and what is dropped."""
    drop = events.RetentionAsked(
        who=A, key="k", channel="C", home="C", before=START, up_to=1, bodies=1, size=1, decide_by=START
    )
    found = counted(
        (events.UnholdAsked(who=B), events.UnholdApproved(who=C, complete=True)),
        (drop, events.RetentionApproved(who=C), events.Dropped()),
    )

    assert numbers(found) == [(A, C, 1, 1), (B, C, 1, 1)]


def test_memory_is_that_of_what_waits() -> None:
    """A request that has ended is forgotten, however many there were."""
    pairs = Pairs()
    for number in range(1, 2_000):
        for place, event in enumerate(story(A, C)):
            pairs.see(make.record(event, number * 10 + place, request=number * 10))

    assert (pairs._askers, pairs._yes) == ({}, {})
    assert pairs.counted().pairs[0].times == 1_999


# -- on the command line, and in the report ----------------------------------------------------------------


async def recorded(database: Path) -> None:
    async with SqliteTrail.open(database) as trail:
        for number, (asker, approver) in enumerate([(A, C), (C, A)] * 3 + [(A, B)]):
            first, *rest = story(asker, approver)
            assert isinstance(first, events.Asked)
            request = (await trail.append(None, first.model_copy(update={"key": str(number)}))).request
            for event in rest:
                await trail.append(request, event)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(recorded(left.database))
    return left


def test_a_changed_trail_is_not_counted(left: Left) -> None:
    """Nobody's conclusion rests on an event that was changed."""
    edit(left.database, "UPDATE events SET bytes = replace(bytes, 'U0CAROL', 'U0DAVE0') WHERE seq = 2")

    done = left.audit("pairs")

    assert done.exit_code == 1
    assert done.stderr.startswith("BROKEN at event 2")


def test_pairs_on_the_command_line(left: Left) -> None:
    """The most frequent first, then who stands out; of a time that is given; and the reading is recorded."""
    shown = left.audit("pairs").stdout

    assert shown.splitlines() == [
        "     3 of 4      U0ALICE asked, U0CAROL approved",
        "     3 of 3      U0CAROL asked, U0ALICE approved",
        "     1 of 4      U0ALICE asked, U0BOB approved",
        "U0ALICE and U0CAROL approve each other over and over: 3 of 4, and 3 of 3 times.",
    ]
    assert left.audit("pairs", "since", "90d").stdout == shown
    assert "is not understood: since 90d" in left.audit("pairs", "lately").stderr
    assert "read 7 requests (pairs)" in left.audit("show", "22").stdout


async def test_what_was_asked_before_and_approved_since(tmp_path: Path) -> None:
    """It is the approval that counts; what was approved before doesn't."""
    clock, path = FakeClock(), tmp_path / "kickbot.db"
    async with SqliteTrail.open(path, clock) as trail:
        requests = [(await trail.append(None, make.asked(who=A, key=str(n)))).request for n in range(2)]
        for request, who in zip(requests, (B, C), strict=True):
            await trail.append(request, story(A, who)[1])
            clock.now += timedelta(days=1)
    pairing = Pairing(make.START + timedelta(hours=1))

    with reading.opened(path) as source:
        assert len(list(pairing.passing(source.events()))) == 4

    assert numbers(pairing.counted()) == [(A, C, 1, 1)]


def test_pairs_in_the_report(left: Left) -> None:
    """Of everyone who asked a request in it, in the whole trail."""
    out = left.folder / "report.html"
    assert left.audit("report", "1", "--out", str(out)).exit_code == 0

    text = out.read_text()
    assert "Who approved for whom" in text
    assert "U0ALICE and U0CAROL approve each other over and over: 3 of 4, and 3 of 3 times." in text


async def test_pairs_in_slack(stage: Stage) -> None:
    """`/audit 42` points them out, to whoever may see the requests from which it follows."""
    for asker, approver in [("U0ALICE", "U0CAROL"), ("U0CAROL", "U0ALICE")] * 3:
        stage.hosts["host1"].login("21")
        asked = await stage.ask(KICK, asker)
        await stage.workflow.approve(stage.origin(approver), asked.id, asked.plan_hash)
        await stage.wait(await stage.workflow.drive(asked.id))
    questions = Questions(stage.trail, Rights(stage.policy, stage.people))

    shown = check(history.story(await questions.one("U0BOB", asked.id)))

    assert "<@U0ALICE> and <@U0CAROL> *approve each other over and over*: 3 of 3, and 3 of 3 times lately." in shown
