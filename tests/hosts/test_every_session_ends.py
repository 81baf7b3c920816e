"""Whatever kind of login it is, on whatever kind of Linux host: it ends, with all that is in it, and nobody else's."""

import asyncio

from tests.hosts import witness
from tests.hosts.kicking import Kicks, alike, at_each, each
from tests.hosts.logins import Login, Logins, Shared
from tests.hosts.machines import Machine
from tests.hosts.states import ALICES, NOHUP, ROOTS, TMUX, USER, States


async def test_every_kind_of_login_ends_and_alices_stays(
    kicks: Kicks, logins: Logins, every_host: list[Machine]
) -> None:
    """With a terminal, without one, sftp, two shells over one connection, and a mere forward: all five end."""

    def log_in(machine: Machine) -> dict[str, Login | Shared]:
        return {
            "terminal": logins.terminal(machine, USER),
            "no terminal": logins.command(machine, USER, "sleep 4000"),
            "sftp": logins.sftp(machine, USER),
            "two shells": logins.shared(machine, USER),
            "forward": logins.forward_only(machine, USER),
        }

    doomed = await at_each(every_host, log_in)
    alices = await at_each(every_host, lambda machine: logins.terminal(machine, "alice"))

    done = await kicks.kick(USER, *every_host)

    assert done.results == alike(every_host, ["ended"] * 5)
    assert each(every_host, lambda machine: witness.left(machine, USER)) == alike(every_host, [])
    witness.until(lambda: not still_connected(doomed), f"the clients are cut off: {still_connected(doomed)}")
    assert {host: login.alive for host, login in alices.items()} == alike(every_host, value=True)


async def test_only_the_session_that_was_named_ends(kicks: Kicks, logins: Logins, every_host: list[Machine]) -> None:
    """Of two logins of one account, `session ID` ends exactly that one, also where no logind knows them."""
    first = await at_each(every_host, lambda machine: logins.terminal(machine, USER))
    second = await at_each(every_host, lambda machine: logins.terminal(machine, USER))
    there = await kicks.told(await kicks.ask(USER, *every_host))

    async def kick_the_younger(machine: Machine) -> list[str]:
        younger = max(there.before(machine).of(USER), key=lambda session: session.leader)
        done = await kicks.kick(USER, machine, session=younger.id)
        return done.results[machine.name]

    results = await asyncio.gather(*(kick_the_younger(machine) for machine in every_host))

    assert dict(zip(first, results, strict=True)) == alike(every_host, ["ended"])
    assert {host: login.wait_end() for host, login in second.items()} == alike(every_host, 255)
    assert {host: login.alive for host, login in first.items()} == alike(every_host, value=True)


async def test_a_nohup_ends_with_the_login_in_which_it_runs(
    kicks: Kicks, states: States, every_host: list[Machine]
) -> None:
    """What was started with nohup in a login that is still there ends with it."""
    await at_each(every_host, states.nohup)

    done = await kicks.kick(USER, *every_host)

    assert done.results == alike(every_host, ["ended"])
    assert each(every_host, lambda machine: witness.left(machine, USER)) == alike(every_host, [])


async def test_a_session_in_closing_takes_a_second_step(
    kicks: Kicks, states: States, logind_hosts: list[Machine]
) -> None:
    """Someone left and a nohup stayed: terminate-session does nothing and says 0, the signal to the scope ends it."""
    await at_each(logind_hosts, states.left_nohup)

    done = await kicks.kick(USER, *logind_hosts)

    assert done.results == alike(logind_hosts, ["ended"])
    assert each(logind_hosts, done.rungs) == alike(logind_hosts, ["terminate", "signal"])
    assert [answer.exit_status for machine in logind_hosts for _, answer in done.answers(machine)] == [0] * 4
    assert each(logind_hosts, lambda machine: witness.left(machine, USER)) == alike(logind_hosts, [])
    assert each(logind_hosts, lambda m: witness.logind_sessions(m, USER)) == alike(logind_hosts, {})


async def test_a_nohup_whose_login_is_gone_is_no_login_where_no_logind_keeps_one(
    kicks: Kicks, states: States, unlisted_hosts: list[Machine]
) -> None:
    """Without logind nothing of that login is there to end: it is said what still runs, and what would end it."""
    left = await at_each(unlisted_hosts, states.left_nohup)

    done = await kicks.kick(USER, *unlisted_hosts)

    assert done.request.outcomes == ()
    assert each(unlisted_hosts, lambda m: [p.command for p in done.before(m).outside if p.user == USER]) == each(
        unlisted_hosts, lambda _: [NOHUP]
    )
    assert "`processes` would end" in done.note
    assert each(unlisted_hosts, lambda m: witness.pids(m, USER)) == {host: [pid] for host, pid in left.items()}


async def test_a_tmux_ends_with_the_login_in_which_it_runs(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """A person in tmux: the login, tmux itself and what runs in it end, though tmux has left its parents."""
    await at_each(four_hosts, states.tmux)

    done = await kicks.kick(USER, *four_hosts)

    assert set().union(*done.results.values()) == {"ended"}
    assert each(four_hosts, lambda machine: witness.left(machine, USER)) == alike(four_hosts, [])


async def test_a_tmux_to_which_nobody_is_attached_ends_too(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """Its client has left: with logind that is a session in `closing`, without logind a terminal of its own."""
    await at_each(four_hosts, states.left_tmux)

    done = await kicks.kick(USER, *four_hosts)

    assert done.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda machine: witness.pids(machine, USER, TMUX)) == alike(four_hosts, [])


async def test_a_root_shell_ends_with_the_session_in_which_it_was_opened(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """`sudo -i` by opsuser is shown inside opsuser's session, and ends with it."""
    await at_each(four_hosts, states.root_shell)

    done = await kicks.kick("opsuser", *four_hosts)

    def roots(machine: Machine) -> list[str]:
        (session,) = done.before(machine).of("opsuser")
        return [process.command for process in session.processes if process.uid == 0 and process.command == ROOTS]

    assert each(four_hosts, roots) == alike(four_hosts, [ROOTS])
    assert done.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda machine: witness.left(machine, "opsuser")) == alike(four_hosts, [])
    assert each(four_hosts, lambda machine: witness.pids(machine, command=ROOTS)) == alike(four_hosts, [])


async def test_work_inside_someone_elses_session_ends_with_that_session(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """After `sudo -u alice -i` by opsuser, kicking alice says where she is active; kicking opsuser ends her work."""
    inside = await at_each(four_hosts, states.other_account)

    alices = await kicks.kick("alice", *four_hosts)

    assert alices.request.outcomes == ()
    assert each(four_hosts, lambda m: f"on {m.name}: to end that, kick opsuser" in alices.note) == each(
        four_hosts, lambda _: True
    )
    assert each(four_hosts, lambda m: witness.is_alive(m, inside[m.name].pid)) == alike(four_hosts, value=True)

    opsusers = await kicks.kick("opsuser", *four_hosts)

    assert opsusers.results == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda machine: witness.left(machine, "alice")) == alike(four_hosts, [])
    assert each(four_hosts, lambda machine: witness.pids(machine, command=ALICES)) == alike(four_hosts, [])


async def test_sudo_opens_a_session_of_its_own_where_only_the_login_is_unknown(
    kicks: Kicks, states: States, nopam_hosts: list[Machine]
) -> None:
    """With `UsePAM no`, logind learns of `sudo -u alice -i` though not of the login: alice's ends, opsuser's stays."""
    inside = await at_each(nopam_hosts, states.other_account)

    done = await kicks.kick("alice", *nopam_hosts)

    assert each(nopam_hosts, lambda m: [s.source for s in done.before(m).of("alice")]) == alike(nopam_hosts, ["logind"])
    assert done.results == alike(nopam_hosts, ["ended"])
    assert each(nopam_hosts, lambda machine: witness.left(machine, "alice")) == alike(nopam_hosts, [])
    assert {host: made.login.alive for host, made in inside.items()} == alike(nopam_hosts, value=True)


def still_connected(made: dict[str, dict[str, Login | Shared]]) -> list[tuple[str, str]]:
    """The host and the kind of each login whose client has not noticed its end."""
    return [(host, kind) for host, kinds in made.items() for kind, login in kinds.items() if login.alive]
