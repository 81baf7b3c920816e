"""Streams every event to a collector, in order and at least once. Its troubles stop nothing.

How far a collector was told stands beside the chain, so that a new start goes on from there. No evidence goes with it.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from bot import stopping
from bot.audit.cef import LONGEST, cef, whom
from bot.audit.persisting import persist
from bot.audit.places.collectors import Collector
from bot.audit.syslog import message
from bot.audit.telling import said
from bot.borders import Store
from bot.cleaning import shorten
from bot.events import Record

AT_ONCE = 500
"""Events that are handed over together."""


def key_of(name: str) -> str:
    """Under which the store remembers up to which event that collector was told."""
    return f"stream {name}"


class Stream:
    """name: as it stands in kickbot.toml. beginning: with what was recorded before the collector was named."""

    def __init__(self, trail: Store, name: str, collector: Collector, *, beginning: bool) -> None:
        self._trail = trail
        self._memory = trail.checkpoints()
        self._name = name
        self._key = key_of(name)
        self._collector = collector
        self._beginning = beginning
        self._wording = WORDINGS[name.partition("+")[0]]

    async def run(self) -> None:
        """Until cancelled."""
        await persist(self._go_on, f"events can't be streamed to {self._name}")

    async def _go_on(self) -> None:
        """From where the collector was told. Raises what went wrong."""
        await self._memory.turn()
        waiting: asyncio.Queue[Record] = asyncio.Queue(AT_ONCE)
        await stopping.together(self._read(waiting, await self._start()), self._send(waiting))

    async def _start(self) -> int:
        told = await self._memory.cursor(self._key)
        if told is None:
            end = None if self._beginning else await self._memory.end()
            told = end.seq if end else 0
            await self._memory.advance(self._key, told)
        return told

    async def _read(self, waiting: asyncio.Queue[Record], since: int) -> None:
        async for record in self._trail.follow(since):
            await waiting.put(record)

    async def _send(self, waiting: asyncio.Queue[Record]) -> None:
        while True:
            batch = [await waiting.get()]
            while not waiting.empty():
                batch.append(waiting.get_nowait())
            await self._memory.turn()
            told = await self._memory.cursor(self._key) or 0  # another replica may have gone on meanwhile
            if batch := [record for record in batch if record.seq > told]:
                await self._collector.send([self._wording(record) for record in batch])
                await self._memory.advance(self._key, batch[-1].seq)


def _as_cef(record: Record) -> bytes:
    return _message(record, cef(record), {})


def _as_fields(record: Record) -> bytes:
    host, account = whom(record)
    data = {
        "event": str(record.seq),
        "request": str(record.request),
        "kind": record.event.kind,
        "who": record.event.who,
        "host": host,
        "account": account,
        "hash": record.hash,
    }
    return _message(record, shorten(said(record.event), LONGEST), data)


def _message(record: Record, text: str, data: dict[str, str]) -> bytes:
    host, process = socket.gethostname(), os.getpid()
    return message(text.encode(), at=record.at, host=host, process=process, kind="event", data=data)


WORDINGS: dict[str, Callable[[Record], bytes]] = {"syslog": _as_fields, "cef": _as_cef}
"""By the beginning of a collector's name: `syslog+tls://…`, `cef+tcp://…`."""
