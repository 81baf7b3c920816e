"""Kickbot's part of the bench: KEY KNOWN_HOSTS PORT WIDTH ADDRESS…. Looks at all hosts twice, cold and then warm.

Prints seconds of CPU and of the clock as JSON; `start` is from the start of Python to the first look.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from bot.hosts.connections import SshHosts
from bot.hosts.limits import Limits
from bot.models import Host, Snapshot


async def main(key: str, known_hosts: str, port: str, width: str, *addresses: str) -> None:
    hosts = {at: Host(name=at, address=at, port=int(port), user="root") for at in addresses}
    limits = Limits(connect=120, answer=120, whole=3600, in_flight=int(width))
    bot = SshHosts(hosts, [Path(key)], Path(known_hosts), limits=limits)
    start = {"cpu": time.process_time(), "wall": time.time() - _began()}
    seconds = {"start": start, "cold": await _look(bot), "warm": await _look(bot)}
    await bot.close()
    print(json.dumps(seconds))


def _began() -> float:
    """When this process was started, in seconds since 1970; field 22 of proc_pid_stat(5)."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


async def _look(bot: SshHosts) -> dict[str, float]:
    cpu, wall = time.process_time(), time.monotonic()
    async for look in bot.look(list(bot._lines)):
        if not isinstance(look, Snapshot):
            sys.exit(f"{look.host} {look.reason}")
    return {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}


asyncio.run(main(*sys.argv[1:]))
