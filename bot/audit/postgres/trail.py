"""The audit trail in PostgreSQL, for several processes. Every event is sealed inside the transaction that stores it.

It decides nothing: which event may follow which is `lifecycle.py`'s affair.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Self, TypeVar

import psycopg

from bot import retention
from bot.audit.postgres import dropping, leases, reading, rows, schema
from bot.audit.postgres.database import PostgresDatabase, connect, snapshot, transaction
from bot.audit.postgres.database import reading as one_moment
from bot.audit.postgres.leases import Leases
from bot.audit.postgres.postings import PostgresPostings
from bot.audit.postgres.schema import Db
from bot.audit.postgres.sealed import PostgresCheckpoints
from bot.audit.writing import Writing
from bot.borders import Aged, Lease, StoreState
from bot.errors import AlreadyRecorded, Conflict, TrailError
from bot.events import FINAL, Entry, Event, Record
from bot.models import RequestId
from bot.retention import Dropping

log = logging.getLogger(__name__)

POLL = 10.0
"""Seconds after which a follower looks by itself, should nothing be heard."""
LISTEN_AGAIN = 1.0
DOUBT = 30.0
"""Seconds for which the fate of an event is looked for whose commit got no answer."""

T = TypeVar("T")


class _InDoubt(Exception):  # noqa: N818 - says what happened
    """The connection broke during the commit of this record."""

    def __init__(self, record: Record) -> None:
        super().__init__(f"event {record.seq}")
        self.record = record


class PostgresTrail:
    """The Trail of `borders.py`. Use `async with PostgresTrail.open(url) as trail`.

    A task that is cancelled during an append doesn't know whether it was recorded: read again.
    """

    def __init__(self, database: PostgresDatabase) -> None:
        self.database = database
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._leases = Leases(database, self.owner)
        self._recorded = asyncio.Event()
        self._writing = Writing()
        self._open: set[RequestId] = set()
        self._open_at = 0  # the event up to which `_open` counts
        self._counting = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """The trail in this database, made if it isn't there.

        Raises TrailError for a database that can't be used; BrokenTrail if the newest events don't fit.
        """
        trail = cls(PostgresDatabase(url))
        tasks: list[asyncio.Task[None]] = []
        try:
            await trail.database.writes.run(schema.upgrade)
            await trail.database.reads.run(_check_newest)
            listening = asyncio.Event()
            tasks += [asyncio.create_task(trail._listen(listening)), asyncio.create_task(trail._leases.keep())]
            await listening.wait()
            yield trail
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.shield(trail._close(tasks))

    def postings(self) -> PostgresPostings:
        """What the publisher remembers, in the same database."""
        return PostgresPostings(self.database, self._leases)

    def checkpoints(self) -> PostgresCheckpoints:
        """What the notary remembers, in the same database."""
        return PostgresCheckpoints(self.database, self._leases)

    def state(self) -> StoreState:
        return self._writing.state(leases=self._leases.held, lease_age=self._leases.age())

    # -------------------------------------------------------------------------------------------- the border

    async def append(
        self, request: RequestId | None, event: Event, *, after: int | None = None, lease: Lease | None = None
    ) -> Record:
        with self._writing.noted():
            return await self.database.to_the_end(self._append_surely(request, event, after, lease))

    async def claim(self, request: RequestId) -> Lease | None:
        return await self._leases.claim(request)

    async def release(self, lease: Lease) -> None:
        await self._leases.release(lease)

    async def read(self, request: RequestId) -> Sequence[Record]:
        return await self._read(partial(rows.of_request, request=request))

    async def body(self, digest: str) -> bytes:
        return await self._read(partial(rows.body, sha256=digest))

    async def follow(self, since: int) -> AsyncIterator[Record]:
        while True:
            recorded = self._recorded  # taken before the read: what is recorded during the read sets it
            found = await self._read(partial(rows.following, since=since))
            for record in found:
                yield record
                since = record.seq
            if not found:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL):
                        await recorded.wait()

    async def open_requests(self) -> Sequence[RequestId]:
        """Asked for after each event, so it is remembered, and only what came since is read."""
        async with self._counting:
            for seq, request, ends in await self._read(partial(rows.begun_or_ended, since=self._open_at)):
                if ends:
                    self._open.discard(request)
                elif seq == request:
                    self._open.add(request)
                self._open_at = seq
            return tuple(sorted(self._open))

    async def requests(
        self, *, about: str | None = None, since: datetime | None = None, listings: bool = True, limit: int
    ) -> Sequence[Sequence[Record]]:
        search = partial(reading.search, about=about, since=since, listings=listings, limit=limit)
        return await self.database.to_the_end(self.database.searches.run(search))

    async def by(self, who: str, kinds: Collection[str], since: datetime) -> Sequence[Record]:
        return await self._read(partial(reading.of_person, who=who, kinds=kinds, since=since))

    async def aged(self, before: datetime) -> Aged:
        return await self.database.to_the_end(reading.aged(self.database.url, before))

    async def drop(self, request: RequestId) -> None:
        """What goes is found at one moment, and taken away bit by bit; what came since is asked each time."""
        async with one_moment(self.database.url) as db:
            up_to = (await dropping.agreed(db, request)).up_to
            since = (await rows.newest(db)).seq
            async with db.cursor(name="old") as old:
                await old.execute(dropping.OLD, dropping.values(up_to))
                while found := await old.fetchmany(retention.BATCH):
                    digests = [row[0] for row in found]
                    drop = partial(_drop, request=request, digests=digests, since=since)
                    await self.database.to_the_end(self.database.writes.run(drop))

    async def dropped(self, request: RequestId) -> Dropping | None:
        return await self._read(partial(reading.dropped, request=request))

    async def now(self) -> datetime:
        """The database's clock. A record's `at` may be later, after the clock was set back."""
        return await self._read(leases.now)

    # ------------------------------------------------------------------------------------------ appending

    async def _append_surely(
        self, request: RequestId | None, event: Event, after: int | None, lease: Lease | None
    ) -> Record:
        try:
            record = await self.database.writes.run(lambda db: self._append(db, request, event, after, lease))
        except _InDoubt as doubt:
            record = await self._clear_up(doubt.record)
        self._wake()
        return record

    async def _append(
        self, db: Db, request: RequestId | None, event: Event, after: int | None, lease: Lease | None
    ) -> Record:
        """The locks come first: what is judged can't change any more. Both rows are always locked in this order."""
        async with transaction(db) as commit:
            head = await rows.lock_head(db)
            until = await leases.lock(db, lease) if lease else None
            facts = await rows.facts(db, request, getattr(event, "key", None))
            if lease:
                leases.demand(lease, request, until, facts.now)
            _check(facts, request, after)
            now = facts.now.astimezone(UTC)
            at = max(now, datetime.fromisoformat(head.at)) if head.at else now
            number = head.seq + 1
            entry = Entry(seq=number, request=request or RequestId(number), at=at, event=event)
            record = await rows.insert(db, head, entry)
            if event.kind in FINAL:
                await leases.forget(db, record.request)
            try:
                await commit()
            except psycopg.Error as error:
                if db.closed:
                    raise _InDoubt(record) from error
                raise
        return record

    async def _clear_up(self, record: Record) -> Record:
        """The record, if it is in the trail after all. Raises TrailError if it is not, or if nobody can tell."""
        log.warning("the connection broke while event %s was recorded: looking whether it stands", record.seq)
        with suppress(TimeoutError):
            async with asyncio.timeout(DOUBT):
                while True:
                    with suppress(TrailError):
                        if await self.database.writes.run(lambda db: _stands(db, record)):
                            return record
                        break
                    await asyncio.sleep(LISTEN_AGAIN)
                raise TrailError("the connection broke, and nothing was recorded")
        raise TrailError(f"the connection broke, and it isn't known whether event {record.seq} was recorded")

    # ------------------------------------------------------------------------------------------ in the background

    async def _read(self, work: Callable[[Db], Awaitable[T]]) -> T:
        return await self.database.to_the_end(self.database.reads.run(work))

    async def _listen(self, listening: asyncio.Event) -> None:
        """Wake the followers whenever any process recorded something, until cancelled."""
        while True:
            try:
                async with await connect(self.database.url, readonly=True) as db:
                    await db.execute(f"LISTEN {rows.CHANNEL}")
                    listening.set()
                    self._wake()  # for what was recorded while nobody listened
                    async for _ in db.notifies():
                        self._wake()
            except psycopg.Error as error:
                log.warning("the database isn't heard, so other replicas' events may come late: %s", error)
            await asyncio.sleep(LISTEN_AGAIN)

    def _wake(self) -> None:
        """Wake every follower, and let the next wait be for the next event."""
        self._recorded.set()
        self._recorded = asyncio.Event()

    async def _close(self, tasks: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(TrailError):
            await self._leases.release_all()
        await self.database.close()
        self._wake()  # followers find the trail closed, and don't wait for ever


def _check(facts: rows.Facts, request: RequestId | None, after: int | None) -> None:
    """Raises AlreadyRecorded, TrailError or Conflict for what may not be appended now."""
    if facts.keyed is not None:
        raise AlreadyRecorded(facts.keyed)
    if request is not None and facts.newest is None:
        raise TrailError(f"there is no request {request}")
    if after is not None and after != facts.newest:
        raise Conflict(f"request {request} is at event {facts.newest}, not at {after}")


async def _drop(db: Db, *, request: RequestId, digests: Sequence[str], since: int) -> None:
    async with transaction(db) as commit:
        await dropping.drop(db, request, digests, since)
        await commit()


async def _check_newest(db: Db) -> None:
    async with snapshot(db):
        await rows.check_newest(db)


async def _stands(db: Db, record: Record) -> bool:
    """Asked behind the chain's lock, which an append that is still under way holds."""
    async with transaction(db):
        await rows.lock_head(db)
        return await rows.stands(db, record)
