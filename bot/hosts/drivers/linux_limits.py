"""The limits that a Linux host sets by itself, from the verb `limits` of linux.sh. Pure.

sshd VERSION | missing          no version where it does not tell one
status N                        of sshd -T; unless it is 0, its words follow as `| TEXT`
option KEYWORD VALUE...         as sshd -T has it
match CONDITION...              from sshd's configuration
StopIdleSessionUSec N           microseconds; not there before systemd 252
KillUserProcesses true|false    neither of the two where no logind answers
tmout SECONDS|- fixed|free FILE
own LIMIT                       set by Kickbot
trying ID                       one of these is on trial
boot ID, uptime SECONDS.CC
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.cleaning import clean, mask, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux_answer import excerpt
from bot.models import ChannelLimit, HostLimits, HostUptime, LimitName, ShellLimit

MOST_LINES, LONGEST_LINE = 200, 400
LONGEST = 10**9
"""Seconds: what is longer is never."""

_VERSION = re.compile(r"(?:OpenSSH_[0-9A-Za-z.]{1,40})?")
_NUMBER = re.compile(r"\d{1,20}", re.ASCII)
_TMOUT = re.compile(r"(?P<seconds>\d{1,9}|-) (?P<fixed>fixed|free) (?P<file>/[A-Za-z0-9_./+?-]{1,100})", re.ASCII)
_CHANNEL = re.compile(r"([^ =]{1,100})=([^ =]{1,30})")
_BOOT = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_UPTIME = re.compile(r"\d{1,9}\.\d\d", re.ASCII)
_ID = re.compile(r"[0-9a-f-]{1,64}", re.ASCII)
_LIMIT = re.compile(r"idle|unresponsive")
_LENGTH = re.compile(r"(?:\d{1,9}[smhdw]?){1,5}", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(\d+)([smhdw]?)", re.IGNORECASE)
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = {"sshd", "status", "|", "option", "match", "StopIdleSessionUSec", "KillUserProcesses", "tmout"}
_WORDS |= {"own", "trying", "boot", "uptime"}

Said = Mapping[str, Sequence[str]]
"""The rest of each line by its first word, in their order."""


def limits(lines: Sequence[bytes], *, host: str, host_key: str) -> HostLimits:
    """What these lines say. Raises IncompleteAnswer for any others."""
    said = _said(lines)
    about_sshd, problem = _sshd(said)
    logind = _logind(said)
    notes = [problem, "" if logind else "no logind answers: what it would do is not known"]
    return HostLimits(
        host=host,
        host_key=host_key,
        boot=_fits(_BOOT, _one(said["boot"], "boot"), "boot"),
        uptime=HostUptime(int(_fits(_UPTIME, _one(said["uptime"], "uptime"), "uptime").replace(".", ""))),
        own=tuple(_limit(name) for name in said["own"]),
        trying=tuple(_fits(_ID, identifier, "trial") for identifier in said["trying"]),
        shells=tuple(map(_shell, said["tmout"])),
        notes=tuple(filter(None, notes)),
        **about_sshd,
        **logind,
    )


def _said(lines: Sequence[bytes]) -> Said:
    if len(lines) > MOST_LINES:
        raise IncompleteAnswer(f"it has {len(lines)} lines, at most {MOST_LINES} were expected")
    if any(len(line) > LONGEST_LINE for line in lines):
        raise IncompleteAnswer(f"it has a line of more than {LONGEST_LINE} bytes")
    said: dict[str, list[str]] = {word: [] for word in _WORDS}
    for line in lines:
        word, _, rest = clean(line).partition(" ")
        if word not in said:
            raise IncompleteAnswer(f"it has an unknown line: {excerpt(line)}")
        said[word].append(rest)
    return said


def _sshd(said: Said) -> tuple[dict[str, Any], str]:
    """What is known of it, and why it isn't more."""
    version = _one(said["sshd"], "sshd")
    if version == "missing":
        return {}, "it has no sshd that is found: what that would do is not known"
    if not _VERSION.fullmatch(version):
        raise IncompleteAnswer("the version of its sshd can't be read")
    if _one(said["status"], "status") != "0":
        why = shorten(mask(" ".join(said["|"])), 200) or "no answer in 5 s"
        return {}, f"sshd does not tell its settings: {why}"
    options = {name: value for name, _, value in (option.partition(" ") for option in said["option"])}
    known = "unusedconnectiontimeout" in options
    return {
        "sshd": version or "sshd",
        "alive_interval": _length(options.get("clientaliveinterval", "")),
        "alive_count": _number(options.get("clientalivecountmax", "")),
        "channels": tuple(_channels(options.get("channeltimeout", "none"))) if known else None,
        "unused": _length(options["unusedconnectiontimeout"]) if known else 0,
        "matches": tuple(dict.fromkeys(mask(condition) for condition in said["match"])),
    }, ""


def _logind(said: Said) -> dict[str, Any]:
    """Nothing where it does not answer."""
    if not said["KillUserProcesses"]:
        return {}
    kill, stop = _one(said["KillUserProcesses"], "KillUserProcesses"), said["StopIdleSessionUSec"]
    if kill not in {"true", "false"}:
        raise IncompleteAnswer("its KillUserProcesses can't be read")
    seconds = _bounded(_number(_one(stop, "StopIdleSessionUSec")) // 1_000_000) if stop else None
    return {"logind": True, "kill_left": kill == "true", "stop_idle": seconds}


def _shell(text: str) -> ShellLimit:
    found = _TMOUT.fullmatch(text)
    if not found:
        raise IncompleteAnswer("a TMOUT of it can't be read")
    seconds = None if found["seconds"] == "-" else int(found["seconds"])
    return ShellLimit(file=found["file"], seconds=seconds, fixed=found["fixed"] == "fixed")


def _channels(text: str) -> Iterator[ChannelLimit]:
    for entry in text.split() if text != "none" else ():
        found = _CHANNEL.fullmatch(entry)
        if not found:
            raise IncompleteAnswer("the ChannelTimeout of its sshd can't be read")
        yield ChannelLimit(channels=found[1], seconds=_length(found[2]))


def _length(text: str) -> int:
    """`none`, `90`, `15m`, `1h30m` -> seconds."""
    if text == "none":
        return 0
    if not _LENGTH.fullmatch(text):
        raise IncompleteAnswer("a time of its sshd can't be read")
    return _bounded(sum(int(number) * _SECONDS[unit.lower()] for number, unit in _PART.findall(text)))


def _limit(text: str) -> LimitName:
    return "idle" if _fits(_LIMIT, text, "own limit") == "idle" else "unresponsive"


def _fits(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise IncompleteAnswer(f"the {what} in it can't be read")
    return text


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise IncompleteAnswer("a number in it can't be read")
    return int(text)


def _bounded(seconds: int) -> int:
    return seconds if seconds < LONGEST else 0


def _one(found: Sequence[str], word: str) -> str:
    if len(found) != 1:
        raise IncompleteAnswer(f"the host did not say its {word} once")
    return found[0]
