"""The tables of the audit trail in PostgreSQL, their versions, and the check that they are these.

Every column of `events` but bytes and hash is generated from the bytes. Triggers refuse every change of what was
recorded, unless two people agreed to drop attachments: a second lock, since the chain shows it anyway.
"""

from typing import Any

import psycopg

from bot.errors import NoTrail, TrailError

Db = psycopg.AsyncConnection[tuple[Any, ...]]

NAME = "kickbot"
_ALONE = 0x6B69636B  # the advisory lock of whoever makes or changes tables


def _derived(path: str, type_: str = "text") -> str:
    r"""A value out of an event's bytes. PostgreSQL's text can't hold the character 0, which JSON writes as \u0000."""
    return rf"((replace(bytes, '\u0000', '\ufffd')::json #>> '{{{path}}}')::{type_})"


DERIVED = {
    "seq": _derived("seq", "bigint"),
    "request": _derived("request", "bigint"),
    "at": _derived("at"),
    "kind": _derived("event,kind"),
    "who": _derived("event,who"),
    "key": _derived("event,key"),
}

_FIRST = f"""
CREATE TABLE events (
    bytes text NOT NULL,
    hash text NOT NULL,
    seq bigint NOT NULL GENERATED ALWAYS AS ({DERIVED["seq"]}) STORED,
    request bigint NOT NULL GENERATED ALWAYS AS ({DERIVED["request"]}) STORED,
    at text NOT NULL GENERATED ALWAYS AS ({DERIVED["at"]}) STORED,
    kind text NOT NULL GENERATED ALWAYS AS ({DERIVED["kind"]}) STORED,
    who text NOT NULL GENERATED ALWAYS AS ({DERIVED["who"]}) STORED,
    key text GENERATED ALWAYS AS ({DERIVED["key"]}) STORED
);
CREATE UNIQUE INDEX events_seq ON events (seq);
CREATE INDEX events_request ON events (request, seq);
CREATE INDEX events_first ON events (seq) WHERE seq = request;
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;

CREATE TABLE bodies (sha256 text PRIMARY KEY, content bytea NOT NULL);

-- Its one row is the lock of the chain: whoever appends holds it. It shows too if the newest events were removed.
CREATE TABLE head (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), seq bigint NOT NULL, hash text NOT NULL);
INSERT INTO head (seq, hash) VALUES (0, repeat('0', 64));

CREATE TABLE leases (
    request bigint PRIMARY KEY, owner text NOT NULL, epoch bigint NOT NULL, until timestamptz NOT NULL
);

CREATE TABLE postings (
    event bigint NOT NULL, part text NOT NULL, channel text NOT NULL, ts text NOT NULL, PRIMARY KEY (event, part)
);
CREATE TABLE publisher (sole boolean PRIMARY KEY DEFAULT true CHECK (sole), published bigint NOT NULL);
INSERT INTO publisher (published) VALUES (0);

CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'what was recorded is never changed'; END $$;
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE TRIGGER bodies_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON bodies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE events ENABLE ALWAYS TRIGGER events_stay;
ALTER TABLE bodies ENABLE ALWAYS TRIGGER bodies_stay;
"""  # noqa: S608 - constants

_CHECKPOINTS = """
CREATE TABLE checkpoints (seq bigint PRIMARY KEY, text text NOT NULL, signature text NOT NULL);
CREATE TABLE told (place text PRIMARY KEY, seq bigint NOT NULL);
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE checkpoints ENABLE ALWAYS TRIGGER checkpoints_stay;
"""

_STAMPS = """
CREATE TABLE stamps (seq bigint NOT NULL, place text NOT NULL, answer bytea NOT NULL, PRIMARY KEY (seq, place));
CREATE TRIGGER stamps_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON stamps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse();
ALTER TABLE stamps ENABLE ALWAYS TRIGGER stamps_stay;
"""

# Only while two people have let something be dropped, and it isn't done.
_RETENTION = f"""
CREATE INDEX events_retention ON events (request, kind) WHERE kind IN ('retention_approved', 'dropped');
CREATE FUNCTION refuse_unless_agreed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM {NAME}.events AS approved WHERE approved.kind = 'retention_approved' AND NOT EXISTS (
            SELECT 1 FROM {NAME}.events AS done WHERE done.request = approved.request AND done.kind = 'dropped'
        )
    ) THEN RAISE EXCEPTION 'what was recorded is never changed, and nobody agreed to drop anything'; END IF;
    RETURN NULL;
END $$;
DROP TRIGGER bodies_stay ON bodies;
CREATE TRIGGER bodies_stay BEFORE UPDATE OR TRUNCATE ON bodies FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE TRIGGER bodies_go_by_agreement BEFORE DELETE ON bodies
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_unless_agreed();
ALTER TABLE bodies ENABLE ALWAYS TRIGGER bodies_stay;
ALTER TABLE bodies ENABLE ALWAYS TRIGGER bodies_go_by_agreement;
"""  # noqa: S608 - constants

MIGRATIONS = (_FIRST, _CHECKPOINTS, _STAMPS, _RETENTION)
"""The n-th leads to version n. What was released is never changed: a new one is added."""


async def upgrade(db: Db) -> None:
    """Bring the tables up to date, made if they aren't there, by one process at a time. Raises TrailError."""
    async with db.transaction():
        await db.execute("SELECT pg_advisory_xact_lock(%s)", [_ALONE])
        await _check_server(db)
        version = await _version(db)
        _check_known(version)
        if version == len(MIGRATIONS):
            return
        if not version:
            await db.execute(f"CREATE SCHEMA {NAME}")
            await db.execute("CREATE TABLE version (version integer NOT NULL)")
            await db.execute("INSERT INTO version VALUES (0)")
        for script in MIGRATIONS[version:]:
            await db.execute(script)
        await db.execute("UPDATE version SET version = %s", [len(MIGRATIONS)])


async def check(db: Db) -> None:
    """Raises TrailError for a database without a trail, or with one of another version."""
    version = await _version(db)
    if not version:
        raise NoTrail("there is no audit trail in the database yet")
    _check_known(version)
    if version < len(MIGRATIONS):
        raise TrailError(
            "the audit trail was made by an older Kickbot: start the bot once, and it is brought up to date"
        )


def _check_known(version: int) -> None:
    if version > len(MIGRATIONS):
        raise TrailError(f"the audit trail was made by a newer Kickbot (version {version}): use that one")


async def _version(db: Db) -> int:
    """0: there is no trail."""
    found = await (
        await db.execute("SELECT to_regnamespace(%s), to_regclass(%s)", [NAME, f"{NAME}.version"])
    ).fetchone()
    if found == (None, None):
        return 0
    if found and found[1] is None:
        raise TrailError(f"the database's schema {NAME} isn't a Kickbot audit trail")
    row = await (await db.execute("SELECT version FROM version")).fetchone()
    return int(row[0]) if row else 0


async def _check_server(db: Db) -> None:
    """Raises TrailError for a server that can't keep a trail."""
    row = await (await db.execute("SELECT current_setting('server_encoding'), current_setting('fsync')")).fetchone()
    encoding, fsync = row or ("", "")
    if encoding != "UTF8":
        raise TrailError(f"the database's encoding is {encoding}: Kickbot needs one that was made with UTF8")
    if fsync != "on":
        raise TrailError("the server runs with fsync = off, so it may forget what it said it keeps")
