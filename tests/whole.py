"""The whole bot beside a sandbox workspace: what the tests of several tiers need to start it and to talk to it."""

import asyncio
import os
import pty
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from bot import app, credentials, settings
from bot.cli.main import main
from bot.execution import Timing
from bot.sandbox.log import PATIENCE
from bot.sandbox.nouns import Message
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack

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


def add_to_rule(config: Path, line: str) -> None:
    """One more line in the rule of a configuration that `configure` made."""
    approve = 'approve = ["S0LEADS"]\n'
    text = config.read_text()
    assert approve in text
    config.write_text(text.replace(approve, f"{approve}{line}\n"))


def secrets_of(slack: SandboxSlack) -> credentials.Secrets:
    """What the environment would hold for this workspace."""
    return credentials.Secrets(
        slack_bot_token=slack.bot_token, slack_app_token=slack.app_token, slack_api_url=slack.api_url
    )


@asynccontextmanager
async def bot_at_work(slack: SandboxSlack, config: Path, timing: Timing | None = None) -> AsyncIterator[None]:
    """The bot, in this process, on that workspace."""
    async with app.serving(settings.load(config), secrets_of(slack), timing or Timing()):
        yield


async def parent_with_buttons(person: Persona, seconds: float = PATIENCE) -> Message:
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


def environment_of(slack: SandboxSlack, **changed: str) -> dict[str, str]:
    """The same as variables."""
    names = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token, "SLACK_API_URL": slack.api_url}
    return {**names, **changed}


def kickbot(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a process of its own."""
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def at_the_terminal(
    *words: str, answers: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """The exit status, and all that stood on the terminal. answers: typed one after the other."""
    above, below = pty.openpty()
    command, env = [sys.executable, "-m", "bot", *words], {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, stdin=below, stdout=below, stderr=below, env=env)
    os.close(below)
    os.write(above, "".join(f"{answer}\n" for answer in answers).encode())
    shown = bytearray()
    try:
        while part := os.read(above, 4096):
            shown += part
    except OSError:  # how a terminal ends
        pass
    os.close(above)
    return process.wait(60), shown.decode().replace("\r\n", "\n")


def invoked(*words: str, **environment: str) -> Result:
    """The same in this process, which is quicker. environment: all that there is of Slack."""
    without = dict.fromkeys((name for name in os.environ if name.startswith("SLACK_")), None)
    return CliRunner().invoke(main, words, env={**without, **environment}, catch_exceptions=False)


async def invoked_with(slack: SandboxSlack, *words: str, **changed: str) -> Result:
    """The same beside a sandbox, with its secrets."""
    return await asyncio.to_thread(invoked, *words, **environment_of(slack, **changed))
