"""Who drives what, by the database's clock. A lease that isn't renewed is free for others after `TTL`.

Each time that a lease changes hands its epoch grows, so that the earlier holder is told from the later one.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import cast

from bot.audit.postgres.database import PostgresDatabase
from bot.audit.postgres.schema import Db
from bot.borders import Lease
from bot.errors import LeaseLost, TrailError
from bot.models import RequestId

log = logging.getLogger(__name__)

TTL = timedelta(seconds=10)
RENEWED_EVERY = 3.0

# Whoever holds the row's lock is waited for, and then this is judged on the row as it is by then.
_CLAIM = """
INSERT INTO leases (request, owner, epoch, until) VALUES (%(request)s, %(owner)s, 1, clock_timestamp() + %(ttl)s)
ON CONFLICT (request) DO UPDATE SET
    owner = %(owner)s,
    epoch = leases.epoch + CASE WHEN leases.until > clock_timestamp() THEN 0 ELSE 1 END,
    until = clock_timestamp() + %(ttl)s
WHERE leases.owner = %(owner)s OR leases.until <= clock_timestamp()
RETURNING epoch
"""
_RENEW = """
UPDATE leases SET until = clock_timestamp() + %s
WHERE owner = %s AND until > clock_timestamp()
    AND (request, epoch) IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))
RETURNING request
"""
_RELEASE = "UPDATE leases SET until = clock_timestamp() WHERE request = %s AND owner = %s AND epoch = %s"
_RELEASE_ALL = "UPDATE leases SET until = clock_timestamp() WHERE owner = %s AND until > clock_timestamp()"


class Leases:
    """The leases of one process. owner: its name, which no other process has."""

    def __init__(self, database: PostgresDatabase, owner: str) -> None:
        self._database = database
        self._owner = owner
        self._held: dict[RequestId, int] = {}
        self._renewed = 0.0

    @property
    def held(self) -> int:
        return len(self._held)

    def age(self) -> float | None:
        """Seconds since what is held was last renewed; None if nothing is held."""
        return monotonic() - self._renewed if self._held else None

    async def claim(self, request: RequestId) -> Lease | None:
        """The lease, renewed from now on until it is released; None while another process holds it."""
        return await self._database.to_the_end(self._database.leases.run(lambda db: self._claim(db, request)))

    async def release(self, lease: Lease) -> None:
        """Others may have it at once. One that can't be given back is free after its time."""
        if self._held.get(lease.request) == lease.epoch:
            del self._held[lease.request]
        values = [lease.request, lease.owner, lease.epoch]
        await self._database.to_the_end(self._database.leases.run(lambda db: db.execute(_RELEASE, values)))

    async def release_all(self) -> None:
        self._held.clear()
        await self._database.leases.run(lambda db: db.execute(_RELEASE_ALL, [self._owner]))

    async def keep(self) -> None:
        """Renew what is held, until cancelled."""
        while True:
            await asyncio.sleep(RENEWED_EVERY)
            try:
                await self.renew()
            except TrailError as error:
                log.warning("the leases can't be renewed: %s", error)

    async def renew(self) -> None:
        """A lease that ran out is never renewed: someone else may be at work already."""
        held = dict(self._held)
        if not held:
            return
        renewed = await self._database.leases.run(lambda db: self._renew(db, held))
        self._renewed = monotonic()
        for request in held.keys() - renewed:
            if self._held.get(request) == held[request]:
                del self._held[request]
                log.info("the lease on request %s is not held any more", request)

    async def _claim(self, db: Db, request: RequestId) -> Lease | None:
        values = {"request": request, "owner": self._owner, "ttl": TTL}
        row = await (await db.execute(_CLAIM, values)).fetchone()
        if row is None:
            return None
        self._renewed = self._renewed if self._held else monotonic()
        self._held[request] = row[0]
        return Lease(request=request, owner=self._owner, epoch=row[0])

    async def _renew(self, db: Db, held: dict[RequestId, int]) -> set[RequestId]:
        rows = await db.execute(_RENEW, [TTL, self._owner, list(held), list(held.values())])
        return {RequestId(row[0]) async for row in rows}


async def lock(db: Db, lease: Lease) -> datetime | None:
    """Until when that very lease counts. The row is locked: nobody can claim it before the transaction ends."""
    query = "SELECT owner, epoch, until FROM leases WHERE request = %s FOR UPDATE"
    row = await (await db.execute(query, [lease.request])).fetchone()
    return row[2] if row and row[:2] == (lease.owner, lease.epoch) else None


async def now(db: Db) -> datetime:
    """The database's clock at this moment, in UTC."""
    row = await (await db.execute("SELECT clock_timestamp()")).fetchone()
    assert row is not None  # noqa: S101 - for mypy: such a SELECT has one row
    return cast(datetime, row[0]).astimezone(UTC)


async def forget(db: Db, request: RequestId) -> None:
    """The request has ended: nobody drives it any more."""
    await db.execute("DELETE FROM leases WHERE request = %s", [request])


def demand(lease: Lease, request: RequestId | None, until: datetime | None, now: datetime) -> None:
    """Raises LeaseLost unless the lease is on that request, and counts at this moment."""
    if lease.request != request or until is None or until <= now:
        raise LeaseLost(f"the lease on request {lease.request} of {lease.owner} isn't held any more")
