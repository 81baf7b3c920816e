"""`kickbot demo`: an embedded Slack workspace, embedded hosts and the bot itself, all on this machine.

The bot is started as anyone would start it, from a kickbot.toml and an address of Slack; it knows no sandbox.
"""

import asyncio
import html
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import click

from bot import app, credentials, settings
from bot.errors import KickbotError
from bot.policy import without_markup
from bot.sandbox.cast import GROUPS, PEOPLE, demo_workspace
from bot.sandbox.host_server import LOOPBACK
from bot.sandbox.hosts import SandboxHosts, TwinSpec, demo_fleet, demo_hosts
from bot.sandbox.nouns import Ephemeral, Message
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack

PATIENCE = 30.0
APPROVE = "kickbot_approve"
NAMES = {p.id: f"@{p.name}" for p in PEOPLE} | {g.id: f"@{g.handle}" for g in GROUPS}

CONFIGURATION = """\
[slack]
incident_channel = "C0INCIDENT"
channels = ["#inc-*"]

[audit]
database = "kickbot.db"

[ssh]
user = "kickbot"
keys = ["{key}"]
known_hosts = "{known_hosts}"
{hosts}{fleet}
[[rules]]
hosts = "*"
acts = ["kick", "force", "processes"]
look = ["S0SRE"]
ask = ["S0SRE"]
approve = ["S0LEADS"]

[people]
U0BOB = ["bob"]
"""

HOST = """
[[hosts]]
name = "{name}"
address = "{address}"
port = {port}
"""

TWIN = f"""{HOST}groups = ["fleet"]
"""

RULE_OF_FLEET = """
[[rules]]
hosts = "@fleet"
look = ["S0SRE"]
"""


@asynccontextmanager
async def _stage(port: int = 0, fleet: Sequence[TwinSpec] = ()) -> AsyncIterator[tuple[SandboxSlack, Path]]:
    """Everything running; the workspace, and the bot's kickbot.toml."""
    with tempfile.TemporaryDirectory(prefix="kickbot-demo-") as folder:
        async with (
            SandboxHosts.start(demo_hosts(), fleet) as hosts,
            SandboxSlack.start(demo_workspace(), port=port, hosts=hosts) as slack,
        ):
            config = Path(folder) / "kickbot.toml"
            config.write_text(configuration(hosts), encoding="utf-8")
            secrets = credentials.Secrets(
                slack_bot_token=slack.bot_token, slack_app_token=slack.app_token, slack_api_url=slack.api_url
            )
            async with app.serving(settings.load(config), secrets):
                yield slack, config


def configuration(hosts: SandboxHosts) -> str:
    sections = [HOST.format(name=h.name, address=h.address, port=h.port) for h in hosts.hosts.values()]
    twins = [TWIN.format(name=t.name, address=LOOPBACK, port=t.port) for t in hosts.twins.values()]
    return CONFIGURATION.format(
        key=hosts.client_key,
        known_hosts=hosts.known_hosts,
        hosts="".join(sections),
        fleet="".join([*twins, RULE_OF_FLEET]) if twins else "",
    )


async def open_page(port: int) -> None:
    """Serve the page until Ctrl-C."""
    async with _stage(port, demo_fleet()) as (slack, config):
        click.echo(f"Open {slack.page_url} in a browser. You are Alice; try:\n")
        click.echo("  /sessions host1\n  /kick audituser host1 because INC-42 laptop stolen\n")
        click.echo("Then be Carol, and approve. Try also:\n")
        click.echo("  /kick audituser host2 warn 1m        told first, and you or Carol can stop it")
        click.echo("  /kick bob host2                      ignores the polite signals: ask to force it\n")
        click.echo("And two hundred hosts that can only be looked at:\n")
        click.echo("  /sessions @fleet                     /sessions @fleet audituser\n")
        click.echo("Afterwards, in another terminal:\n")
        click.echo(f"  {_kickbot()} audit verify --config {config}\n\nCtrl-C ends it all.")
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()


def _kickbot() -> str:
    """What was typed for it, as the README spells it."""
    script = Path(".venv/bin/kickbot")
    return str(script) if Path(sys.argv[0]).absolute() == script.absolute() else f"{sys.executable} -m bot"


async def play() -> None:
    """One story from the question to the proof, printed as text. Raises KickbotError if it goes another way."""
    async with _stage() as (slack, config):
        alice, carol = slack.as_("alice"), slack.as_("carol")
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await _tell(alice, carol)
        except TimeoutError as error:
            raise KickbotError("the story did not go on within a minute") from error
        _verify(config)


async def _tell(alice: Persona, carol: Persona) -> None:
    channel = "inc-4711"
    await _type(alice, channel, "/sessions", "host1")
    _print(await alice.sees("host1: ", channel, seconds=PATIENCE))
    await _type(alice, channel, "/kick", "audituser host1 because INC-42 laptop stolen")
    parent = await _until_decidable(alice, channel)
    _print(parent)
    _act("Alice presses Approve on her own request")
    await alice.click(parent, APPROVE)
    _print(await alice.sees("can't approve", channel, seconds=PATIENCE))
    _act("Carol presses Approve")
    await carol.click(parent, APPROVE)
    await alice.sees("audituser is off host1", channel, seconds=PATIENCE)
    await alice.sees("After", channel, seconds=PATIENCE)
    _act("The thread, in the end")
    for message in _thread(alice, channel, parent.ts):
        _print(message)


async def _type(person: Persona, channel: str, command: str, text: str) -> None:
    _act(f"{person.person.real_name} types {command} {text}")
    await person.command(channel, command, text)


async def _until_decidable(person: Persona, channel: str) -> Message:
    """The request's message, once it has its buttons."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for message in person.messages(channel):
                if any(e.get("action_id") == APPROVE for b in message.blocks for e in b.get("elements", ())):
                    return message
            await asyncio.sleep(0.05)


def _thread(person: Persona, channel: str, ts: str) -> list[Message]:
    return [m for m in person.messages(channel) if ts in {m.ts, m.thread_ts}]


def _verify(config: Path) -> None:
    _act("kickbot audit verify")
    command = [sys.executable, "-m", "bot", "audit", "verify", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))  # noqa: S603
    click.echo(done.stdout + done.stderr)
    if done.returncode:
        raise KickbotError("the audit trail does not verify")


def _act(title: str) -> None:
    click.echo(f"── {title} ".ljust(100, "─"))


def _print(message: Message | Ephemeral) -> None:
    """A message as text; one that only holds files says so."""
    alone = "(only visible to you) " if isinstance(message, Ephemeral) else ""
    click.echo(f"{alone}{_plain(message.text) or '[a file: what the host said, whole]'}\n")


def _plain(text: str) -> str:
    """Slack's markup as a person reads it."""
    text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    text = without_markup(text, lambda who: NAMES.get(who, who))
    text = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text)
    return html.unescape(text)
