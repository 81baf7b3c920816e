"""`file:/…`: a file or a named pipe, to which lines are added."""

import asyncio
import errno
import os
import stat
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bot.audit.checkpoints import line
from bot.audit.places.interface import Reached
from bot.borders import Checkpoint


class FilePlace:
    def __init__(self, name: str) -> None:
        self.name = name
        self._path = "/" + name.removeprefix("file:").lstrip("/")

    async def try_out(self) -> None:
        await asyncio.to_thread(_try_out, self._path)

    async def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        await asyncio.to_thread(_append, self._path, [line(each) for each in checkpoints])
        yield Reached(seq=checkpoints[-1].seq)


def _try_out(path: str) -> None:
    """Where nothing is yet, nothing is made."""
    try:
        os.close(_opened(path))
    except FileNotFoundError:
        folder = Path(path).resolve().parent
        if not folder.is_dir():
            raise OSError(f"there is no folder {folder}") from None
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OSError(f"user id {os.geteuid()} can't make a file in {folder}") from None


def _append(path: str, lines: Sequence[bytes]) -> None:
    """A line that an earlier failure cut is ended first."""
    file = _opened(path, os.O_CREAT)
    try:
        for content in (b"\n", *lines):
            if os.write(file, content) != len(content):
                raise OSError(errno.ENOSPC, "only a part of a line could be written")
        if stat.S_ISREG(os.fstat(file).st_mode):
            os.fsync(file)
    finally:
        os.close(file)


def _opened(path: str, flags: int = 0) -> int:
    """A pipe that nobody reads is an error, not a wait."""
    try:
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC | flags, 0o600)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads this pipe", path) from error
        raise
