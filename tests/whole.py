"""The whole bot beside a sandbox workspace: what the tests of several tiers need to start it and to talk to it."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bot import app, settings
from bot.sandbox.nouns import Message
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack
from bot.workflow import Timing

CHANNEL = "inc-4711"
APPROVE = "kickbot_approve"

QUICK = Timing(act_window=2, rung=1, watch=2)
"""For tests that kill the bot in the middle of an act, and then wait until the deadline on the host is over."""

CONFIGURATION = """
[slack]
incident_channel = "C0INCIDENT"
channels = ["#inc-*"]

[ssh]
user = "{user}"
keys = ["{key}"]
known_hosts = "{known_hosts}"

[[rules]]
hosts = "*"
look = ["S0SRE"]
ask = ["S0SRE"]
approve = ["S0LEADS"]

[people]
U0BOB = ["bob"]
"""


def configure(
    folder: Path,
    hosts: Sequence[tuple[str, str, int]],
    *,
    key: Path,
    known_hosts: Path,
    user: str = "kickbot",
) -> Path:
    """A kickbot.toml in that folder. hosts: name, address, port."""
    sections = [f'[[hosts]]\nname = "{name}"\naddress = "{at}"\nport = {port}\n' for name, at, port in hosts]
    path = folder / "kickbot.toml"
    path.write_text(CONFIGURATION.format(user=user, key=key, known_hosts=known_hosts) + "\n".join(sections))
    return path


def secrets_of(slack: SandboxSlack) -> settings.Secrets:
    """What the environment would hold for this workspace."""
    return settings.Secrets(
        slack_bot_token=slack.bot_token, slack_app_token=slack.app_token, slack_api_url=slack.api_url
    )


@asynccontextmanager
async def bot_at_work(slack: SandboxSlack, config: Path, timing: Timing | None = None) -> AsyncIterator[None]:
    """The bot, in this process, on that workspace."""
    async with app.serving(settings.load(config), secrets_of(slack), timing or Timing()):
        yield


async def parent_with_buttons(person: Persona, seconds: float = 20) -> Message:
    """The message of the newest request, once it can be decided."""
    async with asyncio.timeout(seconds):
        while True:
            for message in reversed(person.messages(CHANNEL)):
                if any(e.get("action_id") == APPROVE for b in message.blocks for e in b.get("elements", ())):
                    return message
            await asyncio.sleep(0.02)


def thread(person: Persona, parent: Message) -> list[Message]:
    """The parent as it stands now, and its replies."""
    return [m for m in person.messages(CHANNEL) if parent.ts in {m.ts, m.thread_ts}]


def kickbot(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own."""
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
