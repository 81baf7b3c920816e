"""Rows of the SQLite file to records and back. Every function takes the connection; none opens or commits anything."""

from collections.abc import Collection, Iterator, Sequence

from sqlite_utils import Database

from bot.audit import chain, records
from bot.events import FINAL, Attachment, Entry, Record
from bot.models import RequestId

_BATCH = 500  # records that a follower gets at once
_NEWEST = 100  # events whose hashes are checked at the start
_BIGGEST = 2**63 - 1  # SQLite's largest integer

# An event with its bytes as they are stored, and the hash of the event before it.
_SELECT = """
SELECT events.seq, CAST(events.bytes AS BLOB), events.hash, earlier.hash
FROM events LEFT JOIN events AS earlier ON earlier.seq = events.seq - 1
"""


def chained(db: Database) -> Iterator[tuple[bytes, str]]:
    """(bytes, hash) of every event in the order of the table itself: no index is asked, since one could be wrong."""
    for content, stored in db.execute("SELECT CAST(bytes AS BLOB), CAST(hash AS BLOB) FROM events ORDER BY rowid"):
        yield content, stored.decode("ascii", "replace")


def head(db: Database) -> chain.Head:
    """The newest event."""
    row = db.execute("SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return chain.Head(seq=row[0], hash=row[1], at=row[2]) if row else chain.START


def check_newest(db: Database) -> None:
    """Raises BrokenTrail if the newest events don't fit to each other."""
    newest = db.execute("SELECT seq, hash, at FROM events ORDER BY seq DESC LIMIT 1 OFFSET ?", [_NEWEST]).fetchone()
    start = chain.Head(seq=newest[0], hash=newest[1], at=newest[2]) if newest else chain.START
    chain.verify(
        db.execute("SELECT CAST(bytes AS BLOB), hash FROM events WHERE seq > ? ORDER BY seq", [start.seq]), start
    )


def insert(db: Database, head: chain.Head, entry: Entry) -> Record:
    """Seal and store one event with its attachments; the record as it will be read back."""
    sealed, record = records.seal(head, entry)
    db.execute("INSERT INTO events (bytes, hash) VALUES (?, ?)", sealed)
    for attachment in entry.event.attachments:
        _store(db, attachment)
    return record


def _store(db: Database, attachment: Attachment) -> None:
    content = body(db, attachment.sha256) if attachment.content is None else attachment.content
    kept = records.content_of(attachment, content)
    db.execute("INSERT INTO bodies VALUES (?, ?) ON CONFLICT DO NOTHING", [attachment.sha256, kept])


def body(db: Database, sha256: str) -> bytes:
    """An attachment's content. Raises TrailError if it isn't there or isn't what the digest says."""
    row = db.execute("SELECT content FROM bodies WHERE sha256 = ?", [sha256]).fetchone()
    return records.body(sha256, bytes(row[0]) if row else None)


def of_request(db: Database, request: int) -> Sequence[Record]:
    """A request's records, oldest first."""
    if not 0 < request <= _BIGGEST:
        return ()
    return _records(db, "WHERE events.request = ? ORDER BY events.seq", [request])


def following(db: Database, since: int) -> Sequence[Record]:
    """The next few records after a sequence number."""
    return _records(db, f"WHERE events.seq > ? ORDER BY events.seq LIMIT {_BATCH}", [since])


def of_person(db: Database, who: str, kinds: Collection[str], since: int) -> Sequence[Record]:
    """What that person did after that event, oldest first. The plus keeps SQLite from going through a whole kind."""
    places = ", ".join("?" * len(kinds))
    where = f"WHERE events.seq > ? AND events.who = ? AND +events.kind IN ({places}) ORDER BY events.seq"
    return _records(db, where, [since, who, *kinds])


def newest_of(db: Database, request: RequestId | None) -> int | None:
    """The newest sequence number of a request; None if it has none."""
    newest: int | None = db.execute("SELECT max(seq) FROM events WHERE request = ?", [request]).fetchone()[0]
    return newest


def request_of_key(db: Database, key: str | None) -> int | None:
    """The request whose first event has this key."""
    row = db.execute("SELECT request FROM events WHERE key = ?", [key]).fetchone()
    return row[0] if row else None


def open_requests(db: Database) -> Sequence[RequestId]:
    """Requests without a final event, oldest first."""
    places = ", ".join("?" * len(FINAL))
    closed = f"SELECT request FROM events WHERE kind IN ({places})"  # noqa: S608 - only question marks
    query = f"SELECT seq FROM events WHERE seq = request AND seq NOT IN ({closed}) ORDER BY seq"  # noqa: S608
    return tuple(RequestId(row[0]) for row in db.execute(query, sorted(FINAL)))


def newest_requests(db: Database, left_out: Sequence[str]) -> Iterator[RequestId]:
    """Every request, the newest first, but for those that begin with one of those kinds."""
    places = ", ".join("?" * len(left_out))
    query = f"SELECT seq FROM events WHERE seq = request AND kind NOT IN ({places}) ORDER BY seq DESC"  # noqa: S608
    for row in db.execute(query, left_out):
        yield RequestId(row[0])


def _records(db: Database, where: str, values: Sequence[int | str]) -> Sequence[Record]:
    return tuple(records.checked(*row) for row in db.execute(_SELECT + where, values))
