"""The kernel's facts about processes, from /proc, and the one way in which stand-ins send signals.

Never signals a process id that another process may have taken meanwhile: what counts is (pid, start).
"""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")


class Process(NamedTuple):
    """One process. `start` is in kernel ticks since the boot; `fields` are those of its stat after the name."""

    pid: int
    name: bytes
    fields: tuple[bytes, ...]

    @property
    def parent(self) -> int:
        return int(self.fields[1])

    @property
    def start(self) -> int:
        return int(self.fields[19])

    @property
    def alive(self) -> bool:
        """A zombie is dead."""
        return self.fields[0] not in b"ZX"


def process(pid: int) -> Process | None:
    """The process with this id, if there is one that may be seen."""
    try:
        head, _, tail = Path(PROC, str(pid), "stat").read_bytes().rpartition(b")")
    except OSError:
        return None
    return Process(pid, head.partition(b"(")[2], tuple(tail.split()))


def processes() -> dict[int, Process]:
    """Every process of this machine, by id."""
    found = (process(int(entry)) for entry in os.listdir(PROC) if entry.isdigit())  # noqa: PTH208 - names suffice
    return {one.pid: one for one in found if one}


def alive(one: Process) -> bool:
    """True while exactly this process is there and no zombie."""
    now = process(one.pid)
    return now is not None and now.start == one.start and now.alive


def below(ancestor: int, everything: dict[int, Process]) -> Iterator[Process]:
    """All that descends from a process, itself not counted, the eldest first."""
    children: dict[int, list[Process]] = {}
    for one in everything.values():
        children.setdefault(one.parent, []).append(one)
    waiting = list(children.get(ancestor, ()))
    while waiting:
        one = waiting.pop(0)
        yield one
        waiting += children.get(one.pid, ())


def send(target: Process, number: int) -> None:
    """Send a signal to exactly this process; nothing happens if it has ended."""
    handle = _handle(target.pid)
    with suppress(ProcessLookupError):
        if alive(target):
            os.kill(target.pid, number) if handle is None else signal.pidfd_send_signal(handle, number)
    if handle is not None:
        os.close(handle)


def _handle(pid: int) -> int | None:
    """A handle that no later process can inherit; None where this Python or this kernel has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
