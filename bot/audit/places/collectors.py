"""A collector of syslog, over TCP or TLS: takes messages at least once.

Neither TCP nor TLS tells what was read. A collector that closes in good order, after the bot did, has read to the end;
many never answer TLS's own good-bye (rsyslog with GnuTLS), so that the end of the connection counts too.
"""

import asyncio
from collections.abc import Sequence

from bot.audit.places.tls import Secured, Tls
from bot.audit.syslog import frame

TIME_LIMIT = 30.0


class Collector:
    """tls: None for plain TCP."""

    def __init__(self, host: str, port: int, tls: Tls | None) -> None:
        self._host = host
        self._port = port
        self._tls = tls

    async def send(self, messages: Sequence[bytes]) -> None:
        """Returns when it has them all. Raises OSError."""
        async with asyncio.timeout(TIME_LIMIT):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                connection = await self._over(reader, writer)
                for message in messages:
                    await connection.write(frame(message))
                if reader.at_eof():
                    raise ConnectionResetError("it closed before it was told everything")
                await connection.say_good_bye()
            finally:
                writer.transport.abort()

    async def try_out(self) -> None:
        """Returns when it would have taken a message: it is connected to, and told none. Raises OSError."""
        await self.send(())

    async def _over(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Secured | _Plain":
        if self._tls is None:
            return _Plain(reader, writer)
        secured = Secured(reader, writer, await self._tls.context(), self._host)
        await secured.shake_hands()
        return secured


class _Plain:
    """TCP alone, with the words of `Secured`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def write(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    async def say_good_bye(self) -> None:
        self._writer.write_eof()
        while await self._reader.read(1024):
            pass
