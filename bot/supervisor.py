"""systemd, if it started this process: told when Kickbot is ready, that it lives, and that it stops (sd_notify(3))."""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

TELL_EVERY = 30.0
"""Seconds between two words where no watchdog waits for them."""


class Supervisor:
    """Says nothing where nobody listens."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._every = _half_of_the_watchdog(environment) or TELL_EVERY

    def ready(self) -> None:
        self._tell("READY=1")

    def stopping(self) -> None:
        self._tell("STOPPING=1", "STATUS=stopping")

    async def watch(self, alive: Callable[[], bool], status: Callable[[], str]) -> None:
        """Until cancelled. That all is well is said only while `alive` says so, and while the event loop comes here."""
        was_alive = True
        while True:
            is_alive = alive()
            self._tell(*["WATCHDOG=1"] * is_alive, f"STATUS={' '.join(status().split())}")
            if was_alive and not is_alive:
                log.error("the supervisor isn't told any more that all is well: %s", status())
            was_alive = is_alive
            await asyncio.sleep(self._every)

    def _tell(self, *words: str) -> None:
        """Never waits: a supervisor that doesn't listen must not hold up the bot."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(words).encode(), address)
        except OSError as error:
            log.warning("the supervisor can't be told: %s", error)


def _half_of_the_watchdog(environment: Mapping[str, str]) -> float | None:
    """Seconds. The watchdog may wait for another process: then its environment was only inherited."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    try:
        return int(environment.get("WATCHDOG_USEC", "")) / 2_000_000 or None
    except ValueError:
        return None
