"""The publisher's memory outlives a restart, beside the trail and in the same file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.borders import Posting
from bot.errors import TrailError


@pytest.fixture
async def postings(tmp_path: Path) -> AsyncIterator[SqlitePostings]:
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        yield SqlitePostings(trail.database)


async def test_reader_cannot_put(tmp_path: Path) -> None:
    """Beside a running bot nothing can be posted in its name."""
    path = tmp_path / "kickbot.db"
    async with SqliteTrail.open(path), SqliteTrail.open_readonly(path) as reader:
        with pytest.raises(TrailError, match="read-only"):
            await SqlitePostings(reader.database).put(Posting(event=1, part="main", channel="C1", ts="1.2"))


async def test_unknown(postings: SqlitePostings) -> None:
    """What was never put is None, for another part of the same event too."""
    await postings.put(Posting(event=1, part="main", channel="C1", ts="1.2"))

    assert await postings.get(1, "evidence") is None
    assert await postings.get(2, "main") is None


async def test_put_twice(postings: SqlitePostings) -> None:
    """A message that is put again replaces the earlier one."""
    await postings.put(Posting(event=1, part="main", channel="C1", ts="1.2"))
    await postings.put(Posting(event=1, part="main", channel="C1", ts="3.4"))

    assert await postings.get(1, "main") == Posting(event=1, part="main", channel="C1", ts="3.4")


async def test_cursor_never_goes_back(postings: SqlitePostings) -> None:
    """The cursor starts at 0 and only ever grows."""
    assert await postings.cursor() == 0
    await postings.advance(7)
    await postings.advance(5)

    assert await postings.cursor() == 7


async def test_restart(tmp_path: Path) -> None:
    """SqlitePostings and cursor are there again after a restart."""
    posting = Posting(event=3, part="main", channel="C1", ts="1.2")
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        await SqlitePostings(trail.database).put(posting)
        await SqlitePostings(trail.database).advance(3)

    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        assert await SqlitePostings(trail.database).get(3, "main") == posting
        assert await SqlitePostings(trail.database).cursor() == 3
