"""HTTP mode: commands, clicks, forms and events come as signed requests to one address, behind a load balancer.

Whatever Slack didn't sign, just now and for the first time, gets 401 and reaches nothing.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.slack.signatures import NotTaken, Reason, Signatures
from bot.slack.trouble import NO_ANSWER
from bot.web_server import serving

log = logging.getLogger(__name__)

EVENTS = "/slack/events"
HEALTH = "/healthz"

TIMESTAMP = "X-Slack-Request-Timestamp"
SIGNATURE = "X-Slack-Signature"
PASSED_ON = (TIMESTAMP, SIGNATURE, "X-Slack-Retry-Num", "X-Slack-Retry-Reason")
"""All that bolt gets to see of the headers: they aren't signed, and it takes orders from some (X-Slack-Bolt-…)."""

BODY_TIME = 5.0
"""Seconds for a body to arrive; Slack itself waits for three."""
PATIENCE = 5.0
"""Seconds for acknowledgements that are under way at a stop; bolt gives up on one after three."""
KNOCK_EVERY = 20.0
"""Seconds. Slack calls only when someone types or clicks, so the bot asks whether it is there."""
QUIET = 60.0
"""At most one line of the log in so many seconds is about refused requests."""

UNREADABLE = (ValueError, RecursionError, AttributeError, TypeError, LookupError)
"""What reading raises where it isn't JSON, and bolt's own reading where it has a shape that Slack never sends."""

Json = dict[str, Any]


class HttpMode:
    """A port that is open. It answers 503 until an app listens, and again as soon as it stops.

    healthy: what else it takes for `/healthz` to say ok. lost: never set; what is missing here, Slack brings back.
    """

    def __init__(self, signing_secret: str, signatures: Signatures) -> None:
        self.signing_secret = signing_secret
        self.port = 0
        self.healthy: Callable[[], bool] = lambda: True
        self.lost = asyncio.Event()
        self.reconnects = 0
        self._heard = time.monotonic()
        self._signatures = signatures
        self._app: AsyncApp | None = None
        self._answering: set[asyncio.Task[BoltResponse]] = set()
        self._quiet_until = 0.0

    @classmethod
    @asynccontextmanager
    async def open(
        cls, signing_secret: str, host: str, port: int, signatures: Signatures | None = None
    ) -> AsyncIterator["HttpMode"]:
        """Raises SettingsError if it can't listen there. port 0: any free one."""
        mode = cls(signing_secret, signatures or Signatures(signing_secret))
        routes = [web.post(EVENTS, mode._from_slack), web.get(HEALTH, mode._health)]
        async with serving(routes, host, port, key="slack.listen") as mode.port:
            yield mode

    @asynccontextmanager
    async def listening(self, app: AsyncApp) -> AsyncIterator[None]:
        """Commands and clicks arrive while the block runs; then those under way are still acknowledged."""
        self._app = app
        self._heard = time.monotonic()
        knocking = asyncio.create_task(self._knock(app), name="knock at Slack")
        log.info("listening on port %s for Slack's requests to %s", self.port, EVENTS)
        try:
            yield
        finally:
            self._app = None
            knocking.cancel()
            if self._answering:
                await asyncio.wait(set(self._answering), timeout=PATIENCE)

    def silence(self) -> float:
        """Seconds since Slack last called, or answered."""
        return time.monotonic() - self._heard

    async def _knock(self, app: AsyncApp) -> None:
        while True:
            await asyncio.sleep(KNOCK_EVERY)
            with suppress(*NO_ANSWER):
                await app.client.api_test()
                self._heard = time.monotonic()

    # ------------------------------------------------------------------------------------------ answering

    async def _health(self, _request: web.Request) -> web.Response:
        """Strangers may ask: it says nothing more."""
        return web.Response(text="ok") if self._app and self.healthy() else web.Response(status=503)

    async def _from_slack(self, request: web.Request) -> web.StreamResponse:
        if not self._app:
            return web.Response(status=503)
        try:
            claim = self._signatures.claim(request.headers.getall(TIMESTAMP, ()), request.headers.getall(SIGNATURE, ()))
            body = await _body(request)
            self._signatures.verify(claim, body)
            self._heard = time.monotonic()
        except NotTaken as refused:
            self._note(refused.reason)
            return web.Response(status=401)
        return await self._dispatch(request, body)

    async def _dispatch(self, request: web.Request, body: bytes) -> web.StreamResponse:
        """Slack's own. What it asks for goes on even if it hangs up."""
        if not self._app:  # it has stopped while the body came
            return web.Response(status=503)
        try:
            said = _bolt_request(request, body)
        except UNREADABLE:
            log.warning("Slack sent a request that can't be read")
            return web.Response(status=400)
        task = asyncio.create_task(self._app.async_dispatch(said))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        return await to_aiohttp_response(await asyncio.shield(task))

    def _note(self, reason: Reason) -> None:
        """Strangers don't fill the log; a wrong signing secret shows in it all the same."""
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning("refused a request: %s. (Told at most once in %.0f seconds.)", reason.value, QUIET)


async def _body(request: web.Request) -> bytes:
    """All of it. aiohttp itself refuses one that is too large."""
    try:
        async with asyncio.timeout(BODY_TIME):
            return await request.read()
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except (aiohttp.ClientPayloadError, web.RequestPayloadError, ConnectionError) as error:
        raise web.HTTPBadRequest from error


def _bolt_request(request: web.Request, body: bytes) -> AsyncBoltRequest:
    """Raises ValueError for what isn't a payload of Slack.

    It is read here because bolt (1.30) loses every command with the word "payload" in it: `because payload.exe ran`.
    Bolt checks the signature of the same bytes once more.
    """
    headers: dict[str, Any] = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    said = AsyncBoltRequest(mode="socket_mode", body=payload(body, request.content_type), headers=headers)
    said.mode, said.raw_body = "http", body.decode()
    return said


def payload(body: bytes, content_type: str) -> Json:
    """What an envelope of Socket Mode would hold: events come as JSON, commands as a form, all else in one field."""
    text = body.decode()
    if content_type == "application/json":
        found = json.loads(text)
    else:
        form = dict(parse_qsl(text, keep_blank_values=True, errors="strict"))
        found = json.loads(form["payload"]) if "payload" in form else form
    if not isinstance(found, dict):
        raise ValueError("not a payload")  # noqa: TRY004 - a value that came in
    return found
