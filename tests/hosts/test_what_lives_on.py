"""What a login leaves behind: it is shown before anybody approves, stays by default, and ends with `processes`."""

from pathlib import Path

from bot.models import Process
from tests.hosts import witness
from tests.hosts.kicking import Kicked, Kicks, alike, at_each, each
from tests.hosts.logins import Logins
from tests.hosts.machines import Machine
from tests.hosts.rack import Rack
from tests.hosts.states import ALICES, NOHUP, SERVICE, USER, States


async def test_a_lingering_service_stays_and_was_shown_before(
    kicks: Kicks, states: States, logind_hosts: list[Machine]
) -> None:
    """Without `processes` the sessions end, the service lives on, and the look before the approval has named both."""
    services = await at_each(logind_hosts, lambda machine: states.service(machine, lingering=True))

    done = await kicks.kick(USER, *logind_hosts)

    assert done.results == alike(logind_hosts, ["ended"])
    assert each(logind_hosts, lambda m: witness.pids(m, USER)) == {host: [pid] for host, pid in services.items()}
    shown = each(logind_hosts, lambda m: [(p.pid, p.unit) for p in outside(done, m)])
    assert shown == {host: [(pid, "nightly.service")] for host, pid in services.items()}
    assert each(logind_hosts, lambda m: done.before(m).lingering) == alike(logind_hosts, (USER,))
    assert each(logind_hosts, lambda m: [p.pid for p in done.after(m).outside if p.user == USER]) == {
        host: [pid] for host, pid in services.items()
    }


async def test_processes_ends_a_lingering_service_and_shows_the_accounts_last_word(
    kicks: Kicks, states: States, logind_hosts: list[Machine]
) -> None:
    """With `processes` nothing of the account is left: `ps` shows a header alone, and logind no longer lists it."""
    await at_each(logind_hosts, lambda machine: states.service(machine, lingering=True))

    done = await kicks.kick(USER, *logind_hosts, processes=True)

    assert done.results == alike(logind_hosts, ["ended"])
    assert done.of_account == alike(logind_hosts, ["ended"])
    assert each(logind_hosts, lambda m: witness.pids(m, command=SERVICE)) == alike(logind_hosts, [])
    assert each(logind_hosts, everything_of) == alike(logind_hosts, "")
    assert each(logind_hosts, lambda m: USER in witness.logind_users(m)) == alike(logind_hosts, value=False)
    assert each(logind_hosts, lambda m: shown_processes(done.last_word(m))) == alike(logind_hosts, [])
    assert each(logind_hosts, lambda m: "PID" in done.last_word(m)) == alike(logind_hosts, value=True)
    assert each(logind_hosts, lambda m: USER in listed_users(done.last_word(m))) == alike(logind_hosts, value=False)


async def test_the_last_word_waits_as_long_as_debians_logind_remembers(
    rack: Rack, logins: Logins, tmp_path: Path
) -> None:
    """As Debian ships it, logind lists a user for ten seconds after the last process: the last word comes later."""
    with Machine(rack, "patient", "trixie") as machine:
        logins.terminal(machine, USER)
        async with Kicks.at_work([machine], tmp_path) as kicks:
            done = await kicks.kick(USER, machine, processes=True)

    assert done.of_account == {"patient": ["ended"]}
    assert USER not in listed_users(done.last_word(machine))


async def test_a_service_without_lingering_ends_some_seconds_after_the_last_login(
    kicks: Kicks, states: States, logind_hosts: list[Machine]
) -> None:
    """Its manager outlives the login for a while: shown as outside of any session, and nobody is said to linger."""
    services = await at_each(logind_hosts, lambda machine: states.service(machine, lingering=False))

    done = await kicks.kick(USER, *logind_hosts)

    assert done.results == alike(logind_hosts, ["ended"])
    shown = each(logind_hosts, lambda m: [(p.pid, p.unit) for p in outside(done, m)])
    assert shown == {host: [(pid, "nightly.service")] for host, pid in services.items()}
    assert each(logind_hosts, lambda m: done.before(m).lingering) == alike(logind_hosts, ())


async def test_processes_ends_what_a_login_left_behind_where_no_logind_kept_it(
    kicks: Kicks, states: States, unlisted_hosts: list[Machine]
) -> None:
    """A nohup whose login is gone ends with `processes`, and the account's last word is an empty list."""
    await at_each(unlisted_hosts, states.left_nohup)

    done = await kicks.kick(USER, *unlisted_hosts, processes=True)

    assert done.results == alike(unlisted_hosts, [])
    assert done.of_account == alike(unlisted_hosts, ["ended"])
    assert each(unlisted_hosts, lambda m: witness.pids(m, command=NOHUP)) == alike(unlisted_hosts, [])
    assert each(unlisted_hosts, lambda m: shown_processes(done.last_word(m))) == alike(unlisted_hosts, [])


async def test_processes_ends_the_accounts_work_inside_another_session_and_leaves_that_session(
    kicks: Kicks, states: States, four_hosts: list[Machine]
) -> None:
    """`processes` ends what alice runs inside opsuser's session; opsuser's own shell stays."""
    inside = await at_each(four_hosts, states.other_account)

    done = await kicks.kick("alice", *four_hosts, processes=True, force=True)

    assert done.of_account == alike(four_hosts, ["ended"])
    assert each(four_hosts, lambda m: witness.pids(m, command=ALICES)) == alike(four_hosts, [])
    assert each(four_hosts, lambda m: witness.pids(m, "alice")) == alike(four_hosts, [])
    assert {host: made.login.alive for host, made in inside.items()} == alike(four_hosts, value=True)


async def test_processes_with_force_ends_what_ignores_polite_signals(
    kicks: Kicks, states: States, trixie: Machine, plain_bookworm: Machine
) -> None:
    """Every process of the account, also a shell that ignores TERM and HUP, and nothing of alice's."""
    hosts = [trixie, plain_bookworm]
    await at_each(hosts, states.stubborn)
    alices = await at_each(hosts, lambda machine: states.nohup(machine, "alice"))

    done = await kicks.kick(USER, *hosts, processes=True, force=True)

    assert done.results == alike(hosts, ["ended"])
    assert each(hosts, everything_of) == alike(hosts, "")
    assert each(hosts, lambda m: witness.is_alive(m, alices[m.name].pid)) == alike(hosts, value=True)
    assert {host: made.login.alive for host, made in alices.items()} == alike(hosts, value=True)


async def test_what_tmux_moved_under_the_users_manager_is_shown_before(
    kicks: Kicks, states: States, trixie: Machine
) -> None:
    """The tmux of trixie gives each pane a scope under user@.service: what ignores HUP lives on, and was shown."""
    pane = states.stubborn_pane(trixie)

    done = await kicks.kick(USER, trixie)

    assert done.results == {"trixie": ["ended"]}
    assert witness.is_alive(trixie, pane)
    (shown,) = [process for process in outside(done, trixie) if process.pid == pane]
    assert shown.unit.startswith("tmux-spawn-")

    rest = await kicks.kick(USER, trixie, processes=True, force=True)

    assert rest.of_account == {"trixie": ["ended"]}
    assert not witness.is_alive(trixie, pane)


async def test_jobs_that_will_start_later_are_shown_before(
    kicks: Kicks, logins: Logins, four_hosts: list[Machine]
) -> None:
    """An account with a crontab, and one with an at job, are named as such in the look before the approval."""

    def plan_jobs(machine: Machine) -> None:
        machine.run("sh", "-c", f"echo '0 0 1 1 * true' | crontab -u {USER} -; echo true >/tmp/job; chmod 644 /tmp/job")
        machine.run("su", "alice", "-c", "at -q b -f /tmp/job now + 1 year 2>/dev/null")
        logins.terminal(machine, USER)

    await at_each(four_hosts, plan_jobs)
    try:
        done = await kicks.kick(USER, *four_hosts)
    finally:
        await at_each(four_hosts, forget_jobs)

    assert each(four_hosts, lambda m: done.before(m).cron) == alike(four_hosts, (USER,))
    assert each(four_hosts, lambda m: done.before(m).at) == alike(four_hosts, ("alice",))


def forget_jobs(machine: Machine) -> None:
    machine.run("sh", "-c", f"crontab -u {USER} -r; rm -f /var/spool/cron/atjobs/b*")


def outside(done: Kicked, machine: Machine) -> list[Process]:
    """What the approvers could see of the account that belongs to no session."""
    return [process for process in done.before(machine).outside if process.user == USER]


def everything_of(machine: Machine) -> str:
    """All that `ps` has of the account, its managers too. It exits with 1 when that is nothing."""
    return machine.run("sh", "-c", f"ps -u {USER} -U {USER} --no-headers -o pid=,args= || true")


def shown_processes(word: str) -> list[str]:
    """The lines of a last word that show a process: those that begin with a number."""
    users = listed_users(word)
    return [line for line in word.splitlines() if line.split()[:1] and line.split()[0].isdigit() and line not in users]


def listed_users(word: str) -> str:
    """The part of a last word in which logind lists its users: from the heading on."""
    _, heading, rest = word.partition("$ loginctl list-users")
    return heading + rest
