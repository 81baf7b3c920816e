"""Limits that are set and kept, as the verbs of linux.sh. Pure; what they do is in linux_set_limits.sh."""

import re

from bot.cleaning import clean, shorten
from bot.hosts.drivers.interface import NotForThisDriver
from bot.models import HostUptime, KeepLimits, SetLimits

LONGEST_ABOUT = 200

_BOOT = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def arguments(step: SetLimits | KeepLimits, not_after: HostUptime, *, bot: str) -> tuple[str, ...]:
    """In the order of linux.sh. bot: Kickbot's login there. Raises NotForThisDriver."""
    target = step.target
    if not _BOOT.fullmatch(target.boot) or target.kind != "limits" or target.account.uid <= 0:
        raise NotForThisDriver(f"{step.host}: it names no boot, or no limit")
    for word in (step.id, bot):
        if not _WORD.fullmatch(word):
            raise NotForThisDriver(f"{shorten(clean(word), 40)} on {step.host}: no limit can be set with such a name")
    common = (str(not_after), target.boot, str(target.account.uid), step.limit)
    if isinstance(step, KeepLimits):
        return (*common, step.id)
    return (*common, str(step.seconds), step.id, bot, shorten(clean(step.about), LONGEST_ABOUT))
