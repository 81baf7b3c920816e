"""The audit trail's SQLite file: its lock, its one connection, and the one thread that touches it.

It knows nothing of events. It alone imports sqlite3: every connection is made here.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Self, TypeVar

from sqlite_utils import Database

from bot.audit.lock import FileLock
from bot.audit.schema import MIGRATIONS, check_tables, check_version
from bot.errors import TrailError

T = TypeVar("T")

# FULL: the disk has an event before append says so. trusted_schema stays on, since without it SQLite 3.40 refuses
# json_extract in a generated column; `check_tables` refuses a foreign schema instead.
# secure_delete: what is dropped is overwritten, and not only forgotten.
_PRAGMAS = ("synchronous = FULL", "foreign_keys = ON", "cell_size_check = ON", "secure_delete = ON")
_PATIENCE = 5.0  # seconds to wait for another program that holds a lock

_REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_BUSY: "another program has locked the database",
    sqlite3.SQLITE_LOCKED: "another program has locked the database",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no database",
    sqlite3.SQLITE_CANTOPEN: "the database can't be opened",
}
# after these the connection is as good as before, and can still read; after any other a fresh one is tried
_HARMLESS = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})


class AuditDatabase:
    """One SQLite file. All work on it runs in one thread of its own, one piece after the other.

    Every failure of SQLite or the disk is a TrailError, and the work that failed left nothing behind.
    """

    def __init__(self, path: Path, *, readonly: bool = False) -> None:
        self.path = path.resolve()
        self.readonly = readonly
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="audit")
        self._lock: FileLock | None = None
        self._db: Database | None = None
        self._opened: os.stat_result | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, readonly: bool = False) -> AsyncIterator[Self]:
        """The database, made if it isn't there. Raises LeaseLost while another process has it open for writing."""
        database = cls(path, readonly=readonly)
        try:
            await database._submit(database._open)
            yield database
        finally:
            # shielded: a task that is cancelled while it closes must not leave the file locked
            closed = asyncio.shield(database._submit(database._close))
            database._thread.shutdown(wait=False)
            await closed

    async def run(self, work: Callable[[Database], T]) -> T:
        """The result of `work`, done in the database's thread: to its end, even if the caller is cancelled."""
        return await self._submit(lambda: self._work(work))

    def _submit(self, work: Callable[[], T]) -> asyncio.Future[T]:
        try:
            return asyncio.get_running_loop().run_in_executor(self._thread, work)
        except RuntimeError as error:
            raise TrailError("the audit trail is closed") from error

    # ------------------------------------------------------------------------------------------ in the thread

    def _open(self) -> None:
        with plain_errors():
            if not self.readonly:
                self._lock = FileLock(self.path)
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._connect()

    def _connect(self) -> Database:
        self._db = connect_readonly(self.path) if self.readonly else connect(self.path)
        self._opened = self.path.stat()
        return self._db

    def _close(self) -> None:
        self._disconnect()
        if self._lock:
            self._lock.release()
            self._lock = None

    def _disconnect(self) -> None:
        if self._db:
            self._db.close()
            self._db = None

    def _work(self, work: Callable[[Database], T]) -> T:
        with plain_errors():
            try:
                self._check_in_place()
                return work(self._db or self._connect())
            except sqlite3.Error as error:
                if _code(error) not in _HARMLESS:
                    self._disconnect()
                raise

    def _check_in_place(self) -> None:
        """SQLite would go on writing into a file that was moved away, where nobody finds it again."""
        if self._lock:
            self._lock.check()
        if self._opened and not os.path.samestat(self._opened, self.path.stat()):
            raise TrailError(f"{self.path} was replaced by another file while it was open: start again")


def connect(path: Path) -> Database:
    """A connection that writes, its tables brought up to date and checked. The caller holds the lock."""
    return _connection(f"{path.as_uri()}?mode=rw", _upgrade)


def _upgrade(db: Database) -> None:
    db.execute("PRAGMA journal_mode = WAL").fetchone()
    MIGRATIONS.apply(db)


def connect_readonly(path: Path, *, traceless: bool = False) -> Database:
    """A connection that can't write, beside a bot that does. A copy in a place that can't be written is fine too.

    traceless: for a moment, and without leaving the files that SQLite shares with a writer where there is none.
    """
    if traceless and not Path(f"{path}-wal").exists():
        return _connection(f"{path.as_uri()}?mode=ro&immutable=1")
    try:
        return _connection(f"{path.as_uri()}?mode=ro")
    except sqlite3.OperationalError as error:
        if _code(error) != sqlite3.SQLITE_CANTOPEN or not path.exists() or Path(f"{path}-wal").exists():
            raise
        # SQLite can't make the files that it shares with a writer here; without a log there is no writer
        return _connection(f"{path.as_uri()}?mode=ro&immutable=1")


def _connection(uri: str, prepare: Callable[[Database], None] = lambda _: None) -> Database:
    connection = sqlite3.connect(uri, uri=True, timeout=_PATIENCE)
    try:
        db = Database(connection, execute_plugins=False)  # plugins would run whatever is installed beside Kickbot
        for pragma in _PRAGMAS:
            db.execute(f"PRAGMA {pragma}")
        check_version(db)
        prepare(db)
        check_tables(db)
    except BaseException:
        connection.close()
        raise
    return db


def copy_into(db: Database, path: Path) -> None:
    """The whole database as this connection sees it at one moment, page by page, into an empty file."""
    target = sqlite3.connect(path)
    try:
        db.conn.backup(target)  # in one step: a writer doesn't make it begin again
        target.execute("PRAGMA journal_mode = DELETE")  # one file, which needs none beside it
    finally:
        target.close()


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """All or nothing. IMMEDIATE: what is read inside can't be changed by anyone before it is committed."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


@contextmanager
def plain_errors() -> Iterator[None]:
    """SQLite's and the disk's errors as a TrailError with a plain reason."""
    try:
        yield
    except sqlite3.Error as error:
        raise TrailError(f"{_REASONS.get(_code(error), 'the database failed')} ({error})") from error
    except OSError as error:
        raise TrailError(f"the database's file can't be used: {error}") from error
    except UnicodeEncodeError as error:
        raise TrailError(f"the database can't hold such text: {error}") from error


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error is Python's own."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
