"""The whole bot on a SQLite file in trouble: a full disk, a file that can't be written, a database that is locked."""

import sqlite3
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests import trail_trouble
from tests.scene import Scene


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of sixteen megabytes."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(16 * 1024 * 1024)
    folder.mkdir()
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, folder], check=False, capture_output=True).returncode:
        pytest.skip("a disk of one's own needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
async def scene(tmp_path: Path, disk: Path) -> AsyncIterator[Scene]:
    async with Scene.set(tmp_path, str(disk / "kickbot.db")) as scene:
        yield scene


@contextmanager
def full(database: Path) -> Iterator[None]:
    """No byte is left beside it."""
    filler = database.with_name("filler")
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 512):
            pass
    yield
    filler.unlink()


@contextmanager
def read_only(database: Path) -> Iterator[None]:
    """Nobody may write it, nor its log. (Not its shared memory: the kernel ends who writes to such a page.)"""
    files = [str(database), f"{database}-wal"]
    subprocess.run(["chattr", "+i", *files], check=True)
    yield
    subprocess.run(["chattr", "-i", *files], check=True)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Another program is in the middle of a transaction of its own."""
    with closing(sqlite3.connect(database, isolation_level=None)) as someone:
        someone.execute("BEGIN IMMEDIATE")
        yield
        someone.execute("ROLLBACK")


TROUBLES = pytest.mark.parametrize("trouble", [full, read_only, locked])
Trouble = Callable[[Path], AbstractContextManager[None]]


@TROUBLES
async def test_no_record_no_act_and_it_goes_on_by_itself(scene: Scene, trouble: Trouble) -> None:
    """Who asks and who approves meanwhile reads what to do; afterwards all goes on without a restart."""
    await trail_trouble.no_record_no_act(scene, lambda: trouble(Path(scene.database)))


@TROUBLES
async def test_an_answer_that_can_not_be_recorded(scene: Scene, trouble: Trouble) -> None:
    """The trouble begins while a host ends a session: it is looked at again, nothing is done twice."""
    await trail_trouble.an_answer_that_can_not_be_recorded(scene, lambda: trouble(Path(scene.database)))
