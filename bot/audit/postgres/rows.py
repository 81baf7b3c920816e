"""Rows of the PostgreSQL tables to records and back. Every function takes the connection; none begins or commits."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.audit import chain, records
from bot.audit.postgres.schema import Db
from bot.errors import BrokenTrail, TrailError
from bot.events import FINAL, Attachment, Entry, Record
from bot.models import RequestId, Value

CHANNEL = "kickbot_recorded"
"""Whoever listens there hears of every new event."""
BATCH = 500  # records that a follower gets at once
NEWEST = 100  # events whose hashes are checked at the start
_BIGGEST = 2**63 - 1

# An event with its bytes as they are stored, and the hash of the event before it.
_SELECT = """
SELECT events.seq, events.bytes, events.hash, earlier.hash
FROM events LEFT JOIN events AS earlier ON earlier.seq = events.seq - 1
"""


class Facts(Value):
    """What an append depends on. keyed: the request that has this key. newest: the request's newest event."""

    now: datetime
    keyed: int | None
    newest: int | None


# ------------------------------------------------------------------------------------------ appending


async def lock_head(db: Db) -> chain.Head:
    """The newest event, for whoever holds the lock on the chain: until the transaction ends nobody else appends.

    A statement of its own: what is read in the same one as a lock that was waited for may be from before the wait.
    """
    row = await _one(db, "SELECT seq, hash FROM head FOR UPDATE")
    if row is None:
        raise TrailError("the database's table `head` is empty: it isn't as Kickbot made it")
    return await head_at(db, *row)


async def head_at(db: Db, seq: int, hash_: str) -> chain.Head:
    """The head with its time. Raises BrokenTrail unless exactly that event is the newest."""
    found = await newest(db)
    if found[:2] != (seq, hash_):
        raise BrokenTrail(seq, f"it was recorded last, but event {found.seq} stands at the end")
    return found


async def facts(db: Db, request: RequestId | None, key: str | None) -> Facts:
    """Read after the locks were taken, so that the clock is not from before a wait."""
    keyed = "(SELECT request FROM events WHERE key = %s)"
    newest = "(SELECT max(seq) FROM events WHERE request = %s)"
    row = await _one(db, f"SELECT clock_timestamp(), {keyed}, {newest}", [key, request])
    assert row is not None  # noqa: S101 - for mypy: such a SELECT has one row
    return Facts(now=row[0], keyed=row[1], newest=row[2])


async def insert(db: Db, head: chain.Head, entry: Entry) -> Record:
    """Seal and store one event with its attachments, and tell everyone who listens; the record as it will be read."""
    sealed, record = records.seal(head, entry)
    kept = [(a.sha256, await _content(db, a)) for a in entry.event.attachments]
    async with db.pipeline():
        inserted = await db.execute("INSERT INTO events (bytes, hash) VALUES (%s, %s)", sealed)
        for row in kept:
            await db.execute("INSERT INTO bodies VALUES (%s, %s) ON CONFLICT DO NOTHING", row)
        await db.execute("UPDATE head SET seq = %s, hash = %s", [entry.seq, sealed.hash])
        await db.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(entry.seq)])
    if inserted.rowcount != 1:
        raise TrailError("the database took the event and kept nothing: someone has changed its tables")
    return record


async def _content(db: Db, attachment: Attachment) -> bytes:
    content = await body(db, attachment.sha256) if attachment.content is None else attachment.content
    return records.content_of(attachment, content)


# ------------------------------------------------------------------------------------------ reading


async def check_newest(db: Db) -> None:
    """Raises BrokenTrail if the newest events don't fit to each other, or aren't the newest."""
    head = await _one(db, "SELECT seq, hash FROM head")
    await head_at(db, *(head or (0, "")))
    before = "SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1 OFFSET %s"
    newest = await _one(db, before, [NEWEST])
    start = chain.Head(seq=newest[0], hash=newest[1], at=newest[2]) if newest else chain.START
    found = await _all(db, "SELECT bytes, hash FROM events WHERE seq > %s ORDER BY seq", [start.seq])
    chain.verify(((content.encode(), hash_) for content, hash_ in found), start)


async def stands(db: Db, record: Record) -> bool:
    """Is exactly this record in the trail?"""
    return bool(await _one(db, "SELECT 1 FROM events WHERE seq = %s AND hash = %s", [record.seq, record.hash]))


async def body(db: Db, sha256: str) -> bytes:
    """An attachment's content. Raises TrailError if it isn't there or isn't what the digest says."""
    row = await _one(db, "SELECT content FROM bodies WHERE sha256 = %s", [sha256])
    return records.body(sha256, bytes(row[0]) if row else None)


async def newest(db: Db) -> chain.Head:
    """The newest event, for whoever only reads."""
    row = await _one(db, "SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1")
    return chain.Head(*row) if row else chain.START


async def of_request(db: Db, request: int) -> Sequence[Record]:
    """A request's records, oldest first."""
    if not 0 < request <= _BIGGEST:
        return ()
    return await _records(db, "WHERE events.request = %s ORDER BY events.seq", [request])


async def of_person(db: Db, who: str, kinds: Collection[str], since: int) -> Sequence[Record]:
    """What that person did after that event, oldest first."""
    where = "WHERE events.seq > %s AND events.who = %s AND events.kind = ANY(%s) ORDER BY events.seq"
    return await _records(db, where, [since, who, list(kinds)])


async def of_requests(db: Db, requests: Sequence[RequestId]) -> Mapping[RequestId, Sequence[Record]]:
    """The records of several requests, each oldest first."""
    found: dict[RequestId, list[Record]] = {request: [] for request in requests}
    for record in await _records(db, "WHERE events.request = ANY(%s) ORDER BY events.seq", [list(requests)]):
        found[record.request].append(record)
    return found


async def following(db: Db, since: int) -> Sequence[Record]:
    """The next few records after a sequence number.

    None can be missing: whoever appends holds the chain's lock until its commit, so numbers are seen in their order.
    """
    return await _records(db, f"WHERE events.seq > %s ORDER BY events.seq LIMIT {BATCH}", [since])


async def begun_or_ended(db: Db, since: int) -> Sequence[tuple[int, RequestId, bool]]:
    """Each event after a sequence number that begins or ends a request: (sequence number, request, whether it ends).

    The last one stands there whatever it does, so that the next call begins behind it.
    """
    query = """
    SELECT seq, request, kind = ANY(%s) FROM events
    WHERE seq > %s AND (seq = request OR kind = ANY(%s) OR seq = (SELECT max(seq) FROM events)) ORDER BY seq
    """
    return [(s, RequestId(r), ends) for s, r, ends in await _all(db, query, [sorted(FINAL), since, sorted(FINAL)])]


async def newest_requests(db: Db, left_out: Sequence[str], *, batch: int) -> AsyncIterator[Sequence[Record]]:
    """Every request with its records, the newest first, but for those that begin with one of those kinds."""
    before = _BIGGEST
    query = "SELECT seq FROM events WHERE seq = request AND seq < %s AND kind <> ALL(%s) ORDER BY seq DESC LIMIT %s"
    while numbers := [RequestId(row[0]) for row in await _all(db, query, [before, left_out, batch])]:
        found = await of_requests(db, numbers)
        for number in numbers:
            yield found[number]
        before = numbers[-1]


async def _records(db: Db, where: str, values: Sequence[object]) -> Sequence[Record]:
    found = await _all(db, _SELECT + where, values)
    return tuple(records.checked(seq, content.encode(), hash_, earlier) for seq, content, hash_, earlier in found)


async def _one(db: Db, query: str, values: Sequence[object] = ()) -> tuple[Any, ...] | None:
    return await (await db.execute(query, values)).fetchone()


async def _all(db: Db, query: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    return await (await db.execute(query, values)).fetchall()
