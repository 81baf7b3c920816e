"""How a request ended, in one line and in a few: the worst outcome is the headline. Pure."""

from bot.lifecycle import State
from bot.models import Outcome, Result, Snapshot
from bot.durations import exact
from bot.slack.lines import Line, When, Who, bold, code, either, italic, joined, line, told
from bot.slack.listing import count, outside
from bot.slack.story import Story

NOTHING_DONE = " Nothing was done."
NAMED = 8
"""How many processes are named before the rest is counted."""

ENDED = frozenset({Result.ENDED, Result.ALREADY_GONE, Result.GHOST, Result.RETURNED})
"""The very session is gone, whatever came after it."""


def headline(story: Story) -> Line:
    """One line that says how the request ended, for the parent, the asker and the incident channel."""
    headlines = {
        State.DENIED: _denied,
        State.CANCELLED: _cancelled,
        State.EXPIRED: _expired,
        State.LAPSED: _lapsed,
        State.REFUSED: _refused,
        State.CLOSED: _closed,
    }
    return headlines[story.request.state](story)


def credits_line(story: Story) -> Line:
    """`asked by Alice, approved by Carol, 13:31 · took 0.6 s`"""
    request = story.request
    parts = [line("asked by ", Who(id=request.asker))]
    if request.decisions and request.approved_at:
        approved = line("approved by ", either([d.who for d in request.decisions], "and"))
        parts.append(line(approved, ", ", When(moment=request.approved_at)))
    said = joined(parts, ", ")
    done = request.state is State.CLOSED and request.approved_at
    return line(said, f" · took {exact(story.took())}") if done else said


def _denied(story: Story) -> Line:
    because = line(": ", italic(story.request.reason)) if story.request.reason else line(".")
    return line("⛔ ", bold("Denied"), " by ", Who(id=story.request.ended_by), because, NOTHING_DONE)


def _cancelled(story: Story) -> Line:
    return line("⛔ ", bold("Cancelled"), " by ", Who(id=story.request.ended_by), ".", NOTHING_DONE)


def _expired(story: Story) -> Line:
    until = When(moment=story.request.decide_by or story.request.at)
    return line("⌛ ", bold("Expired:"), " nobody decided until ", until, ".", NOTHING_DONE)


def _lapsed(story: Story) -> Line:
    at = When(moment=story.request.approved_at or story.request.at)
    reason = told(story.request.reason.rstrip("."))
    return line("⌛ ", bold("Lapsed:"), " approved at ", at, ", but ", reason, ".", NOTHING_DONE)


def _refused(story: Story) -> Line:
    return line("⛔ ", bold("Refused: "), told(story.request.reason), NOTHING_DONE)


def _closed(story: Story) -> Line:
    outcomes = story.request.outcomes
    if not outcomes:
        return line("✅ " if _free_everywhere(story) else "⚠️ ", bold("Nothing was done. "), line(story.request.reason))
    for result, headline_ in ((Result.UNKNOWN, _unknown), (Result.SURVIVED, _survived), (Result.RETURNED, _returned)):
        if some := [o for o in outcomes if o.result is result]:
            return headline_(story, some)
    return line("✅ ", bold(_off(story)), f" {_score(outcomes)}")


def _free_everywhere(story: Story) -> bool:
    """True if every host answered, and the account isn't logged in on any."""
    return all(isinstance(look, Snapshot) and not look.of(story.user) for look in story.before)


def _off(story: Story) -> str:
    """`audituser is off host1`, but only if nothing of it was left alone there, nor stays at a terminal."""
    plan = story.plan
    if plan and not (plan.kept or plan.unreachable or story.request.reason or _at_terminals(story)):
        return f"{story.user} is off {story.where}"
    return f"What was approved of {story.user} on {story.where} has ended"


def _at_terminals(story: Story) -> bool:
    """True if the newest looks show a process of the user at a terminal that no session explains."""
    seen = [look for look in story.newest if isinstance(look, Snapshot)]
    return any(process.terminal for look in seen for process in outside(look, story.user))


def _score(outcomes: tuple[Outcome, ...]) -> str:
    gone = sum(o.result is Result.ALREADY_GONE for o in outcomes)
    ended = sum(o.result in ENDED for o in outcomes) - gone
    return f"{ended} of {count(len(outcomes), 'session')} ended" + (f", {gone} already gone" if gone else "")


def _unknown(story: Story, some: list[Outcome]) -> Line:
    where = ", ".join(dict.fromkeys(o.host for o in some))
    words = bold(f"What became of {count(len(some), 'session')} of {story.user} on {where} is not known.")
    return line("⛔ ", words, f" {_score(story.request.outcomes)}")


def _survived(story: Story, some: list[Outcome]) -> Line:
    number, all_ = len(some), len(story.request.outcomes)
    where = ", ".join(dict.fromkeys(o.host for o in some))
    verb = "is" if number == 1 else "are"
    return line("⚠️ ", bold(f"{number} of {count(all_, 'session')} of {story.user} {verb} still on {where}."))


def _returned(story: Story, _some: list[Outcome]) -> Line:
    outcomes = story.request.outcomes
    return line("⚠️ ", bold(f"{_score(outcomes)}, and {story.user} logged in again."))


def outcome_lines(story: Story) -> list[Line]:
    """A line for each outcome that needs more words than "ended", and the note."""
    request = story.request
    several = len(story.request.hosts) > 1
    lines = [
        line(bold(o.session), f" on {o.host}" if several else "", f" {o.result}", *_detail(o))
        for o in request.outcomes
        if o.result is not Result.ENDED or o.detail
    ]
    if why := story.stopped:
        lines.append(line("Nothing more was begun: ", told(why), "."))
    if request.outcomes and request.reason:
        lines.append(line(request.reason))
    return lines


def _detail(outcome: Outcome) -> list[Line]:
    parts = [line(f": {outcome.detail}")] if outcome.detail else []
    if outcome.lives_on:
        named = [line(f"pid {p.pid} ", code(p.command[:80])) for p in outcome.lives_on[:NAMED]]
        more = len(outcome.lives_on) - len(named)
        parts.append(line("; still running: ", joined(named, ", "), f" and {more} more" if more else ""))
    return parts
