"""What the bot takes while so many requests wait for someone, and nobody does anything: a part of one core."""

import asyncio
import time
from pathlib import Path

from bot.audit.sqlite import SqliteTrail
from bot.sandbox.cast import demo_workspace
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.bench.slash import bot
from tests.chaos.figures import cpu
from tests.chaos.waiting import SETTLED, opened
from tests.whole import configure

WATCHED = 20.0
"""Seconds of each round."""


async def idle(waiting: int, times: int, folder: Path) -> list[float]:
    """One figure for each round."""
    database = folder / "kickbot.db"
    async with SqliteTrail.open(database) as trail:
        await opened(trail, waiting)
    async with SandboxHosts.start([HostSpec("host1")]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        at = (host.name, host.address, host.port)
        config = configure(folder, [at], key=hosts.client_key, known_hosts=hosts.known_hosts)
        config.write_text(f'{config.read_text()}\n[audit]\ndatabase = "{database}"\n')
        async with bot(config, slack) as (pid, _):
            await asyncio.sleep(SETTLED)
            return [await _watched(pid) for _ in range(times)]


async def _watched(pid: int) -> float:
    used, began = cpu(pid), time.monotonic()
    await asyncio.sleep(WATCHED)
    return (cpu(pid) - used) / (time.monotonic() - began)
