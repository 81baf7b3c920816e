"""What two people may let be dropped, as it is shown: its own message, its thread, and the answer to who asks. Pure."""

from bot.events import Record, RetentionAsked
from bot.request import Request
from bot.sentences import megabytes, number
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, Link, When, Who, bold, either, line
from bot.slack.content.proof import mark
from bot.slack.content.tickets import row
from bot.states import State

WHAT = (
    "That is what looks showed: sessions, processes, addresses. Every event stays, with the SHA-256 of what is dropped,"
    " and says who let it go. It can't be taken back."
)


def card(request: Request) -> Message:
    """Its own message, as it has to look now."""
    return _shown(request, _headline(request))


def in_person(request: Request, link: str) -> Message:
    """The same for someone who may approve it."""
    at = line(" ", Link(url=link, text="See its message.")) if link else ()
    return _shown(request, line(_headline(request), at))


def _shown(request: Request, headline: Line) -> Message:
    lines = [headline, *([_asks(request)] if request.state is State.TO_DROP else [])]
    return compose(
        *(paragraph(each, needed=True) for each in lines), *row(request), aside(line(f"request {request.id}"))
    )


def reply(request: Request, record: Record) -> Message:
    """In its thread: who decided what, and that it is done."""
    return compose(paragraph(_said(request, record), needed=True), mark(record))


def answer(request: Request) -> Line:
    """What whoever asked or clicked reads at once, alone."""
    match request.state:
        case State.TO_DROP:
            return line("Asked. Someone else who may approve has to agree, in the incident channel, within 24 hours.")
        case State.DROPPING | State.DROPPED:
            return line("Approved: it is dropped now.")
        case _:
            return line("Nothing is dropped.")


def named(request: Request) -> Line:
    """`what hosts said in requests that ended before Nov 30`"""
    asked = request.retention
    until = When(moment=asked.before if asked else request.asked_at, dated=True)
    return line("what hosts said in requests that ended before ", until)


def _headline(request: Request) -> Line:
    people = line(" · asked by ", Who(id=request.asker), ", approved by ", either([d.who for d in request.decisions]))
    match request.state:
        case State.TO_DROP:
            until = When(moment=request.decide_by or request.at)
            return line("⏳ ", bold("Drop "), named(request), "? · waiting for approval, until ", until)
        case State.DROPPING:
            return line("▶️ ", bold("Dropping "), named(request), people)
        case State.DROPPED:
            return line("✅ ", bold("Dropped: "), named(request), people, f" · {_much(request)}")
        case State.CANCELLED:
            return line("⛔ ", bold("Cancelled by "), Who(id=request.ended_by), ": ", named(request), ", stays.")
        case _:
            return line("⌛ ", bold("Nobody decided: "), named(request), ", stays. Ask again: `/kickbot retention`.")


def _asks(request: Request) -> Line:
    who = line(Who(id=request.asker), f" asks: {_much(request)}. {WHAT} ")
    return line(who, "Whoever a rule lets approve may approve this. Not ", Who(id=request.asker), ", who asked.")


def _much(request: Request) -> str:
    asked = request.retention
    return f"{number(asked.bodies, 'attachment')}, {megabytes(asked.size)}" if asked else ""


def _said(request: Request, record: Record) -> Line:
    who = Who(id=record.event.who)
    match record.event.kind:
        case "retention_approved":
            return line(who, " approved: it is dropped now.")
        case "dropped":
            return line("All of it is dropped, but for what newer or open requests need too.")
        case "cancelled":
            return line(who, " cancelled: nothing is dropped.")
        case _ if isinstance(record.event, RetentionAsked):
            return _headline(request)
        case _:
            return line("Nobody decided in time: nothing is dropped.")
