"""The driver over SSH to hosts that behave as OpenSSH for Windows does: cmd, CRLF, code pages, profiles that print."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest

from bot.models import HostLimits, Snapshot, Unreachable
from tests.whole import configure, kickbot
from tests.windows.openssh import Machine, connected, listening
from tests.windows.scenes import ALICE, BOB, NOW, Win
from tests.windows.standin import Program


def clock() -> datetime:
    return NOW


@pytest.fixture
def machine(program: Program, tmp_path: Path) -> Machine:
    return Machine(program, tmp_path, Win().session(3, "Jörg 王", ALICE), clock)


async def look(machine: Machine) -> Snapshot | Unreachable:
    async with connected(machine) as hosts:
        (found,) = [each async for each in hosts.look(["win1"])]
    return found


def people(found: Snapshot | Unreachable) -> list[str]:
    assert isinstance(found, Snapshot)
    return [s.account.name for s in found.sessions if not s.own]


@pytest.fixture
def why(machine: Machine) -> Callable[[], Awaitable[str]]:
    async def reason() -> str:
        found = await look(machine)
        assert isinstance(found, Unreachable)
        return found.reason

    return reason


async def test_a_look(machine: Machine) -> None:
    """The whole way: a short harmless command line, the script on standard input, lines that end as Windows' do."""
    assert people(await look(machine)) == [r"corp\jörg 王"]
    assert len(machine.command_lines[0]) < 2_500  # some OpenSSH for Windows takes no more


async def test_a_profile_that_prints(machine: Machine) -> None:
    """What cmd's AutoRun or a profile prints first, in whatever code page, is no part of the answer."""
    machine.noise = "Aktive Codepage: 437.\r\nGrüße 王 kickbot windows 1 look 00\r\n".encode("cp437", "replace")

    assert people(await look(machine)) == [r"corp\jörg 王"]


@pytest.mark.parametrize("width", [79, 80, 120])
async def test_a_login_shell_that_breaks_lines(machine: Machine, width: int) -> None:
    """PowerShell as the login shell may break long lines: the answer is the same, spaces in names too."""
    machine.width = width
    machine.win.session(4, "Max Mustermann", BOB)

    assert people(await look(machine)) == [r"corp\jörg 王", r"corp\max mustermann"]


async def test_constrained_language(machine: Machine, why: Callable[[], Awaitable[str]]) -> None:
    """Where PowerShell may not call Windows, that is said, with what would help."""
    machine.mode = "ConstrainedLanguage"

    assert "constrained language mode there (AppLocker or WDAC)" in await why()
    assert machine.done == []


@pytest.mark.parametrize("bytes_of_it", [100, 30_000, 40_000])
async def test_a_script_that_was_cut(machine: Machine, why: Callable[[], Awaitable[str]], bytes_of_it: int) -> None:
    """A part of the script does nothing, and says so."""
    machine.cut = bytes_of_it

    assert "the script arrived cut" in await why()


async def test_no_administrator(machine: Machine, why: Callable[[], Awaitable[str]]) -> None:
    """A login without an administrator's rights is told so."""
    machine.win.rows.append(("admin", 0))

    assert "Kickbot's login is not an administrator there" in await why()


async def test_limits(machine: Machine) -> None:
    """`/limits` says that it doesn't know Windows' limits, and nothing of Linux."""
    async with connected(machine) as hosts:
        (found,) = [each async for each in hosts.limits(["win1"])]

    assert isinstance(found, HostLimits)
    assert found.notes == ("time limits of Remote Desktop (Group Policy) are not read yet",)


async def test_the_check_for_a_real_windows(machine: Machine, tmp_path: Path) -> None:
    """What README offers to whoever has a Windows asks for every act, has each refused, and changes nothing."""
    machine.win.ssh(5_000, BOB, "bob")
    async with listening(machine) as (port, key, known_hosts):
        config = configure(tmp_path, [("win1", "127.0.0.1", port)], key=key, known_hosts=known_hosts)
        config.write_text(config.read_text() + 'platform = "windows"\n')
        done = await asyncio.to_thread(kickbot, "hosts", "check", "win1", "--deep", "--config", str(config))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok    win1  [127.0.0.1]:")
    assert done.stdout.endswith("Windows 10.0.20348  as an administrator  5 acts refused as of another boot\n")
    assert machine.done == []
