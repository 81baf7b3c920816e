"""Who reads a channel: who of some people is in it, so that the others are reached in person; and another company."""

import logging
import time
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.people import FAILURES, Conversation

log = logging.getLogger(__name__)

Found = TypeVar("Found")

PAGE = 1_000
MOST_PAGES = 10
FRESH = 60.0
"""Seconds for which Slack's answer about a channel is believed."""


class Audience:
    """Reads channels from Slack."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._members: dict[str, tuple[float, frozenset[str]]] = {}
        self._foreign: dict[str, tuple[float, bool]] = {}

    async def absent(self, channel: str, people: Collection[str]) -> tuple[str, ...]:
        """Those who aren't in the channel, in the same order. Whom Slack doesn't show there is taken for absent."""
        there = await self._fresh(self._members, channel, self._read_members, frozenset()) if people else frozenset()
        return tuple(person for person in people if person not in there)

    async def is_foreign(self, channel: str) -> bool:
        """True if Slack says that people of another company read there: then no evidence may stand there."""
        return await self._fresh(self._foreign, channel, self._read_foreign, False)

    async def _fresh(
        self,
        known: dict[str, tuple[float, Found]],
        channel: str,
        read: Callable[[str], Awaitable[Found | None]],
        unknown: Found,
    ) -> Found:
        """While Slack doesn't say, what it said last still counts."""
        now = self._clock()
        at, last = known.get(channel, (now - FRESH, unknown))
        if now - at < FRESH:
            return last
        found = await read(channel)
        if found is None:
            return last
        known[channel] = (now, found)
        return found

    async def _read_foreign(self, channel: str) -> bool | None:
        try:
            answer = await self._client.conversations_info(channel=channel)
            foreign = Conversation.model_validate(answer.get("channel")).channel().shared
        except FAILURES as error:
            log.info("channel %s: %s", channel, error)
            return None
        if foreign:
            log.error("people of another company are in the channel %s: no evidence is posted there", channel)
        return foreign

    async def _read_members(self, channel: str) -> frozenset[str] | None:
        members: set[str] = set()
        cursor = ""
        for _ in range(MOST_PAGES):
            try:
                answer = await self._client.conversations_members(channel=channel, limit=PAGE, cursor=cursor)
                members.update(answer["members"])
            except (*FAILURES, KeyError, TypeError) as error:
                log.warning("the members of %s can't be read, so approvers are told in person: %s", channel, error)
                return None
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return frozenset(members)
