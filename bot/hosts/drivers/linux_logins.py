"""Which process belongs to which login on a Linux host.

Pure; it never trusts a title, only cgroups, descent and user ids. Three sources, in this order, each taking only what
the ones before it left: logind's sessions, what descends from sshd, and what else holds a terminal.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from bot.hosts.drivers.linux_answer import Machine, Task
from bot.models import Pinned, is_of_people

# Classes of logind sessions that are logins of people, by pam_systemd(8), `class=`. The others are greeter,
# lock-screen, background (cron), manager (user@.service) and none, with their variants.
LOGIN_CLASSES = frozenset({"user", "user-early", "user-incomplete", "user-light", "user-early-light"})

SERVERS = frozenset({"sshd", "dropbear"})  # and what they become for a connection: sshd-session, sshd-auth
SERVER_ACCOUNTS = frozenset({"sshd", "_sshd"})  # the account of sshd's own processes before a login
WAITING = frozenset({"agetty", "getty", "mingetty", "mgetty", "login"})

# Where logins sit that logind doesn't know, and so what they leave behind: in the units of sshd and of the consoles.
SSH_UNIT = re.compile(r"(?:sshd?|dropbear)(?:@.*)?\.service")
CONSOLE_UNIT = re.compile(r"(?:(?:serial-|console-|container-)?getty|autovt)(?:@.*)?\.service")


class Unlisted(NamedTuple):
    """A login that logind doesn't know: below sshd, or only at a terminal. leader: its first process."""

    source: str
    leader: Task
    uid: int
    tasks: tuple[Task, ...]


class Places:
    """Where the processes of one look are: by their cgroup, and by their descent.

    listed: uid and id of the sessions that logind lists. Where none of their scopes holds a process, cgroups tell
    nothing about sessions here (`by_cgroup` is False), and only descent counts.
    """

    def __init__(
        self, machine: Machine, tasks: Mapping[int, Task], users: Mapping[int, str], listed: Collection[tuple[int, str]]
    ) -> None:
        self.tasks = tasks
        self._users = users
        self._hierarchy = machine.hierarchy
        slice_ = re.escape(machine.root) + r"/user\.slice/user-(\d+)\.slice"
        session = re.compile(slice_ + r"/session-([0-9A-Za-z]+)\.scope(?:/.*)?", re.ASCII)
        manager = re.compile(slice_ + r"/user@(\d+)\.service(?:/.*)?", re.ASCII)
        self._managed: set[int] = set()
        scopes: dict[int, tuple[int, str]] = {}
        self._below: dict[int, list[Task]] = defaultdict(list)
        for task in tasks.values():
            self._below[task.parent].append(task)
            cgroup = self._cgroup(task)
            if found := session.fullmatch(cgroup):
                scopes[task.pid] = (int(found[1]), found[2])
            elif manager.fullmatch(cgroup):
                self._managed.add(task.pid)
        self._shell = machine.shell
        self.by_cgroup = not listed or any(scope in listed for scope in scopes.values())
        self._scopes = scopes if self.by_cgroup else {}

    def scope(self, task: Task) -> tuple[int, str] | None:
        """The uid and id of the logind session in whose scope a process is. Only root can put a process there.

        A cgroup of that name anywhere else, such as below a user's own user@.service, is no session's scope.
        """
        return self._scopes.get(task.pid)

    def managed(self, task: Task) -> bool:
        """True if it runs under a user's own service manager, user@.service."""
        return task.pid in self._managed

    def unit(self, task: Task) -> str:
        """The deepest systemd unit, *.service or *.scope, of its cgroup; "" if there is none."""
        return next(reversed(self._units(task)), "")

    def descendants(self, task: Task) -> Iterator[Task]:
        """The process, then all that descend from it, the nearest first."""
        queue, seen = [task], {task.pid}
        while queue:
            yield (first := queue.pop(0))
            children = [child for child in self._below[first.pid] if child.pid not in seen]
            seen.update(child.pid for child in children)
            queue.extend(children)

    def own(self) -> set[int]:
        """The pids of the script and of what it descends from: the bot's own connection, and what started it."""
        found: set[int] = set()
        pid = self._shell
        while pid in self.tasks and pid not in found:
            found.add(pid)
            pid = self.tasks[pid].parent
        return found

    def leaders(self, login: Unlisted) -> tuple[Pinned, ...]:
        """The leaders of the kernel's sessions in a login; one that is dead has no start.

        A session that reaches out of the login is not one of its own: without a setsid(2) it would be that of sshd.
        """
        inside = {task.pid for task in login.tasks}
        shared = {listener.leader for listener in self._listeners if listener.pid not in inside}
        found = dict.fromkeys(task.leader for task in login.tasks if task.leader and task.leader not in shared)
        alive = {pid: self.tasks[pid].start for pid in found if pid in self.tasks}
        return tuple(Pinned(pid=pid, start=alive.get(pid, "")) for pid in found if pid in inside or pid not in alive)

    def below_sshd(self, taken: Collection[int]) -> Iterator[Unlisted]:
        """The logins below a listening sshd that sit in no session, one for each connection."""
        for listener in self._listeners:
            children = self._below[listener.pid]
            single = any(not self._is_server(child) for child in children)  # started for one connection (ssh@.service)
            for first in [listener] if single else children:
                tree = tuple(t for t in self._with_its_sessions(first) if t.pid not in taken and not self.managed(t))
                if any(self._logged_in(task) for task in tree):
                    yield Unlisted("sshd", first, self._account(tree), tree)

    def _with_its_sessions(self, first: Task) -> Iterator[Task]:
        """What descends from a process, and what lost its parent but not the kernel session that was begun below it."""
        tree = {task.pid: task for task in self.descendants(first)}
        parent = self.tasks.get(first.parent)
        others = {0, 1, parent.leader if parent else 0}  # the listening sshd may share its own with its children
        begun = {t.leader for t in tree.values() if t.leader in tree or t.leader not in self.tasks} - others
        for task in [t for t in self.tasks.values() if t.leader in begun and t.pid not in tree]:
            tree.update((each.pid, each) for each in self.descendants(task))
        yield from tree.values()

    def at_terminals(self, taken: Collection[int]) -> Iterator[tuple[int, Unlisted]]:
        """What holds a terminal and is nobody's yet, by terminal; no getty that waits for a login, and no container."""
        by_terminal: dict[int, list[Task]] = defaultdict(list)
        for task in self.tasks.values():
            if task.tty and task.pid not in taken and task.namespaces == 1 and not self.managed(task):
                by_terminal[task.tty].append(task)
        for tty, tasks in by_terminal.items():
            people = [t for t in tasks if t.effective or t.real or t.name not in WAITING]
            if people:
                leader = next((t for t in people if t.pid == t.leader), min(people, key=_age))
                yield tty, Unlisted("terminal", leader, leader.effective, tuple(tasks))

    def outside(
        self, taken: Collection[int], listed: Collection[tuple[int, str]], uids: Collection[int]
    ) -> Iterator[Task]:
        """Processes of people that are in no login; and what is in the scope of a session that logind doesn't list.

        uids: users that have a login. Left out: containers.
        """
        for task in self.tasks.values():
            if task.pid in taken or self.contained(task):
                continue
            scope = self.scope(task)
            if (scope and scope not in listed) or any(is_person(uid, uids) for uid in (task.real, task.effective)):
                yield task

    def managers(self) -> tuple[Task, ...]:
        """Each user's oldest `systemd` below PID 1, and its oldest `(sd-pam)`: only one, so nobody hides there."""
        found: dict[tuple[int, str], Task] = {}
        for task in sorted(self.tasks.values(), key=_age):
            if task.name == "systemd" and task.parent == 1 and self.managed(task):
                found.setdefault((task.real, task.name), task)
            manager = found.get((task.real, "systemd"))
            if task.name == "(sd-pam)" and manager and task.parent == manager.pid and self.managed(task):
                found.setdefault((task.real, task.name), task)
        return tuple(found.values())

    def orphans(self, taken: Collection[int]) -> Iterator[Task]:
        """What a login that was killed can have left of the system's accounts, and nobody has taken yet.

        The leader of its kernel session is dead. Under systemd it also sits where such a login does; and what is in
        sshd's own unit without descending from sshd is a leftover, whoever leads it.
        """
        servers = {task.pid for listener in self._listeners for task in self.descendants(listener)}
        units = {units[0] for pid in servers if (units := self._units(self.tasks[pid]))}
        shell = self.tasks.get(self._shell)
        left_out = {*taken, *servers, *self.own(), *(task.pid for task in (self.descendants(shell) if shell else ()))}
        for task in self.tasks.values():
            if task.pid not in left_out and not self.contained(task) and self._left_behind(task, units):
                yield task

    def contained(self, task: Task) -> bool:
        """True in a container of the system: its uids are not this host's people. Those in a user's own slice are."""
        return task.namespaces > 1 and self.scope(task) is None and not self.managed(task)

    def _cgroup(self, task: Task) -> str:
        return "" if self._hierarchy is None else task.cgroups[self._hierarchy]

    def _is_server(self, task: Task) -> bool:
        """A process of sshd that runs as root. Users can take the name, but not uid 0."""
        return task.real == task.effective == 0 and task.name.partition("-")[0] in SERVERS

    @cached_property
    def _listeners(self) -> Sequence[Task]:
        """Each sshd that no other one started; one in a container lets nobody into this host."""
        servers = [task for task in self.tasks.values() if self._is_server(task)]
        pids = {task.pid for task in servers}
        return [t for t in servers if t.parent not in pids and self.scope(t) is None and not self.contained(t)]

    def _logged_in(self, task: Task) -> bool:
        """False for what sshd runs before someone is logged in: itself as root, and as its own account."""
        if task.tty or task.name.partition("-")[0] not in SERVERS:
            return True
        return task.effective != 0 and self._users.get(task.effective) not in SERVER_ACCOUNTS

    def _account(self, tree: Iterable[Task]) -> int:
        """Whose login it is: that of the nearest process that isn't sshd's own as root. Root's `su bob` is root's."""
        near = (t.effective for t in tree if not self._is_server(t))
        return next((uid for uid in near if self._users.get(uid) not in SERVER_ACCOUNTS), 0)

    def _left_behind(self, task: Task, servers: Collection[str]) -> bool:
        """servers: the units in which sshd itself runs."""
        leaderless = task.leader != 0 and task.leader not in self.tasks
        units = self._units(task)
        if not units:  # without systemd, or outside of its units
            return leaderless
        if units[0] in servers or SSH_UNIT.fullmatch(units[0]):
            return True
        return leaderless and (CONSOLE_UNIT.fullmatch(units[0]) is not None or self.managed(task))

    def _units(self, task: Task) -> list[str]:
        """The units above a process, the outermost first."""
        return [part for part in self._cgroup(task).split("/") if part.endswith((".service", ".scope"))]


def is_person(uid: int, with_login: Collection[int] = ()) -> bool:
    """True for the uids that people have, and for any other but root that has a login."""
    return is_of_people(uid) or (uid != 0 and uid in with_login)


def terminal(number: int) -> str | None:
    """The name of a terminal's device number, as `pts/3`; None for no terminal. As `device` in linux.sh."""
    if number == 0:
        return None
    major, minor = (number >> 8) & 0xFFF, (number & 0xFF) | ((number >> 12) & 0xFFF00)
    if 136 <= major <= 143:  # noqa: PLR2004 - the kernel's numbers for pseudo terminals
        return f"pts/{minor + (major - 136) * 256}"
    if major == 4:  # noqa: PLR2004 - consoles, then serial lines
        return f"tty{minor}" if minor < 64 else f"ttyS{minor - 64}"  # noqa: PLR2004
    return f"char/{major}:{minor}"


def _age(task: Task) -> tuple[int, int]:
    return int(task.start), task.pid
