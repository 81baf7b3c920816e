"""A whole installation for the doctor: a workspace, hosts and a kickbot.toml, all of it right until it is changed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from click.testing import Result

from bot.audit import signing
from bot.audit.sqlite import SqliteTrail
from bot.sandbox.hosts import HostSpec, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests import make
from tests.slack_bot import sandbox_slack
from tests.whole import configure, invoked_with

PEOPLE = '\n[people]\nU0ALICE = ["alice"]\nU0BOB = ["bob"]\nU0CAROL = ["carol"]\n'


class Installation:
    """config: kickbot.toml; database and key: beside it."""

    def __init__(self, slack: SandboxSlack, hosts: SandboxHosts, config: Path) -> None:
        self.slack, self.hosts, self.config = slack, hosts, config
        self.database, self.key = config.with_name("kickbot.db"), config.with_name("checkpoints")

    @classmethod
    @asynccontextmanager
    async def set_up(cls, folder: Path, *specs: HostSpec) -> AsyncIterator["Installation"]:
        """With one event in the trail."""
        async with (
            SandboxHosts.start(specs or [HostSpec("host1"), HostSpec("host2")]) as hosts,
            sandbox_slack() as slack,
        ):
            there = [(host.name, host.address, host.port) for host in hosts.hosts.values()]
            config = configure(folder, there, key=hosts.client_key, known_hosts=hosts.known_hosts)
            made = cls(slack, hosts, config)
            made.change('\n[people]\nU0BOB = ["bob"]\n', PEOPLE)
            config.write_text(config.read_text() + f'\n[audit]\nkey = "{made.key.name}"\n')
            signing.make(made.key)
            async with SqliteTrail.open(made.database) as trail:
                await trail.append(None, make.asked())
            yield made

    def change(self, old: str, new: str) -> None:
        """In kickbot.toml."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    async def check(self, *words: str, **environment: str) -> Result:
        """`kickbot check`."""
        return await invoked_with(self.slack, "check", *words, "--config", str(self.config), **environment)
