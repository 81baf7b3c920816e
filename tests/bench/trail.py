"""The audit trail: how fast events are appended, verified and exported, and in how much memory.

The events are those of tests/golden, over and over, ten to a request; a checkpoint stands after each request. Rates
are events in a second: of the clock for appends, which wait for the disk, and of one core for all others.
"""

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

from sqlite_utils import Database

from bot.audit import chain, checkpoints, signing, stored
from bot.audit.database import AuditDatabase, transaction
from bot.audit.examining import Fits, examine
from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint, Store
from bot.events import Cancelled, Entry, Event
from bot.models import RequestId
from tests.bench.clients import Run
from tests.bench.fanout import Figures, measured
from tests.postgres.programs import programs
from tests.postgres.server import TEMPLATE, prepared
from tests.whole import configure

GOLDEN = Path(__file__).parents[1] / "golden" / "events.jsonl"
START = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)
EACH = 10
"""Events of a request."""
APPENDS = 500
FORMS = ("jsonl", "csv")
FEW, ALL = "a tenth", "all"

Rates = dict[str, list[float]]
"""What was measured -> one figure for each round."""


def rates(events: int, times: int, folder: Path) -> Rates:
    """`append …`, `verify …`, `export …`: events in a second; `memory …`: all of them against a tenth of them."""
    key = folder / "checkpoints"
    signing.make(key)
    paths = {FEW: folder / "few.db", ALL: folder / "all.db"}
    asyncio.run(_filled(paths[FEW], events // 10, signing.Signer(key)))
    asyncio.run(_filled(paths[ALL], events, signing.Signer(key)))
    fits = signing.Signers(signing.public(key)).fits
    found: Rates = {}
    for _ in range(times):
        for name, rate in (*_appends(folder), *_verified(paths[ALL], fits), *_exported(paths, events, folder)):
            found.setdefault(name, []).append(rate)
    return found


# ---------------------------------------------------------------------------------------------------- a long trail


async def _filled(path: Path, events: int, signer: signing.Signer) -> None:
    """A file with so many events."""
    async with AuditDatabase.open(path) as database:
        await database.run(lambda db: _fill(db, events, signer))


def _fill(db: Database, events: int, signer: signing.Signer) -> None:
    with transaction(db):
        previous, before, trail = chain.GENESIS, None, ""
        for seq, event in zip(range(1, events + 1), cycle(_events()), strict=False):
            at = START + timedelta(milliseconds=seq)
            first = RequestId(seq - (seq - 1) % EACH)
            row = chain.seal(previous, Entry(seq=seq, request=first, at=at, event=event))
            db.execute("INSERT INTO events (bytes, hash) VALUES (?, ?)", row)
            previous, trail = row.hash, trail or row.hash
            if seq % EACH == 0:
                before = checkpoints.stated(trail, seq, previous, at, before, chain.GENESIS)
                signed = (seq, before.text, signer.sign(before.text))
                db.execute("INSERT INTO checkpoints VALUES (?, ?, ?)", signed)


def _events() -> Iterator[Event]:
    """One of each kind. A key is of one request only, so those that have one are left out."""
    for line in GOLDEN.read_bytes().splitlines():
        event = Entry.model_validate_json(line).event
        if not getattr(event, "key", None):
            yield event


# ---------------------------------------------------------------------------------------------------- its rates


def _appends(folder: Path) -> Iterator[tuple[str, float]]:
    path = folder / "appended.db"
    path.unlink(missing_ok=True)
    yield "append to SQLite", asyncio.run(_appended(SqliteTrail.open(path)))
    if programs():
        with prepared() as server:
            trail = PostgresTrail.open(server.new_database(TEMPLATE))
            yield "append to PostgreSQL", asyncio.run(_appended(trail))


async def _appended(opened: AbstractAsyncContextManager[Store]) -> float:
    """One after the other, each on the disk before the next."""
    async with opened as trail:
        began = time.monotonic()
        for _ in range(APPENDS):
            await trail.append(None, Cancelled(who="U0ALICE"))
        return APPENDS / (time.monotonic() - began)


def _verified(path: Path, fits: Fits) -> Iterator[tuple[str, float]]:
    with stored.opened(path) as source:
        yield "verify the chain", _rate(source.events(), (), fits)
        yield "verify with a signature on every tenth event", _rate(source.events(), source.checkpoints(), fits)


def _rate(events: Iterable[tuple[bytes, str]], sealed: Iterable[Checkpoint], fits: Fits) -> float:
    began = time.process_time()
    return examine(events, sealed, (), fits).events / (time.process_time() - began)


def _exported(paths: dict[str, Path], events: int, folder: Path) -> Iterator[tuple[str, float]]:
    """Of `kickbot audit export`, its start too."""
    for form in FORMS:
        few, whole = (_export(path, form, folder) for path in paths.values())
        yield f"export as {form}", events / whole["cpu"]
        yield f"memory to export as {form}", whole["memory"] / few["memory"]


def _export(path: Path, form: str, folder: Path) -> Figures:
    config = configure(folder, [("host1", "127.0.0.1", 22)], key=folder / "none", known_hosts=folder / "none")
    config.write_text(f'{config.read_text()}\n[audit]\ndatabase = "{path}"\n')
    kickbot = (
        sys.executable,
        "-m",
        "bot",
        "audit",
        "export",
        "--unrecorded",
        "--format",
        form,
        "--config",
        str(config),
    )
    figures, _ = measured(Run(("sh", "-c", 'exec "$@" >/dev/null', "sh", *kickbot)), folder / "said")
    return figures
