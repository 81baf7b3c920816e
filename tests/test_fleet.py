"""Many hosts at once: some of them are always in trouble, and that is nobody else's. asyncssh servers play them."""

import asyncio
from collections.abc import AsyncIterator

import asyncssh

from bot.hosts.connections import SshHosts
from bot.hosts.limits import Limits
from bot.hosts.openings import Openings
from bot.models import Host, Snapshot, Unreachable
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


# ------------------------------------------------------------------------------------------------ behind one jump host


class Bastion(asyncssh.SSHServer):
    """It lets everyone through."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._stage.peers.append(conn)

    def connection_requested(self, *_: object) -> bool:
        return True


def through(stage: Stage, bastion: int, limits: Limits = PATIENT, **ports: int) -> SshHosts:
    """The bot, and hosts that it reaches through one jump host."""
    bot = stage.bot(limits)
    jump = Host(name="bastion", address="127.0.0.1", port=bastion)
    bot.serve({n: Host(name=n, address="127.0.0.1", port=port, jump=jump) for n, port in ports.items()})
    return bot


async def until_asked(stage: Stage, many: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(stage.asked) < many:  # noqa: ASYNC110 - only the hosts tell
            await asyncio.sleep(0.01)


async def test_a_jump_host_that_dies_in_the_middle_of_a_look(stage: Stage) -> None:
    """Whoever was being asked through it and whoever waited is told at once, with its name; the others answer."""
    bastion = await stage.host(answer, server_factory=lambda: Bastion(stage))
    hung = named("hung", await stage.host(hang), 12)
    bot = through(stage, bastion, PATIENT.model_copy(update={"through": 8}), **hung)
    looking = asyncio.create_task(told(bot, list(hung)))
    await until_asked(stage, 4)

    await stage.die(bastion)
    reasons = await asyncio.wait_for(looking, PATIENCE)

    assert set(reasons) == set(hung)
    assert all("is behind the jump host bastion, which " in why for why in reasons.values()), reasons


async def test_only_so_many_hosts_are_asked_through_one_jump_host(stage: Stage) -> None:
    """A fleet waits for its turns; a question about one host has a place, and so has whoever isn't behind it."""
    bastion = await stage.host(answer, server_factory=lambda: Bastion(stage))
    hung, good = named("hung", await stage.host(hang), 10), await stage.host(answer)
    limits = PATIENT.model_copy(update={"through": 4, "through_spare": 2, "in_flight": 4})
    bot = through(stage, bastion, limits, **hung, near=good)
    beside = stage.bot(limits, elsewhere=good)
    fleet = asyncio.create_task(first(bot.look(list(hung)), 10))
    await until_asked(stage, 2)

    assert isinstance(await look(bot, "near"), Snapshot)
    assert isinstance(await look(beside, "elsewhere"), Snapshot)

    assert len(stage.asked) == 4
    fleet.cancel()
    await asyncio.gather(fleet, return_exceptions=True)


async def test_those_that_wait_for_a_jump_host_hold_up_no_other_host_of_the_question(stage: Stage) -> None:
    """Ten hosts hang behind it, and three others don't: these answer, though only four may be asked at a time."""
    bastion = await stage.host(answer, server_factory=lambda: Bastion(stage))
    hung, good = named("hung", await stage.host(hang), 10), named("good", await stage.host(answer), 3)
    bot = through(stage, bastion, PATIENT.model_copy(update={"through": 3, "through_spare": 1, "in_flight": 4}), **hung)
    direct = {name: Host(name=name, address="127.0.0.1", port=port) for name, port in good.items()}
    bot.serve({**{name: line.host for name, line in bot._lines.items()}, **direct})

    found = await first(bot.look([*hung, *good]), 3)

    assert set(found) == set(good)
    assert all(isinstance(each, Snapshot) for each in found.values())


async def test_connections_to_one_address_are_not_opened_in_a_burst() -> None:
    """The first waits for nothing; the others up to a bit longer for each that is being opened."""
    waited: list[float] = []
    go_on = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    openings = Openings(1.0, sleep)

    async def open_one(address: str) -> None:
        async with openings.one(Host(name="x", address=address)):
            await go_on.wait()

    opening = [asyncio.create_task(open_one("192.0.2.1")) for _ in range(50)]
    opening.append(asyncio.create_task(open_one("192.0.2.2")))
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(*opening)

    assert len(waited) == 49
    assert all(0 <= seconds <= others for others, seconds in enumerate(waited, 1))
    assert len(set(waited)) > 40
    assert max(waited) > 5
    await open_one("192.0.2.1")
    assert len(waited) == 49


async def test_two_people_ask_for_the_whole_fleet_at_once(stage: Stage) -> None:
    """Both get all of it, over one connection to each host."""
    fleet = named("good", await stage.host(answer), 40)
    bot = stage.bot(PATIENT, **fleet)

    both = await asyncio.gather(*(first(bot.look(list(fleet)), 40) for _ in range(2)))

    assert all(isinstance(each, Snapshot) for found in both for each in found.values())
    assert [set(found) for found in both] == [set(fleet)] * 2
    assert stage.connected == 40
