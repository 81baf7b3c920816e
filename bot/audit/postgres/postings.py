"""What the publisher remembers, in PostgreSQL: which part of which event stands where in Slack, and whose turn it is.

It proves nothing: losing it costs a look into Slack before the next message, and no more.
"""

import asyncio

from bot.audit.postgres import leases
from bot.audit.postgres.database import PostgresDatabase, transaction
from bot.audit.postgres.leases import Leases
from bot.audit.postgres.schema import Db
from bot.borders import Lease, Posting
from bot.models import RequestId

PUBLISHER = RequestId(0)
"""No request: the right to publish is a lease like the others."""
TRY_AGAIN = 2.0

_PUT = """
INSERT INTO postings (event, part, channel, ts) VALUES (%s, %s, %s, %s)
ON CONFLICT (event, part) DO UPDATE SET channel = excluded.channel, ts = excluded.ts
"""


class PostgresPostings:
    """The Postings of borders.py. Who had its turn and lost it gets LeaseLost from then on, for `get` too."""

    def __init__(self, database: PostgresDatabase, holders: Leases) -> None:
        self._database = database
        self._leases = holders
        self._lease: Lease | None = None

    async def turn(self) -> None:
        while (lease := await self._leases.claim(PUBLISHER)) is None:  # noqa: ASYNC110 - another process's
            await asyncio.sleep(TRY_AGAIN)
        self._lease = lease

    async def get(self, event: int, part: str) -> Posting | None:
        return await self._database.to_the_end(self._database.writes.run(lambda db: self._get(db, event, part)))

    async def noted(self, event: int, part: str) -> Posting | None:
        return await self._database.to_the_end(self._database.writes.run(lambda db: _noted(db, event, part)))

    async def put(self, posting: Posting) -> None:
        values = [posting.event, posting.part, posting.channel, posting.ts]
        await self._database.to_the_end(self._database.writes.run(lambda db: self._write(db, _PUT, values)))

    async def cursor(self) -> int:
        return await self._database.to_the_end(self._database.writes.run(_cursor))

    async def advance(self, seq: int) -> None:
        advance = "UPDATE publisher SET published = greatest(published, %s)"
        await self._database.to_the_end(self._database.writes.run(lambda db: self._write(db, advance, [seq])))

    async def _get(self, db: Db, event: int, part: str) -> Posting | None:
        async with transaction(db):
            await self._demand_turn(db)
            return await _noted(db, event, part)

    async def _write(self, db: Db, statement: str, values: list[object]) -> None:
        async with transaction(db) as commit:
            await self._demand_turn(db)
            await db.execute(statement, values)
            await commit()

    async def _demand_turn(self, db: Db) -> None:
        if self._lease is not None:
            until = await leases.lock(db, self._lease)
            leases.demand(self._lease, PUBLISHER, until, await leases.now(db))


async def _noted(db: Db, event: int, part: str) -> Posting | None:
    query = "SELECT channel, ts FROM postings WHERE event = %s AND part = %s"
    row = await (await db.execute(query, [event, part])).fetchone()
    return Posting(event=event, part=part, channel=row[0], ts=row[1]) if row else None


async def _cursor(db: Db) -> int:
    row = await (await db.execute("SELECT published FROM publisher")).fetchone()
    return int(row[0]) if row else 0
