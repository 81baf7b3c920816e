"""Answers of linux.sh, told line by line: hosts that are odd in one way, for the tests of the Linux driver."""

import itertools
from collections.abc import Sequence

from bot.hosts.drivers.linux import LinuxDriver
from bot.models import EndSession, Host, Session, Snapshot, Target
from tests.make import account

NONCE = "0123456789abcdef"
HOST = Host(name="host1", address="192.0.2.1", user="kickbot")
BOOT = "11111111-2222-3333-4444-555555555555"
DRIVER = LinuxDriver()


def parse(answer: bytes) -> Snapshot:
    return DRIVER.parse_look(answer, host="host1", host_key="SHA256:key", nonce=NONCE)


def task(
    pid: int,
    *,
    uid: int = 1001,
    scope: str = "",
    parent: int = 1,
    name: str = "bash",
    tty: int = 0,
    state: str = "S",
    namespaces: int = 1,
    leader: int | None = None,
    real: int | None = None,
) -> bytes:
    """A line of /proc's facts. scope: its unified cgroup. real: its real uid, where it differs."""
    uids = f"{uid if real is None else real} {uid}"
    numbers = f"{pid} {parent} {state} {pid} {pid if leader is None else leader} {tty} {pid} {pid * 10} {uids}"
    numbers += f" {namespaces}"
    return f"process {numbers}\t{scope or '/system.slice/x.service'}\t\t{name}".encode()


def listed(session: str = "7", uid: int = 1001, leader: int = 100, **other: str) -> list[bytes]:
    """What logind says of a session."""
    properties = {
        "Id": session,
        "User": str(uid),
        "Name": "alice",
        "TimestampMonotonic": "50000000",
        "Leader": str(leader),
        "Class": "user",
        "State": "active",
    } | other
    return [*(f"| {key}={value}".encode() for key, value in properties.items() if value), b"| "]


def told(
    *tasks: bytes,
    sessions: Sequence[list[bytes]] = (),
    logind: Sequence[bytes] = (),
    commands: Sequence[bytes] = (),
    init: Sequence[bytes] = (b"init 0::/init.scope",),
    extra: Sequence[bytes] = (),
    shell: int = 1,
    keys: Sequence[bytes] = (),
    journal: int = 0,
    addresses: Sequence[bytes] = (),
    utmp: Sequence[bytes] = (),
    timetable: Sequence[bytes] = (),
) -> bytes:
    """A whole answer. logind: instead of what it says of `sessions`. journal: the exit status of journalctl."""
    ids = [line.removeprefix(b"| Id=") for session in sessions for line in session if line.startswith(b"| Id=")]
    lines = [
        f"kickbot linux 1 look {NONCE}".encode(),
        *(b"== sessions", *(logind or (b" ".join((b"listed", *ids)), *itertools.chain(*sessions)))),
        *(b"== users", b"listed"),
        *(b"== processes", *tasks, b"total %d" % len(tasks), b"clock 1800000000", b"names 0"),
        *(b"user 0 root", b"user 105 sshd", b"user 1001 alice", b"user 1002 bob", *extra),
        *(b"== commands", *commands, b"cut 0"),
        *(b"== keys", *keys, b"journal %d" % journal, b"total %d" % len(keys)),
        *(b"== addresses", *addresses, b"total %d" % len(addresses)),
        *(b"== utmp", *utmp, b"total %d" % len(utmp)),
        *(b"== timetable", *timetable, b"total %d" % len(timetable)),
        *(b"== host", f"boot {BOOT}".encode(), b"uptime 1000.00", b"date 1800000000", b"self %d" % shell, *init),
        f"== end {NONCE}".encode(),
    ]
    return b"\n".join(lines) + b"\n"


ALICE = "/user.slice/user-1001.slice"
ALICES = f"{ALICE}/session-7.scope"
LEADER = task(100, uid=0, scope=ALICES, name="sshd")


def pids(session: Session) -> list[int]:
    return [process.pid for process in session.processes]


def only(snapshot: Snapshot) -> Session:
    (session,) = snapshot.sessions
    return session


SSHD = task(10, uid=0, name="sshd", scope="/system.slice/ssh.service")


def sshd(pid: int, uid: int, *, name: str = "sshd", parent: int = 10) -> bytes:
    """A process of sshd, in its unit."""
    return task(pid, uid=uid, parent=parent, name=name, scope="/system.slice/ssh.service")


def step(rung: str = "terminate", **other: object) -> EndSession:
    """A step against session 7 of alice. other: what to change in its target."""
    target = Target(
        host="host1",
        host_key="SHA256:key",
        boot=BOOT,
        session="7",
        identity="7:100:50000000",
        account=account("alice", 1001),
        summary="",
        rungs=("terminate",),
    )
    return EndSession(target=target.model_copy(update=other), rung=rung)
