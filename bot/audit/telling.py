"""Records as plain text for the command line: one line for a request, or its whole story. Pure.

Every line is printable: what people and hosts said is cleaned once more before it reaches a terminal.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from bot import lifecycle
from bot.audit.records import Proved, Verified
from bot.cleaning import clean, shorten
from bot.durations import spell
from bot.errors import TrailError
from bot.events import (
    BOT,
    Asked,
    Attachment,
    Closed,
    Event,
    Exported,
    Frozen,
    Held,
    Looked,
    Observed,
    Planned,
    Read,
    Record,
    RetentionAsked,
    Signalled,
)
from bot.models import Plan
from bot.pairs import Counted, EachOther
from bot.policy import without_markup
from bot.sentences import At, Hash, Name, Own, Piece, aim, because, counted, ended, hosts_swept, number, sentence

DIGEST = 12  # digits of a hash that are shown: enough to find it, never enough to prove it
WORDS = 60
INDENT = " " * 33


def line(records: Sequence[Record]) -> str:
    """One request in one line: its number, when (UTC), who, the words, and where it stands now."""
    first = records[0]
    words = clean(shorten(_words(first.event), WORDS))
    return f"{first.request:>6}  {_time(first.at)}  {clean(first.event.who)}  {words}  [{_state(records)}]"


def story(records: Sequence[Record], gone: Callable[[str], str] = lambda _: "") -> str:
    """One request from its first event to its newest, one sentence for each; what belongs to it is indented below.

    gone: why an attachment, by its digest, isn't there any more; empty where it is.
    """
    return "\n".join(text for record in records for text in _told(record, gone))


def verified(found: Verified, troubles: Sequence[str]) -> Iterator[str]:
    """What fits, and what an auditor should know all the same."""
    yield f"{found.events} events and {found.bodies} attachments fit together. Head: {found.head}"
    for by, count in found.dropped:
        yield f"{number(count, 'attachment')} {'was' if count == 1 else 'were'} {by.told}."
    many, one = number(found.checkpoints, "checkpoint"), "s" if found.checkpoints == 1 else ""
    if found.vouched:
        yield f"{many} signed by a key that counts fit{one}, up to event {found.vouched}."
    elif found.checkpoints:
        yield f"{many} fit{one}."
    if found.anchors:
        yield f"{number(found.anchors, 'head')} from elsewhere fit{'s' if found.anchors == 1 else ''}."
    yield from map(clean, (*_stamped(found), *found.notes, *troubles))


def _stamped(found: Verified) -> Iterator[str]:
    """What the time stamps prove: no event of the trail is younger than that."""
    first, last = found.first_stamp, found.last_stamp
    if first and last:
        yield f"{number(found.stamps, 'time stamp')} fit{'s' if found.stamps == 1 else ''}. {_existed(first)}."
        if last != first:
            yield f"The last one: {_existed(last)}."


def _existed(proved: Proved) -> str:
    whose = f", says {proved.by}" if proved.by else ""
    return f"Event {proved.event} and all before it existed before {_time(proved.at)}{whose}"


def pairs(counted: Counted) -> Iterator[str]:
    """A line for each pair, the most frequent first; then those who approve each other over and over."""
    for pair in counted.pairs:
        yield clean(f"{pair.times:>6} of {pair.of:<6} {pair.asker} asked, {pair.approver} approved")
    yield from map(clean, map(each_other, counted.each_other))


def each_other(found: EachOther) -> str:
    """`U0ALICE and U0CAROL approve each other over and over: 12 of 13, and 9 of 9 times.`"""
    there, back = found.there, found.back
    people = f"{there.asker} and {back.asker} approve each other over and over"
    return f"{people}: {there.times} of {there.of}, and {back.times} of {back.of} times."


def _told(record: Record, gone: Callable[[str], str]) -> Iterator[str]:
    event = record.event
    yield f"{_time(record.at)}  {record.seq:>6}  {said(event)}".rstrip()
    for detail in _details(event, gone):
        yield clean(f"{INDENT}{detail}")


def said(event: Event) -> str:
    """One event as a sentence with who did it, printable."""
    who = "" if event.who == BOT else f"{event.who} "
    return clean(f"{who}{''.join(map(_piece, sentence(event)))}")


def _piece(piece: Piece) -> str:
    match piece:
        case Name():
            return piece.id
        case Own():
            return without_markup(piece.text, "@{}".format)
        case Hash():
            return _short(piece.digest)
        case At():
            return _time(piece.moment)
        case str():
            return piece


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _words(event: Event) -> str:
    match event:
        case Asked():
            return event.words
        case Read():
            return f"{event.by} read {event.what} {event.about}".strip()
        case RetentionAsked():
            return f"retention of what ended before {_time(event.before)}"
        case Exported():
            return f"{event.by} took out {event.what}"
        case Looked():
            return " ".join([event.what, ",".join(event.hosts), event.user or ""]).rstrip()
        case Frozen():
            return f"freeze because {event.reason}"
        case Held():
            return f"hold {event.target.account.name} {event.target.host}"
        case _:
            return event.kind


def _state(records: Sequence[Record]) -> str:
    """Where a request stands; how its targets ended, once it is closed."""
    try:
        request = lifecycle.replay(records)
    except TrailError:
        return "out of order"
    return counted(request.outcomes) or (hosts_swept(request.swept) if request.swept else str(request.state))


# ------------------------------------------------------------------------------------------ what belongs to it


def _details(event: Event, gone: Callable[[str], str]) -> Iterator[str]:
    match event:
        case Observed():
            yield from (_look(look, gone(look.sha256)) for look in event.looks)
        case Looked():
            yield from (_look(look, "") for look in event.looks)
        case Planned():
            yield from _plan(event.plan)
        case Closed(swept=swept) if swept is not None:
            yield from (f"{i.host}: session {i.session} of {i.user}, no key for {spell(i.seconds)}" for i in swept.idle)
            yield from (one.why for one in swept.unjudged)
        case Signalled():
            yield from (f"it said: {text}" for text in event.answer.output.splitlines())
        case Closed():
            yield from (f"{ended(o)}{f' ({o.detail})' if o.detail else ''}" for o in event.outcomes)


def _look(look: Attachment, gone: str) -> str:
    answer = "a complete answer" if look.reached else "no complete answer"
    kept = f"; {gone}" if gone else ""
    return f"{look.host}: {answer}, {number(look.size, 'byte')}, SHA-256 {_short(look.sha256)}{kept}"


def _plan(plan: Plan) -> Iterator[str]:
    for target in plan.targets:
        yield f"{target.host}: {aim(target)}, {target.summary}"
    for target in plan.holds:
        yield f"{target.host}: {target.account.name} is kept out"
    for kept in plan.kept:
        yield f"{kept.host}: session {kept.session} stays{because(kept.why)}"
    for host in plan.untouched:
        yield f"{host}: nothing to end"
    for unreachable in plan.unreachable:
        yield f"{unreachable.host}: no complete answer{because(unreachable.reason)}"


def _short(digest: str) -> str:
    return f"{digest[:DIGEST]}…"
