"""Sweeps on real hosts, each of their three actions: beside someone who works, only the idle one is found and ends."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.models import Act, RequestId
from tests import make
from tests.hosts.kicking import Kicks, alike, allowing, at_each
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine
from tests.hosts.states import USER
from tests.hosts.test_idle import SECONDS, typing, wait_until_quiet

WARN = 12
RUN = RequestId(1)
"""Of a trail that is new, the first request."""


@dataclass
class Two:
    """On each host one login that nobody uses, and one that somebody types in."""

    idle: dict[str, Login]
    busy: dict[str, Login]

    def stay(self, machines: Sequence[Machine]) -> bool:
        """Is everyone at work still there?"""
        return {host: login.alive for host, login in self.busy.items()} == alike(machines, value=True)


@pytest.fixture
def known_hosts(logind_hosts: list[Machine], plain_bookworm: Machine) -> list[Machine]:
    """Where logind or utmp tells when a login began."""
    return [*logind_hosts, plain_bookworm]


@asynccontextmanager
async def swept(
    machines: list[Machine], logins: Logins, folder: Path, action: str, **changes: Any
) -> AsyncIterator[tuple[Kicks, Two]]:
    """A bot whose sweep has its run within a second or two, and both people on each host."""
    idle = await at_each(machines, lambda machine: logins.terminal(machine, USER))
    busy = await at_each(machines, lambda machine: logins.terminal(machine, USER))
    with typing(busy.values()):
        await at_each(machines, wait_until_quiet)
        hosts = tuple(machine.name for machine in machines)
        every = make.soon(datetime.now(UTC))
        series = make.series(action=action, hosts=hosts, idle=SECONDS, every=every, **changes)
        policy = allowing(machines, Act.EVERYONE, sweeps="end").model_copy(update={"sweeps": (series,)})
        async with Kicks.at_work(machines, folder, policy=policy) as kicks:
            yield kicks, Two(idle, busy)


async def test_a_report_names_the_idle_one(known_hosts: list[Machine], logins: Logins, tmp_path: Path) -> None:
    """One on each host, for as long as it is; and nobody is touched."""
    async with swept(known_hosts, logins, tmp_path, "report") as (kicks, two):
        run = await kicks.until(RUN, lambda r: r.state.final, "to report")

        assert run.swept is not None
        assert sorted((one.host, one.user) for one in run.swept.idle) == sorted((m.name, USER) for m in known_hosts)
        assert all(one.seconds >= SECONDS for one in run.swept.idle)
        assert (run.swept.compliant, run.swept.unjudged, run.attempts) == ((), (), ())
        assert {host: login.alive for host, login in two.idle.items()} == alike(known_hosts, value=True)
        assert two.stay(known_hosts)


async def test_a_proposal_ends_what_people_approve(known_hosts: list[Machine], logins: Logins, tmp_path: Path) -> None:
    """Nothing ends before somebody approved; then the idle one does."""
    async with swept(known_hosts, logins, tmp_path, "propose") as (kicks, two):
        asked = await kicks.until(RUN, lambda r: r.state == "pending", "to propose")
        assert {host: login.alive for host, login in two.idle.items()} == alike(known_hosts, value=True)

        done = await kicks.finish(await kicks.approve(asked))

        assert done.results == alike(known_hosts, ["ended"])
        assert {host: login.wait_end() for host, login in two.idle.items()} == alike(known_hosts, 255)
        assert two.stay(known_hosts)


async def test_an_end_comes_without_a_click_after_its_warning(
    known_hosts: list[Machine], logins: Logins, tmp_path: Path
) -> None:
    """The words stand on the terminal first; who works, and was not idle, stays; no person approved it."""
    async with swept(known_hosts, logins, tmp_path, "end", warn=WARN) as (kicks, two):
        done = await kicks.finish(await kicks.until(RUN, lambda r: r.state == "warned", "to warn"))

        told = {
            host: "Kickbot: the sweep nightly has every session here" in each.output for host, each in two.idle.items()
        }
        assert told == alike(known_hosts, value=True)
        assert done.results == alike(known_hosts, ["ended"])
        assert {host: login.wait_end() for host, login in two.idle.items()} == alike(known_hosts, 255)
        assert two.stay(known_hosts)
        assert (done.request.permitted, done.request.decisions) == (True, ())
