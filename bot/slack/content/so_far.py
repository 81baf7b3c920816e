"""The reply that tells of some hosts while others are not done: of the one that went first, or of those since. Pure."""

from bot import canary
from bot.counting import count
from bot.events import Judged, Record
from bot.models import Unreachable
from bot.slack.content import limit_request
from bot.slack.content.blocks import Message, compose, paragraph
from bot.slack.content.lines import Line, bold, line
from bot.slack.content.naming import some
from bot.slack.content.outcome_lines import summed_up
from bot.slack.content.proof import mark
from bot.slack.content.story import Story, named


def is_worth_telling(event: Judged) -> bool:
    """False where everything was gone before anything was done: the end of the request tells it."""
    return any(outcome.result in canary.TELLING for outcome in event.outcomes) or not event.outcomes


def so_far(story: Story, record: Record) -> Message:
    """How it ended there, and what happens next."""
    event = record.event
    if not isinstance(event, Judged):
        return compose(mark(record))
    ends = limit_request.notable(event.outcomes) if story.limit else summed_up(story, event.outcomes)
    ends = [*ends, *_not_held(story, event)]
    return compose(paragraph(_title(story, event), *ends, _next(story, event), needed=True, cut=True), mark(record))


def _title(story: Story, event: Judged) -> Line:
    if canary.went_first(story.request, event.hosts):
        return line(bold(f"{named(event.hosts)} went first"), ":")
    done, of_all = len(story.request.judged), count(len(story.request.hosts), "host")
    return line(bold("So far"), f", {done} of {of_all} done. Since the last word, on {some(event.hosts)}:")


def _not_held(story: Story, event: Judged) -> list[Line]:
    not_held = {host: why for host, why in story.request.not_held.items() if host in event.hosts}
    return [line(f"! not held on {host}: {why}.") for host, why in list(not_held.items())[:3]]


def _next(story: Story, event: Judged) -> Line:
    """Who is waited for; or that the others follow, or don't, and what people can do then."""
    request = story.request
    rest = [host for host in request.hosts if host not in request.judged and host not in request.begun]
    if canary.went_first(request, event.hosts):
        others = count(len(rest), "other host")
        if canary.went_wrong(request):
            return line(
                f"It went wrong, so nothing is begun on the {others}. Look at {named(event.hosts)}; then the others can"
                " be asked for again by the button under this request."
            )
        return line(f"It went well: the {others} follow{'s' if len(rest) == 1 else ''} now.")
    lost = [look.host for look in story.newest if isinstance(look, Unreachable) and look.host in request.waiting_for]
    return line(f"Waiting for {named(lost)}.") if lost else ()
