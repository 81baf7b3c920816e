"""Answers to one person through Slack's response_url, which nobody else sees; listings may be for all."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import AlreadyRecorded, KickbotError
from bot.slack.blocks import Message, compose, paragraph
from bot.slack.lines import Line, line, told

log = logging.getLogger(__name__)

FAULT = "Something went wrong in Kickbot; nothing was done by this. Whoever runs it finds the reason in its log."


async def answered(url: str, work: Callable[[], Awaitable[None]]) -> None:
    """Whatever Kickbot refuses on purpose is told to the person who waits; a fault is logged, and told as one.

    Nothing may get past here: bolt takes back an acknowledgement if its listener fails within 10 ms.
    """
    try:
        await work()
    except AlreadyRecorded as error:
        log.info("sent by Slack once more: %s", error)
    except KickbotError as error:
        log.info("refused: %s", error)
        await say(url, note(told(error.for_user())))
    except Exception:
        log.exception("a fault in Kickbot")
        await say(url, note(line(FAULT)))


async def say(url: str, message: Message, *, for_all: bool = False) -> None:
    """Answer through the response_url: to one person, or in the channel. Without blocks, if Slack refuses those."""
    kind = {"response_type": "in_channel" if for_all else "ephemeral", "replace_original": False}
    for what in (message, message.plain):
        body = {"text": what.text, "blocks": list(what.blocks), **kind}
        try:
            answer = await AsyncWebhookClient(url).send_dict(body)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("an answer did not arrive: %s", error)
            return
        if answer.status_code == 200:  # noqa: PLR2004 - OK
            return
        log.warning("Slack did not take an answer: %s %s", answer.status_code, answer.body)


def note(*lines: Line) -> Message:
    """A few sentences as a message."""
    return compose(paragraph(*lines, needed=True))


def response_url(body: dict[str, Any]) -> str:
    """Where the person who waits can be answered; empty if Slack gives no such place."""
    if url := body.get("response_url"):
        return str(url)
    try:
        return str(json.loads(body.get("view", {}).get("private_metadata") or "{}").get("url", ""))
    except (ValueError, AttributeError):
        return ""
