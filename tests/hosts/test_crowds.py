"""Much of everything: many sessions, many processes, much output. All of it is handled, and nothing is cut silently."""

from tests.hosts import witness
from tests.hosts.kicking import Kicks, alike, at_each, each
from tests.hosts.machines import Machine
from tests.hosts.states import MANY, USER, States

SESSIONS = {"trixie": 200, "plain-bookworm": 40}
PROCESSES = 2000


async def test_two_hundred_sessions_on_one_host_all_end(
    kicks: Kicks, states: States, trixie: Machine, plain_bookworm: Machine
) -> None:
    """Each has its own target and its own outcome."""
    hosts = [trixie, plain_bookworm]
    await at_each(hosts, lambda machine: states.many(machine, SESSIONS[machine.name]))

    done = await kicks.kick(USER, *hosts)

    assert done.results == each(hosts, lambda m: ["ended"] * SESSIONS[m.name])
    assert each(hosts, lambda m: witness.left(m, USER)) == alike(hosts, [])


async def test_a_session_with_two_thousand_processes_ends(
    kicks: Kicks, states: States, bookworm: Machine, plain_trixie: Machine
) -> None:
    """The look before the approval shows every single one, and none is left."""
    hosts = [bookworm, plain_trixie]
    await at_each(hosts, lambda machine: states.crowd(machine, PROCESSES))

    done = await kicks.kick(USER, *hosts)

    shown = each(hosts, lambda m: [p.command for s in done.before(m).of(USER) for p in s.processes].count(MANY))
    assert shown == alike(hosts, PROCESSES)
    assert done.results == alike(hosts, ["ended"])
    assert each(hosts, lambda m: witness.left(m, USER)) == alike(hosts, [])


async def test_who_prints_20_mb_meanwhile_stalls_nothing(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """Someone prints without end, is warned all the same, and ends like anybody else."""
    await at_each(four_hosts, states.printing)

    done = await kicks.kick(USER, *four_hosts, warn=1)

    assert done.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda m: witness.left(m, USER)) == alike(four_hosts, [])
