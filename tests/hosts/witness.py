"""The witness: what is really there on a host, as root sees it from outside. It never asks Kickbot, nor a look of its.

A zombie is no process here, nor is a user's own service manager, which lingers for some seconds after the last login,
nor what it calls when it stops.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from tests.hosts.machines import Machine

SECONDS = 90.0
MANAGERS = (
    "systemd --user",
    "(sd-pam)",
    "dbus-daemon --session",
    "systemctl --user unset-environment",
    "systemd-executor --",
)
COLUMNS = "pid=,sess=,user:32=,tty=,stat=,args="


class Seen(NamedTuple):
    """One process. leader: of its kernel session. user: effective. command: its command line."""

    pid: int
    leader: int
    user: str
    tty: str
    command: str


def processes(machine: Machine, user: str = "", command: str = "") -> list[Seen]:
    """Those of that user, or whose command line ends so; both, where both are given."""
    lines = (line.split(maxsplit=5) for line in machine.run("ps", "-eww", "-o", COLUMNS).splitlines())
    there = [
        Seen(int(pid), int(leader), owner, tty, " ".join(rest))
        for pid, leader, owner, tty, state, *rest in lines
        if not state.startswith("Z")
    ]
    return [
        each
        for each in there
        if user in {"", each.user} and each.command.endswith(command) and not any(m in each.command for m in MANAGERS)
    ]


def left(machine: Machine, user: str) -> list[str]:
    """The command lines of all that is left of an account's logins: its own processes, and sshd's about it."""
    there = processes(machine)
    return [p.command for p in there if p.user == user or f": {user} [" in p.command or f": {user}@" in p.command]


def pids(machine: Machine, user: str = "", command: str = "") -> list[int]:
    return [each.pid for each in processes(machine, user, command)]


def is_alive(machine: Machine, pid: int) -> bool:
    return pid in pids(machine)


def group_is_alive(machine: Machine, group: int) -> bool:
    """True while any process is in that group, however short each of them lives."""
    return machine.run("bash", "-c", f"kill -0 -- -{group} 2>/dev/null && echo yes || true") != ""


def logind_sessions(machine: Machine, user: str) -> dict[str, str]:
    """The account's sessions by id, each with its state, as logind has them; none where no logind runs."""
    if machine.kind == "plain":
        return {}
    listed = machine.run("loginctl", "list-sessions", "--no-legend").splitlines()
    ids = [line.split()[0] for line in listed if line.split()[2] == user and " manager" not in line]
    show = ["loginctl", "show-session", "--property=State", "--value"]
    return {id_: machine.run("sh", "-c", f"{' '.join(show)} {id_} || echo gone").strip() for id_ in ids}


def logind_users(machine: Machine) -> set[str]:
    """The accounts that logind knows at this moment."""
    if machine.kind == "plain":
        return set()
    return {line.split()[1] for line in machine.run("loginctl", "list-users", "--no-legend").splitlines()}


def takes_output(machine: Machine, tty: str) -> bool:
    """False if a write to that terminal blocks."""
    said = machine.run("sh", "-c", f"printf . | dd oflag=nonblock of=/dev/{tty} 2>&1 || true")
    return "unavailable" not in said


def wait(machine: Machine, command: str, number: int = 1, *, user: str = "") -> list[Seen]:
    """The processes whose command line ends so, once there are as many."""
    found: list[Seen] = []

    def there() -> bool:
        found[:] = processes(machine, user, command)
        return len(found) == number

    until(there, f"{number} of {command!r} on {machine.name}")
    return found


def until(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Return when it holds. Raises AssertionError."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"took more than {seconds} s: {what}"
        time.sleep(0.03)
