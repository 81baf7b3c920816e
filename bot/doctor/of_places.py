"""Where the trail is told outside of Slack: whether each place could be told, and how far it was. It tells nothing."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Literal

from bot.access import access_of
from bot.audit import stored
from bot.audit.places import opening
from bot.audit.places.collectors import Collector
from bot.audit.places.interface import Place
from bot.audit.places.opening import Access
from bot.audit.records import Condition
from bot.audit.streaming import key_of
from bot.credentials import secrets_as_they_are
from bot.errors import NoTrail, SettingsError, TrailError
from bot.findings import Finding, finding_in
from bot.settings import Settings

finding = finding_in("places")

SOON = timedelta(days=14)
LATER = "What waits is told when it can be reached: the bot tries again for as long as it runs."
MEND = "Mend it in kickbot.toml: `kickbot run` doesn't start with it."
RENEW = "Renew it; it is read again for each connection."
TRAIL = "Mend the trail first: its own part says what is wrong with it."
SHOW = "Set AUDIT_PUSH_AUTHORIZATION, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, where `kickbot run` runs."
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
    for found in (*_certificate(known), *_nothing_shown(settings, known)):
        yield found
    condition = await _condition(settings)
    for name in settings.audit.push:
        unreachable = await _unreachable(name, partial(opening.place, name, known))
        yield unreachable or _how_far(name, condition, name, "checkpoint")
    for name in settings.audit.stream:
        unreachable = await _unreachable(name, partial(opening.collector, name, known))
        yield unreachable or _how_far(name, condition, key_of(name), "event")


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


def _nothing_shown(settings: Settings, known: Access) -> Iterator[Finding]:
    """What a bucket answers isn't known before it is told."""
    buckets = [name for name in settings.audit.push if name.startswith("https:")]
    if buckets and not known.credentials.given and known.tls.certificate is None:
        yield finding("note", "credentials", f"none, so {' and '.join(buckets)} has to take what anybody brings", SHOW)


async def _condition(settings: Settings) -> Condition | None:
    """None where the trail can't be read, which its own part says."""
    try:
        return await stored.condition(settings.database)
    except NoTrail:
        return Condition(events=0)
    except TrailError:
        return None


async def _unreachable(name: str, opened: Callable[[], Place | Collector]) -> Finding | None:
    """None for one that could be told."""
    try:
        await opened().try_out()
    except SettingsError as error:
        return finding("wrong", name, str(error), MEND)
    except OSError as error:
        return finding("wrong", name, f"can't be told: {str(error) or type(error).__name__}", LATER)
    return None


def _how_far(name: str, condition: Condition | None, key: str, what: Literal["checkpoint", "event"]) -> Finding:
    """key: by which the trail knows what this place was told. what: it is told of."""
    if condition is None:
        return finding("note", name, "could be told; how far it was is in the trail, which can't be read", TRAIL)
    told, newest = condition.told.get(key, 0), condition.sealed if what == "checkpoint" else condition.events
    if told >= newest:
        return finding("ok", name, f"could be told, and waits for no {what}")
    said = f"could be told, but has heard up to event {told}; the newest {what} is {newest}"
    return finding("note", name, said, BEHIND)
