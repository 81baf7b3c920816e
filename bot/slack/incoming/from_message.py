"""What a message gives to the form that is opened from it: hosts, who is logged in there, a quote as reason. Pure."""

import html
import re
from collections.abc import Collection
from typing import Any

from bot.cleaning import clean, shorten
from bot.inventory import Inventory

MOST_HOSTS = 10
LONGEST_QUOTE = 200
LONGEST_READ = 10_000

_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_NAMED = re.compile(r"<(?:[@#!][^<>|]*|[^<>|]*)\|(?P<shown>[^<>]*)>")
_BARE = re.compile(r"<(?:[@#]|!(?:subteam\^)?)?(?P<bare>[^<>|]*)>")


def hosts_in(message: dict[str, Any], inventory: Inventory) -> tuple[str, ...]:
    """The configured hosts whose name or address stands in the message as a word, in that order."""
    known = {host.address.lower(): name for name, host in inventory.hosts.items()}
    known |= {name.lower(): name for name in inventory.hosts}
    words = (word.lower() for word in _WORD.findall(_words(message)))
    found = dict.fromkeys(known[word] for word in words if word in known)
    return tuple(found)[:MOST_HOSTS]


def user_in(message: dict[str, Any], logged_in: Collection[str]) -> str:
    """The login name that stands in the message as a word; empty if there is none, or more than one."""
    named = set(_WORD.findall(_words(message))) & set(logged_in)
    return named.pop() if len(named) == 1 else ""


def quote(message: dict[str, Any]) -> str:
    """The beginning of the message, on one printable line; empty if it has no words."""
    return shorten(clean(" ".join(_words(message).split())), LONGEST_QUOTE)


def _words(message: dict[str, Any]) -> str:
    """Its text without Slack's markup. https://docs.slack.dev/messaging/formatting-message-text"""
    text = str(message.get("text") or "")[:LONGEST_READ]
    return html.unescape(_BARE.sub(lambda m: m["bare"], _NAMED.sub(lambda m: m["shown"], text)))
