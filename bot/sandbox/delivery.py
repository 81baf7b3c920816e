"""Sending something to the app, and what became of it: what Socket Mode and HTTP have in common."""

import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from bot.sandbox.nouns import Json
from bot.sandbox.workspace import Workspace

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass
class Delivery:
    """One sending of an envelope. `seconds` until the acknowledgement; `error` is what the person's Slack shows."""

    envelope_id: str
    kind: Kind
    payload: Json
    accepts_response: bool = False
    acked: bool = False
    seconds: float | None = None
    response: Json | None = None
    error: str | None = None


class Way(ABC):
    """How the app is reached. `deliveries`: every sending so far; `word`: what one is called among the happenings."""

    word: ClassVar[str]

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.deliveries: list[Delivery] = []

    async def deliver(self, kind: Kind, payload: Json, *, accepts_response: bool = False) -> Delivery:
        return await self._send(Delivery(secrets.token_hex(16), kind, payload, accepts_response), {})

    async def redeliver(self, delivery: Delivery, **again: Any) -> Delivery:
        """The same once more; `again`: retry_attempt and retry_reason, as Slack adds for events."""
        same = Delivery(delivery.envelope_id, delivery.kind, delivery.payload, delivery.accepts_response)
        return await self._send(same, again)

    async def _send(self, delivery: Delivery, again: Json) -> Delivery:
        self.deliveries.append(delivery)
        await self.carry(delivery, again)
        facts = {"acked": delivery.acked, "seconds": delivery.seconds, "error": delivery.error}
        self.workspace.happen(self.word, envelope_id=delivery.envelope_id, type=delivery.kind, **facts)
        return delivery

    @abstractmethod
    async def carry(self, delivery: Delivery, again: Json) -> None:
        """Bring it to the app, wait for the acknowledgement, and note in it what became of it."""
