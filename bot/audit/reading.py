"""What the command line reads from the audit trail's file, beside a running bot. It writes nothing, locks nothing."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlite_utils import Database

from bot.audit import rows, sealed
from bot.audit.database import connect_readonly, plain_errors
from bot.audit.records import Condition, Verified, fault, names
from bot.audit.sources import verified
from bot.borders import Checkpoint, Stamped
from bot.errors import BrokenTrail, NoTrail, TrailError
from bot.events import Record

# Every attachment of an event that keeps content, with the content if it is there.
_ATTACHMENTS = """
SELECT events.seq, json_extract(looks.value, '$.sha256'), json_extract(looks.value, '$.size'), bodies.content
FROM events, json_each(events.bytes, '$.event.looks') AS looks
LEFT JOIN bodies ON bodies.sha256 = json_extract(looks.value, '$.sha256')
WHERE events.kind = 'observed' ORDER BY events.seq
"""


class SqliteSource:
    """The Source of `sources.py` in a file."""

    def __init__(self, db: Database) -> None:
        self._db = db

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
        return found.model_copy(update={"bodies": _check_bodies(self._db)})

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
        events = rows.head(db).seq
    barred = [str(place) for place in (path, path.parent) if not os.access(place, os.W_OK)]
    said = f"user id {os.geteuid()} can't write {' and '.join(barred)}" if barred else ""
    return Condition(events=events, barred=said)


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
    limit: int = 50,
) -> Sequence[Sequence[Record]]:
    """The newest requests first, each with its events.

    about: only of this Slack id, login name or host. since: only what began then or later. listings: with those that
    only looked.
    """
    with _snapshot(path) as db:
        return tuple(islice(_requests(db, about, since, listings=listings), limit))


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


def _requests(db: Database, about: str | None, since: datetime | None, *, listings: bool) -> Iterator[Sequence[Record]]:
    for request in rows.newest_requests(db, listings=listings):
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


def _check_bodies(db: Database) -> int:
    """How many attachments fit. Raises BrokenTrail with the event that names one that doesn't."""
    checked = 0
    for sequence, sha256, size, content in db.execute(_ATTACHMENTS):
        if why := fault(sha256, size, content):
            raise BrokenTrail(sequence, f"its attachment {sha256} {why}")
        checked += 1
    return checked
