"""HTTP mode, Slack's side: the same payloads as in Socket Mode, each a signed request to the app's one address.

As Slack does, it waits three seconds, follows no redirect, and sends nothing again by itself.
"""

import asyncio
import hashlib
import hmac
import json
import time
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.delivery import Delivery, Kind, Way
from bot.sandbox.nouns import Json

FORM = "application/x-www-form-urlencoded"
OK = 200


class HttpDelivery(Way):
    """The interface that people need of SocketMode."""

    word = "request"

    @property
    def connections(self) -> tuple[str, ...]:
        """The one address."""
        return (self.workspace.app.request_url,)

    async def carry(self, delivery: Delivery, again: Json) -> None:
        content_type, body = encoded(delivery.kind, delivery.payload)
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        headers |= signed(self.workspace.app.signing_secret, int(self.workspace.clock()), body) | _retry(again)
        await self._post(delivery, headers, body)

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
        try:
            said = json.loads(text) if text and answer.content_type == "application/json" else {"text": text}
        except ValueError:
            delivery.error = "dispatch_failed"
            return
        delivery.acked = True
        if delivery.accepts_response and text:
            delivery.response = said


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
