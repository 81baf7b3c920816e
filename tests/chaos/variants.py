"""The same kick by other rules: with a code of the approver, with one host first, with a warning, as an emergency."""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bot.events import Ending, Judged, ReviewOpened, Signalled, Warned
from bot.forewarning import MAX_WARNINGS
from bot.lifecycle import replay
from bot.models import Warn
from bot.sandbox.elements import NotThereError
from bot.sandbox.nouns import Message
from bot.slack.content.code_form import CODE
from tests.chaos.scene import AGAIN, OnSandboxHosts, Told
from tests.codes import code, enrolled
from tests.whole import APPROVE, add_to_rule

CAROL = "U0CAROL"


class WithCode(OnSandboxHosts):
    """An approval counts only with a code of Carol's own authenticator."""

    called = "with a code"

    @classmethod
    def change(cls, config: Path) -> None:
        add_to_rule(config, "second_factor = true")
        enrolled(config.with_name("codes.toml"), CAROL)
        config.write_text(f'{config.read_text()}\n[second_factor]\nsecrets = "codes.toml"\n')

    async def approve(self, message: Message) -> None:
        """A form that never came, or that belongs to a bot that died, is tried again with the next click."""
        carol = self.slack.as_("carol")
        await carol.click(message, APPROVE)
        with suppress(TimeoutError, NotThereError):
            await carol.submit(await carol.sees_modal(seconds=AGAIN), {CODE: code(CAROL, datetime.now(UTC))})

    async def faults(self, expected: Told) -> list[str]:
        kinds = [record.event.kind for record in await self.records()]
        found = [] if kinds.count("approved") == 1 else ["not approved once"]
        if wrong := kinds.count("wrong_code"):
            found.append(f"{wrong} codes that were right were called wrong")
        return [*found, *await super().faults(expected)]


class OneFirst(OnSandboxHosts):
    """Of two hosts one goes first, and the other one only when that one is done."""

    called = "one host first"
    hosts = ("host1", "host2")
    asks = "audituser host1,host2 because INC-42"

    @classmethod
    def change(cls, config: Path) -> None:
        add_to_rule(config, "canary = true")

    async def faults(self, expected: Told) -> list[str]:
        judged, early = set[str](), list[str]()
        for record in await self.records():
            if isinstance(record.event, Judged):
                judged |= {*record.event.hosts}
            if record.event.kind == "ending" and record.event.step.host == "host2" and "host1" not in judged:
                early.append(f"host2 was begun before host1 was judged, by event {record.seq}")
        return [*early, *await super().faults(expected)]


class WithWarning(OnSandboxHosts):
    """Whoever is logged in is told before."""

    called = "with a warning"
    asks = "audituser host1 warn 5s because INC-42"

    async def faults(self, expected: Told) -> list[str]:
        told = [
            record.event.step.target.identity
            for record in await self.records()
            if isinstance(record.event, Signalled) and isinstance(record.event.step, Warn)
        ]
        found = [] if len(set(told)) == 2 * len(self.hosts) else [f"warned: {told}"]
        warned = Counter(self.answers("warn"))
        if len(warned) != 2 * len(self.hosts) or max(warned.values()) > MAX_WARNINGS:
            found.append(f"the host told: {warned}")
        return [*found, *await self._too_early(), *await super().faults(expected)]

    async def _too_early(self) -> list[str]:
        """What was begun while people still had time, by the trail's clock."""
        records = await self.records()
        until = [record.event.act_at for record in records if isinstance(record.event, Warned)]
        steps = [r for r in records if isinstance(r.event, Ending) and not isinstance(r.event.step, Warn)]
        early = [record.seq for record in steps if not until or record.at < until[0]]
        return [f"begun before the time was over, by events {early}"] if early else []


class Emergency(OnSandboxHosts):
    """Nobody approves, and two others are asked for their word afterwards, once."""

    called = "an emergency"
    follows = ReviewOpened
    asks = "audituser host1 emergency because INC-42"

    @classmethod
    def change(cls, config: Path) -> None:
        add_to_rule(config, "emergency = true")

    async def people(self) -> None:
        await self.ask()

    async def _has_told(self, expected: Told) -> bool:
        """The review itself waits for people for as long as it takes."""
        first, *reviews = await self.requests() or [()]
        ended = bool(reviews) and replay(first).state.final
        return ended and expected <= self.told(await self.records())

    async def faults(self, expected: Told) -> list[str]:
        reviews = len(await self.requests()) - 1
        return [*([] if reviews == 1 else [f"{reviews} reviews"]), *await super().faults(expected)]


VARIANTS: list[type[OnSandboxHosts]] = [WithCode, OneFirst, WithWarning, Emergency]
