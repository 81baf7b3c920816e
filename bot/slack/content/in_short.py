"""A request in one line, and its events in a line each: for lists that several people read. Pure.

Nothing of what was seen on hosts stands in them: no address, no command line.
"""

from bot import sentences
from bot.cleaning import shorten
from bot.counting import count
from bot.durations import spell
from bot.events import BOT, Closed, Record
from bot.models import Result, SetLimit
from bot.request import Request
from bot.sentences import At, Hash, Name, Own
from bot.slack.content import retention, reviews
from bot.slack.content.limit_request import about
from bot.slack.content.lines import Line, Link, When, Where, Who, bold, either, italic, joined, line, told
from bot.slack.content.story import named, short
from bot.slack.content.sweeps import approved, asker
from bot.states import State

LONGEST_WHERE, LONGEST_WHY, LONGEST_SENTENCE = 100, 150, 300
MOST_ENDS = 20

_STATES = {
    State.ASKED: "▶️ its hosts are being looked at",
    State.PENDING: "⏳ waiting for approval",
    State.APPROVED: "▶️ approved",
    State.WARNED: "📣 the user was told",
    State.ACTING: "▶️ being done",
    State.VERIFYING: "▶️ looking whether they are gone",
    State.REFUSED: "⛔ refused",
    State.DENIED: "⛔ denied",
    State.CANCELLED: "⛔ cancelled",
    State.EXPIRED: "⌛ expired, nobody decided",
    State.LAPSED: "⌛ lapsed, nothing was done",
    State.CLOSED: "nothing was done",
    State.LOOKED: "looked",
    State.EXPORTED: "taken out",
    State.READ: "read",
    State.TO_DROP: "⏳ waiting for approval",
    State.DROPPING: "▶️ being dropped",
    State.DROPPED: "✅ dropped",
    State.FROZEN: "🧊 nothing acts",
    State.UNFROZEN: "✅ acting goes on",
    State.HELD: "🔒 held",
    State.RELEASED: "✅ given back",
    State.REVIEW: "🔎 waits for its review",
    State.REVIEWED: "reviewed",
}
_WORST = (
    (Result.UNKNOWN, "⛔"),
    (Result.SURVIVED, "⚠️"),
    (Result.RETURNED, "⚠️"),
    (Result.BACK, "⚠️"),
    (Result.UNSET, "⚠️"),
)


def what(request: Request) -> Line:
    """`audituser off host1`, with the levels that go beyond a kick."""
    command = request.command
    if request.state in {State.FROZEN, State.UNFROZEN}:
        return line(bold("freeze of all acting"))
    if request.retention is not None:
        return line(bold("drop of "), *retention.named(request))
    if request.held is not None:
        return line(bold(f"hold of {request.held.target.account.name} on {request.held.target.host}"))
    if request.review is not None:
        return line(bold(f"review of the emergency of request {request.review.of}"))
    if command is None:
        return line(bold("a listing"))
    if isinstance(command, SetLimit):
        return line(bold(shorten(about(command), LONGEST_WHERE)))
    asked_for = shorten(named(command.hosts), LONGEST_WHERE)
    if sweep := request.sweep:
        does = f" on {asked_for} ({sweep.action}, idle for {spell(command.only.idle)})"
        return line(bold(f"sweep {sweep.name}"), does)
    idle = [f"idle for {spell(command.only.idle)}"] if command.only.idle else []
    said = (("processes", command.processes), ("force", command.force), ("emergency", command.emergency))
    hold = [f"hold {spell(command.hold)}"] if command.hold else []
    levels = [*idle, *(level for level, wanted in said if wanted), *hold]
    return line(bold(f"{command.user} off {asked_for}"), f" ({', '.join(levels)})" if levels else "")


def scope(request: Request) -> Line:
    """`2 sessions`, of the plan; nothing before there is one, or where it is about whole accounts alone."""
    number = len(request.plan.sessions) if request.plan else 0
    return line(count(number, "session")) if number else ()


def why(request: Request) -> Line:
    """`because INC-42`; nothing without a reason."""
    frozen = request.state in {State.FROZEN, State.UNFROZEN}
    reason = request.command.reason if request.command else request.reason if frozen else ""
    return line("because ", italic(shorten(reason, LONGEST_WHY))) if reason else ()


def outcome(request: Request) -> Line:
    """How it ended, or where it stands: `✅ 2 ended`, `⛔ denied by Bob`."""
    if request.outcomes:
        results = {o.result for o in request.outcomes}
        worst = next((mark for result, mark in _WORST if result in results), "✅")
        worst = "⚠️" if worst == "✅" and request.undone else worst
        mark, not_held = ("⚠️" if worst == "✅" else worst, ", not held") if request.not_held else (worst, "")
        return line(f"{mark} {sentences.counted(request.outcomes)}{not_held}")
    if request.found:
        return line(*reviews.in_short(request))
    if request.state is State.CLOSED and request.holds_only:
        return line("⚠️ not held" if request.not_held else "🔒 held")
    if request.state is State.ASKED and request.not_before:
        return line("⏳ due ", When(moment=request.not_before, dated=True))
    if request.swept and request.plan is None:
        return line(sentences.hosts_swept(request.swept))
    by = request.state in {State.DENIED, State.CANCELLED} and request.ended_by != BOT
    return line(_STATES[request.state], *((" by ", Who(id=request.ended_by)) if by else ()))


def approved_by(request: Request) -> Line:
    """`, approved by Carol`; nothing as long as nobody did."""
    people = [decision.who for decision in request.decisions]
    by = either(people, "and") or approved(request)
    verb = "reviewed" if request.review else "approved"
    return line(f", {verb} by ", by) if by else ()


def in_one_line(request: Request, link: str = "") -> Line:
    """`Nov 20 13:31 · audituser off host1 · ✅ 2 ended · asked by Alice, approved by Carol · request 42`."""
    number = Link(url=link, text=f"request {request.id}") if link else f"request {request.id}"
    people = line("asked by ", asker(request), approved_by(request))
    at = line(When(moment=request.asked_at, dated=True))
    return joined([at, what(request), outcome(request), people, line(number)], " · ")


# -------------------------------------------------------------------------------------------- event by event


def event(record: Record) -> list[Line]:
    """One event with its time and who did it; below it, how each target ended."""
    happened = record.event
    who = () if happened.who == BOT else (Who(id=happened.who), " ")
    said = joined([_shown(piece) for piece in sentences.sentence(happened)], "")
    first = line(When(moment=record.at, seconds=True, dated=True), "  ", *who, said)
    if not isinstance(happened, Closed):
        return [first]
    ends = [line(f"      {sentences.ended(end)}") for end in happened.outcomes[:MOST_ENDS]]
    more = len(happened.outcomes) - len(ends)
    return [first, *ends, *([line(f"      and {count(more, 'more target')}")] if more else [])]


def _shown(piece: sentences.Piece) -> Line:
    match piece:
        case Name():
            return line(Where(id=piece.id) if piece.id[:1] in {"C", "D", "G"} else Who(id=piece.id))
        case Own():
            return told(shorten(piece.text, LONGEST_SENTENCE))
        case Hash():
            return line(short(piece.digest))
        case At():
            return line(When(moment=piece.moment, seconds=True))
        case str():
            return line(shorten(piece, LONGEST_SENTENCE))
