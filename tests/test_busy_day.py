"""A busy day: what Slack allows is kept to, and a decision is shown at once, however much there is to post."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.request import Request
from bot.sandbox import elements
from bot.sandbox.nouns import Fault, Message
from bot.sandbox.rates import Rates
from bot.sandbox.server import SandboxSlack
from bot.slack.content.tickets import APPROVE
from bot.slack.outgoing.tempo import Tempo
from tests.fakes import FakeSeconds
from tests.make import INCIDENT
from tests.publishing import Teller, Unfolding, part_of, publisher, teller
from tests.slack_bot import sandbox_slack, start

MANY = 200


class Counted:
    """Slack's rate limits for all that is posted; how often they were hit."""

    def __init__(self, clock: Any) -> None:
        self.rates, self.refused = Rates(clock), 0

    def __call__(self, method: str, args: Mapping[str, Any]) -> Fault | None:
        fault = self.rates(method, args) if method.startswith(("chat.", "conversations.", "files.")) else None
        self.refused += fault is not None
        return fault


async def asked(story: Teller, number: int) -> list[Request]:
    return [await story.planned(f"audituser host1 because INC-{n}") for n in range(number)]


def parents(slack: SandboxSlack) -> list[Message]:
    return [m for m in slack.workspace.messages.values() if part_of(m) == "parent"]


def open_(message: Message) -> bool:
    return any(place.element["action_id"] == APPROVE for place in elements.places(message.blocks))


async def test_two_hundred_open_requests_stay_within_slacks_limits(slack: SandboxSlack, tmp_path: Path) -> None:
    """Each stands in the channel with its buttons, and Slack never had to refuse a call."""
    clock = FakeSeconds()
    async with teller(slack, tmp_path / "kickbot.db") as story:
        await asked(story, MANY)

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        await asyncio.sleep(0)

    limits = slack.workspace.faults = Counted(clock)
    began = clock.now
    async with SqliteTrail.open(tmp_path / "kickbot.db") as trail:
        postings = SqlitePostings(trail.database)
        await publisher(slack, Unfolding(trail, until=MANY * 4), postings, sleep, clock=clock)._follow()
    assert limits.refused == 0
    assert len(parents(slack)) == MANY
    assert all(map(open_, parents(slack)))
    assert clock.now - began < MANY * 2 + 10  # two messages for each, one a second


async def test_a_decision_is_shown_while_much_is_still_to_be_posted(tmp_path: Path) -> None:
    """The first request is approved while dozens of messages wait for their turn in the same channel."""
    async with sandbox_slack() as slack, start(slack, tmp_path) as bot:
        limits = slack.workspace.faults = Counted(slack.workspace.clock)
        alice, carol = slack.as_("alice"), slack.as_("carol")
        for number in range(15):
            await alice.command(INCIDENT, "/kick", f"audituser host1 because INC-{number}")
        await slack.workspace.until(lambda: parents(slack))
        first = parents(slack)[0]
        await carol.click(first, APPROVE)
        await slack.workspace.until(lambda: not open_(_now(slack, first)))
        assert len(await bot.trail.open_requests()) > len(parents(slack))
        assert limits.refused == 0


def _now(slack: SandboxSlack, message: Message) -> Message:
    return slack.workspace.messages[message.channel, message.ts]


def test_a_tempo_lets_a_burst_pass_and_then_keeps_the_pace() -> None:
    """Five at once, then one a second; another channel doesn't wait for it."""
    clock = FakeSeconds()
    tempo = Tempo(5, 5.0, clock)
    assert [tempo.next("C1") for _ in range(7)] == [0, 0, 0, 0, 0, 5, 5]
    assert tempo.next("C2") == 0
    clock.now += timedelta(seconds=20).total_seconds()
    assert tempo.next("C1") == 0
