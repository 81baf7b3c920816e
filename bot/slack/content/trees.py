"""The processes of a session, each under the one that started it; many that are alike are one line. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby

from bot.cleaning import shorten
from bot.models import Process

COMMAND = 200
DEEPEST = 20
ALIKE = 5
"""More siblings than this that run the same, and started nothing, are folded."""


def tree(processes: Sequence[Process]) -> str:
    """As a message shows it: folded, and long command lines cut."""
    return "\n".join(_line(depth, first, more) for depth, first, more in _folded(processes))


def whole(processes: Sequence[Process]) -> str:
    """Every process with its whole command line, for a file."""
    return "\n".join(f"{_indent(depth)}{p.pid} {p.command}" for depth, p, _ in _walk(processes))


def _line(depth: int, first: Process, more: int) -> str:
    alike = f" (and {more} more like it)" if more else ""
    return f"{_indent(depth)}{first.pid} {shorten(first.command, COMMAND)}{alike}"


def _indent(depth: int) -> str:
    return "  " * min(depth, DEEPEST)


def _folded(processes: Sequence[Process]) -> Iterator[tuple[int, Process, int]]:
    """Each line with how many more it stands for."""
    for (depth, leaf, _, _), run in groupby(_walk(processes), key=lambda step: _alike(*step)):
        listed = [process for _, process, _ in run]
        if leaf and len(listed) > ALIKE:
            yield depth, listed[0], len(listed) - 1
        else:
            yield from ((depth, process, 0) for process in listed)


def _alike(depth: int, process: Process, leaf: bool) -> tuple[int, bool, int, str]:
    return depth, leaf, process.parent, process.command


def _walk(processes: Sequence[Process]) -> Iterator[tuple[int, Process, bool]]:
    """Depth, process, and whether it started nothing. What names itself its own ancestor comes last, as a root."""
    known = {p.pid for p in processes}
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in processes:
        children[process.parent].append(process)
    roots = [p for p in processes if p.parent not in known]
    seen: set[int] = set()
    waiting = [(0, p) for p in [*roots, *(p for p in processes if p.parent in known)][::-1]]
    while waiting:
        depth, process = waiting.pop()
        if process.pid in seen:
            continue
        seen.add(process.pid)
        below = [(depth + 1, child) for child in children[process.pid] if child.pid not in seen]
        yield depth, process, not below
        waiting += below[::-1]
