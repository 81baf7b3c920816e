"""Reads from Slack which events were told there: an anchor for the audit trail outside of its own database.

At the start the newest ones, and for an auditor all of them.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import chain, repeat
from typing import Any

from pydantic import ValidationError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Sleep, Told
from bot.models import RequestId
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


# ------------------------------------------------------------------------------------------ all of them

_MARK = re.compile(r"_event ([1-9][0-9]{0,15}), trail ([0-9a-f]{4}) ([0-9a-f]{4})…_", re.ASCII)
"""What an evidence reply shows of it for the eye, see `proof.mark`."""


async def everywhere(
    client: AsyncWebClient, channels: Iterable[str], bot_user: str
) -> tuple[tuple[Told, ...], tuple[str, ...]]:
    """What Kickbot's newest messages say of the trail, in threads too; and why a channel couldn't be read.

    Of each channel the newest 2,000 messages.
    """
    heads, troubles = list[Told](), list[str]()
    for channel in channels:
        try:
            heads += [one async for message in _all(client, channel, bot_user) for one in _shown(message, channel)]
        except SlackApiError as error:
            troubles.append(f"{channel} can't be read: Slack says {judge(error)[1]}")
        except TRANSPORT as error:
            troubles.append(f"{channel} can't be read: {error!r}")
    return tuple(heads), tuple(troubles)


async def _all(client: AsyncWebClient, channel: str, bot_user: str) -> AsyncIterator[dict[str, Any]]:
    """Kickbot's own messages there, each parent before its thread."""
    async for message in _pages(client.conversations_history, channel=channel):
        if message.get("user") == bot_user:
            yield message
        if message.get("reply_count"):
            async for reply in _pages(client.conversations_replies, channel=channel, ts=message["ts"]):
                if reply.get("user") == bot_user and reply.get("ts") != message["ts"]:
                    yield reply


async def _pages(call: Any, **about: str) -> AsyncIterator[dict[str, Any]]:
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        answer = await call(limit=PAGE, cursor=cursor, include_all_metadata=True, **about)
        for message in answer.get("messages") or []:
            yield message
        cursor = (answer.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _shown(message: dict[str, Any], channel: str) -> Iterator[Told]:
    """What it says for programs, and what it shows to people."""
    place = f"the message {message.get('ts')} in {channel}"
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    if metadata.get("event_type") == EVENT_TYPE:
        for told in _said(payload):
            yield told.model_copy(update={"place": place})
    for block in message.get("blocks") or []:
        elements = block.get("elements") if block.get("type") == "context" else None
        for element in elements or []:
            if found := _MARK.fullmatch(element.get("text") or ""):
                yield Told(request=RequestId(0), event=int(found[1]), hash=found[2] + found[3], place=place)


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
