"""What an auditor's commands find in a database that someone has been at, even its superuser. Attacks first."""

import asyncio
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from bot.audit import reading as files
from bot.audit import stored
from bot.audit.chain import GENESIS
from bot.audit.checkpoints import Statement
from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint, Posting
from bot.canonical import digest
from bot.errors import BrokenTrail, LeaseLost, NoTrail, TrailError
from bot.events import Attachment, Cancelled, Looked, Observed
from bot.models import RequestId
from tests import make
from tests.postgres.programs import programs
from tests.postgres.server import ACCOUNT, Server
from tests.trail_behaviours import CLOSED, asked, dropped, looked_at
from tests.whole import configure, kickbot

SNAPSHOT = Attachment.of(make.snapshot(host="w1", raw="who"))
NO_ANSWER = Attachment.of(make.unreachable("w2", "no route"))
OFF = "ALTER TABLE events DISABLE TRIGGER ALL", "ALTER TABLE bodies DISABLE TRIGGER ALL"


async def record(trail: PostgresTrail | SqliteTrail) -> None:
    """Six events in three requests."""
    first = (await trail.append(None, asked("k1"))).request
    await trail.append(None, Looked(who="U2", key="k2", channel="C1", hosts=("w3",), user="bo", looks=(SNAPSHOT,)))
    await trail.append(first, Observed(looks=(SNAPSHOT, NO_ANSWER), phase="before"))
    third = (await trail.append(None, make.asked(key="k3 é 🦊", words="al w1 a\x00b"))).request
    await trail.append(first, Cancelled(who="U1"))
    await trail.append(third, CLOSED)


async def recorded(url: str) -> None:
    async with PostgresTrail.open(url) as trail:
        await record(trail)


async def recorded_in(path: Path) -> None:
    async with SqliteTrail.open(path) as trail:
        await record(trail)
        await trail.postings().put(Posting(event=1, part="parent", channel="C1", ts="1.2"))
        await trail.postings().advance(4)


@pytest.fixture
def full(url: str) -> str:
    """A trail with those events, which nobody has open."""
    asyncio.run(recorded(url))
    return url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The same in a SQLite file."""
    asyncio.run(recorded_in(tmp_path / "kickbot.db"))
    return tmp_path / "kickbot.db"


@pytest.fixture
def config(path: Path) -> Path:
    """A configuration for that file."""
    return configure(path.parent, [("host1", "127.0.0.1", 22)], key=path, known_hosts=path)


def edit(url: str, *statements: str) -> None:
    """Change the database without Kickbot."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=kickbot") as connection:
        for statement in statements:
            connection.execute(statement)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, options="-c search_path=kickbot") as connection:
        return connection.execute(query).fetchall()


# ------------------------------------------------------------------------------------------ what is changed


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET hash = ''",
        "UPDATE bodies SET content = ''",
        "DELETE FROM events",
        "DELETE FROM bodies",
        "TRUNCATE events",
        "TRUNCATE bodies",
        "SET session_replication_role = replica; DELETE FROM events",
    ],
)
def test_nothing_is_changed_by_mistake(full: str, statement: str) -> None:
    """The database itself refuses every change of what was recorded."""
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        edit(full, statement)


@pytest.mark.parametrize("column", ["seq", "request", "at", "kind", "who", "key"])
def test_columns_beside_the_bytes(full: str, column: str) -> None:
    """A column that is derived from the bytes can't be edited."""
    with pytest.raises(psycopg.errors.GeneratedAlways):
        edit(full, *OFF, f"UPDATE events SET {column} = NULL")


@pytest.mark.parametrize(
    ("edited", "number"),
    [
        ("UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = 4", 4),
        ("UPDATE events SET hash = upper(hash) WHERE seq = 2", 2),
        ("DELETE FROM events WHERE seq = 1", 1),
        ("DELETE FROM events WHERE seq = 3", 3),
        ("DELETE FROM events WHERE seq > 4", 5),
        ("UPDATE bodies SET content = convert_to('{}', 'UTF8')", 3),
        ("DELETE FROM bodies WHERE convert_from(content, 'UTF8') LIKE '%no route%'", 3),
        ("ALTER TABLE events ALTER COLUMN who DROP EXPRESSION; UPDATE events SET who = 'U9' WHERE seq = 5", 5),
        ("UPDATE head SET seq = 5", 7),
    ],
)
def test_changed(full: str, edited: str, number: int) -> None:
    """Whatever was changed, added or removed is found at its event; a cut tail too, since the newest is noted apart."""
    edit(full, *OFF, edited)

    with pytest.raises(BrokenTrail) as caught:
        stored.verify(full)
    assert caught.value.sequence == number


def test_changed_body_is_not_given_out(full: str) -> None:
    """Content that was changed is not given out."""
    edit(full, *OFF, "UPDATE bodies SET content = convert_to('{}', 'UTF8')")

    async def look() -> None:
        async with PostgresTrail.open(full) as trail:
            await trail.body(SNAPSHOT.sha256)

    with pytest.raises(TrailError, match="was changed"):
        asyncio.run(look())


def test_edited_record_is_not_given_out(full: str) -> None:
    """Nobody reads an event that was changed as if it were one."""
    edit(full, *OFF, "UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = 1")

    with pytest.raises(BrokenTrail, match="event 1"):
        stored.show(full, 1)


# ------------------------------------------------------------------------------------------ what stands


def test_whole(full: str) -> None:
    """A trail that nobody touched verifies: its events, its head, its attachments."""
    verified = stored.verify(full)

    assert (verified.events, verified.bodies) == (6, 2)
    assert verified.head == rows(full, "SELECT hash FROM events WHERE seq = 6")[0][0]


def test_the_chain_is_plain(full: str) -> None:
    """What is stored of an event is enough to check it: the hash before it and its bytes."""
    previous = "0" * 64
    for content, stored_hash in rows(full, "SELECT bytes, hash FROM events ORDER BY seq"):
        previous = digest(f"{previous}{content}".encode())
        assert stored_hash == previous


def test_list_and_show(full: str) -> None:
    """Requests are listed, the newest first, and shown."""
    assert [records[0].request for records in stored.list_requests(full, about=None, limit=2)] == [4, 2]
    assert [records[0].request for records in stored.list_requests(full, about="bo", limit=9)] == [2]
    assert [r.seq for r in stored.show(full, 1)] == [1, 3, 5]
    with pytest.raises(TrailError, match="no request 3"):
        stored.show(full, 3)


def test_no_trail(server: Server) -> None:
    """Reading a database without a trail is an error, and makes none."""
    url = server.new_database()

    with pytest.raises(TrailError, match="no audit trail in the database yet"):
        stored.verify(url)
    assert rows(url, "SELECT to_regnamespace('kickbot')") == [(None,)]


# ------------------------------------------------------------------------------------------ moved from a file


def test_copied(path: Path, server: Server) -> None:
    """A file's trail in PostgreSQL is the same: each byte, each hash, each attachment, and what stands in Slack."""
    url = server.new_database()

    assert stored.copy(path, url) == stored.verify(url) == files.verify(path)

    assert [r.hash for r in stored.show(url, 1)] == [r.hash for r in files.show(path, 1)]
    assert rows(url, "SELECT * FROM postings") == [(1, "parent", "C1", "1.2")]
    assert rows(url, "SELECT published FROM publisher") == [(4,)]


def test_goes_on_after_the_copy(path: Path, url: str) -> None:
    """The chain goes on where the file's ended."""
    stored.copy(path, url)

    async def go_on() -> int:
        async with PostgresTrail.open(url) as trail:
            assert await trail.body(SNAPSHOT.sha256) == SNAPSHOT.content
            assert await trail.open_requests() == ()
            return (await trail.append(None, asked("later"))).seq

    assert asyncio.run(go_on()) == 7
    assert stored.verify(url).events == 7


def test_copied_into_a_trail(path: Path, full: str) -> None:
    """A trail that has events takes no copy."""
    with pytest.raises(TrailError, match="6 events already"):
        stored.copy(path, full)


async def test_copied_from_a_bot(path: Path, url: str) -> None:
    """While a bot writes the file it isn't copied: what it records afterwards would be missing."""
    async with SqliteTrail.open(path):
        with pytest.raises(LeaseLost, match="in use"):
            await asyncio.to_thread(stored.copy, path, url)


def test_copy_of_a_broken_trail(path: Path, url: str) -> None:
    """A trail that doesn't verify is not copied, not even in part."""
    asyncio.run(_break(path))

    with pytest.raises(BrokenTrail, match="event 4"):
        stored.copy(path, url)
    assert stored.verify(url).events == 0


async def _break(path: Path) -> None:
    async with SqliteTrail.open(path) as trail:
        change = "UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = 4"
        await trail.database.run(lambda db: db.execute(change).connection.commit())
        with pytest.raises(BrokenTrail):
            await trail.read(RequestId(4))


def test_from_the_command_line(config: Path, server: Server) -> None:
    """The trail is copied, and afterwards listed, shown and verified where it is now."""
    url = server.new_database()
    before = kickbot("audit", "list", "--config", str(config)).stdout

    copied = kickbot("audit", "copy", "--to", url, "--config", str(config))
    config.write_text(config.read_text() + f'\n[audit]\ndatabase = "{url}"\n')

    assert "7 events and 2 attachments are there, and fit" in copied.stdout, copied.stderr  # with who listed them
    assert kickbot("audit", "list", "--config", str(config)).stdout == before != ""
    assert "asked" in kickbot("audit", "show", "1", "--config", str(config)).stdout
    verified = kickbot("audit", "verify", "--config", str(config)).stdout
    assert re.match("[89] events and 2 attachments fit together", verified)  # the same list again is one reading
    again = kickbot("audit", "copy", "--to", url, "--config", str(config))
    assert (again.returncode, again.stderr) == (2, "kickbot: audit.database: this trail is in PostgreSQL already\n")


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("postgresql://me:secret@db/kickbot", "must not hold a password"),
        ("elsewhere.db", "or postgresql://"),
        ("postgresql:///kickbot?host=/nowhere", "can't be reached"),
    ],
)
def test_nowhere_to_copy(config: Path, to: str, told: str) -> None:
    """An address that can't be used stops the copy with one line, which tells no password."""
    done = kickbot("audit", "copy", "--to", to, "--config", str(config))

    assert done.returncode == 2
    assert told in done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_broken_from_the_command_line(config: Path, full: str) -> None:
    """A changed event ends `audit verify` with status 1 and its number."""
    edit(full, *OFF, "UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = 4")
    config.write_text(config.read_text() + f'\n[audit]\ndatabase = "{full}"\n')

    done = kickbot("audit", "verify", "--config", str(config))

    assert (done.returncode, done.stderr[:18]) == (1, "BROKEN at event 4:")


# ------------------------------------------------------------------------------------------ what is taken out


def test_an_export_is_recorded_and_verifies_without_the_database(full: str, config: Path) -> None:
    """The same bytes as they are stored; who took them stands in the trail afterwards."""
    config.write_text(config.read_text() + f'[audit]\ndatabase = "{full}"\n')
    out = config.parent / "export"
    done = kickbot("audit", "export", "--format", "jsonl", "--out", str(out), "--config", str(config))
    verified = kickbot("audit", "verify", "--from-file", str(out))

    assert (done.returncode, done.stderr) == (0, "")
    assert verified.stdout.startswith("6 events"), verified.stderr
    assert stored.verify(full).events == 7
    assert [row[0] for row in rows(full, "SELECT kind FROM events WHERE seq = 7")] == ["exported"]


def test_a_checkpoint_of_what_was_cut_off_is_past_the_end(full: str) -> None:
    """Also where the note of the newest event was changed with it."""
    trail, hash_ = [str(row[0]) for row in rows(full, "SELECT hash FROM events WHERE seq IN (1, 6) ORDER BY seq")]
    at = "2026-11-20T13:31:05.000000Z"
    said = Statement(trail=trail, seq=6, hash=hash_, at=at, before=0, before_hash=GENESIS)
    edit(full, f"INSERT INTO checkpoints VALUES (6, '{said.text}', '')")
    assert stored.verify(full).checkpoints == 1

    cut = "DELETE FROM events WHERE seq > 4", "UPDATE head SET seq = 4, hash = (SELECT hash FROM events WHERE seq = 4)"
    edit(full, *OFF, *cut)

    with pytest.raises(BrokenTrail) as caught:
        stored.verify(full)
    assert (caught.value.sequence, caught.value.kind) == (5, "cut off at the end")


def test_nobody_takes_a_checkpoint_away_by_mistake(full: str) -> None:
    """The database itself refuses."""
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        edit(full, "DELETE FROM checkpoints")


# ------------------------------------------------------------------------------------------ its condition


async def test_the_condition_of_a_trail(server: Server, url: str) -> None:
    """Its newest event and checkpoint, what each place was told, the server's clock, and that it can be written.

    Nothing is made where there is none yet.
    """
    await recorded(url)
    assert (await stored.condition(url)).sealed == 0
    async with PostgresTrail.open(url) as trail:
        memory = trail.checkpoints()
        await memory.turn()
        await memory.put(Checkpoint(seq=4, text="text", signature="signature"))
        await memory.advance("file:/told", 4)
    condition = await stored.condition(url)
    assert (condition.events, condition.barred) == (6, "")
    assert (condition.sealed, condition.told) == (4, {"file:/told": 4})
    assert condition.now
    assert abs((condition.now - datetime.now(UTC)).total_seconds()) < 60
    empty = server.new_database()
    for _ in range(2):
        with pytest.raises(NoTrail):
            await stored.condition(empty)


async def test_the_condition_of_one_that_can_not_be_written(url: str) -> None:
    """Who may only read is told so, without a try."""
    await recorded(url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute("CREATE ROLE reader LOGIN")
        await db.execute("GRANT USAGE ON SCHEMA kickbot TO reader")
        await db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA kickbot TO reader")
    condition = await stored.condition(url.replace(f"user={ACCOUNT}", "user=reader"))
    assert condition.barred == "this user may not insert into its tables"


async def test_the_condition_of_one_whose_newest_event_was_changed(url: str) -> None:
    """Without a look at all of it."""
    await recorded(url)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
        await db.execute(
            f"SET search_path TO kickbot; {OFF[0]}; UPDATE events SET hash = repeat('a', 64) WHERE seq = 6"
        )
    with pytest.raises(BrokenTrail):
        await stored.condition(url)


# ------------------------------------------------------------------------------------------ what is kept


async def _dropped(url: str) -> RequestId:
    async with PostgresTrail.open(url) as trail:
        await looked_at(trail, "old", "w8")
        return await dropped(trail)


def test_what_two_people_let_go_is_told_and_the_rest_still_stands(full: str) -> None:
    """The trail verifies and says by whose word; afterwards the database refuses as before."""
    request = asyncio.run(_dropped(full))

    found = stored.verify(full)

    assert [(by.request, by.approver, number) for by, number in found.dropped] == [(request, "U0CAROL", 3)]
    assert rows(full, "SELECT count(*) FROM bodies") == [(0,)]
    with pytest.raises(psycopg.errors.RaiseException, match="nobody agreed to drop anything"):
        edit(full, "DELETE FROM bodies")


def test_a_body_that_someone_took_away_is_a_finding(full: str) -> None:
    """Also where two people let others go: this one is of a request that was open."""
    asyncio.run(_dropped(full))
    asyncio.run(_younger(full))

    edit(full, *OFF, "DELETE FROM bodies")

    with pytest.raises(BrokenTrail, match="is missing, and nobody agreed to drop it"):
        stored.verify(full)


async def _younger(url: str) -> None:
    async with PostgresTrail.open(url) as trail:
        await looked_at(trail, "young", "w9")


def test_a_dump_is_a_backup(full: str, server: Server) -> None:
    """`pg_dump --schema=kickbot`, restored into another database, verifies, and a bot goes on with it."""
    asyncio.run(_dropped(full))
    before = stored.verify(full)
    url, folder = server.new_database(), programs()
    assert folder is not None

    dump = subprocess.run([folder / "pg_dump", "--schema=kickbot", full], check=True, capture_output=True)
    restore = [str(folder / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", url]
    subprocess.run(restore, input=dump.stdout, check=True, capture_output=True)

    assert stored.verify(url) == before
    asyncio.run(_younger(url))
    assert stored.verify(url).events == before.events + 3
    with pytest.raises(psycopg.errors.RaiseException, match="never changed"):
        edit(url, "DELETE FROM events")


def test_a_backup_of_a_database_is_the_databases_own(full: str, config: Path) -> None:
    """One line names the program that makes it, and no file is left."""
    config.write_text(config.read_text() + f'[audit]\ndatabase = "{full}"\n')

    done = kickbot("audit", "backup", "--to", str(config.parent / "copy"), "--unrecorded", "--config", str(config))

    assert done.returncode == 2
    assert "pg_dump --schema=kickbot" in done.stderr
    assert not (config.parent / "copy").exists()


def test_who_may_only_read_reads(full: str, config: Path, server: Server) -> None:
    """With a line that says that it isn't recorded; whoever may write leaves an event."""
    edit(full, "CREATE ROLE auditor LOGIN", "GRANT USAGE ON SCHEMA kickbot TO auditor")
    edit(full, "GRANT SELECT ON ALL TABLES IN SCHEMA kickbot TO auditor")
    mine = config.read_text()
    try:
        config.write_text(mine + f'[audit]\ndatabase = "{full.replace("user=postgres", "user=auditor")}"\n')
        reader = kickbot("audit", "list", "--config", str(config))
        config.write_text(mine + f'[audit]\ndatabase = "{full}"\n')
        writer = kickbot("audit", "show", "1", "--config", str(config))
    finally:
        edit(full, "DROP OWNED BY auditor")
        server.execute("DROP ROLE auditor")

    assert (reader.returncode, writer.returncode, writer.stderr) == (0, 0, "")
    assert "asked" in reader.stdout or "al w1" in reader.stdout
    assert reader.stderr.startswith("this reading is not recorded: the database doesn't allow it")
    assert [row[0] for row in rows(full, "SELECT kind FROM events WHERE seq > 6")] == ["read"]
    listed = [stored.list_requests(full, about=None, reads=reads, limit=9) for reads in (False, True)]
    assert [len(requests) for requests in listed] == [3, 4]
