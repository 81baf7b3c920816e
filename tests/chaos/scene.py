"""One kick, with people who repeat what a bot that died has not heard, and what is to be seen of it.

It starts no bot: who carries the kick out is the test's affair.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path

from bot.audit import stored
from bot.errors import BrokenTrail, TrailError
from bot.events import Held, Record, ReviewOpened
from bot.lifecycle import replay
from bot.models import Result
from bot.sandbox import elements
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.states import State
from tests.lives import PATIENCE
from tests.whole import APPROVE, CHANNEL, configure

LOGINS = (Login("audituser"), Login("audituser", terminal=False), Login("alice"))
AGAIN = 10
"""Seconds after which people do again what shows no effect."""
LOOK = 0.3
"""Seconds between two looks at the trail."""

Told = frozenset[tuple[str, str]]
"""What stands in Slack: the kind of an event, and the part that tells of it."""


class Scene(ABC):
    """database: the trail's file, or its address. passed: what the bots wrote down, see `dying_bot`."""

    asks = "audituser host1 because INC-42"
    """Two sessions of audituser on each host; alice is logged in too."""
    hosts: tuple[str, ...] = ("host1",)
    follows: type[Held | ReviewOpened] | None = None
    """With which event what it leads to begins, a request of its own."""

    def __init__(self, folder: Path, slack: SandboxSlack, config: Path, database: Path | str) -> None:
        self.slack, self.config, self.database = slack, config, database
        self.passed, self.fate = folder / "passed", folder / "fate"
        self.passed.touch()
        self.fate.touch()

    @abstractmethod
    def logged_in(self) -> list[str]:
        """The accounts, one for each session, as the host itself has it."""

    @abstractmethod
    def asked_to_end(self) -> int:
        """How often the host was asked to end a session."""

    # ------------------------------------------------------------------------------------------ people

    async def people(self) -> None:
        """Alice asks and Carol approves, each as often as it takes."""
        await self.ask()
        while not await self._within(LOOK, "approved"):
            for message in self.slack.as_("alice").messages(CHANNEL):
                if _offers_a_decision(message):
                    await self.approve(message)
                    await self._within(AGAIN, "approved")
                    break

    async def ask(self) -> None:
        while not await self.records():
            outcome = await self.slack.as_("alice").command(CHANNEL, "/kick", self.asks)
            await self._within(AGAIN if outcome.ok else 1, "asked")

    async def approve(self, message: Message) -> None:
        await self.slack.as_("carol").click(message, APPROVE)

    async def _within(self, seconds: float, kind: str) -> bool:
        """True as soon as there is such an event."""
        until = time.monotonic() + seconds
        while not any(record.event.kind == kind for record in await self.records()):
            if time.monotonic() > until:
                return False
            await asyncio.sleep(LOOK)
        return True

    # ------------------------------------------------------------------------------------------ waiting

    async def settled(self, expected: Told = frozenset(), quiet: float = 0.5) -> None:
        """Returns when all has ended, all that is expected is told, and the bots call Slack no more.

        Raises TimeoutError, with what is missing.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while not await self._has_told(expected):  # noqa: ASYNC110 - another process's
                    await asyncio.sleep(LOOK)
                await self._is_quiet(quiet)
        except TimeoutError as error:
            error.add_note(f"missing: {sorted(expected - self.told(await self.records()))}")
            raise

    async def _has_told(self, expected: Told) -> bool:
        requests = await self.requests()
        ended = bool(requests) and all(replay(records).state.final for records in requests)
        return ended and expected <= self.told(list(chain(*requests)))

    async def _is_quiet(self, seconds: float) -> None:
        heard = -1
        while heard < len(self.slack.workspace.happenings):
            heard = len(self.slack.workspace.happenings)
            await asyncio.sleep(seconds)

    # ------------------------------------------------------------------------------------------ what is seen

    async def records(self) -> Sequence[Record]:
        """The events of all that it is about."""
        return list(chain(*await self.requests()))

    async def requests(self) -> Sequence[Sequence[Record]]:
        """The first one, and those that it led to; none as long as there is none."""
        try:
            first = await asyncio.to_thread(stored.show, self.database, 1)
        except TrailError:
            return ()
        if self.follows is None:
            return [first]
        known = await asyncio.to_thread(stored.list_requests, self.database, about=None, limit=100)
        return [first, *(records for records in known if isinstance(records[0].event, self.follows))]

    def tags(self) -> Counter[tuple[int, str]]:
        """(event, part) of each message, and how often it stands there; (0, name) of a file."""
        workspace = self.slack.workspace
        there = [m for m in workspace.messages.values() if not m.deleted]
        about = [m.metadata["event_payload"] for m in there if m.metadata]
        files = [(0, workspace.files[one].name) for m in there for one in m.files]
        return Counter([*((tag["event"], tag["part"]) for tag in about), *files])

    def told(self, records: Sequence[Record]) -> Told:
        kinds = {record.seq: record.event.kind for record in records}
        return frozenset((kinds[event], part) for event, part in self.tags() if event in kinds)

    def doubles(self) -> int:
        """Messages that stand there once too often."""
        return sum(times - 1 for times in self.tags().values())

    def acts(self) -> list[str]:
        """The sessions that the host says it has ended, in this order, by its own answers to the bots."""
        return self.answers("end_session")

    def answers(self, kind: str) -> list[str]:
        """What each such step was aimed at that the host says it has done."""
        lines = [line.split(maxsplit=3) for line in self.passed.read_text().splitlines()]
        return [line[3] for line in lines if line[:3] == ["answer", "done", kind]]

    def points(self) -> list[str]:
        """What the bots have passed, each once, in order."""
        lines = dict.fromkeys(self.passed.read_text().splitlines())
        return [line for line in lines if not line.startswith("answer ")]

    async def faults(self, expected: Told) -> list[str]:
        """What is not as it should be in the end; nothing, if all went well."""
        records = await self.records()
        request = replay((await self.requests())[0])
        found, ends = [], [Result.ENDED] * 2 * len(self.hosts)
        if request.state is not State.CLOSED or [o.result for o in request.outcomes] != ends:
            found.append(f"{request.state}: {[str(o.result) for o in request.outcomes]}")
        acts = self.acts()
        if len(acts) != len(set(acts)):
            found.append(f"ended more than once: {acts}")
        left = await asyncio.to_thread(self.logged_in)
        if left.count("alice") != len(self.hosts) or "audituser" in left:
            found.append(f"logged in afterwards: {left}")
        if missing := expected - self.told(records):
            found.append(f"not told: {sorted(missing)}")
        if any(map(_offers_a_decision, self.slack.as_("alice").messages(CHANNEL))):
            found.append("a message still offers a decision")
        try:
            await asyncio.to_thread(stored.verify, self.database)
        except BrokenTrail as error:
            found.append(str(error))
        return found


class OnSandboxHosts(Scene):
    """The hosts are stand-ins. called: what is special about it, in the table."""

    called = "a kick"

    def __init__(
        self, folder: Path, slack: SandboxSlack, config: Path, database: Path | str, there: Collection[SandboxHost]
    ) -> None:
        super().__init__(folder, slack, config, database)
        self._there = there

    @classmethod
    @asynccontextmanager
    async def start(cls, folder: Path, url: str = "") -> AsyncIterator[Scene]:
        """folder: there already. url: of an empty trail in PostgreSQL; without it the trail is a SQLite file."""
        specs = [HostSpec(name, LOGINS) for name in cls.hosts]
        async with SandboxHosts.start(specs) as hosts, SandboxSlack.start(demo_workspace()) as slack:
            at = [(host.name, host.address, host.port) for host in hosts.hosts.values()]
            config = configure(folder, at, key=hosts.client_key, known_hosts=hosts.known_hosts)
            cls.change(config)
            yield cls(folder, slack, config, trail_of(config, url), hosts.hosts.values())

    @classmethod
    def change(cls, config: Path) -> None:
        """What is other than usual in its kickbot.toml."""

    def logged_in(self) -> list[str]:
        return [session.account.name for host in self._there for session in host.sessions()]

    def asked_to_end(self) -> int:
        return sum(" end " in command for host in self._there for command in host.commands)


def trail_of(config: Path, url: str) -> Path | str:
    """Where the trail of that configuration is: at that address, which is put in, or in its own folder."""
    if not url:
        return config.parent / "kickbot.db"
    config.write_text(f'{config.read_text()}\n[audit]\ndatabase = "{url}"\n')
    return url


def _offers_a_decision(message: Message) -> bool:
    return any(place.element["action_id"] == APPROVE for place in elements.places(message.blocks))
