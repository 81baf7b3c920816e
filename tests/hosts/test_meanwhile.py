"""What happens between the approval and the end: a number that another process has by now, a new login, a reboot."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.models import Step
from bot.request import Request
from tests.hosts import witness
from tests.hosts.kicking import Kicked, Kicks, alike, at_each, each
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine
from tests.hosts.states import USER, States

# ------------------------------------------------------------------------------------ a number that was used again


async def test_a_leader_whose_number_is_another_process_by_now_is_never_signalled(
    kicks: Kicks, logins: Logins, states: States, unlisted_hosts: list[Machine]
) -> None:
    """Right before the act the login's leader dies, and its pid becomes alice's: refused by the host, and reported."""
    await at_each(unlisted_hosts, lambda machine: logins.terminal(machine, USER))
    asked = await kicks.ask(USER, *unlisted_hosts, force=True)
    leaders = await leaders_of(kicks, asked, unlisted_hosts)
    kicks.hosts.before_act = once_on_each(
        unlisted_hosts, lambda machine: states.take_pid(machine, leaders[machine.name], "alice")
    )

    done = await kicks.finish(await kicks.approve(asked))

    assert each(unlisted_hosts, alices_pids) == {host: [pid] for host, pid in leaders.items()}
    first = each(unlisted_hosts, lambda m: done.answers(m)[0][1])
    assert {host: answer.status for host, answer in first.items()} == alike(unlisted_hosts, "refused")
    assert {host: answer.refusal in {"changed", "gone"} for host, answer in first.items()} == alike(
        unlisted_hosts, value=True
    )
    assert done.results == alike(unlisted_hosts, ["already gone"])


async def test_what_is_left_of_a_login_ends_though_its_leaders_number_is_alices(
    kicks: Kicks, states: States, every_host: list[Machine]
) -> None:
    """A stubborn shell is left, and its login's leader has become a process of alice's: only the shell ends."""
    await at_each(every_host, states.stubborn)
    asked = await kicks.ask(USER, *every_host, force=True)
    leaders = await leaders_of(kicks, asked, every_host)
    kicks.hosts.before_act = once_on_each(
        every_host, lambda machine: states.take_pid(machine, leaders[machine.name], "alice")
    )

    done = await kicks.finish(await kicks.approve(asked))

    assert each(every_host, alices_pids) == {host: [pid] for host, pid in leaders.items()}
    assert each(every_host, lambda m: witness.left(m, USER)) == alike(every_host, [])
    assert done.results == alike(every_host, ["ended"])


async def test_a_leader_that_was_replaced_before_the_first_look_gives_no_step(
    kicks: Kicks, logins: Logins, states: States, unlisted_hosts: list[Machine]
) -> None:
    """Between the plan and the approval the leader's pid became alice's: nothing is tried, it was gone by itself."""
    await at_each(unlisted_hosts, lambda machine: logins.terminal(machine, USER))
    asked = await kicks.ask(USER, *unlisted_hosts, force=True)
    leaders = await leaders_of(kicks, asked, unlisted_hosts)
    await at_each(unlisted_hosts, lambda machine: states.take_pid(machine, leaders[machine.name], "alice"))
    await at_each(unlisted_hosts, lambda m: witness.until(lambda: not witness.left(m, USER), "the login's end"))

    done = await kicks.finish(await kicks.approve(asked))

    assert each(unlisted_hosts, done.rungs) == alike(unlisted_hosts, [])
    assert done.results == alike(unlisted_hosts, ["already gone"])
    assert each(unlisted_hosts, alices_pids) == {host: [pid] for host, pid in leaders.items()}


# ---------------------------------------------------------------------------------------------------- a new login


async def test_who_logs_in_again_meanwhile_is_reported_and_left_alone(
    kicks: Kicks, logins: Logins, four_hosts: list[Machine]
) -> None:
    """Right after the first try the account logs in again: `returned`, and the new login lives."""
    await at_each(four_hosts, lambda machine: logins.terminal(machine, USER))
    back = log_in_again_on(four_hosts, kicks, logins)

    done = await kicks.kick(USER, *four_hosts)

    assert done.results == alike(four_hosts, ["returned"])
    assert {host: still_works(login) for host, login in back.items()} == alike(four_hosts, value=True)


async def test_processes_leaves_a_login_alone_that_came_later(
    kicks: Kicks, logins: Logins, states: States, logind_hosts: list[Machine], unlisted_hosts: list[Machine]
) -> None:
    """At `processes` all else of the account ends, a service or a nohup, and the later login lives beside it."""
    hosts = [*logind_hosts, *unlisted_hosts]
    left = await at_each(logind_hosts, lambda machine: states.service(machine, lingering=True))
    left |= await at_each(unlisted_hosts, states.left_nohup)
    await at_each(unlisted_hosts, lambda machine: logins.terminal(machine, USER))
    back = log_in_again_on(hosts, kicks, logins)

    done = await kicks.kick(USER, *hosts, processes=True, force=True)

    assert each(hosts, lambda m: witness.is_alive(m, left[m.name])) == alike(hosts, value=False)
    assert {host: still_works(login) for host, login in back.items()} == alike(hosts, value=True)
    assert done.results == alike(hosts, ["returned"])
    assert done.of_account == alike(hosts, ["returned"])


# -------------------------------------------------------------------------------------------------------- a reboot


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that did not answer is asked again after a second."""
    monkeypatch.setattr("bot.request.LOOK_AGAIN", timedelta(seconds=1))
    monkeypatch.setattr("bot.request.TRY_AGAIN", timedelta(seconds=1))


@pytest.mark.parametrize("moment", ["before_act", "after_act"])
async def test_a_reboot_in_the_middle_is_told(
    kicks: Kicks,
    logins: Logins,
    four_hosts: list[Machine],
    impatient: None,
    moment: str,
) -> None:
    """The host reboots right before or right after the first try: the outcome says that the boot ended the session."""
    await at_each(four_hosts, lambda machine: logins.terminal(machine, USER))
    setattr(kicks.hosts, moment, once_on_each(four_hosts, Machine.reboot))

    done = await kicks.kick(USER, *four_hosts)

    assert done.results == alike(four_hosts, ["ended"])
    details = each(four_hosts, lambda m: [outcome.detail for outcome in done.outcomes(m)])
    assert details == each(four_hosts, lambda m: [f"{m.name} was rebooted: its sessions ended with the boot"])
    assert each(four_hosts, lambda m: len(done.rungs(m)) <= 1) == alike(four_hosts, value=True)


# ----------------------------------------------------------------------------------------------------------- parts


def once_on_each(machines: list[Machine], do: Callable[[Machine], object]) -> Callable[[Step], None]:
    """A hook that does it at the first step on each host."""
    waiting = {machine.name: machine for machine in machines}

    def hook(step: Step) -> None:
        machine = waiting.pop(step.host, None)
        if machine is not None:
            do(machine)

    return hook


def log_in_again_on(machines: list[Machine], kicks: Kicks, logins: Logins) -> dict[str, Login]:
    """Right after the first answer of each host the account logs in there. Filled with the new logins, by host."""
    back: dict[str, Login] = {}

    def log_in(machine: Machine) -> None:
        back[machine.name] = logins.terminal(machine, USER)

    kicks.hosts.after_act = once_on_each(machines, log_in)
    return back


def still_works(login: Login) -> bool:
    """True if its shell still does what is typed. Raises LoginError if it has ended."""
    login.send("echo still''-here")
    return "still-here" in login.wait_for("still-here")


async def leaders_of(kicks: Kicks, asked: Request, machines: list[Machine]) -> dict[str, int]:
    """The pid of the leader of the account's only login, by host, as the plan's look has it."""
    planned: Kicked = await kicks.told(asked)
    return {m.name: session.leader for m in machines for session in planned.before(m).of(USER)}


def alices_pids(machine: Machine) -> list[int]:
    return witness.pids(machine, "alice")
