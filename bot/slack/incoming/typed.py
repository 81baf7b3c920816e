"""What people type, as a command or behind the bot's name -> the workflow, and its answer back to them."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.borders import Origin
from bot.cleaning import clean, shorten
from bot.errors import CommandError, Refused
from bot.models import (
    Asking,
    Audit,
    Form,
    Freeze,
    Help,
    Holds,
    Limits,
    Listing,
    Moment,
    Retention,
    Reviews,
    Sweeps,
    Unfreeze,
    Unhold,
    Value,
)
from bot.policy import not_a_member
from bot.slack.content import freeze, holds, retention
from bot.slack.content.help_text import help_on, renamed
from bot.slack.content.story import asked
from bot.slack.incoming.answers import Reply, in_person, note, reply_to
from bot.slack.incoming.arrivals import answerable
from bot.slack.incoming.histories import Histories
from bot.slack.incoming.intake import Context
from bot.slack.incoming.kick_forms import KickForms
from bot.slack.incoming.sharing import Listings

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

LONGEST_WORDS = 2_000


class Said(Value):
    """Words for Kickbot: who said them where. called: by which name, `/logout` for one. key, sent: see Origin."""

    who: str
    channel: str
    thread: str = ""
    key: str
    sent: Moment | None
    called: str
    command: str
    text: str

    @property
    def whole(self) -> str:
        """As it was typed, made printable."""
        return shorten(clean(f"{self.called} {self.text}"), LONGEST_WORDS)

    @property
    def for_kickbot(self) -> str:
        """The same as `/kickbot` takes it."""
        return self.text if self.command == "kickbot" else f"{self.command} {self.text}"


class Typed:
    """`names`: what the commands are called here, `kick` -> `/kick`."""

    def __init__(self, context: Context, listings: Listings, forms: KickForms, histories: Histories) -> None:
        self._context = context
        self._listings = listings
        self._forms = forms
        self._histories = histories

    def register(self, app: AsyncApp) -> None:
        for command, name in self._context.names.items():
            app.command(name)(self._command(command))

    def _command(self, command: str) -> Callable[..., Awaitable[None]]:
        async def listener(ack: Ack, body: Json, request: AsyncBoltRequest, client: AsyncWebClient) -> None:
            sent = self._context.intake.sent(request)
            await ack()
            reply = reply_to(body) if answerable(sent) else in_person(self._context.posts, body["user_id"])

            async def opens(wanted: Form) -> None:
                await self._forms.typed(client, body, wanted.reason)

            await self._context.intake.answer(reply, lambda: self.carry_out(_said(command, body, sent), reply, opens))

        return listener

    async def carry_out(self, said: Said, reply: Reply, opens: Callable[[Form], Awaitable[None]] | None = None) -> None:
        """From the words to their answer. opens: the form, where Slack lets one be opened; else the usage is told."""
        try:
            understood = commands.parse(said.command, said.text, self._context.inventory)
        except CommandError as error:
            await self._demand_member(said.who)  # a hint names what is configured here
            raise CommandError(renamed(error.for_user(), self._context.names)) from error
        if isinstance(understood, Form):
            await (opens(understood) if opens else reply(help_on("kick", self._context.names)))
            return
        if isinstance(understood, Help):
            await reply(help_on(understood.topic, self._context.names))
            return
        origin = await self._context.intake.origin(said.who, said.channel, said.key, said.sent)
        if isinstance(understood, Listing | Limits | Audit | Holds | Reviews | Sweeps):
            await self._show(reply, origin, understood, said)
        elif isinstance(understood, Freeze):
            await reply(note(freeze.answer(await self._context.workflow.freeze(origin, understood.reason))))
        elif isinstance(understood, Unfreeze):
            await reply(note(freeze.answer(await self._context.workflow.unfreeze(origin))))
        elif isinstance(understood, Retention):
            await reply(note(retention.answer(await self._context.workflow.retention(origin))))
        elif isinstance(understood, Unhold):
            await reply(note(holds.answer(*await self._context.workflow.unhold(origin, understood))))
        else:
            await self._kick(reply, origin, said.whole, understood)

    async def _show(
        self, reply: Reply, origin: Origin, wanted: Listing | Limits | Audit | Holds | Reviews | Sweeps, said: Said
    ) -> None:
        """What changes nothing."""
        match wanted:
            case Listing():
                await self._listings.answer(reply, origin, wanted, said.for_kickbot, said.thread)
            case Limits():
                await self._listings.limits(reply, origin, wanted, said.for_kickbot)
            case _:
                await self._histories.answer(reply, origin.who, wanted)

    async def _demand_member(self, who: str) -> None:
        person = await self._context.people.person(who)
        if not person.is_member:
            raise Refused(not_a_member(person))

    async def _kick(self, reply: Reply, origin: Origin, words: str, wanted: Asking) -> None:
        await reply(note(asked(await self._context.workflow.ask(origin, words, wanted), origin.channel.id)))


def _said(command: str, body: Json, sent: datetime | None) -> Said:
    """A slash command."""
    return Said(
        who=body["user_id"],
        channel=body["channel_id"],
        key=body.get("trigger_id") or json.dumps(body),
        sent=sent,
        called=body["command"],
        command=command,
        text=body.get("text") or "",
    )
