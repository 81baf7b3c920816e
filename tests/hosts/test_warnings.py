"""Telling the user first, on real terminals: it ends nothing before its time, can be stopped, and is never held up."""

from bot.events import Ending
from bot.models import Answer, EndSession, Step
from tests import make
from tests.hosts import witness
from tests.hosts.kicking import REASON, Kicked, Kicks, alike, at_each, each
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine
from tests.hosts.states import USER, States


async def test_a_warning_that_is_stopped_ends_nothing(kicks: Kicks, logins: Logins, four_hosts: list[Machine]) -> None:
    """The text stands on the terminal; the asker stops it on one half of the hosts, an approver on the other."""
    told = await at_each(four_hosts, lambda machine: logins.terminal(machine, USER))
    stoppers = {make.ASKER: four_hosts[::2], make.APPROVER: four_hosts[1::2]}

    for who, machines in stoppers.items():
        asked = await kicks.ask(USER, *machines, warn=60)
        await kicks.approve(asked)
        warned = await kicks.until(asked.id, lambda r: r.state == "warned", "to warn")
        stopped = await kicks.told(await kicks.cancel(warned, who))

        assert (stopped.request.state, stopped.request.ended_by) == ("cancelled", who)
        assert each(machines, stopped.rungs) == alike(machines, [])

    assert {host: is_warned(login) for host, login in told.items()} == alike(four_hosts, value=True)
    assert {host: login.alive for host, login in told.items()} == alike(four_hosts, value=True)


async def test_a_warning_comes_before_the_end_and_the_end_at_its_time(
    kicks: Kicks, logins: Logins, every_host: list[Machine]
) -> None:
    """Who, when and why stand on every terminal of the login before anything is tried; then it ends."""
    shared = await at_each(every_host, lambda machine: logins.shared(machine, USER))
    read_before: dict[str, list[bool]] = {}

    def read(step: Step) -> None:
        if isinstance(step, EndSession):
            read_before.setdefault(step.host, [is_warned(shell) for shell in shared[step.host].shells])

    kicks.hosts.before_act = read

    done = await kicks.kick(USER, *every_host, warn=2)

    assert read_before == alike(every_host, [True, True])
    assert done.request.act_at is not None
    assert all(r.at >= done.request.act_at for r in done.records if is_an_end(r.event))
    assert each(every_host, lambda m: [len(answer.told) for answer in warnings(done, m)]) == alike(every_host, [2])
    assert done.results == alike(every_host, ["ended"])
    assert each(every_host, lambda m: witness.left(m, USER)) == alike(every_host, [])


async def test_a_terminal_that_takes_nothing_holds_nothing_up(
    kicks: Kicks, logins: Logins, states: States, four_hosts: list[Machine]
) -> None:
    """Ctrl-S, and a closed laptop: both recorded as not told, each with its reason; the third one reads it; all end."""

    def log_in(machine: Machine) -> Login:
        states.stopped(machine)
        states.asleep(machine)
        return logins.terminal(machine, USER)

    reading = await at_each(four_hosts, log_in)

    done = await kicks.kick(USER, *four_hosts, warn=2)

    assert {host: is_warned(login) for host, login in reading.items()} == alike(four_hosts, value=True)
    counts = each(four_hosts, lambda m: [(len(a.told), len(a.untold)) for a in warnings(done, m)])
    assert {host: sorted(count) for host, count in counts.items()} == alike(four_hosts, [(0, 1), (0, 1), (1, 0)])
    reasons = [reason for m in four_hosts for answer in warnings(done, m) for reason in answer.untold]
    assert all(len(reason.split()) > 1 for reason in reasons), reasons
    assert done.results == alike(four_hosts, ["ended"] * 3)
    assert each(four_hosts, lambda m: witness.left(m, USER)) == alike(four_hosts, [])


def is_warned(login: Login) -> bool:
    """Who, whose session, and why: all on the terminal."""
    return all(word in login.output for word in ("alice has this session", USER, REASON))


def warnings(done: Kicked, machine: Machine) -> list[Answer]:
    return [answer for step, answer in done.answers(machine) if step.kind == "warn"]


def is_an_end(event: object) -> bool:
    return isinstance(event, Ending) and isinstance(event.step, EndSession)
