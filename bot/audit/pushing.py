"""Hands lines to a place that the bot can't take them back from: a file, a named pipe, a collector of syslog over TCP.

At least once: `push` returns when the place has them all, and who got an error sends them all again.
"""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.models import timestamp

TIME_LIMIT = 30.0
_AUDIT_NOTICE = 13 * 8 + 5
"""RFC 5424: facility 13 (log audit), severity 5 (notice)."""


async def push(place: str, lines: Sequence[bytes]) -> None:
    """place: `file:/…` or `syslog+tcp://host:port`. lines: each with its line feed. Raises OSError."""
    if place.startswith("file:"):
        await asyncio.to_thread(_append, "/" + place.removeprefix("file:").lstrip("/"), lines)
    else:
        host, _, port = place.removeprefix("syslog+tcp://").rpartition(":")
        async with asyncio.timeout(TIME_LIMIT):
            await _to_collector(host.strip("[]"), int(port), lines)


def _append(path: str, lines: Sequence[bytes]) -> None:
    """A pipe that nobody reads is an error, not a wait. A line that an earlier failure cut is ended first."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        for content in (b"\n", *lines):
            if os.write(file, content) != len(content):
                raise OSError(errno.ENOSPC, "only a part of a line could be written")
        if stat.S_ISREG(os.fstat(file).st_mode):
            os.fsync(file)
    finally:
        os.close(file)


async def _to_collector(host: str, port: int, lines: Sequence[bytes]) -> None:
    """TCP alone doesn't tell what was read. A collector that closes in good order has read to the end."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for content in lines:
            message = _syslog(content.rstrip(b"\n"))
            writer.write(b"%d %s" % (len(message), message))  # RFC 6587, octet counting
            await writer.drain()
        writer.write_eof()
        while await reader.read(1024):
            pass
    finally:
        writer.close()


def _syslog(content: bytes) -> bytes:
    """RFC 5424, without structured data."""
    now = timestamp(datetime.now(UTC))
    return f"<{_AUDIT_NOTICE}>1 {now} {socket.gethostname()} kickbot {os.getpid()} checkpoint - ".encode() + content
