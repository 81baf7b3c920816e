"""What the command line reads from the audit trail's file, beside a running bot. It writes nothing, locks nothing."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from bot import retention
from bot.audit import dropping, rows, sealed
from bot.audit.database import connect_readonly, plain_errors
from bot.audit.records import Condition, Verified, hidden, names, with_bodies
from bot.audit.sources import verified
from bot.borders import Aged, Checkpoint, Stamped
from bot.errors import NoTrail, TrailError
from bot.events import Record
from bot.retention import Dropping

# Every attachment of an event that keeps content, with the content if it is there.
_ATTACHMENTS = """
SELECT
    events.seq, events.request, json_extract(looks.value, '$.sha256'), json_extract(looks.value, '$.size'),
    bodies.content
FROM events, json_each(events.bytes, '$.event.looks') AS looks
LEFT JOIN bodies ON bodies.sha256 = json_extract(looks.value, '$.sha256')
WHERE events.kind = 'observed' ORDER BY events.seq
"""


class SqliteSource:
    """The Source of `sources.py` in a file."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._agreements: tuple[Dropping, ...] | None = None

    def events(self) -> Iterator[tuple[bytes, str]]:
        return rows.chained(self._db)

    def checkpoints(self) -> Iterator[Checkpoint]:
        return sealed.every(self._db)

    def stamps(self) -> Iterator[Stamped]:
        return sealed.stamps(self._db)

    def body(self, sha256: str) -> bytes | None:
        row = self._db.execute("SELECT content FROM bodies WHERE sha256 = ?", [sha256]).fetchone()
        return bytes(row[0]) if row else None

    def check(self, found: Verified) -> Verified:
        """With each attachment, and that what SQLite derives from the bytes is derived from them."""
        _check_derived(self._db)
        return with_bodies(found, self._db.execute(_ATTACHMENTS), self.dropped)

    def dropped(self, request: int) -> Dropping | None:
        if self._agreements is None:
            self._agreements = dropping.agreements(self._db)
        return retention.covering(self._agreements, dropping.ended(self._db, request)) if self._agreements else None

    def newest(self) -> int:
        return rows.head(self._db).seq

    def channels(self) -> frozenset[str]:
        return frozenset(row[0] for row in self._db.execute("SELECT DISTINCT channel FROM postings"))


@contextmanager
def opened(path: Path) -> Iterator[SqliteSource]:
    """The file as it is at one moment. Raises TrailError for one that isn't a trail."""
    with _snapshot(path) as db:
        yield SqliteSource(db)


def condition(path: Path) -> Condition:
    """Raises BrokenTrail if the newest events don't fit, and TrailError. It tries no write."""
    if not path.exists():
        raise NoTrail("there is no trail in this file yet")
    with plain_errors(), connect_readonly(path.resolve(), traceless=True) as db:
        rows.check_newest(db)
        events, newest = rows.head(db).seq, next(iter(sealed.newest_first(db)), None)
        told = dict(db.execute("SELECT place, seq FROM told"))
    barred = [str(place) for place in (path, path.parent) if not os.access(place, os.W_OK)]
    said = f"user id {os.geteuid()} can't write {' and '.join(barred)}" if barred else ""
    return Condition(events=events, sealed=newest.seq if newest else 0, told=told, barred=said)


def verify(path: Path) -> Verified:
    """Check the whole trail, without any head or signature from elsewhere. Raises BrokenTrail, TrailError."""
    with opened(path) as source:
        return verified(source)


def show(path: Path, request: int) -> Sequence[Record]:
    """The events of one request, oldest first. Raises TrailError if there is no such request."""
    with _snapshot(path) as db:
        records = rows.of_request(db, request)
    if not records:
        raise TrailError(f"there is no request {request} in {path}")
    return records


def list_requests(
    path: Path,
    *,
    about: str | None = None,
    since: datetime | None = None,
    listings: bool = True,
    reads: bool = False,
    limit: int = 50,
) -> Sequence[Sequence[Record]]:
    """The newest requests first, each with its events.

    about: only of this Slack id, login name or host. since: only what began then or later. listings: with those that
    only looked. reads: with those too that only read the trail.
    """
    with _snapshot(path) as db:
        left_out = hidden(listings=listings, reads=reads)
        return tuple(islice(_requests(db, about, since, left_out), limit))


def aged(path: Path, before: datetime) -> Aged:
    """What only requests need that had ended by then."""
    with _snapshot(path) as db:
        up_to, bodies, size = dropping.before(db, before), 0, 0
        for _, length in dropping.old(db, up_to):
            bodies, size = bodies + 1, size + length
        return Aged(up_to=up_to, bodies=bodies, size=size)


def dropped(path: Path, request: int) -> Dropping | None:
    """By which word of two people the attachments of that request are gone; None if they are kept."""
    with _snapshot(path) as db:
        return SqliteSource(db).dropped(request)


def body(path: Path, sha256: str) -> bytes:
    """An attachment's content. Raises TrailError if it isn't there or was changed."""
    with _snapshot(path) as db:
        return rows.body(db, sha256)


def checkpoint(path: Path, event: int | None) -> Checkpoint | None:
    """The newest checkpoint, or the one of that event."""
    with _snapshot(path) as db:
        return next((c for c in sealed.newest_first(db) if event in {None, c.seq}), None)


@contextmanager
def _snapshot(path: Path) -> Iterator[Database]:
    """The file as it is at one moment: what the bot records meanwhile doesn't show."""
    with plain_errors(), connect_readonly(path.resolve()) as db:
        db.execute("BEGIN")
        yield db


def _requests(
    db: Database, about: str | None, since: datetime | None, left_out: Sequence[str]
) -> Iterator[Sequence[Record]]:
    for request in rows.newest_requests(db, left_out):
        records = rows.of_request(db, request)
        if since and records[0].at < since:
            return
        if about is None or about in names(records[0]):
            yield records


def _check_derived(db: Database) -> None:
    """The columns can't differ from the bytes: they are computed, `connect` compared their definition, and here SQLite
    compares its indexes with the rows. An index that leaves out an event would hide it from everyone but the chain.
    """
    found = [row[0] for row in db.execute("PRAGMA integrity_check(1)")]
    if found != ["ok"]:
        raise TrailError(f"the database file is damaged: {found[0]}")
