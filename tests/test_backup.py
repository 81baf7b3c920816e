"""`kickbot audit backup`: whole, of one moment, verified, and never over something else. Attacks first."""

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bot.audit import backing_up, reading
from bot.audit.sqlite import SqliteTrail
from bot.errors import TrailError
from bot.events import Exported
from tests import make
from tests.test_audit_commands import Left, configured, recorded
from tests.test_reading import edit
from tests.trail_behaviours import dropped, looked_at


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(recorded(left))
    return left


def test_nothing_is_overwritten(left: Left) -> None:
    """Neither another file, nor the trail itself."""
    (left.folder / "there").write_text("mine")

    for there in ("there", "kickbot.db"):
        done = left.audit("backup", "--to", str(left.folder / there))
        assert done.exit_code == 2
        assert "is there already: nothing was overwritten" in done.stderr

    assert (left.folder / "there").read_text() == "mine"
    assert reading.verify(left.database).events >= 6


def test_a_broken_trail_gives_no_backup(left: Left) -> None:
    """It is named as `verify` names it, and no file is left that looks like one."""
    edit(left.database, "UPDATE events SET bytes = replace(bytes, 'INC-42', 'INC-43') WHERE seq = 1")

    done = left.audit("backup", "--to", str(left.folder / "copy"), "--unrecorded")

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("BROKEN at event 1: ")
    assert [path.name for path in left.folder.iterdir() if "copy" in path.name] == []


def test_no_place_for_it(left: Left) -> None:
    """One line, and nothing is left behind."""
    done = left.audit("backup", "--to", str(left.folder / "nowhere" / "copy"))

    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_backup_is_the_trail(left: Left) -> None:
    """Verified, with its head, for its owner alone, in one file; and who took it is recorded."""
    done = left.audit("backup", "--to", str(left.folder / "copy"))

    assert done.exit_code == 0, done.stderr
    assert "events and 2 attachments fit together" in done.stdout
    assert "signed by a key that counts fit" in done.stdout
    found = reading.verify(left.folder / "copy")
    assert f"--expect-head {found.events}:{found.head}" in done.stdout
    assert (left.folder / "copy").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in left.folder.iterdir() if "copy" in path.name] == ["copy"]
    (last, *_) = reading.list_requests(left.database, limit=1)
    assert isinstance(taken := last[0].event, Exported)
    assert (taken.what, taken.up_to) == ("backup", 6)


def test_restored_it_verifies_and_goes_on(left: Left) -> None:
    """Put in the trail's place, with the head that was noted; and a bot writes on."""
    done = left.audit("backup", "--to", str(left.folder / "copy"))
    head = done.stdout.split("--expect-head ")[1].strip()
    for name in ("kickbot.db", "kickbot.db-wal", "kickbot.db-shm"):
        (left.folder / name).unlink(missing_ok=True)
    (left.folder / "copy").rename(left.database)

    assert left.audit("verify", "--expect-head", head).exit_code == 0
    asyncio.run(_goes_on(left.database))
    assert left.audit("verify", "--expect-head", head).exit_code == 0


async def _goes_on(database: Path) -> None:
    async with SqliteTrail.open(database) as trail:
        await trail.append(None, make.asked(key="after"))


def test_what_was_dropped_is_told_of_the_backup_too(tmp_path: Path) -> None:
    """By whose word it went."""
    asyncio.run(_dropped(tmp_path / "kickbot.db"))

    found = backing_up.back_up(tmp_path / "kickbot.db", tmp_path / "copy")

    assert [(by.request, number) for by, number in found.dropped] == [(4, 1)]


async def _dropped(database: Path) -> None:
    async with SqliteTrail.open(database) as trail:
        await looked_at(trail, "old", "w1")
        await dropped(trail)


async def test_beside_a_bot_that_writes(tmp_path: Path) -> None:
    """While events are recorded one after the other each backup is of one moment, and the bot isn't held up by it."""
    path = tmp_path / "kickbot.db"
    async with SqliteTrail.open(path) as trail:
        await looked_at(trail, "first", "w1")
        stopped = asyncio.Event()

        async def write() -> int:
            number = 0
            while not stopped.is_set():
                await looked_at(trail, f"k{number}", f"w{number % 200}")
                number += 1
            return number

        writing = asyncio.create_task(write())
        sizes = [
            (await asyncio.to_thread(backing_up.back_up, path, tmp_path / f"copy{number}")).events
            for number in range(5)
        ]
        stopped.set()
        written = await writing

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] <= 3 * (written + 1)


def test_killed_in_the_middle_it_is_no_backup(tmp_path: Path) -> None:
    """An empty file may stay under its name; the next try says that it is there, and none takes it for a trail."""
    asyncio.run(_dropped(tmp_path / "kickbot.db"))
    program = (
        "import os, sys; from pathlib import Path; from bot.audit import backing_up, reading\n"
        "reading.opened = lambda path: os._exit(9)\n"
        "backing_up.back_up(Path(sys.argv[1]), Path(sys.argv[2]))\n"
    )
    copy = tmp_path / "copy"

    died = subprocess.run([sys.executable, "-c", program, tmp_path / "kickbot.db", copy], check=False)

    assert died.returncode == 9
    assert copy.read_bytes() == b""
    with pytest.raises(TrailError, match="is there already"):
        backing_up.back_up(tmp_path / "kickbot.db", copy)


def test_a_large_trail_takes_no_more_memory(tmp_path: Path) -> None:
    """60 MB of attachments are copied and verified with far less than that."""
    path = tmp_path / "kickbot.db"
    asyncio.run(_large(path))
    program = (
        "import resource, sys; from pathlib import Path; from bot.audit import backing_up\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "backing_up.back_up(Path(sys.argv[1]), Path(sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "copy"], check=True, capture_output=True, text=True
    )

    assert resource.getpagesize() < path.stat().st_size
    assert int(done.stdout) * 1024 < path.stat().st_size / 2


async def _large(path: Path) -> None:
    async with SqliteTrail.open(path) as trail:
        for number in range(60):
            first = await trail.append(None, make.asked(key=f"k{number}"))
            seen = make.snapshot(host=f"w{number}", raw="x" * 1_000_000)
            await trail.append(first.request, make.observed("before", seen))
