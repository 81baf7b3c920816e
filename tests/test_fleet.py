"""Many hosts at once: some of them are always in trouble, and that is nobody else's. asyncssh servers play them."""

import asyncio
from collections.abc import AsyncIterator

import asyncssh

from bot.hosts.connections import SshHosts
from bot.hosts.limits import Limits
from bot.models import Snapshot, Unreachable
from tests.lives import PATIENCE
from tests.test_connections import Process, Stage, answer, hang, look, stage

__all__ = ["stage"]

PATIENT = Limits(connect=PATIENCE, answer=PATIENCE, whole=PATIENCE)


async def flood(process: Process) -> None:
    """20 MB of nonsense."""
    await process.stdin.read()
    for _ in range(20):
        process.stdout.write(b"x" * 1_000_000)
        await process.stdout.drain()
    process.exit(0)


def named(kind: str, port: int, many: int) -> dict[str, int]:
    return {f"{kind}{n}": port for n in range(many)}


async def first(looks: AsyncIterator[Snapshot | Unreachable], many: int) -> dict[str, Snapshot | Unreachable]:
    """So many answers, by host; who hasn't answered by then is let go."""
    found: dict[str, Snapshot | Unreachable] = {}
    async with asyncio.timeout(PATIENCE):
        async for each in looks:
            found[each.host] = each
            if len(found) == many:
                break
    return found


async def told(bot: SshHosts, hosts: list[str]) -> dict[str, str]:
    """Why each of them gave no answer."""
    looks = [each async for each in bot.look(hosts)]
    return {each.host: each.reason for each in looks if isinstance(each, Unreachable)}


async def test_a_fleet_in_trouble(stage: Stage) -> None:
    """Of 100 hosts 10 are dead, 5 hang, one has another key and one talks nonsense: the 83 others answer meanwhile."""
    other = asyncssh.generate_private_key("ssh-ed25519")
    dead, hung = named("dead", await stage.silent(), 10), named("hung", await stage.host(hang), 5)
    changed = named("changed", await stage.host(answer, host_key=other), 1)
    flooding, good = named("flood", await stage.host(flood), 1), named("good", await stage.host(answer), 83)
    bot = stage.bot(PATIENT, **dead, **hung, **changed, **flooding, **good)

    found = await first(bot.look([*dead, *hung, *changed, *flooding, *good]), 85)

    assert {host for host, look in found.items() if isinstance(look, Snapshot)} == set(good)
    reasons = {host: look.reason for host, look in found.items() if isinstance(look, Unreachable)}
    assert "shows another host key" in reasons.pop("changed0")
    assert "gave no complete answer" in reasons.pop("flood0")
    assert reasons == {}


async def test_a_look_ends(stage: Stage) -> None:
    """When the time for all hosts is over, each one that didn't answer is named, also those that never had a turn."""
    hung = named("hung", await stage.host(hang), 3)
    bot = stage.bot(PATIENT.model_copy(update={"whole": 0.5, "in_flight": 1}), **hung)

    assert await told(bot, list(hung)) == dict.fromkeys(hung, "had not answered after the 0.5 s for all hosts")


async def test_a_kick_waits_for_no_fleet(stage: Stage) -> None:
    """While two people look at a fleet that hangs, the few hosts of somebody else's kick are looked at."""
    hung = named("hung", await stage.host(hang), 10)
    bot = stage.bot(PATIENT.model_copy(update={"at_once": 6, "spare": 2}), host1=await stage.host(answer), **hung)
    fleets = [asyncio.create_task(first(bot.look(list(hung)), 10)) for _ in range(2)]
    async with asyncio.timeout(PATIENCE):
        while len(stage.asked) < 4:  # noqa: ASYNC110 - only the hosts tell
            await asyncio.sleep(0.01)

        assert isinstance(await look(bot, "host1"), Snapshot)

    assert len(stage.asked) == 5
    for fleet in fleets:
        fleet.cancel()
    await asyncio.gather(*fleets, return_exceptions=True)


async def test_only_so_many_connections_are_kept(stage: Stage) -> None:
    """Beyond the limit the one that was used least recently is closed, and opened again when it is needed."""
    port = await stage.host(answer)
    bot = stage.bot(PATIENT.model_copy(update={"kept": 2}), a=port, b=port, c=port)

    connected = []
    for host in ("a", "b", "a", "c", "a", "c", "b"):
        assert isinstance(await look(bot, host), Snapshot)
        connected.append(stage.connected)

    assert connected == [1, 2, 2, 3, 3, 3, 4]
