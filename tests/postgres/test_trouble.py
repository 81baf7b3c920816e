"""The trail in PostgreSQL under trouble: restarted, gone, cut off in a commit, held up, or not what it should be."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from bot.audit.postgres import database, reading
from bot.audit.postgres import trail as trails
from bot.audit.postgres.trail import PostgresTrail
from bot.errors import BrokenTrail, TrailError
from bot.models import RequestId
from tests.postgres.server import Server
from tests.postgres.wire import Wire, wire
from tests.scene import until
from tests.trail_behaviours import CLOSED, asked, take


@pytest.fixture
async def cable(server: Server, tmp_path: Path) -> AsyncIterator[Wire]:
    async with wire(server.folder, tmp_path) as cable:
        yield cable


@pytest.fixture
async def wired(cable: Wire, url: str, server: Server, tmp_path: Path) -> AsyncIterator[PostgresTrail]:
    """A trail whose connections go through that wire."""
    async with PostgresTrail.open(url.replace(str(server.folder), str(tmp_path))) as trail:
        yield trail


def edit(url: str, *statements: str) -> None:
    """Change the database without Kickbot."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=kickbot") as connection:
        for statement in statements:
            connection.execute(statement)


# ------------------------------------------------------------------------------------------ the server


async def test_restarted(own: Server) -> None:
    """While the server is away nothing is recorded; when it is back all goes on by itself, followers too."""
    url = own.new_database()
    async with PostgresTrail.open(url) as trail:
        first = await trail.append(None, asked("first"))
        lease = await trail.claim(first.request)
        follower = asyncio.create_task(take(trail, 2, since=1))
        await asyncio.sleep(0.05)
        own.stop()
        with pytest.raises(TrailError, match="can't be reached"):
            await trail.append(None, asked("lost"))
        own.start()

        second = await trail.append(first.request, CLOSED, lease=lease)
        await trail.append(None, asked("third"))

        assert second.seq == 2
        assert [record.seq for record in await follower] == [2, 3]
    assert (await reading.verify(url)).events == 3


async def test_restarted_between(own: Server) -> None:
    """A restart that nobody noticed is no trouble: a connection that broke while it was idle is made anew."""
    url = own.new_database()
    async with PostgresTrail.open(url) as trail:
        await trail.append(None, asked("first"))
        own.stop()
        own.start()

        assert (await trail.append(None, asked("second"))).seq == 2
        assert len(await trail.read(RequestId(1))) == 1
        assert await trail.now()


async def test_killed_between_appends(own: Server) -> None:
    """Whenever the server dies: every append that was acknowledged is there, and the chain holds."""
    url = own.new_database()
    acknowledged = []

    async def append(trail: PostgresTrail) -> None:
        for n in range(10_000):
            try:
                acknowledged.append((await trail.append(None, asked(f"{n}"))).hash)
            except TrailError:
                await asyncio.sleep(0.02)

    def has(enough: int) -> bool:
        return len(acknowledged) >= enough

    async with PostgresTrail.open(url) as trail:
        work = asyncio.create_task(append(trail))
        for enough in (8, 17, 31):
            await until(partial(has, enough))
            own.stop()
            own.start()
        await until(partial(has, 40))
        work.cancel()
        await asyncio.wait([work])
        recorded = [record.hash for record in await take(trail, len(acknowledged))]

    assert set(recorded) >= set(acknowledged[:-1])
    assert (await reading.verify(url)).events - len(acknowledged) in range(2)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_cut_off_in_a_commit(wired: PostgresTrail, cable: Wire, url: str, moment: str) -> None:
    """An append whose commit got no answer is looked for: recorded once if it stands, else an error and no event."""
    await wired.append(None, asked("first"))
    cable.cut = "before" if moment == "before" else "after"

    if moment == "before":
        with pytest.raises(TrailError, match="nothing was recorded"):
            await wired.append(None, asked("second"))
    else:
        assert (await wired.append(None, asked("second"))).seq == 2

    assert cable.cuts == 1
    last = await wired.append(None, asked("third"))
    assert last.seq == (2 if moment == "before" else 3)
    assert (await reading.verify(url)).events == last.seq


async def test_not_known(wired: PostgresTrail, cable: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nobody can tell whether an event was recorded, that is what is said."""
    monkeypatch.setattr(trails, "DOUBT", 0)
    cable.cut = "after"

    with pytest.raises(TrailError, match="isn't known whether event 1 was recorded"):
        await wired.append(None, asked())


async def test_a_replica_that_sleeps_holds_up_nobody(
    trail: PostgresTrail, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stops in the middle of an append loses its locks, and records nothing when it goes on."""
    monkeypatch.setitem(database._SETTINGS, "idle_in_transaction_session_timeout", "300ms")
    sleeper = await database.connect(url)
    await sleeper.execute("BEGIN; SELECT * FROM head FOR UPDATE")

    assert (await trail.append(None, asked())).seq == 1
    with pytest.raises(psycopg.Error, match="idle-in-transaction timeout"):
        await sleeper.execute("UPDATE head SET seq = 7")
    await sleeper.close()


async def test_held_up_for_too_long(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone else who keeps the chain locked is told of, after some patience, and no harm is done."""
    monkeypatch.setitem(database._SETTINGS, "lock_timeout", "100ms")
    async with PostgresTrail.open(url) as trail:
        async with await psycopg.AsyncConnection.connect(url) as someone:
            await someone.execute("SELECT * FROM kickbot.head FOR UPDATE")
            with pytest.raises(TrailError, match="another program has locked the database"):
                await trail.append(None, asked())

        assert (await trail.append(None, asked())).seq == 1


async def test_nobody_there(tmp_path: Path) -> None:
    """A server that isn't there stops the start."""
    with pytest.raises(TrailError, match="can't be reached"):
        async with PostgresTrail.open(f"postgresql:///kickbot?host={tmp_path}"):
            pass


# ------------------------------------------------------------------------------------------ what is opened


async def test_an_empty_database(server: Server) -> None:
    """Two replicas that start at the same moment on an empty database make one trail."""
    url = server.new_database()

    async def start(key: str) -> int:
        async with PostgresTrail.open(url) as trail:
            return (await trail.append(None, asked(key))).seq

    assert sorted(await asyncio.gather(start("a"), start("b"))) == [1, 2]


async def test_a_start_while_another_records(trail: PostgresTrail, url: str) -> None:
    """A replica that starts in the middle of much work finds one whole trail, not a broken one."""

    async def record() -> None:
        for n in range(1_000_000):
            await trail.append(None, asked(f"{n}"))

    recording = asyncio.create_task(record())
    for _ in range(30):
        async with PostgresTrail.open(url):
            pass
    assert not recording.done()
    recording.cancel()


async def test_durable(server: Server, url: str) -> None:
    """An event is on the disk before append says so, whatever the database is set to."""
    edit(url, f"ALTER DATABASE {url.split('/')[3].split('?', maxsplit=1)[0]} SET synchronous_commit = off")
    async with PostgresTrail.open(url) as trail:
        shown = await trail.database.writes.run(lambda db: db.execute("SHOW synchronous_commit"))

        assert await shown.fetchone() == ("on",)


async def test_newer_release(url: str) -> None:
    """A trail that a newer release made is refused, by a reader too."""
    edit(url, "UPDATE version SET version = 99")

    with pytest.raises(TrailError, match="newer Kickbot"):
        async with PostgresTrail.open(url):
            pass
    with pytest.raises(TrailError, match="newer Kickbot"):
        await reading.verify(url)


async def test_a_table_that_forgets(trail: PostgresTrail, url: str) -> None:
    """An event that a foreign trigger swallowed was not recorded, and nobody is told that it was."""
    edit(
        url,
        "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER forget BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION forget()",
    )

    with pytest.raises(TrailError, match="kept nothing"):
        await trail.append(None, asked())
    edit(url, "DROP TRIGGER forget ON events")
    assert (await trail.append(None, asked())).seq == 1


async def test_foreign_schema(server: Server) -> None:
    """A schema of that name that isn't Kickbot's is refused and left alone."""
    url = server.new_database()
    edit(url, "CREATE SCHEMA kickbot", "CREATE TABLE kickbot.customers (name text)")

    with pytest.raises(TrailError, match="isn't a Kickbot audit trail"):
        async with PostgresTrail.open(url):
            pass


async def test_another_encoding(server: Server) -> None:
    """A database that can't hold every character is refused."""
    server.execute("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")

    with pytest.raises(TrailError, match="encoding is LATIN1"):
        async with PostgresTrail.open(server.url("latin")):
            pass


async def test_a_forgetful_server(own: Server) -> None:
    """A server that doesn't wait for its disk is refused."""
    own.execute("ALTER SYSTEM SET fsync = off")
    own.stop()
    own.start()

    with pytest.raises(TrailError, match="fsync = off"):
        async with PostgresTrail.open(own.new_database()):
            pass


@pytest.mark.parametrize(
    ("edited", "number"),
    [
        ("UPDATE events SET bytes = replace(bytes, 'al w1', 'me w1') WHERE seq = 2", 2),
        ("DELETE FROM events WHERE seq = 3", 3),
    ],
)
async def test_newest_events_are_checked(url: str, edited: str, number: int) -> None:
    """The start is refused if one of the newest events was changed, or removed."""
    async with PostgresTrail.open(url) as trail:
        for key in "abc":
            await trail.append(None, asked(key))
    edit(url, "ALTER TABLE events DISABLE TRIGGER ALL", edited)

    with pytest.raises(BrokenTrail, match=f"event {number}"):
        async with PostgresTrail.open(url):
            pass
