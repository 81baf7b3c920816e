"""Who of some people is in a channel, so that the others are reached in person."""

import logging
import time
from collections.abc import Callable, Collection

from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.people import FAILURES

log = logging.getLogger(__name__)

PAGE = 1_000
MOST_PAGES = 10
FRESH = 60.0
"""Seconds for which a channel's members are believed."""


class Membership:
    """Reads the members of channels. Whom Slack doesn't show there is taken for absent: told twice beats not told."""

    def __init__(self, client: AsyncWebClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._read: dict[str, tuple[float, frozenset[str]]] = {}

    async def absent(self, channel: str, people: Collection[str]) -> tuple[str, ...]:
        """Those who aren't in the channel, in the same order."""
        there = await self._members(channel) if people else frozenset()
        return tuple(person for person in people if person not in there)

    async def _members(self, channel: str) -> frozenset[str]:
        now = self._clock()
        at, members = self._read.get(channel, (now - FRESH, frozenset()))
        if now - at >= FRESH:
            members = await self._pages(channel)
            self._read[channel] = (now, members)
        return members

    async def _pages(self, channel: str) -> frozenset[str]:
        members: set[str] = set()
        cursor = ""
        for _ in range(MOST_PAGES):
            try:
                answer = await self._client.conversations_members(channel=channel, limit=PAGE, cursor=cursor)
                members.update(answer["members"])
            except (*FAILURES, KeyError) as error:
                log.warning("the members of %s can't be read, so approvers are told in person: %s", channel, error)
                break
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return frozenset(members)
