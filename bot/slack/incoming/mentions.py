"""A message that begins with the bot's name -> the same as `/kickbot …`, answered in its thread.

Whoever only mentions the bot in passing is not answered; nor is another bot, nor the bot itself.
"""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import CommandError
from bot.slack.incoming.answers import Reply, in_thread
from bot.slack.incoming.intake import Intake
from bot.slack.incoming.typed import Said, Typed

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

EDITED = "An edited message asks for nothing: nothing was done by it. Write a new one, such as `@kickbot help`."

_LINK = re.compile(r"<(?:[^@#!<>|][^<>|]*|!subteam\^\w+)\|(?P<shown>[^<>]*)>|<(?P<bare>https?://[^<>|]*)>")
_CODE = re.compile(r"\s*(?P<marks>`{1,3})(?P<inside>[^`]*)(?P=marks)\s*")


class Mentions:
    """posts: a client that never repeats a call by itself, so that no answer stands there twice."""

    def __init__(self, typed: Typed, intake: Intake, posts: AsyncWebClient) -> None:
        self._typed = typed
        self._intake = intake
        self._posts = posts

    def register(self, app: AsyncApp) -> None:
        app.event("app_mention")(self._mentioned)

    async def _mentioned(self, ack: Ack, event: Json, request: AsyncBoltRequest, context: AsyncBoltContext) -> None:
        sent = self._intake.sent(request)
        await ack()
        text = behind_the_name(event.get("text") or "", context.bot_user_id or "")
        if text is None or not is_by_a_person(event) or not self._intake.is_new(key_of(event)):
            return
        reply = self._reply(event)
        await self._intake.answer(reply, lambda: self._carry_out(event, sent, text, reply))

    async def _carry_out(self, event: Json, sent: datetime | None, text: str, reply: Reply) -> None:
        if event.get("edited"):
            raise CommandError(EDITED)
        said = Said(
            who=event["user"],
            channel=event["channel"],
            thread=thread_of(event),
            key=key_of(event),
            sent=sent,
            called="@kickbot",
            command="kickbot",
            text=text,
        )
        await self._typed.carry_out(said, reply)

    def _reply(self, event: Json) -> Reply:
        begun = bool(event.get("thread_ts"))
        return in_thread(self._posts, event["channel"], thread_of(event), event["user"], begun=begun)


def thread_of(event: Json) -> str:
    """Where it is answered: its own thread, if it doesn't stand in one."""
    return str(event.get("thread_ts") or event["ts"])


def is_by_a_person(event: Json) -> bool:
    return bool(event.get("user")) and not event.get("bot_id")


def key_of(event: Json) -> str:
    """The same for the same message, however often Slack tells of it; an edit is another one."""
    return f"{event['channel']}:{event['ts']}:{(event.get('edited') or {}).get('ts', '')}"


def behind_the_name(text: str, bot: str) -> str | None:
    """What someone typed behind the name with which a message begins; None if it begins otherwise.

    Slack sends markup: three characters escaped, and a link for what looks like one, such as `web01.example.com`.
    https://docs.slack.dev/messaging/formatting-message-text
    """
    begins = re.match(rf"\s*<@{re.escape(bot)}(?:\|[^<>]*)?>[\s,:]*", text)
    if not bot or begins is None:
        return None
    plain = _LINK.sub(lambda link: link["shown"] or link["bare"] or "", text[begins.end() :])
    copied = _CODE.fullmatch(plain)
    return html.unescape(copied["inside"] if copied else plain)
