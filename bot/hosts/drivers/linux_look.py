"""One complete look at a Linux host, put together into a Snapshot. Pure; it says in its notes what it could not see."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property

from bot.cleaning import shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers import linux_answer
from bot.hosts.drivers.linux_answer import Task
from bot.hosts.drivers.linux_logins import LOGIN_CLASSES, Places, Unlisted, is_person, terminal
from bot.models import Account, Act, HostUptime, Process, Rung, Session, Snapshot, Terminal

# The politest first. terminate does nothing to a session in `closing`; signal reaches all that is left in its scope.
LADDER = (Rung(name="terminate"), Rung(name="signal"), Rung(name="kill", act=Act.FORCE))

COMMAND_LENGTH = 4_000
TRANSCRIPT_LENGTH = 2_000_000
CLOCK_STEP = 60  # seconds by which a terminal's time may lie ahead, after the clock was set back
TICKS_PER_SECOND = 100  # USER_HZ, the same wherever Debian and Red Hat run

_TIMESTAMP = "%Y-%m-%d %H:%M:%S UTC"  # after the weekday; the script asks with TZ=UTC

_HEADINGS = {
    "host": "The host",
    "sessions": "Sessions, by logind",
    "users": "Users, by logind",
    "processes": "Processes: pid parent state group session tty tpgid start uid euid namespaces, cgroups, name",
    "commands": "Command lines",
}


class Look:
    """The sections of one answer, understood. Raises IncompleteAnswer where they aren't what the script writes."""

    def __init__(self, sections: Mapping[str, list[bytes]]) -> None:
        self._sections = sections
        self.machine = linux_answer.machine(sections["host"])
        self.logind = linux_answer.logind(sections["sessions"], key="Id")
        self.users = linux_answer.logind(sections["users"], key="UID")
        self.processes = linux_answer.processes(sections["processes"])
        self.commands = linux_answer.commands(sections["commands"])
        self.listed = {
            (_number(each, "User"), each["Id"]): each
            for each in self.logind.listed
            if not each.get("Class", "").startswith("manager")
        }
        self.logins = {key: each for key, each in self.listed.items() if each.get("Class") in LOGIN_CLASSES}
        self.places = Places(self.machine, self.processes.tasks, self.processes.users, self.listed)
        self._own = self.places.own()

    def snapshot(self, host: str, host_key: str) -> Snapshot:
        self._demand_logind()
        return Snapshot(
            host=host,
            host_key=host_key,
            boot=self.machine.boot,
            uptime=HostUptime(self.machine.uptime),
            time=self.machine.time,
            system=self.machine.system,
            sessions=self._sessions,
            outside=tuple(self._outside),
            lingering=tuple(sorted(u.get("Name", u["UID"]) for u in self.users.listed if u.get("Linger") == "yes")),
            notes=tuple(self._notes()),
            raw=self._transcript,
        )

    def _demand_logind(self) -> None:
        """With people in sessions but nobody to name them, a list without them would be a lie."""
        scopes = {scope for task in self.processes.tasks.values() if (scope := self.places.scope(task))}
        if self.logind.problem and scopes:
            raise IncompleteAnswer(f"{self.logind.problem}, but {len(scopes)} of its sessions have processes")

    # ------------------------------------------------------------------------------------------------ sessions

    @cached_property
    def _sessions(self) -> tuple[Session, ...]:
        return (*(self._session(key) for key in self.logins), *self._unlisted)

    @cached_property
    def _members(self) -> Mapping[tuple[int, str], tuple[Task, ...]]:
        """The processes of each login session: by cgroup, or by descent from its leader where cgroups don't tell."""
        if not self.places.by_cgroup:
            leaders = {key: self.processes.tasks.get(_number(each, "Leader")) for key, each in self.logins.items()}
            return {key: tuple(self.places.descendants(leader)) if leader else () for key, leader in leaders.items()}
        members: dict[tuple[int, str], list[Task]] = defaultdict(list)
        for task in self.processes.tasks.values():
            if scope := self.places.scope(task):
                members[scope].append(task)
        return {key: tuple(members.get(key, ())) for key in self.logins}

    def _session(self, key: tuple[int, str]) -> Session:
        shown, tasks = self.logins[key], self._members[key]
        uid, session = key
        leader = _number(shown, "Leader")
        since = _number(shown, "TimestampMonotonic")
        return Session(
            id=session,
            identity=f"{session}:{leader}:{since}",
            account=Account(name=shown.get("Name") or self._user(uid), uid=uid),
            source="logind",
            state=shown.get("State", ""),
            service=shown.get("Service", ""),
            remote=shown.get("RemoteHost", ""),
            leader=leader,
            since=self._began(shown, since),
            own=leader in self._own or any(task.pid in self._own for task in tasks),
            terminals=self._terminals(tasks, shown.get("TTY", "")),
            processes=tuple(self._process(task, session) for task in tasks),
            ladder=LADDER,
        )

    @cached_property
    def _unlisted(self) -> tuple[Session, ...]:
        """Logins that logind doesn't know. Whatever sits in a scope of logind's is not one of them."""
        scoped = {task.pid for task in self.processes.tasks.values() if self.places.scope(task)}
        taken = scoped | {task.pid for tasks in self._members.values() for task in tasks}
        found = [(f"ssh-{login.leader.pid}", login) for login in self.places.below_sshd(taken)]
        taken |= {task.pid for _, login in found for task in login.tasks}
        found += [(terminal(tty) or "", login) for tty, login in self.places.at_terminals(taken)]
        return tuple(self._unlisted_session(name, login) for name, login in found)

    def _unlisted_session(self, name: str, login: Unlisted) -> Session:
        return Session(
            id=name,
            identity=f"{name}:{login.leader.pid}:{login.leader.start}",
            account=Account(name=self._user(login.uid), uid=login.uid),
            source=login.source,
            state="unlisted",
            service=login.leader.name,
            leader=login.leader.pid,
            since=self._moment(int(login.leader.start) / TICKS_PER_SECOND),
            own=any(task.pid in self._own for task in login.tasks),
            terminals=self._terminals(login.tasks),
            processes=tuple(self._process(task) for task in login.tasks),
        )

    @property
    def _outside(self) -> Iterator[Process]:
        taken = {process.pid for session in self._sessions for process in session.processes}
        uids = {session.account.uid for session in self._sessions}
        for task in self.places.outside(taken, self.listed, uids):
            scope = self.places.scope(task)
            yield self._process(task, scope[1] if scope else None)

    # ------------------------------------------------------------------------------------------------ their parts

    def _process(self, task: Task, session: str | None = None) -> Process:
        return Process(
            pid=task.pid,
            parent=task.parent,
            start=task.start,
            uid=task.effective,
            user=self._user(task.effective),
            session=session,
            terminal=terminal(task.tty),
            foreground=bool(task.tty) and task.group == task.foreground,
            name=task.name,
            command=shorten(self.commands.by_pid.get(task.pid) or f"[{task.name}]", COMMAND_LENGTH),
        )

    def _terminals(self, tasks: tuple[Task, ...], known: str = "") -> tuple[Terminal, ...]:
        """The terminals of a session: logind's own, then those of its processes."""
        names = dict.fromkeys(name for name in (known, *(terminal(task.tty) for task in tasks)) if name)
        times = self.processes.terminals
        return tuple(
            Terminal(name=name, since_key=self._ago(key), since_output=self._ago(output))
            for name in names
            for key, output in [times.get(name, (None, None))]
        )

    def _ago(self, moment: int | None) -> int | None:
        """Seconds since a terminal's time. None for one that never was: its owner can set it to anything."""
        now = self.processes.clock
        return max(now - moment, 0) if moment is not None and 0 <= moment <= now + CLOCK_STEP else None

    def _user(self, uid: int) -> str:
        return self.processes.users.get(uid, str(uid))

    def _began(self, shown: Mapping[str, str], since: int) -> datetime:
        """When a session began, as logind itself tells it, or by its microseconds since the boot."""
        try:
            began = datetime.strptime(shown.get("Timestamp", "").partition(" ")[2], _TIMESTAMP).replace(tzinfo=UTC)
        except ValueError:
            return self._moment(since / 1_000_000)
        return min(began, self.machine.time)

    def _moment(self, seconds: float) -> datetime:
        """The time on the host's clock that many seconds after its boot, to the second; never later than now."""
        ago = max(self.machine.uptime / 100 - seconds, 0)
        return (self.machine.time - timedelta(seconds=ago)).replace(microsecond=0)

    # ------------------------------------------------------------------------------------------------ for people

    def _notes(self) -> Iterator[str]:
        if self.logind.problem:
            yield f"{self.logind.problem}: sessions come only from sshd and from terminals"
        elif self.users.problem:
            yield f"{self.users.problem}: lingering users are not known"
        if self.processes.without_ps:
            yield "ps is missing: processes are those in /proc, with their names instead of command lines"
        if nameless := self.processes.nameless:
            yield f"names of {_count(nameless, 'user')} are not known: the host's directory did not answer"
        if unlisted := [f"{each.account.name} ({each.id})" for each in self._unlisted if not each.own]:
            yield f"logind does not know {_count(len(unlisted), 'login')}: {_list(unlisted)}"
        for session in self.logind.vanished:
            yield f"session {session} ended during the look"
        yield from self._notes_on_scopes()
        if contained := sum(self.places.contained(task) for task in self.processes.tasks.values()):
            yield f"{_count(contained, 'process', 'processes')} in containers left out"
        yield from self._notes_on_length()

    def _notes_on_scopes(self) -> Iterator[str]:
        """Processes where nobody expects them: in another account's session, or in one that logind has forgotten."""
        for session in self._sessions:
            others = {p.user for p in session.processes if is_person(p.uid) and p.uid != session.account.uid}
            if others:
                yield f"session {session.id} of {session.account.name} also holds processes of {_list(sorted(others))}"
        scopes = {scope for task in self.processes.tasks.values() if (scope := self.places.scope(task))}
        for uid, name in sorted(scopes - self.listed.keys()):
            yield f"session {name} of {self._user(uid)} has processes, but logind does not list it (any more, or yet)"

    def _notes_on_length(self) -> Iterator[str]:
        if self.commands.cut:
            yield f"{_count(self.commands.cut, 'command line')} cut by the host: together they are longer than it sends"
        cut = sum(len(p.command) >= COMMAND_LENGTH for session in self._sessions for p in session.processes)
        if cut:
            yield f"{_count(cut, 'command line')} cut to {COMMAND_LENGTH} characters; the transcript has all of it"
        if len(self._transcript) >= TRANSCRIPT_LENGTH:
            yield f"the transcript is cut to {TRANSCRIPT_LENGTH} characters"

    @cached_property
    def _transcript(self) -> str:
        """The whole answer for evidence: readable, one heading for each section, command lines last."""
        texts = []
        for name, heading in _HEADINGS.items():
            lines = self.commands.lines if name == "commands" else linux_answer.readable(self._sections[name])
            texts.append("\n".join((f"# {heading}", *lines)))
        return shorten("\n\n".join(texts), TRANSCRIPT_LENGTH)


def _number(shown: Mapping[str, str], key: str) -> int:
    value = shown.get(key, "")
    if not (value.isascii() and value.isdigit() and len(value) <= 20):  # noqa: PLR2004 - as long as 64 bits get
        raise IncompleteAnswer(f"logind did not say {key} of a session")
    return int(value)


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _list(names: list[str]) -> str:
    return shorten(", ".join(names), 300)
