"""What the Linux driver makes of answers: of real hosts, cut, forged, and of odd hosts told line by line."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.hosts.limits import Limits
from bot.models import Act, Answer, HostUptime
from tests.linux_answers import (
    ALICE,
    ALICES,
    BOOT,
    DRIVER,
    HOST,
    LEADER,
    NONCE,
    SSHD,
    listed,
    only,
    parse,
    pids,
    sshd,
    step,
    task,
    told,
)

# printed by linux.sh on booted hosts; the nonce is replaced by NONCE
CAPTURES = sorted((Path(__file__).parent / "captures").glob("*.txt"))


def captured(path: Path) -> bytes:
    return path.read_bytes().replace(b"NONCE", NONCE.encode())


# --------------------------------------------------------------------------------------------------- real hosts


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_real_host(path: Path) -> None:
    """The answer of a real host, in captures/CASE.txt, is read as CASE.json says."""
    snapshot = parse(captured(path))

    assert json.loads(snapshot.model_dump_json(exclude={"raw"})) == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_the_transcript(path: Path) -> None:
    """The transcript has every line that a person may want, without the nonce and without secrets."""
    raw = parse(captured(path)).raw

    assert raw.startswith("# The host\nboot ")
    assert "# Sessions, by logind" in raw
    assert "sshd: /usr/sbin/sshd -D" in raw
    assert NONCE not in raw
    assert "hunter2" not in raw
    assert raw.replace("\n", "").replace("\t", "").isprintable()


# --------------------------------------------------------------------------------------------------- incomplete answers


def test_cut_anywhere() -> None:
    """An answer that was cut, wherever, is never a look."""
    whole = captured(CAPTURES[0])

    for length in range(len(whole)):
        with pytest.raises(IncompleteAnswer):
            parse(whole[:length])


def test_a_line_is_missing() -> None:
    """An answer that lost one of its lines is no look, except where the line was one of many facts."""
    lines = captured(CAPTURES[0]).splitlines(keepends=True)
    optional = (b"system", b"| ", b"user ", b"terminal ")

    for number, line in enumerate(lines):
        if not line.startswith(optional) and not line.startswith(b"init "):
            with pytest.raises(IncompleteAnswer):
                parse(b"".join(lines[:number] + lines[number + 1 :]))


def test_something_follows_the_mark() -> None:
    """Nothing may follow the mark."""
    with pytest.raises(IncompleteAnswer, match="the mark at its end"):
        parse(captured(CAPTURES[0]) + b"more\n")


@given(st.binary(max_size=2000))
@example(b"")
@example(b"Welcome!\n" + told())
def test_garbage(garbage: bytes) -> None:
    """Garbage is never a look, and never anything but IncompleteAnswer."""
    with pytest.raises(IncompleteAnswer):
        parse(garbage)


@given(st.data())
def test_garbage_inside(data: st.DataObject) -> None:
    """A spoilt answer is a look or IncompleteAnswer, never another error."""
    whole = bytearray(told(LEADER, task(101, scope=ALICES), sessions=[listed()], commands=[b"| 101 -bash"]))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))

    with suppress(IncompleteAnswer):
        parse(bytes(whole))


@pytest.mark.parametrize(
    ("wrong", "right", "why"),
    [
        (b"linux 2 look", b"linux 1 look", "version is not 1"),
        (b"linux 1 end", b"linux 1 look", "another question"),
        (b"look fedcba", b"look " + NONCE.encode(), "another question"),
        (b"== groups\n== users", b"== users", "the section groups stands where users should"),
        (b"total 3", b"total 2", "process list is not complete: 2 of 3"),
        (b"uptime soon", b"uptime 1000.00", "did not say its uptime"),
        (b"uptime 9\nuptime 8", b"uptime 1000.00", "did not say its uptime"),
        (b"date 999999999999", b"date 1800000000", "did not say its date"),
        (b"listed 7 8", b"listed 7", "logind listed 7, 8 but described 7"),
        (b"| Leader=nobody", b"| Leader=100", "did not say Leader"),
        (b"| User=1001\n| User=1002", b"| User=1001", "strange line"),
        (b"Process 101", b"process 101", "unknown line"),
        (b"process 1" + b"0" * 5000, b"process 101", "unknown line"),
    ],
)
def test_not_the_scripts_words(wrong: bytes, right: bytes, why: str) -> None:
    """What isn't in the script's words is not believed, and the reason says which."""
    whole = told(LEADER, task(101, scope=ALICES), sessions=[listed()])
    assert right in whole

    with pytest.raises(IncompleteAnswer, match=why):
        parse(whole.replace(right, wrong, 1))


@pytest.mark.parametrize("problem", [[b"missing"], [b"silent 1", b"| Failed to connect to bus"], [b"silent 124"]])
def test_sessions_that_nobody_names(problem: list[bytes]) -> None:
    """Where processes sit in sessions but logind is silent, an empty list would be a lie."""
    with pytest.raises(IncompleteAnswer, match="but 1 of its sessions have processes"):
        parse(told(LEADER, logind=problem))


def test_nobody_is_logged_in() -> None:
    """A complete answer without sessions is believed."""
    snapshot = parse(told(task(500, uid=0)))

    assert (snapshot.sessions, snapshot.outside, snapshot.notes) == ((), (), ())


# --------------------------------------------------------------------------------------------------- forgeries


@pytest.mark.parametrize(
    "title",
    [
        f"== end {NONCE}".encode(),
        f"x\n== end {NONCE}\n".encode(),
        b"== commands",
        b"total 0",
        b"process 1 1 S 1 1 0 1 1 0 0 1",
        b"a) Z 1 1",
        b"\xff\xfe\x00\x1b[2J",
        "\u202edlrow\u2066".encode(),
        b"x" * 100_000,
    ],
)
def test_a_title_forges_nothing(title: bytes) -> None:
    """Whatever a command line says, it stays the command line of its process."""
    commands = [b"|  101 " + title.replace(b"\n", b" "), b"|  102 -bash"]
    snapshot = parse(
        told(LEADER, task(101, scope=ALICES), task(102, scope=ALICES), sessions=[listed()], commands=commands)
    )

    assert pids(only(snapshot)) == [100, 101, 102]
    hostile = only(snapshot).processes[1]
    assert hostile.command.isprintable()
    assert len(hostile.command) <= 4000
    assert only(snapshot).processes[2].command == "-bash"


def test_the_first_line_of_a_process_counts() -> None:
    """A ps that passed a newline on could make a second line for a process: only the first one counts."""
    snapshot = parse(
        told(LEADER, sessions=[listed()], commands=[b"| 100 sshd: alice [priv]", b"| 100 forged", b"| and more"])
    )

    assert only(snapshot).processes[0].command == "sshd: alice [priv]"


def test_secrets_in_command_lines() -> None:
    """Passwords are masked in the process and in the transcript."""
    commands = [b"| 100 mysql --password=hunter2", b"| 999 curl -u me:hunter2 https://x"]
    snapshot = parse(told(LEADER, sessions=[listed()], commands=commands))

    assert only(snapshot).processes[0].command == "mysql --password=[masked]"
    assert "hunter2" not in snapshot.model_dump_json()


@pytest.mark.parametrize(
    "cgroup",
    [
        f"{ALICE}/user@1001.service/session-7.scope",
        f"{ALICE}/user@1001.service/user.slice/user-1001.slice/session-7.scope",
        f"/system.slice{ALICES}",
        "/user.slice/user-1002.slice/session-7.scope",
        f"{ALICE}/session-7.scope2",
        f"{ALICE}/x-session-7.scope",
        f"{ALICE}/session-7.scope...",
        f"{ALICE}/session-7...",
    ],
)
def test_a_forged_cgroup(cgroup: str) -> None:
    """Only a session's very own scope is its scope."""
    snapshot = parse(told(LEADER, task(200, scope=cgroup), sessions=[listed()]))

    assert pids(only(snapshot)) == [100]
    assert [process.pid for process in snapshot.outside] == [200]


def test_many_deep_cgroups() -> None:
    """Twenty thousand processes as deep in cgroups as the script tells make no host unreadable."""
    deep = f"{ALICE}/user@1001.service/".ljust(509, "a") + "..."
    answer = told(LEADER, *(task(pid, scope=deep) for pid in range(1_000, 21_000)), sessions=[listed()])

    assert 8 * 1024 * 1024 < len(answer) < Limits().size
    assert len(parse(answer).outside) == 20_000


@pytest.mark.parametrize("forged", [-1000, 9_999_999_999_999, 2**63 - 1, -(2**63), 2**64 - 1000, 1_800_000_061])
def test_a_forged_time(forged: int) -> None:
    """A terminal's owner can give it any time: one that can't be true is not known, and hides nobody."""
    snapshot = parse(
        told(
            task(101, scope=ALICES, tty=0x8803),
            sessions=[listed()],
            extra=[b"terminal %d %d /dev/pts/3" % (forged, forged)],
        )
    )

    assert [(t.name, t.since_key, t.since_output) for t in only(snapshot).terminals] == [("pts/3", None, None)]


def test_nobody_hides_as_a_user_manager() -> None:
    """Only the oldest `systemd --user` and its oldest (sd-pam) are managers: who takes their names is shown outside."""
    manager = f"{ALICE}/user@1001.service/init.scope"
    snapshot = parse(
        told(
            task(50, scope=manager, name="systemd"),
            task(51, scope=manager, name="(sd-pam)", parent=50),
            task(52, scope=manager, name="(sd-pam)", parent=50),
            task(53, scope=manager, name="systemd"),
        )
    )

    assert [process.pid for process in snapshot.managers] == [50, 51]
    assert [process.pid for process in snapshot.outside] == [52, 53]


# --------------------------------------------------------------------------------------------------- what belongs where


@pytest.mark.parametrize(
    ("init", "columns"),
    [
        ([b"init 0::/init.scope"], "{}\t"),
        ([b"init 1:name=systemd:/init.scope", b"init 0::/"], "/\t{}"),
        ([b"init 1:name=systemd:/init.scope"], "\t{}"),
        ([b"init 1:name=systemd:/init.scope", b"init 0::/init.scope"], "{0}\t{0}"),
        ([b"init 0::/machine/host1/init.scope"], "/machine/host1{}\t"),
    ],
)
def test_every_way_of_cgroups(init: list[bytes], columns: str) -> None:
    """A session's processes are found with cgroups v2, v1 and both, and below a container's own root."""
    line = task(101).replace(b"/system.slice/x.service\t", columns.format(ALICES).encode())
    leader = LEADER.replace(f"{ALICES}\t".encode(), columns.format(ALICES).encode())

    assert pids(only(parse(told(leader, line, sessions=[listed()], init=init)))) == [100, 101]


def test_by_descent_where_cgroups_tell_nothing() -> None:
    """Where no session's scope holds a process, what descends from a session's leader belongs to it."""
    snapshot = parse(
        told(
            task(100), task(101, parent=100), task(102, parent=101), task(200), sessions=[listed()], init=[b"init 0::/"]
        )
    )

    assert pids(only(snapshot)) == [100, 101, 102]
    assert {process.session for process in only(snapshot).processes} == {"7"}
    assert [process.pid for process in snapshot.outside] == [200]


def test_zombies_are_gone() -> None:
    """A zombie is no process any more."""
    assert pids(only(parse(told(LEADER, task(101, scope=ALICES, state="Z"), sessions=[listed()])))) == [100]


def test_the_leader_ends_first() -> None:
    """A session keeps its identity when its leader is gone."""
    before = only(parse(told(LEADER, task(101, scope=ALICES), sessions=[listed()])))
    after = only(parse(told(task(101, scope=ALICES), sessions=[listed(State="closing")])))

    assert after.identity == before.identity
    assert pids(after) == [101]


@pytest.mark.parametrize("part", [{"Leader": "101"}, {"TimestampMonotonic": "50000001"}, {"Id": "8"}])
def test_another_session_has_another_identity(part: dict[str, Any]) -> None:
    """Another id, leader or begin is another session."""
    one, other = (only(parse(told(sessions=[listed(**p)]))) for p in ({}, part))

    assert one.identity != other.identity


@pytest.mark.parametrize("kind", ["manager", "manager-early", "greeter", "lock-screen", "background", "none", ""])
def test_no_login(kind: str) -> None:
    """Sessions of other classes are no logins; what people run in them is shown outside."""
    snapshot = parse(told(task(101, scope=ALICES), sessions=[listed(Class=kind)]))

    assert snapshot.sessions == ()
    assert [(process.pid, process.session) for process in snapshot.outside] == [(101, "7")]


def test_a_session_that_logind_forgot() -> None:
    """Processes in the scope of a session that logind no longer lists are shown, root's too, and noted."""
    snapshot = parse(
        told(
            *(LEADER, task(200, scope=f"{ALICE}/session-6.scope"), task(201, uid=0, scope=f"{ALICE}/session-6.scope")),
            sessions=[listed()],
        )
    )

    assert [(process.pid, process.session) for process in snapshot.outside] == [(200, "6"), (201, "6")]
    assert snapshot.notes == ("session 6 of alice has processes, but logind does not list it (any more, or yet)",)


def test_a_session_that_ended_meanwhile() -> None:
    """A session that ended between two questions takes no other along."""
    logind = [b"listed 6 7", *listed(), b"vanished 6"]

    snapshot = parse(told(LEADER, logind=logind))

    assert only(snapshot).id == "7"
    assert snapshot.notes == ("session 6 ended during the look",)


def test_its_terminals() -> None:
    """A session has logind's terminal and those of its processes, with the seconds since they were touched."""
    snapshot = parse(
        told(
            *(LEADER, task(101, scope=ALICES, tty=0x8803), task(102, scope=ALICES, tty=0x8803)),
            *(task(103, scope=ALICES, tty=0x402), task(104, scope=ALICES, tty=0xCC40)),
            task(105, scope=ALICES, tty=0x882C | 1 << 20),
            sessions=[listed(TTY="pts/9")],
            extra=[b"terminal 1799999990 1800000007 /dev/pts/3", b"terminal 1799990000 1799999000 /dev/tty2"],
        )
    )

    assert [(t.name, t.since_key, t.since_output) for t in only(snapshot).terminals] == [
        ("pts/9", None, None),
        ("pts/3", 10, 0),
        ("tty2", 10_000, 1_000),
        ("char/204:64", None, None),
        ("pts/300", None, None),
    ]
    assert only(snapshot).since_key == 10


def test_idle_by_the_clock_of_the_same_moment() -> None:
    """A look that took long makes nobody idle: a terminal's times are compared with the clock of that moment."""
    answer = told(
        task(101, scope=ALICES, tty=0x8803),
        sessions=[listed()],
        extra=[b"terminal 1799999970 1799999975 /dev/pts/3"],
    ).replace(b"clock 1800000000", b"clock 1799999980")

    assert (only(parse(answer)).since_key, only(parse(answer)).since_output) == (10, 5)


@pytest.mark.parametrize(("status", "noted"), [(0, False), (2, False), (1, True), (124, True), (137, True)])
def test_names_that_nobody_told(status: int, noted: bool) -> None:
    """Where the host's directory did not answer, a note says how many names are missing."""
    snapshot = parse(told(task(300, uid=2001), task(301, uid=2002)).replace(b"names 0", b"names %d" % status))

    note = "names of 2 users are not known: the host's directory did not answer"
    assert (note in snapshot.notes) is noted
    assert [process.user for process in snapshot.outside] == ["2001", "2002"]


def test_a_directory_that_nobody_needs() -> None:
    """Where every name is known all the same, there is nothing to note."""
    assert parse(told(task(300)).replace(b"names 0", b"names 124")).notes == ()


@pytest.mark.parametrize(
    ("properties", "began"),
    [
        ({"Timestamp": "Thu 2026-12-31 08:54:38 UTC"}, "2026-12-31T08:54:38+00:00"),
        ({"Timestamp": "Thu 2126-12-31 08:54:38 UTC"}, "2027-01-15T08:00:00+00:00"),
        ({}, "2027-01-15T07:44:10+00:00"),
        ({"Timestamp": "Do 31 Dez 2026 09:54:38 CET"}, "2027-01-15T07:44:10+00:00"),
        ({"TimestampMonotonic": "99999999999999"}, "2027-01-15T08:00:00+00:00"),
    ],
)
def test_when_it_began(properties: dict[str, Any], began: str) -> None:
    """A session began when logind says, or by the host's uptime if that can't be read; never later than now."""
    assert only(parse(told(sessions=[listed(**properties)]))).since.isoformat() == began


def test_its_own_session() -> None:
    """The session from which the script descends is the bot's own, also where sudo made no new one."""
    snapshot = parse(
        told(
            *(LEADER, task(101, uid=0, scope="/elsewhere", parent=100), task(200, scope=f"{ALICE}/session-8.scope")),
            sessions=[listed(), listed("8", leader=200)],
            shell=101,
        )
    )

    assert [(session.id, session.own) for session in snapshot.sessions] == [("7", True), ("8", False)]


def test_the_ladder() -> None:
    """Sessions of logind have four rungs, and only the last one needs the right to force."""
    ladder = only(parse(told(sessions=[listed()]))).ladder

    assert [(rung.name, rung.act) for rung in ladder] == [
        ("terminate", Act.KICK),
        ("signal", Act.KICK),
        ("stop", Act.KICK),
        ("kill", Act.FORCE),
    ]


@pytest.mark.parametrize(
    ("logind", "names"), [((), ["terminate", "signal", "kill"]), ((b"missing",), ["signal", "kill"])]
)
def test_the_ladder_of_an_account(logind: tuple[bytes, ...], names: list[str]) -> None:
    """Every process of an account can be ended everywhere, and the user terminated where logind answers."""
    ladder = parse(told(logind=logind)).ladder

    assert [rung.name for rung in ladder] == names
    assert [rung.act for rung in ladder] == [*[Act.PROCESSES] * (len(names) - 1), Act.FORCE]


# --------------------------------------------------------------------------------------------------- unlisted logins


def test_a_login_below_sshd() -> None:
    """A login that only sshd knows is one session for each connection, with a ladder of its own."""
    snapshot = parse(
        told(
            *(SSHD, sshd(20, 0), sshd(21, 1001, parent=20), task(22, parent=21, tty=0x8801)),
            *(sshd(30, 0), sshd(31, 1002, parent=30)),
            logind=[b"missing"],
        )
    )

    alice, bob = snapshot.sessions
    assert (alice.id, alice.account.name, alice.source, alice.state) == ("ssh-20", "alice", "sshd", "unlisted")
    assert (pids(alice), [t.name for t in alice.terminals]) == ([20, 21, 22], ["pts/1"])
    assert [(rung.name, rung.act) for rung in alice.ladder] == [
        ("hangup", Act.KICK),
        ("signal", Act.KICK),
        ("kill", Act.FORCE),
    ]
    assert (bob.id, bob.account.uid) == ("ssh-30", 1002)
    assert "logind does not know 2 logins: alice (ssh-20), bob (ssh-30)" in snapshot.notes
    assert snapshot.outside == ()


def test_a_login_of_root_below_sshd() -> None:
    """A root shell below sshd is root's login."""
    (session,) = parse(told(SSHD, sshd(20, 0), task(21, uid=0, parent=20, tty=0x8801))).sessions

    assert (session.id, session.account.name) == ("ssh-20", "root")


def test_a_connection_before_its_login() -> None:
    """A connection on which nobody is logged in yet is no login."""
    waiting = [sshd(20, 0, name="sshd-session"), sshd(21, 105, name="sshd-auth", parent=20)]

    assert parse(told(SSHD, *waiting)).sessions == ()


def test_one_sshd_for_each_connection() -> None:
    """An sshd that was started for one connection is itself the login."""
    (session,) = parse(told(sshd(20, 0, parent=1), sshd(21, 1001, parent=20), task(22, parent=21))).sessions

    assert (session.id, session.account.name) == ("ssh-20", "alice")


def test_a_user_who_calls_himself_sshd() -> None:
    """A user's own process named sshd is no sshd."""
    snapshot = parse(told(task(20, name="sshd"), task(21, parent=20, name="sshd")))

    assert snapshot.sessions == ()
    assert [process.pid for process in snapshot.outside] == [20, 21]


def test_sessions_of_logind_are_not_listed_twice() -> None:
    """What logind knows is not below sshd once more."""
    leader = task(100, uid=0, scope=ALICES, name="sshd", parent=10)

    assert (
        only(parse(told(SSHD, leader, task(101, parent=100, scope=ALICES, tty=0x8801), sessions=[listed()]))).id == "7"
    )


def test_a_terminal_that_nobody_knows() -> None:
    """A shell at a terminal that no source explains is listed by its terminal."""
    snapshot = parse(told(task(300, uid=0, name="login", tty=0x401), task(301, parent=300, tty=0x401, leader=300)))

    session = only(snapshot)
    assert (session.id, session.source, session.account.name) == ("tty1", "terminal", "alice")
    assert [rung.name for rung in session.ladder] == ["hangup", "signal", "kill"]


@pytest.mark.parametrize(
    "line",
    [
        task(300, uid=0, name="agetty", tty=0x401),
        task(300, uid=0, name="login", tty=0x401),
        task(300, tty=0x8801, namespaces=2),
        task(300, tty=0x8801, scope=f"{ALICE}/user@1001.service/app.slice/tmux.scope"),
    ],
)
def test_no_login_at_a_terminal(line: bytes) -> None:
    """A getty or login that waits, a container, and what runs under a user's manager are no logins."""
    assert parse(told(line)).sessions == ()


def test_containers_are_counted() -> None:
    """What runs in containers of the system is left out, and a note says how much."""
    snapshot = parse(told(task(300, namespaces=2), task(301, namespaces=2)))

    assert snapshot.outside == ()
    assert snapshot.notes == ("2 processes in containers left out",)


@pytest.mark.parametrize(("uid", "shown"), [(0, False), (999, False), (1000, True), (65534, False), (61184, False)])
def test_processes_of_people(uid: int, shown: bool) -> None:
    """Outside of sessions, only what people run is shown: not root, system accounts, nobody or dynamic users."""
    assert bool(parse(told(task(300, uid=uid))).outside) is shown


def test_an_account_that_has_a_login_is_a_person() -> None:
    """A system account that someone is logged in as is shown like a person."""
    session = listed(uid=999, Name="")
    snapshot = parse(
        told(
            task(100, uid=999, scope="/user.slice/user-999.slice/session-7.scope"),
            task(300, uid=999),
            sessions=[session],
        )
    )

    assert only(snapshot).account.name == "999"
    assert [process.pid for process in snapshot.outside] == [300]


# --------------------------------------------------------------------------------------------------- calls and answers


def test_the_call_of_a_look() -> None:
    """A look is the script on standard input, through sudo unless the login is root."""
    call = DRIVER.look(HOST, nonce=NONCE)
    direct = DRIVER.look(HOST.model_copy(update={"user": "root"}), nonce=NONCE)

    assert call.argv == ("sudo", "-n", "--", "sh", "-s", "--", "look", NONCE)
    assert direct.argv == ("sh", "-s", "--", "look", NONCE)
    assert call.stdin.endswith(b'\n{ main "$@" </dev/null; }\n')


def test_the_call_of_a_step() -> None:
    """A step is the exact target as arguments."""
    call = DRIVER.command(step("kill"), host=HOST, not_after=HostUptime(4242), nonce=NONCE)

    assert call.argv[6:] == ("end", NONCE, "4242", BOOT, "7", "100", "50000000", "1001", "kill")


@pytest.mark.parametrize(
    "other",
    [
        {"identity": "ssh-20:20:200"},
        {"identity": "7:100"},
        {"identity": "8:100:1"},
        {"session": "$(id)", "identity": "$(id):1:1"},
        {"session": "-h", "identity": "-h:1:1"},
        {"session": "self", "identity": "self:1:1"},
        {"boot": "-n"},
        {"rung": "nuke"},
    ],
)
def test_a_step_that_no_look_gave(other: dict[str, str]) -> None:
    """A step against what this driver never listed is not sent."""
    with pytest.raises(NotForThisDriver):
        DRIVER.command(step(**other), host=HOST, not_after=HostUptime(1), nonce=NONCE)


def said(*lines: str) -> bytes:
    return "\n".join([f"kickbot linux 1 end {NONCE}", *lines, f"== end {NONCE}", ""]).encode()


@pytest.mark.parametrize("refusal", ["late", "rebooted", "gone", "changed", "forbidden"])
def test_a_refusal(refusal: str) -> None:
    """A refusal names its reason."""
    answer = DRIVER.parse_answer(said(f"refused {refusal}"), step=step(), nonce=NONCE)

    assert (answer.status, answer.refusal) == ("refused", refusal)


def test_what_was_done() -> None:
    """An act tells its command, its exit status and what it printed, cleaned and masked."""
    answer = DRIVER.parse_answer(
        said("ran loginctl x", "status 1", "| no\x1b", "| token=abc"), step=step(), nonce=NONCE
    )

    assert answer == Answer(status="done", command="loginctl x", exit_status=1, output="no\\x1b\ntoken=[masked]")


@pytest.mark.parametrize(
    "lines",
    [[], ["refused"], ["refused late", "refused late"], ["ran x"], ["ran x", "status x"], ["status 0", "ran x"]],
)
def test_an_answer_that_says_nothing(lines: list[str]) -> None:
    """Anything else is no answer."""
    with pytest.raises(IncompleteAnswer):
        DRIVER.parse_answer(said(*lines), step=step(), nonce=NONCE)


def test_an_answer_that_was_cut() -> None:
    """An answer that was cut, wherever, is none."""
    whole = said("ran loginctl x", "status 0", "| done")

    for length in range(len(whole)):
        with pytest.raises(IncompleteAnswer):
            DRIVER.parse_answer(whole[:length], step=step(), nonce=NONCE)
