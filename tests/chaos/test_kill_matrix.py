"""`kill -9` and SIGSTOP of the real process at every point that a run passes: the others, or the next life, go on."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.extent import one_of
from tests.chaos.held import OnMachine
from tests.chaos.matrix import killed_and_started_again, matrix, one_of_two_killed, one_of_two_stopped
from tests.chaos.scene import OnSandboxHosts
from tests.chaos.table import Table
from tests.chaos.variants import VARIANTS
from tests.hosts.machines import Machine
from tests.postgres.server import TEMPLATE, Server


async def test_a_kill_loses_nothing_and_does_nothing_twice(tmp_path: Path, table: Table) -> None:
    """Killed anywhere and started again: the request is closed, each session ended once, the thread complete, once."""
    await matrix("kill -9, SQLite", tmp_path, killed_and_started_again, table, few=3)


@pytest.mark.parametrize("scene", one_of(VARIANTS))
async def test_by_other_rules_too(tmp_path: Path, table: Table, scene: type[OnSandboxHosts]) -> None:
    """A code counts once, no host goes before its turn, and nobody is ended unwarned."""
    await matrix(
        f"kill -9, {scene.called}, SQLite", tmp_path, killed_and_started_again, table, few=1, scenes=scene.start
    )


@pytest.mark.postgres
@pytest.mark.parametrize("scene", one_of([OnSandboxHosts, *VARIANTS]))
async def test_the_other_replica_goes_on(
    tmp_path: Path, server: Server, table: Table, scene: type[OnSandboxHosts]
) -> None:
    """One of two is killed anywhere: the other closes the request, ends each session once, tells it once."""
    new_trail = partial(server.new_database, TEMPLATE)
    tier = f"kill -9, {scene.called}, one of two on PostgreSQL"
    await matrix(tier, tmp_path, one_of_two_killed, table, 2, new_trail, scene.start)


@pytest.mark.postgres
@pytest.mark.parametrize("scene", one_of([OnSandboxHosts, *VARIANTS]))
async def test_who_slept_too_long_does_nothing_late(
    tmp_path: Path, server: Server, table: Table, scene: type[OnSandboxHosts]
) -> None:
    """One of two sleeps anywhere for longer than its lease: the other finishes, and it neither acts nor posts late."""
    new_trail = partial(server.new_database, TEMPLATE)
    tier = f"SIGSTOP, {scene.called}, one of two on PostgreSQL"
    await matrix(tier, tmp_path, one_of_two_stopped, table, 2, new_trail, scene.start)


@pytest.mark.hosts
async def test_what_was_held_is_given_back_once(tmp_path: Path, machines: list[Machine], table: Table) -> None:
    """On booted hosts, killed anywhere in a kick with a hold that two people end: given back once, by Kickbot."""
    scenes = partial(OnMachine.start, _free(machines))
    await matrix("kill -9, a hold on real hosts", tmp_path, killed_and_started_again, table, 2, scenes=scenes)


@pytest.mark.hosts
@pytest.mark.postgres
async def test_the_other_replica_gives_back(
    tmp_path: Path, machines: list[Machine], server: Server, table: Table
) -> None:
    """The same with two replicas, of which one is killed anywhere."""
    new_trail, scenes = partial(server.new_database, TEMPLATE), partial(OnMachine.start, _free(machines))
    await matrix("kill -9, a hold, one of two", tmp_path, one_of_two_killed, table, 1, new_trail, scenes)


def _free(machines: list[Machine]) -> asyncio.Queue[Machine]:
    free = asyncio.Queue[Machine]()
    for machine in machines:
        free.put_nowait(machine)
    return free
