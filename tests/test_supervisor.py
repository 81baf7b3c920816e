"""What systemd is told, over a real socket of its kind: that the bot is ready, lives and stops."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.supervisor import TELL_EVERY, Supervisor


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """A socket as systemd gives one: a file, or a name without a file."""
    name = str(tmp_path / "notify") if request.param == "path" else f"\0kickbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name)
        listening.settimeout(20)
        yield listening


def environment(systemd: socket.socket, **more: str) -> dict[str, str]:
    name = systemd.getsockname()
    address = name if isinstance(name, str) else "@" + name[1:].decode()
    return {"NOTIFY_SOCKET": address, **more}


def heard(systemd: socket.socket) -> list[str]:
    """One datagram."""
    return systemd.recv(4096).decode().split("\n")


def nothing_more(systemd: socket.socket) -> bool:
    systemd.setblocking(False)
    with suppress(BlockingIOError):
        return not systemd.recv(4096)
    return True


async def watched(supervisor: Supervisor, systemd: socket.socket, *, alive: bool, words: int) -> list[list[str]]:
    """The first words of a watch."""
    watching = asyncio.create_task(supervisor.watch(lambda: alive, lambda: "ready;\n2 open"))
    try:
        return [await asyncio.to_thread(heard, systemd) for _ in range(words)]
    finally:
        watching.cancel()


def test_ready_and_stopping_are_said(systemd: socket.socket) -> None:
    """Once each."""
    supervisor = Supervisor(environment(systemd))
    supervisor.ready()
    supervisor.stopping()
    assert heard(systemd) == ["READY=1"]
    assert heard(systemd) == ["STOPPING=1", "STATUS=stopping"]
    assert nothing_more(systemd)


async def test_a_bot_that_lives_says_so_again_and_again(systemd: socket.socket) -> None:
    """With its state in one line, whatever stands in it."""
    supervisor = Supervisor(environment(systemd, WATCHDOG_USEC="40000", WATCHDOG_PID=str(os.getpid())))
    said = await watched(supervisor, systemd, alive=True, words=3)
    assert said == [["WATCHDOG=1", "STATUS=ready; 2 open"]] * 3


async def test_a_bot_that_does_not_live_only_says_what_it_lacks(
    systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    """So the watchdog runs out; the log says why, once."""
    supervisor = Supervisor(environment(systemd, WATCHDOG_USEC="40000"))
    said = await watched(supervisor, systemd, alive=False, words=3)
    assert said == [["STATUS=ready; 2 open"]] * 3
    assert caplog.text.count("isn't told any more that all is well") == 1


@pytest.mark.parametrize(
    ("variables", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "10000000"}, 5.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"}, TELL_EVERY),
        ({"WATCHDOG_USEC": "0"}, TELL_EVERY),
        ({"WATCHDOG_USEC": "soon"}, TELL_EVERY),
        ({}, TELL_EVERY),
    ],
)
def test_half_of_the_watchdogs_time(variables: dict[str, str], seconds: float) -> None:
    """And not that of another process, whose environment was inherited."""
    assert Supervisor(variables)._every == seconds


def test_without_a_supervisor_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """On a terminal, in a container."""
    Supervisor({}).ready()
    assert not caplog.records


def test_a_supervisor_that_does_not_listen_holds_up_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Gone, or full: it is logged."""
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()
    assert "the supervisor can't be told" in caplog.text

    caplog.clear()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as full:
        full.bind(str(tmp_path / "full"))
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "full")})
        for _ in range(10_000):
            supervisor.ready()
            if caplog.records:
                break
    assert "the supervisor can't be told" in caplog.text
