"""Lengths of time: as people write them, `5m`, and in words, as short as they are useful. Pure."""

import re

MINUTE, HOUR, DAY = 60, 3600, 86400

_TYPED = re.compile(r"([1-9][0-9]{0,4})([smhd])")
_SECONDS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY}


def seconds(text: str) -> int | None:
    """`30s`, `5m`, `2h`, `1d` -> seconds; None for anything else."""
    match = _TYPED.fullmatch(text)
    return int(match[1]) * _SECONDS[match[2]] if match else None


def typed(length: int) -> str:
    """The same the other way round, in the largest unit: 1800 -> `30m`."""
    for unit, size in reversed(_SECONDS.items()):
        if length % size == 0:
            return f"{length // size}{unit}"
    return f"{length}s"


def whole(length: int) -> str:
    """The same in words, never rounded: `90 s`, `15 min`, `2 h`, `3 days`."""
    unit, number = (short := typed(length))[-1], short[:-1]
    return f"{number} {({'s': 's', 'm': 'min', 'h': 'h', 'd': 'day' if number == '1' else 'days'})[unit]}"


def spell(seconds: float) -> str:
    """`3 s`, `18 min`, `4 h`, `41 days`."""
    if seconds < 0:
        return "0 s"
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds // HOUR:.0f} h"
    return f"{seconds // DAY:.0f} days"


def exact(seconds: float) -> str:
    """`0.06 s`, `4.2 s`, then as above."""
    if seconds >= MINUTE:
        return spell(seconds)
    return f"{round(max(seconds, 0), 2 if seconds < 1 else 1):g} s"
