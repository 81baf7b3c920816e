"""A request to set a limit, where it reads otherwise than one to end sessions. Pure."""

from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.durations import whole
from bot.events import Record, Signalled
from bot.limits import in_short, sentences
from bot.models import HostLimits, KeepLimits, LimitsLooks, Outcome, Result, SetLimit, SetLimits, Unreachable
from bot.slack.content.blocks import Message, Part, aside, compose, paragraph, preformatted
from bot.slack.content.lines import Line, bold, code, line, told
from bot.slack.content.listing import few
from bot.slack.content.naming import alike, some
from bot.slack.content.proof import mark
from bot.slack.content.refusals import said
from bot.slack.content.story import Story, named
from bot.trials import means

COMMAND, OUTPUT = 200, 600
_MARKS = ((Result.UNKNOWN, "⛔"), (Result.BACK, "⚠️"), (Result.UNSET, "⚠️"), (Result.SET, "✅"))


def about(limit: SetLimit) -> str:
    """`the limit idle 15 min on web[01-03]`"""
    return f"the limit {limit.limit} {whole(limit.seconds) if limit.seconds else 'off'} on {named(limit.hosts)}"


def question(story: Story, limit: SetLimit) -> Line:
    return line(bold(f"Set {about(limit.model_copy(update={'hosts': story.request.hosts}))}?"))


def would(story: Story, limit: SetLimit) -> Iterator[Part]:
    """What it means, how it is made sure that nobody is cut off, and where it can't be set."""
    does = line(bold("It would "), f"{means(limit.limit, limit.seconds)}, also while a silent program runs there.")
    if limit.limit == "unresponsive" or not limit.seconds:
        does = line(bold("It would "), f"{means(limit.limit, limit.seconds)}.")
    stays = line(
        bold("Stays: "),
        "sessions that are open now, and Kickbot's own login. sshd checks the file first; unless a fresh login comes"
        " through, the host takes it back after 2 min.",
    )
    left_out = [(k.host, k.why) for k in (story.plan.kept if story.plan else ())]
    left_out += [(u.host, f"it {u.reason}") for u in (story.plan.unreachable if story.plan else ())]
    not_there = [line(f"⚠️ Not on {named(hosts)}: {why}.") for hosts, why in alike(left_out)]
    yield paragraph(does, stays, *few(not_there), needed=True)


def closed(story: Story, limit: SetLimit) -> Line:
    """`✅ The limit idle 15 min is set on web[01-03]`; the worst of the outcomes comes first."""
    outcomes = story.request.outcomes
    if not outcomes:
        return line("⚠️ ", bold("Nothing was set."), " ", told(story.request.reason.rstrip(". ")))
    worst = next(mark_ for result, mark_ in _MARKS if any(o.result is result for o in outcomes))
    value = whole(limit.seconds) if limit.seconds else "off"
    return line(f"{worst} ", bold(f"The limit {limit.limit} {value} {'; '.join(_each(outcomes))}"))


def _each(outcomes: Sequence[Outcome]) -> Iterator[str]:
    words = {
        Result.SET: "is set on",
        Result.BACK: "was taken back on",
        Result.UNSET: "is not set on",
        Result.UNKNOWN: "is not known to be set on",
    }
    for result, words_of in words.items():
        if hosts := [o.host for o in outcomes if o.result is result]:
            yield f"{words_of} {named(hosts)}"


def notable(outcomes: Sequence[Outcome]) -> list[Line]:
    """Why it is not in force, and what a host says itself."""
    groups = alike((o.host, (o.result.value, o.detail)) for o in outcomes if o.detail)
    return [line(bold(some(hosts)), f" {result}: ", shorten(detail, OUTPUT)) for hosts, (result, detail) in groups]


# -------------------------------------------------------------------------------------------- in the thread


def before(story: Story, record: Record) -> Message:
    """What the hosts do by themselves when it is planned."""
    return compose(paragraph(line(bold("Before")), needed=True), *_shown(_first(story)), mark(record))


def after(story: Story, record: Record) -> Message:
    """The same at the end."""
    return compose(paragraph(line(bold("After")), needed=True), *_shown(_last(story)), mark(record))


def what_was_run(story: Story, record: Record) -> Message:
    """Each step with its answer, and the host's words where it refused."""
    tries = [r.event for r in story.records if isinstance(r.event, Signalled)]
    parts = [part for event in tries for part in _try(event)]
    nothing = [] if parts else [paragraph(line("Nothing: nothing was begun."))]
    return compose(paragraph(line(bold("What was run")), needed=True), *parts, *nothing, mark(record))


def _try(event: Signalled) -> Iterator[Part]:
    step, answer = event.step, event.answer
    what = {"set_limits": "set on trial", "keep_limits": "keep, over a fresh login"}.get(step.kind, step.what)
    again = f", attempt {step.attempt}" if step.attempt > 1 else ""
    ran = code(shorten(answer.command or step.what, COMMAND))
    if isinstance(step, SetLimits | KeepLimits):
        yield paragraph(line(bold(step.host), f", {what}{again}: ", ran, f" → {said(answer, step.target)}."))
    if answer.output:
        yield preformatted(line("It said:"), answer.output, OUTPUT)


def _first(story: Story) -> LimitsLooks:
    return story.limits[min(story.limits)] if story.limits else ()


def _last(story: Story) -> LimitsLooks:
    """The newest of each host."""
    seen = {look.host: look for number in sorted(story.limits) for look in story.limits[number]}
    return tuple(seen.values())


def _shown(looks: LimitsLooks) -> Iterator[Part]:
    known = alike((look.host, (in_short(look), sentences(look))) for look in looks if isinstance(look, HostLimits))
    for hosts, (short, sentences_) in known:
        yield paragraph(line(bold(f"{named(hosts)}: {short}")), *(line("• ", told(each)) for each in sentences_))
    if lost := [look for look in looks if isinstance(look, Unreachable)]:
        yield aside(*few([line(f"{look.host} {look.reason}. Nothing is known about its limits.") for look in lost]))
