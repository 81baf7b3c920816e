"""The whole bot on a PostgreSQL server that is stopped and started: no record, no act, and it goes on by itself."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import trail_trouble
from tests.postgres.server import Server
from tests.scene import Scene


@pytest.fixture
async def scene(tmp_path: Path, own: Server) -> AsyncIterator[Scene]:
    async with Scene.set(tmp_path, own.new_database()) as scene:
        yield scene


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.stop()
    yield
    server.start()


async def test_no_record_no_act_and_it_goes_on_by_itself(scene: Scene, own: Server) -> None:
    """Who asks and who approves meanwhile reads what to do; afterwards all goes on without a restart."""
    await trail_trouble.no_record_no_act(scene, lambda: stopped(own))


async def test_an_answer_that_can_not_be_recorded(scene: Scene, own: Server) -> None:
    """The server stops while a host ends a session: it is looked at again, nothing is done twice."""
    await trail_trouble.an_answer_that_can_not_be_recorded(scene, lambda: stopped(own))
