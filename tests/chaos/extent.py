"""How much is tried: everything by `make chaos`, and in `make test` a sample that is another one for each commit."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar
from zlib import crc32

Thing = TypeVar("Thing")

LONG = os.environ.get("KICKBOT_CHAOS") == "long"
ONLY = os.environ.get("KICKBOT_CHAOS_ONLY", "")
REQUESTS = int(os.environ.get("KICKBOT_CHAOS_REQUESTS", "10000" if LONG else "200"))
"""Of the soak."""
AT_ONCE = int(os.environ.get("KICKBOT_CHAOS_AT_ONCE", "2"))
"""Runs beside each other. More would take their time from each other, and the deadlines on the hosts are short."""


STAND_INS = 3
"""Points of a sample from which the first one counts that comes: some depend on the moment."""


def sample(points: Sequence[str], few: int) -> Sequence[Sequence[str]]:
    """Each point with its stand-ins: all of them in the long form, and alone; otherwise every so many, about `few`.

    Those with `ONLY` in their name.
    """
    points = [point for point in points if ONLY in point]
    if LONG:
        return [[point] for point in points]
    every = max(len(points) // few, 1)
    start = crc32(_commit()) % every
    return [points[at:][:: every // STAND_INS + 1][:STAND_INS] for at in range(start, len(points), every)][:few]


def one_of(things: Sequence[Thing]) -> Sequence[Thing]:
    """All of them in the long form, otherwise one, which is another one for each commit."""
    return things if LONG else [things[crc32(_commit()) % len(things)]]


def _commit() -> bytes:
    """What the working tree stands on; nothing outside of a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, check=False).stdout
    except FileNotFoundError:
        return b""
