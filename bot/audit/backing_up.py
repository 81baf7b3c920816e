"""A copy of the trail as it is at one moment, beside a running bot: there whole and verified, or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.audit import reading
from bot.audit.database import connect_readonly, copy_into, plain_errors
from bot.audit.examining import Fits
from bot.audit.records import Verified
from bot.audit.sources import verified
from bot.errors import TrailError


def back_up(path: Path, to: Path, fits: Fits | None = None) -> Verified:
    """What was verified of the copy. fits: as of `examine`. Memory: a page of the file, and what `verify` needs.

    Raises TrailError where there is something at `to` already, and BrokenTrail for a trail that doesn't fit.
    """
    with plain_errors(), _new(to) as part:
        with connect_readonly(path.resolve()) as db:
            copy_into(db, part)
        with reading.opened(part) as source:
            found = verified(source, (), fits)
    return found


@contextmanager
def _new(to: Path) -> Iterator[Path]:
    """A file beside it that takes its name once it is on the disk. The name is taken at once: nobody else gets it."""
    try:
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise TrailError(f"{to} is there already: nothing was overwritten") from error
    part = to
    try:
        handle, name = tempfile.mkstemp(prefix=f".{to.name}-", dir=to.parent)
        os.close(handle)
        part = Path(name)
        yield part
        _to_disk(part)
        part.replace(to)
        _to_disk(to.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        to.unlink(missing_ok=True)
        raise


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
