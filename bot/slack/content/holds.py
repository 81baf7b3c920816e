"""A hold as it is shown: its own message, its thread, and the list of those in force. Pure."""

from collections.abc import Iterable

from bot.events import Held, Record, Released
from bot.models import AccountState
from bot.request import Request
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, When, Who, bold, either, italic, line, told
from bot.slack.content.proof import mark
from bot.slack.content.tickets import row
from bot.states import State

NONE = "Kickbot holds nobody at the moment."
BY_SSHD = "Logins by ssh are denied; su and other ways in are not, as only a directory knows this account."
BY_EXPIRY = "Keys, passwords and every other way to log in are stopped: the account has expired for that time."
HOW = {
    "given": "it is as it was before",
    "changed": "somebody had changed it there by hand, so it was left as it is",
    "never": "it had not been in force, and nothing was changed",
    "unknown": "the host knows nothing of it any more: look at the account there",
}
MOST = 40


def card(hold: Request) -> Message:
    """Its own message, as it has to look now."""
    shown = [headline(hold)] if hold.state is State.RELEASED else [headline(hold), _means(hold), *_trouble(hold)]
    why = [aside(line(italic(hold.held.reason)))] if hold.held and hold.held.reason else []
    small = aside(line(f"request {hold.id}, held by request {hold.held.of}" if hold.held else ""))
    return compose(*(paragraph(each, needed=True) for each in shown), *why, *row(hold), small)


def headline(hold: Request) -> Line:
    """`🔒 bob is kept out of web03 until 15:00`, or how it ended."""
    if hold.released is None:
        return line("🔒 ", bold(named(hold)), " until ", until(hold))
    mark_ = "✅" if hold.released.how == "given" else "⚠️"
    return line(mark_, " ", bold(f"The hold of {_whom(hold)} is over"), " since ", When(moment=hold.at), _by(hold))


def named(hold: Request) -> str:
    """`bob is kept out of web03`"""
    target = hold.held.target if hold.held else None
    return f"{target.account.name} is kept out of {target.host}" if target else "a hold"


def until(hold: Request) -> When:
    return When(moment=hold.held.until if hold.held else hold.at, dated=True)


def in_one_line(hold: Request) -> Line:
    """`bob is kept out of web03 until 15:00 · held by request 42`."""
    of = f" · held by request {hold.held.of}" if hold.held else ""
    return line(bold(named(hold)), " until ", until(hold), _asked(hold), of)


def listed(holds: Iterable[Request]) -> Message:
    """The answer to `/kickbot holds`."""
    lines = [line("• ", in_one_line(hold)) for hold in holds]
    if not lines:
        return compose(paragraph(line(NONE), needed=True))
    more = [line(f"and {len(lines) - MOST} more")] if len(lines) > MOST else []
    return compose(paragraph(line(bold(f"Held accounts ({len(lines)})")), *lines[:MOST], *more, needed=True))


def reply(record: Record) -> Message:
    """In its thread: what was there before, who wants it given back, and how it stands in the end."""
    return compose(paragraph(*_said(record), needed=True), mark(record))


def answer(holds: Iterable[Request], refused: Iterable[str] = ()) -> Line:
    """What whoever would give back reads at once, alone. refused: why not on some hosts."""
    said = [*map(_answer, holds), *map(told, refused)]
    return line(*(piece for each in said for piece in (each, " ")))


def _answer(hold: Request) -> Line:
    if hold.unheld:
        return line(f"{_whom(hold)}: it is given back now.")
    return line(f"{_whom(hold)}: asked. It needs another person, who says the same: ", bold("/kickbot unhold"), ".")


def _whom(hold: Request) -> str:
    target = hold.held.target if hold.held else None
    return f"{target.account.name} on {target.host}" if target else ""


def _by(hold: Request) -> Line:
    if hold.released is None:
        return line("")
    by = {"kickbot": " by Kickbot", "host": " by the host's own timer"}.get(hold.released.by, "")
    return line(f"{by}: {HOW[hold.released.how]}.")


def _means(hold: Request) -> Line:
    before = hold.held.before if hold.held else None
    if before is None:
        return line("⚠️ The host never answered: it isn't known whether the account is held there at all.")
    way = BY_SSHD if before.where == "directory" else BY_EXPIRY
    return line(f"{way} It is given back by itself, by Kickbot and by a timer on the host.", _asked(hold))


def _asked(hold: Request) -> Line:
    if hold.unhold_asked is None or hold.unheld:
        return line("")
    words = [hold.unhold_asked.who, *(word.who for word in hold.decisions)]
    return line(" · ", either(words, "and"), " would give it back now")


def _trouble(hold: Request) -> list[Line]:
    if not hold.overdue:
        return []
    return [line("⚠️ Kickbot could not give it back: ", told(hold.overdue), ". It tries again until it can.")]


def _said(record: Record) -> list[Line]:
    event = record.event
    if isinstance(event, Held):
        return [line("Before: ", state(event.before))]
    if isinstance(event, Released):
        return [line(f"Over: {HOW[event.how]}."), line("After: ", state(event.after))]
    if event.kind == "overdue":
        return [line("It is time, and Kickbot could not give it back: ", told(event.reason), ".")]
    if event.kind == "unhold_asked":
        return [line(Who(id=event.who), " would give it back now. It takes one more person.")]
    return [line(Who(id=event.who), " agrees.")]


def state(state: AccountState | None) -> str:
    if state is None:
        return "not known."
    day = "day " if state.expiry.isdecimal() else ""
    said = [
        "known on the host itself" if state.where == "local" else "known only from a directory",
        f"expiry {day}{state.expiry}" if state.expiry else "no expiry",
        *(["disabled"] if state.disabled else []),
        *(["denied by Kickbot's file for sshd"] if state.drop_in else []),
    ]
    return f"the account is {', '.join(said)}."
