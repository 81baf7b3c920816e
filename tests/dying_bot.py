"""The bot as a process of its own, which writes down every point that it passes, and dies or stops at one of them.

A point is one append to the trail, one call of Slack or one act on a host, named by what happens and by how often it
has happened in this life, before it or after it: `append ending #1, after`, `chat.postMessage #3, before`.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot import app, credentials, settings
from bot.audit.postgres import leases, postings
from bot.audit.postgres.trail import PostgresTrail
from bot.audit.sqlite import SqliteTrail
from bot.hosts.connections import SshHosts
from bot.models import Answer, EndAccount, EndSession, Warn
from tests.whole import QUICK

QUICK_LEASE = timedelta(seconds=2)
"""So that nobody waits for long until another replica takes over."""

PATIENT = QUICK.model_copy(update={"act_window": 8, "rung": 10, "watch": 60})
"""On a busy machine everything takes its time. It looks no longer than until the sessions are gone."""

Method = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Life:
    """What a bot is started for. passed: a file that gets a line for each point, and for each answer of a host.

    point: where it sends itself the signal `deed`, if it can take away the file `fate` first: so of several bots, and
    of several lives, only one does.
    """

    passed: Path
    fate: Path
    point: str = ""
    deed: signal.Signals = signal.SIGKILL


class Points:
    """Everything that happens from now on, in this process."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._times = Counter[str]()
        self.open = False

    def watch(self, owner: type, method: str, name: Callable[[tuple[Any, ...]], str]) -> None:
        """Around that method. name: what a call with these arguments is called."""
        real: Method = getattr(owner, method)

        async def watched(*args: Any, **kwargs: Any) -> Any:
            if not self.open:
                return await real(*args, **kwargs)
            what = name(args)
            self._times[what] += 1
            point = f"{what} #{self._times[what]}"
            self._come_to(f"{point}, before")
            result = await real(*args, **kwargs)
            if isinstance(result, Answer):
                self._note(f"answer {result.status} {args[1].kind} {_aim(args[1])}")
            self._come_to(f"{point}, after")
            return result

        setattr(owner, method, watched)

    def _come_to(self, point: str) -> None:
        self._note(point)
        if point == self._life.point:
            with suppress(FileNotFoundError):
                self._life.fate.unlink()
                os.kill(os.getpid(), self._life.deed)

    def _note(self, line: str) -> None:
        with self._life.passed.open("a") as file:
            file.write(f"{line}\n")


def _aim(step: Any) -> str:
    return str(step.target.identity) if isinstance(step, EndSession | EndAccount | Warn) else str(step.what)


async def serve(config: Path, life: Life, ready: Connection) -> None:
    points = Points(life)
    for trail in (SqliteTrail, PostgresTrail):
        points.watch(trail, "append", lambda called: f"append {called[2].kind}")
    points.watch(SshHosts, "act", lambda _called: "act")
    points.watch(AsyncWebClient, "api_call", lambda called: str(called[1]))
    points.watch(AsyncWebClient, "_upload_file", lambda _called: "upload")
    points.watch(AsyncWebhookClient, "send_dict", lambda _called: "response_url")
    async with app.serving(settings.load(config), credentials.secrets(), PATIENT):
        points.open = True
        ready.send("ready")
        await asyncio.Event().wait()


def main(config: Path, secrets: Mapping[str, str], life: Life, ready: Connection) -> None:
    """The whole life of the process. secrets: for its environment. ready: hears when it listens."""
    os.environ.update(secrets)
    leases.TTL, leases.RENEWED_EVERY, postings.TRY_AGAIN = QUICK_LEASE, 0.5, 0.5
    asyncio.run(serve(config, life, ready))
