"""What the Linux driver sees and ends on real hosts, with logind and without, as root and through sudo."""

import re
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from bot.hosts.connections import SshHosts
from bot.models import Answer, Host, HostUptime, Process, Session, Snapshot, Unreachable
from tests import make
from tests.hosts.logins import Logins
from tests.hosts.looking import look, look_until, names, only, uptime
from tests.hosts.machines import Machine
from tests.hosts.rack import Rack

LATER = 60_00  # centiseconds
ENDLESS = "exec sleep 1000"


@pytest.fixture
async def hosts(machine: Machine, logins: Logins) -> AsyncIterator[SshHosts]:
    """One machine by two names: `root` and `kickbot`, after the login that looks. Closed before the logins end."""
    async for hosts in reach(machine):
        yield hosts


async def reach(machine: Machine) -> AsyncIterator[SshHosts]:
    names = {user: Host(name=user, address=machine.address, user=user) for user in ("root", "kickbot")}
    hosts = SshHosts(names, [machine.identity], machine.known_hosts)
    yield hosts
    await hosts.close()


async def end(hosts: SshHosts, snapshot: Snapshot, login: Session, rung: str = "terminate", **other: object) -> Answer:
    """One step against a session of a look. other: what to change in its target."""
    step = make.step(make.target(snapshot, login, **other), rung)
    return await hosts.act(step, not_after=HostUptime(snapshot.uptime + LATER))


def fingerprint_of(machine: Machine) -> str:
    """That of the key with which everybody logs in, by ssh-keygen."""
    shown = subprocess.run(["ssh-keygen", "-l", "-f", machine.identity], stdout=subprocess.PIPE, check=True).stdout
    return shown.split()[1].decode()


def without_utmp(snapshot: Snapshot) -> tuple[str, ...]:
    """Its notes, but for what is left in utmp of logins that other tests have killed."""
    return tuple(note for note in snapshot.notes if not note.startswith("utmp lists"))


# ----------------------------------------------------------------------------------------------------------- seeing


@pytest.mark.parametrize("via", ["root", "kickbot"])
async def test_a_login_at_a_terminal(hosts: SshHosts, machine: Machine, logins: Logins, via: str) -> None:
    """A login at a terminal is listed with its terminal, its address, its time, and its processes."""
    logins.terminal(machine, "alice")

    snapshot = await look(hosts, via)

    session = only(snapshot, "alice")
    assert (session.source, session.state, session.service, session.own) == ("logind", "active", "sshd", False)
    assert session.remote.startswith("198.18.")
    assert session.account.uid >= 1000
    assert [terminal.name for terminal in session.terminals] == ["pts/0"]
    assert session.since_key is not None
    assert session.since_key < 30
    (shell,) = (process for process in session.processes if process.name == "bash")
    assert (shell.user, shell.terminal, shell.foreground, shell.command) == ("alice", "pts/0", True, "-bash")
    assert 0 <= (snapshot.time - session.since).total_seconds() < 30
    assert [rung.name for rung in session.ladder] == ["terminate", "signal", "stop", "kill"]
    assert (session.key, session.key_source) == (fingerprint_of(machine), "journal")
    assert session.sources == (("utmp",) if machine.suite == "bookworm" else ())


async def test_the_host_itself(hosts: SshHosts, machine: Machine) -> None:
    """A look names the host's key, boot, uptime and clock, and what it runs; a quiet host has no notes."""
    began, up = time.time(), uptime(machine)
    snapshot = await look(hosts)

    assert re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", snapshot.host_key)
    assert snapshot.boot == machine.run("cat", "/proc/sys/kernel/random/boot_id").strip()
    assert up <= snapshot.uptime <= uptime(machine)
    assert int(began) <= snapshot.time.timestamp() <= time.time()
    assert snapshot.system.startswith("Debian GNU/Linux 1")
    assert without_utmp(snapshot) == ()
    assert (snapshot.outside, snapshot.orphans) == ((), ())
    assert [rung.name for rung in snapshot.ladder] == ["terminate", "signal", "kill"]


@pytest.mark.parametrize("via", ["root", "kickbot"])
async def test_the_bot_knows_its_own_session(hosts: SshHosts, via: str) -> None:
    """The session by which the bot looks is marked as its own, directly as root and through sudo."""
    snapshot = await look(hosts, via)

    (own,) = (session for session in snapshot.sessions if session.own)
    assert own.account.name == via


async def test_a_command_without_a_terminal(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A command without a terminal is a login like any other."""
    logins.command(machine, "alice", ENDLESS)

    session = only(await look(hosts), "alice")

    assert session.terminals == ()
    assert session.since_key is None
    assert "sleep" in names(session)


async def test_a_file_transfer(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """An open sftp connection is a login."""
    logins.sftp(machine, "bob")

    assert "sftp-server" in names(only(await look(hosts), "bob"))


async def test_a_connection_that_only_forwards(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A connection that runs nothing and only forwards a port is a login."""
    logins.forward_only(machine, "bob")

    assert names(only(await look(hosts), "bob")) <= {"sshd", "sshd-session"}


async def test_two_shells_over_one_connection(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Two shells over one connection are one session with two terminals."""
    logins.shared(machine, "alice")

    session = only(await look(hosts), "alice")

    assert {terminal.name for terminal in session.terminals} == {"pts/0", "pts/1"}


async def test_work_in_another_accounts_session(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """What runs as alice in opsuser's session is shown there, and a note says so."""
    logins.command(machine, "opsuser", "exec sudo -u alice sleep 1000")

    snapshot = await look_until(hosts, without_utmp)

    session = only(snapshot, "opsuser")
    assert ("alice", "sleep") in {(process.user, process.name) for process in session.processes}
    assert without_utmp(snapshot) == (f"session {session.id} of opsuser also holds processes of alice",)
    (sudo,) = (process for process in session.processes if process.name == "sudo")
    assert (sudo.user, sudo.real_uid) == ("root", session.account.uid)


async def test_services_that_outlive_a_session(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """What runs under the user's own service manager is in no session, and is shown outside of them."""
    logins.command(machine, "alice", f"systemd-run --user --quiet --unit=nightly sleep 1000; {ENDLESS}")
    machine.run("sh", "-c", "mkdir -p /var/lib/systemd/linger; touch /var/lib/systemd/linger/alice")

    snapshot = await look_until(hosts, lambda s: s.outside)

    machine.run("rm", "/var/lib/systemd/linger/alice")
    (nightly,) = snapshot.outside
    assert (nightly.user, nightly.name, nightly.session, nightly.unit) == ("alice", "sleep", None, "nightly.service")
    assert snapshot.lingering == ("alice",)
    of_alice = [process.name for process in snapshot.managers if process.user == "alice"]
    assert of_alice == ["systemd", "(sd-pam)"]


async def test_a_login_without_sudo(machine: Machine, logins: Logins) -> None:
    """A login that may not use sudo without a password is told so."""
    hosts = SshHosts(
        {"host1": Host(name="host1", address=machine.address, user="bob")}, [machine.identity], machine.known_hosts
    )

    (found,) = [each async for each in hosts.look(["host1"])]
    await hosts.close()

    assert isinstance(found, Unreachable)
    assert found.reason == "asks for a password: bob needs `NOPASSWD` for sudo"


async def test_a_key_that_only_the_environment_has(rack: Rack, logins: Logins) -> None:
    """Where sshd writes no journal but exposes keys, the key comes from the environment, and so says its source."""
    files = {"etc/ssh/sshd_config.d/00-expose.conf": "ExposeAuthInfo yes\nLogLevel QUIET\n"}
    with Machine(rack, "exposing", "trixie", files=files) as machine, Logins() as own:
        own.terminal(machine, "alice")
        own.command(machine, "bob", ENDLESS)
        async for hosts in reach(machine):
            snapshot = await look(hosts)

    for user in ("alice", "bob", "kickbot"):
        session = only(snapshot, user)
        assert (session.key, session.key_source) == (fingerprint_of(machine), "environment")


async def test_a_key_that_somebody_logged(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Nobody can give a login another key by writing to the journal in sshd's words."""
    forged = "SHA256:" + "A" * 43
    words = f"Accepted publickey for alice from 192.0.2.1 port 1 ssh2: ED25519 {forged}"
    login = logins.terminal(machine, "alice")
    before = only(await look(hosts), "alice")
    login.send(
        f"for t in sshd sshd-session; do logger -p auth.info -t $t --id={before.leader} {words!r}; done; echo do''ne"
    )
    login.wait_for("done")
    machine.run("journalctl", "--sync")

    assert forged in machine.run("journalctl", "-b", "--no-pager")
    assert only(await look(hosts), "alice").key == fingerprint_of(machine)


async def test_crontabs_and_at_jobs(hosts: SshHosts, machine: Machine) -> None:
    """A look names who has a crontab and who has at jobs, whatever their files are called."""
    spool = "/var/spool/cron"
    machine.run(
        *("sh", "-c"),
        f"cd {spool}; mkdir -p crontabs atjobs; touch crontabs/alice atjobs/a1 \"$(printf 'crontabs/e\\033[2Jvil')\"; "
        "ln -s alice crontabs/link; mkfifo crontabs/pipe; chown bob atjobs/a1",
    )

    snapshot = await look(hosts)

    machine.run("sh", "-c", f"cd {spool}; rm crontabs/* atjobs/a1")
    assert (snapshot.cron, snapshot.at) == (("alice", "e\\x1b[2Jvil"), ("bob",))


async def test_a_login_that_only_utmp_has(bookworm: Machine, logins: Logins) -> None:
    """A record that a killed login left in utmp is noted, and makes no login."""
    logins.terminal(bookworm, "bob")
    async for hosts in reach(bookworm):
        session = only(await look(hosts), "bob")
        kill_all = 'kill -KILL "$@" 2>/dev/null || true'  # some end with the one before
        bookworm.run("sh", "-c", kill_all, "kill_all", *(str(process.pid) for process in session.processes))
        snapshot = await look_until(hosts, lambda s: not s.of("bob"))

    (name,) = (terminal.name for terminal in session.terminals)
    assert f"utmp lists bob on {name} (pid {session.leader}), but no such login is there" in snapshot.notes


# ----------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (r"a) Z 1 1", "a) Z 1 1"),
        (r"\n== end 00\n", None),
        (r"\033[2Jgone", None),
        (r"\xff\xfe", None),
        (r"mysql --password=hunter2", "mysql --password=[masked]"),
    ],
)
async def test_hostile_titles(hosts: SshHosts, machine: Machine, logins: Logins, title: str, shown: str | None) -> None:
    """Whatever a process calls itself, it stays one process of its session, and its title stays harmless text."""
    logins.command(machine, "alice", f"""exec perl -e '$0 = "{title}"; $| = 1; print "set\n"; sleep 1000'""").wait_for(
        "set"
    )
    logins.terminal(machine, "bob")

    snapshot = await look(hosts)

    (hostile,) = (
        p for p in only(snapshot, "alice").processes if p.parent and p.user == "alice" and p.pid in perl(snapshot)
    )
    assert hostile.command.isprintable()
    assert shown in {None, hostile.command}
    assert "hunter2" not in snapshot.model_dump_json()
    assert "\x1b" not in snapshot.raw
    assert only(snapshot, "bob").terminals


def perl(snapshot: Snapshot) -> set[int]:
    """The processes without a child that no shell or sshd is."""
    parents = {p.parent for s in snapshot.sessions for p in s.processes}
    return {p.pid for s in snapshot.sessions for p in s.processes} - parents


async def test_a_huge_title(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A command line of 100 kB is cut where it is listed, and whole in the transcript."""
    logins.command(machine, "alice", "exec perl -e 'sleep 1000' $(head -c 100000 /dev/zero | tr '\\0' x)")

    snapshot = await look_until(hosts, lambda s: any(p.name == "perl" for p in only(s, "alice").processes))

    (huge,) = (process for process in only(snapshot, "alice").processes if process.name == "perl")
    assert len(huge.command) == 4000
    assert "x" * 100_000 in snapshot.raw
    assert any("cut to 4000 characters" in note for note in snapshot.notes)


async def test_a_flood_of_titles(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """Megabytes of command lines hide nobody: every process is listed, and a note says that lines were cut."""
    many = "for i in $(seq 200); do perl -e 'sleep 1000' $x & done; echo out; wait"
    flood = f"x=$(head -c 120000 /dev/zero | tr '\\0' x); {many}"
    logins.command(machine, "alice", flood).wait_for("out")
    logins.terminal(machine, "bob")

    snapshot = await look(hosts)

    assert sum(process.name == "perl" for process in only(snapshot, "alice").processes) == 200
    assert only(snapshot, "bob").terminals
    assert any("cut by the host" in note for note in snapshot.notes)
    assert len(snapshot.raw) <= 2_000_000


@pytest.mark.parametrize("forged", ["-1000", "99999999999999"])
async def test_a_forged_time(hosts: SshHosts, machine: Machine, logins: Logins, forged: str) -> None:
    """A user who gives the own terminal an impossible time hides nobody: only that idle time is not known."""
    login = logins.terminal(machine, "alice")
    logins.terminal(machine, "bob")
    login.send(f"touch -d @{forged} $(tty); echo do''ne")
    login.wait_for("done")

    snapshot = await look(hosts)

    assert machine.run("stat", "-c", "%X", "/dev/pts/0").strip() == forged
    assert only(snapshot, "alice").since_key is None
    assert only(snapshot, "bob").since_key is not None


async def test_a_deep_cgroup(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """However deep a user nests cgroups, each process costs a short line, and is shown outside of every session."""
    nest = (
        "cgroup=/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service\n"
        "for i in $(seq 15); do\n"
        '    cgroup="$cgroup/$(head -c 200 /dev/zero | tr "\\0" a)"\n'
        '    mkdir "$cgroup"; cd "$cgroup"\n'
        "done\n"
        "echo $$ >cgroup.procs; for i in $(seq 100); do sleep 1000 & done; wait\n"
    )
    logins.command(
        machine, "alice", f"printf '%s' '{nest}' >nest; systemd-run --user --quiet sh /home/alice/nest; {ENDLESS}"
    )

    snapshot = await look_until(hosts, lambda s: sum(p.name == "sleep" for p in s.outside) == 100)

    assert all(process.session is None for process in snapshot.outside)
    assert len(machine.run("cat", f"/proc/{snapshot.outside[-1].pid}/cgroup")) > 3000
    assert f"/{'a' * 200}/aaa" in snapshot.raw
    assert "...\t/\tsleep" in snapshot.raw
    assert max(len(line) for line in snapshot.raw.splitlines() if line.startswith("process ")) < 700


async def test_a_forged_cgroup(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """A cgroup that a user names like somebody's session is not that session."""
    logins.terminal(machine, "bob")
    bobs = only(await look(hosts), "bob").id
    forge = (
        'cgroup="/sys/fs/cgroup/user.slice/user-$(id -u).slice/user@$(id -u).service/session-%s.scope"\n'
        'mkdir "$cgroup"; echo $$ >"$cgroup/cgroup.procs"; exec sleep 1000\n'
    )
    machine.run("sh", "-c", f"printf '{forge}' {bobs} >/tmp/forge")
    logins.command(machine, "alice", f"systemd-run --user --quiet sh /tmp/forge; {ENDLESS}")

    snapshot = await look_until(hosts, lambda s: [p.name for p in s.outside] == ["sleep"])

    (forger,) = snapshot.outside
    assert (forger.user, forger.session) == ("alice", None)
    assert f"session-{bobs}.scope" in machine.run("cat", f"/proc/{forger.pid}/cgroup")
    assert "sleep" not in names(only(snapshot, "bob"))


# ----------------------------------------------------------------------------------------------------------- ending


@pytest.mark.parametrize("via", ["root", "kickbot"])
async def test_ending_one_session(hosts: SshHosts, machine: Machine, logins: Logins, via: str) -> None:
    """The rung terminate ends exactly the approved session: its client is cut off, and every other login stays."""
    kept = [logins.terminal(machine, "alice"), logins.terminal(machine, "bob")]
    before = await look(hosts, via)
    login = logins.terminal(machine, "alice")
    snapshot = await look(hosts, via)
    (session,) = (s for s in snapshot.of("alice") if not before.session(s.identity))

    answer = await end(hosts, snapshot, session)

    assert answer == Answer(status="done", command=f"loginctl terminate-session {session.id}", exit_status=0)
    assert login.wait_end() == 255
    after = await look_until(hosts, lambda s: not s.session(session.identity), via)
    assert {s.identity for s in after.sessions} == {s.identity for s in before.sessions}
    assert all(each.alive for each in kept)


async def test_a_stubborn_session(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """What ignores polite signals stays the same session after its leader is gone, until KILL."""
    logins.command(machine, "alice", "trap '' TERM HUP; while :; do sleep 0.1; done")
    snapshot = await look(hosts)
    session = only(snapshot, "alice")

    await end(hosts, snapshot, session, "terminate")
    await end(hosts, snapshot, session, "signal")
    left = await look_until(hosts, lambda s: names(only(s, "alice")) <= {"bash", "sleep"})
    answer = await end(hosts, snapshot, session, "kill")

    assert (only(left, "alice").identity, only(left, "alice").state) == (session.identity, "closing")
    assert answer.command == f"loginctl kill-session --signal=KILL {session.id}"
    await look_until(hosts, lambda s: not s.of("alice"))


async def test_what_someone_left_behind(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """The rung terminate does nothing to a session in `closing`, without a word; signal ends it."""
    login = logins.command(machine, "alice", "trap '' HUP; setsid sleep 1000 & sleep 1000")
    session = only(await look(hosts), "alice")
    login.close()
    closing = await look_until(hosts, lambda s: only(s, "alice").state == "closing")

    nothing = await end(hosts, closing, session, "terminate")
    still = await look(hosts)
    await end(hosts, closing, session, "signal")

    assert (nothing.status, nothing.exit_status, nothing.output) == ("done", 0, "")
    assert still.session(session.identity)
    await look_until(hosts, lambda s: not s.of("alice"))


@pytest.mark.parametrize(
    ("part", "other", "refusal"),
    [
        ("leader", lambda s: {"identity": s.identity.replace(f":{s.leader}:", ":1:")}, "changed"),
        ("begin", lambda s: {"identity": s.identity[:-1] + str((int(s.identity[-1]) + 1) % 10)}, "changed"),
        ("account", lambda s: {"account": s.account.model_copy(update={"uid": s.account.uid + 1})}, "changed"),
        ("root", lambda s: {"account": s.account.model_copy(update={"uid": 0})}, "forbidden"),
        ("session", lambda s: {"session": "99999", "identity": s.identity.replace(f"{s.id}:", "99999:")}, "gone"),
        ("boot", lambda _: {"boot": "00000000-0000-0000-0000-000000000000"}, "rebooted"),
        ("host key", lambda _: {"host_key": "SHA256:another"}, "changed"),
    ],
)
async def test_any_other_session_is_refused(
    hosts: SshHosts,
    machine: Machine,
    logins: Logins,
    part: str,
    other: Callable[[Session], dict[str, object]],
    refusal: str,
) -> None:
    """If one part of the identity is another one, the host refuses, and nothing happens."""
    login = logins.terminal(machine, "alice")
    snapshot = await look(hosts)
    session = only(snapshot, "alice")

    answer = await end(hosts, snapshot, session, "kill", **other(session))

    assert (answer.status, answer.refusal) == ("refused", refusal)
    assert login.alive
    assert (await look(hosts)).session(session.identity)


async def test_too_late(hosts: SshHosts, machine: Machine, logins: Logins) -> None:
    """After the deadline, by the host's own uptime, the host refuses."""
    login = logins.terminal(machine, "alice")
    snapshot = await look(hosts)
    step = make.step(make.target(snapshot, only(snapshot, "alice")))

    answer = await hosts.act(step, not_after=snapshot.uptime)

    assert (answer.status, answer.refusal) == ("refused", "late")
    assert login.alive


async def test_its_own_session(hosts: SshHosts) -> None:
    """The bot cannot end the session by which it speaks to the host."""
    snapshot = await look(hosts)

    answer = await end(hosts, snapshot, only(snapshot, "kickbot"))

    assert (answer.status, answer.refusal) == ("refused", "forbidden")
    assert only(await look(hosts), "kickbot").own


# ----------------------------------------------------------------------------------------------------- without logind


@pytest.fixture(params=["nopam_bookworm", "nopam_trixie"])
def without_pam(request: pytest.FixtureRequest) -> Machine:
    """A host with logind that never hears of a login."""
    machine: Machine = request.getfixturevalue(request.param)
    return machine


async def test_logins_that_logind_does_not_know(without_pam: Machine) -> None:
    """Without PAM, logins are listed from what descends from sshd, with their address and key, and a note says so."""
    with Logins() as logins:
        logins.terminal(without_pam, "alice")
        logins.command(without_pam, "bob", ENDLESS)
        async for hosts in reach(without_pam):
            snapshot = await look(hosts)

    alice, bob = only(snapshot, "alice"), only(snapshot, "bob")
    assert (alice.source, alice.state) == ("sshd", "unlisted")
    assert [rung.name for rung in alice.ladder] == ["hangup", "signal", "kill"]
    assert alice.id == f"ssh-{alice.leader}"
    assert alice.remote.startswith("198.18.")
    assert (alice.key, alice.key_source) == (fingerprint_of(without_pam), "journal")
    assert {process.kernel_session for process in alice.processes} == {pinned.pid for pinned in alice.leaders}
    assert all(pinned.start for pinned in alice.leaders)
    assert [terminal.name for terminal in alice.terminals] == ["pts/0"]
    assert {"bash"} < names(alice)
    assert "sleep" in names(bob)
    assert only(snapshot, "kickbot").own
    assert f"logind does not know 2 logins: alice ({alice.id}), bob ({bob.id})" in snapshot.notes
    assert snapshot.outside == ()


@pytest.mark.parametrize("name", ["plain_bookworm", "plain_trixie"])
async def test_a_host_without_systemd(request: pytest.FixtureRequest, logins: Logins, name: str) -> None:
    """A host without systemd still shows who is logged in, and says why logind doesn't."""
    machine: Machine = request.getfixturevalue(name)
    logins.terminal(machine, "alice")

    async for hosts in reach(machine):
        snapshot = await look(hosts)

    alice = only(snapshot, "alice")
    assert (alice.source, alice.sources) == ("sshd", ("utmp",))
    assert alice.remote.startswith("198.18.")
    assert only(snapshot, "kickbot").own
    assert "logind does not answer" in snapshot.notes[0]
    assert [rung.name for rung in snapshot.ladder] == ["signal", "kill"]
    assert snapshot.orphans == ()


LEAVE = "sudo nohup sleep 4711 >/dev/null 2>&1 & nohup sleep 4712 >/dev/null 2>&1 & echo do''ne; sleep 1000"


async def leftovers(machine: Machine, logins: Logins) -> tuple[Session, Snapshot]:
    """A login of opsuser before its sshd and its shell are killed, and what a look shows afterwards."""
    login = logins.command(machine, "opsuser", LEAVE)
    login.wait_for("done")
    async for hosts in reach(machine):
        before = await look_until(hosts, lambda s: {"4711", "4712"} <= ends(only(s, "opsuser").processes))
        session = only(before, "opsuser")
        doomed = [p.pid for p in session.processes if not {"4711", "4712"} & ends([p]) or p.name == "sudo"]
        machine.run("kill", "-KILL", *map(str, doomed))
        after = await look_until(hosts, lambda s: not s.of("opsuser"))
    return session, after


def ends(processes: Iterable[Process]) -> set[str]:
    """The last words of their command lines."""
    return {process.command.split()[-1] for process in processes}


@pytest.mark.parametrize("name", ["plain_bookworm", "plain_trixie"])
async def test_what_a_killed_login_leaves(request: pytest.FixtureRequest, logins: Logins, name: str) -> None:
    """Without systemd, what is left of a killed login is outside or an orphan, and known by its kernel session."""
    machine: Machine = request.getfixturevalue(name)

    before, after = await leftovers(machine, logins)

    assert ends(after.outside) >= {"4712"}
    assert ends(after.orphans) >= {"4711"}
    pinned = {leader.pid for leader in before.leaders}
    left = [process for process in (*after.outside, *after.orphans) if ends([process]) & {"4711", "4712"}]
    assert {process.kernel_session for process in left} <= pinned
    machine.run("kill", "-KILL", *(str(process.pid) for process in after.orphans))


async def test_what_a_killed_login_leaves_under_systemd(without_pam: Machine) -> None:
    """So it is under systemd, where it sits in the unit of sshd; the daemons of other units are no orphans."""
    with Logins() as logins:
        before, after = await leftovers(without_pam, logins)

    assert ends(after.outside) >= {"4712"}
    assert ends(after.orphans) >= {"4711"}
    assert {process.unit for process in after.orphans} == {"ssh.service"}
    pinned = {leader.pid for leader in before.leaders}
    left = [process for process in (*after.outside, *after.orphans) if ends([process]) & {"4711", "4712"}]
    assert {process.kernel_session for process in left} <= pinned
    without_pam.run("kill", "-KILL", *(str(process.pid) for process in (*after.outside, *after.orphans)))


async def test_a_shell_at_a_terminal_of_its_own(hosts: SshHosts, machine: Machine) -> None:
    """A shell at a terminal that neither logind nor sshd brought is listed by its terminal."""
    machine.run("systemd-run", "--quiet", "--unit=stray", "script", "-qc", "sleep 1000", "/dev/null")

    snapshot = await look_until(hosts, lambda s: any(each.source == "terminal" for each in s.sessions))

    machine.run("systemctl", "kill", "--signal=KILL", "stray")
    (stray,) = (each for each in snapshot.sessions if each.source == "terminal")
    assert (stray.id, stray.account.name, stray.state) == ("pts/0", "root", "unlisted")
    assert [rung.name for rung in stray.ladder] == ["hangup", "signal", "kill"]
