"""`kill -9` of the real process at every step: the next start finishes the request; nothing is done or posted twice."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest

from bot.audit import reading
from bot.lifecycle import State, replay
from bot.models import Result
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE, bot, readable
from tests.whole import APPROVE, CHANNEL, configure, parent_with_buttons

AFTER_THE_APPROVAL = [
    "append:approved:after",
    "append:observed@2:before",
    "append:ending:before",
    "append:ending:after",
    "act::before",
    "act::after",
    "append:signalled:before",
    "append:signalled:after",
    "append:signalled@2:before",
    "append:verifying:after",
    "append:closed:before",
    "append:closed:after",
]
POSTINGS = [
    f"slack:{method}@{number}:{when}"
    for method, numbers in (("chat.postMessage", range(1, 9)), ("chat.update", range(1, 4)))
    for number in numbers
    for when in ("before", "after")
]

AT_ONCE = 2
"""Lives beside each other. More would take their time from each other, and the deadlines on the hosts are short."""


@pytest.mark.parametrize("points", [AFTER_THE_APPROVAL, POSTINGS], ids=["after the approval", "postings"])
async def test_a_kill_loses_nothing_and_does_nothing_twice(tmp_path: Path, points: list[str]) -> None:
    """Killed there and started again: the request is closed, both sessions ended once, the thread complete, once."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, point: str) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with few:
            try:
                await _killed_and_started_again(folder, point)
            except BaseException as error:
                error.add_note(f"killed at {point}")
                raise

    async with asyncio.TaskGroup() as lives:
        for number, point in enumerate(points):
            lives.create_task(one(number, point))


async def _killed_and_started_again(folder: Path, point: str) -> None:
    spec = HostSpec("host1", (Login("audituser"), Login("audituser", terminal=False), Login("alice")))
    async with SandboxHosts.start([spec]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        config = configure(
            folder, [("host1", host.address, host.port)], key=hosts.client_key, known_hosts=hosts.known_hosts
        )
        alice, carol = slack.as_("alice"), slack.as_("carol")

        async with bot(config, slack, point) as process:
            await alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
            asked = asyncio.create_task(parent_with_buttons(alice, PATIENCE))
            died = asyncio.create_task(readable(process.sentinel))
            await asyncio.wait([asked, died], return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                await carol.click(asked.result(), APPROVE)
                await asyncio.wait_for(died, PATIENCE)
            asked.cancel()
            process.join()
            assert process.exitcode == -signal.SIGKILL

        async with bot(config, slack, "never"):
            if not _approved(config):
                await carol.click(await parent_with_buttons(alice, PATIENCE), APPROVE)
            await alice.sees("*After*", CHANNEL, seconds=PATIENCE)
            await alice.sees("audituser is off host1", "@kickbot", seconds=PATIENCE)
            await alice.sees("audituser is off host1", "incidents", seconds=PATIENCE)
            posted = Counter(m.text.split("\n")[0] for m in slack.workspace.messages.values() if not m.deleted)

    request = replay(reading.show(config.parent / "kickbot.db", 1))
    assert request.state is State.CLOSED
    assert [o.result for o in request.outcomes] == [Result.ENDED, Result.ENDED]
    assert [line for line, times in posted.items() if times > 1 and line] == []
    assert _ends(host.commands) == len(set(_ends_of(host.commands)))
    assert reading.verify(config.parent / "kickbot.db").events > 0


def _approved(config: Path) -> bool:
    return any(r.event.kind == "approved" for r in reading.show(config.parent / "kickbot.db", 1))


def _ends_of(commands: list[str]) -> list[str]:
    """The sessions that the host was asked to end, by the command lines that it got."""
    return [" ".join(c.split()[-7:]) for c in commands if " end " in c]


def _ends(commands: list[str]) -> int:
    return len(_ends_of(commands))
