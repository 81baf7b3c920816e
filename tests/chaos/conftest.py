"""The table of the run, and a PostgreSQL server for the tests that need one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.table import Table
from tests.hosts import bases
from tests.hosts.machines import Machine
from tests.hosts.rack import Rack
from tests.postgres.server import MEMORY, Server, prepared

TABLE = pytest.StashKey[Table]()


@pytest.fixture(scope="session")
def table(request: pytest.FixtureRequest) -> Table:
    """What is printed at the end."""
    return request.config.stash.setdefault(TABLE, Table())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(TABLE, Table()).lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with prepared() as server:
        yield server


@pytest.fixture(scope="session")
def machines() -> Iterator[list[Machine]]:
    """Two booted hosts."""
    bases.build_missing()
    with Rack() as rack, Machine(rack, "bookworm", "bookworm") as bookworm, Machine(rack, "trixie", "trixie") as trixie:
        yield [bookworm, trixie]


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder where nothing waits for a disk."""
    folder = Path(tempfile.mkdtemp(prefix="kickbot-chaos-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    shutil.rmtree(folder)
