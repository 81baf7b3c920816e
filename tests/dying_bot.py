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

    def around(self, real: Method, name: Callable[[tuple[Any, ...], dict[str, Any]], str]) -> Method:
        async def fused(*args: Any, **kwargs: Any) -> Any:
            if name(args, kwargs) != self.what:
                return await real(*args, **kwargs)
            self.left -= 1
            if self.left == 0 and self.when == "before":
                _die()
            result = await real(*args, **kwargs)
            if self.left == 0:
                _die()
            return result

        return fused


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def main(config: str, point: str) -> None:
    fuse = Fuse(point)
    SqliteTrail.append = fuse.around(SqliteTrail.append, lambda a, _k: f"append:{a[2].kind}")  # type: ignore[method-assign]
    SshHosts.act = fuse.around(SshHosts.act, lambda _a, _k: "act:")  # type: ignore[method-assign]
    AsyncWebClient.api_call = fuse.around(AsyncWebClient.api_call, lambda a, _k: f"slack:{a[1]}")  # type: ignore[method-assign]
    async with app.serving(settings.load(Path(config)), settings.secrets(), QUICK):
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
