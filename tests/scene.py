"""The whole bot with one sandbox host and a workspace, and short ways to ask what became of a request."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bot.audit import stored
from bot.events import Record
from bot.lifecycle import replay
from bot.request import Request
from bot.sandbox import nouns
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE
from tests.whole import CHANNEL, configure, parent_with_buttons

SPEC = HostSpec("host1", (Login("audituser"), Login("audituser", terminal=False), Login("alice")))


class Scene:
    """Alice asks, Carol approves. database: as kickbot.toml names it."""

    def __init__(self, host: SandboxHost, slack: SandboxSlack, config: Path, database: str) -> None:
        self.host, self.slack, self.config, self.database = host, slack, config, database
        self.alice, self.carol = slack.as_("alice"), slack.as_("carol")

    @classmethod
    @asynccontextmanager
    async def set(cls, folder: Path, database: str = "") -> AsyncIterator["Scene"]:
        """database: a SQLite file in that folder if not given."""
        where = database or str(folder / "kickbot.db")
        async with SandboxHosts.start([SPEC]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
            host = hosts.hosts["host1"]
            lines = [(host.name, host.address, host.port)]
            config = configure(folder, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
            config.write_text(config.read_text() + f'\n[audit]\ndatabase = "{where}"\n')
            yield cls(host, slack, config, where)

    async def asked(self) -> nouns.Message:
        await self.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        return await parent_with_buttons(self.alice, PATIENCE)

    async def told(self) -> None:
        """To everyone whom it concerns, to the end."""
        await self.alice.sees("*After*", CHANNEL, seconds=PATIENCE)
        await self.alice.sees("audituser is off host1", "@kickbot", seconds=PATIENCE)
        await self.alice.sees("audituser is off host1", "incidents", seconds=PATIENCE)

    # ------------------------------------------------------------------------------------------ what became of it

    def records(self, number: int = 1) -> list[Record]:
        return list(stored.show(self.location, number))

    @property
    def location(self) -> Path | str:
        return self.database if self.database.startswith("postgresql:") else Path(self.database)

    def kinds(self) -> list[str]:
        return [record.event.kind for record in self.records()]

    def request(self, number: int = 1) -> Request:
        return replay(self.records(number))

    def ends(self) -> list[str]:
        """The sessions that the host was asked to end, by the command lines that it got."""
        return [" ".join(c.split()[-7:]) for c in self.host.commands if " end " in c]

    def users(self) -> list[str]:
        return sorted(s.account.name for s in self.host.sessions() if s.account.name != "kickbot")

    def said_twice(self) -> list[str]:
        said = Counter(m.text.split("\n")[0] for m in self.slack.workspace.messages.values() if not m.deleted)
        return [text for text, times in said.items() if times > 1 and text]


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)
