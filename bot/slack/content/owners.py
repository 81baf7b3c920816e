"""The owners of ended sessions, where the configuration knows them, are told in person: who, where, why. Pure.

Never any evidence: no address, no command line.
"""

from bot.events import Closed, Record
from bot.models import Outcome, Result
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import When, Who, either, italic, line
from bot.slack.content.story import Story, named

OWNER = "owner:"

_ENDED = frozenset({Result.ENDED, Result.GHOST, Result.RETURNED})
"""Something of theirs was really ended."""


def owners(story: Story, record: Record) -> tuple[str, ...]:
    """A part for each owner who is to be told, which names the person: nobody who asked or approved it themselves."""
    if not isinstance(record.event, Closed) or not _ended(story):
        return ()
    know = {story.request.asker, *(decision.who for decision in story.request.decisions)}
    return tuple(f"{OWNER}{person}" for person in dict.fromkeys(story.request.owners) if person not in know)


def owner_of(part: str) -> str:
    """The person whom a part is for; empty if it is another part."""
    return part.removeprefix(OWNER) if part.startswith(OWNER) else ""


def for_owner(story: Story, record: Record) -> Message:
    """`Your sessions of bob on host1 were ended at 13:31: asked by Alice, approved by Carol, because INC-42.`"""
    request = story.request
    approved = line(", approved by ", either([d.who for d in request.decisions], "and")) if request.decisions else ()
    because = line(", because ", italic(story.why)) if story.why else ()
    by = line("asked by ", Who(id=request.asker), approved, because)
    told = line(f"{_what(story)} ended at ", When(moment=record.at), ": ", by, ". Questions: ask them.")
    return compose(paragraph(told, needed=True), aside(line(f"request {request.id}")))


def _what(story: Story) -> str:
    """`Your sessions of bob on host1 were`"""
    ended = _ended(story)
    sessions = sum(o.kind == "session" for o in ended)
    noun = "session" if sessions == 1 else "sessions" if sessions else "processes"
    where = named(tuple(dict.fromkeys(o.host for o in ended)))
    if story.is_of_everyone:
        return f"Everyone's sessions on {where}, yours among them, were"
    return f"Your {noun} of {story.user} on {where} {'was' if noun == 'session' else 'were'}"


def _ended(story: Story) -> list[Outcome]:
    return [o for o in story.request.outcomes if o.result in _ENDED]
