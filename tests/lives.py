"""Bots as processes of their own, for the tests that kill and stop them."""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from bot.sandbox.server import SandboxSlack
from tests import dying_bot
from tests.dying_bot import Life

PATIENCE = 120
"""Seconds, for what takes two when the machine is not busy."""

# One process has everything imported, and each bot is a fork of it: half of a start is the imports.
STARTS = multiprocessing.get_context("forkserver")
STARTS.set_forkserver_preload(["__main__", dying_bot.__name__])


@asynccontextmanager
async def bot(config: Path, slack: SandboxSlack, life: Life) -> AsyncIterator[BaseProcess]:
    """The bot as a process, ready to listen; it is gone at the end in any case."""
    secrets = secrets_of(slack)
    heard, ready = STARTS.Pipe(duplex=False)
    process = STARTS.Process(target=dying_bot.main, args=(config, secrets, life, ready))
    process.start()
    ready.close()
    try:
        with heard:
            await asyncio.wait_for(readable(heard.fileno()), PATIENCE)
            assert heard.recv() == "ready"
        yield process
    finally:
        process.kill()
        await readable(process.sentinel)
        process.join()


@dataclass
class Running:
    """`kickbot run`. said: the lines of its log so far."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)


@asynccontextmanager
async def running(config: Path, slack: SandboxSlack) -> AsyncIterator[Running]:
    """`kickbot run`, as people start it, once it is ready; it is gone at the end in any case."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", "--config", str(config)),
        env={**os.environ, **secrets_of(slack)},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    bot, ready = Running(process), asyncio.Event()
    listening = asyncio.create_task(_listen(bot, ready))
    try:
        await asyncio.wait_for(ready.wait(), PATIENCE)
        assert process.returncode is None, bot.said
        yield bot
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await listening


async def _listen(bot: Running, ready: asyncio.Event) -> None:
    """Nobody is held up by a log that nobody reads."""
    assert bot.process.stderr
    async for line in bot.process.stderr:
        bot.said.append(line.decode(errors="replace"))
        if line.endswith(b": ready\n"):
            ready.set()
    ready.set()


def secrets_of(slack: SandboxSlack) -> dict[str, str]:
    """For a bot's environment."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
    }


async def readable(descriptor: int) -> None:
    """Return when there is something to read; of a process's sentinel, when that process has ended."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, event.set)
    try:
        await event.wait()
    finally:
        loop.remove_reader(descriptor)


def is_stopped(process: BaseProcess) -> bool:
    """True if a signal has stopped it, and none has let it go on."""
    state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"
