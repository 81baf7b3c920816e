"""One request over HTTPS, bounded in time and size. It alone of the audit trail imports aiohttp."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from bot.audit.places.tls import Tls

TIME_LIMIT = 30.0
LARGEST = 64 * 1024
"""Bytes of an answer; a longer one is an error."""


class Answered(NamedTuple):
    status: int
    content: bytes


async def ask(method: str, url: str, content: bytes, headers: Mapping[str, str], tls: Tls) -> Answered:
    """No redirect is followed, and no proxy asked. Raises OSError, which never repeats what the other side said."""
    try:
        async with asyncio.timeout(TIME_LIMIT):
            connector = aiohttp.TCPConnector(ssl=await tls.context())
            async with (
                aiohttp.ClientSession(connector=connector, auto_decompress=False) as session,
                session.request(method, url, data=content, headers=headers, allow_redirects=False) as answer,
            ):
                return Answered(answer.status, await _bounded(answer.content))
    except (aiohttp.ClientError, ValueError) as error:
        raise OSError(
            str(error) if isinstance(error, aiohttp.ClientConnectionError) else type(error).__name__
        ) from error


async def reach(url: str, tls: Tls) -> None:
    """A connection to where that would be asked, and nothing said on it. Raises OSError."""
    address = urlsplit(url)
    secure = address.scheme == "https"
    async with asyncio.timeout(TIME_LIMIT):
        context = await tls.context() if secure else None
        port = address.port or (443 if secure else 80)
        _, writer = await asyncio.open_connection(address.hostname, port, ssl=context)
        writer.transport.abort()


async def _bounded(stream: aiohttp.StreamReader) -> bytes:
    content = b""
    while piece := await stream.read(LARGEST):
        content += piece
        if len(content) > LARGEST:
            raise OSError(f"its answer is longer than {LARGEST} bytes")
    return content
