"""Socket Mode: single-use addresses, up to ten connections, and envelopes that one of them must acknowledge in time.

As in Slack, what finds no connection is not kept, and what is not acknowledged is not sent again by itself.
"""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field

from aiohttp import WSMessage, WSMsgType, web

from bot.sandbox.delivery import Delivery, Way
from bot.sandbox.nouns import Json
from bot.sandbox.workspace import Workspace

MOST_CONNECTIONS = 10


@dataclass(eq=False)
class Connection:
    """`waiting`: who waits for the acknowledgement of which envelope."""

    socket: web.WebSocketResponse
    request: web.Request
    waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)

    def settle(self, envelope_id: str, response: Json | None) -> None:
        waiter = self.waiting.pop(envelope_id, None)
        if waiter and not waiter.done():
            waiter.set_result(response)

    def lose(self) -> None:
        for waiter in self.waiting.values():
            if not waiter.done():
                waiter.set_exception(ConnectionResetError("the connection was lost before the acknowledgement"))
        self.waiting.clear()


class SocketMode(Way):
    """`refuse_handshakes`: so many next ones fail. `hang_handshakes`: they are never answered.

    `mute`: pings go unanswered. `frozen`: connections stand, and nothing at all comes through.
    """

    word = "envelope"

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.connections: list[Connection] = []
        self.refuse_handshakes = 0
        self.hang_handshakes = False
        self.mute = False
        self.frozen = False
        self._tickets: set[str] = set()
        self._turn = 0

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/link/", self.handle)]

    def new_url(self, origin: str) -> str:
        ticket = secrets.token_urlsafe(24)
        self._tickets.add(ticket)
        return f"{origin.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self.workspace.app.app_id}"

    # -- the app's side ------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One connection, from handshake to end; a ticket that was used is answered as Slack does, with 408."""
        ticket = request.query.get("ticket", "")
        known = ticket in self._tickets
        self._tickets.discard(ticket)
        if self.refuse_handshakes > 0:
            self.refuse_handshakes -= 1
            return web.Response(status=503)
        if self.hang_handshakes:
            await asyncio.Event().wait()
        if not known:
            return web.Response(status=408)
        return await self._serve(request)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        if len(self.connections) >= MOST_CONNECTIONS:
            await socket.send_json(_goodbye("too_many_websockets"))
            await socket.close()
            return socket
        connection = Connection(socket, request)
        await self._hello(connection)
        try:
            async for message in socket:
                await self._received(connection, message)
        finally:
            self._gone(connection)
        return socket

    async def _hello(self, connection: Connection) -> None:
        count = len(self.connections) + 1
        about: Json = {"connection_info": {"app_id": self.workspace.app.app_id}, "num_connections": count}
        about |= {"debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060}}
        self.connections.append(connection)
        if not self.frozen:
            await connection.socket.send_json({"type": "hello", **about})
        self.workspace.happen("connected", connections=count)

    async def _received(self, connection: Connection, message: WSMessage) -> None:
        if self.frozen:
            return
        if message.type == WSMsgType.PING and not self.mute:
            await connection.socket.pong(message.data)
        if message.type == WSMsgType.TEXT:
            answer = json.loads(message.data)
            connection.settle(answer.get("envelope_id", ""), answer.get("payload"))

    def _gone(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        connection.lose()
        self.workspace.happen("disconnected", connections=len(self.connections))

    # -- Slack's side --------------------------------------------------------------------------

    async def carry(self, delivery: Delivery, again: Json) -> None:
        connection = self._next()
        if connection is None:
            delivery.error = "dispatch_failed"
        else:
            await self._send_over(connection, delivery, again)

    def _next(self) -> Connection | None:
        """Round robin."""
        alive = [connection for connection in self.connections if not connection.socket.closed]
        self._turn += 1
        return alive[self._turn % len(alive)] if alive else None

    async def _send_over(self, connection: Connection, delivery: Delivery, again: Json) -> None:
        waiter: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        connection.waiting[delivery.envelope_id] = waiter
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.workspace.ack_span):
                if not self.frozen:
                    await connection.socket.send_json(envelope(delivery, again))
                delivery.response = await waiter
        except (TimeoutError, ConnectionError):
            delivery.error = "operation_timeout"
        else:
            delivery.acked, delivery.seconds = True, time.monotonic() - started
        finally:
            connection.waiting.pop(delivery.envelope_id, None)

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Asks every client to come back over a new connection, as Slack does every few hours."""
        for connection in list(self.connections):
            await connection.socket.send_json(_goodbye(reason))

    def drop(self) -> None:
        """Cuts every connection without a word."""
        for connection in list(self.connections):
            if connection.request.transport:
                connection.request.transport.abort()

    async def close(self) -> None:
        for connection in list(self.connections):
            await connection.socket.close()


def envelope(delivery: Delivery, again: Json) -> Json:
    """What goes over the connection; an event says which attempt it is."""
    sent: Json = {"envelope_id": delivery.envelope_id, "type": delivery.kind, "payload": delivery.payload}
    sent |= {"retry_attempt": 0, "retry_reason": ""} if delivery.kind == "events_api" else {}
    return sent | {"accepts_response_payload": delivery.accepts_response} | again


def _goodbye(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
