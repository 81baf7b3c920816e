"""What every listener needs of what comes in: whose it is, whether it came before, and an answer that is waited for."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Origin
from bot.canonical import digest
from bot.estate import Estate
from bot.inventory import Inventory
from bot.models import Person
from bot.policy import Channel, Policy
from bot.slack.incoming import arrivals
from bot.slack.incoming.answers import Reply, answered
from bot.slack.incoming.arrivals import Pulse
from bot.slack.incoming.pace import Pace
from bot.workflow import Workflow

PATIENCE = 10.0
"""Seconds for answers that are under way when the bot stops."""
REMEMBERED = 1_000


class Directory(Protocol):
    """Where channels and people are looked up."""

    async def channel(self, id: str) -> Channel: ...  # noqa: A002 - Slack's own word

    async def person(self, id: str) -> Person: ...  # noqa: A002 - Slack's own word


class Intake:
    """One for all listeners."""

    def __init__(self, people: Directory, pulse: Pulse) -> None:
        self._people = people
        self._pulse = pulse
        self._pace = Pace()
        self._keys: OrderedDict[str, None] = OrderedDict()
        self._answering: set[asyncio.Task[Any]] = set()
        self._at_a_stop: list[Callable[[], None]] = []

    async def answer(self, reply: Reply, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work, and tell whatever Kickbot refuses. Nothing may get past here."""
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        await answered(reply, work)

    def sent(self, request: AsyncBoltRequest) -> datetime | None:
        """When it was sent, at the earliest; None: just now. To be asked as soon as it is there."""
        return arrivals.sent(request.body, request.headers, self._pulse)

    async def origin(self, who: str, channel: str, key: str, sent: datetime | None = None) -> Origin:
        """Where something came from; no channel: from a Home tab. Raises CommandError for who asks too much at once."""
        self.demand(who)
        where = await self._people.channel(channel) if channel else Channel(id="")
        return Origin(who=who, channel=where, key=digest(key.encode()), sent=sent)

    def demand(self, who: str) -> None:
        """Raises CommandError for someone who asks too much at once."""
        self._pace.demand(who)

    def is_new(self, key: str) -> bool:
        """False for what Slack sent a second time: the first one is answered, and that is enough."""
        if key in self._keys:
            return False
        self._keys[key] = None
        while len(self._keys) > REMEMBERED:
            self._keys.popitem(last=False)
        return True

    def at_a_stop(self, do: Callable[[], None]) -> None:
        """What shortens answers that are under way."""
        self._at_a_stop.append(do)

    async def finish(self, seconds: float = PATIENCE) -> None:
        """At a stop: let those who still wait get their answer. Nothing new arrives any more."""
        for do in self._at_a_stop:
            do()
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=seconds)


@dataclass(frozen=True)
class Context:
    """What the listeners share. names: what the commands are called here, `kick` -> `/kick`.

    posts: a client that never repeats a call by itself.
    """

    workflow: Workflow
    intake: Intake
    people: Directory
    estate: Estate
    names: Mapping[str, str]
    posts: AsyncWebClient

    @property
    def inventory(self) -> Inventory:
        return self.estate.inventory

    @property
    def policy(self) -> Policy:
        return self.estate.policy
