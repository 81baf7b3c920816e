"""The app as installed in the sandbox's workspace: ids, fresh tokens, granted scopes, commands, shortcuts, events."""

import secrets
from typing import Literal

from pydantic import Field

from bot.sandbox.nouns import Noun

BOT_SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "reactions:write",
        "usergroups:read",
        "users:read",
    }
)
COMMANDS = ("/sessions", "/kick", "/unhold", "/limits", "/audit", "/kickbot")
EVENTS = ("app_home_opened", "app_mention", "message.im")


def bot_token() -> str:
    return f"xoxb-{secrets.randbelow(10**12):012}-{secrets.token_urlsafe(18)}"


def app_token() -> str:
    return f"xapp-1-A0KICKBOT-{secrets.randbelow(10**12):012}-{secrets.token_hex(32)}"


def signing_secret() -> str:
    return secrets.token_hex(16)


class Shortcut(Noun):
    """An entry of Slack's menus, for one message or for anywhere (global)."""

    callback_id: str
    name: str
    type: Literal["message", "global"]


SHORTCUTS = (Shortcut(callback_id="kickbot_kick", name="Kick someone off…", type="message"),)


class Installation(Noun):
    """Tokens are new with every installation, so that none can ever be written into a test.

    request_url: where Slack sends everything; empty is Socket Mode.
    """

    name: str = "kickbot"
    app_id: str = "A0KICKBOT"
    bot_id: str = "B0KICKBOT"
    bot_user: str = "U0KICKBOT"
    bot_token: str = Field(default_factory=bot_token, repr=False)
    app_token: str = Field(default_factory=app_token, repr=False)
    signing_secret: str = Field(default_factory=signing_secret, repr=False)
    request_url: str = ""
    scopes: frozenset[str] = BOT_SCOPES
    app_scopes: frozenset[str] = frozenset({"connections:write"})
    commands: tuple[str, ...] = COMMANDS
    shortcuts: tuple[Shortcut, ...] = SHORTCUTS
    events: tuple[str, ...] = EVENTS
