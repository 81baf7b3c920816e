"""Answers to one person, which nobody else sees; listings may be for all."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import AlreadyRecorded, KickbotError, TrailError
from bot.slack.content.blocks import Message, compose, paragraph
from bot.slack.content.lines import Line, line, told
from bot.slack.trouble import CALL_FAILED, Trouble, judge

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

SLOW = 1.0
"""Seconds after which someone who waits is told that it takes longer."""
FAULT = "Something went wrong in Kickbot; nothing was done by this. Whoever runs it finds the reason in its log."


class Reply(Protocol):
    """How the person who waits is answered. It never raises: an answer that doesn't arrive is logged."""

    async def __call__(self, message: Message, *, for_all: bool = False) -> None: ...


async def answered(reply: Reply, work: Callable[[], Awaitable[None]]) -> None:
    """Whatever Kickbot refuses on purpose is told to the person who waits; a fault is logged, and told as one.

    Nothing may get past here: bolt takes back an acknowledgement if its listener fails within 10 ms.
    """
    try:
        await work()
    except AlreadyRecorded as error:
        log.info("sent by Slack once more: %s", error)
    except KickbotError as error:
        log.log(logging.ERROR if isinstance(error, TrailError) else logging.INFO, "refused: %s", error)
        await reply(note(told(error.for_user())))
    except Exception:
        log.exception("a fault in Kickbot")
        await reply(note(line(FAULT)))


async def awaited(reply: Reply, work: Awaitable[Answer], meanwhile: Message) -> Answer:
    """What the work brings. meanwhile: told to the person who waits, if it takes longer."""
    working = asyncio.ensure_future(work)
    finished, _ = await asyncio.wait({working}, timeout=SLOW)
    if not finished:
        await reply(meanwhile)
    return await working


def by_url(url: str) -> Reply:
    """Through a response_url: to one person, or in the channel. Without blocks, if Slack refuses those."""

    async def reply(message: Message, *, for_all: bool = False) -> None:
        kind = {"response_type": "in_channel" if for_all else "ephemeral", "replace_original": False}
        for what in (message, message.plain):
            body = {"text": what.text, "blocks": list(what.blocks), **kind}
            try:
                answer = await AsyncWebhookClient(url).send_dict(body)
            except CALL_FAILED as error:
                log.warning("an answer did not arrive: %s", error)
                return
            if answer.status_code == 200:  # noqa: PLR2004 - OK
                return
            log.warning("Slack did not take an answer: %s %s", answer.status_code, answer.body)

    return reply


def in_thread(client: AsyncWebClient, channel: str, thread: str, person: str, *, begun: bool) -> Reply:
    """In a thread, where Slack gives no response_url: to one person, or to all who read it.

    Never twice, and without blocks if Slack refuses those.

    begun: there are replies already. What one person alone shall see is shown in such a thread, else in the channel:
    Slack doesn't show it where nobody has replied yet.
    """

    async def reply(message: Message, *, for_all: bool = False) -> None:
        place = {"channel": channel, **({"thread_ts": thread} if for_all or begun else {})}

        async def send(what: Message) -> None:
            said: dict[str, Any] = {**place, "text": what.text}
            said |= {"blocks": list(what.blocks)} if what.blocks else {}
            await (client.chat_postMessage(**said) if for_all else client.chat_postEphemeral(user=person, **said))

        await arrived(message, send)

    return reply


async def arrived(message: Message, send: Callable[[Message], Awaitable[object]]) -> bool:
    """Send it, without blocks if Slack refuses those. False, logged, if it could not be sent."""
    for what in (message, message.plain):
        try:
            await send(what)
        except CALL_FAILED as error:
            log.warning("an answer did not arrive: %s", error)
            if not (isinstance(error, SlackApiError) and judge(error)[0] is Trouble.CONTENT):
                break
        else:
            return True
    return False


def in_person(client: AsyncWebClient, person: str) -> Reply:
    """In a direct message, where a response_url is missing or too old."""

    async def reply(message: Message, *, for_all: bool = False) -> None:  # noqa: ARG001 - nobody else reads it
        try:
            channel = (await client.conversations_open(users=[person]))["channel"]["id"]
            await client.chat_postMessage(channel=channel, text=message.text, blocks=list(message.blocks))
        except CALL_FAILED as error:
            log.warning("an answer did not arrive: %s", error)

    return reply


async def nowhere(message: Message, *, for_all: bool = False) -> None:  # noqa: ARG001 - a Reply
    """For what Slack gives no way to answer."""
    log.info("not told to anyone: %s", message.text)


def note(*lines: Line) -> Message:
    """A few sentences as a message."""
    return compose(paragraph(*lines, needed=True))


def reply_to(body: dict[str, Any]) -> Reply:
    """How the person can be answered who sent this."""
    url = _response_url(body)
    return by_url(url) if url else nowhere


def _response_url(body: dict[str, Any]) -> str:
    if url := body.get("response_url"):
        return str(url)
    try:
        return str(json.loads(body.get("view", {}).get("private_metadata") or "{}").get("url", ""))
    except (ValueError, TypeError, AttributeError, RecursionError):  # nobody of Kickbot wrote it
        return ""
