"""The bot as a process of its own, which kills itself with SIGKILL at one point.

The point is `append:KIND:before`, `append:KIND:after`, `act::before`, `act::after`, `slack:METHOD:before`,
`slack:METHOD:after` (with `@N` behind the method for its N-th call), or `never`. With `asleep` in place of `before` it
stops itself with SIGSTOP instead, and goes on when it gets SIGCONT.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import app, settings
from bot.audit.postgres import leases, postings
from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.hosts.connections import SshHosts
from tests.whole import QUICK

QUICK_LEASE = timedelta(seconds=2)
"""So that nobody waits for long until another replica takes over."""

Method = Callable[..., Awaitable[Any]]


class Fuse:
    """Dies at the N-th time that something called `name` happens, before or after it."""

    def __init__(self, point: str, fate: Path | None = None) -> None:
        self.fate = fate
        what, _, self.when = point.rpartition(":")
        self.what, _, number = what.partition("@")
        self.left = int(number or 1)

    def put(self, owner: type, method: str, name: Callable[[tuple[Any, ...]], str]) -> None:
        """Around that method. name: what a call with these arguments is called."""
        real: Method = getattr(owner, method)

        async def fused(*args: Any, **kwargs: Any) -> Any:
            if name(args) != self.what:
                return await real(*args, **kwargs)
            self.left -= 1
            if self.left == 0 and self.when == "before":
                self.die()
            if self.left == 0 and self.when == "asleep":
                os.kill(os.getpid(), signal.SIGSTOP)
            result = await real(*args, **kwargs)
            if self.left == 0 and self.when == "after":
                self.die()
            return result

        setattr(owner, method, fused)

    def die(self) -> None:
        """Unless another bot has died of this already."""
        with suppress(FileNotFoundError):
            if self.fate:
                self.fate.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


async def serve(config: Path, point: str, ready: Connection, fate: Path | None) -> None:
    fuse = Fuse(point, fate)
    for trail in (SqliteTrail, PostgresTrail):
        fuse.put(trail, "append", lambda called: f"append:{called[2].kind}")
    fuse.put(SshHosts, "act", lambda _called: "act:")
    fuse.put(AsyncWebClient, "api_call", lambda called: f"slack:{called[1]}")
    async with app.serving(settings.load(config), settings.secrets(), QUICK):
        ready.send("ready")
        await asyncio.Event().wait()


def main(config: Path, secrets: Mapping[str, str], point: str, ready: Connection, fate: Path | None) -> None:
    """The whole life of the process. secrets: for its environment. ready: hears when it listens. fate: see `lives`."""
    os.environ.update(secrets)
    leases.TTL, leases.RENEWED_EVERY, postings.TRY_AGAIN = QUICK_LEASE, 0.5, 0.5
    asyncio.run(serve(config, point, ready, fate))
