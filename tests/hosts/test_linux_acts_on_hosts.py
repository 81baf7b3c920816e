"""Every kind of step on real hosts: logins that logind knows, logins that it doesn't, accounts, and warnings."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.hosts.connections import SshHosts
from bot.models import (
    Account,
    Answer,
    EndAccount,
    EndSession,
    Host,
    HostUptime,
    Pinned,
    Session,
    ShowAccount,
    Snapshot,
    Step,
    Target,
    Warn,
)
from bot.planning import MAX_ATTEMPTS
from tests import make
from tests.hosts.logins import Login, Logins, Shared
from tests.hosts.looking import look, look_until, names, only
from tests.hosts.machines import Machine

LATER = 60_00  # centiseconds
TEXT = "Kickbot ends this session at 13:36 UTC"
ENDLESS = "exec sleep 1000"
FORKER = 'perl -e "while (1) { fork and exit }"'

on_logind = pytest.mark.parametrize("place", ["bookworm", "trixie"])
without_logind = pytest.mark.parametrize("place", ["plain_bookworm", "plain_trixie", "nopam_bookworm", "nopam_trixie"])
everywhere = pytest.mark.parametrize("place", ["bookworm", "trixie", "plain_bookworm", "plain_trixie"])


@pytest.fixture
def machine(request: pytest.FixtureRequest, place: str) -> Machine:
    machine: Machine = request.getfixturevalue(place)
    return machine


@pytest.fixture
async def hosts(machine: Machine, logins: Logins) -> AsyncIterator[SshHosts]:
    """The machine, as kickbot sees it through sudo. Closed before the logins end."""
    host = Host(name="kickbot", address=machine.address)
    hosts = SshHosts({host.name: host}, [machine.identity], machine.known_hosts)
    yield hosts
    await hosts.close()


def target(snapshot: Snapshot, session: Session) -> Target:
    return make.target(snapshot, session, leaders=leaders(session))


def leaders(session: Session) -> tuple[Pinned, ...]:
    """The kernel sessions of an unlisted login, as a look tells them."""
    if session.source == "logind":
        return ()
    starts = {process.pid: process.start for process in session.processes}
    found = dict.fromkeys(process.kernel_session for process in session.processes)
    return tuple(Pinned(pid=pid, start=starts.get(pid, "")) for pid in found)


def account(snapshot: Snapshot, user: str, *beside: Session) -> Target:
    found = snapshot.account(user) or next(Account(name=user, uid=s.account.uid) for s in beside)
    values = {"host": snapshot.host, "host_key": snapshot.host_key, "boot": snapshot.boot, "summary": "", "rungs": ()}
    identities = tuple(session.identity for session in beside or snapshot.of(user))
    return Target.model_validate(
        {"kind": "account", "session": "", "identity": "", "account": found, "beside": identities, **values}
    )


async def act(hosts: SshHosts, snapshot: Snapshot, step: Step) -> Answer:
    return await hosts.act(step, not_after=HostUptime(snapshot.uptime + LATER))


async def end(hosts: SshHosts, snapshot: Snapshot, session: Session, rung: str) -> Answer:
    return await act(hosts, snapshot, EndSession(target=target(snapshot, session), rung=rung))


async def warn(hosts: SshHosts, snapshot: Snapshot, session: Session) -> Answer:
    return await act(hosts, snapshot, Warn(target=target(snapshot, session), text=TEXT, act_at=make.START))


def running(machine: Machine, user: str) -> list[str]:
    """The command lines of an account's processes, but for zombies."""
    lines = machine.run("sh", "-c", f"ps -u {user} -o stat=,args= || true").splitlines()
    return [line.split(None, 1)[1] for line in lines if not line.startswith("Z")]


# ------------------------------------------------------------------------------------------------- sessions of logind


@on_logind
async def test_stopping_a_scope(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """The rung stop ends a session with what someone left in it, and no other."""
    kept = logins.terminal(machine, "alice")
    login = logins.command(machine, "audituser", "trap '' HUP; setsid sleep 1000 & sleep 1000")
    login.close()
    snapshot = await look_until(hosts, lambda s: s.of("audituser") and only(s, "audituser").state == "closing")
    session = only(snapshot, "audituser")

    answer = await end(hosts, snapshot, session, "stop")

    assert answer == Answer(
        status="done", command=f"systemctl stop --no-block session-{session.id}.scope", exit_status=0
    )
    await look_until(hosts, lambda s: not s.of("audituser"))
    assert kept.alive


# ------------------------------------------------------------------------------------------------- unlisted logins


@without_logind
@pytest.mark.parametrize("rung", ["hangup", "signal", "kill"])
async def test_an_unlisted_login(hosts: SshHosts, machine: Machine, logins: Logins, rung: str) -> None:
    """Each rung ends exactly that login: its client is cut off, and sshd, the bot and the other logins stay."""
    kept = [logins.terminal(machine, "alice"), logins.command(machine, "audituser", ENDLESS)]
    before = await look(hosts)
    login = logins.terminal(machine, "audituser")
    if rung != "hangup":
        login.send("trap '' HUP; sleep 1000 & echo re''ady")
        login.wait_for("ready")
    snapshot = await look(hosts)
    (session,) = (s for s in snapshot.of("audituser") if not before.session(s.identity))

    answer = await end(hosts, snapshot, session, rung)

    assert (answer.status, answer.exit_status) == ("done", 0)
    assert answer.command.startswith(f"kill -{ {'hangup': 'HUP', 'signal': 'TERM', 'kill': 'KILL'}[rung] } ")
    assert login.wait_end() == 255
    after = await look_until(hosts, lambda s: not s.session(session.identity))
    assert {s.identity for s in after.sessions} == {s.identity for s in before.sessions}
    assert all(each.alive for each in kept)
    again = await end(hosts, snapshot, session, rung)
    assert again.refusal == "gone" or again.output == "no process"  # while the leader is still a zombie


@without_logind
async def test_unlisted_logins_of_each_kind(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A file transfer, a connection that only forwards, and two shells over one connection are hung up."""
    made: list[Login | Shared] = [
        logins.sftp(machine, "audituser"),
        logins.forward_only(machine, "audituser"),
        logins.shared(machine, "audituser"),
    ]
    snapshot = await look_until(hosts, lambda s: len(s.of("audituser")) == 3)

    for session in snapshot.of("audituser"):
        assert (await end(hosts, snapshot, session, "hangup")).status == "done"

    await look_until(hosts, lambda s: not s.of("audituser"))
    assert not any(each.alive for each in made)


@without_logind
async def test_what_an_unlisted_login_left(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """After the connection is gone, what it left in its kernel sessions is still found by them, and ended."""
    login = logins.terminal(machine, "audituser")
    login.send("nohup sleep 1000 >/dev/null 2>&1 & echo re''ady")
    login.wait_for("ready")
    snapshot = await look_until(hosts, lambda s: "sleep" in names(only(s, "audituser")))
    session = only(snapshot, "audituser")

    await end(hosts, snapshot, session, "hangup")
    await look_until(hosts, lambda s: not s.of("audituser"))
    left = running(machine, "audituser")
    answer = await end(hosts, snapshot, session, "signal")

    assert left == ["sleep 1000"]
    assert answer.output.endswith(" sleep")
    assert running(machine, "audituser") == []


@without_logind
async def test_a_forker_in_an_unlisted_login(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """What forks and ends without pause, ignoring polite signals, does not outlive KILL, tried as often as requests do.

    One try may miss the last one on a machine that is short of time; only the fresh look counts.
    """
    login = logins.terminal(machine, "audituser")
    login.send(f"trap '' HUP TERM; {FORKER} & echo re''ady")
    login.wait_for("ready")

    for _ in range(MAX_ATTEMPTS):
        snapshot = await look(hosts)
        for session in snapshot.of("audituser"):
            assert (await end(hosts, snapshot, session, "kill")).status == "done"

    assert running(machine, "audituser") == []


@without_logind
async def test_the_bots_own_unlisted_login(hosts: SshHosts, machine: Machine) -> None:
    """The bot can't end the login by which it speaks to the host, nor its own account."""
    snapshot = await look(hosts)
    own = only(snapshot, "kickbot")

    for rung in ("hangup", "signal", "kill"):
        assert (await end(hosts, snapshot, own, rung)).refusal == "forbidden"
        step = EndAccount(target=account(snapshot, "kickbot"), rung=rung if rung != "hangup" else "terminate")
        assert (await act(hosts, snapshot, step)).refusal == "forbidden"
    assert only(await look(hosts), "kickbot").identity == own.identity


@without_logind
async def test_sshd_itself(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Not even a plan that names the listening sshd ends it."""
    login = logins.terminal(machine, "audituser")
    snapshot = await look(hosts)
    daemon = int(machine.run("cat", "/run/sshd.pid"))
    start = machine.run("cat", f"/proc/{daemon}/stat").rpartition(")")[2].split()[19]
    session = only(snapshot, "audituser").model_copy(
        update={"id": f"ssh-{daemon}", "identity": f"ssh-{daemon}:{daemon}:{start}"}
    )

    for rung in ("hangup", "signal", "kill"):
        assert (await end(hosts, snapshot, session, rung)).refusal == "forbidden"
    assert login.alive


# ------------------------------------------------------------------------------------------------- accounts


@everywhere
@pytest.mark.parametrize("rung", ["signal", "kill"])
async def test_every_process_of_an_account(hosts: SshHosts, machine: Machine, logins: Logins, rung: str) -> None:
    """All that an account left anywhere is ended; a login that came later is spared."""
    login = logins.terminal(machine, "audituser")
    left = "nohup sleep 1001 >/dev/null 2>&1 & setsid sleep 1002 >/dev/null 2>&1"
    if machine.kind == "systemd":
        machine.run("systemd-run", "--quiet", "--wait", "loginctl", "enable-linger", "audituser")
        left = f"systemd-run --user --quiet sleep 1003; {left}"
    login.send(f"{left} & sleep 0.2; echo re''ady")
    login.wait_for("ready")
    other = logins.terminal(machine, "alice")
    snapshot = await look(hosts)
    known = snapshot.of("audituser")
    later = logins.terminal(machine, "audituser")
    seen = await look(hosts)
    spare = tuple(s.identity for s in seen.of("audituser") if s not in known and not snapshot.session(s.identity))
    step = EndAccount(target=account(snapshot, "audituser", *known), rung=rung, spare=spare, seen=seen.uptime)
    unseen = logins.terminal(machine, "audituser")

    answer = await act(hosts, snapshot, step)

    assert len(spare) == 1
    assert (answer.status, answer.exit_status) == ("done", 0)
    assert answer.command.startswith("kill -TERM" if rung == "signal" else "kill -KILL")
    if rung == "kill":
        login.wait_end()
        await look_until(hosts, lambda s: [each.identity for each in s.of("audituser")][:1] == list(spare))
        assert not {"1001", "1002", "1003"} & {line.split()[-1] for line in running(machine, "audituser")}
    for spared in (later, unseen):
        assert spared.alive
        spared.send("echo still''here")
        spared.wait_for("stillhere")
    assert other.alive


@on_logind
async def test_terminating_a_user(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """terminate-user ends every session of the account, and is refused when a login came later."""
    login = logins.terminal(machine, "audituser")
    snapshot = await look(hosts)
    step = EndAccount(target=account(snapshot, "audituser"), rung="terminate")
    later = logins.terminal(machine, "audituser")

    refused = await act(hosts, snapshot, step)
    later.send("exit")
    later.wait_end()
    await look_until(hosts, lambda s: len(s.of("audituser")) == 1)
    done = await act(hosts, snapshot, step)

    assert refused.refusal == "changed"
    uid = snapshot.account("audituser").uid  # type: ignore[union-attr]
    assert done == Answer(status="done", command=f"loginctl terminate-user {uid}", exit_status=0)
    assert login.wait_end() == 255


@everywhere
async def test_showing_an_account(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """What ps and logind say of an account is shown as they print it; nothing changes."""
    login = logins.command(machine, "audituser", ENDLESS)
    snapshot = await look(hosts)

    answer = await act(hosts, snapshot, ShowAccount(target=account(snapshot, "audituser")))

    assert (answer.status, answer.exit_status) == ("done", 0)
    assert answer.command == "ps -u audituser; loginctl list-users"
    lines = answer.output.splitlines()
    assert lines[0] == "$ ps -u audituser"
    assert lines[1].split() == ["PID", "TTY", "TIME", "CMD"]
    assert any(line.endswith(" sleep") for line in lines)
    assert "$ loginctl list-users" in lines
    assert login.alive


@everywhere
async def test_an_account_that_is_gone(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Of an account without any process there is nothing to end, and ps shows none."""
    login = logins.command(machine, "audituser", ENDLESS)
    snapshot = await look(hosts)
    gone = account(snapshot, "audituser")
    login.close()
    machine.end_logins()
    await look_until(hosts, lambda s: not s.account("audituser"))

    shown = await act(hosts, snapshot, ShowAccount(target=gone))
    killed = await act(hosts, snapshot, EndAccount(target=gone, rung="kill"))

    assert (shown.status, shown.exit_status) == ("done", 1)
    assert shown.output.splitlines()[1].split() == ["PID", "TTY", "TIME", "CMD"]
    assert killed == Answer(status="done", command="kill -KILL", exit_status=0, output="no process")


# ------------------------------------------------------------------------------------------------- warnings


@everywhere
async def test_a_warning(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A warning stands on every terminal of one session, and on no other."""
    shared = logins.shared(machine, "audituser")
    other = logins.terminal(machine, "audituser")
    snapshot = await look_until(hosts, lambda s: len(s.of("audituser")) == 2)
    session = max(snapshot.of("audituser"), key=lambda s: len(s.terminals))

    answer = await warn(hosts, snapshot, session)

    terminals = {terminal.name for terminal in session.terminals}
    assert len(terminals) == 2
    assert (answer.status, answer.exit_status, set(answer.told), answer.untold) == ("done", 0, terminals, ())
    for shell in shared.shells:
        shell.wait_for(f"\a{TEXT}\r")
    assert TEXT not in other.output


@everywhere
async def test_a_stopped_terminal(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A terminal that was stopped with Ctrl-S is not told, and holds nobody up: the answer comes within its limit."""
    login = logins.terminal(machine, "audituser")
    login.send_bytes(b"\x13")
    await asyncio.sleep(0.3)
    snapshot = await look(hosts)
    session = only(snapshot, "audituser")

    answer = await warn(hosts, snapshot, session)

    (terminal,) = session.terminals
    assert (answer.told, answer.untold) == ((), (f"{terminal.name}: stopped or full",))


@everywhere
async def test_a_session_without_a_terminal(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A file transfer has nowhere to be told."""
    logins.sftp(machine, "audituser")
    snapshot = await look(hosts)

    answer = await warn(hosts, snapshot, only(snapshot, "audituser"))

    assert (answer.status, answer.told, answer.untold) == ("done", (), ("no terminal",))


@everywhere
async def test_a_warning_to_another_session(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A session that has ended, or is another one by now, is not warned."""
    login = logins.terminal(machine, "audituser")
    snapshot = await look(hosts)
    session = only(snapshot, "audituser")
    other = session.identity[:-1] + str((int(session.identity[-1]) + 1) % 10)

    changed = await warn(hosts, snapshot, session.model_copy(update={"identity": other, "processes": ()}))
    told = TEXT in login.output
    login.send("exit")
    login.wait_end()
    await look_until(hosts, lambda s: not s.of("audituser"))
    gone = await warn(hosts, snapshot, session)

    assert (changed.refusal, gone.refusal, told) == ("changed", "gone", False)
