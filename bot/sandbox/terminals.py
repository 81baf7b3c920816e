"""What appears in the terminals of scripted logins: text to read, from the login to the end of its connection.

It goes out only: nothing can be typed into a terminal from here.
"""

import asyncio
import codecs
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Protocol

from bot.sandbox.nouns import Json

MOST = 200_000
"""Bytes that are kept of each terminal; the oldest go first."""
LAST_WORDS = 1.0


class Terminal(asyncio.Protocol):
    """One login's terminal. `tell` is called when it closes; `name` is that of its device (pts/3)."""

    def __init__(self, host: str, session: str, user: str, tell: Callable[[], None]) -> None:
        self.host, self.session, self.user = host, session, user
        self.name = ""
        self.open = True
        self._tell = tell
        self._shown = bytearray()
        self._dropped = 0
        self._news = asyncio.Event()
        self._closed = asyncio.Event()
        self._transport: asyncio.BaseTransport | None = None

    # -- what the login's side sends -------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._shown += data
        if (over := len(self._shown) - MOST) > 0:
            del self._shown[:over]
            self._dropped += over
        self._stir()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - however it ended
        self.open = False
        self._closed.set()
        self._stir()
        self._tell()

    async def finish(self) -> None:
        """Its processes have ended: take in what is left of their output, and let go."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), LAST_WORDS)
        if self._transport:
            self._transport.close()

    def _stir(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    # -- what people read ------------------------------------------------------------------------

    async def follow(self) -> AsyncIterator[str]:
        """All that is kept, then what comes, until the connection ends."""
        decode, position, ended = codecs.getincrementaldecoder("utf-8")("replace").decode, 0, False
        while not ended:
            news, ended = self._news, not self.open
            start = max(position, self._dropped)
            fresh = bytes(self._shown[start - self._dropped :])
            position = start + len(fresh)
            if text := decode(fresh, final=ended):
                yield text
            elif not ended:
                await news.wait()

    def to_page(self) -> Json:
        about = {"host": self.host, "session": self.session, "user": self.user}
        return about | {"terminal": self.name, "open": self.open}


class Hosts(Protocol):
    """What the people's side needs of the hosts. Each of `listeners` is called when a login starts or ends."""

    listeners: set[Callable[[], None]]

    def terminals(self) -> Sequence[Terminal]:
        """Those that were closed too, in the order of their logins."""
