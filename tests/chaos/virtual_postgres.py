"""A trail in PostgreSQL whose clock is the time of a virtual loop: it stands still while the database is at work."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.audit.postgres import database, schema
from bot.audit.postgres.trail import PostgresTrail
from tests.chaos.virtual import LoopClock, VirtualLoop
from tests.postgres.server import Server

CLOCK = """
CREATE SCHEMA virtual;
CREATE FUNCTION virtual.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS $$ SELECT pg_catalog.pg_read_file('{}')::timestamptz $$;
"""
PATH = f"{schema.NAME}, virtual, pg_catalog, pg_temp"
"""Where names are looked for: its own clock comes after this one."""


@asynccontextmanager
async def virtual_trail(server: Server, url: str, loop: VirtualLoop) -> AsyncIterator[PostgresTrail]:
    """url: an empty trail on that server."""
    moment, clock = server.folder / f"{url.partition('?')[0].rpartition('/')[2]}.now", LoopClock(loop)
    loop.jumped = lambda _seconds: _write(moment, clock)
    _write(moment, clock)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCK.format(moment))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(database._SETTINGS, "search_path", PATH)
        patch.setattr(database.Line, "run", _at_work(loop, database.Line.run))
        async with PostgresTrail.open(url) as trail:
            yield trail


def _write(moment: Path, clock: LoopClock) -> None:
    """In one piece, and always as long."""
    with moment.open("r+" if moment.exists() else "w") as file:
        file.write(clock.now.isoformat(timespec="microseconds"))


def _at_work(loop: VirtualLoop, run: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def at_work(*args: Any) -> Any:
        with loop.at_work():
            return await run(*args)

    return at_work
