"""Opens a form, or says that Slack didn't. A trigger lives for three seconds: open first, look afterwards."""

import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import CommandError
from bot.slack.trouble import CALL_FAILED

log = logging.getLogger(__name__)

Json = dict[str, Any]


async def open_form(client: AsyncWebClient, body: Json, view: Json, otherwise: str) -> str:
    """The id of the view that was opened. Raises CommandError that says `otherwise`, if Slack doesn't open it."""
    try:
        opened = await client.views_open(trigger_id=body["trigger_id"], view=view)
    except CALL_FAILED as error:
        log.warning("the form did not open: %s", error)
        raise CommandError(otherwise) from error
    return str(opened["view"]["id"])
