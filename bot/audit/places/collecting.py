"""`syslog+tcp://host:port`, `syslog+tls://host:port`: each checkpoint as a message of syslog."""

import os
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from bot.audit.checkpoints import line
from bot.audit.places.collectors import Collector
from bot.audit.places.interface import Reached
from bot.audit.syslog import message
from bot.borders import Checkpoint


class SyslogPlace:
    def __init__(self, name: str, collector: Collector) -> None:
        self.name = name
        self._collector = collector

    async def try_out(self) -> None:
        await self._collector.try_out()

    async def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        await self._collector.send([_message(each) for each in checkpoints])
        yield Reached(seq=checkpoints[-1].seq)


def _message(checkpoint: Checkpoint) -> bytes:
    content = line(checkpoint).rstrip(b"\n")
    host, now = socket.gethostname(), datetime.now(UTC)
    return message(content, at=now, host=host, process=os.getpid(), kind="checkpoint")
