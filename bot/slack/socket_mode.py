"""Socket Mode: the bot calls Slack, and keeps that connection alive. Nothing needs to reach the bot from outside.

Slack's client mends most of what breaks by itself. What it doesn't notice is noticed here by Slack's silence.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from time import monotonic

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError

from bot.errors import SlackLost
from bot.models import Value
from bot.slack.trouble import NO_ANSWER, code_of

log = logging.getLogger(__name__)


ENOUGH = 2
"""Looks at a connection that is down, until the bot doesn't wait for the client to mend it."""


class Heartbeat(Value):
    """Seconds. ping: between two pings. look: between two looks whether they were answered.

    handshake: for a connection to stand. deaf: of silence, and it is made anew, as is one that was down at two looks.
    lost: of silence, although Slack gives out addresses, and only a new process may help.
    """

    ping: float = 10
    look: float = 5
    handshake: float = 10
    deaf: float = 30
    lost: float = 300


class SocketMode:
    """lost: set when this process can't get through to Slack any more, while Slack itself answers."""

    def __init__(self, app_token: str, heartbeat: Heartbeat = Heartbeat()) -> None:  # noqa: B008 - frozen
        self.lost = asyncio.Event()
        self.reconnects = 0
        self._app_token = app_token
        self._heartbeat = heartbeat
        self._handlers: list[AsyncSocketModeHandler] = []  # the newest one counts
        self._pong: float | None = None
        self._downs = 0
        self._heard = self._opened = self._unreachable = monotonic()

    @asynccontextmanager
    async def listening(self, app: AsyncApp) -> AsyncIterator[None]:
        """Commands and clicks arrive while the block runs. Raises SlackLost if they never begin to."""
        try:
            await self._begin(app)
            watching = asyncio.create_task(self._watch(app), name="socket mode watchdog")
            try:
                yield
            finally:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
        finally:
            await self._close(keep=0)

    def silence(self) -> float:
        """Seconds since Slack last answered a ping."""
        return monotonic() - self._heard

    async def _begin(self, app: AsyncApp) -> None:
        self._heard = monotonic()
        while not await self._open(app):
            if self.lost.is_set():
                raise SlackLost(self.silence())
            await asyncio.sleep(self._heartbeat.look)
        self._heard = monotonic()
        self.reconnects = 0

    async def _watch(self, app: AsyncApp) -> None:
        while True:
            await asyncio.sleep(self._heartbeat.look)
            try:
                await self._look(app)
            except Exception:
                log.exception("a fault in Kickbot: the watchdog of Socket Mode goes on")

    async def _look(self, app: AsyncApp) -> None:
        """An address is good for one try only, and the client would retry the same for ever: so it isn't left to it."""
        self._listen()
        connected = await self._handlers[-1].client.is_connected()
        self._downs = 0 if connected else self._downs + 1
        if self._downs >= ENOUGH:
            log.warning("not connected to Slack: connecting anew")
            await self._open(app)
        elif monotonic() - max(self._heard, self._opened) >= self._heartbeat.deaf:
            log.warning("Slack has answered no ping for %.0f s: connecting anew", self.silence())
            await self._open(app)

    def _listen(self) -> None:
        """A pong changes what the client notes. What it notes first may be the time of its own ping."""
        pong = self._handlers[-1].client.last_ping_pong_time
        if pong is not None and self._pong is not None and pong != self._pong:
            self._heard = monotonic()
        self._pong = pong

    # ------------------------------------------------------------------------------------------ connecting

    async def _open(self, app: AsyncApp) -> bool:
        """Take a new connection, by a new address, in place of the old one. False if that one stays."""
        self._opened, self._downs = monotonic(), 0
        address = await self._address(app)
        if address is None:
            return False
        if monotonic() - max(self._heard, self._unreachable) >= self._heartbeat.lost:
            self.lost.set()
        handler = AsyncSocketModeHandler(app, self._app_token, ping_interval=self._heartbeat.ping)
        handler.client.wss_uri = address
        self._handlers.insert(0, handler)  # to be closed first, should it come to nothing
        try:
            async with asyncio.timeout(self._heartbeat.handshake):
                await handler.connect_async()
        except TimeoutError:
            log.warning("Slack gave out an address, but no connection there within %g s", self._heartbeat.handshake)
            await self._close(keep=len(self._handlers) - 1)
            return False
        self._handlers.append(self._handlers.pop(0))
        self._pong = None
        self.reconnects += 1
        await self._close(keep=1)
        return True

    async def _address(self, app: AsyncApp) -> str | None:
        """None if Slack gives none, which is its trouble, or the network's, and no restart would cure it."""
        try:
            answer = await app.client.apps_connections_open(app_token=self._app_token)
            return str(answer["url"])
        except NO_ANSWER as error:
            said = code_of(error) if isinstance(error, SlackApiError) else ""
            log.warning("Slack gives out no address for Socket Mode (%s): trying again", said or error)
            if said != "ratelimited":
                self._unreachable = monotonic()
            return None

    async def _close(self, *, keep: int) -> None:
        """The first ones; what is cut short is closed the next time."""
        while len(self._handlers) > keep:
            await self._handlers[0].close_async()
            del self._handlers[0]
