"""The notary's memory in the trail's SQLite file: checkpoints, their time stamps, and how far each place was told."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlite_utils import Database

from bot.audit.database import AuditDatabase, connect, plain_errors, transaction
from bot.borders import Checkpoint, End, Stamped
from bot.canonical import canonical
from bot.events import Exported, Read

BATCH = 500

_END = "SELECT (SELECT hash FROM events WHERE seq = 1), seq, hash FROM events ORDER BY seq DESC LIMIT 1"
_TELL = "INSERT INTO told VALUES (?, ?) ON CONFLICT (place) DO UPDATE SET seq = max(seq, excluded.seq)"


class SqliteCheckpoints:
    """The Checkpoints of borders.py in the trail's own file and thread. Failures raise TrailError."""

    def __init__(self, database: AuditDatabase) -> None:
        self._database = database

    async def turn(self) -> None:
        """At once: whoever has the file open is the only one."""

    async def end(self) -> End | None:
        return await self._database.run(_end)

    async def hash_of(self, seq: int) -> str | None:
        return await self._database.run(lambda db: _hash_of(db, seq))

    async def newest(self) -> Checkpoint | None:
        return await self._database.run(_newest)

    async def put(self, checkpoint: Checkpoint) -> None:
        await self._database.run(lambda db: _put(db, checkpoint))

    async def after(self, seq: int) -> Sequence[Checkpoint]:
        return await self._database.run(lambda db: _after(db, seq))

    async def keep(self, stamped: Stamped) -> None:
        await self._database.run(lambda db: _keep(db, stamped))

    async def cursor(self, place: str) -> int | None:
        return await self._database.run(lambda db: _cursor(db, place))

    async def advance(self, place: str, seq: int) -> None:
        await self._database.run(lambda db: _advance(db, place, seq))


def leave(path: Path, event: Exported | Read) -> None:
    """For the process that writes the file: it records this soon. Raises TrailError."""
    with plain_errors(), connect(path.resolve()) as db, transaction(db):
        db.execute("INSERT INTO to_record (event) VALUES (?)", [canonical(event).decode()])


def every(db: Database) -> Iterator[Checkpoint]:
    """Every checkpoint, oldest first; none in a file of a release that made none."""
    return _every(db, "seq")


def newest_first(db: Database) -> Iterator[Checkpoint]:
    """The same from the other end."""
    return _every(db, "seq DESC")


def _every(db: Database, order: str) -> Iterator[Checkpoint]:
    if db["checkpoints"].exists():
        for row in db.execute(f"SELECT seq, text, signature FROM checkpoints ORDER BY {order}"):  # noqa: S608
            yield _checkpoint(*row)


def stamps(db: Database) -> Iterator[Stamped]:
    """In the order of their checkpoints; none in a file of a release that asked for none."""
    if db["stamps"].exists():
        for seq, place, answer in db.execute("SELECT seq, place, answer FROM stamps ORDER BY seq, place"):
            yield Stamped(seq=seq, place=place, answer=answer)


def _end(db: Database) -> End | None:
    row = db.execute(_END).fetchone()
    return End(trail=row[0], seq=row[1], hash=row[2]) if row else None


def _hash_of(db: Database, seq: int) -> str | None:
    row = db.execute("SELECT hash FROM events WHERE seq = ?", [seq]).fetchone()
    return row[0] if row else None


def _newest(db: Database) -> Checkpoint | None:
    return next(newest_first(db), None)


def _put(db: Database, checkpoint: Checkpoint) -> None:
    with transaction(db):
        db.execute(
            "INSERT INTO checkpoints VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [checkpoint.seq, checkpoint.text, checkpoint.signature],
        )


def _after(db: Database, seq: int) -> Sequence[Checkpoint]:
    query = f"SELECT seq, text, signature FROM checkpoints WHERE seq > ? ORDER BY seq LIMIT {BATCH}"  # noqa: S608
    return tuple(_checkpoint(*row) for row in db.execute(query, [seq]))


def _keep(db: Database, stamped: Stamped) -> None:
    with transaction(db):
        row = [stamped.seq, stamped.place, stamped.answer]
        db.execute("INSERT INTO stamps VALUES (?, ?, ?) ON CONFLICT DO NOTHING", row)


def _cursor(db: Database, place: str) -> int | None:
    row = db.execute("SELECT seq FROM told WHERE place = ?", [place]).fetchone()
    return row[0] if row else None


def _advance(db: Database, place: str, seq: int) -> None:
    with transaction(db):
        db.execute(_TELL, [place, seq])


def _checkpoint(seq: int, text: str, signature: str) -> Checkpoint:
    return Checkpoint(seq=seq, text=text, signature=signature)
