"""Everything that Slack can send has a listener here: whatever isn't known is acknowledged and answered."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp
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
from bot.slack.incoming.sharing import Listings
from bot.slack.incoming.typed import Typed
from bot.slack.outgoing.tempo import Tempo
from bot.workflow import Workflow

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

UNKNOWN = "Kickbot doesn't know what to do with this. Nothing was done."
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
    intake = Intake(people, pulse)
    context = Context(workflow, intake, people, estate, names, posts)
    listings, forms = Listings(context, changes), KickForms(context)
    typed = Typed(context, listings, forms, histories)
    for listener in (listings, forms, SentForms(context), typed):
        listener.register(app)
    Mentions(typed, intake, posts).register(app)
    home.register(app, intake)
    Clicks(workflow, intake, home.reply_to).register(app)
    for unknown in (app.command, app.action, app.shortcut, app.view):
        unknown(ANY)(_unknown)
    for ignored in (app.view_closed, app.event, app.options):
        ignored(ANY)(_ignored)
    app.error(_fault)
    return intake


async def _unknown(ack: Ack, body: Json) -> None:
    await ack()
    await reply_to(body)(note(line(UNKNOWN)))


async def _ignored(ack: Ack) -> None:
    await ack()


async def _fault(error: Exception, body: Json) -> None:
    log.error("a fault in Kickbot", exc_info=error)
    await reply_to(body)(note(line(FAULT)))
