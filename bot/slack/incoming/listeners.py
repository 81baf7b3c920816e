"""Everything that Slack can send has a listener here: whatever isn't known is acknowledged and answered."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.estate import Estate
from bot.slack.content.lines import line
from bot.slack.incoming.answers import FAULT, note, reply_to
from bot.slack.incoming.arrivals import Pulse
from bot.slack.incoming.clicks import Clicks
from bot.slack.incoming.histories import Histories
from bot.slack.incoming.home_tab import HomeTab
from bot.slack.incoming.intake import Context, Directory, Intake
from bot.slack.incoming.kick_forms import KickForms
from bot.slack.incoming.kick_sent import SentForms
from bot.slack.incoming.mentions import Mentions
from bot.slack.incoming.payloads import unreadable
from bot.slack.incoming.sharing import Listings
from bot.slack.incoming.typed import Typed
from bot.slack.outgoing.tempo import Tempo
from bot.workflow import Workflow

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

UNKNOWN = "Kickbot doesn't know what to do with this. Nothing was done."
UNREADABLE = "Kickbot can't read what Slack sent for this. Nothing was done: try once more."
ANY = re.compile(".*", re.DOTALL)


def register(
    app: AsyncApp,
    *,
    workflow: Workflow,
    people: Directory,
    estate: Estate,
    names: Mapping[str, str],
    posts: AsyncWebClient,
    home: HomeTab,
    histories: Histories,
    pulse: Pulse,
    changes: Tempo,
) -> Intake:
    """Listen on this app. names: `{"sessions": "/sessions", "kick": "/kick", "kickbot": "/kickbot"}`.

    posts: a client that never repeats a call by itself. changes: of messages, the publisher's too.
    """
    app.use(OnlyReadable())
    intake = Intake(people, pulse)
    context = Context(workflow, intake, people, estate, names, posts)
    listings, forms = Listings(context, changes), KickForms(context)
    typed = Typed(context, listings, forms, histories)
    for listener in (listings, forms, SentForms(context), typed):
        listener.register(app)
    Mentions(typed, intake, posts).register(app)
    home.register(app, intake)
    Clicks(workflow, intake, people, home.reply_to).register(app)
    for unknown in (app.command, app.action, app.shortcut, app.view):
        unknown(ANY)(_unknown)
    for ignored in (app.view_closed, app.event, app.options):
        ignored(ANY)(_ignored)
    app.error(_fault)
    return intake


class OnlyReadable(AsyncMiddleware):
    """Not a function: for one, bolt would read the payload first."""

    async def async_process(
        self,
        *,
        req: AsyncBoltRequest,
        resp: BoltResponse,  # noqa: ARG002 - bolt's own signature
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002 - bolt's own word
    ) -> BoltResponse:
        if not (why := unreadable(req.body)):
            return await next()
        await _not_read(req.body, why)
        return BoltResponse(status=200)


async def _not_read(body: Json, why: str) -> None:
    log.warning("what Slack sent can't be read: %s", why)
    await reply_to(body)(note(line(UNREADABLE)))


async def _unknown(ack: Ack, body: Json) -> None:
    await ack()
    await reply_to(body)(note(line(UNKNOWN)))


async def _ignored(ack: Ack) -> None:
    await ack()


async def _fault(error: Exception, body: Json) -> None:
    """Bolt reads some of it before `OnlyReadable` does."""
    if why := unreadable(body):
        await _not_read(body, why)
        return
    log.error("a fault in Kickbot", exc_info=error)
    await reply_to(body)(note(line(FAULT)))
