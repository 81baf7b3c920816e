"""What is suggested while someone types into the form: hosts that are configured, and who was last seen logged in.

Only a full member is shown a name, and of logins only those on hosts where that person may look.
"""

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from bot.cleaning import shorten
from bot.counting import count
from bot.errors import CommandError, KickbotError
from bot.estate import Estate
from bot.inventory import Inventory, fold
from bot.logins import login
from bot.models import Platform
from bot.slack.incoming.intake import Directory
from bot.workflow import Workflow

log = logging.getLogger(__name__)

FRESH = 30.0
"""Seconds for which an answer is good: Slack allows some twenty readings of groups a minute, a person types faster."""
PATIENCE = 2.0
"""Seconds to wait for Slack: after three it would show no suggestion at all."""
MOST = 100
LONGEST = 75
REMEMBERED = 1_000

Json = dict[str, Any]
Answer = TypeVar("Answer")


class Suggestions:
    """One for all forms."""

    def __init__(
        self,
        workflow: Workflow,
        people: Directory,
        estate: Estate,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workflow = workflow
        self._people = people
        self._estate = estate
        self._clock = clock
        self._read: OrderedDict[Hashable, tuple[float, asyncio.Task[Any]]] = OrderedDict()

    async def hosts(self, who: str, typed: str) -> list[Json]:
        """Groups, ranges and names, as options of a menu."""
        if not await self._is_member(who):
            return []
        return [_option(text, value) for value, text in islice(hosts_like(typed.strip(), self._estate.inventory), MOST)]

    async def users(self, who: str, hosts: str, typed: str) -> list[Json]:
        """Logins seen on those hosts, and what is typed if it can be a login name."""
        if not await self._is_member(who):
            return []
        chosen = self._chosen(hosts)
        names = await self._logged_in(who, chosen)
        platforms = self._estate.inventory.platforms(chosen)
        return [_option(name, name) for name in users_like(typed.strip(), names, platforms)[:MOST]]

    def forget(self, who: str) -> None:
        """That person has just looked: more may be known now."""
        for key in [key for key in self._read if isinstance(key, tuple) and key[0] == who]:
            del self._read[key]

    async def _is_member(self, who: str) -> bool:
        person = await self._fresh(who, lambda: self._people.person(who))
        return person is not None and person.is_member

    def _chosen(self, hosts: str) -> tuple[str, ...]:
        try:
            return self._estate.inventory.select(hosts) if hosts else ()
        except CommandError:
            return ()

    async def _logged_in(self, who: str, names: tuple[str, ...]) -> Sequence[str]:
        return (await self._fresh((who, names), lambda: self._workflow.logged_in(who, names)) if names else ()) or ()

    async def _fresh(self, key: Hashable, read: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """One reading for all who ask within the time; None if it failed, or takes too long."""
        self._drop_old()
        if key not in self._read:
            self._read[key] = self._clock(), asyncio.ensure_future(_or_none(read))
        finished, _ = await asyncio.wait({self._read[key][1]}, timeout=PATIENCE)
        return finished.pop().result() if finished else None

    def _drop_old(self) -> None:
        now = self._clock()
        while self._read and (len(self._read) > REMEMBERED or now - next(iter(self._read.values()))[0] > FRESH):
            self._read.popitem(last=False)


async def _or_none(read: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """A suggestion is a help only: whoever can't be looked up is suggested nothing."""
    try:
        return await read()
    except KickbotError as error:
        log.info("no suggestions: %s", error)
        return None


# -------------------------------------------------------------------------------------------- pure


def hosts_like(typed: str, inventory: Inventory) -> Iterator[tuple[str, str]]:
    """What can be chosen for what was typed, with its text: `@prod`, `web[01-20]`, `web01`, and what one could type."""
    found = [*_hosts_like(typed.lower(), inventory), *([typed] if _number(typed, inventory) else [])]
    for value in dict.fromkeys(found):
        if len(value) <= LONGEST:
            yield value, value if value in inventory.hosts else _counted(value, inventory)


def _hosts_like(typed: str, inventory: Inventory) -> Iterator[str]:
    yield from (f"@{group}" for group in sorted(inventory.groups) if typed in f"@{group}".lower())
    names = [name for name in inventory.hosts if typed in name.lower()]
    yield from (part for part in _folded(tuple(names)) if "[" in part)
    yield from sorted(names, key=lambda name: not name.lower().startswith(typed))


@lru_cache(maxsize=32)
def _folded(names: tuple[str, ...]) -> list[str]:
    """`web[01-20]`, `db[1-3]`; thousands of hosts take a sixth of a second."""
    return re.split(r",(?![^\[]*\])", fold(names)) if len(names) > 1 else []


def _counted(value: str, inventory: Inventory) -> str:
    return f"{value} ({count(_number(value, inventory), 'host')})"


def _number(text: str, inventory: Inventory) -> int:
    """How many hosts that is; 0 if it is nothing that one can type."""
    try:
        return len(inventory.select(text))
    except CommandError:
        return 0


def users_like(typed: str, names: Sequence[str], platforms: Collection[Platform]) -> list[str]:
    """Who was seen, those first whose names begin so; then what was typed, if it can be a login name there."""
    like = sorted((n for n in names if typed.lower() in n.lower()), key=lambda n: not n.startswith(typed))
    return list(dict.fromkeys(filter(None, (_login(name, platforms) for name in (*like, typed)))))


def _login(text: str, platforms: Collection[Platform]) -> str:
    """Empty for what can't be one."""
    try:
        return login(text, platforms)
    except CommandError:
        return ""


def _option(text: str, value: str) -> Json:
    """emoji: a colon in a name makes no picture."""
    return {"text": {"type": "plain_text", "text": shorten(text, LONGEST), "emoji": False}, "value": value}
