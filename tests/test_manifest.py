"""The Slack app's manifest is one that Slack takes, and asks for exactly what the code uses."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

import bot
from bot.sandbox.web_api import METHODS
from bot.slack.incoming.kick_forms import SHORTCUT
from bot.slack.tokens import SCOPES
from tests.published import complaint

MANIFEST = Path(__file__).parent.parent / "app_manifest.yml"
SOURCES = sorted((Path(bot.__file__).parent / "slack").rglob("*.py"))

# slack_sdk's own names for several methods in a row.
SEVERAL = {"files_upload_v2": ("files.getUploadURLExternal", "files.completeUploadExternal")}

# Where the code reads: https://docs.slack.dev/apis/web-api/using-the-conversations-api
KINDS = {
    "history": ("channels", "groups", "im"),  # evidence in channels, what the asker is told in person
    "read": ("channels", "groups"),  # a direct message is no place for evidence: that it can't be read is the answer
}

# What an app must be granted to be told of an event; the others need nothing.
# https://docs.slack.dev/reference/events
EVENTS = {
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}


def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return loaded


# -- the schema --------------------------------------------------------------------------------


def test_slack_takes_the_manifest() -> None:
    """By Slack's published types: its fields, its scopes, its events, and the lengths of what people read."""
    assert complaint("Manifest", manifest()) == ""


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("display_information", {"name": "x" * 36}, "display_information.name must be shorter than or equal to 35"),
        ("display_information", {"nam": "x"}, "display_information must not contain {'nam'} properties"),
        ("oauth_config", {"scopes": {"bot": ["chat:shout"]}}, "oauth_config.scopes.bot[0] must be one of"),
        ("features", {"slash_commands": [{"command": "/kick"}]}, "slash_commands[0] must contain ['description']"),
        ("features", {"bot_user": {"display_name": 7}}, "bot_user.display_name must be string"),
        ("settings", {"interactivity": {}}, "settings.interactivity must contain ['is_enabled'] properties"),
        ("settings", {"event_subscriptions": {"bot_events": ["x"]}}, "event_subscriptions.bot_events[0] must be one"),
    ],
)
def test_a_mistake_in_the_manifest_is_found(section: str, change: dict[str, Any], said: str) -> None:
    """A field that Slack doesn't know or misses, a scope or an event that there isn't, a name that is too long."""
    whole = manifest()
    assert said in complaint("Manifest", whole | {section: whole[section] | change})


# -- the scopes --------------------------------------------------------------------------------


def test_the_scopes_are_exactly_those_that_the_code_uses() -> None:
    """One too many would be a right that nobody needs; one too few a call that fails in the middle of an incident."""
    asked = manifest()["oauth_config"]["scopes"]

    assert set(asked["bot"]) == used_scopes()
    assert asked.keys() == {"bot"}
    assert len(asked["bot"]) == len(set(asked["bot"]))


def test_the_start_demands_the_same_scopes() -> None:
    """The token is compared with what the manifest asks for."""
    assert set(manifest()["oauth_config"]["scopes"]["bot"]) == SCOPES


def test_the_code_is_read_whole() -> None:
    """What the count of scopes rests on: the methods are found however they are called."""
    found = set(called(ast.parse("client.chat_update; x.api_call('team.info'); self.files_upload_v2(); a.users")))

    assert found == {"chat.update", "team.info", "files.getUploadURLExternal", "files.completeUploadExternal"}
    assert {"chat.postMessage", "conversations.info", "users.info", "views.open"} <= used_methods()


def used_scopes() -> set[str]:
    """Of the methods, the events and the commands; app-level methods need another token."""
    methods = {METHODS[name] for name in used_methods()}
    scopes = {scope for method in methods if method.caller == "bot" and method.scope for scope in each(method.scope)}
    events = manifest()["settings"].get("event_subscriptions", {}).get("bot_events", [])
    return scopes | {EVENTS[event] for event in events if event in EVENTS} | {"commands" for _ in registered("command")}


def each(scope: str) -> set[str]:
    """`{kind}:read` -> channels:read, …"""
    return {scope.format(kind=kind) for kind in KINDS.get(scope.removeprefix("{kind}:"), ("",))}


@cache
def used_methods() -> frozenset[str]:
    return frozenset(name for tree in trees() for name in called(tree))


@cache
def trees() -> tuple[ast.Module, ...]:
    return tuple(ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in SOURCES)


def called(tree: ast.AST) -> Iterator[str]:
    """The Web API methods that a source names: as slack_sdk's methods, called or handed on, or in `api_call`."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if name in SEVERAL:
                yield from SEVERAL[name]
            case ast.Attribute(attr=name) if "_" in name.strip("_") and name in SDK:
                yield SDK[name]
            case ast.Call(func=ast.Attribute(attr="api_call"), args=[ast.Constant(value=str(name)), *_]):
                yield name


def registered(kind: str) -> list[ast.Attribute]:
    """Where the code listens for that kind of thing."""
    return [n for tree in trees() for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == kind]


def _sdk() -> dict[str, str]:
    """slack_sdk's name -> the method's: chat_postMessage -> chat.postMessage. What isn't in the table fails by name."""
    known = {name.replace(".", "_"): name for name in METHODS}
    public = [name for name in vars(AsyncWebClient) if not name.startswith("_")]
    return {name: known.get(name, f"{name}: not in the sandbox's table of methods and scopes") for name in public}


SDK = _sdk()


def test_the_shortcuts_are_exactly_those_that_the_code_listens_to() -> None:
    """By their callback_id and kind; Slack shows at most 24 characters of a name."""
    shortcuts = manifest()["features"]["shortcuts"]
    assert [(s["callback_id"], s["type"]) for s in shortcuts] == [(SHORTCUT, "message")]
    assert len(registered("message_shortcut")) == 1
    assert all(len(s["name"]) <= 24 for s in shortcuts)
