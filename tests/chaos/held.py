"""A kick with a hold on a booted host, and two people who give the account back before its time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.events import Held
from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.chaos.scene import AGAIN, Scene, trail_of
from tests.hosts import witness
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine
from tests.whole import CHANNEL, add_to_rule, configure

USER = "audituser"
DAY = "25000"
"""On which the account ends anyway."""
ENDED = "/var/lib/kickbot/holds/ended"
GIVEN = ["given by kickbot"]
CLEAN = f"""
systemctl disable --quiet --now kickbot-hold-1001.timer 2>/dev/null
rm -rf /var/lib/kickbot /etc/systemd/system/kickbot-*; usermod -e '{DAY}' {USER}
"""


class OnMachine(Scene):
    """Its people and its bots are as anywhere."""

    follows = Held

    def __init__(self, folder: Path, slack: SandboxSlack, config: Path, database: Path | str, machine: Machine) -> None:
        super().__init__(folder, slack, config, database)
        self._machine = machine
        self.asks = f"{USER} {machine.name} hold 2h because INC-42"

    @classmethod
    @asynccontextmanager
    async def start(cls, free: asyncio.Queue[Machine], folder: Path, url: str = "") -> AsyncIterator[Scene]:
        """free: the machines on which nothing else happens."""
        machine = await free.get()
        try:
            await asyncio.to_thread(machine.run, "sh", "-c", CLEAN)
            with Logins() as logins:
                for user in (USER, USER, "alice"):
                    await asyncio.to_thread(logins.terminal, machine, user)
                async with SandboxSlack.start(demo_workspace()) as slack:
                    config = _configured(folder, machine)
                    yield cls(folder, slack, config, trail_of(config, url), machine)
        finally:
            await asyncio.to_thread(machine.end_logins)
            free.put_nowait(machine)

    async def people(self) -> None:
        await super().people()
        alice, carol = self.slack.as_("alice"), self.slack.as_("carol")
        while not await self._within(AGAIN, "held"):
            pass
        for person, effect in ((alice, "unhold_asked"), (carol, "unhold_approved")):
            while not await self._within(0, effect):
                await person.command(CHANNEL, "/unhold", f"{USER} {self._machine.name} because it is over")
                await self._within(AGAIN, effect)

    async def faults(self, expected: frozenset[tuple[str, str]]) -> list[str]:
        found = await super().faults(expected)
        if (holds := len(await self.requests()) - 1) != 1:
            found.append(f"{holds} holds")
        if (ended := await asyncio.to_thread(self._ended)) != GIVEN:
            found.append(f"given back: {ended}")
        if (day := self._machine.run("getent", "shadow", USER).split(":")[7]) != DAY:
            found.append(f"the account ends on day {day}")
        return found

    async def _has_told(self, expected: frozenset[tuple[str, str]]) -> bool:
        """One hold lives on by itself, so without it nothing is complete."""
        return len(await self.requests()) > 1 and await super()._has_told(expected)

    def _ended(self) -> list[str]:
        """How holds ended, as the host tells."""
        lines = self._machine.run("sh", "-c", f"cat {ENDED} 2>/dev/null || true").splitlines()
        return [" ".join(line.split()[1:4]) for line in lines]

    def logged_in(self) -> list[str]:
        """By their shells."""
        return [each.user for each in witness.processes(self._machine) if each.command == "-bash"]

    def asked_to_end(self) -> int:
        return len(self.acts())


def _configured(folder: Path, machine: Machine) -> Path:
    known = folder / "known_hosts"
    known.write_text(machine.known_hosts.read_text())
    config = configure(folder, [(machine.name, machine.address, 22)], key=machine.identity, known_hosts=known)
    add_to_rule(config, 'acts = ["kick", "hold", "unhold"]')
    return config
