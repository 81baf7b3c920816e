"""`kill -9` of one of two replicas, as processes, with Slack, SSH hosts and PostgreSQL: the other one finishes."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

from bot.audit import stored
from bot.lifecycle import State, replay
from bot.models import Result
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE, bot, readable
from tests.postgres.server import TEMPLATE, Server
from tests.whole import APPROVE, CHANNEL, configure, parent_with_buttons

POINTS = [
    "append:planned:after",
    "append:ending:before",
    "append:ending:after",
    "act::after",
    "append:signalled:after",
    "append:verifying:after",
    "append:closed:before",
    "append:closed:after",
    "slack:chat.postMessage@1:after",
    "slack:chat.postMessage@3:before",
    "slack:chat.postMessage@4:after",
]
AT_ONCE = 2
"""Pairs beside each other, as in `test_kill_nine.py`."""


async def test_the_other_one_goes_on(tmp_path: Path, server: Server) -> None:
    """Whichever replica comes there is killed; the other closes the request, ends each session once, tells it once."""
    few = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, point: str) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        async with few:
            try:
                await _one_of_two_killed(folder, server.new_database(TEMPLATE), point)
            except BaseException as error:
                error.add_note(f"killed at {point}")
                raise

    async with asyncio.TaskGroup() as lives:
        for number, point in enumerate(POINTS):
            lives.create_task(one(number, point))


async def _one_of_two_killed(folder: Path, url: str, point: str) -> None:
    fate = folder / "fate"
    fate.touch()
    spec = HostSpec("host1", (Login("audituser"), Login("audituser", terminal=False), Login("alice")))
    async with SandboxHosts.start([spec]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        config = configure(
            folder, [("host1", host.address, host.port)], key=hosts.client_key, known_hosts=hosts.known_hosts
        )
        config.write_text(config.read_text() + f'\n[audit]\ndatabase = "{url}"\n')
        alice, carol = slack.as_("alice"), slack.as_("carol")

        async with bot(config, slack, point, fate) as first, bot(config, slack, point, fate) as second:
            await alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
            await carol.click(await parent_with_buttons(alice, PATIENCE), APPROVE)
            died = [asyncio.create_task(readable(process.sentinel)) for process in (first, second)]
            await asyncio.wait(died, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            await _given_up(died)
            if not await asyncio.to_thread(_approved, url):  # the one that was killed had got the click
                await carol.click(await parent_with_buttons(alice, PATIENCE), APPROVE)
            await alice.sees("*After*", CHANNEL, seconds=PATIENCE)
            await alice.sees("audituser is off host1", "@kickbot", seconds=PATIENCE)
            await alice.sees("audituser is off host1", "incidents", seconds=PATIENCE)
            for process in (first, second):
                process.join(0)
            assert sorted([first.exitcode or 0, second.exitcode or 0]) == [-signal.SIGKILL, 0]
            posted = Counter(m.text.split("\n")[0] for m in slack.workspace.messages.values() if not m.deleted)
            ends = [" ".join(c.split()[-7:]) for c in host.commands if " end " in c]

    request = replay(await asyncio.to_thread(stored.show, url, 1))
    assert request.state is State.CLOSED
    assert [o.result for o in request.outcomes] == [Result.ENDED, Result.ENDED]
    assert [line for line, times in posted.items() if times > 1 and line] == []
    assert len(ends) == len(set(ends))
    assert (await asyncio.to_thread(stored.verify, url)).events > 0


def _approved(url: str) -> bool:
    return any(record.event.kind == "approved" for record in stored.show(url, 1))


async def _given_up(waiting: list[asyncio.Task[None]]) -> None:
    """Before someone else waits for the same processes."""
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
