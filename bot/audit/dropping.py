"""Attachments in the SQLite file of which nothing needs the content any more: which they are, and how they go.

Every function takes the connection; none opens or commits anything.
"""

from collections.abc import Generator, Sequence
from datetime import datetime

from sqlite_utils import Database

from bot import retention
from bot.audit import rows
from bot.errors import TrailError
from bot.events import FINAL
from bot.models import RequestId, timestamp
from bot.retention import Dropping

_ENDS = ", ".join(f"'{kind}'" for kind in sorted(FINAL))
# Of every event that keeps content; the content itself is never read.
_OLD = f"""
SELECT bodies.sha256, length(bodies.content) FROM bodies JOIN (
    SELECT json_extract(looks.value, '$.sha256') AS sha256
    FROM events, json_each(events.bytes, '$.event.looks') AS looks
    WHERE events.kind = 'observed'
    GROUP BY 1
    HAVING min(events.request IN (SELECT request FROM events WHERE kind IN ({_ENDS}) AND seq <= ?))
) AS old ON old.sha256 = bodies.sha256
"""  # noqa: S608 - constants
# The plus keeps SQLite from going through all events of that kind where a few are new.
_NEEDED_SINCE = """
SELECT json_extract(looks.value, '$.sha256') FROM events, json_each(events.bytes, '$.event.looks') AS looks
WHERE +events.kind = 'observed' AND events.seq > ?
"""


def before(db: Database, moment: datetime) -> int:
    """The newest event that was recorded before that moment; 0 if there is none."""
    query = "SELECT seq FROM events WHERE at < ? ORDER BY seq DESC LIMIT 1"  # from the end: most often it is near
    row = db.execute(query, [timestamp(moment)]).fetchone()
    return int(row[0]) if row else 0


def old(db: Database, up_to: int) -> Generator[tuple[str, int], None, None]:
    """Digest and size of each attachment that only requests need which had ended by that event."""
    yield from db.execute(_OLD, [up_to])


def agreed(db: Database, request: RequestId) -> Dropping:
    """Raises TrailError unless two people agreed to that request, which is about dropping."""
    found = retention.agreed(rows.of_request(db, request))
    if found is None:
        raise TrailError(f"nobody agreed that request {request} drops anything")
    return found


def drop(db: Database, request: RequestId, digests: Sequence[str], since: int) -> None:
    """Those attachments go, but for what an event after `since` names."""
    agreed(db, request)
    places = ", ".join("?" * len(digests))
    statement = f"DELETE FROM bodies WHERE sha256 IN ({places}) AND sha256 NOT IN ({_NEEDED_SINCE})"  # noqa: S608
    db.execute(statement, [*digests, since])


def agreements(db: Database) -> tuple[Dropping, ...]:
    """Whatever two people agreed to, oldest first."""
    found = db.execute("SELECT request FROM events WHERE kind = 'retention_approved' ORDER BY request").fetchall()
    each = (retention.agreed(rows.of_request(db, row[0])) for row in found)
    return tuple(one for one in each if one is not None)


def ended(db: Database, request: int) -> int | None:
    """The event with which a request ended; None while it is open."""
    query = f"SELECT min(seq) FROM events WHERE request = ? AND kind IN ({_ENDS})"  # noqa: S608 - constants
    end: int | None = db.execute(query, [request]).fetchone()[0]
    return end
