"""One `/sessions host1` on a warm connection, from the envelope to the message, beside what people do without a bot.

The bot is the real process, Slack the sandbox's, the host runs the real script. Beside it runs the same script over
OpenSSH's ControlMaster, pair by pair, and `ssh` that is started once for `true`.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from bot.hosts.drivers.linux import LOOK_SCRIPT
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.bench.clients import ASKED, Run, openssh
from tests.bench.fanout import measured
from tests.bench.fleet import Fleet
from tests.chaos.figures import cpu
from tests.whole import CHANNEL, configure

PATIENCE = 60
SETTLED = 3.0
"""Seconds after the start, in which it reads what there is."""
STARTS = 5
IMPORTS = "import asyncssh, slack_bolt"

Pairs = dict[str, list[float]]
"""What was measured -> seconds, one for each round."""


async def pairs(fleet: Fleet, times: int, folder: Path) -> Pairs:
    """times: at most 19, or the bot refuses the person who asks."""
    found: Pairs = {name: [] for name in ("slash wall", "master wall", "ssh cpu", "start wall", "imports wall")}
    host = ("host1", fleet.addresses[0], fleet.port)
    config = configure(folder, [host], key=fleet.key, known_hosts=fleet.known_hosts, user="root")
    async with SandboxSlack.start(demo_workspace()) as slack, bot(config, slack) as (pid, _):
        with _master(fleet, folder) as master:
            await asyncio.sleep(SETTLED)
            await _slash(slack)
            spent = cpu(pid)
            for _ in range(times):
                found["slash wall"].append(await _slash(slack))
                found["master wall"].append(await _timed(*master, ASKED))
            found["slash cpu"] = [(cpu(pid) - spent) / times]
    for _ in range(times):
        once, _ = measured(Run(openssh(fleet, fleet.addresses[0], "true")), folder / "said")
        found["ssh cpu"].append(once["cpu"])
    for _ in range(STARTS):
        found["imports wall"].append(await _timed(sys.executable, "-c", IMPORTS))
        found["start wall"].append(await _started(config))
    return found


@contextmanager
def _master(fleet: Fleet, folder: Path) -> Iterator[tuple[str, ...]]:
    """One connection of OpenSSH to the first host, and how it is used."""
    master = openssh(fleet, fleet.addresses[0], "-S", str(folder / "master"))
    subprocess.run([*master, "-fNM"], check=True)
    try:
        yield master
    finally:
        subprocess.run([*master, "-O", "exit"], check=False, capture_output=True)


async def _slash(slack: SandboxSlack) -> float:
    alice = slack.as_("alice")
    before, began = len(alice.messages(CHANNEL)), time.monotonic()
    await alice.command(CHANNEL, "/sessions", "host1")
    await slack.workspace.until(lambda: len(alice.messages(CHANNEL)) > before, PATIENCE)
    return time.monotonic() - began


async def _timed(*argv: str) -> float:
    began = time.monotonic()
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    await process.communicate(LOOK_SCRIPT)
    if process.returncode:
        raise RuntimeError(f"{argv[0]} exited with {process.returncode}")
    return time.monotonic() - began


async def _started(config: Path) -> float:
    async with SandboxSlack.start(demo_workspace()) as slack, bot(config, slack) as (_, ready):
        return ready


@asynccontextmanager
async def bot(config: Path, slack: SandboxSlack) -> AsyncIterator[tuple[int, float]]:
    """The bot as people run it: its pid, and the seconds until it said that it is ready."""
    secrets = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
    }
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "run", "--config", str(config)),
        env=os.environ | secrets,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    try:
        async with asyncio.timeout(PATIENCE):
            while b"ready" not in await process.stderr.readline():
                pass
        yield process.pid, time.monotonic() - began
    finally:
        process.terminate()
        await process.communicate()
