"""One list of hosts from kickbot.toml and from what other sources say of hosts. Pure.

Sources are believed as far as they must be: a name that nobody could type is left out and told, groups choose a rule
only where the source is trusted, and kickbot.toml's own word stands before all others.
"""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from bot.cleaning import quoted
from bot.inventory import MAX_TEXT, is_group, is_name
from bot.models import Host, Platform, Value

OWN = "kickbot.toml"

_ADDRESS = re.compile(r"[A-Za-z0-9:_][A-Za-z0-9._:-]*(?:%[A-Za-z0-9._-]+)?")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}\$?")
LAST_PORT = 65535


class Entry(Value):
    """A host as one source names it. port None, user empty: not said. hints: groups that choose no rule."""

    name: str
    address: str
    port: int | None = None
    user: str = ""
    platform: Platform = "linux"
    groups: frozenset[str] = frozenset()
    hints: frozenset[str] = frozenset()
    source: str = OWN


class Found(Value):
    """What one source says. notes: what was left out of it, and why, for the log."""

    source: str
    trusted: bool = False
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()


def no_way(address: str, port: int | None, user: str) -> str:
    """Why SSH can't go there; empty if it can."""
    if len(address) > MAX_TEXT or not _ADDRESS.fullmatch(address):
        return f"{quoted(address)!r} is no address"
    if port is not None and not 1 <= port <= LAST_PORT:
        return f"{port} is no port"
    if user and not _USER.fullmatch(user):
        return f"{quoted(user)!r} is no login name"
    return ""


def found(source: str, entries: Iterable[Entry], notes: Iterable[str] = (), *, trusted: bool = False) -> Found:
    """What a source says, without what can't be believed of it."""
    kept: list[Entry] = []
    left_out: list[str] = []
    for entry in entries:
        way = no_way(entry.address, entry.port, entry.user)
        if why := way if is_name(entry.name) else "that is no host name":
            left_out.append(f"{quoted(entry.name)} is left out: {why}")
            continue
        left_out.extend(f"the group {quoted(g)} of {entry.name} is left out" for g in entry.groups if not is_group(g))
        groups = frozenset(filter(is_group, entry.groups))
        believed = {"groups": groups} if trusted else {"groups": frozenset[str](), "hints": groups}
        kept.append(entry.model_copy(update={**believed, "source": source}))
    return Found(source=source, trusted=trusted, entries=tuple(kept), notes=(*notes, *left_out))


def merge(own: Iterable[Entry], others: Sequence[Found]) -> dict[str, Entry]:
    """Each name once. The first source that names a host says how it is reached; all of them say in which groups."""
    merged: dict[str, Entry] = {}
    for entry in (*own, *(entry for each in others for entry in each.entries)):
        first = merged.get(entry.name)
        merged[entry.name] = _both(first, entry) if first else entry
    return merged


def _both(first: Entry, other: Entry) -> Entry:
    groups = first.groups | other.groups
    return first.model_copy(update={"groups": groups, "hints": (first.hints | other.hints) - groups})


def one_name_each(hosts: Mapping[str, Host], rules: Mapping[str, Hashable]) -> Iterator[tuple[str, str]]:
    """The names to leave out, each with its reason: nobody chooses the rule for a machine by the name that they type.

    rules: what decides about each name, to be compared. Where all names of a machine fall under the same rules, those
    of kickbot.toml stay, else the first one. Where they don't, none stays.
    """
    machines = defaultdict(list)
    for host in hosts.values():
        machines[_place(host)].append(host)
    for names in machines.values():
        own = [host for host in names if host.source == OWN]
        one_way = len({rules[host.name] for host in own or names}) == 1
        kept = (own or names[:1]) if one_way else []
        for host in names:
            if host not in kept:
                others = " and ".join(other.name for other in kept or names if other is not host)
                under = "" if kept else ", under other rules"
                yield host.name, f"{host.address} port {host.port} is the machine of {others} too{under}"


def _place(host: Host) -> tuple[object, ...]:
    """Where SSH goes. The same address behind two jump hosts may be two machines."""
    return host.address.lower(), host.port, host.jump and _place(host.jump)
