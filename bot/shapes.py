"""The shapes of single values in kickbot.toml. Each refuses what isn't one, in words for whoever wrote it."""

import ipaddress
import re
from collections.abc import Callable
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from bot import sweeping
from bot.durations import DAY, seconds, spell

LAST_PORT = 65535
SHORTEST_KEEPING = 31 * DAY
_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})(?::[1-9][0-9]{0,4})?"
_PATH = r"[A-Za-z0-9._~/-]{0,1000}"


def _duration(text: object) -> int:
    length = seconds(text) if isinstance(text, str) else None
    if length is None:
        raise ValueError("must be a time such as 30s, 15m, 2h or 1d")
    return length


def _keeping(text: object) -> int:
    """A month counts 31 days: nothing is dropped a day too early."""
    found = re.fullmatch(r"([1-9][0-9]{0,3}) months?", text) if isinstance(text, str) else None
    length = int(found[1]) * 31 * DAY if found else seconds(text) if isinstance(text, str) else None
    if length is None or length < SHORTEST_KEEPING:
        raise ValueError("must be a time such as 12 months or 400d, and at least 1 month")
    return length


def between(least: int, most: int) -> AfterValidator:
    """For a length of time. least, most: seconds."""

    def check(length: int) -> int:
        if not least <= length <= most:
            raise ValueError(f"must be a time from {spell(least)} to {spell(most)}")
        return length

    return AfterValidator(check)


def not_empty(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError("is empty. An empty list never means everyone: name someone, or leave the key out for nobody")
    return values


def _shaped(pattern: str, what: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return check


def _address(text: str) -> str:
    found = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):([1-9][0-9]{0,4})", text)
    if found is None or int(found[1]) > LAST_PORT:
        raise ValueError(f"{text!r} is not host:port, such as 127.0.0.1:3000")
    return text


def one_or_more(value: object) -> object:
    """A text alone stands for a list of one."""
    return (value,) if isinstance(value, str) else value


def _without_secrets(text: str) -> str:
    """It stands in logs and in the trail; what is refused for this is repeated nowhere."""
    if not text.startswith("file:") and re.search("[@?#]", text):
        raise ValueError("an address there holds no user, password or query: credentials come from the environment")
    return text


def _push_target(text: str) -> str:
    """Where checkpoints go. No address needs anything to be escaped."""
    scheme, _, address = _without_secrets(text).partition("://")
    if scheme in {"syslog+tcp", "syslog+tls"}:
        _address(address)
    elif not re.fullmatch(rf"file:(?://)?/[^\0]+|https://{_HOST}/{_PATH}|tsp\+https?://{_HOST}(?:/{_PATH})?", text):
        raise ValueError(
            f"{text!r} is none of file:/…, syslog+tls://host:port, syslog+tcp://host:port, tsp+https://… and https://…/…"
        )
    return text


def _stream_target(text: str) -> str:
    scheme, _, address = _without_secrets(text).partition("://")
    if scheme not in {"syslog+tcp", "syslog+tls", "cef+tcp", "cef+tls"}:
        raise ValueError(f"{text!r} is neither syslog+tls://host:port nor cef+tls://host:port, or the same with tcp")
    _address(address)
    return text


def _loopback(text: str) -> str:
    """What is said there is for whoever watches over this machine, and for nobody else."""
    host = _address(text).rpartition(":")[0].strip("[]")
    try:
        if ipaddress.ip_address(host).is_loopback:
            return text
    except ValueError:  # a name, which can come to mean another address
        pass
    raise ValueError(f"{text!r} is not an address of this machine alone, such as 127.0.0.1:9464")


def _quiet(text: str) -> str:
    try:
        sweeping.span(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time of the day such as 08:00-18:00") from error
    return text


def _some_time_left(quiet: tuple[str, ...]) -> tuple[str, ...]:
    if sweeping.leaves_no_time([sweeping.span(text) for text in quiet]):
        raise ValueError("leaves no time of the day: it would never run")
    return quiet


def _zone(text: str) -> str:
    """UTC needs no files of the machine."""
    try:
        return text if text == "UTC" else ZoneInfo(text).key
    except (KeyError, OSError, ValueError) as error:
        raise ValueError(f"{text!r} is not a time zone that this machine knows, such as Europe/Berlin") from error


Seconds = Annotated[int, BeforeValidator(_duration)]
Keeping = Annotated[int, BeforeValidator(_keeping)]
ChannelId = Annotated[str, AfterValidator(_shaped(r"[CG][A-Z0-9]{2,}", "a channel id (C…)"))]
Where = Annotated[str, AfterValidator(_shaped(r"[CG][A-Z0-9]{2,}|#.+", "a channel id (C…) or a name pattern (#inc-*)"))]
Who = Annotated[str, AfterValidator(_shaped(r"[UWS][A-Z0-9]{2,}", "a Slack user id (U…) or user-group id (S…)"))]
GroupId = Annotated[str, AfterValidator(_shaped(r"S[A-Z0-9]{2,}", "a Slack user-group id (S…)"))]
PersonId = Annotated[str, AfterValidator(_shaped(r"[UW][A-Z0-9]{2,}", "a Slack user id (U…)"))]
People = Annotated[tuple[Who, ...], AfterValidator(not_empty)]
UnixGroup = Annotated[str, AfterValidator(_shaped(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}", "the name of a Unix group"))]
UnixGroups = Annotated[tuple[UnixGroup, ...], AfterValidator(not_empty)]
Logins = Annotated[tuple[str, ...], AfterValidator(not_empty)]
SweepName = Annotated[str, AfterValidator(_shaped(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", "a short name such as nightly"))]
Quiet = Annotated[str, AfterValidator(_quiet)]
QuietTimes = Annotated[tuple[Quiet, ...], AfterValidator(_some_time_left)]
Zone = Annotated[str, AfterValidator(_zone)]
CommandName = Annotated[str, AfterValidator(_shaped(r"/[a-z0-9_-]{1,31}", "a command name such as /kick"))]
Address = Annotated[str, AfterValidator(_address)]
PushTarget = Annotated[str, AfterValidator(_push_target)]
StreamTarget = Annotated[str, AfterValidator(_stream_target)]
LoopbackAddress = Annotated[str, AfterValidator(_loopback)]
