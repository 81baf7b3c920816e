"""Names in a sentence: a list of them stays short, and says how many it leaves out. Pure."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from bot.cleaning import shorten
from bot.counting import processes
from bot.models import Process

Key = TypeVar("Key", bound=Hashable)

LONGEST_NAME = 60
NAMED = 8
"""How many names stand in a sentence before the rest is counted."""

MANY = 20
"""From how many lines that say the same on they are made one."""

KEEPERS = ("tmux", "screen", "SCREEN")
"""Programs that keep shells for later; their servers are called `tmux: server`."""


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    first, more = (listed := list(names))[:NAMED], len(listed) - NAMED
    return ", ".join(shorten(name, LONGEST_NAME) for name in first) + (f" and {more} more" if more > 0 else "")


def alike(found: Iterable[tuple[str, Key]]) -> list[tuple[list[str], Key]]:
    """The hosts about which the same can be said, in the order of the first of them."""
    groups: dict[Key, list[str]] = {}
    for host, what in found:
        groups.setdefault(what, []).append(host)
    return [(hosts, what) for what, hosts in groups.items()]


def sessions(ids: Sequence[str]) -> str:
    """`session 7`, `sessions 7, 9`."""
    return f"session{'' if len(ids) == 1 else 's'} {some(ids)}"


def capital(text: str) -> str:
    """The same as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def programs(listed: Iterable[Process]) -> list[str]:
    """The names of programs, the most frequent first; what keeps more than is seen in one place, a tmux, before all."""
    numbers = Counter(p.name.split(":")[0] if p.name.startswith(KEEPERS) else p.name for p in listed)
    ordered = sorted(numbers.most_common(), key=lambda named: not named[0].startswith(KEEPERS))
    return [f"{name} ×{number}" if number > 1 else name for name, number in ordered]  # noqa: RUF001


def of_whom(listed: Sequence[Process]) -> str:
    """`5 processes of audituser, 2 of bob`, who has most of them first."""
    (user, number), *others = Counter(p.user for p in listed).most_common()
    return some([f"{processes(number)} of {user}", *(f"{number} of {user}" for user, number in others)])
