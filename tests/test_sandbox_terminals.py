"""The terminals of scripted logins: what is printed there can be read, until the connection ends."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox import terminals
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.server import SandboxSlack
from bot.sandbox.terminals import Terminal
from tests.lives import PATIENCE

Json = dict[str, Any]
ALICE = Login("alice", command="tail -f app.log")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandbox hosts show real processes from /proc")


@pytest.fixture
async def hosts() -> AsyncIterator[SandboxHosts]:
    """Alice's terminal on host1, and a file transfer without one."""
    async with SandboxHosts.start([HostSpec("host1", (ALICE, Login("bob", terminal=False)))]) as running:
        yield running


@pytest.fixture
def host(hosts: SandboxHosts) -> SandboxHost:
    return hosts.hosts["host1"]


@pytest.fixture
async def slack(hosts: SandboxHosts) -> AsyncIterator[SandboxSlack]:
    async with SandboxSlack.start(demo_workspace(), hosts=hosts) as running:
        yield running


@pytest.fixture
async def browser(slack: SandboxSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.page_url) as session:
        yield session


async def read(terminal: Terminal, wanted: str) -> str:
    """What there is to read when these words have come."""
    text = ""
    async with asyncio.timeout(PATIENCE):
        async for more in terminal.follow():
            text += more
            if wanted in text:
                break
    return text


async def to_the_end(terminal: Terminal) -> str:
    async with asyncio.timeout(PATIENCE):
        return "".join([text async for text in terminal.follow()])


def warn(terminal: Terminal, text: bytes) -> None:
    """Write to the device from outside, as root's script does on a host."""
    device = os.open(Path("/dev", terminal.name), os.O_WRONLY | os.O_NOCTTY)
    os.write(device, text)
    os.close(device)


async def events(stream: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Json]]:
    while line := await stream.content.readline():
        data = await stream.content.readline()
        await stream.content.readline()
        yield line.decode().removeprefix("event: ").strip(), json.loads(data.removeprefix(b"data: "))


async def test_a_login_looks_like_a_persons_terminal(host: SandboxHost) -> None:
    """A prompt with what was typed, and a line of what such a command prints; a login without a terminal has none."""
    [terminal] = host.terminals()
    text = await read(terminal, " ms\r\n")

    assert text.startswith("alice@host1:~$ tail -f app.log\r\n")
    assert "INFO  request 4711 done" in text
    assert (terminal.user, terminal.name.startswith("pts/"), terminal.open) == ("alice", True, True)


async def test_what_others_write_to_the_device_is_read_there(host: SandboxHost) -> None:
    """A warning arrives as its person sees it, whatever bytes it holds."""
    [terminal] = host.terminals()
    await read(terminal, " ms\r\n")

    warn(terminal, "Ende in 1 min\u00fc\n".encode() + b"\xff<b>\n")

    assert (await read(terminal, "<b>")).endswith("Ende in 1 min\u00fc\r\n\N{REPLACEMENT CHARACTER}<b>\r\n")


@pytest.mark.parametrize("way", ["end", "remove"])
async def test_a_reader_hears_of_the_end(host: SandboxHost, way: str) -> None:
    """All that was printed comes first; the closed terminal can still be read."""
    [terminal] = host.terminals()
    await read(terminal, " ms\r\n")
    reading = asyncio.ensure_future(to_the_end(terminal))
    warn(terminal, b"bye\n")
    await read(terminal, "bye")

    await (host.end(terminal.session) if way == "end" else host.logins.remove(terminal.session))

    assert (await reading).endswith("bye\r\n")
    assert not terminal.open
    assert (await to_the_end(terminal)).endswith("bye\r\n")


async def test_a_used_session_id_has_a_terminal_of_its_own(host: SandboxHost) -> None:
    """The old one is closed and gone from the list."""
    [old] = host.terminals()

    await host.reuse(old.session, "carol")

    [new] = host.terminals()
    assert (old.open, new.open, new.user, new.session) == (False, True, "carol", old.session)
    assert (await read(new, "4000")).startswith("carol@host1:~$ sleep 4000")


async def test_who_left_something_behind_has_no_connection(host: SandboxHost) -> None:
    """The session is closing, its terminal is closed."""
    await host.login("eve", behaviour="closing")
    *_, terminal = host.terminals()

    await to_the_end(terminal)

    assert len(host.sessions()) == 3
    assert not terminal.open


async def test_only_the_newest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal on which very much is printed forgets its oldest lines; who follows it misses nothing."""
    monkeypatch.setattr(terminals, "MOST", 10)
    terminal = Terminal("host1", "3", "alice", lambda: None)
    following = terminal.follow()
    read_live = ""
    for chunk in (b"0123456", "789\u00e4".encode(), b"bcdef"):
        terminal.data_received(chunk)
        read_live += await anext(following)
    terminal.connection_lost(None)

    assert read_live == "0123456789\u00e4bcdef"
    assert await to_the_end(terminal) == "789\u00e4bcdef"


async def test_the_page_lists_terminals_and_follows_one(
    host: SandboxHost, slack: SandboxSlack, browser: aiohttp.ClientSession
) -> None:
    """Everything since the login, then live, then that it was closed; and each change is a happening."""
    [terminal] = host.terminals()
    about = {"host": "host1", "session": terminal.session, "user": "alice", "terminal": terminal.name}
    async with browser.get("/sandbox/state") as answer:
        assert (await answer.json())["terminals"] == [about | {"open": True}]

    async with browser.get(f"/sandbox/terminals/host1/{terminal.session}") as stream:
        following = events(stream)
        kind, data = await anext(following)
        await host.end(terminal.session)
        *_, last = [event async for event in following]

    assert (kind, data["text"][:16]) == ("output", "alice@host1:~$ t")
    assert last == ("closed", {})
    assert [happening.kind for happening in slack.workspace.happenings] == ["terminals_changed"]
    async with browser.get("/sandbox/state") as answer:
        assert (await answer.json())["terminals"] == [about | {"open": False}]


async def test_a_login_is_a_happening(host: SandboxHost, slack: SandboxSlack) -> None:
    """One with a terminal: the page shows no others."""
    await host.login("carol", terminal=False)
    await host.login("carol")

    assert [happening.kind for happening in slack.workspace.happenings] == ["terminals_changed"]


async def test_nothing_can_be_typed_into_a_terminal(host: SandboxHost, browser: aiohttp.ClientSession) -> None:
    """There is no such request, and no other host or session behind the name."""
    [terminal] = host.terminals()
    path = f"/sandbox/terminals/host1/{terminal.session}"

    assert [(await browser.request(method, path, data=b"reboot\n")).status for method in ("POST", "PUT")] == [405, 405]
    for wrong in ("host2/3", "host1/99", f"host1/..%2F{terminal.session}"):
        async with browser.get(f"/sandbox/terminals/{wrong}") as missing:
            assert missing.status == 404


async def test_the_listener_goes_with_the_workspace(hosts: SandboxHosts) -> None:
    """Hosts outlive a workspace without calling into it."""
    async with SandboxSlack.start(demo_workspace(), hosts=hosts) as slack:
        assert len(hosts.listeners) == 1
    await hosts.hosts["host1"].login("carol")

    assert hosts.listeners == set()
    assert slack.workspace.happenings == []
