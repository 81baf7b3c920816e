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
        await asyncio.to_thread(_try_out, Path(self._path))

    async def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        await asyncio.to_thread(_append, self._path, [line(each) for each in checkpoints])
        yield Reached(seq=checkpoints[-1].seq)


def _try_out(file: Path) -> None:
    place = file if file.exists() else file.parent
    if not place.exists():
        raise OSError(f"there is no {place}")
    if not os.access(place, os.W_OK):
        raise OSError(f"user id {os.geteuid()} can't write {place}")


def _append(path: str, lines: Sequence[bytes]) -> None:
    """A pipe that nobody reads is an error, not a wait. A line that an earlier failure cut is ended first."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        for content in (b"\n", *lines):
            if os.write(file, content) != len(content):
                raise OSError(errno.ENOSPC, "only a part of a line could be written")
        if stat.S_ISREG(os.fstat(file).st_mode):
            os.fsync(file)
    finally:
        os.close(file)
