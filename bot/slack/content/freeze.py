"""The emergency brake as it is shown: its own message, and the line that stands on every request meanwhile. Pure."""

from bot.events import BOT, Frozen, Record
from bot.request import Request
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, Piece, When, Who, bold, either, italic, line
from bot.slack.content.proof import mark
from bot.slack.content.tickets import row
from bot.states import State

NOBODY_TOUCHED = "Until two people unfreeze, no session is ended and nobody is warned, on any host."

UNDER_WAY = "What was on its way to a host at that moment may still happen there, within 20 seconds."


def card(freeze: Request) -> Message:
    """Its own message, as it has to look now."""
    shown = _in_force(freeze) if freeze.state is State.FROZEN else [_released(freeze)]
    lines = [paragraph(each, needed=True) for each in shown]
    return compose(*lines, *row(freeze), aside(line(f"request {freeze.id}")))


def headline(freeze: Request) -> Line:
    """`🧊 Bob has frozen all acting since 13:40: wrong rule deployed`"""
    since = When(moment=freeze.asked_at)
    return line("🧊 ", _who(freeze), bold(" has frozen all acting"), " since ", since, ": ", italic(freeze.reason))


def on_a_request(freeze: Request) -> Line:
    """What stands on a request that waits or runs."""
    return line(headline(freeze), ". This goes on when two people unfreeze.")


def reply(freeze: Request, record: Record) -> Message:
    """In the thread of the freeze: who would release it, and who did."""
    return compose(paragraph(_said(freeze, record), needed=True), mark(record))


def answer(freeze: Request) -> Line:
    """What whoever froze or unfroze reads at once, alone."""
    if freeze.state is State.UNFROZEN:
        return line("Acting goes on: ", either(_people(freeze), "and"), " unfroze.")
    if freeze.decisions:
        return line("You unfroze. One more person has to, within 15 minutes: ", bold("/kickbot unfreeze"), ".")
    return line("🧊 Frozen. ", NOBODY_TOUCHED, " ", UNDER_WAY)


def _in_force(freeze: Request) -> list[Line]:
    so_far = line(" So far: ", either(_before(freeze), "and"), ".") if freeze.decisions else ()
    return [headline(freeze), line(NOBODY_TOUCHED, " ", UNDER_WAY, so_far)]


def _released(freeze: Request) -> Line:
    people = either(_people(freeze), "and")
    was = line("frozen by ", _who(freeze), " at ", When(moment=freeze.asked_at), ": ", italic(freeze.reason))
    return line("✅ ", bold("Acting goes on"), " since ", When(moment=freeze.at), " · unfrozen by ", people, " · ", was)


def _said(freeze: Request, record: Record) -> Line:
    if isinstance(record.event, Frozen):
        return headline(freeze)
    who = Who(id=record.event.who)
    if record.event.kind == "unfreeze_asked":
        return line(who, " would unfreeze. It takes one more person.")
    return line(who, " unfroze too: acting goes on.")


def _people(freeze: Request) -> list[str]:
    """Who unfroze."""
    return [*_before(freeze), freeze.ended_by]


def _before(freeze: Request) -> list[str]:
    """Who would unfreeze, besides the one whose word released it."""
    return [who for who in dict.fromkeys(d.who for d in freeze.decisions) if who != freeze.ended_by]


def _who(freeze: Request) -> Piece:
    return bold("Kickbot") if freeze.asker == BOT else Who(id=freeze.asker, style="bold")
