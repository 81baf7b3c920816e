"""The warning before an act: who was told, on which terminals, and who could not be, each with the reason. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.counting import count
from bot.events import Record, Signalled, Warned
from bot.models import NO_TERMINAL, Unreachable, Warn, by_host
from bot.slack.content.blocks import Message, Part, compose, paragraph
from bot.slack.content.lines import Line, When, bold, in_plain, italic, line
from bot.slack.content.naming import MANY, alike, capital, sessions, some
from bot.slack.content.proof import mark
from bot.slack.content.refusals import unanswered
from bot.slack.content.story import Story, is_gone, named

MOST_TIMES = 10


def told_in_short(story: Story) -> Line:
    """`audituser was told on pts/3: “…”`, for the parent."""
    if terminals := [t for _, event in story.warnings for t in event.answer.told]:
        return line(bold(f"{story.user} was told on {some(dict.fromkeys(terminals))}"), _quoted(story, ": "), ".")
    who = "Nobody could" if story.is_of_everyone else f"{story.user} could not"
    return line(bold(f"{who} be told on any terminal"), ".")


def not_told(story: Story) -> list[Line]:
    """A sentence for each session or terminal that was not told; many alike are one."""
    mute = [story.id_of(step.target) for step, event in story.warnings if _mute(event)]
    heard = [(step, event) for step, event in story.warnings if not _mute(event)]
    lines = [line(f"{capital(without_terminal(mute))}.")] if mute else []
    lines += [untold for step, event in heard for untold in _untold(step, event, story)]
    return [*lines, *_passed_over(story)]


def without_terminal(ids: Sequence[str]) -> str:
    """`session 9 has no terminal to tell`"""
    return f"{sessions(ids)} {'has' if len(ids) == 1 else 'have'} no terminal to tell"


def reply(story: Story, record: Record) -> Message:
    """The warning in the thread: its words, and for each session where it stands and where it doesn't."""
    late = [] if isinstance(record.event, Warned) else story.warned_later
    listed = list(_of_those(late, story) if late else _lines(story))
    cut = len(listed) > MANY
    rest = [line(f"and {count(len(listed) - MANY, 'more session or terminal', 'more of them')}, all in the file.")]
    shown = [*listed[:MANY], *rest] if cut else listed
    title = line("📣 ", bold("Warned later" if late else "Warned"), _quoted(story, ": "), ".", _ending(record))
    parts: list[Part] = [paragraph(*shown, cut=cut)] if shown else []
    return compose(paragraph(title, needed=True), *parts, mark(record))


def whole(story: Story) -> Iterator[str]:
    """Every session and terminal, for a file."""
    yield from map(in_plain, _lines(story))


def _lines(story: Story) -> Iterator[Line]:
    for step, event in story.warnings:
        yield from _told(step, event, story)
    yield from not_told(story)


def _of_those(answers: Sequence[tuple[Warn, Signalled]], story: Story) -> Iterator[Line]:
    for step, event in answers:
        yield from _told(step, event, story)
        yield from _untold(step, event, story)


def later(story: Story) -> list[Line]:
    """`web07 was warned later: ending there at 13:41:05.`, for the parent."""
    request = story.request
    times = {h: until for h in sorted(request.giving_time) if (until := request.told_until(h))}
    groups = alike(times.items())[:MOST_TIMES]
    return [line(f"Warned later on {named(hosts)}: ending there at ", _at(until), ".") for hosts, until in groups]


def _ending(record: Record) -> Line:
    event = record.event
    return line(" Ending at ", _at(event.act_at), ".") if isinstance(event, Warned) else ()


def _at(moment: datetime) -> When:
    return When(moment=moment, seconds=True)


def _quoted(story: Story, before: str) -> Line:
    """The words that stand on the terminals."""
    text = next((step.text for step, _ in story.warnings), "")
    return line(before, italic(text.rstrip("."))) if text else ()


def _told(step: Warn, event: Signalled, story: Story) -> Iterator[Line]:
    if event.answer.told:
        yield line(f"Session {story.id_of(step.target)} was told on {some(event.answer.told)}.")


def _mute(event: Signalled) -> bool:
    """True for a session without any terminal."""
    return event.answer.status == "done" and not event.answer.told and set(event.answer.untold) <= {NO_TERMINAL}


def _untold(step: Warn, event: Signalled, story: Story) -> Iterator[Line]:
    session, answer = f"Session {story.id_of(step.target)}", event.answer
    if answer.status != "done":
        yield line(f"{session} was not told: {unanswered(answer, step.target)}.")
    for text in answer.untold:
        yield line(f"{session} was not told{_where_or_why(text)}.")


def _where_or_why(untold: str) -> str:
    """` on pts/3: stopped or full`; `: logind does not answer` where that is why nobody could be told at all."""
    return f" on {untold}" if ": " in untold else f": {untold}"


def _passed_over(story: Story) -> Iterator[Line]:
    """Sessions of the plan to which the warning did not get, and why."""
    tried = {(step.target.host, step.target.identity) for step, _ in story.warnings}
    looks = by_host(story.newest)
    reasons: dict[str, list[str]] = {}
    for target in story.plan.sessions if story.plan else ():
        if (target.host, target.identity) not in tried:
            look = looks.get(target.host)
            then = ". Warned when it is back in time, else left alone" if story.request.may_act else ""
            why = f"{look.host} {look.reason}{then}" if isinstance(look, Unreachable) else ""
            why = "gone by then" if is_gone(target, look) else why or "nobody got to it"
            reasons.setdefault(why, []).append(story.id_of(target))
    for why, ids in reasons.items():
        yield line(f"{capital(sessions(ids))} {'was' if len(ids) == 1 else 'were'} not told: {why}.")
