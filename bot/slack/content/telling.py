"""What has to be told about an event, to whom, and in which words. Pure; where it goes and when is `publisher.py`."""

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum

from bot.events import (
    Cancelled,
    Closed,
    Event,
    Judged,
    Lapsed,
    Planned,
    Record,
    Refused,
    Reviewed,
    UnfreezeAsked,
    Unfrozen,
    Warned,
    WrongCode,
)
from bot.slack.content import freeze, holds, limit_request, retention, reviews, warning
from bot.slack.content.aftermath import after
from bot.slack.content.approvers import approver_of, for_approver, reminder
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.code_form import guessed
from bot.slack.content.evidence import before, decision
from bot.slack.content.headlines import NEWS, last_line
from bot.slack.content.lines import Line, Link, Where, bold, line
from bot.slack.content.owners import for_owner, owner_of, owners
from bot.slack.content.proof import mark
from bot.slack.content.request_card import card, moved
from bot.slack.content.so_far import is_worth_telling, so_far
from bot.slack.content.story import Story
from bot.slack.content.sweeps import asker
from bot.slack.content.what_was_run import what_was_run
from bot.sweeping import is_silent

log = logging.getLogger(__name__)


class Part(StrEnum):
    """One message about an event. NOW: the parent is changed, nothing new is posted. MOVED: the request goes on here.

    Beside these there is a part for each owner and approver who is told in person, see `owners.py`, `approvers.py`.
    """

    PARENT = "parent"
    MOVED = "moved"
    NOW = "now"
    BEFORE = "before"
    REMINDER = "reminder"
    DECISION = "decision"
    WARNING = "warning"
    SO_FAR = "so_far"
    RUN = "run"
    AFTER = "after"
    NEWS = "news"
    ASKER = "asker"


IN_THREAD = frozenset({Part.BEFORE, Part.REMINDER, Part.DECISION, Part.WARNING, Part.SO_FAR, Part.RUN, Part.AFTER})


_REPLIES: Mapping[str, Callable[[Story, Record], Message]] = {
    Part.BEFORE: before,
    Part.WARNING: warning.reply,
    Part.SO_FAR: so_far,
    Part.RUN: what_was_run,
    Part.AFTER: after,
}
_OF_LIMITS: Mapping[str, Callable[[Story, Record], Message]] = {
    **_REPLIES,
    Part.BEFORE: limit_request.before,
    Part.RUN: limit_request.what_was_run,
    Part.AFTER: limit_request.after,
}

PARTS = {
    "reminded": (Part.REMINDER,),
    "approved": (Part.NOW, Part.DECISION),
    "permitted": (Part.NOW, Part.DECISION),
    "warned": (Part.NOW, Part.WARNING),
    "cancelled": (Part.NOW, Part.DECISION, Part.NEWS),
    "denied": (Part.NOW, Part.DECISION, Part.NEWS, Part.ASKER),
    "expired": (Part.NOW, Part.NEWS, Part.ASKER),
    "lapsed": (Part.NOW, Part.NEWS, Part.ASKER),
    "frozen": (Part.PARENT, Part.NOW),
    "unfreeze_asked": (Part.NOW, Part.DECISION),
    "unfrozen": (Part.NOW, Part.DECISION),
    "held": (Part.PARENT, Part.NOW, Part.DECISION),
    "unhold_asked": (Part.NOW, Part.DECISION),
    "unhold_approved": (Part.NOW, Part.DECISION),
    "overdue": (Part.NOW, Part.DECISION),
    "released": (Part.NOW, Part.DECISION),
    "review_opened": (Part.PARENT, Part.NOW),
    "review_given": (Part.NOW, Part.DECISION),
    "reviewed": (Part.NOW, Part.DECISION, Part.NEWS),
}
"""Of the kinds of events for which it is always the same; of others it is the present state."""


def parts(story: Story, record: Record, incident_channel: str) -> tuple[str, ...]:
    """What has to be told about this event, in order."""
    request, event = story.request, record.event
    if isinstance(event, WrongCode):
        return (Part.DECISION,) if event.barred_until else ()
    if request.sweep and request.plan is None:
        return (Part.PARENT,) if isinstance(event, Closed) and not is_silent(request) else ()
    if request.retention is not None:
        return (Part.PARENT, Part.NOW) if record.seq == request.id else (Part.NOW, Part.DECISION)
    if isinstance(event, Refused):
        return () if event.told else (Part.ASKER,)
    wanted = _parts(event, planned=request.plan is not None)
    if isinstance(event, Planned) and request.channel != request.home:
        wanted = (*wanted, Part.ASKER)
    if isinstance(event, Cancelled) and event.who != request.asker:
        wanted = (*wanted, Part.ASKER)
    if isinstance(event, Cancelled | Lapsed | Closed) and (_half_warned(story) or story.warned_later):
        wanted = (Part.WARNING, *wanted)
    pointless = {Part.NEWS} if request.home == incident_channel else set[Part]()
    pointless |= {Part.ASKER} if request.sweep else set()
    kept = tuple(part for part in wanted if part not in pointless)
    return (*kept, *owners(story, record))


def _parts(event: Event, *, planned: bool) -> tuple[Part, ...]:
    match event:
        case Planned():
            return (Part.PARENT, Part.BEFORE, Part.NEWS)
        case Judged():
            return (Part.NOW, *([Part.SO_FAR] if is_worth_telling(event) else []))
        case Closed() if not planned:
            return (Part.PARENT, Part.BEFORE, Part.NEWS, Part.ASKER)
        case Closed():
            return (Part.NOW, Part.RUN, Part.AFTER, Part.NEWS, Part.ASKER)
        case _:
            return PARTS.get(event.kind, (Part.NOW,))


def _half_warned(story: Story) -> bool:
    """True if it ended while people were being told: nothing has said yet who was."""
    return bool(story.warnings) and not any(isinstance(r.event, Warned) for r in story.records)


def in_person(part: str, story: Story) -> str:
    """Whom a part is for, and nobody else; empty if it is for a channel."""
    return story.request.asker if part == Part.ASKER else owner_of(part) or approver_of(part)


def written(part: str, story: Story, record: Record, link: str = "") -> Message:
    """The words of a part. A fault in writing them is logged, and told in their place."""
    try:
        return words(part, story, record, link)
    except Exception:
        log.exception("request %s: the %s of event %s can't be written", story.request.id, part, record.seq)
        return _broken(story, record)


def words(part: str, story: Story, record: Record, link: str = "") -> Message:
    """A part as a message. link: leads to the parent, if that is known."""
    if reply := (_OF_LIMITS if story.limit else _REPLIES).get(part):
        return reply(story, record)
    match part:
        case Part.PARENT | Part.NOW:
            return card(story)
        case Part.MOVED:
            return moved(story)
        case Part.REMINDER:
            said = reviews.reminder(story.request, record) if story.request.review else reminder(story, record)
            return compose(paragraph(said, needed=True), mark(record))
        case Part.DECISION:
            return _decided(story, record)
        case _:
            return _outside_the_thread(part, story, record, link)


def _decided(story: Story, record: Record) -> Message:
    if isinstance(record.event, WrongCode):
        return guessed(record)
    if isinstance(record.event, UnfreezeAsked | Unfrozen):
        return freeze.reply(story.request, record)
    if story.request.review is not None:
        return reviews.reply(record)
    if story.request.retention is not None:
        return retention.reply(story.request, record)
    return holds.reply(record) if story.request.held is not None else decision(story, record)


def _outside_the_thread(part: str, story: Story, record: Record, link: str) -> Message:
    if part == Part.NEWS:
        return _news(story, record, link)
    if part == Part.ASKER:
        return _asker(story, record, link)
    return for_approver(story, link) if approver_of(part) else for_owner(story, record, owner_of(part))


def _news(story: Story, record: Record, link: str) -> Message:
    """One line for the incident channel."""
    at = line(" → ", Link(url=link, text="thread")) if link else line(" → ", Where(id=story.request.home))
    if isinstance(record.event, Reviewed):
        return compose(paragraph(line(reviews.headline(story.request), at), needed=True), mark(record))
    if isinstance(record.event, Planned):
        told = line("⏳ ", asker(story.request), f" asks to {_what(story)}")
        told = reviews.news(story, _what(story)) if story.request.emergency else told
        return compose(paragraph(line(told, at), needed=True), mark(record))
    return compose(paragraph(line(_end(story), at), needed=True), mark(record))


def _asker(story: Story, record: Record, link: str) -> Message:
    """What the asker gets in person: where the request stands, or how it ended."""
    at = line(" ", Link(url=link, text="See the thread.")) if link else ()
    if isinstance(record.event, Planned):
        stands = at or line(" It stands in ", Where(id=story.request.home), ".")
        return compose(paragraph(line(f"You asked to {_what(story)}.", stands), needed=True))
    end = _nothing(story) if isinstance(record.event, Closed) and story.plan is None else _end(story)
    return compose(paragraph(line(end, at), needed=True), aside(line(f"request {story.request.id}")))


def _nothing(story: Story) -> Line:
    """Without what was seen: whoever asks need not be allowed to look."""
    whom = limit_request.about(story.limit) if story.limit else f"{story.user} on {story.where}"
    about = f" about {whom}: there was nothing to {'set' if story.limit else 'end'}."
    return line(NEWS, bold("Nothing was done"), about)


def _what(story: Story) -> str:
    """`kick audituser off host1`"""
    if story.limit:
        return f"set {limit_request.about(story.limit)}"
    return f"{_verb(story)} {story.user} off {story.where}"


def _verb(story: Story) -> str:
    return "force" if story.request.command and story.request.command.force else "kick"


def _end(story: Story) -> Line:
    """The last line of a request that has ended. A later state than the event's is told as it is now."""
    if not story.request.state.final:
        return line(bold(limit_request.about(story.limit) if story.limit else f"{story.user} on {story.where}"))
    return last_line(story)


def _broken(story: Story, record: Record) -> Message:
    """Stands in for a message that Kickbot failed to write: nothing is left out silently."""
    text = f"Event {record.seq} of request {story.request.id} could not be shown. The audit trail has it: "
    return compose(paragraph(line(text, f"kickbot audit show {story.request.id}"), needed=True), mark(record))
