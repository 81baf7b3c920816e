"""HTTP mode, Slack's side: the same payloads as in Socket Mode, each a signed request to the app's one address.

As Slack does, it waits three seconds, follows no redirect, and sends nothing again by itself.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.nouns import Json
from bot.sandbox.socket_mode import Delivery, Kind
from bot.sandbox.workspace import Workspace

FORM = "application/x-www-form-urlencoded"
OK = 200


class HttpDelivery:
    """`deliveries`: every sending so far. The interface that people need of SocketMode."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.deliveries: list[Delivery] = []

    @property
    def connections(self) -> tuple[str, ...]:
        """The one address."""
        return (self.workspace.app.request_url,)

    async def deliver(self, kind: Kind, payload: Json, *, accepts_response: bool = False) -> Delivery:
        return await self._send(Delivery(secrets.token_hex(16), kind, payload, accepts_response))

    async def redeliver(self, delivery: Delivery, **again: Any) -> Delivery:
        """The same payload once more, newly signed; `again`: retry_attempt and retry_reason."""
        same = Delivery(delivery.envelope_id, delivery.kind, delivery.payload, delivery.accepts_response)
        return await self._send(same, **again)

    async def _send(self, delivery: Delivery, **again: Any) -> Delivery:
        self.deliveries.append(delivery)
        content_type, body = encoded(delivery.kind, delivery.payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed(self.workspace.app.signing_secret, int(self.workspace.clock()), body) | _retry(again)
        await self._post(delivery, headers, body)
        facts = {"acked": delivery.acked, "seconds": delivery.seconds, "error": delivery.error}
        self.workspace.happen("request", envelope_id=delivery.envelope_id, type=delivery.kind, **facts)
        return delivery

    async def _post(self, delivery: Delivery, headers: dict[str, str], body: bytes) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.workspace.ack_span), aiohttp.ClientSession() as session:
                url = self.workspace.app.request_url
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                    text = await answer.text()
        except TimeoutError:
            delivery.error = "operation_timeout"
        except aiohttp.ClientError:
            delivery.error = "dispatch_failed"
        else:
            self._answered(delivery, answer, text)
            delivery.seconds = time.monotonic() - started

    def _answered(self, delivery: Delivery, answer: aiohttp.ClientResponse, text: str) -> None:
        if answer.status != OK:
            delivery.error = "dispatch_failed"
            return
        delivery.acked = True
        if delivery.accepts_response and text:
            delivery.response = json.loads(text) if answer.content_type == "application/json" else {"text": text}


def encoded(kind: Kind, payload: Json) -> tuple[str, bytes]:
    """Content type and body: events are JSON, a command is a form, everything else one field of a form."""
    if kind == "events_api":
        return "application/json", json.dumps(payload).encode()
    fields = payload if kind == "slash_commands" else {"payload": json.dumps(payload)}
    return FORM, urlencode(fields).encode()


def signed(secret: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The two headers of Slack's signature v0."""
    digest = hmac.new(secret.encode(), b"v0:%d:%b" % (timestamp, body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(timestamp), "X-Slack-Signature": f"v0={digest}"}


def _retry(again: Json) -> dict[str, str]:
    names = {"retry_attempt": "X-Slack-Retry-Num", "retry_reason": "X-Slack-Retry-Reason"}
    return {names[key]: str(value) for key, value in again.items()}
