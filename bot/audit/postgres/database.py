"""Connections to the audit trail's PostgreSQL database: each made when it is needed, and anew after it broke.

It knows nothing of events. No pool: a process has a few lines, each for one kind of work, so that no slow kind can
hold up another.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from bot.audit.postgres import schema
from bot.audit.postgres.schema import Db
from bot.errors import TrailError

T = TypeVar("T")

# What the URL may change. A peer that vanished is noticed within seconds, not after the system's hours.
_DEFAULTS: dict[str, str] = {
    "application_name": "kickbot",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
# A client that stops in the middle of a transaction loses it long before others lose patience with its locks.
_SETTINGS = {
    "search_path": f"{schema.NAME}, pg_temp",
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "10s",
    "statement_timeout": "20s",
}
_LIMITS = ("idle_in_transaction_session_timeout", "statement_timeout")
# `on` is the least: the disk has an event before append says so. What waits for more is left as it is.
_SYNCHRONOUS = """
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')
"""

_REASONS: tuple[tuple[type[psycopg.Error], str], ...] = (
    (errors.DiskFull, "the disk is full"),
    (errors.ReadOnlySqlTransaction, "the database is read-only"),
    (errors.IdleInTransactionSessionTimeout, "this process stopped for too long in the middle of its work"),
    (errors.LockNotAvailable, "another program has locked the database"),
    (errors.InsufficientPrivilege, "the database doesn't allow it"),
    (errors.DataError, "the database can't hold such text"),
    (psycopg.OperationalError, "the database can't be reached"),
)


class Line:
    """One connection, for one piece of work after the other."""

    def __init__(self, url: str, *, readonly: bool = False) -> None:
        self._url = url
        self._readonly = readonly
        self._turn = asyncio.Lock()
        self._connection: Db | None = None
        self._closed = False
        self._failed: tuple[float, TrailError] | None = None

    async def run(self, work: Callable[[Db], Awaitable[T]]) -> T:
        """The result of `work`; done again if the connection turns out to be one that broke while it was idle.

        So `work` is one transaction, or only reads. Every failure is a TrailError. Whoever waits here while nothing can
        be reached hears it together with the first one: they don't each try in vain, one after the other.
        """
        came = monotonic()
        async with self._turn:
            if self._failed and self._failed[0] >= came:
                raise TrailError(str(self._failed[1])) from self._failed[1]
            with plain_errors():
                fresh = self._connection is None
                try:
                    return await work(await self._connected())
                except psycopg.Error:
                    if fresh or not self._dropped():
                        raise
                return await work(await self._connected())

    async def close(self) -> None:
        self._closed = True
        async with self._turn:
            if self._connection:
                await self._connection.close()

    async def _connected(self) -> Db:
        if self._closed:
            raise TrailError("the audit trail is closed")
        self._dropped()
        if self._connection is None:
            try:
                with plain_errors():
                    self._connection = await connect(self._url, readonly=self._readonly)
            except TrailError as error:
                self._failed = monotonic(), error
                raise
        return self._connection

    def _dropped(self) -> bool:
        """True if the connection was broken, and is gone now."""
        if self._connection is None or not self._connection.closed:
            return False
        self._connection = None
        return True


class PostgresDatabase:
    """The lines of one process.

    writes: events and postings. leases: so that no event holds up their renewal. reads; searches: which take long.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.writes = Line(url)
        self.leases = Line(url)
        self.reads = Line(url, readonly=True)
        self.searches = Line(url, readonly=True)
        self._tasks = set[asyncio.Task[Any]]()

    async def close(self) -> None:
        """What was begun is finished first."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in (self.writes, self.leases, self.reads, self.searches):
            await line.close()

    async def to_the_end(self, work: Awaitable[T]) -> T:
        """The result of `work`, which goes on even if the caller is cancelled: nothing is cut in the middle."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: Any) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the caller that was cancelled doesn't ask for it


async def connect(url: str, *, readonly: bool = False, patient: bool = False) -> Db:
    """A connection with the settings that the trail needs. patient: without limits on its time.

    Raises psycopg.Error or TrailError.
    """
    given = conninfo_to_dict(url)
    wanted: dict[str, Any] = {} if readonly else {"target_session_attrs": "read-write"}
    info = make_conninfo("", **{**_DEFAULTS, **wanted, **given, "client_encoding": "utf8"})
    connection = await psycopg.AsyncConnection.connect(info, autocommit=True)
    try:
        settings = _SETTINGS | ({"default_transaction_read_only": "on"} if readonly else {})
        settings |= dict.fromkeys(_LIMITS, "0") if patient else {}
        async with connection.pipeline():
            for name, value in settings.items():
                await connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            await connection.execute(_SYNCHRONOUS)
    except BaseException:
        await connection.close()
        raise
    return connection


@asynccontextmanager
async def snapshot(db: Db) -> AsyncIterator[None]:
    """Every statement in the block sees the database as it is at the first one, whoever appends meanwhile."""
    await db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        await _roll_back(db)


@asynccontextmanager
async def transaction(db: Db) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Rolled back, unless the block commits with the function that it gets: so it can tell where it broke."""

    async def commit() -> None:
        await db.execute("COMMIT")

    await db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    try:
        yield commit
    finally:
        await _roll_back(db)


async def _roll_back(db: Db) -> None:
    if not db.closed and db.info.transaction_status is not TransactionStatus.IDLE:
        await db.execute("ROLLBACK")


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Db]:
    """A connection that sees the database as it is at one moment, and writes nothing."""
    with plain_errors():
        db = await connect(url, readonly=True, patient=True)
        try:
            async with snapshot(db):
                await schema.check(db)
                yield db
        finally:
            await db.close()


@contextmanager
def plain_errors() -> Iterator[None]:
    """The database's errors as a TrailError with a plain reason."""
    try:
        yield
    except psycopg.Error as error:
        reason = next((why for kind, why in _REASONS if isinstance(error, kind)), "the database failed")
        said = " ".join(str(error).split())
        raise TrailError(f"{reason} ({said})") from error
    except UnicodeEncodeError as error:
        raise TrailError(f"the database can't hold such text: {error}") from error
