"""The compiled script, once for all tests of this folder; a scene, a host that is asked, and a stage with one."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.audit.sqlite import SqliteTrail
from tests.fakes import FakeClock
from tests.windows.asked import Ask, Asked
from tests.windows.openssh import Machine, connected
from tests.windows.scenes import ALICE, BOB, DAY, HOUR, NOW, Win
from tests.windows.standin import Program, Scene
from tests.windows.windows_stage import WindowsStage


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("windows"))


@pytest.fixture
def scene(tmp_path: Path) -> Callable[[Win], Scene]:
    return lambda win: Scene(tmp_path / "scene", win.rows)


@pytest.fixture
def ask(program: Program, scene: Callable[[Win], Scene]) -> Ask:
    return lambda win: Asked(program, scene(win))


@pytest.fixture
async def stage(program: Program, tmp_path: Path) -> AsyncIterator[WindowsStage]:
    """By RDP alice, who came by SSH too, and bob, disconnected for two hours."""
    clock = FakeClock()
    clock.now = NOW
    win = Win().session(3, "alice", ALICE, domain="WIN1").ssh(5_000, ALICE, "alice", domain="WIN1")
    win.session(5, "bob", BOB, domain="WIN1", state=4, station="", disconnected=2 * HOUR, ago=DAY)
    machine = Machine(program, tmp_path, win, clock)
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail, connected(machine) as hosts:
        yield WindowsStage(trail, clock, hosts, machine)
