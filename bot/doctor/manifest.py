"""Whether app_manifest.yml is in step with the code: scopes, commands, events, shortcuts, settings. It asks no Slack.

Slack shows no app its own manifest: this is about the file from which the app is made.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

import bot
from bot.findings import Finding, finding_in
from bot.settings import SlackSection
from bot.slack.incoming.kick_forms import SHORTCUT
from bot.slack.tokens import SCOPES

finding = finding_in("manifest")

OWN = Path(bot.__file__).parents[1] / "app_manifest.yml"
"""Beside the code, where the whole repository is."""
EVENTS = frozenset({"app_home_opened", "app_mention"})
"""To which the code listens."""
AGAIN = "Change it, give it to Slack (App Manifest) and reinstall the app."


class _Part(BaseModel):
    """Other fields don't matter here."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Command(_Part):
    command: str


class _Shortcut(_Part):
    callback_id: str = ""


class _Home(_Part):
    home_tab_enabled: bool = False
    messages_tab_enabled: bool = False


class _Features(_Part):
    app_home: _Home = _Home()
    slash_commands: tuple[_Command, ...] = ()
    shortcuts: tuple[_Shortcut, ...] = ()


class _Scopes(_Part):
    bot: tuple[str, ...] = ()


class _Oauth(_Part):
    scopes: _Scopes = _Scopes()


class _Events(_Part):
    bot_events: tuple[str, ...] = ()


class _Interactivity(_Part):
    is_enabled: bool = False


class _Settings(_Part):
    event_subscriptions: _Events = _Events()
    interactivity: _Interactivity = _Interactivity()
    socket_mode_enabled: bool = False


class Manifest(_Part):
    """https://docs.slack.dev/reference/app-manifest"""

    features: _Features = _Features()
    oauth_config: _Oauth = _Oauth()
    settings: _Settings = _Settings()


def examine(path: Path | None, slack: SlackSection) -> Iterator[Finding]:
    """path: None for the one beside the code, where that is."""
    file = path or OWN
    if path is None and not OWN.is_file():
        yield finding("unknown", "app_manifest.yml", "is not beside the code", "Name it: --manifest FILE.")
        return
    try:
        manifest = Manifest.model_validate(yaml.safe_load(file.read_bytes()))
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        yield finding("wrong", str(file), f"can't be read as a manifest ({' '.join(str(error).split())})", AGAIN)
        return
    found = [*compared(manifest, slack)]
    if not any(one.level == "wrong" for one in found):
        yield finding("ok", str(file), "asks for what the code uses")
    yield from found


def compared(manifest: Manifest, slack: SlackSection) -> Iterator[Finding]:
    """With what the code uses, and what the commands are called in kickbot.toml."""
    yield from _names("scopes", set(manifest.oauth_config.scopes.bot), set(SCOPES))
    yield from _names("bot_events", set(manifest.settings.event_subscriptions.bot_events), set(EVENTS))
    yield from _names("shortcuts", {each.callback_id for each in manifest.features.shortcuts}, {SHORTCUT})
    commands = {each.command for each in manifest.features.slash_commands}
    yield from _commands(commands, slack.commands.model_dump(), type(slack.commands)().model_dump())
    for key, told, needed in _switches(manifest, slack):
        if told != needed:
            yield finding("wrong", key, f"is {str(told).lower()}, and has to be {str(needed).lower()}", AGAIN)


def _names(key: str, there: set[str], needed: set[str]) -> Iterator[Finding]:
    if missing := sorted(needed - there):
        yield finding("wrong", key, f"lacks {', '.join(missing)}", AGAIN)
    if more := sorted(there - needed):
        yield finding("note", key, f"has {', '.join(more)}, which nothing uses", "Take it out: a right nobody needs.")


def _commands(there: set[str], names: Mapping[str, str], usual: Mapping[str, str]) -> Iterator[Finding]:
    """Any but the one that has all of them may be left out, unless kickbot.toml gives it a name of its own."""
    for word, name in names.items():
        if name in there:
            continue
        if word == "kickbot" or name != usual[word]:
            said = f"lacks {name}, which is its name in kickbot.toml (slack.commands.{word})"
            yield finding("wrong", "slash_commands", said, AGAIN)
        else:
            yield finding("note", "slash_commands", f"lacks {name}: people have to type {names['kickbot']} {word}")
    for name in sorted(there - set(names.values())):
        todo = "Give it that name under [slack.commands] in kickbot.toml, or take it out."
        yield finding("wrong", "slash_commands", f"has {name}, to which Kickbot does not listen", todo)


def _switches(manifest: Manifest, slack: SlackSection) -> Iterator[tuple[str, Any, bool]]:
    yield "interactivity.is_enabled", manifest.settings.interactivity.is_enabled, True
    yield "socket_mode_enabled", manifest.settings.socket_mode_enabled, slack.mode == "socket"
    yield "home_tab_enabled", manifest.features.app_home.home_tab_enabled, True
    yield "messages_tab_enabled", manifest.features.app_home.messages_tab_enabled, True
