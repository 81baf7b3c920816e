"""The whole bot but its hosts, against the sandbox workspace: real bolt, real Socket Mode, a real trail in a file."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.inventory import Inventory
from bot.models import Host
from bot.policy import Policy, Rule
from bot.rights import Rights
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from bot.slack.connect import SCOPES, Slack, connect
from bot.slack.listeners import register
from bot.slack.people import SlackPeople
from bot.slack.publisher import Publisher
from bot.workflow import Timing, Workflow
from tests.fake_hosts import FakeHosts, session

HOME = "C0INCIDENT"
NAMES = {"sessions": "/sessions", "kick": "/kick", "kickbot": "/kickbot"}
INVENTORY = Inventory(hosts={name: Host(name=name, address=name) for name in ("host1", "host2")})
RULE = Rule(hosts=frozenset({"host1", "host2"}), look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",))
POLICY = Policy(rules=(RULE,), incident_channel=HOME, channels=("#inc-*",))
QUICK = Timing(act_window=2, rung=0.05, watch=0.1, poll=(0.01, 0.02))


def usual_hosts() -> FakeHosts:
    """Two logins of audituser and one of alice on host1; nobody on host2."""
    mine = [session("7"), session("9", tty=None, runs=("sftp-server",))]
    alice = session("12", "alice", uid=1002, tty="pts/1", remote="198.51.100.4", runs=("bash", "tail"))
    return FakeHosts(host1=[*mine, alice], host2=[])


@dataclass
class Bot:
    """A running bot and everything around it."""

    sandbox: SandboxSlack
    slack: Slack
    trail: SqliteTrail
    hosts: FakeHosts
    workflow: Workflow


@asynccontextmanager
async def running(*work: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for task in work:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def sandbox_slack() -> AsyncIterator[SandboxSlack]:
    """A workspace that granted exactly the scopes that Kickbot asks for."""
    workspace = demo_workspace()
    workspace.change_app(scopes=SCOPES)
    async with SandboxSlack.start(workspace) as sandbox:
        yield sandbox


@asynccontextmanager
async def start(
    sandbox: SandboxSlack, folder: Path, hosts: FakeHosts | None = None, policy: Policy = POLICY
) -> AsyncIterator[Bot]:
    """The bot, connected and working."""
    hosts = hosts or usual_hosts()
    slack = await connect(bot_token=sandbox.bot_token, app_token=sandbox.app_token, api_url=sandbox.api_url)
    people = SlackPeople(slack.reads, slack.team)
    async with SqliteTrail.open(folder / "kickbot.db") as trail:
        workflow = Workflow(trail=trail, hosts=hosts, rights=Rights(policy, people), timing=QUICK)
        publisher = Publisher(
            client=slack.posts,
            trail=trail,
            postings=SqlitePostings(trail.database),
            incident_channel=policy.incident_channel,
            bot_user=slack.user,
        )
        register(slack.app, workflow=workflow, people=people, inventory=INVENTORY, policy=policy, names=NAMES)
        work = asyncio.create_task(workflow.run()), asyncio.create_task(publisher.run())
        async with running(*work), slack.listening(sandbox.app_token):
            yield Bot(sandbox, slack, trail, hosts, workflow)
