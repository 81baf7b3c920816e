"""The form for a kick is sent -> a request, or why not: at the field if that is known in time, else as a message."""

import time
from collections import OrderedDict
from datetime import datetime
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import AlreadyRecorded, CommandError
from bot.models import Kick
from bot.slack.content.help_text import renamed
from bot.slack.content.kick_form import HOSTS, KICK_FORM, REASON, USER, Known, nobody_there
from bot.slack.content.lines import Line
from bot.slack.content.story import asked
from bot.slack.incoming.answers import Reply, by_url, in_person
from bot.slack.incoming.arrivals import ANSWERABLE
from bot.slack.incoming.in_forms import Ack, acknowledged, bare
from bot.slack.incoming.intake import Context
from bot.slack.incoming.kick_filled import Mistakes, command, demands_reason, filled_in, strays

Json = dict[str, Any]

OTHER_LIST = "The sessions that stand here are of another choice: wait a moment, and send it again."
SENT_BEFORE = "This form was sent before, and is asked once only. If it was refused then, open a new one."
REMEMBERED = 1_000


class SentForms:
    """One form is one request."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._refused: OrderedDict[str, int] = OrderedDict()

    def register(self, app: AsyncApp) -> None:
        app.view(KICK_FORM)(self._sent)

    async def _sent(self, ack: Ack, body: Json, request: AsyncBoltRequest) -> None:
        """A mistake or a refusal stands in the form, if it is known in time; else it is told like any answer."""
        sent = self._context.intake.sent(request)
        if not self._context.intake.is_new(f"{body['view']['id']}:{body.get('trigger_id')}"):
            await ack()
            return
        reply = reply_in_form(self._context.posts, body)
        await self._context.intake.answer(reply, lambda: self._ask(ack, body, sent, reply))

    async def _ask(self, ack: Ack, body: Json, sent: datetime | None, reply: Reply) -> None:
        try:
            words, kick = self._understood(body["view"])
        except Mistakes as mistakes:
            said = {block: bare(renamed(text, self._context.names)) for block, text in mistakes.fields.items()}
            await ack(response_action="errors", errors=said)
            return
        asking = self._workflow_asks(body, sent, words, kick)
        refused = partial(self._count, body["view"]["id"])
        await acknowledged(ack, asking, reply, HOSTS, self._context.people, refused)

    def _understood(self, view: Json) -> tuple[str, Kick]:
        """Raises Mistakes."""
        filled, known = filled_in(view), Known.of(view)
        words, kick = command(filled, self._context.inventory)
        if (filled.listed and known.about != filled.about) or strays(filled, kick):
            raise Mistakes({filled.block or HOSTS: OTHER_LIST})
        if known.nobody and known.about == filled.about and not (kick.processes or kick.hold):
            raise Mistakes({USER: nobody_there(kick.user, kick.hosts)})
        host = demands_reason(self._context.policy, kick)
        if host and not kick.reason:
            raise Mistakes({REASON: f"A reason is needed on {host}."})
        return f"{self._context.names['kick']} {words}", kick

    async def _workflow_asks(self, body: Json, sent: datetime | None, words: str, kick: Kick) -> Line:
        """One form is one request, however often it is sent; one that was refused may be sent again."""
        view, known = body["view"]["id"], Known.of(body["view"])
        refused = self._refused.get(view, 0)
        key = f"{view}:{refused}" if refused else view
        origin = await self._context.intake.origin(body["user"]["id"], known.channel, key, sent)
        try:
            return asked(await self._context.workflow.ask(origin, words, kick), known.channel)
        except AlreadyRecorded as error:
            raise CommandError(SENT_BEFORE) from error

    def _count(self, view: str) -> None:
        self._refused[view] = self._refused.get(view, 0) + 1
        while len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)


def reply_in_form(posts: AsyncWebClient, body: Json) -> Reply:
    """Where the form came from; later, in person, as for a form that isn't Kickbot's."""
    try:
        known = Known.of(body["view"])
    except CommandError:
        return in_person(posts, body["user"]["id"])
    fresh = known.url and time.time() - known.opened < ANSWERABLE
    return by_url(known.url) if fresh else in_person(posts, body["user"]["id"])
