"""When what arrives was sent: by Slack's own time where there is one, else by how long this process stood still.

A command or a form over Socket Mode carries no time. But whoever slept (a paused machine, SIGSTOP, a closed laptop)
reads afterwards what waited in its socket, and that may be as old as the sleep.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.borders import Sleep

log = logging.getLogger(__name__)

BEAT = 1.0
STILL = 5.0
"""Seconds between two beats that are more than a busy machine."""
FIRST_MOMENTS = 10.0
"""Seconds after a sleep within which what arrives may have waited for its end."""

ANSWERABLE = 29 * 60
"""Seconds for which a response_url is good, less a minute."""

Json = dict[str, Any]
Clock = Callable[[], float]


def since_boot() -> float:
    """Seconds, those of a suspended machine too; where the system counts none, without them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Pulse:
    """The heartbeat of the event loop. clock: seconds that go on while the process doesn't."""

    def __init__(self, sleep: Sleep = asyncio.sleep, clock: Clock = since_boot) -> None:
        self._sleep = sleep
        self._clock = clock
        self._last = clock()
        self._stood, self._until = 0.0, self._last

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._sleep(BEAT)
            self._beat()

    def waited(self) -> float:
        """For how many seconds what arrives now may have waited; 0 unless the process has just stood still."""
        self._beat()  # after a sleep the socket may be read before the next beat
        return self._stood if self._last < self._until else 0.0

    def _beat(self) -> None:
        now = self._clock()
        stood = now - self._last
        if stood > STILL:
            log.warning("Kickbot stood still for %.0f seconds: what arrives now may be as old", stood)
            known = self._stood if now < self._until else 0.0
            self._stood, self._until = max(stood, known), now + FIRST_MOMENTS
        self._last = now


def told_by_slack(body: Json, headers: Mapping[str, Sequence[str]]) -> datetime | None:
    """When a message was written, a button clicked, or Slack sent its request over HTTP; None if nothing says it."""
    clicks = body.get("actions") or [{}]
    signed = headers.get("x-slack-request-timestamp") or [""]
    return _moment((body.get("event") or {}).get("ts")) or _moment(clicks[0].get("action_ts")) or _moment(signed[0])


def sent(body: Json, headers: Mapping[str, Sequence[str]], pulse: Pulse) -> datetime | None:
    """When it was sent, or the earliest moment at which it may have been; None: just now, whatever any clock says."""
    waited = pulse.waited()
    return told_by_slack(body, headers) or (datetime.now(UTC) - timedelta(seconds=waited) if waited else None)


def answerable(sent: datetime | None) -> bool:
    """Is the response_url that came with it still good?"""
    return sent is None or (datetime.now(UTC) - sent).total_seconds() < ANSWERABLE


def _moment(text: str | None) -> datetime | None:
    """Slack's times are seconds since 1970, as text."""
    try:
        return datetime.fromtimestamp(float(text), UTC) if text else None
    except (ValueError, OverflowError, OSError):
        return None
