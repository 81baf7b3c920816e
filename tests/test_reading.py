"""What an auditor's commands find in a file that someone has been at. Attacks first."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.audit import chain, reading
from bot.audit.sqlite import SqliteTrail
from bot.canonical import digest
from bot.errors import BrokenTrail, TrailError
from bot.events import Asked, Attachment, Cancelled, Closed, Entry, Looked, Observed, Refused
from bot.models import RequestId
from tests import make

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SNAPSHOT = Attachment.of(make.snapshot(host="w1", raw="who"))
NO_ANSWER = Attachment.of(make.unreachable("w2", "no route"))


def asked(key: str, user: str = "al") -> Asked:
    return make.asked(who="U1", key=key, channel="C1", home="C1", words=user, command=make.kick("w1", "w2", user=user))


async def record(path: Path) -> None:
    """Seven events in three requests, a minute between each."""
    times = iter(NOON + timedelta(minutes=n) for n in range(7))
    async with SqliteTrail.open(path, lambda: next(times)) as trail:
        first = (await trail.append(None, asked("k1"))).request
        await trail.append(None, Looked(who="U2", key="k2", channel="C1", hosts=("w3",), user="bo", looks=(SNAPSHOT,)))
        await trail.append(first, Observed(looks=(SNAPSHOT, NO_ANSWER), phase="before"))
        third = (await trail.append(None, asked("k3", "bo"))).request
        await trail.append(first, Cancelled(who="U1"))
        await trail.append(third, Observed(looks=(SNAPSHOT,), phase="before"))
        await trail.append(third, Closed(outcomes=()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    asyncio.run(record(tmp_path / "kickbot.db"))
    return tmp_path / "kickbot.db"


def edit(path: Path, *statements: str) -> None:
    """Change the file without Kickbot."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for sql in statements:
            connection.execute(sql)


def broken_at(path: Path) -> int:
    with pytest.raises(BrokenTrail) as caught:
        reading.verify(path)
    return caught.value.sequence


# ------------------------------------------------------------------------------------------ events


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    number=st.integers(1, 7), place=st.integers(0), new=st.integers(1, 127), column=st.sampled_from(["bytes", "hash"])
)
def test_any_character_changed(path: Path, number: int, place: int, new: int, column: str) -> None:
    """One changed character in what is stored of an event is refused by SQLite or seen at that event."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        (old,) = connection.execute(f"SELECT {column} FROM events WHERE rowid = ?", [number]).fetchone()
        place %= len(old)
        text = old[:place] + chr(new) + old[place + 1 :]
        if text == old:
            return
        try:
            connection.execute(f"UPDATE events SET {column} = ? WHERE rowid = ?", [text, number])
        except sqlite3.DatabaseError:  # no JSON, or a number or key that is there already
            assert reading.verify(path).events == 7
            return
        assert broken_at(path) == number
        connection.execute(f"UPDATE events SET {column} = ? WHERE rowid = ?", [old, number])


@pytest.mark.parametrize("column", ["seq", "request", "at", "kind", "who", "key"])
def test_columns_beside_the_bytes(path: Path, column: str) -> None:
    """A column that is derived from the bytes can't be edited."""
    with pytest.raises(sqlite3.OperationalError, match="generated column"):
        edit(path, f"UPDATE events SET {column} = 1")


@pytest.mark.parametrize("number", range(1, 7))
def test_removed(path: Path, number: int) -> None:
    """An event that was removed is missed, the first one too."""
    edit(path, f"DELETE FROM events WHERE seq = {number}")

    assert broken_at(path) == number


def test_inserted(path: Path) -> None:
    """An event that was added without its hash is seen."""
    edit(path, "INSERT INTO events (bytes, hash) SELECT json_remove(json_set(bytes, '$.seq', 8), '$.event.key'), hash"
               " FROM events WHERE seq = 1")  # fmt: skip

    assert broken_at(path) == 8


def test_swapped(path: Path) -> None:
    """Two rows that changed places are seen, though each is whole."""
    edit(path, "UPDATE events SET rowid = 99 WHERE rowid = 2", "UPDATE events SET rowid = 2 WHERE rowid = 3",
         "UPDATE events SET rowid = 3 WHERE rowid = 99")  # fmt: skip

    assert broken_at(path) == 2


def test_two_hashes_swapped(path: Path) -> None:
    """Two hashes that changed places are seen at the first."""
    edit(path, "UPDATE events SET hash = (SELECT hash FROM events o WHERE o.seq = 9 - events.seq) WHERE seq IN (4, 5)")

    assert broken_at(path) == 4


@pytest.mark.parametrize(("old", "new"), [('"v":1', '"v":2'), ('"kind":"closed"', '"kind":"erased"')])
def test_unknown(path: Path, old: str, new: str) -> None:
    """An event of an unknown version or kind is refused, though its hash fits."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = connection.execute("SELECT bytes, hash FROM events WHERE seq >= 6 ORDER BY seq").fetchall()
        content = rows[1][0].replace(old, new)
        hash_ = chain.link(rows[0][1], content.encode())
        connection.execute("UPDATE events SET bytes = ?, hash = ? WHERE seq = 7", [content, hash_])

    assert broken_at(path) == 7
    with pytest.raises(BrokenTrail):
        reading.show(path, 4)


def test_hash_is_no_text(path: Path) -> None:
    """A hash that isn't even UTF-8 is seen at its event."""
    edit(path, "UPDATE events SET hash = CAST(x'ff00' AS TEXT) WHERE seq = 3")

    assert broken_at(path) == 3


def test_other_columns(path: Path) -> None:
    """A table of the same name whose columns can be edited is refused."""
    columns = "bytes TEXT, hash TEXT, seq INTEGER, request INTEGER, at TEXT, kind TEXT, who TEXT, key TEXT"
    edit(
        path,
        f"CREATE TABLE other ({columns})",
        "INSERT INTO other SELECT * FROM events",
        "DROP TABLE events",
        "ALTER TABLE other RENAME TO events",
    )

    with pytest.raises(TrailError, match="aren't those that Kickbot made: events"):
        reading.verify(path)


def test_index_that_hides_an_event(path: Path) -> None:
    """An index that leaves out an event, so that only the chain has it, is found out."""
    (row,) = rows(
        path, "SELECT rowid, type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 'events_request'"
    )
    head = reading.verify(path).head
    entry = Entry(seq=8, request=RequestId(1), at=NOON + timedelta(days=1), event=Refused(reason="hidden"))
    edit(path, "PRAGMA writable_schema = ON", f"DELETE FROM sqlite_schema WHERE rowid = {row[0]}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO events (bytes, hash) VALUES (?, ?)", chain.seal(head, entry))
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)", row[1:]
        )
    assert len(reading.show(path, 1)) == 3

    with pytest.raises(TrailError, match=r"damaged: .*events_request"):
        reading.verify(path)


# ------------------------------------------------------------------------------------------ attachments


def test_body_changed(path: Path) -> None:
    """A changed attachment is seen at the first event that names it."""
    edit(path, "UPDATE bodies SET content = CAST(replace(content, 'no route', 'no spoon') AS BLOB)")

    assert broken_at(path) == 3
    with pytest.raises(TrailError, match="was changed"):
        reading.body(path, NO_ANSWER.sha256)


def test_body_removed(path: Path) -> None:
    """A removed attachment is seen, and named."""
    edit(path, f"DELETE FROM bodies WHERE sha256 = '{NO_ANSWER.sha256}'")

    with pytest.raises(BrokenTrail, match=f"event 3: its attachment {NO_ANSWER.sha256} is missing"):
        reading.verify(path)


def test_body_of_another_digest(path: Path) -> None:
    """Content that stands under the digest of another is seen."""
    edit(path, f"UPDATE bodies SET content = x'7b7d' WHERE sha256 = '{SNAPSHOT.sha256}'")

    assert broken_at(path) == 3


def test_size_that_lies(path: Path) -> None:
    """An attachment of another size than its event states is seen."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        stored = connection.execute("SELECT bytes, hash FROM events WHERE seq >= 6 ORDER BY seq").fetchall()
        size = f'"size":{SNAPSHOT.size}'
        sixth = stored[0][0].replace(size, '"size":1')
        (before,) = connection.execute("SELECT hash FROM events WHERE seq = 5").fetchone()
        first = chain.link(before, sixth.encode())
        second = chain.link(first, stored[1][0].encode())
        connection.execute("UPDATE events SET bytes = ?, hash = ? WHERE seq = 6", [sixth, first])
        connection.execute("UPDATE events SET hash = ? WHERE seq = 7", [second])

    with pytest.raises(BrokenTrail, match=f"event 6: .* has {SNAPSHOT.size} bytes and not 1"):
        reading.verify(path)


# ------------------------------------------------------------------------------------------ what stands


def test_whole(path: Path) -> None:
    """A trail that nobody touched verifies: its events, its head, its attachments."""
    verified = reading.verify(path)

    assert (verified.events, verified.bodies) == (7, 3)
    assert verified.head == rows(path, "SELECT hash FROM events ORDER BY seq DESC LIMIT 1")[0][0]


def test_tail_cut(path: Path) -> None:
    """A cut tail verifies, but with another head: only a head that was written down elsewhere shows it."""
    head = reading.verify(path).head
    edit(path, "DELETE FROM events WHERE seq > 5")

    assert reading.verify(path).events == 5
    assert reading.verify(path).head != head


def test_vacuumed(path: Path) -> None:
    """Tidying the file up, as any administrator may, changes nothing."""
    before = reading.verify(path)
    edit(path, "VACUUM", "ANALYZE")

    assert reading.verify(path) == before


async def test_beside_a_running_bot(tmp_path: Path) -> None:
    """Everything can be read while the bot has the file open and writes."""
    path = tmp_path / "kickbot.db"
    async with SqliteTrail.open(path) as trail:
        for number in range(1, 30):
            appending = asyncio.create_task(trail.append(None, asked(f"{number}")))
            verified = await asyncio.to_thread(reading.verify, path)
            await appending
            assert number - 1 <= verified.events <= number


def test_copy_elsewhere(path: Path, tmp_path: Path) -> None:
    """A copy of the file alone can be read."""
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "c.db"
    copy.write_bytes(path.read_bytes())

    assert reading.verify(copy) == reading.verify(path)


def test_reading_takes_nothing(path: Path) -> None:
    """Reading leaves the file as it was."""
    before = digest(path.read_bytes())
    reading.verify(path)
    reading.list_requests(path)

    assert digest(path.read_bytes()) == before


def test_no_file(tmp_path: Path) -> None:
    """A file that isn't there is an error, and isn't made."""
    with pytest.raises(TrailError, match="can't be opened"):
        reading.verify(tmp_path / "none.db")
    assert not list(tmp_path.iterdir())


def test_show(path: Path) -> None:
    """A request's events come in their order."""
    assert [record.seq for record in reading.show(path, 1)] == [1, 3, 5]


@pytest.mark.parametrize("number", [0, 3, 99, 2**63, -1])
def test_show_nothing(path: Path, number: int) -> None:
    """A request that isn't there is an error."""
    with pytest.raises(TrailError, match=f"no request {number}"):
        reading.show(path, number)


def test_list(path: Path) -> None:
    """The newest requests come first, no more than asked for."""
    assert [records[0].request for records in reading.list_requests(path)] == [4, 2, 1]
    assert [len(records) for records in reading.list_requests(path, limit=2)] == [3, 1]


@pytest.mark.parametrize(
    ("about", "requests"), [("U2", [2]), ("bo", [4, 2]), ("w1", [4, 1]), ("w3", [2]), ("w", []), ("", [])]
)
def test_list_about(path: Path, about: str, requests: list[int]) -> None:
    """A list can be of one person, one account or one host."""
    assert [records[0].request for records in reading.list_requests(path, about=about)] == requests


def test_list_since(path: Path) -> None:
    """A list can begin at a moment."""
    assert [r[0].request for r in reading.list_requests(path, since=NOON + timedelta(minutes=1))] == [4, 2]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()
