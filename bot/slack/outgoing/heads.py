"""Reads from Slack which events were told there last: an anchor for the audit trail outside of its own database."""

import asyncio
import logging
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

from pydantic import ValidationError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Sleep, Told
from bot.slack.outgoing.delivery import EVENT_TYPE, PAUSES, TRANSPORT
from bot.slack.trouble import Trouble, judge

log = logging.getLogger(__name__)

PAGE, MOST_PAGES = 200, 10
"""Messages of the incident channel that are read until some are Kickbot's own: every request is told there."""


async def told(client: AsyncWebClient, channel: str, bot_user: str, sleep: Sleep = asyncio.sleep) -> tuple[Told, ...]:
    """What Kickbot's newest messages there say of the trail, the newest first. It insists until Slack answers.

    Nothing where the bot can't read at all: nothing was told there either.
    """
    for pause in chain(PAUSES, repeat(60.0)):
        try:
            return await _newest(client, channel, bot_user)
        except TRANSPORT as error:
            log.warning("what was told in Slack can't be read yet, so nothing is done: %r", error)
        except SlackApiError as error:
            trouble, code = judge(error)
            if trouble in {Trouble.PLACE, Trouble.CONTENT}:
                log.warning("the trail can't be compared with what was told in %s: Slack says %s", channel, code)
                return ()
            log.warning("what was told in Slack can't be read yet, so nothing is done: Slack says %s", code)
        await sleep(pause)
    return ()


async def _newest(client: AsyncWebClient, channel: str, bot_user: str) -> tuple[Told, ...]:
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        answer = await client.conversations_history(
            channel=channel, limit=PAGE, cursor=cursor, include_all_metadata=True
        )
        if found := tuple(_read(answer.get("messages") or [], bot_user)):
            return found
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            break
    else:
        log.warning("none of the newest %d messages in %s is Kickbot's own", PAGE * MOST_PAGES, channel)
    return ()


def _read(messages: list[dict[str, Any]], bot_user: str) -> Iterator[Told]:
    for message in messages:
        metadata = message.get("metadata") or {}
        if message.get("user") == bot_user and metadata.get("event_type") == EVENT_TYPE:
            yield from _said(metadata.get("event_payload") or {})


def _said(payload: dict[str, Any]) -> Iterator[Told]:
    """The newest event that a message shows, and the one for which it was posted."""
    for event, trail in (("newest", "newest_trail"), ("event", "trail")):
        if event in payload:
            try:
                yield Told(request=payload.get("request"), event=payload[event], hash=payload.get(trail))
            except ValidationError as error:
                log.warning("a message of Kickbot's own with other metadata than it writes: %s", error)
