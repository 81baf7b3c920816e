"""The audit trail: whether it opens, its newest events fit, it can be written, there is room, and its key is there."""

import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.audit import signing, stored
from bot.audit.records import Condition
from bot.counting import count
from bot.doctor.clocks import OURS, of_clock
from bot.errors import BrokenTrail, NoTrail, SettingsError, TrailError
from bot.findings import Finding, Level, finding_in
from bot.rollcall import apart
from bot.settings import Settings

finding = finding_in("trail")

GIB = 1024**3
LITTLE, TOO_LITTLE = 2 * GIB, GIB // 4
"""Bytes that are free: below the first it is worth knowing, below the second wrong."""

VERIFY = "kickbot audit verify says what was done to it. Nothing may be repaired by hand."
RIGHTS = "Give it to the user that runs `kickbot run`, and run this as that user too."
MAKE_ROOM = "Make room: where an event can't be recorded, nothing is done."
NO_KEY = "nobody signs checkpoints, so a trail that was cut off at its end, or made anew, can't be told from here"
WRITE_KEY = 'Write key = "checkpoints_ed25519" below [audit], then: kickbot audit key'


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """It tries no write: what would stop one is looked for."""
    database = settings.database
    if isinstance(database, Path) and database.parent.is_dir():
        yield _room(database.parent)
    async for found in _opened(database):
        yield found
    for found in _key(settings.signing_key):
        yield found


async def _opened(database: Path | str) -> AsyncIterator[Finding]:
    began = datetime.now(UTC)
    try:
        condition = await stored.condition(database)
    except NoTrail as error:
        yield finding("note", str(database), str(error), "`kickbot run` makes it.")
        return
    except BrokenTrail as broken:
        yield finding("wrong", "newest events", f"broken at {broken} [{broken.kind}]", VERIFY)
        return
    except TrailError as error:
        yield finding("wrong", str(database), str(error), "Is it there, and may this user read it?")
        return
    for found in _judged(condition, database, began):
        yield found


def _judged(condition: Condition, database: Path | str, began: datetime) -> Iterator[Finding]:
    newest = f", and the newest of its {count(condition.events, 'event')} fit" if condition.events else ", no event yet"
    yield finding("ok", str(database), f"opens{newest}")
    if condition.barred:
        yield finding("wrong", str(database), f"can't be written: {condition.barred}", RIGHTS)
    if condition.now is not None:
        yield of_clock("PostgreSQL", apart(condition.now, began, datetime.now(UTC)), OURS)


def _room(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    level: Level = "wrong" if free < TOO_LITTLE else "note" if free < LITTLE else "ok"
    return finding(level, str(folder), f"{free / GIB:.1f} GiB free", "" if level == "ok" else MAKE_ROOM)


def _key(path: Path | None) -> Iterator[Finding]:
    if path is None:
        yield finding("note", "audit.key", NO_KEY, WRITE_KEY)
        return
    try:
        if signing.Signer(path).allowed == signing.public(path):
            yield finding("ok", "audit.key", f"{path} signs checkpoints")
        else:
            said = f"{signing.public_path(path)} is not its public half: no checkpoint would count"
            yield finding("wrong", "audit.key", said, "Bring the right one back: ssh-keygen -y -f KEY > KEY.pub")
    except SettingsError as error:
        yield finding("wrong", "audit.key", str(error).removeprefix("audit.key: "), "kickbot audit key makes one.")
