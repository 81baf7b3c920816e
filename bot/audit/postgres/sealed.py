"""The notary's memory in PostgreSQL: checkpoints, time stamps, how far each place was told, and whose turn it is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from bot.audit.postgres.database import PostgresDatabase
from bot.audit.postgres.leases import Leases
from bot.audit.postgres.schema import Db
from bot.borders import Checkpoint, End, Stamped
from bot.models import RequestId

NOTARY = RequestId(-1)
"""No request: the right to sign is a lease like the others. Two that sign at once do no harm."""
TRY_AGAIN = 2.0
BATCH = 500

_END = "SELECT (SELECT hash FROM events WHERE seq = 1), seq, hash FROM events ORDER BY seq DESC LIMIT 1"
_PUT = "INSERT INTO checkpoints (seq, text, signature) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_KEEP = "INSERT INTO stamps (seq, place, answer) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
_TELL = """
INSERT INTO told (place, seq) VALUES (%s, %s) ON CONFLICT (place) DO UPDATE SET seq = greatest(told.seq, excluded.seq)
"""

T = TypeVar("T")


class PostgresCheckpoints:
    """The Checkpoints of borders.py. Failures raise TrailError."""

    def __init__(self, database: PostgresDatabase, holders: Leases) -> None:
        self._database = database
        self._leases = holders

    async def turn(self) -> None:
        while await self._leases.claim(NOTARY) is None:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(TRY_AGAIN)

    async def end(self) -> End | None:
        row = await self._one(_END)
        return End(trail=row[0], seq=row[1], hash=row[2]) if row else None

    async def hash_of(self, seq: int) -> str | None:
        row = await self._one("SELECT hash FROM events WHERE seq = %s", seq)
        return str(row[0]) if row else None

    async def newest(self) -> Checkpoint | None:
        row = await self._one("SELECT seq, text, signature FROM checkpoints ORDER BY seq DESC LIMIT 1")
        return checkpoint(row) if row else None

    async def put(self, checkpoint: Checkpoint) -> None:
        await self._write(_PUT, checkpoint.seq, checkpoint.text, checkpoint.signature)

    async def after(self, seq: int) -> Sequence[Checkpoint]:
        query = "SELECT seq, text, signature FROM checkpoints WHERE seq > %s ORDER BY seq LIMIT %s"
        return tuple(map(checkpoint, await self._all(query, seq, BATCH)))

    async def keep(self, stamped: Stamped) -> None:
        await self._write(_KEEP, stamped.seq, stamped.place, stamped.answer)

    async def cursor(self, place: str) -> int | None:
        row = await self._one("SELECT seq FROM told WHERE place = %s", place)
        return int(row[0]) if row else None

    async def advance(self, place: str, seq: int) -> None:
        await self._write(_TELL, place, seq)

    async def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        found = await self._all(query, *values)
        return found[0] if found else None

    async def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        async def read(db: Db) -> list[tuple[Any, ...]]:
            return await (await db.execute(query, values)).fetchall()

        return await self._in(self._database.reads.run, read)

    async def _write(self, statement: str, *values: object) -> None:
        async def write(db: Db) -> None:
            await db.execute(statement, values)

        await self._in(self._database.writes.run, write)

    async def _in(
        self, run: Callable[[Callable[[Db], Awaitable[T]]], Awaitable[T]], work: Callable[[Db], Awaitable[T]]
    ) -> T:
        return await self._database.to_the_end(run(work))


def checkpoint(row: tuple[Any, ...]) -> Checkpoint:
    """From its row: seq, text, signature."""
    return Checkpoint(seq=row[0], text=row[1], signature=row[2])


def stamped(row: tuple[Any, ...]) -> Stamped:
    """From its row: seq, place, answer."""
    return Stamped(seq=row[0], place=row[1], answer=bytes(row[2]))
