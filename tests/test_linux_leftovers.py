"""What the Linux driver sees of a login besides the login itself: who leads it, and what it leaves behind where."""

import pytest

from bot.models import Pinned, Process, Snapshot
from tests.linux_answers import ALICE, ALICES, LEADER, SSHD, listed, only, parse, sshd, task, told

SSH = "/system.slice/ssh.service"
WITHOUT_SYSTEMD = (b"init 0::/",)


def numbers(processes: tuple[Process, ...]) -> list[int]:
    return [process.pid for process in processes]


def process(snapshot: Snapshot, pid: int) -> Process:
    (found,) = (each for each in snapshot.processes if each.pid == pid)
    return found


# --------------------------------------------------------------------------------------------------- of each process


def test_its_kernel_session() -> None:
    """A process names the leader of its kernel session, whether that one lives or not."""
    snapshot = parse(told(LEADER, task(101, scope=ALICES, leader=100), task(300, leader=299), sessions=[listed()]))

    assert process(snapshot, 101).kernel_session == 100
    assert process(snapshot, 300).kernel_session == 299


def test_its_real_user() -> None:
    """A process whose real and effective users differ names both, and belongs to each of them."""
    snapshot = parse(told(LEADER, task(101, scope=ALICES, uid=0, real=1001), sessions=[listed()]))

    sudo = process(snapshot, 101)
    assert (sudo.uid, sudo.real_uid, sudo.runs_as(1001)) == (0, 1001, True)
    assert process(snapshot, 100).real_uid is None


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        (f"{ALICE}/user@1001.service/app.slice/nightly.service", "nightly.service"),
        (f"{ALICE}/user@1001.service/app.slice/app-foo.scope/deeper", "app-foo.scope"),
        (f"{ALICE}/user@1001.service", "user@1001.service"),
        ("/system.slice/cron.service", "cron.service"),
        ("/system.slice", ""),
        ("/", ""),
        (f"{ALICE}/user@1001.service/session-7.scope", "session-7.scope"),
        ("/system.slice/x.service...", ""),
    ],
)
def test_its_unit(cgroup: str, unit: str) -> None:
    """A process outside of every session names the deepest unit that it runs in."""
    assert process(parse(told(task(300, scope=cgroup))), 300).unit == unit


def test_no_unit_in_a_session() -> None:
    """In a session, the session says where a process runs."""
    inside = process(parse(told(LEADER, sessions=[listed()])), 100)

    assert (inside.session, inside.unit) == ("7", "")


def test_a_thread_that_hides_its_process() -> None:
    """A process whose first thread has ended is no zombie while others of its threads run."""
    assert numbers(parse(told(task(300, state="z"), task(301, state="Z"))).outside) == [300]


# --------------------------------------------------------------------------------------------------- who leads a login


def test_the_leaders_of_a_login() -> None:
    """An unlisted login pins the leader of each kernel session in it; one that is dead has no start."""
    session = only(
        parse(
            told(
                *(SSHD, sshd(20, 0), task(21, name="sshd", parent=20, leader=20, scope=SSH)),
                *(task(22, parent=21, tty=0x8801), task(23, parent=22, leader=22), task(24, parent=23, leader=19)),
            )
        )
    )

    assert session.leaders == (Pinned(pid=20, start="200"), Pinned(pid=22, start="220"), Pinned(pid=19, start=""))


@pytest.mark.parametrize("shared", [10, 5, 1])
def test_the_listeners_session_is_no_logins_own(shared: int) -> None:
    """An sshd that makes no session for a connection shares its own, by which nobody may be ended."""
    listener = task(10, uid=0, name="sshd", scope=SSH, leader=shared)
    first = task(1, uid=0, parent=0, name="systemd", scope="/init.scope")
    monitor = task(20, uid=0, parent=10, name="sshd", scope=SSH, leader=shared)

    session = only(parse(told(first, listener, monitor, task(22, parent=20, tty=0x8801), shell=22)))

    assert session.leaders == (Pinned(pid=22, start="220"),)


def test_sessions_of_logind_need_no_leaders() -> None:
    """A session of logind is known by its scope."""
    assert only(parse(told(LEADER, sessions=[listed()]))).leaders == ()


# --------------------------------------------------------------------------------------------------- what it leaves


def test_what_people_leave() -> None:
    """After sshd is gone, what still runs as the user is outside or at its terminal, with the session it came from."""
    snapshot = parse(told(SSHD, task(22, leader=21, scope=SSH), task(23, leader=21, tty=0x8801, scope=SSH)))

    assert [(each.pid, each.kernel_session) for each in snapshot.outside] == [(22, 21)]
    assert (only(snapshot).source, only(snapshot).leaders) == ("terminal", (Pinned(pid=21, start=""),))


def test_what_root_leaves_without_systemd() -> None:
    """Where no systemd runs, a process of the system whose session's leader is dead is an orphan."""
    snapshot = parse(
        told(
            *(
                task(10, uid=0, name="sshd", leader=9),
                task(11, uid=0, name="cron"),
                task(12, uid=0, parent=11, leader=11),
            ),
            *(
                task(30, uid=0, leader=29),
                task(31, uid=999, leader=28),
                task(32, uid=0, leader=27),
                task(27, state="Z"),
            ),
            *(task(33, uid=0, leader=0), task(34, uid=0, leader=26, namespaces=2)),
            init=WITHOUT_SYSTEMD,
        )
    )

    assert numbers(snapshot.orphans) == [30, 31, 32]
    assert {each.kernel_session for each in snapshot.orphans} == {29, 28, 27}


@pytest.mark.parametrize(
    ("cgroup", "leader", "orphan"),
    [
        (SSH, 29, True),
        (SSH, 30, True),
        ("/system.slice/sshd.service", 29, True),
        ("/system.slice/system-ssh.slice/ssh@3-10.0.0.1:22.service", 29, True),
        ("/system.slice/dropbear.service", 29, True),
        ("/system.slice/system-getty.slice/getty@tty1.service", 29, True),
        ("/system.slice/system-getty.slice/getty@tty1.service", 30, False),
        ("/", 29, True),
        ("/", 30, False),
        (f"{ALICE}/user@1001.service/app.slice/x.service", 29, True),
        (f"{ALICE}/user@1001.service/app.slice/x.service", 30, False),
        ("/system.slice/postfix.service", 29, False),
        ("/system.slice/postfix.service/ssh.service", 29, False),
        ("/system.slice/ssh.service.d.service", 29, False),
        ("/init.scope", 29, False),
    ],
)
def test_what_root_leaves_under_systemd(cgroup: str, leader: int, orphan: bool) -> None:
    """Under systemd, only what sits where a login sits is an orphan, and no daemon of another unit."""
    snapshot = parse(told(SSHD, task(30, uid=0, scope=cgroup, leader=leader)))

    assert bool(snapshot.orphans) is orphan


def test_sshd_under_another_name() -> None:
    """What is left in the unit in which sshd itself runs is an orphan, whatever the unit is called."""
    listener = task(10, uid=0, name="sshd", scope="/system.slice/bastion.service")

    snapshot = parse(told(listener, task(30, uid=0, scope="/system.slice/bastion.service", leader=29)))

    assert numbers(snapshot.orphans) == [30]


def test_sshd_itself_is_no_orphan() -> None:
    """Neither the listening sshd nor a connection before its login is left behind by anybody."""
    snapshot = parse(
        told(
            task(10, uid=0, name="sshd", leader=9, scope=SSH),
            *(sshd(20, 0, name="sshd-session"), sshd(21, 105, name="sshd-auth", parent=20)),
        )
    )

    assert (snapshot.sessions, snapshot.orphans) == ((), ())


def test_an_sshd_in_a_container() -> None:
    """An sshd in a container lets nobody into this host: its logins are no logins here."""
    inside = [
        task(pid, uid=uid, parent=parent, name=name, namespaces=2, scope="/system.slice/docker-1.scope")
        for pid, uid, parent, name in [
            (20, 0, 1, "sshd"),
            (21, 0, 20, "sshd"),
            (22, 1001, 21, "sshd"),
            (23, 1001, 22, "bash"),
        ]
    ]

    snapshot = parse(told(*inside))

    assert (snapshot.sessions, snapshot.outside, snapshot.orphans) == ((), (), ())
    assert snapshot.notes == ("4 processes in containers left out",)


def test_the_script_itself_is_no_orphan() -> None:
    """Neither is the script, or what it runs, however it was started."""
    script = [task(40, uid=0, leader=39), task(41, uid=0, parent=40, leader=39)]

    assert parse(told(*script, shell=40, init=WITHOUT_SYSTEMD)).orphans == ()


def test_the_managers() -> None:
    """Each user's service manager, and root's, is a manager, and only that."""
    root = "/user.slice/user-0.slice/user@0.service/init.scope"
    manager = f"{ALICE}/user@1001.service/init.scope"
    snapshot = parse(
        told(
            *(task(50, scope=manager, name="systemd"), task(51, scope=manager, name="(sd-pam)", parent=50)),
            *(task(60, uid=0, scope=root, name="systemd"), task(61, uid=0, scope=root, name="(sd-pam)", parent=60)),
        )
    )

    assert numbers(snapshot.managers) == [50, 51, 60, 61]
    assert (snapshot.outside, snapshot.orphans) == ((), ())


def test_each_process_once() -> None:
    """Each process of an account stands in exactly one list, wherever it runs."""
    manager = f"{ALICE}/user@1001.service"
    scopes = [
        ALICES,
        f"{ALICE}/session-6.scope",
        f"{manager}/init.scope",
        f"{manager}/app.slice/x.service",
        SSH,
        "/",
        "",
    ]
    tasks = [
        task(1000 + number, scope=scope, leader=leader, tty=tty, name=name, real=real)
        for number, (scope, leader, tty, name, real) in enumerate(
            (scope, leader, tty, name, real)
            for scope in scopes
            for leader in (None, 100, 999)
            for tty in (0, 0x8801)
            for name in ("bash", "systemd", "(sd-pam)", "sshd")
            for real in (None, 0, 1001)
        )
    ]

    snapshot = parse(told(LEADER, SSHD, *tasks, sessions=[listed()]))

    shown = [each.pid for each in snapshot.processes]
    assert sorted(shown) == [100, *range(1000, 1000 + len(tasks))]


# ------------------------------------------------------------------------------------------------------- whose it is


@pytest.mark.parametrize("inside", [(22, 1002, "su"), (22, 105, "sshd")])
def test_roots_login_is_roots(inside: tuple[int, int, str]) -> None:
    """An administrator who becomes someone else inside the own login stays its owner: nobody may end it as bob's."""
    pid, uid, name = inside
    snapshot = parse(
        told(
            SSHD,
            sshd(20, 0),
            task(21, uid=0, parent=20, tty=0x8800, scope=SSH),
            task(pid, uid=uid, parent=21, leader=21, tty=0x8800, name=name, scope=SSH),
        )
    )

    assert [session.account.name for session in snapshot.sessions] == ["root"]


def test_what_lost_its_parent_stays_with_its_login() -> None:
    """A process whose parent ended is still of the login in whose kernel session it is."""
    shell = task(21, uid=1002, parent=20, tty=0x8800, scope=SSH)
    orphan = task(30, uid=1002, parent=1, leader=21, tty=0x8800, scope=SSH)
    (session,) = parse(told(SSHD, sshd(20, 0), shell, orphan)).sessions

    assert numbers(session.processes) == [20, 21, 30]
