"""The report as one HTML page that needs nothing else: no script, nothing from elsewhere, and it prints well. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from bot import __version__, lifecycle
from bot.audit.records import Verified
from bot.audit.report.emergencies import emergencies
from bot.audit.report.html import table, tag
from bot.audit.report.timeline import picture
from bot.audit.telling import each_other, said, verified
from bot.durations import spell
from bot.errors import TrailError
from bot.events import BOT, Attachment, Observed, Record, Signalled
from bot.models import Look, RequestId, Session, Snapshot, Unreachable
from bot.pairs import Counted
from bot.request import Request
from bot.retention import Dropping
from bot.sentences import ended

Body = Callable[[str], bytes | None]
"""An attachment's content by its SHA-256, checked; None if it isn't there."""

Dropped = Callable[[RequestId], Dropping | None]
"""By whose word the attachments of a request are gone; None if they are kept."""

NOT_VERIFIED = "The whole trail was not verified for this: `kickbot audit verify`, as below, does it."

LOOK: TypeAdapter[Snapshot | Unreachable] = TypeAdapter(Look)
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.25rem; margin: 2.2rem 0 .3rem; border-top: 2px solid #1a1a1a;
padding-top: .8rem } h3 { font-size: 1rem; margin: 1.3rem 0 .3rem }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid #d4d4d4; padding: .25rem .7rem .25rem 0;
overflow-wrap: break-word; white-space: pre-wrap } th { border-bottom-color: #1a1a1a; font-weight: 600 }
.told { overflow-wrap: anywhere } td:first-child { white-space: nowrap }
code, .hash { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere }
pre { font: 12px/1.4 ui-monospace, monospace; background: #f4f4f4; padding: .6rem; white-space: pre-wrap;
overflow-wrap: anywhere }
.muted { color: #5c5c5c } svg { width: 100%; height: auto; margin: .4rem 0 }
svg text { font: 11px system-ui, sans-serif } svg .lane { stroke: #d4d4d4 }
svg .number, svg .time { text-anchor: middle; fill: #5c5c5c; font-size: 10px } svg .time { text-anchor: start }
.lane0 { fill: #0b57a4 } .lane1 { fill: #6a6a6a } .lane2 { fill: #b3261e } .lane3 { fill: #1c7c3c }
@media print { body { margin: 0; max-width: none; font-size: 11px } tr, svg, pre { break-inside: avoid }
h2 { break-before: page } h2.first { break-before: auto } h3 { break-after: avoid } }
@page { margin: 16mm }
"""


def page(
    requests: Sequence[Sequence[Record]],
    body: Body,
    found: Verified | None,
    *,
    dropped: Dropped,
    pairs: Counted,
    by: str,
    now: datetime,
) -> Iterator[str]:
    """Piece by piece. by: who made it. found: what verify says of the whole trail; None: nobody
    asked it.
    """
    count = f"{len(requests)} request{'' if len(requests) == 1 else 's'}"
    yield '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width">'
    yield f"{tag('title', f'Kickbot: report of {count}')}<style>{STYLE}</style></head><body>"
    yield tag("h1", f"Report of {count}")
    yield tag("p", f"Made by {by} at {_moment(now)} with Kickbot {__version__}. All times are UTC.", class_="muted")
    yield tag("h3", "Does the trail fit?")
    yield tag("ul", *(tag("li", line) for line in (verified(found, ()) if found else [NOT_VERIFIED])))
    yield from emergencies([known for records in requests if (known := _replayed(records))])
    for number, records in enumerate(requests):
        yield from _request(records, body, dropped, first=not number)
    yield from _who_for_whom(requests, pairs)
    yield from _how_to_verify(f"{found.events}:{found.head}" if found else _newest(requests))
    yield "</body></html>\n"


def _request(records: Sequence[Record], body: Body, dropped: Dropped, *, first: bool) -> Iterator[str]:
    opening = records[0]
    yield tag("h2", f"Request {opening.request}: {_title(records)}", **({"class_": "first"} if first else {}))
    yield tag("p", f"{_moment(opening.at)} to {_moment(records[-1].at)}", class_="muted")
    yield picture(records)
    if (known := _replayed(records)) and known.outcomes:
        yield tag("h3", "How it ended")
        yield tag("ul", *(tag("li", f"{ended(o)}{f' ({o.detail})' if o.detail else ''}") for o in known.outcomes))
    yield tag("h3", "People")
    yield table(
        ("time", "what"), [(_moment(r.at), tag("span", said(r.event), class_="told")) for r in _by_people(records)]
    )
    for phase, title in (("before", "Sessions before"), ("after", "Sessions after")):
        yield from _sessions(records, body, dropped, phase, title)
    if acts := [_act(r, r.event) for r in records if isinstance(r.event, Signalled)]:
        yield tag("h3", "What was run")
        yield table(("event", "host", "what", "command", "answer", "exit status", "output"), acts)
        yield tag("p", "An exit status of 0 proves no end: only the look afterwards does.", class_="muted")
    yield tag("h3", "Every event")
    yield table(("event", "time", "what", "hash"), [_event(record) for record in records])


def _title(records: Sequence[Record]) -> str:
    known = _replayed(records)
    return f"{known.words} ({known.state})" if known else records[0].event.kind


def _replayed(records: Sequence[Record]) -> Request | None:
    try:
        return lifecycle.replay(records)
    except TrailError:
        return None


def _by_people(records: Sequence[Record]) -> Iterator[Record]:
    return (record for record in records if record.event.who != BOT)


def _event(record: Record) -> tuple[str, ...]:
    return (
        str(record.seq),
        _moment(record.at),
        tag("span", said(record.event), class_="told"),
        tag("span", record.hash, class_="hash"),
    )


def _act(record: Record, event: Signalled) -> tuple[str, ...]:
    step, answer = event.step, event.answer
    status = answer.status if answer.refusal is None else f"{answer.status}: {answer.refusal}"
    code = "" if answer.exit_status is None else str(answer.exit_status)
    command, what = tag("code", answer.command), f"{step.what} {step.target.name}"
    return str(record.seq), step.host, what, command, status, code, tag("code", answer.output)


# ------------------------------------------------------------------------------------------ what hosts showed


def _sessions(records: Sequence[Record], body: Body, dropped: Dropped, phase: str, title: str) -> Iterator[str]:
    """The newest look at each host in that phase."""
    looks = {
        look.host: look
        for record in records
        if isinstance(record.event, Observed) and record.event.phase == phase
        for look in record.event.looks
    }
    for look in looks.values():
        yield tag("h3", f"{title}: {look.host}")
        yield from _look(look, body(look.sha256), dropped(records[0].request))
        yield tag("p", "SHA-256 ", tag("span", look.sha256, class_="hash"), class_="muted")


def _look(attachment: Attachment, content: bytes | None, by: Dropping | None) -> Iterator[str]:
    try:
        look = LOOK.validate_json(content) if content is not None else None
    except ValidationError:
        look = None
    match look:
        case None if by is not None:
            yield tag("p", f"What {attachment.host} said was {by.told}. Its digest stays.")
        case None:
            yield tag("p", f"What {attachment.host} said isn't kept here, or can't be read.")
        case Unreachable():
            yield tag("p", f"No complete answer: {look.reason}")
        case Snapshot() if not look.sessions:
            yield tag("p", "Nobody was logged in.")
        case Snapshot():
            head = ("session", "account", "from", "terminals", "since", "idle", "processes")
            yield table(head, [_session(session) for session in look.sessions])


def _session(session: Session) -> tuple[str, ...]:
    idle = "" if session.since_key is None else spell(session.since_key)
    running = "\n".join(f"{process.pid} {process.command}" for process in session.processes)
    account = f"{session.account.name} ({session.account.uid})"
    named = f"{session.id} ({session.state})"
    tty = ", ".join(terminal.name for terminal in session.terminals)
    return named, account, session.remote, tty, _moment(session.since), idle, tag("code", running)


# ------------------------------------------------------------------------------------------ the end


def _who_for_whom(requests: Sequence[Sequence[Record]], counted: Counted) -> Iterator[str]:
    """In the whole trail, of those who asked these requests."""
    askers = {records[0].event.who for records in requests}
    ours = [pair for pair in counted.pairs if pair.asker in askers]
    if not ours:
        return
    yield tag("h2", "Who approved for whom")
    yield tag("p", "In the whole trail, of everyone who asked a request above.", class_="muted")
    head = ("asked", "approved", "how often, of all that anybody approved")
    yield table(head, [(pair.asker, pair.approver, f"{pair.times} of {pair.of}") for pair in ours])
    for found in counted.each_other:
        if found.people & askers:
            yield tag("p", tag("strong", each_other(found)))


def _newest(requests: Sequence[Sequence[Record]]) -> str:
    """The newest event in it stands for all before it."""
    newest = max((record for records in requests for record in records), key=lambda record: record.seq)
    return f"{newest.seq}:{newest.hash}"


def _how_to_verify(head: str) -> Iterator[str]:
    yield tag("h2", "How to verify this")
    yield tag(
        "p",
        "Every event above has a hash that stands for it and for all events before it: SHA-256 over the hash of the"
        " event before and the event's bytes. Whoever has the trail, or an export of it, checks all of them with:",
    )
    yield tag("pre", f"kickbot audit verify --expect-head {head}\nkickbot audit verify --from-file EXPORT.jsonl")
    yield tag(
        "p",
        "The first line fails if any event up to the head of this report was changed, removed or added since. The"
        " format is described on one page, bot/audit/FORMAT.md, so that nobody needs Kickbot for it. The same hashes"
        " stand in Kickbot's messages in Slack, and in the checkpoints, which OpenSSH's ssh-keygen verifies.",
    )
    yield tag("p", "Head of the trail: ", tag("span", head, class_="hash"))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
