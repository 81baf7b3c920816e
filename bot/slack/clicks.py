"""What a click brings along, read from Slack's payload: the ticket, the channel, and which click it is. Pure."""

from typing import Any

from pydantic import ValidationError

from bot.errors import CommandError
from bot.slack.tickets import Ticket

NOT_OURS = "This button isn't one that Kickbot knows. Nothing was done by your click."


def ticket(value: str | None) -> Ticket:
    """What the button carries. Raises CommandError for what nobody of Kickbot wrote."""
    try:
        return Ticket.model_validate_json(value or "")
    except ValidationError as error:
        raise CommandError(NOT_OURS) from error


def channel_of(body: dict[str, Any]) -> str:
    """Where the clicked message stands."""
    return str((body.get("channel") or body.get("container", {})).get("id") or body["container"].get("channel_id", ""))


def key_of(body: dict[str, Any]) -> str:
    """The same for the same click, however often Slack sends it."""
    action = body["actions"][0]
    return ":".join(
        map(str, (body["user"]["id"], action.get("action_id"), action.get("action_ts"), body["trigger_id"]))
    )
