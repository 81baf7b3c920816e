"""What the command line reads from the audit trail in PostgreSQL, beside running bots. It writes and locks nothing."""

from collections.abc import Sequence
from datetime import datetime

from bot.audit import chain
from bot.audit.postgres import rows, schema, sealed
from bot.audit.postgres.database import reading
from bot.audit.postgres.schema import Db
from bot.audit.records import Verified, fault, names
from bot.borders import Checkpoint
from bot.errors import BrokenTrail, TrailError
from bot.events import Record

_AT_ONCE = 500
"""Events that are verified in one go."""
_SEARCHED = 100
"""Requests that a search reads in one go."""

# An index could leave out an event: the table itself is read, in its own order of numbers.
_NO_INDEX = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
# A column that is generated from the bytes can be changed only by someone who changes the table: compared once more.
_CHANGED = " OR ".join(f"{name} IS DISTINCT FROM {value}" for name, value in schema.DERIVED.items())
# Every attachment of an event that keeps content, with the content if it is there.
_ATTACHMENTS = r"""
SELECT events.seq, look->>'sha256', (look->>'size')::bigint, bodies.content
FROM events CROSS JOIN json_array_elements(replace(bytes, '\u0000', '\ufffd')::json #> '{event,looks}') AS look
LEFT JOIN bodies ON bodies.sha256 = look->>'sha256'
WHERE events.kind = 'observed' ORDER BY events.seq
"""


async def verify(url: str) -> Verified:
    """Check the whole trail, as `bot.audit.reading.verify` does with a file."""
    async with reading(url) as db:
        for setting in _NO_INDEX:
            await db.execute("SELECT set_config(%s, 'off', true)", [setting])
        head = await _verify_chain(db)
        newest = await (await db.execute("SELECT seq, hash FROM head")).fetchone()
        if newest != (head.seq, head.hash):
            told = newest[0] if newest else "none"
            raise BrokenTrail(head.seq + 1, f"the newest event is {head.seq}, but {told} was recorded last")
        return Verified(events=head.seq, head=head.hash, bodies=await _check_bodies(db))


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


async def list_requests(url: str, *, about: str | None = None, limit: int = 50) -> Sequence[Sequence[Record]]:
    """The newest requests first, each with its events. about: only of this Slack id, login name or host."""
    async with reading(url) as db:
        return await search(db, about=about, since=None, listings=True, limit=limit)


async def search(
    db: Db, *, about: str | None, since: datetime | None, listings: bool, limit: int
) -> Sequence[Sequence[Record]]:
    """The newest requests first, as `Trail.requests` says."""
    found: list[Sequence[Record]] = []
    async for records in rows.newest_requests(db, listings=listings, batch=min(limit, _SEARCHED)):
        if len(found) >= limit or (since and records[0].at < since):
            break
        if about is None or about in names(records[0]):
            found.append(records)
    return tuple(found)


async def _verify_chain(db: Db) -> chain.Head:
    head = chain.START
    query = f"SELECT bytes, hash, {_CHANGED} FROM events ORDER BY seq"  # noqa: S608 - constants
    async with db.cursor("chain") as cursor:
        await cursor.execute(query)
        while batch := await cursor.fetchmany(_AT_ONCE):
            for content, hash_, changed in batch:
                head = chain.verify([(content.encode(), hash_)], head)
                if changed:
                    raise BrokenTrail(head.seq, "a column beside its bytes was changed")
    return head


async def _check_bodies(db: Db) -> int:
    """How many attachments fit. Raises BrokenTrail with the event that names one that doesn't."""
    checked = 0
    async with db.cursor("attachments") as cursor:
        await cursor.execute(_ATTACHMENTS)
        async for sequence, sha256, size, content in cursor:
            if why := fault(sha256, size, None if content is None else bytes(content)):
                raise BrokenTrail(sequence, f"its attachment {sha256} {why}")
            checked += 1
    return checked
