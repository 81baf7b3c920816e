"""A collector of syslog, over TCP or TLS: takes messages at least once.

Neither TCP nor TLS tells what was read. A collector that closes in good order, after the bot did, has read to the end;
many never answer TLS's own good-bye (rsyslog with GnuTLS), so that the end of the connection counts too.
"""

import asyncio
from collections.abc import Sequence

from bot.audit.places.tls import Tls
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
            writer, reader = await self._connect()
            try:
                for message in messages:
                    writer.write(frame(message))
                    await writer.drain()
                if writer.can_write_eof():
                    writer.write_eof()
                    while await reader.read(1024):
                        pass
                else:
                    writer.close()
                    await writer.wait_closed()
            finally:
                writer.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
        if self._tls is None:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        else:
            context = await self._tls.context()
            reader, writer = await asyncio.open_connection(
                self._host, self._port, ssl=context, ssl_shutdown_timeout=TIME_LIMIT
            )
        return writer, reader
