"""`kickbot run` itself, with its connections to Slack and to a host: it stays as small as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.audit import reading
from bot.lifecycle import replay
from bot.sandbox import elements
from bot.sandbox.cast import BOT, CHANNELS, GROUPS
from bot.sandbox.host_logins import Login
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.nouns import Channel, Message, Person
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack
from bot.sandbox.workspace import Workspace
from bot.slack.content.tickets import APPROVE, CANCEL
from tests.chaos.extent import LONG
from tests.chaos.figures import cpu, resident
from tests.chaos.table import Table
from tests.lives import PATIENCE, running
from tests.whole import configure

ROUNDS = 50 if LONG else 2
"""How often each person asks."""
CROWD = 8
"""People, each in a channel of their own."""
KICKS = 4
"""One of so many requests is carried out."""
GROWTH = 10.0
"""MiB from the first tenth on: fragments."""


async def test_the_process_stays_small(tmp_path: Path, table: Table) -> None:
    """It has carried out, or seen taken back, hundreds of requests, and keeps nothing of them."""
    memory = list[float]()
    async with _stage(tmp_path) as (slack, host, config), running(config, slack) as kickbot:
        for turn in range(ROUNDS):
            await asyncio.gather(*(_ask(slack, host, who, turn) for who in range(CROWD)))
            memory.append(resident(kickbot.process.pid))
        async with asyncio.timeout(PATIENCE):
            while not _all_ended(config.parent / "kickbot.db"):  # noqa: ASYNC110 - the bot tells nobody here
                await asyncio.sleep(0.5)
        used = cpu(kickbot.process.pid) / (CROWD * ROUNDS)
    first, half, end = memory[len(memory) // 10], memory[len(memory) // 2], memory[-1]
    table.notes.append(
        f"kickbot run: {first:.0f} MiB after {CROWD * (len(memory) // 10 + 1)} requests, {half:.0f} after half, "
        f"{end:.0f} after {CROWD * ROUNDS}; {used * 1000:.0f} ms CPU for each, with its start"
    )
    assert end - first < GROWTH or not LONG


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[tuple[SandboxSlack, SandboxHost, Path]]:
    people = [Person(id=f"U0P{n}", name=f"p{n}", real_name=f"Person {n}") for n in range(CROWD)]
    ids = tuple(person.id for person in people)
    groups = [group.model_copy(update={"members": ids}) for group in GROUPS]
    channels = [Channel(id=f"C0INC{n}", name=f"inc-{n}", members=(BOT, *ids)) for n in range(CROWD)]
    incidents = [channel.model_copy(update={"members": (BOT, *ids)}) for channel in CHANNELS]
    workspace = Workspace(people, groups, [*channels, *incidents])
    async with (
        SandboxHosts.start([HostSpec("host1", (Login("alice"),))]) as hosts,
        SandboxSlack.start(workspace) as slack,
    ):
        host = hosts.hosts["host1"]
        at = (host.name, host.address, host.port)
        yield slack, host, configure(folder, [at], key=hosts.client_key, known_hosts=hosts.known_hosts)


def _all_ended(trail: Path) -> bool:
    asked = reading.list_requests(trail, listings=False, limit=CROWD * ROUNDS + 1)
    return [replay(records).state.final for records in asked] == [True] * CROWD * ROUNDS


async def _ask(slack: SandboxSlack, host: SandboxHost, who: int, turn: int) -> None:
    """From the login until nobody can decide any more."""
    asker, approver = slack.as_(f"p{who}"), slack.as_(f"p{(who + 1) % CROWD}")
    session = await host.login(f"user{who}", uid=2000 + who)
    words = f"user{who} host1 because turn {turn}"
    assert (await asker.command(f"inc-{who}", "/kick", words)).ok
    if taken_back := (who + turn) % KICKS > 0:
        await asker.click(await _open(asker, who), CANCEL)
    else:
        await approver.click(await _open(asker, who), APPROVE)
    async with asyncio.timeout(PATIENCE):
        while _decidable(asker, who):  # noqa: ASYNC110 - the bot tells nobody else
            await asyncio.sleep(0.2)
    if taken_back:
        await host.end(session)


async def _open(person: Persona, who: int) -> Message:
    async with asyncio.timeout(PATIENCE):
        while not (found := _decidable(person, who)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.2)
    return found[0]


def _decidable(person: Persona, who: int) -> list[Message]:
    """The messages in that person's channel that still can be decided."""
    return [m for m in person.messages(f"inc-{who}") if CANCEL in _actions(m)]


def _actions(message: Message) -> set[str]:
    return {str(place.element["action_id"]) for place in elements.places(message.blocks)}
