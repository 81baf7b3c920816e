"""What the publisher remembers: which part of which event stands where in Slack. Beside the trail, not in its chain.

It proves nothing: losing it costs a look into Slack before the next message, and no more.
"""

from sqlite_utils import Database

from bot.audit.database import AuditDatabase, transaction
from bot.models import Value

_PUT = """
INSERT INTO postings (event, part, channel, ts) VALUES (?, ?, ?, ?)
ON CONFLICT (event, part) DO UPDATE SET channel = excluded.channel, ts = excluded.ts
"""


class Posting(Value):
    """One message in Slack. event: a sequence number; part: the publisher's own word for a message about it."""

    event: int
    part: str
    channel: str
    ts: str


class Postings:
    """The postings in the trail's own file and thread: `Postings(trail.database)`. Failures raise TrailError."""

    def __init__(self, database: AuditDatabase) -> None:
        self._database = database

    async def get(self, event: int, part: str) -> Posting | None:
        """Where this part of an event was posted, or None if it wasn't, as far as is known."""
        return await self._database.run(lambda db: _get(db, event, part))

    async def put(self, posting: Posting) -> None:
        """Remember a message, durably. One that is put again replaces the earlier one."""
        await self._database.run(lambda db: _put(db, posting))

    async def cursor(self) -> int:
        """The sequence number up to which everything was published; 0 at first."""
        return await self._database.run(_cursor)

    async def advance(self, seq: int) -> None:
        """Everything up to `seq` was published. It never goes back."""
        await self._database.run(lambda db: _advance(db, seq))


def _get(db: Database, event: int, part: str) -> Posting | None:
    query = "SELECT channel, ts FROM postings WHERE event = ? AND part = ?"
    row = db.execute(query, [event, part]).fetchone()
    return Posting(event=event, part=part, channel=row[0], ts=row[1]) if row else None


def _put(db: Database, posting: Posting) -> None:
    with transaction(db):
        db.execute(_PUT, [posting.event, posting.part, posting.channel, posting.ts])


def _cursor(db: Database) -> int:
    published: int = db.execute("SELECT published FROM publisher").fetchone()[0]
    return published


def _advance(db: Database, seq: int) -> None:
    with transaction(db):
        db.execute("UPDATE publisher SET published = max(published, ?)", [seq])
