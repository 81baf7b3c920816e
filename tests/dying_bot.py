"""`python tests/dying_bot.py CONFIG POINT`: the bot, which kills itself with SIGKILL at one point.

POINT is `append:KIND:before`, `append:KIND:after`, `act::before`, `act::after`, `slack:METHOD:before`,
`slack:METHOD:after` (with `@N` behind the method for its N-th call), or `never`. Secrets come from the environment.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import app, settings
from bot.audit.sqlite import SqliteTrail
from bot.hosts.connections import SshHosts
from tests.whole import QUICK

Method = Callable[..., Awaitable[Any]]


class Fuse:
    """Dies at the N-th time that something called `name` happens, before or after it."""

    def __init__(self, point: str) -> None:
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
                _die()
            result = await real(*args, **kwargs)
            if self.left == 0:
                _die()
            return result

        setattr(owner, method, fused)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(config: str, point: str) -> None:
    fuse = Fuse(point)
    fuse.put(SqliteTrail, "append", lambda called: f"append:{called[2].kind}")
    fuse.put(SshHosts, "act", lambda _called: "act:")
    fuse.put(AsyncWebClient, "api_call", lambda called: f"slack:{called[1]}")
    async with app.serving(settings.load(Path(config)), settings.secrets(), QUICK):
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
