"""The audit trail in a real SQLite file: what it refuses, what survives, and what several tasks see."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.audit import rows
from bot.audit.sqlite import SqliteTrail
from bot.borders import Lease, Trail
from bot.errors import BrokenTrail, Conflict, LeaseLost, TrailError
from bot.events import Cancelled, DecisionRefused, Record, Verifying
from bot.models import RequestId
from tests.scene import until
from tests.trail_behaviours import CLOSED, TrailBehaviours, asked, observed, take

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


@pytest.fixture
def opening(path: Path) -> AbstractAsyncContextManager[SqliteTrail]:
    return SqliteTrail.open(path)


@pytest.fixture
async def trail(opening: AbstractAsyncContextManager[SqliteTrail]) -> AsyncIterator[SqliteTrail]:
    async with opening as trail:
        border: Trail = trail
        assert border is trail
        yield trail


@pytest.fixture
def file(path: Path, trail: SqliteTrail) -> Iterator[sqlite3.Connection]:
    """The same file in the hands of someone who isn't Kickbot."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


class TestBehaviours(TrailBehaviours):
    """What every store does, in a SQLite file."""


# ------------------------------------------------------------------------------------------ one writer


async def test_second_writer_in_this_process(trail: SqliteTrail, path: Path) -> None:
    """A file that is open for writing can't be opened for writing again."""
    with pytest.raises(LeaseLost, match=f"process {os.getpid()} holds"):
        async with SqliteTrail.open(path):
            pass


async def test_private(trail: SqliteTrail, path: Path) -> None:
    """Nobody but the bot's own account can read what is in the trail."""
    await trail.append(None, asked())

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


# ------------------------------------------------------------------------------------------ what may be appended


async def test_key_is_unique_in_the_file(trail: SqliteTrail, file: sqlite3.Connection) -> None:
    """Even past Kickbot the file holds no key twice."""
    await trail.append(None, asked())

    with pytest.raises(sqlite3.IntegrityError):
        file.execute("INSERT INTO events (bytes, hash) SELECT replace(bytes, '\"seq\":1', '\"seq\":2'), '' FROM events")


async def test_lease(trail: SqliteTrail, path: Path) -> None:
    """A lease counts for its request and while this very opening lasts."""
    request = (await trail.append(None, asked())).request
    lease = await trail.claim(request)
    assert lease
    await trail.append(request, Verifying(), lease=lease)

    others = (
        lease.model_copy(update={"request": RequestId(2)}),
        lease.model_copy(update={"epoch": 1}),
        Lease(request=request, owner="someone"),
    )
    for other in others:
        with pytest.raises(LeaseLost):
            await trail.append(request, CLOSED, lease=other)
    assert len(await trail.read(request)) == 2


async def test_lease_ends_with_the_opening(path: Path) -> None:
    """A lease from before a restart is lost."""
    async with SqliteTrail.open(path) as trail:
        request = (await trail.append(None, asked())).request
        lease = await trail.claim(request)
    async with SqliteTrail.open(path) as trail:
        with pytest.raises(LeaseLost):
            await trail.append(request, CLOSED, lease=lease)


async def test_cannot_be_written(trail: SqliteTrail) -> None:
    """Text that JSON can't hold is refused with a reason, and the trail goes on."""
    with pytest.raises(TrailError, match="can't hold such text"):
        await trail.append(None, asked("\ud800"))

    with pytest.raises(TrailError, match="this cancelled event can't be written"):
        await trail.append(None, Cancelled(who="\ud800"))
    assert (await trail.append(None, asked())).seq == 1


# ------------------------------------------------------------------------------------------ attachments


async def test_body_once(trail: SqliteTrail) -> None:
    """The content of an attachment is kept once, however often it was seen."""
    request = (await trail.append(None, asked())).request

    await trail.append(request, observed("w1", "w1", "w2"))

    assert await trail.database.run(lambda db: db["bodies"].count) == 2


async def test_body_changed(trail: SqliteTrail, file: sqlite3.Connection) -> None:
    """Content that was changed is not given out."""
    event = observed("w1")
    await trail.append((await trail.append(None, asked())).request, event)
    file.execute("UPDATE bodies SET content = CAST(replace(content, 'SHA256:x', 'SHA256:y') AS BLOB)")

    with pytest.raises(TrailError, match="was changed"):
        await trail.body(event.looks[0].sha256)


# ------------------------------------------------------------------------------------------ clock


async def test_clock_goes_back(path: Path) -> None:
    """No event is earlier than the one before it, though the clock was set back."""
    times = iter([NOON, NOON - timedelta(hours=3), NOON - timedelta(days=900), NOON + timedelta(microseconds=1)])
    async with SqliteTrail.open(path, lambda: next(times)) as trail:
        ats = [(await trail.append(None, asked(str(n)))).at for n in range(4)]
        records = await take(trail, 4)

    assert ats == [NOON, NOON, NOON, NOON + timedelta(microseconds=1)]
    assert [r.at for r in records] == ats


async def test_now(path: Path) -> None:
    """The store's clock is the one that it was given."""
    async with SqliteTrail.open(path, lambda: NOON) as trail:
        assert await trail.now() == NOON


# ------------------------------------------------------------------------------------------ reading


async def test_open_requests_follow_what_is_recorded(trail: SqliteTrail, path: Path) -> None:
    """After each event the open requests are those that a fresh look at the file finds."""
    events = (Verifying(), Cancelled(who="U1"), DecisionRefused(who="U2", action="deny", reason="late"))
    async with SqliteTrail.open_readonly(path) as reader:
        for number in range(6):
            request = (await trail.append(None, asked(f"{number}"))).request
            for event in events[number % 2 :]:
                await trail.append(request, event)
                with pytest.raises(Conflict):
                    await trail.append(request, CLOSED, after=0)
                assert await trail.open_requests() == await reader.open_requests()
            await trail.append(None, asked(f"open {number}"))
            assert await trail.open_requests() == await reader.open_requests()


@pytest.mark.parametrize("change", ["bytes = replace(bytes, 'al w1', 'me w1')", "hash = upper(hash)"])
async def test_edited_record_is_not_given_out(trail: SqliteTrail, file: sqlite3.Connection, change: str) -> None:
    """Nobody acts on an event that was changed behind the bot's back."""
    request = (await trail.append(None, asked())).request
    file.execute(f"UPDATE events SET {change}")

    with pytest.raises(BrokenTrail) as caught:
        await trail.read(request)
    assert caught.value.sequence == 1
    with pytest.raises(BrokenTrail):
        await take(trail, 1)


async def test_reader_beside_the_bot(trail: SqliteTrail, path: Path) -> None:
    """A reader sees what is recorded and can change nothing."""
    request = (await trail.append(None, asked())).request
    async with SqliteTrail.open_readonly(path) as reader:
        await trail.append(request, CLOSED)
        assert len(await reader.read(request)) == 2
        assert await reader.claim(request) is None
        with pytest.raises(TrailError, match="read-only"):
            await reader.append(request, CLOSED)


async def test_reader_makes_no_file(path: Path) -> None:
    """Reading a trail that isn't there is an error and leaves nothing."""
    with pytest.raises(TrailError, match="can't be opened"):
        async with SqliteTrail.open_readonly(path):
            pass
    assert not list(path.parent.iterdir())


# ------------------------------------------------------------------------------------------ followers


async def test_follow_more_than_a_batch(trail: SqliteTrail) -> None:
    """A follower that is far behind gets everything."""
    for n in range(rows._BATCH + 1):
        await trail.append(None, asked(str(n)))

    assert [r.seq for r in await take(trail, rows._BATCH + 1)] == list(range(1, rows._BATCH + 2))


async def test_idle_followers_do_not_read(trail: SqliteTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower that has everything leaves the file alone until something is recorded."""
    await trail.append(None, asked())
    reads: list[int] = []
    following = rows.following

    def counted(db: Database, since: int) -> Sequence[Record]:
        reads.append(since)
        return following(db, since)

    monkeypatch.setattr(rows, "following", counted)
    follower = asyncio.create_task(take(trail, 2))
    await until(lambda: reads == [0, 1])
    await asyncio.sleep(0.05)
    assert reads == [0, 1]

    await trail.append(None, asked("k2"))
    assert len(await follower) == 2
    assert reads == [0, 1, 1]


async def test_the_loop_is_never_blocked(trail: SqliteTrail, file: sqlite3.Connection) -> None:
    """While the file is locked by someone else, everything but the trail goes on."""
    file.execute("BEGIN IMMEDIATE")
    append = asyncio.create_task(trail.append(None, asked()))
    for _ in range(20):
        await asyncio.sleep(0.005)
    file.execute("ROLLBACK")

    assert (await append).seq == 1
