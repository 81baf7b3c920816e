"""One server for all tests of this tier, and a database of its own for each."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from bot.audit.postgres.trail import PostgresTrail
from tests.postgres.server import TEMPLATE, Server, prepared, running


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with prepared() as server:
        yield server


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    with running() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    """A database with an empty trail."""
    return server.new_database(TEMPLATE)


@pytest.fixture
def opening(url: str) -> AbstractAsyncContextManager[PostgresTrail]:
    return PostgresTrail.open(url)


@pytest.fixture
async def trail(opening: AbstractAsyncContextManager[PostgresTrail]) -> AsyncIterator[PostgresTrail]:
    async with opening as trail:
        yield trail


@pytest.fixture
async def other(url: str, trail: PostgresTrail) -> AsyncIterator[PostgresTrail]:
    """A second replica's trail: the same database."""
    async with PostgresTrail.open(url) as other:
        yield other
