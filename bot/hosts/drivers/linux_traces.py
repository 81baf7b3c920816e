"""What else a Linux host remembers of its logins: the addresses of connections, utmp, crontabs and at jobs.

Pure; it never takes such a trace for a login: it only says more of those that the kernel and logind show.
"""

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, TypeVar

from bot.cleaning import clean
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux_answer import excerpt

T = TypeVar("T")

USER_LENGTH = 32  # what a record of utmp(5) has room for
_ROW, _ROWS = 16, 24

_TCP = re.compile(r"tcp (\d{1,10}) (\d{1,10}) ([01]) ((?:[0-9A-F]{8}){1,4}):[0-9A-F]{4}", re.ASCII)
_RECORD = re.compile(r"record((?: \d{1,2}:[0-9a-f]{32}){1,24})", re.ASCII)
_FIELDS = struct.Struct("<hxxi32s4s32s256s4xiii16s20x")
_OWNER = re.compile(r"at (\d{1,10})", re.ASCII)
_CRONTAB = re.compile(r"cron (.+)")
_TOTAL = re.compile(r"total (\d{1,10})", re.ASCII)


class Record(NamedTuple):
    """One login by utmp(5). terminal: `pts/3`. address: "" if it names none. since: seconds since 1970."""

    pid: int
    terminal: str
    user: str
    address: str
    since: int

    def __str__(self) -> str:
        came = f" from {self.address}" if self.address else ""
        return f"{self.user} on {self.terminal}{came}, pid {self.pid}, since {self.since}"


class Timetable(NamedTuple):
    """crontabs: the names of those who have one. at: the uids of those who have at jobs."""

    crontabs: tuple[str, ...]
    at: tuple[int, ...]


def addresses(lines: Iterable[str]) -> Mapping[int, str]:
    """`tcp PID FD LISTENED HEX:PORT`, then `total N`: the other side of each process's connection.

    Of many, the one at a port where somebody listens, and then that with the lowest descriptor: sshd has its own before
    it opens any that it forwards.
    """
    found: dict[int, tuple[bool, int, str]] = {}
    for pid, descriptor, listened, text in _counted(lines, "addresses", _tcp):
        found[pid] = min(found.get(pid, (True, descriptor, text)), (not listened, descriptor, text))
    return {pid: text for pid, (_, _, text) in found.items()}


def utmp(lines: Iterable[str]) -> tuple[Record, ...]:
    """`record ROW:HEX…`, each row 16 bytes and the others empty, then `total N`."""
    return tuple(record for record in _counted(lines, "utmp", _record) if record.user and record.terminal)


def timetable(lines: Iterable[str]) -> Timetable:
    """`cron NAME` and `at UID`, then `total N`."""
    found = list(_counted(lines, "timetable", _timed))
    names = {each for each in found if isinstance(each, str)}
    return Timetable(tuple(sorted(names)), tuple(sorted({each for each in found if isinstance(each, int)})))


def _counted(lines: Iterable[str], section: str, read: Callable[[str], T | None]) -> Iterator[T]:
    """What each line says; the last one is their number. Raises IncompleteAnswer."""
    before: str | None = None
    count = 0
    for line in lines:
        if before is not None:
            if (value := read(before)) is None:
                raise IncompleteAnswer(f"the section {section} has an unknown line: {excerpt(before)}")
            count += 1
            yield value
        before = line
    total = _TOTAL.fullmatch(before or "")
    if not total or int(total[1]) != count:
        raise IncompleteAnswer(f"the section {section} is not complete")


def _tcp(line: str) -> tuple[int, int, bool, str] | None:
    found = _TCP.fullmatch(line)
    if not found or len(found[4]) not in {8, 32}:
        return None
    return int(found[1]), int(found[2]), found[3] == "1", _kernels(bytes.fromhex(found[4]))


def _kernels(packed: bytes) -> str:
    """An address of /proc/net/tcp: words of four bytes, each in the order of a little-endian machine."""
    return _address(b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4)))


def _address(packed: bytes) -> str:
    if len(packed) == 4:  # noqa: PLR2004 - bytes of IPv4
        return str(IPv4Address(packed))
    address = IPv6Address(packed)
    return str(address.ipv4_mapped or address)


def _record(line: str) -> Record | None:
    found = _RECORD.fullmatch(line)
    if not found:
        return None
    content = bytearray(_ROW * _ROWS)
    for word in found[1].split():
        row, _, text = word.partition(":")
        if (start := int(row) * _ROW) >= len(content):
            return None
        content[start : start + _ROW] = bytes.fromhex(text)
    _, pid, terminal, _, user, host, _, since, _, packed = _FIELDS.unpack(content)
    return Record(pid, _text(terminal), _text(user), _came_from(packed, _text(host)), since)


def _came_from(packed: bytes, host: str) -> str:
    """The address of a record, or its host if that is an address: it can be a display or any text."""
    if any(packed):
        return _address(packed if any(packed[4:]) else packed[:4])
    try:
        return str(ip_address(host))
    except ValueError:
        return ""


def _text(field: bytes) -> str:
    return clean(field.partition(b"\0")[0])


def _timed(line: str) -> str | int | None:
    if found := _OWNER.fullmatch(line):
        return int(found[1])
    return found[1] if (found := _CRONTAB.fullmatch(line)) else None
