"""Socket Mode: the bot calls Slack, and keeps that connection alive. Nothing needs to reach the bot from outside."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

log = logging.getLogger(__name__)

WATCH_EVERY = 10.0
PING_EVERY = 10.0


class SocketMode:
    def __init__(self, app_token: str) -> None:
        self._app_token = app_token

    @asynccontextmanager
    async def listening(self, app: AsyncApp) -> AsyncIterator[None]:
        """Commands and clicks arrive while the block runs."""
        handler = AsyncSocketModeHandler(app, self._app_token, ping_interval=PING_EVERY)
        watching = asyncio.create_task(_watch(handler), name="socket mode watchdog")
        try:
            await handler.connect_async()
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            await handler.close_async()


async def _watch(handler: AsyncSocketModeHandler) -> None:
    """An address of Socket Mode is good for one try only, and the client would retry it for ever: drop it."""
    while True:
        await asyncio.sleep(WATCH_EVERY)
        if not await handler.client.is_connected():
            log.warning("not connected to Slack: asking for a new address")
            handler.client.wss_uri = None
