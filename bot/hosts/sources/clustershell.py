"""ClusterShell's group files: `group: nodes` in each line (*.cfg), or YAML (*.yaml). It never runs a command."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ClusterShell.NodeUtils import GroupResolverConfigError, YAMLGroupLoader

from bot.cleaning import quoted
from bot.errors import CommandError
from bot.hosts.sources.trouble import MAX_HOSTS, SourceTrouble, read
from bot.inventory import expand
from bot.merging import Entry, Found, found

LINE = re.compile(r"([^\s:#]+)\s*:\s*(.*)")
WORDS = re.compile(r"[^\s,\[\]]*(?:\[[^\]]*\][^\s,\[\]]*)*")


def parse(paths: Iterable[Path], *, trusted: bool = False) -> Found:
    """Raises SourceTrouble for a file that can't be read or names no host, and for what runs a command."""
    groups: dict[str, str] = {}
    for path in paths:
        groups |= _yaml(path) if path.suffix in {".yaml", ".yml"} else _lines(path)
    if not groups:
        raise SourceTrouble("names no group")
    notes: list[str] = []
    of: dict[str, set[str]] = {}
    for group in groups:
        for host in _hosts(group, groups, notes):
            of.setdefault(host, set()).add(group)
            if len(of) > MAX_HOSTS:
                raise SourceTrouble(f"names more than {MAX_HOSTS} hosts")
    if not of:
        raise SourceTrouble("names no host")
    entries = [Entry(name=n, address=n, groups=frozenset(inside - {"all"})) for n, inside in of.items()]
    return found("groups", entries, dict.fromkeys(notes), trusted=trusted)


def _lines(path: Path) -> dict[str, str]:
    groups: dict[str, str] = {}
    for number, line in enumerate(read(path).decode(errors="replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        shape = LINE.fullmatch(text)
        if text.startswith("[") or not shape:
            raise SourceTrouble(
                f"{path} has no `group: nodes` in line {number}; sources that run commands are not read"
            )
        groups[shape[1]] = f"{groups.get(shape[1], '')} {shape[2]}"
    return groups


def _yaml(path: Path) -> dict[str, str]:
    read(path)  # bounded before it is parsed
    try:
        loader = YAMLGroupLoader(str(path))
        sources = [dict(source.groups) for source in loader.sources.values()]
    except (GroupResolverConfigError, OSError, ValueError, RecursionError) as error:
        raise SourceTrouble(f"{path} is no group file") from error
    return {name: _joined(nodes) for source in sources for name, nodes in source.items()}


def _joined(nodes: object) -> str:
    listed = nodes if isinstance(nodes, list) else [nodes]
    return " ".join(str(each) for each in listed if isinstance(each, str | int))


def _hosts(group: str, groups: Mapping[str, str], notes: list[str]) -> Iterator[str]:
    """The hosts of a group and of the groups in it, each group looked into once."""
    waiting, seen = [group], set[str]()
    while waiting:
        if (now := waiting.pop()) in seen:
            continue
        seen.add(now)
        for word in filter(None, WORDS.findall(groups.get(now, ""))):
            if word.startswith("@"):
                waiting.append(word[1:].rpartition(":")[2])
                continue
            try:
                yield from expand(word)
            except CommandError:
                notes.append(f"{quoted(word)} of the group {quoted(now)} is left out: that is no host name or range")
