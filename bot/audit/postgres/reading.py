"""What the command line reads from the audit trail in PostgreSQL, beside running bots. It writes and locks nothing."""

import asyncio
from collections.abc import Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any, TypeVar

from bot import retention
from bot.audit.postgres import dropping, rows, schema, sealed
from bot.audit.postgres.database import plain_errors, reading
from bot.audit.postgres.schema import Db
from bot.audit.records import Condition, Verified, hidden, names, with_bodies
from bot.audit.sources import verified
from bot.borders import Aged, Checkpoint, Stamped
from bot.errors import BrokenTrail, TrailError
from bot.events import Record
from bot.models import RequestId
from bot.retention import Dropping

T = TypeVar("T")

_AT_ONCE = 500
"""Rows that are read in one go."""
_SEARCHED = 100
"""Requests that a search reads in one go."""

# An index could leave out an event: the table itself is read, in its own order of numbers.
_INDEXES = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
# A column that is generated from the bytes can be changed only by someone who changes the table: compared once more.
_CHANGED = " OR ".join(f"{name} IS DISTINCT FROM {value}" for name, value in schema.DERIVED.items())
# Every attachment of an event that keeps content, with the content if it is there.
_ATTACHMENTS = r"""
SELECT events.seq, events.request, look->>'sha256', (look->>'size')::bigint, bodies.content
FROM events CROSS JOIN json_array_elements(replace(bytes, '\u0000', '\ufffd')::json #> '{event,looks}') AS look
LEFT JOIN bodies ON bodies.sha256 = look->>'sha256'
WHERE events.kind = 'observed' ORDER BY events.seq
"""

_CONDITION = """
SELECT (SELECT coalesce(max(seq), 0) FROM events), clock_timestamp(), pg_is_in_recovery(),
       has_table_privilege('events', 'INSERT') AND has_table_privilege('bodies', 'INSERT')
"""


class PostgresSource:
    """The Source of `sources.py` in a database, for a thread without a loop of its own."""

    def __init__(self, runner: asyncio.Runner, db: Db) -> None:
        self._runner = runner
        self._db = db
        self._cursors = count()
        self._agreements: tuple[Dropping, ...] | None = None

    def events(self) -> Iterator[tuple[bytes, str]]:
        """Raises BrokenTrail, after it, at an event whose columns don't come from its bytes."""
        self._use_indexes("off")
        found = self._rows(f"SELECT bytes, hash, {_CHANGED} FROM events ORDER BY seq")  # noqa: S608 - constants
        for number, (content, hash_, changed) in enumerate(found, 1):
            if number == 1:
                self._use_indexes("on")
            yield content.encode(), hash_
            if changed:
                raise BrokenTrail(number, "a column beside its bytes was changed")

    def checkpoints(self) -> Iterator[Checkpoint]:
        return map(sealed.checkpoint, self._rows("SELECT seq, text, signature FROM checkpoints ORDER BY seq"))

    def stamps(self) -> Iterator[Stamped]:
        return map(sealed.stamped, self._rows("SELECT seq, place, answer FROM stamps ORDER BY seq, place"))

    def body(self, sha256: str) -> bytes | None:
        row = next(self._rows("SELECT content FROM bodies WHERE sha256 = %s", sha256), None)
        return bytes(row[0]) if row else None

    def check(self, found: Verified) -> Verified:
        """With each attachment, and that the newest event is the one that was recorded last."""
        newest = next(self._rows("SELECT seq, hash FROM head"), None)
        if newest != (found.events, found.head):
            told = newest[0] if newest else "none"
            why = f"the newest event is {found.events}, but {told} was recorded last"
            raise BrokenTrail(found.events + 1, why, "cut off at the end")
        each = ((*row[:4], None if row[4] is None else bytes(row[4])) for row in self._rows(_ATTACHMENTS))
        return with_bodies(found, each, self.dropped)

    def dropped(self, request: int) -> Dropping | None:
        if self._agreements is None:
            self._agreements = self._run(dropping.agreements(self._db))
        if not self._agreements:
            return None
        return retention.covering(self._agreements, self._run(dropping.ended(self._db, request)))

    def newest(self) -> int:
        return int(next(self._rows("SELECT coalesce(max(seq), 0) FROM events"))[0])

    def channels(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._rows("SELECT DISTINCT channel FROM postings"))

    def _use_indexes(self, how: str) -> None:
        for setting in _INDEXES:
            self._run(self._execute("SELECT set_config(%s, %s, true)", setting, how))

    async def _execute(self, query: str, *values: object) -> None:
        await self._db.execute(query, values)

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """A cursor of the server's; the end of the transaction closes it."""
        name = f"rows_{next(self._cursors)}"
        self._run(self._execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}", *values))
        while batch := self._run(self._fetch(name)):
            yield from batch
        self._run(self._execute(f"CLOSE {name}"))

    async def _fetch(self, name: str) -> list[tuple[Any, ...]]:
        return await (await self._db.execute(f"FETCH {_AT_ONCE} FROM {name}")).fetchall()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with plain_errors():
            return self._runner.run(work)


@contextmanager
def opened(url: str) -> Iterator[PostgresSource]:
    """The database as it is at one moment. Raises TrailError for one without a trail."""
    with asyncio.Runner() as runner:
        one_moment = reading(url)
        db = runner.run(one_moment.__aenter__())
        try:
            yield PostgresSource(runner, db)
        finally:
            runner.run(one_moment.__aexit__(None, None, None))


async def condition(url: str) -> Condition:
    """As `bot.audit.reading.condition` does with a file."""
    async with reading(url) as db:
        await rows.check_newest(db)
        row = await (await db.execute(_CONDITION)).fetchone()
        newest = await (await db.execute("SELECT coalesce(max(seq), 0) FROM checkpoints")).fetchone()
        told = dict(await (await db.execute("SELECT place, seq FROM told")).fetchall())
    events, now, standby, may = row or (0, None, True, False)
    barred = "the server is a standby" if standby else "" if may else "this user may not insert into its tables"
    return Condition(events=events, sealed=newest[0] if newest else 0, told=told, now=now, barred=barred)


async def verify(url: str) -> Verified:
    """Check the whole trail, as `bot.audit.reading.verify` does with a file."""
    return await asyncio.to_thread(_verify, url)


def _verify(url: str) -> Verified:
    with opened(url) as source:
        return verified(source)


async def checkpoint(url: str, event: int | None) -> Checkpoint | None:
    """The newest checkpoint, or the one of that event."""
    query = "SELECT seq, text, signature FROM checkpoints WHERE seq = coalesce(%s, seq) ORDER BY seq DESC LIMIT 1"
    async with reading(url) as db:
        row = await (await db.execute(query, [event])).fetchone()
    return sealed.checkpoint(row) if row else None


async def show(url: str, request: int) -> Sequence[Record]:
    """The events of one request, oldest first. Raises TrailError if there is no such request."""
    async with reading(url) as db:
        records = await rows.of_request(db, request)
    if not records:
        raise TrailError(f"there is no request {request} in the trail")
    return records


async def aged(url: str, before: datetime) -> Aged:
    """What only requests need that had ended by then."""
    async with reading(url) as db:
        up_to = await dropping.before(db, before)
        totals = f"SELECT count(*), coalesce(sum(length), 0)::bigint FROM ({dropping.OLD}) AS found"  # noqa: S608 - constants
        row = await (await db.execute(totals, dropping.values(up_to))).fetchone()
    bodies, size = row or (0, 0)
    return Aged(up_to=up_to, bodies=bodies, size=size)


async def dropped(db: Db, request: RequestId) -> Dropping | None:
    """By which word of two people the attachments of that request are gone; None if they are kept."""
    return retention.covering(await dropping.agreements(db), await dropping.ended(db, request))


async def list_requests(
    url: str, *, about: str | None = None, reads: bool = False, limit: int = 50
) -> Sequence[Sequence[Record]]:
    """The newest requests first, each with its events, as `bot.audit.reading.list_requests` gives them."""
    async with reading(url) as db:
        return await search(db, about=about, since=None, listings=True, reads=reads, limit=limit)


async def of_person(db: Db, who: str, kinds: Collection[str], since: datetime) -> Sequence[Record]:
    """What that person did in any request since then, oldest first."""
    return await rows.of_person(db, who, kinds, await dropping.before(db, since))


async def search(
    db: Db, *, about: str | None, since: datetime | None, listings: bool, reads: bool = False, limit: int
) -> Sequence[Sequence[Record]]:
    """The newest requests first, as `Trail.requests` says."""
    found: list[Sequence[Record]] = []
    left_out = hidden(listings=listings, reads=reads)
    async for records in rows.newest_requests(db, left_out, batch=min(limit, _SEARCHED)):
        if len(found) >= limit or (since and records[0].at < since):
            break
        if about is None or about in names(records[0]):
            found.append(records)
    return tuple(found)
