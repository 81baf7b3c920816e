"""What Slack sends to an app when a person does something: slash commands, clicks, forms, events. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.methods.views import to_slack as view_to_slack
from bot.sandbox.nouns import TEAM, Channel, Ephemeral, Json, Message, Person, View
from bot.sandbox.workspace import DOMAIN, Workspace

VERIFICATION = "sandbox-verification-value"
"""The deprecated verification token of payloads; proves nothing, as in Slack."""


def slash_command(workspace: Workspace, person: Person, channel: Channel, command: str, text: str) -> Json:
    payload = {"token": VERIFICATION, "team_id": TEAM, "team_domain": DOMAIN, "channel_id": channel.id}
    payload |= {"channel_name": channel.name or "directmessage", "user_id": person.id, "user_name": person.name}
    payload |= {"command": command, "text": text, "api_app_id": workspace.app.app_id}
    return payload | {"is_enterprise_install": "false"}


def block_actions(workspace: Workspace, person: Person, action: Json) -> Json:
    """What all clicks have in common; where it was pressed is added by one of the three below."""
    payload = {"type": "block_actions", **interaction(workspace, person)}
    return payload | {"actions": [{**action, "action_ts": workspace.tick()}], "state": {"values": {}}}


def on_message(workspace: Workspace, message: Message, version: int) -> Json:
    """`version`: which version of the message is on the person's screen (-1: the newest)."""
    seen = message.model_copy(update={"versions": message.versions[: version % len(message.versions) + 1]})
    place = {"type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": False}
    place |= {"thread_ts": message.thread_ts} if message.thread_ts else {}
    shown = workspace.to_slack(seen)
    return {"container": place, "channel": _channel(workspace, message.channel), "message": shown}


def on_ephemeral(workspace: Workspace, ephemeral: Ephemeral) -> Json:
    """Slack does not send the message itself along."""
    place = {"type": "message", "message_ts": ephemeral.ts, "channel_id": ephemeral.channel, "is_ephemeral": True}
    place |= {"thread_ts": ephemeral.thread_ts} if ephemeral.thread_ts else {}
    return {"container": place, "channel": _channel(workspace, ephemeral.channel)}


def on_view(workspace: Workspace, view: View, values: Mapping[str, Any]) -> Json:
    shown = view_to_slack(workspace, view, dict(values))
    return {"container": {"type": "view", "view_id": view.id}, "view": shown}


def view_submission(workspace: Workspace, person: Person, view: View, values: Mapping[str, Any]) -> Json:
    shown = view_to_slack(workspace, view, dict(values))
    return {"type": "view_submission", **interaction(workspace, person), "view": shown, "response_urls": []}


def view_closed(workspace: Workspace, person: Person, view: View, *, cleared: bool) -> Json:
    shown = view_to_slack(workspace, view)
    return {"type": "view_closed", **interaction(workspace, person), "view": shown, "is_cleared": cleared}


def interaction(workspace: Workspace, person: Person) -> Json:
    user = {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}
    about: Json = {"user": user, "api_app_id": workspace.app.app_id, "token": VERIFICATION}
    return about | {"team": {"id": TEAM, "domain": DOMAIN}, "enterprise": None, "is_enterprise_install": False}


def event(workspace: Workspace, happened: Json) -> Json:
    """An Events API envelope around one event."""
    app = workspace.app
    number = workspace.tick().replace(".", "")
    for_whom = {"enterprise_id": None, "team_id": TEAM, "user_id": app.bot_user, "is_bot": True}
    outer: Json = {"type": "event_callback", "token": VERIFICATION, "team_id": TEAM, "api_app_id": app.app_id}
    outer |= {"event": happened, "event_id": f"Ev{number}", "event_time": int(workspace.clock())}
    return outer | {"authorizations": [for_whom | {"is_enterprise_install": False}], "is_ext_shared_channel": False}


def _channel(workspace: Workspace, channel_id: str) -> Json:
    channel = workspace.channels[channel_id]
    return {"id": channel.id, "name": channel.name or "directmessage"}
