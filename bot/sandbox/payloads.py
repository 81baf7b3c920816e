"""What Slack sends to an app when a person does something: slash commands, clicks, forms, events. Pure."""

import html
import re
import uuid
from collections.abc import Mapping
from typing import Any

from bot.sandbox.elements import Place
from bot.sandbox.methods.views import to_slack as view_to_slack
from bot.sandbox.nouns import TEAM, Channel, Ephemeral, Json, Message, Person, View
from bot.sandbox.workspace import DOMAIN, Workspace

MENTION = re.compile(r"(<@[A-Z0-9]+>)")
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
    return payload | {"actions": [{**action, "action_ts": workspace.tick()}]}


def block_suggestion(workspace: Workspace, person: Person, place: Place, text: str) -> Json:
    """The request for options while a person types; where, is added as for a click."""
    payload = {"type": "block_suggestion", **interaction(workspace, person), "value": text}
    return payload | {"action_id": place.element["action_id"], "block_id": place.block["block_id"]}


def global_shortcut(workspace: Workspace, person: Person, callback_id: str) -> Json:
    about = interaction(workspace, person)
    del about["api_app_id"]  # Slack leaves it out of shortcuts
    return {"type": "shortcut", **about, "callback_id": callback_id, "action_ts": workspace.tick()}


def message_action(workspace: Workspace, person: Person, callback_id: str, message: Message) -> Json:
    payload = global_shortcut(workspace, person, callback_id) | {"type": "message_action"}
    payload |= {"channel": _channel(workspace, message.channel), "message_ts": message.ts}
    return payload | {"message": workspace.to_slack(message)}


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
    outer |= {"authorizations": [for_whom | {"is_enterprise_install": False}], "is_ext_shared_channel": False}
    return outer | {"event_context": f"4-{number}"}


def said(workspace: Workspace, message: Message) -> Json:
    """The event of a person's message, without what tells in which way the app hears of it."""
    happened = workspace.to_slack(message) | {"channel": message.channel, "event_ts": message.ts}
    return happened | {"client_msg_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{message.channel} {message.ts}"))}


def typed(text: str) -> tuple[Json, ...]:
    """The blocks that Slack's client makes of what a person types; `text` names people as <@ID>."""
    parts = [part for part in MENTION.split(text) if part]
    inline = [{"type": "user", "user_id": part[2:-1]} if MENTION.fullmatch(part) else _words(part) for part in parts]
    section = {"type": "rich_text_section", "elements": inline}
    return ({"type": "rich_text", "elements": [section]},)


def _words(text: str) -> Json:
    """Of a message's text, Slack escapes three characters; of the text in its blocks none."""
    return {"type": "text", "text": html.unescape(text)}


def _channel(workspace: Workspace, channel_id: str) -> Json:
    channel = workspace.channels[channel_id]
    return {"id": channel.id, "name": channel.name or "directmessage"}
