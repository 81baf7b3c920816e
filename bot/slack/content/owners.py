"""Whose sessions ended, or whose account is held, is told in person, where the configuration says so. Pure.

Never any evidence: no address, no command line.
"""

from collections.abc import Iterator, Sequence

from bot.events import Closed, Record
from bot.models import Result, Target
from bot.slack.content import sweeps
from bot.slack.content.blocks import Message, aside, compose, paragraph
from bot.slack.content.lines import Line, When, either, italic, joined, line
from bot.slack.content.story import Story, named

OWNER = "owner:"

_ENDED = frozenset({Result.ENDED, Result.GHOST, Result.RETURNED})
"""Something of theirs was really ended."""


def owners(story: Story, record: Record) -> tuple[str, ...]:
    """A part for each owner who is to be told, which names the person: nobody who asked or approved it themselves."""
    if not isinstance(record.event, Closed):
        return ()
    know = {story.request.asker, *(decision.who for decision in story.request.decisions)}
    others = [person for person in dict.fromkeys(story.request.owners) if person not in know]
    return tuple(f"{OWNER}{person}" for person in others if _ended(story, person) or _held(story, person))


def owner_of(part: str) -> str:
    """The person whom a part is for; empty if it is another part."""
    return part.removeprefix(OWNER) if part.startswith(OWNER) else ""


def for_owner(story: Story, record: Record, person: str) -> Message:
    """`Your sessions of bob on host1 were ended at 13:31: asked by Alice, approved by Carol, because INC-42.`"""
    request = story.request
    by = either([d.who for d in request.decisions], "and") or sweeps.approved(request)
    approved = line(", approved by ", by) if by else ()
    because = line(", because ", italic(story.why)) if story.why else ()
    by = line("asked by ", sweeps.asker(request), approved, because)
    what = [*_what_ended(story, record, person), *_what_is_held(story, person)]
    told = line(joined(what, ", and "), ": ", by, ". Questions: ask them.")
    return compose(paragraph(told, needed=True), aside(line(f"request {request.id}")))


def _what_ended(story: Story, record: Record, person: str) -> Iterator[Line]:
    """`Your sessions of bob on host1 were ended at 13:31`"""
    if ended := _ended(story, person):
        sessions = sum(target.kind == "session" for target in ended)
        noun = "session" if sessions == 1 else "sessions" if sessions else "processes"
        was = "was" if noun == "session" else "were"
        yield line(f"Your {noun} of {_where(ended)} {was} ended at ", When(moment=record.at))


def _what_is_held(story: Story, person: str) -> Iterator[Line]:
    """`bob on host1 is kept from logging in until 15:30`"""
    if (held := _held(story, person)) and (until := story.request.hold_until):
        yield line(f"{_where(held)} is kept from logging in until ", When(moment=until, dated=True))


def _where(targets: Sequence[Target]) -> str:
    """`bob on host1`"""
    accounts, hosts = (dict.fromkeys(each) for each in zip(*((t.account.name, t.host) for t in targets), strict=True))
    return f"{', '.join(accounts)} on {named(tuple(hosts))}"


def _ended(story: Story, person: str) -> list[Target]:
    found = [story.target(o) for o in story.request.outcomes if o.result in _ENDED]
    return [target for target in found if target and _is_of(story, target, person)]


def _held(story: Story, person: str) -> list[Target]:
    request = story.request
    holds = request.plan.holds if request.plan else ()
    return [t for t in holds if t.host not in request.not_held and _is_of(story, t, person)]


def _is_of(story: Story, target: Target, person: str) -> bool:
    """Where the trail doesn't tell whose which is, all are everybody's who is named."""
    return not story.request.whose or person in story.request.whose.get(target.account.name, ())
