"""Where the trail is told outside of Slack: whether each place could be told, and how far it was. It tells nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.access import access_of
from bot.audit import stored
from bot.audit.places import opening
from bot.audit.places.collectors import Collector
from bot.audit.places.interface import Place
from bot.audit.places.opening import Access
from bot.audit.records import Condition
from bot.audit.streaming import key_of
from bot.credentials import secrets_as_they_are
from bot.errors import SettingsError, TrailError
from bot.findings import Finding, finding_in
from bot.settings import Settings

finding = finding_in("places")

SOON = timedelta(days=14)
LATER = "What waits is told when it can be reached: the bot tries again for as long as it runs."
MEND = "Mend it in kickbot.toml: `kickbot run` doesn't start with it."
RENEW = "Renew it; it is read again for each connection."
BEHIND = "`kickbot run` tells it; where it runs and this stays, its log says why."


def now() -> datetime:
    return datetime.now(UTC)


async def examine(settings: Settings) -> AsyncIterator[Finding]:
    """Nothing where the settings name no place."""
    if not settings.audit.push and not settings.audit.stream:
        return
    try:
        known = access_of(settings, secrets_as_they_are())
    except SettingsError as error:
        yield finding("wrong", "credentials", str(error), MEND)
        return
    for found in _certificate(known):
        yield found
    condition = await _condition(settings)
    for name in settings.audit.push:
        place = partial(opening.place, name, known)
        yield await _tried(name, place, condition.told.get(name, 0), condition.sealed, "checkpoint")
    for name in settings.audit.stream:
        collector = partial(opening.collector, name, known)
        yield await _tried(name, collector, condition.told.get(key_of(name), 0), condition.events, "event")


def count_of(settings: Settings) -> int:
    """About how many findings there will be."""
    return len(settings.audit.push) + len(settings.audit.stream)


def _certificate(known: Access) -> Iterator[Finding]:
    try:
        ends = known.tls.certificate_ends()
    except (OSError, ValueError):
        return  # each place that needs it says so
    if ends is None:
        return
    about = str(known.tls.certificate)
    if ends <= now():
        yield finding("wrong", about, f"counts no more since {ends:%Y-%m-%d}", RENEW)
    elif ends <= now() + SOON:
        yield finding("note", about, f"counts until {ends:%Y-%m-%d %H:%M} UTC", RENEW)


async def _condition(settings: Settings) -> Condition:
    """An empty one where the trail can't be read, which its own part says."""
    try:
        return await stored.condition(settings.database)
    except TrailError:
        return Condition(events=0)


async def _tried(name: str, opened: Callable[[], Place | Collector], told: int, newest: int, what: str) -> Finding:
    """told: up to which event it was; newest: the last one that there is for it."""
    try:
        await opened().try_out()
    except SettingsError as error:
        return finding("wrong", name, str(error), MEND)
    except OSError as error:
        return finding("wrong", name, f"can't be told: {str(error) or type(error).__name__}", LATER)
    if told >= newest:
        return finding("ok", name, f"could be told, and waits for no {what}")
    said = f"could be told, but has heard up to event {told}; the newest {what} is {newest}"
    return finding("note", name, said, BEHIND)
