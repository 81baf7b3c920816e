"""One writer for one file: a lock on a file beside it, held until the process ends, however it ends."""

import fcntl
import os
from pathlib import Path

from bot.errors import LeaseLost


class FileLock:
    """The right to write a database. The lock file stays for good: one that is removed could be locked twice.

    It is a file of its own, since SQLite would lose its own locks if anyone else opened and closed the database file.
    """

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + "-lock")
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            self._take(database)
        except BaseException:
            os.close(self._file)
            raise

    def _take(self, database: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise LeaseLost(f"{database} is in use: process {holder} holds its lock") from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def check(self) -> None:
        """Raises LeaseLost once the lock file was removed or replaced: another process may hold the new one."""
        try:
            standing = os.path.samestat(os.fstat(self._file), self.path.lstat())
        except FileNotFoundError:
            standing = False
        if not standing:
            raise LeaseLost(f"{self.path} was removed or replaced, so another process may be writing: start again")

    def release(self) -> None:
        os.close(self._file)
