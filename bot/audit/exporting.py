"""A whole trail in the words of other tools, one event after the other. Pure. Memory: one event, the open requests.

jsonl is the trail itself, which a verifier reads, and is not judged here; the other forms raise BrokenTrail where the
chain doesn't fit, so that nobody's report rests on an event that was changed.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator

from bot import __version__
from bot.audit import chain, lines, records
from bot.audit.ocsf import Mapper, milliseconds
from bot.audit.sources import Source
from bot.audit.telling import said
from bot.cleaning import clean
from bot.events import Ending, Held, Record, Signalled
from bot.models import timestamp

COLUMNS = ("event", "request", "at", "kind", "who", "host", "account", "what", "hash")
FORMULA = frozenset("=+-@\t\r\n|%")
"""What a spreadsheet takes for the beginning of a formula."""


def export(source: Source, form: str) -> Iterator[bytes]:
    """form: one of FORMS."""
    return FORMS[form](source)


def _jsonl(source: Source) -> Iterator[bytes]:
    numbered = enumerate((lines.of_event(*row) for row in source.events()), 1)
    return lines.merged(numbered, source.checkpoints())


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
        host, account = _whom(record)
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
    """ArcSight's Common Event Format, version 0."""
    for record in _records(source):
        host, account = _whom(record)
        told = {
            "rt": str(milliseconds(record.at)),
            "externalId": str(record.seq),
            "suser": record.event.who,
            "dhost": host,
            "duser": account,
            "cn1Label": "request",
            "cn1": str(record.request),
            "cs1Label": "hash",
            "cs1": record.hash,
            "msg": said(record.event),
        }
        shown = " ".join(f"{name}={_value(value)}" for name, value in told.items() if value)
        header = "|".join(map(_field, ("Kickbot", "Kickbot", __version__, record.event.kind, record.event.kind)))
        yield f"CEF:0|{header}|3|{shown}\n".encode()


def _field(text: str) -> str:
    return clean(text).replace("\\", r"\\").replace("|", r"\|").replace("\n", " ")


def _value(text: str) -> str:
    return clean(text).replace("\\", r"\\").replace("=", r"\=").replace("\n", r"\n").replace("\r", r"\r")


def _whom(record: Record) -> tuple[str, str]:
    """The host and the account that an event is about, if it is about one."""
    match record.event:
        case Ending(step=step) | Signalled(step=step):
            return step.host, step.target.account.name
        case Held(target=target):
            return target.host, target.account.name
        case _:
            return "", ""


FORMS: dict[str, Callable[[Source], Iterator[bytes]]] = {"jsonl": _jsonl, "csv": _csv, "ocsf": _ocsf, "cef": _cef}
