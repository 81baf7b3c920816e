"""Who read the trail stands in it: once, small, and never in the way of the reading itself."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.audit import reading
from bot.audit.sqlite import SqliteTrail
from bot.errors import TrailError
from bot.events import Read
from bot.questions import Questions
from bot.rights import Rights
from tests import make
from tests.scene import until
from tests.slack_bot import Bot
from tests.stage import KICK, Stage
from tests.test_audit_commands import Left, configured, recorded
from tests.test_history import answer, kicked
from tests.test_reading import edit


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(recorded(left))
    return left


def reads(path: Path) -> list[Read]:
    found = reading.list_requests(path, reads=True)
    return [records[0].event for records in found if isinstance(records[0].event, Read)]


def test_what_was_read_is_recorded_with_who_and_how_much(left: Left) -> None:
    """On the command line: the login and the machine, the words, and how many requests were shown."""
    left.audit("list", "host1", "--limit", "1")
    left.audit("show", "4")

    show, listed = reads(left.database)
    assert (listed.what, listed.about, listed.requests) == ("list", "host1", 1)
    assert (show.what, show.about, show.requests) == ("show", "4", 1)
    assert " on " in show.by
    assert left.audit("verify").exit_code == 0


def test_who_reads_again_and_again_fills_nothing(left: Left) -> None:
    """The same question within ten minutes is one event; and reads stand in a list only if they are asked for."""
    before = left.audit("list").stdout
    for _ in range(5):
        assert left.audit("list").stdout == before

    assert len(reads(left.database)) <= 2  # ten minutes may end in between
    shown = left.audit("list", "--reads").stdout
    assert len(shown.splitlines()) > len(before.splitlines())
    assert "read list  [read]" in shown


def test_a_trail_that_can_not_be_written_is_read_all_the_same(left: Left) -> None:
    """Beside a writer that has gone, in a place that can't be written: with one line that says so."""
    with sqlite3.connect(left.database) as beside:
        beside.execute("PRAGMA journal_mode = DELETE")
    left.folder.joinpath("kickbot.db-lock").unlink(missing_ok=True)
    left.folder.joinpath("kickbot.db-lock").mkdir()  # nobody can take the lock, root neither

    done = left.audit("list")

    assert done.exit_code == 0
    assert "audituser host1" in done.stdout
    assert done.stderr.startswith("this reading is not recorded: ")
    assert len(done.stderr.splitlines()) == 1


async def test_beside_a_running_bot_the_bot_records_it(left: Left, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left for the one that writes the file, and what was asked twice is one event all the same."""
    monkeypatch.setattr("bot.audit.sqlite.COLLECTED_EVERY", 0.05)
    async with SqliteTrail.open(left.database) as trail:
        for _ in range(3):
            done = await asyncio.to_thread(left.audit, "show", "1")
            assert (done.exit_code, done.stderr) == (0, "")
        await until(lambda: not _waiting(left.database) and bool(reads(left.database)))
        await trail.append(None, make.asked(key="after"))

    assert len(reads(left.database)) <= 2
    assert reading.verify(left.database).events >= 8


def _waiting(path: Path) -> int:
    with sqlite3.connect(path) as beside:
        return int(beside.execute("SELECT count(*) FROM to_record").fetchone()[0])


def test_what_someone_else_left_is_no_event(left: Left) -> None:
    """Only who took the trail out and who read it may be left there: an approval is thrown away."""
    forged = '{"kind":"retention_approved","who":"U0CAROL"}'
    edit(left.database, f"INSERT INTO to_record (event) VALUES ('{forged}')")

    asyncio.run(_started(left.database))

    assert _waiting(left.database) == 0
    assert reading.verify(left.database).events == 6


async def _started(path: Path) -> None:
    async with SqliteTrail.open(path):
        await until(lambda: not _waiting(path))


# -- in Slack ----------------------------------------------------------------------------------------------


async def test_audit_in_slack_leaves_an_event(bot: Bot) -> None:
    """Who asked, for what, and how much was shown; `/audit` itself lists none of them."""
    await kicked(bot)

    await answer(bot, "bob", "*1 request* about host1", "host1 since 24h")
    await answer(bot, "bob", "asked by <@U0ALICE>, approved by", "1")
    listed = await answer(bot, "bob", "*1 request*:", "")

    # A list and a story are alike in words, so one answer may be taken for another and all three be under way
    await until(lambda: len(_of_bob(bot)) >= 3)
    assert sorted(_of_bob(bot)) == ["", "1", "host1 since 1d"]
    assert "read" not in listed.text


def _of_bob(bot: Bot) -> list[str]:
    return [one.about for one in reads(bot.trail.database.path) if one.who == "U0BOB"]


async def test_a_trail_that_takes_nothing_is_read_in_slack_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The disk is full: what was recorded may tell why, and the log says what is missing."""
    asked = await stage.ask(KICK)

    async def full(*_: object, **__: object) -> None:
        raise TrailError("the disk is full")

    monkeypatch.setattr(stage.trail, "append", full)
    questions = Questions(stage.trail, Rights(stage.policy, stage.people))

    await questions.note("U0ALICE", str(asked.id), 1)

    assert "is not recorded: the disk is full" in caplog.text
    assert (await questions.one("U0ALICE", asked.id)).request.id == asked.id
