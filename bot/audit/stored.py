"""The audit trail wherever it is stored: a path is a SQLite file, a text the address of a PostgreSQL database.

PostgreSQL's side is loaded only where it is used: psycopg is an extra.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path

from bot.audit import backing_up, reading
from bot.audit.examining import Fits
from bot.audit.records import Condition, Verified
from bot.audit.sealed import leave
from bot.audit.sources import Source, verified
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint, Stamped, Store
from bot.errors import LeaseLost, TrailError
from bot.events import Exported, Read, Record


def open_trail(database: Path | str) -> AbstractAsyncContextManager[Store]:
    """For a bot at work; made if it isn't there."""
    if isinstance(database, Path):
        return SqliteTrail.open(database)
    with _the_extra():
        from bot.audit.postgres.trail import PostgresTrail  # noqa: PLC0415
    return PostgresTrail.open(database)


def list_requests(
    database: Path | str, *, about: str | None, reads: bool = False, limit: int
) -> Sequence[Sequence[Record]]:
    """The newest requests first, each with its events. about: only of this Slack id, login name or host.

    reads: with those too that only read the trail.
    """
    if isinstance(database, Path):
        return reading.list_requests(database, about=about, reads=reads, limit=limit)
    with _the_extra():
        from bot.audit.postgres import reading as postgres  # noqa: PLC0415
    return asyncio.run(postgres.list_requests(database, about=about, reads=reads, limit=limit))


def show(database: Path | str, request: int) -> Sequence[Record]:
    """The events of one request, oldest first. Raises TrailError if there is no such request."""
    if isinstance(database, Path):
        return reading.show(database, request)
    with _the_extra():
        from bot.audit.postgres import reading as postgres  # noqa: PLC0415
    return asyncio.run(postgres.show(database, request))


def gone(source: Source, request: int, sha256: str) -> str:
    """Why an attachment of that request isn't there; empty where it is. One that was changed is `verify`'s affair."""
    if source.body(sha256) is not None:
        return ""
    by = source.dropped(request)
    return by.told if by else "missing, and nobody agreed to drop it"


@contextmanager
def opened(database: Path | str) -> Iterator[Source]:
    """The whole trail as it is at one moment."""
    if isinstance(database, Path):
        with reading.opened(database) as source:
            yield source
        return
    with _the_extra():
        from bot.audit.postgres import reading as postgres  # noqa: PLC0415
    with postgres.opened(database) as in_postgres:
        yield in_postgres


async def condition(database: Path | str) -> Condition:
    """How it is, by its newest events. Raises BrokenTrail if they don't fit, and TrailError. It tries no write."""
    if isinstance(database, Path):
        return await asyncio.to_thread(reading.condition, database)
    with _the_extra():
        from bot.audit.postgres import reading as postgres  # noqa: PLC0415
    return await postgres.condition(database)


def verify(database: Path | str) -> Verified:
    """Check the whole trail, without any head or signature from elsewhere. Raises BrokenTrail."""
    with opened(database) as source:
        return verified(source)


def record(database: Path | str, event: Exported | Read) -> None:
    """Beside a running bot too: the one that writes a SQLite file finds it there. Raises TrailError."""
    asyncio.run(_record(database, event))


async def _record(database: Path | str, event: Exported | Read) -> None:
    try:
        async with open_trail(database) as trail:
            await trail.append(None, event)
    except LeaseLost:
        if not isinstance(database, Path):
            raise
        leave(database, event)


def checkpoint(database: Path | str, event: int | None) -> Checkpoint:
    """The newest one, or the one of that event. Raises TrailError if there is none."""
    if isinstance(database, Path):
        found = reading.checkpoint(database, event)
    else:
        with _the_extra():
            from bot.audit.postgres import reading as postgres  # noqa: PLC0415
        found = asyncio.run(postgres.checkpoint(database, event))
    if found is None:
        raise TrailError(f"there is no checkpoint{f' of event {event}' if event else ' yet'}")
    return found


def stamps(database: Path | str, event: int) -> Sequence[Stamped]:
    """The time stamps of the checkpoint at this event."""
    with opened(database) as source:
        return tuple(stamped for stamped in source.stamps() if stamped.seq == event)


def back_up(database: Path | str, to: Path, fits: Fits | None) -> Verified:
    """The trail's file into a new one, beside a running bot, and verified there."""
    if not isinstance(database, Path):
        raise TrailError("this trail is in PostgreSQL: `pg_dump --schema=kickbot` backs it up beside running bots")
    return backing_up.back_up(database, to, fits)


def copy(path: Path, url: str) -> Verified:
    """A SQLite trail into an empty PostgreSQL database, hashes unchanged, and verified there."""
    with _the_extra():
        from bot.audit.postgres import copying  # noqa: PLC0415
    return asyncio.run(copying.copy(path, url))


@contextmanager
def _the_extra() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise TrailError(
            f"PostgreSQL needs more than is installed ({error}): pip install 'kickbot[postgres]'"
        ) from error
