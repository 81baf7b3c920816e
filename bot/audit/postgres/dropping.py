"""The same as `bot.audit.dropping` in PostgreSQL: which attachments nothing needs any more, and how they go."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot import retention
from bot.audit.postgres import rows
from bot.audit.postgres.schema import Db
from bot.errors import TrailError
from bot.events import FINAL
from bot.models import RequestId, timestamp
from bot.retention import Dropping

_LOOKS = r"json_array_elements(replace(bytes, '\u0000', '\ufffd')::json #> '{event,looks}') AS look"
OLD = f"""
SELECT bodies.sha256, length(bodies.content) FROM bodies JOIN (
    SELECT look->>'sha256' AS sha256 FROM events CROSS JOIN {_LOOKS}
    LEFT JOIN (SELECT DISTINCT request FROM events WHERE kind = ANY(%(ends)s) AND seq <= %(up_to)s) AS ended
        ON ended.request = events.request
    WHERE events.kind = 'observed' GROUP BY 1 HAVING bool_and(ended.request IS NOT NULL)
) AS old ON old.sha256 = bodies.sha256
"""  # noqa: S608 - constants
_DROP = f"""
DELETE FROM bodies WHERE sha256 = ANY(%s) AND sha256 NOT IN (
    SELECT look->>'sha256'
    FROM (SELECT bytes FROM events WHERE seq > %s AND kind = 'observed') AS newer CROSS JOIN {_LOOKS}
)
"""  # noqa: S608 - constants


def values(up_to: int) -> dict[str, Any]:
    """What OLD is about."""
    return {"up_to": up_to, "ends": sorted(FINAL)}


async def before(db: Db, moment: datetime) -> int:
    """The newest event that was recorded before that moment; 0 if there is none."""
    query = 'SELECT seq FROM events WHERE at < %s COLLATE "C" ORDER BY seq DESC LIMIT 1'
    row = await (await db.execute(query, [timestamp(moment)])).fetchone()
    return int(row[0]) if row else 0


async def agreed(db: Db, request: RequestId) -> Dropping:
    """Raises TrailError unless two people agreed to that request, which is about dropping."""
    found = retention.agreed(await rows.of_request(db, request))
    if found is None:
        raise TrailError(f"nobody agreed that request {request} drops anything")
    return found


async def drop(db: Db, request: RequestId, digests: Sequence[str], since: int) -> None:
    """Those attachments go, but for what an event after `since` names: the chain's lock is held meanwhile."""
    await rows.lock_head(db)
    await agreed(db, request)
    await db.execute(_DROP, [list(digests), since])


async def agreements(db: Db) -> tuple[Dropping, ...]:
    """Whatever two people agreed to, oldest first."""
    query = "SELECT request FROM events WHERE kind = 'retention_approved' ORDER BY request"
    found = await (await db.execute(query)).fetchall()
    each = [retention.agreed(await rows.of_request(db, row[0])) for row in found]
    return tuple(one for one in each if one is not None)


async def ended(db: Db, request: int) -> int | None:
    """The event with which a request ended; None while it is open."""
    query = "SELECT min(seq) FROM events WHERE request = %s AND kind = ANY(%s)"
    row = await (await db.execute(query, [request, sorted(FINAL)])).fetchone()
    return row[0] if row else None
