"""What ties a message to the audit trail and to what the hosts themselves said. Pure."""

from collections.abc import Sequence

from bot.events import Record
from bot.models import Snapshot, Unreachable
from bot.slack.content.blocks import LONGEST_PREFORMATTED, Part, aside, preformatted
from bot.slack.content.lines import italic, line
from bot.slack.content.story import short


def mark(record: Record) -> Part:
    """`event 318, trail a1b2 c3d4…`: where this stands in the audit trail."""
    return aside(line(italic(f"event {record.seq}, trail {short(record.hash)}…")))


def raw(looks: Sequence[Snapshot | Unreachable]) -> list[Part]:
    """The hosts' own answers, masked, where they are short; else they stand in files."""
    if not fit_in_a_message(looks):
        return []
    return [preformatted(line(f"What {look.host} said:"), look.raw) for look in answers(looks)]


def answers(looks: Sequence[Snapshot | Unreachable]) -> list[Snapshot]:
    return [look for look in looks if isinstance(look, Snapshot) and look.raw]


def fit_in_a_message(looks: Sequence[Snapshot | Unreachable]) -> bool:
    return sum(len(look.raw) for look in answers(looks)) <= LONGEST_PREFORMATTED
