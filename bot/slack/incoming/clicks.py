"""Buttons under a request -> the workflow, and its answer back to whoever clicked. Decides nothing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Origin
from bot.cleaning import clean
from bot.models import RequestId
from bot.slack.content import decided, freeze, holds, retention, reviews
from bot.slack.content.code_form import CODE, CODE_FORM, Saying, code_form, code_given
from bot.slack.content.deny_form import DENY_FORM, Deciding, deny_form, reason_given
from bot.slack.content.lines import Line
from bot.slack.content.review_form import REVIEW_FORM, review_form, review_given
from bot.slack.content.story import asked, short
from bot.slack.content.tickets import (
    AGAIN,
    APPROVE,
    CANCEL,
    DENY,
    DROP,
    FORCE,
    KEEP,
    REVIEW,
    UNFREEZE,
    UNHOLD,
    Ticket,
    came_from_home,
    channel_of,
    key_of,
)
from bot.slack.incoming.answers import Reply, note
from bot.slack.incoming.forms import open_form
from bot.slack.incoming.in_forms import acknowledged
from bot.slack.incoming.intake import Directory, Intake
from bot.workflow import Workflow

Json = dict[str, Any]
Work = Callable[[AsyncWebClient, Json, datetime | None], Awaitable[None]]
"""What a click does, with when it was sent."""
Ack = Callable[..., Awaitable[Any]]

NO_FORM = "Slack did not open the form. Nothing was done by your click: try once more."


class Clicks:
    """One method for each button. reply_to: how whoever sent something can be answered."""

    def __init__(
        self, workflow: Workflow, intake: Intake, people: Directory, reply_to: Callable[[Json], Reply]
    ) -> None:
        self._workflow = workflow
        self._people = people
        self._intake = intake
        self._reply_to = reply_to

    def register(self, app: AsyncApp) -> None:
        for action, say in self._yes.items():
            app.action(action)(self._click_or_code(action, say))
        decisions = {
            CANCEL: self._cancel,
            FORCE: self._force,
            AGAIN: self._again,
            UNFREEZE: self._unfreeze,
            KEEP: self._keep,
        }
        for action, decide in decisions.items():
            app.action(action)(self._click(decide))
        app.action(DENY)(self._opens(lambda ticket, known: deny_form(short(ticket.plan), known)))
        app.action(REVIEW)(self._opens(lambda _, known: review_form(known)))
        app.view(DENY_FORM)(self._filled(self._deny))
        app.view(REVIEW_FORM)(self._filled(self._review))
        app.view(CODE_FORM)(self._code_sent)

    @property
    def _yes(self) -> dict[str, Callable[..., Awaitable[Line]]]:
        """The buttons with which somebody agrees, which may need a code."""
        return {APPROVE: self._approve, UNHOLD: self._unhold, DROP: self._drop}

    def _clicked(self, work: Work) -> Callable[..., Awaitable[None]]:
        """Each click once, acknowledged before anything else, and answered whatever happens."""

        async def listener(ack: Ack, body: Json, client: AsyncWebClient, request: AsyncBoltRequest) -> None:
            sent = self._intake.sent(request)
            await ack()
            if self._intake.is_new(key_of(body)):
                await self._intake.answer(self._reply_to(body), lambda: work(client, body, sent))

        return listener

    def _click(self, decide: Callable[[Origin, Ticket], Awaitable[Line]]) -> Callable[..., Awaitable[None]]:
        return self._clicked(lambda _, body, sent: self._decide(body, sent, decide))

    async def _decide(
        self, body: Json, sent: datetime | None, decide: Callable[[Origin, Ticket], Awaitable[Line]]
    ) -> None:
        ticket = Ticket.read(body["actions"][0].get("value"))
        origin = await self._intake.origin(body["user"]["id"], channel_of(body), key_of(body), sent)
        await self._reply_to(body)(note(await decide(origin, ticket)))

    async def _approve(self, origin: Origin, ticket: Ticket, code: str = "") -> Line:
        request = await self._workflow.approve(origin, RequestId(ticket.request), ticket.plan, code)
        return decided.approved(request)

    async def _cancel(self, origin: Origin, ticket: Ticket) -> Line:
        return decided.cancelled(await self._workflow.cancel(origin, RequestId(ticket.request), ticket.plan))

    async def _force(self, origin: Origin, ticket: Ticket) -> Line:
        """The next level for what survived: a new request, which needs its own approval."""
        again = await self._workflow.again(origin, RequestId(ticket.request), ticket.plan, force=True)
        return asked(again, origin.channel.id)

    async def _again(self, origin: Origin, ticket: Ticket) -> Line:
        again = await self._workflow.again(origin, RequestId(ticket.request), ticket.plan, force=False)
        return asked(again, origin.channel.id)

    async def _unfreeze(self, origin: Origin, ticket: Ticket) -> Line:
        return freeze.answer(await self._workflow.unfreeze(origin, RequestId(ticket.request)))

    async def _unhold(self, origin: Origin, ticket: Ticket, code: str = "") -> Line:
        return holds.answer([await self._workflow.unhold_one(origin, RequestId(ticket.request), code)])

    async def _drop(self, origin: Origin, ticket: Ticket, code: str = "") -> Line:
        return retention.answer(await self._workflow.let_drop(origin, RequestId(ticket.request), code))

    async def _keep(self, origin: Origin, ticket: Ticket) -> Line:
        return retention.answer(await self._workflow.keep(origin, RequestId(ticket.request)))

    # ------------------------------------------------------------------------------------------ with a code

    def _click_or_code(self, action: str, decide: Callable[..., Awaitable[Line]]) -> Callable[..., Awaitable[None]]:
        """Opens the form where a code is asked for, by the rules as they are now, whatever the message shows."""

        async def work(client: AsyncWebClient, body: Json, sent: datetime | None) -> None:
            ticket = Ticket.read(body["actions"][0].get("value"))
            if await self._workflow.asks_for_a_code(body["user"]["id"], RequestId(ticket.request)):
                known = Saying.model_validate({**_known(body, ticket).model_dump(), "action": action})
                await open_form(client, body, code_form(known), NO_FORM)
            else:
                await self._decide(body, sent, decide)

        return self._clicked(work)

    async def _code_sent(self, ack: Ack, body: Json) -> None:
        """What is wrong with it stands in the form, where another code can be typed."""
        if not self._intake.is_new(f"{body['view']['id']}:{body.get('trigger_id')}"):
            await ack()
            return
        reply = self._reply_to(body)
        await self._intake.answer(reply, lambda: acknowledged(ack, self._coded(body), reply, CODE, self._people))

    async def _coded(self, body: Json) -> Line:
        known = Saying.of(body["view"])
        origin = await self._intake.origin(body["user"]["id"], known.channel, body["view"]["id"])
        return await self._yes[known.action](origin, known.ticket, code_given(body["view"]))

    # ------------------------------------------------------------------------------------------ with a form

    def _opens(self, form: Callable[[Ticket, Deciding], Json]) -> Callable[..., Awaitable[None]]:
        """The form has to be opened at once, so nothing is looked up before it."""
        return self._clicked(lambda client, body, _: _open(client, body, form))

    def _filled(self, decide: Callable[[Origin, Ticket, Json], Awaitable[Line]]) -> Callable[..., Awaitable[None]]:
        async def listener(ack: Ack, body: Json) -> None:
            await ack()
            await self._intake.answer(self._reply_to(body), lambda: self._sent(body, decide))

        return listener

    async def _sent(self, body: Json, decide: Callable[[Origin, Ticket, Json], Awaitable[Line]]) -> None:
        known = Deciding.of(body["view"])
        origin = await self._intake.origin(body["user"]["id"], known.channel, body["view"]["id"])
        await self._reply_to(body)(note(await decide(origin, known.ticket, body["view"])))

    async def _deny(self, origin: Origin, ticket: Ticket, view: Json) -> Line:
        reason = clean(reason_given(view))
        return decided.denied(await self._workflow.deny(origin, RequestId(ticket.request), ticket.plan, reason))

    async def _review(self, origin: Origin, ticket: Ticket, view: Json) -> Line:
        fine, comment = review_given(view)
        return reviews.answer(
            await self._workflow.review(origin, RequestId(ticket.request), fine=fine, comment=clean(comment))
        )


async def _open(client: AsyncWebClient, body: Json, form: Callable[[Ticket, Deciding], Json]) -> None:
    ticket = Ticket.read(body["actions"][0].get("value"))
    await open_form(client, body, form(ticket, _known(body, ticket)), NO_FORM)


def _known(body: Json, ticket: Ticket) -> Deciding:
    url, home = body.get("response_url") or "", came_from_home(body)
    return Deciding(ticket=ticket, channel=channel_of(body), url=url, home=home)
