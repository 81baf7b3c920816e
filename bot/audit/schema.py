"""The tables of the audit trail's SQLite file, and the check that they are these and nothing else.

Every column of `events` but bytes and hash is computed from the bytes whenever it is read, so it can't be edited apart.
"""

from sqlite_utils import Database, Migrations

from bot.errors import TrailError

MIGRATIONS = Migrations("kickbot")

_EVENTS = """
CREATE TABLE events (
    bytes TEXT NOT NULL,
    hash TEXT NOT NULL,
    seq INTEGER NOT NULL GENERATED ALWAYS AS (json_extract(bytes, '$.seq')) VIRTUAL,
    request INTEGER NOT NULL GENERATED ALWAYS AS (json_extract(bytes, '$.request')) VIRTUAL,
    at TEXT NOT NULL GENERATED ALWAYS AS (json_extract(bytes, '$.at')) VIRTUAL,
    kind TEXT NOT NULL GENERATED ALWAYS AS (json_extract(bytes, '$.event.kind')) VIRTUAL,
    who TEXT NOT NULL GENERATED ALWAYS AS (json_extract(bytes, '$.event.who')) VIRTUAL,
    key TEXT GENERATED ALWAYS AS (json_extract(bytes, '$.event.key')) VIRTUAL
) STRICT;
CREATE UNIQUE INDEX events_seq ON events (seq);
CREATE INDEX events_request ON events (request, seq);
CREATE INDEX events_kind ON events (kind, request);
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;
"""

_BODIES = "CREATE TABLE bodies (sha256 TEXT NOT NULL PRIMARY KEY, content BLOB NOT NULL) STRICT"

_POSTINGS = """
CREATE TABLE postings (
    event INTEGER NOT NULL,
    part TEXT NOT NULL,
    channel TEXT NOT NULL,
    ts TEXT NOT NULL,
    PRIMARY KEY (event, part)
) STRICT;
CREATE TABLE publisher (only INTEGER PRIMARY KEY CHECK (only = 1), published INTEGER NOT NULL) STRICT;
INSERT INTO publisher VALUES (1, 0);
"""

_CHECKPOINTS = """
CREATE TABLE checkpoints (seq INTEGER PRIMARY KEY, text TEXT NOT NULL, signature TEXT NOT NULL) STRICT;
CREATE TABLE told (place TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE TABLE to_record (number INTEGER PRIMARY KEY, event TEXT NOT NULL) STRICT;
"""

_STAMPS = """
CREATE TABLE stamps (
    seq INTEGER NOT NULL,
    place TEXT NOT NULL,
    answer BLOB NOT NULL,
    PRIMARY KEY (seq, place)
) STRICT;
"""


@MIGRATIONS()
def first(db: Database) -> None:
    for script in (_EVENTS, _BODIES, _POSTINGS):
        db.executescript(script.rstrip().removesuffix(";") + ";")


@MIGRATIONS()
def checkpoints(db: Database) -> None:
    db.executescript(_CHECKPOINTS)


@MIGRATIONS()
def stamps(db: Database) -> None:
    db.executescript(_STAMPS)


def check_version(db: Database) -> None:
    """Raises TrailError for a file that a newer release made, or that is something else altogether."""
    with Database(memory=True) as empty:
        known = {migration.name for migration in MIGRATIONS.pending(empty)}
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    if unknown := sorted(applied - known):
        raise TrailError(f"the database was made by a newer Kickbot, which knows {', '.join(unknown)}: use that one")
    if not applied and _objects(db):
        raise TrailError("the database isn't a Kickbot audit trail: it has other tables")


def check_tables(db: Database) -> None:
    """Raises TrailError unless the tables, indexes, triggers and views are exactly those of its version."""
    with Database(memory=True) as expected:
        MIGRATIONS.apply(expected, stop_before=[migration.name for migration in MIGRATIONS.pending(db)])
        wrong = _objects(db) ^ _objects(expected)
    if wrong:
        names = ", ".join(sorted({name for _, name, _ in wrong}))
        raise TrailError(f"the database's tables aren't those that Kickbot made: {names}")


def _objects(db: Database) -> set[tuple[str, str, str]]:
    """Type, name and definition of all that people can make. The migrations' own table is sqlite-utils' affair."""
    rows = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite/_%' ESCAPE '/'")
    own = MIGRATIONS.migrations_table
    return {(type_, name, sql) for type_, name, table, sql in rows if table != own or type_ not in {"table", "index"}}
