"""A trail's move from its SQLite file to PostgreSQL: the same bytes, the same hashes, the same memory of Slack."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from bot.audit import chain
from bot.audit import rows as sqlite_rows
from bot.audit.database import connect_readonly
from bot.audit.database import plain_errors as plain_sqlite_errors
from bot.audit.lock import FileLock
from bot.audit.postgres import reading, rows, schema
from bot.audit.postgres.database import connect, plain_errors, transaction
from bot.audit.postgres.schema import Db
from bot.audit.records import Verified
from bot.errors import TrailError

_BESIDE = {
    "bodies": "SELECT sha256, content FROM bodies",
    "postings": "SELECT event, part, channel, ts FROM postings",
    "checkpoints": "SELECT seq, text, signature FROM checkpoints",
    "stamps": "SELECT seq, place, answer FROM stamps",
    "told": "SELECT place, seq FROM told",
}


async def copy(path: Path, url: str) -> Verified:
    """Everything or nothing, then verified where it is now. The file stays as it is.

    Raises LeaseLost while a bot has the file open, BrokenTrail if the file doesn't verify, TrailError if the database
    has a trail that isn't empty.
    """
    with _source(path) as source, plain_errors():
        db = await connect(url, patient=True)
        try:
            await schema.upgrade(db)
            async with transaction(db) as commit:
                await _demand_empty(db)
                await _copy(db, source)
                await commit()
        finally:
            await db.close()
    return await reading.verify(url)


@contextmanager
def _source(path: Path) -> Iterator[Database]:
    """The file as it is: nobody writes it meanwhile."""
    with plain_sqlite_errors():
        if not path.exists():
            raise TrailError(f"there is no trail at {path}")
        lock = FileLock(path.resolve())
        try:
            with connect_readonly(path.resolve()) as db:
                yield db
        finally:
            lock.release()


async def _demand_empty(db: Db) -> None:
    if newest := (await rows.lock_head(db)).seq:
        raise TrailError(f"the database has a trail of {newest} events already: only an empty one takes a copy")


async def _copy(db: Db, source: Database) -> None:
    head = chain.START
    async with db.cursor() as cursor, cursor.copy("COPY events (bytes, hash) FROM STDIN") as events:
        for content, hash_ in sqlite_rows.chained(source):
            head = chain.verify([(content, hash_)], head)
            await events.write_row((content.decode(), hash_))
    for table, query in _BESIDE.items():
        if source[table].exists():  # an older release made fewer
            await _fill(db, table, source.execute(query))
    published = source.execute("SELECT published FROM publisher").fetchone()[0]
    await db.execute("UPDATE publisher SET published = %s", [published])
    await db.execute("UPDATE head SET seq = %s, hash = %s", [head.seq, head.hash])


async def _fill(db: Db, table: str, found: Iterable[tuple[Any, ...]]) -> None:
    async with db.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copied:
        for row in found:
            await copied.write_row(row)
