"""The menu under a listing: whom to kick, or which session; each choice carries the words of the command. Pure."""

import json
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from bot.cleaning import shorten
from bot.counting import count
from bot.logins import as_typed
from bot.models import Filter, Listing, Looks, Session, Snapshot
from bot.policy import Policy
from bot.slack.content.blocks import Part

MENU = "kickbot_kick_menu"
MOST = 100
LONGEST = 75
SIZE = 6_000
"""Characters of JSON, so that a listing with its menu is still one message."""

Option = dict[str, Any]


def menu(looks: Looks, wanted: Listing, policy: Policy) -> tuple[Part, ...]:
    """Nothing if nobody is there who may be kicked at all. With several hosts, a group of choices for each."""
    found = {look.host: list(_options(look, wanted, policy)) for look in looks if isinstance(look, Snapshot)}
    found = {host: options for host, options in found.items() if options}
    groups = {host: kept for host, options in found.items() if (kept := _as_many_as_fit(options, len(found)))}
    return (Part(block={"type": "actions", "elements": [_select(groups)]}, text=""),) if groups else ()


def _select(groups: dict[str, list[Option]]) -> Option:
    select = {"type": "static_select", "action_id": MENU, "placeholder": _plain("Kick…")}
    if len(groups) == 1:
        return {**select, "options": next(iter(groups.values()))}
    return {**select, "option_groups": [{"label": _plain(host), "options": own} for host, own in groups.items()]}


def _as_many_as_fit(options: list[Option], hosts: int) -> list[Option]:
    """The first ones, where that many hosts share the room."""
    sizes = accumulate(len(json.dumps(option)) for option in options)
    return [option for option, size in zip(options, sizes, strict=True) if size <= SIZE // hosts][: MOST // hosts]


def _options(look: Snapshot, wanted: Listing, policy: Policy) -> Iterator[Option]:
    """`audituser, 2 sessions`, `session 7`, `session 9`, `alice`. Under a filter only the sessions that it shows."""
    by_user: dict[str, list[Session]] = {}
    for session in look.sessions:
        if not session.own and wanted.shows(session) and not policy.protects(session.account):
            by_user.setdefault(session.account.name, []).append(session)
    for user, sessions in by_user.items():
        several, who = len(sessions) > 1, as_typed(user)
        if wanted.only == Filter():
            yield from _option(f"{user}, {count(len(sessions), 'session')}" if several else user, f"{who} {look.host}")
        if several or wanted.only != Filter():
            for session in sessions:
                yield from _option(f"session {session.id}, {user}", f"{who} {look.host} session {session.id}")


def _option(text: str, words: str) -> Iterator[Option]:
    """None for words that Slack would not carry."""
    if len(words) <= LONGEST:
        yield {"text": _plain(text), "value": words}


def _plain(text: str) -> Option:
    """emoji: a colon in a name makes no picture."""
    return {"type": "plain_text", "text": shorten(text, LONGEST), "emoji": False}
