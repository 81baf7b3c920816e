"""The whole bot but its hosts, against the sandbox workspace: real bolt, real Socket Mode, a real trail in a file."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.app import at_work
from bot.audit.sqlite import Clock, SqliteTrail, utc_now
from bot.borders import Authenticators
from bot.estate import Estate
from bot.execution import Timing
from bot.inventory import Inventory
from bot.policy import Policy
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from bot.slack.connect import Slack, connect
from bot.slack.http_mode import EVENTS, HttpMode
from bot.slack.socket_mode import Heartbeat
from bot.slack.tokens import SCOPES
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts, usual_hosts

INVENTORY = make.inventory("host1", "host2")
POLICY = make.team_policy()
NAMES = {
    "sessions": "/sessions",
    "kick": "/kick",
    "unhold": "/unhold",
    "limits": "/limits",
    "audit": "/audit",
    "kickbot": "/kickbot",
}
QUICK_BEAT = Heartbeat(ping=0.1, look=0.05, handshake=1, deaf=0.5, lost=1000)
"""A bot that soon notices that Slack is silent."""
QUICK = Timing(act_window=2, rung=0.05, watch=0.1, poll=(0.01, 0.02))


@dataclass
class Bot:
    """A running bot and everything around it."""

    sandbox: SandboxSlack
    slack: Slack
    trail: SqliteTrail
    hosts: FakeHosts
    workflow: Workflow


@asynccontextmanager
async def sandbox_slack() -> AsyncIterator[SandboxSlack]:
    """A workspace that granted exactly the scopes that Kickbot asks for."""
    workspace = demo_workspace()
    workspace.change_app(scopes=SCOPES)
    async with SandboxSlack.start(workspace) as sandbox:
        yield sandbox


@asynccontextmanager
async def start(
    sandbox: SandboxSlack,
    folder: Path,
    hosts: FakeHosts | None = None,
    policy: Policy = POLICY,
    inventory: Inventory = INVENTORY,
    http: HttpMode | None = None,
    heartbeat: Heartbeat = Heartbeat(),  # noqa: B008 - frozen
    second_factors: Authenticators | None = None,
    clock: Clock = utc_now,
) -> AsyncIterator[Bot]:
    """The bot, connected and working."""
    hosts = hosts or usual_hosts()
    slack = await connect(
        bot_token=sandbox.bot_token,
        app_token=sandbox.app_token,
        api_url=sandbox.api_url,
        http=http,
        heartbeat=heartbeat,
    )
    async with (
        SqliteTrail.open(folder / "kickbot.db", clock) as trail,
        at_work(
            slack,
            trail,
            hosts,
            estate=Estate(inventory, policy),
            names=NAMES,
            timing=QUICK,
            second_factors=second_factors,
        ) as workflow,
    ):
        yield Bot(sandbox, slack, trail, hosts, workflow)


@asynccontextmanager
async def open_port(sandbox: SandboxSlack) -> AsyncIterator[HttpMode]:
    """HTTP mode on a free port, which is the request URL of the sandbox's app; nobody listens yet."""
    async with HttpMode.open(sandbox.signing_secret, "127.0.0.1", 0) as http:
        sandbox.workspace.change_app(request_url=f"http://127.0.0.1:{http.port}{EVENTS}")
        yield http
