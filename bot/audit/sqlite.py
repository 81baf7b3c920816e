"""The audit trail in one SQLite file, for one process. Every event is sealed inside the transaction that stores it.

It decides nothing: which event may follow which is `lifecycle.py`'s affair.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, TypeAdapter, ValidationError
from sqlite_utils import Database

from bot import retention
from bot.audit import dropping, reading, rows
from bot.audit.database import AuditDatabase, transaction
from bot.audit.postings import SqlitePostings
from bot.audit.sealed import SqliteCheckpoints
from bot.audit.writing import Writing
from bot.borders import Aged, Lease, StoreState
from bot.errors import AlreadyRecorded, Conflict, LeaseLost, TrailError
from bot.events import FINAL, Entry, Event, Exported, Read, Record
from bot.models import RequestId
from bot.retention import Dropping

COLLECTED_EVERY = 5.0
LEFT: TypeAdapter[Exported | Read] = TypeAdapter(Annotated[Exported | Read, Field(discriminator="kind")])
"""What the command line may leave."""

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteTrail:
    """The Trail of `borders.py`. Use `async with SqliteTrail.open(path) as trail`.

    A task that is cancelled during an append doesn't know whether it was recorded: read again.
    """

    def __init__(self, database: AuditDatabase, clock: Clock) -> None:
        self.database = database
        self._clock = clock
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._loop = asyncio.get_running_loop()
        self._recorded = asyncio.Event()
        self._writing = Writing()
        self._open: set[RequestId] | None = None  # touched in the database's thread only

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, clock: Clock = utc_now) -> AsyncIterator[Self]:
        """The trail in this file, made if it isn't there. clock: gives the time of each event, aware.

        Raises LeaseLost, naming the process, while another one writes it; TrailError for a file that isn't a trail of
        this release; BrokenTrail if the newest events don't fit.
        """
        async with AuditDatabase.open(path) as database:
            await database.run(rows.check_newest)
            async with cls._following(database, clock) as trail:
                collecting = asyncio.create_task(trail.collect())
                try:
                    yield trail
                finally:
                    collecting.cancel()
                    await asyncio.gather(collecting, return_exceptions=True)

    @classmethod
    @asynccontextmanager
    async def open_readonly(cls, path: Path) -> AsyncIterator[Self]:
        """The trail as it stands, beside the bot that writes it. It doesn't notice what is recorded afterwards."""
        async with AuditDatabase.open(path, readonly=True) as database, cls._following(database, utc_now) as trail:
            yield trail

    @classmethod
    @asynccontextmanager
    async def _following(cls, database: AuditDatabase, clock: Clock) -> AsyncIterator[Self]:
        trail = cls(database, clock)
        try:
            yield trail
        finally:
            trail._wake()  # followers find the trail closed, and don't wait for ever

    def postings(self) -> SqlitePostings:
        """What the publisher remembers, in the same file."""
        return SqlitePostings(self.database)

    def checkpoints(self) -> SqliteCheckpoints:
        """What the notary remembers, in the same file."""
        return SqliteCheckpoints(self.database)

    def state(self) -> StoreState:
        """The lock on the file is all leases in one, and is not lost."""
        return self._writing.state()

    # -------------------------------------------------------------------------------------------- the border

    async def append(
        self, request: RequestId | None, event: Event, *, after: int | None = None, lease: Lease | None = None
    ) -> Record:
        with self._writing.noted():
            return await self.database.run(lambda db: self._append(db, request, event, after, lease))

    async def claim(self, request: RequestId) -> Lease | None:
        """The lock on the file is the lease on all its requests, so it is always given, but not to a reader."""
        return None if self.database.readonly else Lease(request=request, owner=self._owner)

    async def release(self, lease: Lease) -> None:
        """It stays: nobody else could have the next one."""

    async def read(self, request: RequestId) -> Sequence[Record]:
        return await self.database.run(lambda db: rows.of_request(db, request))

    async def body(self, digest: str) -> bytes:
        return await self.database.run(lambda db: rows.body(db, digest))

    async def follow(self, since: int) -> AsyncIterator[Record]:
        while True:
            recorded = self._recorded  # taken before the read: what is recorded during the read sets it
            records = await self.database.run(partial(rows.following, since=since))
            for record in records:
                yield record
                since = record.seq
            if not records:
                await recorded.wait()

    async def open_requests(self) -> Sequence[RequestId]:
        return await self.database.run(self._open_requests)

    async def requests(
        self, *, about: str | None = None, since: datetime | None = None, listings: bool = True, limit: int
    ) -> Sequence[Sequence[Record]]:
        """Read beside the writer, so that a long search holds up no event."""
        search = partial(reading.list_requests, about=about, since=since, listings=listings, limit=limit)
        return await asyncio.to_thread(search, self.database.path)

    async def by(self, who: str, kinds: Collection[str], since: datetime) -> Sequence[Record]:
        return await self.database.run(lambda db: rows.of_person(db, who, kinds, dropping.before(db, since)))

    async def aged(self, before: datetime) -> Aged:
        return await asyncio.to_thread(reading.aged, self.database.path, before)

    async def drop(self, request: RequestId) -> None:
        """What goes is found beside the writer, which then takes it away bit by bit, and asks what came since."""
        up_to = (await self.database.run(lambda db: dropping.agreed(db, request))).up_to
        async with AuditDatabase.open(self.database.path, readonly=True) as beside:
            since = await beside.run(_begun)
            old = await beside.run(lambda db: dropping.old(db, up_to))
            try:
                while batch := await beside.run(lambda _: [digest for digest, _ in islice(old, retention.BATCH)]):
                    await self.database.run(partial(_drop, request=request, digests=batch, since=since))
            finally:
                await beside.run(lambda _: old.close())  # in the thread that reads it

    async def dropped(self, request: RequestId) -> Dropping | None:
        return await asyncio.to_thread(reading.dropped, self.database.path, request)

    async def now(self) -> datetime:
        """This machine's clock. A record's `at` may be later, after the clock was set back."""
        return self._clock()

    # ------------------------------------------------------------------------------------------ in the thread

    def _append(
        self, db: Database, request: RequestId | None, event: Event, after: int | None, lease: Lease | None
    ) -> Record:
        with transaction(db):
            self._check(db, request, event, after, lease)
            open_, self._open = self._open, None  # in doubt until the commit
            record = self._seal(db, request, event)
        self._open = _after(open_, record)
        self._loop.call_soon_threadsafe(self._wake)
        return record

    def _seal(self, db: Database, request: RequestId | None, event: Event) -> Record:
        head = rows.head(db)
        at = max(self._clock(), datetime.fromisoformat(head.at)) if head.at else self._clock()
        number = head.seq + 1
        return rows.insert(db, head, Entry(seq=number, request=request or RequestId(number), at=at, event=event))

    async def collect(self) -> None:
        """Record what the command line left for the one that writes, until cancelled."""
        while True:
            try:
                if await self.database.run(self._take_in):
                    self._wake()
            except TrailError as error:  # which whoever watches over the trail tells, once
                log.debug("what the command line left can't be recorded yet: %s", error)
            await asyncio.sleep(COLLECTED_EVERY)

    def _take_in(self, db: Database) -> bool:
        """Was there anything? What is none of these events is thrown away."""
        left = db.execute("SELECT number, event FROM to_record ORDER BY number").fetchall()
        for number, text in left:
            with transaction(db):
                try:
                    event = LEFT.validate_json(text)
                    self._check(db, None, event, None, None)
                    self._seal(db, None, event)
                except AlreadyRecorded as known:
                    log.debug("%s is %s", event.kind, known)
                except ValidationError as error:
                    log.warning("something else than Kickbot left what is no event: %s", error)
                db.execute("DELETE FROM to_record WHERE number = ?", [number])
        return bool(left)

    def _open_requests(self, db: Database) -> Sequence[RequestId]:
        """Asked for after each event, so a writer remembers it: finding it takes a look at every event there is."""
        if self._open is None or self.database.readonly:
            self._open = set(rows.open_requests(db))
        return tuple(sorted(self._open))

    def _check(
        self, db: Database, request: RequestId | None, event: Event, after: int | None, lease: Lease | None
    ) -> None:
        if lease and (lease.request, lease.owner, lease.epoch) != (request, self._owner, 0):
            raise LeaseLost(f"the lease on request {lease.request} of {lease.owner} isn't held any more")
        if (recorded := rows.request_of_key(db, getattr(event, "key", None))) is not None:
            raise AlreadyRecorded(recorded)
        newest = rows.newest_of(db, request)
        if request is not None and newest is None:
            raise TrailError(f"there is no request {request}")
        if after is not None and after != newest:
            raise Conflict(f"request {request} is at event {newest}, not at {after}")

    def _wake(self) -> None:
        """In the loop's thread: wake every follower, and let the next wait be for the next event."""
        self._recorded.set()
        self._recorded = asyncio.Event()


def _begun(db: Database) -> int:
    """The newest event of what is read from here on, whoever records more meanwhile."""
    db.execute("BEGIN")
    return rows.head(db).seq


def _drop(db: Database, *, request: RequestId, digests: Sequence[str], since: int) -> None:
    with transaction(db):
        dropping.drop(db, request, digests, since)


def _after(open_: set[RequestId] | None, record: Record) -> set[RequestId] | None:
    """The open requests after one more record, if they were known before it."""
    if open_ is None:
        return None
    if record.event.kind in FINAL:
        return open_ - {record.request}
    return open_ | {record.request} if record.seq == record.request else open_
