"""Looks by the driver itself, without the bot around it."""

import asyncio
import time
from collections.abc import Callable

from bot.hosts.connections import SshHosts
from bot.models import HostUptime, Session, Snapshot
from tests.hosts.machines import Machine
from tests.hosts.witness import SECONDS


async def look(hosts: SshHosts, via: str = "kickbot") -> Snapshot:
    async for found in hosts.look([via]):
        assert isinstance(found, Snapshot), found
        return found
    raise AssertionError


async def look_until(hosts: SshHosts, holds: Callable[[Snapshot], object], via: str = "kickbot") -> Snapshot:
    """The first look for which a condition holds: what a login does on its host takes a moment."""
    deadline = time.monotonic() + SECONDS
    while not holds(snapshot := await look(hosts, via)):
        assert time.monotonic() < deadline, snapshot
        await asyncio.sleep(0.05)
    return snapshot


def only(snapshot: Snapshot, user: str) -> Session:
    (session,) = snapshot.of(user)
    return session


def names(session: Session) -> set[str]:
    return {process.name for process in session.processes}


def uptime(machine: Machine) -> HostUptime:
    """At this moment, as its kernel says it."""
    return HostUptime(int(float(machine.run("cat", "/proc/uptime").split()[0]) * 100))
