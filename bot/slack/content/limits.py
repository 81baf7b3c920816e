"""What `/limits` answers: what hosts do by themselves about idle people, alike hosts together. Pure."""

from collections.abc import Iterator, Sequence

from bot.limits import in_short, sentences
from bot.models import HostLimits, LimitsLooks, Unreachable
from bot.slack.content.blocks import Message, Part, aside, compose, paragraph
from bot.slack.content.lines import Line, bold, line, told
from bot.slack.content.listing import few
from bot.slack.content.naming import alike
from bot.slack.content.story import named

Said = tuple[str, tuple[str, ...], tuple[str, ...]]
"""In short, what each setting means, and what could not be seen."""


def limits(looks: LimitsLooks, refused: Sequence[str], last: Sequence[Part] = ()) -> Message:
    """In the order in which the hosts were asked for. refused: why some were not. last: what stands at its end."""
    known = alike((look.host, _said(look)) for look in looks if isinstance(look, HostLimits))
    lost = alike((look.host, look.reason) for look in looks if isinstance(look, Unreachable))
    parts = [part for hosts, said in known for part in _parts(hosts, said)]
    if lost:
        parts.append(paragraph(*few([_nothing(hosts, reason) for hosts, reason in lost]), needed=True))
    if refused:
        parts.append(paragraph(*map(told, refused), needed=True))
    return compose(*parts, *last)


def _nothing(hosts: Sequence[str], reason: str) -> Line:
    return line(bold(f"{named(hosts)} {reason}."), " Nothing is known about its limits.")


def _said(look: HostLimits) -> Said:
    return in_short(look), sentences(look), look.notes


def _parts(hosts: Sequence[str], said: Said) -> Iterator[Part]:
    short, means, notes = said
    yield paragraph(line(bold(f"{named(hosts)}: {short}")), *(line("• ", told(each)) for each in means))
    if notes:
        yield aside(*map(line, notes), needed=False)
