"""What does not want to end: it is named with its pid, ends by force alone, and is never said to have ended."""

from bot.models import Rung, Snapshot
from tests.hosts import witness
from tests.hosts.kicking import Kicks, alike, at_each, each
from tests.hosts.machines import Machine
from tests.hosts.states import ODD, USER, States


async def test_a_shell_that_ignores_polite_signals_survives_and_the_next_level_ends_it(
    kicks: Kicks, states: States, every_host: list[Machine]
) -> None:
    """It ignores TERM and HUP: reported as survived with its pid; the button's request, by force, ends it."""
    stubborn = await at_each(every_host, states.stubborn)

    done = await kicks.kick(USER, *every_host)

    assert done.results == alike(every_host, ["survived"])
    named = each(every_host, lambda m: [p.pid for o in done.outcomes(m) for p in o.lives_on])
    assert {host: inside.pid in named[host] for host, inside in stubborn.items()} == alike(every_host, value=True)
    assert each(every_host, lambda m: witness.is_alive(m, stubborn[m.name].pid)) == alike(every_host, value=True)
    assert "kill" not in {rung for machine in every_host for rung in done.rungs(machine)}

    forced = await kicks.again(done, force=True)

    assert forced.request.command is not None
    assert forced.request.command.after == done.request.id
    assert forced.results == alike(every_host, ["ended"])
    assert each(every_host, lambda machine: witness.left(machine, USER)) == alike(every_host, [])


async def test_force_ends_a_shell_that_ignores_polite_signals_at_once(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """One request with `force`: the polite steps first, then SIGKILL."""
    await at_each(four_hosts, states.stubborn)

    done = await kicks.kick(USER, *four_hosts, force=True)

    assert done.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda m: done.rungs(m)[-1]) == alike(four_hosts, "kill")
    assert each(four_hosts, lambda machine: witness.left(machine, USER)) == alike(four_hosts, [])


async def test_an_exit_status_of_0_is_not_believed(kicks: Kicks, states: States, logind_hosts: list[Machine]) -> None:
    """terminate-session on a session in `closing` exits with 0 and ends nothing: where it is all there is, survived."""
    left = await at_each(logind_hosts, states.left_nohup)
    kicks.hosts.seen_as = only_terminate

    done = await kicks.kick(USER, *logind_hosts)

    assert each(logind_hosts, done.rungs) == alike(logind_hosts, ["terminate"])
    assert [answer.exit_status for machine in logind_hosts for _, answer in done.answers(machine)] == [0, 0]
    assert done.results == alike(logind_hosts, ["survived"])
    named = each(logind_hosts, lambda m: [p.pid for o in done.outcomes(m) for p in o.lives_on])
    assert named == {host: [pid] for host, pid in left.items()}
    assert each(logind_hosts, lambda m: witness.is_alive(m, left[m.name])) == alike(logind_hosts, value=True)


async def test_a_name_that_says_zombie_hides_nothing(kicks: Kicks, states: States, four_hosts: list[Machine]) -> None:
    """A process named `a) Z` is shown in its session, alive, and ends with it."""
    await at_each(four_hosts, states.odd_name)

    done = await kicks.kick(USER, *four_hosts)

    shown = each(four_hosts, lambda m: [p.name for s in done.before(m).of(USER) for p in s.processes])
    assert {host: "a) Z" in names for host, names in shown.items()} == alike(four_hosts, value=True)
    assert done.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda machine: witness.pids(machine, command=ODD)) == alike(four_hosts, [])


async def test_who_forks_all_the_time_can_not_fake_an_end(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """Another process every few milliseconds, deaf to TERM and HUP: it lives on, and is reported as what survived."""
    groups = await at_each(four_hosts, states.forker)

    done = await kicks.kick(USER, *four_hosts)

    alive = await at_each(four_hosts, lambda m: witness.group_is_alive(m, groups[m.name]))
    assert alive == alike(four_hosts, value=True)
    assert done.results == alike(four_hosts, ["survived"])


async def test_force_ends_who_forks_all_the_time(kicks: Kicks, states: States, four_hosts: list[Machine]) -> None:
    """SIGKILL reaches it, however short each of its processes lives.

    On a machine short of time a session of the test before may still be there at first.
    """
    groups = await at_each(four_hosts, states.forker)

    done = await kicks.kick(USER, *four_hosts, force=True)

    alive = await at_each(four_hosts, lambda m: witness.group_is_alive(m, groups[m.name]))
    assert alive == alike(four_hosts, value=False)
    left = {host: sorted({*results} - {"already gone"}) for host, results in done.results.items()}
    assert left == alike(four_hosts, ["ended"])


def only_terminate(look: Snapshot) -> Snapshot:
    """As if the driver knew of nothing else to try."""
    ladder = (Rung(name="terminate"),)
    return look.model_copy(update={"sessions": tuple(s.model_copy(update={"ladder": ladder}) for s in look.sessions)})
