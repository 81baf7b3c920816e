"""Checkpoints: signed so that OpenSSH checks them, made when they should be, and told elsewhere at least once."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from asyncssh.sshsig import create_sshsig

from bot.audit import checkpoints, signing
from bot.audit.notary import Notary
from bot.audit.places import opening
from bot.audit.places.interface import Place
from bot.audit.signing import Signer, Signers
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint, Store
from bot.errors import SettingsError, TrailError
from bot.events import Closed
from tests import make
from tests.scene import until
from tests.test_reading import edit

PATIENCE = 120
CLOSED = Closed(outcomes=())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kickbot.db"


@pytest.fixture
async def trail(path: Path) -> AsyncIterator[SqliteTrail]:
    async with SqliteTrail.open(path) as trail:
        yield trail


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.make(tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def notary(trail: SqliteTrail, key: Path) -> Notary:
    return Notary(trail, Signer(key), 3600)


@asynccontextmanager
async def at_work(notary: Notary) -> AsyncIterator[None]:
    task = asyncio.create_task(notary.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def signed(trail: SqliteTrail) -> list[int]:
    return [checkpoint.seq for checkpoint in await trail.checkpoints().after(0)]


async def until_signed(trail: SqliteTrail, *seqs: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while await signed(trail) != list(seqs):  # noqa: ASYNC110 - the notary says it to nobody
            await asyncio.sleep(0.02)


async def one_request(trail: SqliteTrail, number: str = "1") -> None:
    """Two events."""
    first = await trail.append(None, make.asked(key=number))
    await trail.append(first.request, CLOSED)


def place(name: str) -> Place:
    return opening.place(name, opening.Access())


async def until_remembered(trail: Store, seq: int, *places: str) -> None:
    """Whoever stops the bot between telling and this has the place told once more."""
    async with asyncio.timeout(PATIENCE):
        while {await trail.checkpoints().cursor(place) for place in places} != {seq}:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def told(file: Path) -> list[int]:
    """The events of the checkpoints in a file that they were told to."""
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    return [found.seq for one in lines if (found := checkpoints.from_line(one))]


# ------------------------------------------------------------------------------------------ what is signed


async def keygen(folder: Path, checkpoint: Checkpoint, *, namespace: str = "kickbot-checkpoint") -> bool:
    """Does OpenSSH's own tool accept it?"""
    if not shutil.which("ssh-keygen"):
        pytest.skip("no ssh-keygen here (openssh-client)")
    (folder / "allowed").write_text(signing.public(folder / "key"))
    (folder / "sig").write_text(checkpoint.signature)
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "kickbot", "-n", namespace, "-s", "sig"]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=folder, input=checkpoint.text.encode(), check=False, capture_output=True
    )
    return done.returncode == 0


async def test_openssh_accepts_a_checkpoint_and_nothing_beside_it(
    trail: SqliteTrail, notary: Notary, tmp_path: Path
) -> None:
    """Plain `ssh-keygen -Y verify` says yes to it, and no to another text or another purpose."""
    await one_request(trail)
    await notary.make()
    (checkpoint,) = await trail.checkpoints().after(0)
    other = checkpoint.model_copy(update={"text": checkpoint.text.replace("event 2", "event 3")})

    assert await keygen(tmp_path, checkpoint)
    assert not await keygen(tmp_path, other)
    assert not await keygen(tmp_path, checkpoint, namespace="file")


async def test_a_checkpoint_says_which_trail_which_event_and_what_came_before(
    trail: SqliteTrail, notary: Notary
) -> None:
    """A person can read it."""
    await one_request(trail, "1")
    await notary.make()
    await one_request(trail, "2")
    await notary.make()

    texts = [checkpoint.text for checkpoint in await trail.checkpoints().after(0)]
    first, second, fourth = [await trail.checkpoints().hash_of(seq) for seq in (1, 2, 4)]

    assert texts[0].startswith(f"kickbot checkpoint 1\ntrail {first}\nevent 2\nhash {second}\ntime 2")
    assert texts[0].endswith(f"Z\nbefore 0 {'0' * 64}\n")
    assert texts[1].startswith(f"kickbot checkpoint 1\ntrail {first}\nevent 4\nhash {fourth}\ntime 2")
    assert texts[1].endswith(f"Z\nbefore 2 {second}\n")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\n",
        lambda text: text.replace("event 2", "event 02"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("checkpoint 1", "checkpoint 2"),
        lambda text: text.replace("event 2", "event ٢"),
        lambda text: text[:-1],
        lambda text: "",
    ],
)
def test_what_only_looks_like_a_checkpoint_is_none(change: Callable[[str], str]) -> None:
    """There is one way to write it."""
    hashes = {"trail": "a" * 64, "hash": "b" * 64, "before_hash": "0" * 64}
    statement = checkpoints.Statement(seq=2, before=0, at="2026-11-20T13:31:05.000000Z", **hashes)

    assert checkpoints.read(statement.text) == statement
    assert checkpoints.read(change(statement.text)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda armored: "",
        lambda armored: armored.replace("SSH SIGNATURE", "SSH CERTIFICATE"),
        lambda armored: armored.replace("\n", "\n\n", 1)[:-30],
        lambda armored: armored[:100] + ("A" if armored[100] != "A" else "B") + armored[101:],
        lambda armored: armored.split("\n")[0] + "\n\N{SNOWMAN}\n" + "-----END SSH SIGNATURE-----\n",
    ],
)
def test_another_signature_does_not_count(key: Path, change: Callable[[str], str]) -> None:
    """Whatever it is, it is only wrong."""
    armored = Signer(key).sign("text\n")
    signers = Signers(signing.public(key))

    assert signers.fits("text\n", armored)
    assert not signers.fits("text\n", change(armored))


def test_a_signature_for_another_purpose_or_by_another_key_does_not_count(key: Path, tmp_path: Path) -> None:
    """Also where the list of allowed signers names no purpose."""
    kind, blob = signing.public_path(key).read_text().split()[:2]
    other = create_sshsig(str(key), b"text\n", namespace="file").decode()
    signing.make(tmp_path / "other")

    assert not Signers(f"kickbot {kind} {blob}\n").fits("text\n", other)
    assert not Signers(signing.public(tmp_path / "other")).fits("text\n", Signer(key).sign("text\n"))


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """A second time nothing is overwritten; what is no such key is refused in one line."""
    allowed = signing.make(tmp_path / "key")
    (tmp_path / "no_key").write_text("hello\n")

    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert Signer(tmp_path / "key").allowed == signing.public(tmp_path / "key") == allowed
    for call in (signing.make, lambda path: Signer(tmp_path / "no_key"), lambda path: Signer(tmp_path / "nowhere")):
        with pytest.raises(SettingsError, match=r"audit\.key: "):
            call(tmp_path / "key")


# ------------------------------------------------------------------------------------------ when


async def test_the_end_of_a_request_is_signed(trail: SqliteTrail, notary: Notary) -> None:
    """And nothing in the middle of one, before its time has come."""
    await one_request(trail, "1")
    async with at_work(notary):
        await until_signed(trail, 2)
        await trail.append(None, make.asked(key="2"))
        await one_request(trail, "3")
        await until_signed(trail, 2, 5)


async def test_what_was_recorded_since_is_signed_at_intervals(trail: SqliteTrail, key: Path) -> None:
    """Without the end of any request; and nothing twice."""
    await trail.append(None, make.asked(key="1"))
    async with at_work(Notary(trail, Signer(key), 0.01)):
        await until_signed(trail, 1)
        await asyncio.sleep(0.1)
        await trail.append(None, make.asked(key="2"))
        await until_signed(trail, 1, 2)


async def test_after_a_restart_what_came_before_it_is_signed(trail: SqliteTrail, notary: Notary) -> None:
    """The end that was recorded right before a crash too."""
    await one_request(trail)
    async with at_work(notary):
        await until_signed(trail, 2)


async def test_nothing_is_signed_on_a_trail_that_lacks_what_was_signed(
    path: Path, trail: SqliteTrail, notary: Notary
) -> None:
    """A key doesn't vouch for a trail that was made anew."""
    await one_request(trail)
    await notary.make()
    edit(path, "DELETE FROM events WHERE seq = 2")
    await trail.append(None, make.asked(key="2"))
    await trail.append(None, make.asked(key="3"))

    with pytest.raises(TrailError, match="event 2 isn't what was signed"):
        await notary.make()


# ------------------------------------------------------------------------------------------ told elsewhere


async def test_a_file_gets_every_checkpoint_over_restarts(trail: SqliteTrail, key: Path, tmp_path: Path) -> None:
    """Those too that were made while nobody told them, each at least once; a cut line is ended first."""
    file = tmp_path / "elsewhere"
    file.write_bytes(b'{"checkpoint":')
    for number in (1, 2, 3):
        await one_request(trail, str(number))
        async with at_work(Notary(trail, Signer(key), 3600, [place(f"file:{file}")])):
            await until(lambda: told(file)[-1:] == [2 * number])  # noqa: B023 - waited for here
    assert sorted({*told(file)}) == [2, 4, 6]


async def test_a_place_that_refuses_is_told_when_it_is_back(trail: SqliteTrail, key: Path, tmp_path: Path) -> None:
    """And the others meanwhile."""
    away, here = tmp_path / "away" / "file", tmp_path / "here"
    await one_request(trail)
    async with at_work(Notary(trail, Signer(key), 3600, [place(f"file:{away}"), place(f"file:{here}")])):
        await until(lambda: told(here) == [2])
        away.parent.mkdir()
        await until(lambda: told(away) == [2])


async def test_a_pipe_without_a_reader_holds_up_nothing(trail: SqliteTrail, key: Path, tmp_path: Path) -> None:
    """What was made until a reader came is told then."""
    os.mkfifo(tmp_path / "pipe")
    await one_request(trail)
    async with at_work(Notary(trail, Signer(key), 3600, [place(f"file:{tmp_path / 'pipe'}")])):
        await until_signed(trail, 2)
        lines = await asyncio.wait_for(asyncio.to_thread((tmp_path / "pipe").read_bytes), PATIENCE)
    assert [found.seq for one in lines.splitlines() if (found := checkpoints.from_line(one))] == [2]


async def test_a_collector_gets_syslog_and_what_it_cut_off_once_more(trail: SqliteTrail, key: Path) -> None:
    """RFC 5424 in frames of RFC 6587; told only counts what the collector has read to its end."""
    calls: list[bytes] = []

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(b"")
        if len(calls) == 1:
            writer.transport.abort()
            return
        calls[-1] = await reader.read()
        writer.close()

    server = await asyncio.start_server(collect, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await one_request(trail)
    async with server, at_work(Notary(trail, Signer(key), 3600, [place(f"syslog+tcp://127.0.0.1:{port}")])):
        await until(lambda: len(calls) > 1 and calls[-1] != b"")
    length, _, message = calls[-1].partition(b" ")
    header, found = message[: message.index(b"{")], checkpoints.from_line(message[message.index(b"{") :])
    assert int(length) == len(message)
    assert header.startswith(b"<109>1 2")
    assert header.endswith(b"checkpoint - ")
    assert found is not None
    assert found.seq == 2
    assert Signers(signing.public(key)).fits(found.text, found.signature)
