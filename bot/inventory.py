"""The configured hosts: their names, ranges and groups. Pure; the only importer of ClusterShell's NodeSet.

A name from outside never reaches NodeSet before its text was bounded, and NodeSet never asks a group source: it would
run a shell for one.
"""

import re
from collections.abc import Iterable, Sequence

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet, NodeSetException
from pydantic import model_validator

from bot.cleaning import quoted
from bot.errors import CommandError
from bot.models import Host, Platform, Value
from bot.nearest import did_you_mean

MAX_TEXT = 200
MAX_RANGE = 10_000
NAMED = 8
"""How many groups an answer names."""

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_RANGED = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]|\[[0-9,-]+\])*")
_SPAN = re.compile(r"(\d{1,6})-(\d{1,6})")
_LAST_NUMBER = re.compile(r"(.*?)(\d+)(\D*)")
_LONG_NUMBER = re.compile(r"\d{7}")
_GROUP = re.compile(r"@[A-Za-z0-9](?:[A-Za-z0-9._-]*)")


def expand(text: str) -> tuple[str, ...]:
    """`web[01-03]` -> its names. Raises CommandError for text that is no host name or range, or a too large one."""
    if len(text) > MAX_TEXT:
        raise CommandError(f"That host name is too long ({len(text)} characters, at most {MAX_TEXT}).")
    if not _RANGED.fullmatch(text):
        raise CommandError(f"`{quoted(text)}` is not a host name. For example: `host1`, `web[01-20]`, `@prod`.")
    _bound(text)
    try:
        names = tuple(NodeSet(text, resolver=RESOLVER_NOGROUP))
    except NodeSetException as error:
        raise CommandError(f"`{quoted(text)}` is not a range of hosts. For example: `web[01-20]`.") from error
    if not all(map(_NAME.fullmatch, names)):
        raise CommandError(f"`{quoted(text)}` is not a host name: it ends with a letter or a digit.")
    return names


def fold(names: Iterable[str]) -> str:
    """Names -> a short form, `web[01-03]`; the counterpart of `expand`.

    Only the last number of a name is folded: NodeSet takes seconds for some hundred names such as `ip-10-1-2-3`.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = _LAST_NUMBER.fullmatch(name)
        alike.setdefault((found[1], found[3]) if found else (name, ""), []).append(name)
    return ",".join(map(_folded, (alike[key] for key in sorted(alike))))


def _folded(alike: list[str]) -> str:
    """Names that differ in their last number only."""
    return alike[0] if len(alike) == 1 else str(NodeSet.fromlist(alike, resolver=RESOLVER_NOGROUP))


def is_name(text: str) -> bool:
    """True for what people can type as the name of one host."""
    return len(text) <= MAX_TEXT and bool(_NAME.fullmatch(text))


def is_group(text: str) -> bool:
    """True for what people can type behind an `@`."""
    return len(text) < MAX_TEXT and bool(_GROUP.fullmatch(f"@{text}"))


class Inventory(Value):
    """Every configured host, by its name."""

    hosts: dict[str, Host]

    @model_validator(mode="after")
    def _named(self) -> "Inventory":
        for name in self.hosts:
            if not is_name(name):
                raise ValueError(f"{name!r} is not a host name")
        return self

    @property
    def groups(self) -> frozenset[str]:
        """All that can be typed; those that choose a rule are `Host.groups` alone."""
        return frozenset(group for host in self.hosts.values() for group in host.groups | host.hints)

    @property
    def names(self) -> tuple[str, ...]:
        """All that can be typed as one word: the hosts, and the groups behind their `@`."""
        return (*self.hosts, *(f"@{group}" for group in sorted(self.groups)))

    def platforms(self, hosts: Iterable[str]) -> frozenset[Platform]:
        """What these hosts are."""
        return frozenset(self.hosts[name].platform for name in hosts)

    def select(self, text: str, *, hints: bool = True) -> tuple[str, ...]:
        """HOSTS as people type it -> names, in order, each once. Raises CommandError naming what isn't configured.

        hints: False for a rule, which only the groups of trusted sources may choose.
        """
        if len(text) > MAX_TEXT:
            raise CommandError(f"That list of hosts is too long ({len(text)} characters, at most {MAX_TEXT}).")
        names: dict[str, None] = {}
        for part in _parts(text):
            names.update(dict.fromkeys(self._members(part, hints)))
        return tuple(names)

    def _members(self, part: str, hints: bool) -> Sequence[str]:
        if part.startswith("@"):
            return self._group(part, hints)
        names = expand(part)
        for name in names:
            if name not in self.hosts:
                raise CommandError(f"There is no host `{name}`.{did_you_mean(name, self.names)}")
        return names

    def _group(self, part: str, hints: bool) -> Sequence[str]:
        if not _GROUP.fullmatch(part):
            raise CommandError(f"`{quoted(part)}` is not a group of hosts. For example: `@prod`.")
        names = [n for n, host in self.hosts.items() if part[1:] in host.groups or (hints and part[1:] in host.hints)]
        if not names and part[1:] in self.groups:
            raise CommandError(f"`{part}` comes from a source without `trusted = true`, so it chooses no rule.")
        if not names:
            raise CommandError(f"There is no group `{part}`.{did_you_mean(part, self.names) or self._every_group()}")
        return names

    def _every_group(self) -> str:
        """` Groups: `@db`, `@web`.`, to stand behind a sentence; the first ones, if there are many."""
        named = [f"`@{group}`" for group in sorted(self.groups)]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        return f" Groups: {', '.join(named[:NAMED])}{more}." if named else " No groups are configured."


def _parts(text: str) -> list[str]:
    """Split at commas outside brackets."""
    parts = re.split(r",(?![^\[]*\])", text)
    if not all(parts):
        raise CommandError("There is an empty name in that list of hosts. For example: `host1,web[01-20]`.")
    return parts


def _bound(text: str) -> None:
    """Refuse a range before it is expanded: NodeSet would take all the memory there is."""
    size = 1
    for bracket in re.findall(r"\[([^\]]*)\]", text):
        spans = _SPAN.findall(bracket)
        size *= sum(max(int(last) - int(first) + 1, 1) for first, last in spans) + bracket.count(",") + 1
    if size > MAX_RANGE or _LONG_NUMBER.search(text):
        raise CommandError(f"`{quoted(text)}` is too large a range; at most {MAX_RANGE} hosts.")
