"""The compiled script, once for all tests of this folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.windows.scenes import Win
from tests.windows.standin import Program, Scene


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("windows"))


@pytest.fixture
def scene(tmp_path: Path) -> Callable[[Win], Scene]:
    return lambda win: Scene(tmp_path / "scene", win.rows)
