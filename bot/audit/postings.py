"""What the publisher remembers: which part of which event stands where in Slack. Beside the trail, not in its chain.

It proves nothing: losing it costs a look into Slack before the next message, and no more.
"""

from sqlite_utils import Database

from bot.audit.database import AuditDatabase, transaction
from bot.borders import Posting

_PUT = """
INSERT INTO postings (event, part, channel, ts) VALUES (?, ?, ?, ?)
ON CONFLICT (event, part) DO UPDATE SET channel = excluded.channel, ts = excluded.ts
"""


class SqlitePostings:
    """The Postings of borders.py in the trail's own file and thread. Failures raise TrailError."""

    def __init__(self, database: AuditDatabase) -> None:
        self._database = database

    async def turn(self) -> None:
        """At once: whoever has the file open is the only one."""

    async def get(self, event: int, part: str) -> Posting | None:
        return await self._database.run(lambda db: _get(db, event, part))

    async def noted(self, event: int, part: str) -> Posting | None:
        return await self.get(event, part)

    async def put(self, posting: Posting) -> None:
        await self._database.run(lambda db: _put(db, posting))

    async def cursor(self) -> int:
        return await self._database.run(_cursor)

    async def advance(self, seq: int) -> None:
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
