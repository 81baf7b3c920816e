"""A small web server that strangers can reach: every connection is for one request, and lives for seconds.

aiohttp itself waits for ever for the first request of a connection; files that strangers hold are missing for SSH.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager

from aiohttp import web

from bot.errors import SettingsError

log = logging.getLogger(__name__)

LARGEST = 1024 * 1024
"""Bytes of a body; Slack's are far smaller."""
LIFE = 15.0
"""Seconds of a connection, from its first byte to the last one of its answer."""
MOST = 200
"""Connections at once; what is over that is closed."""
LINGER = 1.0
STOP = 3.0

_noise = logging.getLogger(f"{__name__}.noise")
_noise.setLevel(logging.CRITICAL + 1)  # aiohttp writes a whole traceback for each line of nonsense that anybody sends


@asynccontextmanager
async def serving(routes: Iterable[web.AbstractRouteDef], host: str, port: int, *, key: str) -> AsyncIterator[int]:
    """Gives the port (0: any free one). Raises SettingsError, naming the key, if it can't listen there."""
    application = web.Application(middlewares=[_one_request], client_max_size=LARGEST)
    application.add_routes(routes)
    application.on_response_prepare.append(_namelessly)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=_noise,
        auto_decompress=False,  # Slack compresses nothing, and a small body must not grow
        lingering_time=LINGER,
        shutdown_timeout=STOP,
    )
    await runner.setup()
    try:
        server = await _listen(runner, host, port, key)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int, key: str) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    server = runner.server
    assert server is not None  # noqa: S101 - it was set up

    def connection() -> asyncio.BaseProtocol:
        if len(server.connections) >= MOST:
            return _Full()
        made = server()
        loop.call_later(LIFE, _cut, made)
        return made

    try:
        return await loop.create_server(connection, host, port)
    except OSError as error:
        raise SettingsError(f"{key}: can't listen on {host}:{port}: {error.strerror}") from error


def page(path: str, said: Callable[[], tuple[int, str]], content_type: str) -> web.RouteDef:
    """A page that anyone may read. said: gives its status and its text."""

    async def show(_request: web.Request) -> web.Response:
        status, text = said()
        return web.Response(status=status, text=text, content_type=content_type)

    return web.get(path, show)


class _Full(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _cut(connection: web.RequestHandler) -> None:
    if isinstance(connection.transport, asyncio.Transport):
        connection.transport.abort()


@web.middleware
async def _one_request(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answers without a word where there is nothing to say, and closes."""
    try:
        answer = await handler(request)
    except web.HTTPException as refused:  # no such path, another method, too large
        answer = web.Response(status=refused.status)
    except Exception:
        log.exception("a fault in Kickbot")
        answer = web.Response(status=500)
    answer.force_close()
    return answer


async def _namelessly(_request: web.Request, response: web.StreamResponse) -> None:
    """Nobody needs to know which release of what answers."""
    response.headers.popall("Server", None)
