"""The logins of one look at a Linux host, each with its processes, terminals, address and key.

Pure. logind's own sessions come first, then the logins that it doesn't know.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple, Self

from bot.cleaning import shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers import linux_answer, linux_keys, linux_traces
from bot.hosts.drivers.linux_answer import Commands, Logind, Machine, Processes, Task
from bot.hosts.drivers.linux_keys import BY_LOGIND, BY_PROCESS, Key, Keys
from bot.hosts.drivers.linux_logins import LOGIN_CLASSES, Places, Unlisted, terminal
from bot.hosts.drivers.linux_traces import USER_LENGTH, Record, Timetable
from bot.models import Account, Act, Process, Rung, Session, Terminal

# The politest first. terminate does nothing to a session in `closing`; signal reaches all that is left in its scope;
# stop ends the scope itself.
LADDER = (Rung(name="terminate"), Rung(name="signal"), Rung(name="stop"), Rung(name="kill", act=Act.FORCE))
LADDER_UNLISTED = (Rung(name="hangup"), Rung(name="signal"), Rung(name="kill", act=Act.FORCE))

COMMAND_LENGTH = 4_000
CLOCK_STEP = 60  # seconds by which a terminal's time may lie ahead, after the clock was set back
SLOWEST_LOGIN = 150  # seconds from the start of a login's first process to its record: sshd itself gives up earlier
TICKS_PER_SECOND = 100  # USER_HZ, the same wherever Debian and Red Hat run

_TIMESTAMP = re.compile(r"\w+ (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", re.ASCII)  # the script asks with TZ=UTC


class Facts(NamedTuple):
    """The sections of one answer, understood one by one."""

    machine: Machine
    logind: Logind
    users: Logind
    processes: Processes
    commands: Commands
    keys: Keys
    addresses: Mapping[int, str]
    utmp: tuple[Record, ...]
    timetable: Timetable

    @classmethod
    def read(cls, texts: Mapping[str, list[str]], keys: bytes) -> Self:
        """texts: the sections, cleaned. keys: that one as it came. Raises IncompleteAnswer for any others."""
        return cls(
            machine=linux_answer.machine(texts["host"]),
            logind=linux_answer.logind(texts["sessions"], key="Id"),
            users=linux_answer.logind(texts["users"], key="UID"),
            processes=linux_answer.processes(texts["processes"]),
            commands=linux_answer.commands(texts["commands"]),
            keys=linux_keys.keys(keys.split(b"\n")[1:]),
            addresses=linux_traces.addresses(texts["addresses"]),
            utmp=linux_traces.utmp(texts["utmp"]),
            timetable=linux_traces.timetable(texts["timetable"]),
        )


class Sessions:
    """Every login that the facts show. Raises IncompleteAnswer where logind leaves out what a session must have.

    listed: logind's sessions by uid and id, but for the user managers. logins: those of them that are logins of people.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.listed = {
            (_number(each, "User"), each["Id"]): each
            for each in facts.logind.listed
            if not each.get("Class", "").startswith("manager")
        }
        self.logins = {key: each for key, each in self.listed.items() if each.get("Class") in LOGIN_CLASSES}
        self.places = Places(facts.machine, facts.processes.tasks, facts.processes.users, self.listed)
        self._own = self.places.own()

    @cached_property
    def all(self) -> tuple[Session, ...]:
        return (*(self._session(key) for key in self.logins), *self.unlisted)

    @cached_property
    def unlisted(self) -> tuple[Session, ...]:
        """Logins that logind doesn't know. Whatever sits in a scope of logind's is not one of them."""
        scoped = {task.pid for task in self._facts.processes.tasks.values() if self.places.scope(task)}
        taken = scoped | {task.pid for tasks in self._members.values() for task in tasks}
        found = [(f"ssh-{login.leader.pid}", login) for login in self.places.below_sshd(taken)]
        taken |= {task.pid for _, login in found for task in login.tasks}
        found += [(terminal(tty) or "", login) for tty, login in self.places.at_terminals(taken)]
        return tuple(self._unlisted_session(name, login) for name, login in found)

    def user(self, uid: int) -> str:
        """The name of a user; the number where nobody told it."""
        return self._facts.processes.users.get(uid, str(uid))

    def process(self, task: Task, session: str | None = None) -> Process:
        return Process(
            pid=task.pid,
            parent=task.parent,
            start=task.start,
            uid=task.effective,
            real_uid=task.real if task.real != task.effective else None,
            user=self.user(task.effective),
            session=session,
            unit="" if session else self.places.unit(task),
            kernel_session=task.leader,
            terminal=terminal(task.tty),
            foreground=bool(task.tty) and task.group == task.foreground,
            name=task.name,
            command=shorten(self._facts.commands.by_pid.get(task.pid) or f"[{task.name}]", COMMAND_LENGTH),
        )

    def of_record(self, record: Record) -> Session | None:
        """The login that a record of utmp means: of that user, and with that terminal or that leader."""
        return next((session for session in self.all if _means(record, session)), None)

    # ------------------------------------------------------------------------------------------------ one login

    @cached_property
    def _members(self) -> Mapping[tuple[int, str], tuple[Task, ...]]:
        """The processes of each login session: by cgroup, or by descent from its leader where cgroups don't tell."""
        tasks = self._facts.processes.tasks
        if not self.places.by_cgroup:
            leaders = {key: tasks.get(_number(each, "Leader")) for key, each in self.logins.items()}
            return {key: tuple(self.places.descendants(leader)) if leader else () for key, leader in leaders.items()}
        members: dict[tuple[int, str], list[Task]] = defaultdict(list)
        for task in tasks.values():
            if scope := self.places.scope(task):
                members[scope].append(task)
        return {key: tuple(members.get(key, ())) for key in self.logins}

    def _session(self, key: tuple[int, str]) -> Session:
        shown, tasks = self.logins[key], self._members[key]
        uid, session = key
        leader = _number(shown, "Leader")
        since = _number(shown, "TimestampMonotonic")
        starts = [int(task.start) / TICKS_PER_SECOND for task in tasks if task.pid == leader]
        account = Account(name=shown.get("Name") or self.user(uid), uid=uid)
        keys = self._facts.keys
        known = keys.recorded(leader, account.name, since / 1_000_000, BY_LOGIND)
        return self._traced(
            Session(
                id=session,
                identity=f"{session}:{leader}:{since}",
                account=account,
                source="logind",
                state=shown.get("State", ""),
                service=shown.get("Service", ""),
                remote=shown.get("RemoteHost", ""),
                leader=leader,
                since=self._began(shown, since),
                clock_set=self._clock_set(_wall(shown), since / 1_000_000, *starts),
                age=self._age(max([since / 1_000_000, *starts])),
                own=leader in self._own or any(task.pid in self._own for task in tasks),
                terminals=self._terminals(tasks, shown.get("TTY", "")),
                restless=not tasks and key in self._facts.processes.populated,
                processes=tuple(self.process(task, session) for task in tasks),
                ladder=LADDER,
            ),
            known,
        )

    def _unlisted_session(self, name: str, login: Unlisted) -> Session:
        account = Account(name=self.user(login.uid), uid=login.uid)
        began = int(login.leader.start) / TICKS_PER_SECOND
        below_sshd = login.source == "sshd"
        keys = self._facts.keys
        known = keys.recorded(login.leader.pid, account.name, began, BY_PROCESS) if below_sshd else Key()
        return self._traced(
            Session(
                id=name,
                identity=f"{name}:{login.leader.pid}:{login.leader.start}",
                account=account,
                source=login.source,
                state="unlisted",
                service=login.leader.name,
                remote=self._facts.addresses.get(login.leader.pid, "") if below_sshd else "",
                leader=login.leader.pid,
                since=self._moment(began),
                age=self._age(began),
                own=any(task.pid in self._own for task in login.tasks),
                terminals=self._terminals(login.tasks),
                processes=tuple(self.process(task) for task in login.tasks),
                ladder=LADDER_UNLISTED,
                leaders=self.places.leaders(login),
            ),
            known,
        )

    # ------------------------------------------------------------------------------------------------ its parts

    def _traced(self, session: Session, known: Key) -> Session:
        """The same login with its key, and with what utmp says of it: an address only where nobody else told one."""
        key = known if known.fingerprint else self._facts.keys.shown(process.pid for process in session.processes)
        records = [record for record in self._facts.utmp if _means(record, session)]
        return session.model_copy(
            update={
                "key": key.fingerprint,
                "certificate": key.certificate,
                "key_source": key.source,
                "remote": session.remote or next((each.address for each in records if each.address), ""),
                "sources": ("utmp",) if records else (),
                "clock_set": session.clock_set if session.source == "logind" else self._clock_by(records, session),
            }
        )

    def _terminals(self, tasks: tuple[Task, ...], known: str = "") -> tuple[Terminal, ...]:
        """The terminals of a session: logind's own, then those of its processes."""
        names = dict.fromkeys(name for name in (known, *(terminal(task.tty) for task in tasks)) if name)
        times = self._facts.processes.terminals
        return tuple(
            Terminal(name=name, since_key=self._ago(key), since_output=self._ago(output))
            for name in names
            for key, output in [times.get(name, (None, None))]
        )

    def _ago(self, moment: int | None) -> int | None:
        """Seconds since a terminal's time. None for one that never was: its owner can set it to anything."""
        now = self._facts.processes.clock
        return max(now - moment, 0) if moment is not None and 0 <= moment <= now + CLOCK_STEP else None

    def _began(self, shown: Mapping[str, str], since: int) -> datetime:
        """When a session began, as logind itself tells it, or by its microseconds since the boot."""
        began = _wall(shown)
        return self._moment(since / 1_000_000) if began is None else min(began, self._facts.machine.time)

    def _clock_set(self, wall: datetime | None, *uptimes: float) -> int | None:
        """By how much the clock was set since a moment that was noted by the clock and, at the latest, by uptimes.

        The largest of what they tell: CLOCK_MONOTONIC leaves out a suspend before the login, and a process may have
        waited for a password, and either hides a part of a step forward.
        """
        if wall is None:
            return None
        machine = self._facts.machine
        booted = machine.time.timestamp() - machine.uptime / 100
        return max(round(booted - (wall.timestamp() - uptime)) for uptime in uptimes)

    def _clock_by(self, records: Sequence[Record], session: Session) -> int | None:
        """The same by utmp. A getty may have waited for days: then nothing is known."""
        start = next((int(p.start) / TICKS_PER_SECOND for p in session.processes if p.pid == session.leader), None)
        if start is None or not records:
            return None
        step = self._clock_set(datetime.fromtimestamp(min(each.since for each in records), UTC), start)
        return step if step is not None and step > -SLOWEST_LOGIN else None

    def _age(self, began: float) -> int:
        """Seconds since an uptime."""
        return max(round(self._facts.machine.uptime / 100 - began), 0)

    def _moment(self, seconds: float) -> datetime:
        """The time on the host's clock that many seconds after its boot, to the second; never later than now."""
        ago = max(self._facts.machine.uptime / 100 - seconds, 0)
        return (self._facts.machine.time - timedelta(seconds=ago)).replace(microsecond=0)


def _means(record: Record, session: Session) -> bool:
    here = record.pid == session.leader or any(record.terminal == each.name for each in session.terminals)
    return here and record.user == session.account.name[:USER_LENGTH]


def _wall(shown: Mapping[str, str]) -> datetime | None:
    """When a session began by the clock as it was then; None where logind doesn't tell."""
    found = _TIMESTAMP.fullmatch(shown.get("Timestamp", ""))
    try:
        return datetime.fromisoformat(f"{found[1]}+00:00") if found else None
    except ValueError:
        return None


def _number(shown: Mapping[str, str], key: str) -> int:
    value = shown.get(key, "")
    if not (value.isascii() and value.isdigit() and len(value) <= 20):  # noqa: PLR2004 - as long as 64 bits get
        raise IncompleteAnswer(f"logind did not say {key} of a session")
    return int(value)
