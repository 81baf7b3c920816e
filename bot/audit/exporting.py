"""A whole trail in the words of other tools, one event after the other. Pure. Memory: one event, the open requests.

jsonl is the trail itself, which a verifier reads, and is not judged here; the other forms raise BrokenTrail where the
chain doesn't fit, so that nobody's report rests on an event that was changed.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator

from bot.audit import chain, lines, records
from bot.audit.cef import cef, whom
from bot.audit.ocsf import Mapper
from bot.audit.sources import Source
from bot.audit.telling import said
from bot.cleaning import clean
from bot.events import Record
from bot.models import timestamp

COLUMNS = ("event", "request", "at", "kind", "who", "host", "account", "what", "hash")
FORMULA = frozenset("=+-@\t\r\n|%")
"""What a spreadsheet takes for the beginning of a formula."""


def export(source: Source, form: str) -> Iterator[bytes]:
    """form: one of FORMS."""
    return FORMS[form](source)


def _jsonl(source: Source) -> Iterator[bytes]:
    numbered = enumerate((lines.of_event(*row) for row in source.events()), 1)
    return lines.merged(numbered, source.checkpoints(), source.stamps())


def _records(source: Source) -> Iterator[Record]:
    """Raises BrokenTrail at the first event that doesn't fit."""
    kept: list[tuple[bytes, str]] = []

    def remembered() -> Iterator[tuple[bytes, str]]:
        for row in source.events():
            kept[:] = [row]
            yield row

    for head in chain.walk(remembered()):
        yield records.read(head.seq, *kept[0])


def _csv(source: Source) -> Iterator[bytes]:
    yield _row(COLUMNS)
    for record in _records(source):
        event = record.event
        host, account = whom(record)
        values = (str(record.seq), str(record.request), timestamp(record.at), event.kind, event.who)
        yield _row((*values, host, account, said(event), record.hash))


def _row(values: tuple[str, ...]) -> bytes:
    """Every cell is quoted; one that a spreadsheet would compute begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(map(_harmless, values))
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    cell = clean(cell)
    return f"'{cell}" if cell.lstrip()[:1] in FORMULA and cell.strip() else cell


def _ocsf(source: Source) -> Iterator[bytes]:
    mapper = Mapper()
    for record in _records(source):
        for event in mapper.events(record):
            yield json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _cef(source: Source) -> Iterator[bytes]:
    for record in _records(source):
        yield f"{cef(record)}\n".encode()


FORMS: dict[str, Callable[[Source], Iterator[bytes]]] = {"jsonl": _jsonl, "csv": _csv, "ocsf": _ocsf, "cef": _cef}
