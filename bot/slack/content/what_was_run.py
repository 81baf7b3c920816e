"""The reply that tells what was run: each command, its exit status, and what the look after it saw. Pure."""

from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.counting import count, processes
from bot.durations import exact
from bot.events import Observed, Record, Signalled
from bot.models import Answer, Hold, Snapshot, Target, Unreachable, by_host
from bot.presence import left
from bot.slack.content.blocks import Message, Part, compose, paragraph, preformatted
from bot.slack.content.holds import state
from bot.slack.content.lines import Line, bold, code, in_plain, line
from bot.slack.content.naming import MANY, some
from bot.slack.content.proof import mark
from bot.slack.content.refusals import said
from bot.slack.content.story import Story, is_gone, named

COMMAND = 200
OUTPUT = 600

Try = tuple[Record, Signalled]


def what_was_run(story: Story, record: Record) -> Message:
    """Every try; many that say the same are one line."""
    tries = story.tries
    folded = len(tries) > MANY
    parts = _folded(story, tries) if folded else [part for one in tries for part in _try(story, one)]
    if not tries:
        parts = [paragraph(line("Nothing: what was to end was gone before anything was done."))]
    return compose(paragraph(line(bold("What was run")), needed=True, cut=folded), *parts, mark(record))


def whole(story: Story) -> Iterator[str]:
    """Every try with everything that it said, for a file."""
    for one in story.tries:
        _, event = one
        yield in_plain(_told(story, one))
        yield from [event.answer.output] if event.answer.output else []


def _try(story: Story, one: Try) -> Iterator[Part]:
    _, event = one
    yield paragraph(_told(story, one, COMMAND), cut=len(event.answer.command) > COMMAND)
    if event.answer.output:
        yield preformatted(line("It said:"), event.answer.output, OUTPUT)


def _told(story: Story, one: Try, longest: int = 1_000_000) -> Line:
    record, event = one
    target, answer = event.step.target, event.answer
    if isinstance(event.step, Hold):
        return _held(event.step, answer, longest)
    again = f", attempt {event.step.attempt}" if event.step.attempt > 1 else ""
    ran = code(shorten(answer.command or event.step.what, longest))
    seen = _seen_after(story, record, target)
    return line(bold(target.host), f", {target.name}{again}: ", ran, f" → {said(answer, target)}; {seen}.")


def _held(step: Hold, answer: Answer, longest: int) -> Line:
    """How the account stood before it, and stands after it."""
    ran = code(shorten(answer.command or "hold", longest))
    kept = f"; before: {state(answer.before)} After: {state(answer.after)}" if answer.status == "done" else "."
    whom = f", hold {step.target.account.name}: "
    return line(bold(step.host), whom, ran, f" → {said(answer, step.target)}{kept}")


# -------------------------------------------------------------------------------------------- many tries


def _folded(story: Story, tries: Sequence[Try]) -> list[Part]:
    groups: dict[tuple[str, str], list[Try]] = {}
    for one in tries:
        _, event = one
        groups.setdefault((event.step.what, said(event.answer, event.step.target)), []).append(one)
    return [paragraph(_group(story, group)) for group in groups.values()]


def _group(story: Story, group: Sequence[Try]) -> Line:
    if len(group) == 1:
        return _told(story, group[0], COMMAND)
    _, first = group[0]
    target = first.step.target
    hosts = list(dict.fromkeys(event.step.target.host for _, event in group))
    ids = some(story.id_of(event.step.target) for _, event in group)
    gone = sum(_saw_end(story, record, event.step.target) for record, event in group)
    seen = f"the looks after it no longer saw {gone} of them"
    ran = code(shorten(first.answer.command or first.step.what, COMMAND))
    what = f", {count(len(group), 'try', 'tries')} ({ids}): "
    return line(bold(named(hosts)), what, ran, f" and so on → {said(first.answer, target)}; {seen}.")


# -------------------------------------------------------------------------------------------- what the look after saw


def _look_after(story: Story, record: Record, host: str) -> tuple[Snapshot | Unreachable, float] | None:
    """The next look at that host, and how many seconds later it was recorded."""
    for later in story.records:
        if later.seq > record.seq and isinstance(later.event, Observed):
            look = by_host(story.seen.get(later.seq, ())).get(host)
            if look is not None:
                return look, (later.at - record.at).total_seconds()
    return None


def _saw_end(story: Story, record: Record, target: Target) -> bool:
    after = _look_after(story, record, target.host)
    return after is not None and is_gone(target, after[0])


def _seen_after(story: Story, record: Record, target: Target) -> str:
    after = _look_after(story, record, target.host)
    if after is None:
        return "the host was not looked at after it"
    look, seconds = after
    if isinstance(look, Unreachable):
        return f"the look after it: {look.host} {look.reason}"
    return f"the look after it, {exact(seconds)} later, {_seen(target, look)}"


def _seen(target: Target, look: Snapshot) -> str:
    there = left(target, look)
    if target.kind == "account":
        whose = target.account.name
        return f"still saw {processes(len(there))} of {whose}" if there else f"saw no process of {whose} any more"
    if is_gone(target, look):
        return "no longer saw the session"
    if look.host_key != target.host_key:
        return "saw another host key"
    session = look.session(target.identity)
    if session is None:
        return f"saw the session gone, but {processes(len(there or ()))} of it left"
    return f"still saw the session ({session.state})"
