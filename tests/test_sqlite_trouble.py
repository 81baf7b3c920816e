"""The audit trail when things go wrong: two processes, kill -9, a full disk, a lost file, a foreign file."""

import asyncio
import itertools
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from bot.audit import rows
from bot.audit.sqlite import SqliteTrail
from bot.errors import BrokenTrail, LeaseLost, TrailError
from bot.events import Asked, Record
from bot.models import RequestId
from tests import make

CHECKOUT = Path(__file__).parents[1]

APPEND_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from bot.audit.sqlite import SqliteTrail
from bot.errors import LeaseLost
from tests import make

async def main():
    async with SqliteTrail.open(Path(sys.argv[1])) as trail:
        print("open", flush=True)
        n = 0
        while True:
            key = f"{sys.argv[2]}-{n}"
            record = await trail.append(None, make.asked(key=key))
            print(record.seq, key, flush=True)
            n += 1

try:
    asyncio.run(main())
except LeaseLost as error:
    print(error)
"""


def asked(key: str = "k1", words: str = "al w1") -> Asked:
    return make.asked(who="U1", key=key, words=words)


@contextmanager
def writer(path: Path | str, name: str = "k", cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that appends until it is killed; it prints each record that was acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPEND_FOR_EVER, str(path), name],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def edit(path: Path, sql: str) -> None:
    """Change the file without Kickbot."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(sql)


def move(old: Path, new: Path) -> None:
    old.rename(new)


def write(path: Path, text: str) -> None:
    path.write_text(text)


def remove(path: Path) -> None:
    path.unlink()


def fill(path: Path) -> None:
    """A file that takes all the space there is."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Writes beyond `size` bytes fail in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def append_for_ever(trail: SqliteTrail) -> None:
    for n in itertools.count():
        await trail.append(None, asked(f"{n}", "x" * 20_000))


async def until(trail: SqliteTrail, newest: int) -> AsyncIterator[Record]:
    """Every record up to `newest`."""
    async for record in trail.follow(0):
        yield record
        if record.seq == newest:
            break


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


@pytest.fixture
def lock(path: Path) -> Path:
    return path.with_name("kickbot.db-lock")


# ------------------------------------------------------------------------------------------ two processes


@pytest.mark.parametrize("name", ["kickbot.db", "../a/kickbot.db", "link.db", "../b/kickbot.db"])
def test_second_process(tmp_path: Path, name: str) -> None:
    """A second process is told which one holds the file, by whatever name it comes."""
    folder = tmp_path / "a"
    folder.mkdir()
    (tmp_path / "b").symlink_to(folder)
    (folder / "link.db").symlink_to("kickbot.db")
    with writer(folder / "kickbot.db") as first:
        assert line(first) == "open\n"
        with writer(name, cwd=folder) as second:
            assert line(second) == f"{folder}/kickbot.db is in use: process {first.pid} holds its lock\n"


async def test_killed_at_any_moment(path: Path) -> None:
    """Whenever the process is killed: every append that was acknowledged is there, and the chain holds."""
    acknowledged: set[str] = set()
    for name in range(8):
        with writer(path, str(name)) as process:
            assert line(process) == "open\n"
            acknowledged.update([line(process) for _ in range(name)])
            await asyncio.sleep(name * 0.003)
            process.kill()
            assert process.stdout is not None
            acknowledged.update(text for text in process.stdout if text.endswith("\n"))

    async with SqliteTrail.open(path) as trail:
        newest = await trail.database.run(rows.head)
        recorded = {f"{r.seq} {r.event.key}\n" async for r in until(trail, newest.seq) if isinstance(r.event, Asked)}
    assert acknowledged
    assert recorded >= acknowledged
    assert len(recorded) <= len(acknowledged) + 8


async def test_lock_file_replaced(path: Path, lock: Path) -> None:
    """Whoever removes the lock file stops the writer, since another one may have started."""
    async with SqliteTrail.open(path) as trail:
        remove(lock)
        with pytest.raises(LeaseLost, match="removed or replaced"):
            await trail.append(None, asked())
        write(lock, "")
        with pytest.raises(LeaseLost, match="removed or replaced"):
            await trail.append(None, asked())


async def test_lock_of_nobody(path: Path, lock: Path) -> None:
    """A lock whose holder left no number is respected all the same."""
    async with SqliteTrail.open(path):
        write(lock, "")
        with pytest.raises(LeaseLost, match="process unknown"):
            async with SqliteTrail.open(path):
                pass


# ------------------------------------------------------------------------------------------ the disk


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_disk_full(small: Path) -> None:
    """On a full disk nothing is half recorded, what is there can be read, and it goes on once there is space."""
    filler = small / "filler"
    async with SqliteTrail.open(small / "kickbot.db") as trail:
        await trail.append(None, asked("first"))
        fill(filler)
        with pytest.raises(TrailError, match="the disk is full"):
            await append_for_ever(trail)
        newest = (await trail.database.run(rows.head)).seq
        assert len(await trail.read(RequestId(1))) == 1
        remove(filler)
        assert (await trail.append(None, asked("last"))).seq == newest + 1
        assert [r.seq async for r in until(trail, newest + 1)] == list(range(1, newest + 2))


async def test_copy_on_read_only_disk(small: Path) -> None:
    """A trail on a disk that can't be written can be read but not opened for writing."""
    async with SqliteTrail.open(small / "kickbot.db") as trail:
        await trail.append(None, asked())
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)  # noqa: ASYNC221

    with pytest.raises(TrailError, match="Read-only file system"):
        async with SqliteTrail.open(small / "kickbot.db"):
            pass
    async with SqliteTrail.open_readonly(small / "kickbot.db") as reader:
        assert len(await reader.read(RequestId(1))) == 1


async def test_copy_of_a_running_trail(path: Path, small: Path) -> None:
    """A copy that was taken with its log, on a disk that can't be written, is never read without that log."""
    async with SqliteTrail.open(path) as trail:
        await trail.append(None, asked())
        for file in (path, path.with_name("kickbot.db-wal")):
            shutil.copy(file, small)
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)  # noqa: ASYNC221

    with pytest.raises(TrailError, match="can't be opened"):
        async with SqliteTrail.open_readonly(small / "kickbot.db"):
            pass


async def test_becomes_read_only(path: Path) -> None:
    """While the database can't be written nothing is recorded, and it goes on by itself afterwards."""
    async with SqliteTrail.open(path) as trail:
        await trail.database.run(lambda db: db.execute("PRAGMA query_only = 1"))
        with pytest.raises(TrailError, match="read-only"):
            await trail.append(None, asked())

        assert (await trail.append(None, asked())).seq == 1


async def test_no_room_in_the_file(path: Path) -> None:
    """A file that may not grow is a full disk."""
    async with SqliteTrail.open(path) as trail:
        pages = await trail.database.run(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
        await trail.database.run(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        with pytest.raises(TrailError, match="the disk is full"):
            await trail.append(None, asked(words="x" * 100_000))
        assert await trail.read(RequestId(1)) == ()
        await trail.database.run(lambda db: db.execute("PRAGMA max_page_count = 100000").fetchone())

        assert (await trail.append(None, asked(words="x" * 100_000))).seq == 1


async def test_write_error(path: Path) -> None:
    """A write that the system refuses leaves nothing behind, and the next one works."""
    async with SqliteTrail.open(path) as trail:
        await trail.append(None, asked("first"))
        with files_no_longer_than(30_000), pytest.raises(TrailError, match="the disk reports an error"):
            await trail.append(None, asked("second", "x" * 100_000))

        assert await trail.read(RequestId(2)) == ()
        assert (await trail.append(None, asked("second"))).seq == 2


async def test_locked_by_someone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who keeps the file locked is told of, after some patience, and no harm is done."""
    monkeypatch.setattr("bot.audit.database._PATIENCE", 0.05)
    async with SqliteTrail.open(path) as trail:
        with closing(sqlite3.connect(path, isolation_level=None)) as someone:
            someone.execute("BEGIN IMMEDIATE")
            with pytest.raises(TrailError, match="another program has locked the database"):
                await trail.append(None, asked())

        assert (await trail.append(None, asked())).seq == 1


async def test_file_moved(path: Path) -> None:
    """Nothing is written into a file that was moved away, and it goes on once it is back."""
    away = path.with_name("away")
    async with SqliteTrail.open(path) as trail:
        move(path, away)
        with pytest.raises(TrailError, match="No such file"):
            await trail.append(None, asked())
        write(path, "")
        with pytest.raises(TrailError, match="replaced by another file"):
            await trail.append(None, asked())
        move(away, path)

        assert (await trail.append(None, asked())).seq == 1


# ------------------------------------------------------------------------------------------ what is opened


async def test_newer_release(path: Path) -> None:
    """A file that a newer release made is refused, by a reader too."""
    async with SqliteTrail.open(path):
        pass
    edit(path, "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('kickbot', 'second', '')")

    for opening in (SqliteTrail.open(path), SqliteTrail.open_readonly(path)):
        with pytest.raises(TrailError, match="newer Kickbot, which knows second"):
            async with opening:
                pass


async def test_foreign_database(path: Path) -> None:
    """A database of something else is refused and left alone."""
    edit(path, "CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()  # noqa: ASYNC240

    with pytest.raises(TrailError, match="isn't a Kickbot audit trail"):
        async with SqliteTrail.open(path):
            pass
    assert path.read_bytes() == before  # noqa: ASYNC240


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER forget AFTER INSERT ON events BEGIN DELETE FROM events WHERE who = 'U1'; END",
        "CREATE VIEW more AS SELECT * FROM events",
        "DROP INDEX events_key",
        "ALTER TABLE events ADD COLUMN note TEXT",
        "ALTER TABLE events RENAME TO old",
    ],
)
async def test_other_tables(path: Path, sql: str) -> None:
    """Tables that aren't exactly Kickbot's own are refused: a trigger could forget what is recorded."""
    async with SqliteTrail.open(path):
        pass
    edit(path, sql)

    for opening in (SqliteTrail.open(path), SqliteTrail.open_readonly(path)):
        with pytest.raises(TrailError, match="aren't those that Kickbot made"):
            async with opening:
                pass


@pytest.mark.parametrize("number", [1, 150, 260])
async def test_newest_events_are_checked(path: Path, number: int) -> None:
    """The start is refused if one of the newest events doesn't fit; `audit verify` checks all of them."""
    async with SqliteTrail.open(path) as trail:
        for n in range(260):
            await trail.append(None, asked(f"{n}"))
    edit(path, f"UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = {number}")

    if number <= 160:
        async with SqliteTrail.open(path):
            return
    with pytest.raises(BrokenTrail, match=f"event {number}"):
        async with SqliteTrail.open(path):
            pass


async def test_no_database(path: Path) -> None:
    """A file that is no database is refused."""
    write(path, "something else" * 1000)

    with pytest.raises(TrailError, match="no database"):
        async with SqliteTrail.open(path):
            pass


async def test_no_folder(path: Path) -> None:
    """A folder that isn't there is named."""
    with pytest.raises(TrailError, match="No such file or directory"):
        async with SqliteTrail.open(path / "kickbot.db"):
            pass


async def test_lock_is_given_back(path: Path) -> None:
    """An opening that failed doesn't keep the file locked."""
    edit(path, "CREATE TABLE customers (name TEXT)")
    with pytest.raises(TrailError):
        async with SqliteTrail.open(path):
            pass
    edit(path, "DROP TABLE customers")

    async with SqliteTrail.open(path) as trail:
        assert (await trail.append(None, asked())).seq == 1
