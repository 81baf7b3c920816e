"""One complete look at a Windows host, put together into a Snapshot. Pure; it says in its notes what it could not see.

Who came by SSH has no session of their own there, but shares session 0 with the services: such a login is the processes
of people below sshd. What Windows itself runs in every session, such as csrss.exe, is left out. A parent's number is
that of its parent only if that one is older: Windows uses numbers again.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from bot.cleaning import shorten
from bot.hosts.drivers.windows_acts import LADDER, LADDER_SSH, PEOPLE
from bot.hosts.drivers.windows_answer import Facts, Login, Task, moment
from bot.models import Account, HostUptime, Process, Session, Snapshot, Terminal

STATES = (
    *("active", "connected", "connecting", "shadowing", "disconnected"),
    *("idle", "listening", "reset", "down", "starting"),
)
DISCONNECTED = STATES.index("disconnected")
SERVICES = {0: "console", 2: "rdp"}
SSHD = {"sshd.exe", "sshd-session.exe"}
SYSTEM = {"S-1-5-18": "SYSTEM", "S-1-5-19": "LOCAL SERVICE", "S-1-5-20": "NETWORK SERVICE"}

_HEADINGS = {
    "sessions": "Sessions, by the WTS API; times are 100 ns since 1601",
    "logons": "Accounts with a logon, by the security authority",
    "processes": "Processes",
}

_ASKED = {"asked", "memberships"}

COMMAND_LENGTH = 4_000
TRANSCRIPT_LENGTH = 2_000_000


class Look:
    """The facts of one answer, understood."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._tasks = {task.pid: task for task in facts.processes}
        self._names = {each.sid: self._name(each.user, each.domain) for each in facts.logons} | SYSTEM

    def snapshot(self, host: str, host_key: str) -> Snapshot:
        facts = self._facts
        return Snapshot(
            host=host,
            host_key=host_key,
            boot=str(facts.boot),
            uptime=HostUptime(facts.uptime),
            time=moment(facts.now),
            system=shorten(facts.system, 100),
            sessions=(*map(self._session, facts.sessions), *map(self._ssh, self._leaders)),
            outside=tuple(map(self._process, self._outside)),
            notes=tuple(self._notes()),
            raw=shorten("\n".join(self._transcript()), TRANSCRIPT_LENGTH),
            groups=self._groups,
            asked_for=next((_account(self._name(each.user, each.domain), each.sid) for each in facts.asked), None),
        )

    # ------------------------------------------------------------------------------------------------ logins

    def _session(self, login: Login) -> Session:
        tasks = [task for task in self._facts.processes if task.session == login.id]
        away = login.state == DISCONNECTED
        return Session(
            id=str(login.id),
            identity=f"{login.id}:{login.logon}",
            account=_account(self._name(login.user, login.domain), login.sid),
            source="host",
            state=STATES[login.state] if 0 <= login.state < len(STATES) else str(login.state),
            service=SERVICES.get(login.protocol, ""),
            remote=login.address,
            client=login.client,
            leader=0,
            since=moment(min(login.logon, self._facts.now)),
            own=any(task.pid == self._facts.own for task in tasks),
            terminals=() if away or not login.station else (self._station(login),),
            processes=tuple(self._process(task) for task in tasks if PEOPLE.fullmatch(task.sid)),
            ladder=LADDER if login.id > 0 and PEOPLE.fullmatch(login.sid) else (),
            clock_set=self._clock_set,
            age=self._age(login.logon),
            disconnected=(self._ago(login.disconnected) or 0) if away else None,
        )

    def _ssh(self, leader: Task) -> Session:
        tasks = self._below(leader)
        return Session(
            id=f"ssh-{leader.pid}",
            identity=f"ssh-{leader.pid}:{leader.start}",
            account=_account(self._names.get(leader.sid, leader.sid), leader.sid),
            source="host",
            state="active",
            service="ssh",
            leader=leader.pid,
            since=moment(min(leader.start, self._facts.now)),
            own=any(task.pid == self._facts.own for task in tasks),
            processes=tuple(map(self._process, tasks)),
            ladder=LADDER_SSH,
            clock_set=self._clock_set,
            age=self._age(leader.start),
        )

    @cached_property
    def _leaders(self) -> tuple[Task, ...]:
        """The first process of each SSH login."""
        found = (task for task in self._facts.processes if task.session == 0 and PEOPLE.fullmatch(task.sid))
        return tuple(task for task in found if self._is_of_sshd(self._parent(task)))

    @staticmethod
    def _is_of_sshd(task: Task | None) -> bool:
        return task is not None and task.name.lower() in SSHD and not PEOPLE.fullmatch(task.sid)

    def _parent(self, task: Task) -> Task | None:
        parent = self._tasks.get(task.parent)
        return parent if parent is not None and parent.pid != task.pid and parent.start <= task.start else None

    @cached_property
    def _children(self) -> Mapping[int, list[Task]]:
        children: dict[int, list[Task]] = {}
        for task in self._facts.processes:
            if parent := self._parent(task):
                children.setdefault(parent.pid, []).append(task)
        return children

    def _below(self, leader: Task) -> list[Task]:
        found, seen = [leader], {leader.pid}
        for task in found:  # grows meanwhile
            more = [child for child in self._children.get(task.pid, ()) if child.pid not in seen]
            seen |= {child.pid for child in more}
            found += more
        return found

    @property
    def _outside(self) -> Iterator[Task]:
        """Processes of people in none of these logins: services and tasks that run as one of them."""
        inside = {task.pid for leader in self._leaders for task in self._below(leader)}
        listed = {login.id for login in self._facts.sessions}
        for task in self._facts.processes:
            if PEOPLE.fullmatch(task.sid) and task.pid not in inside and task.session not in listed:
                yield task

    # ------------------------------------------------------------------------------------------------ their parts

    def _name(self, user: str, domain: str) -> str:
        r"""As it is typed: `alice` for an account of the machine itself, `corp\alice` for any other.

        Windows takes names in any case, so small letters stand for all: else a list that names Bob would not mean bob.
        """
        local = domain.lower() in {"", self._facts.machine.lower()}
        return user.lower() if local else f"{domain}\\{user}".lower()

    def _station(self, login: Login) -> Terminal:
        return Terminal(name=login.station, since_key=self._ago(login.input))

    def _process(self, task: Task) -> Process:
        return Process(
            pid=task.pid,
            parent=task.parent,
            start=str(task.start),
            uid=_number(task.sid),
            user=self._names.get(task.sid, task.sid or "?"),
            session=str(task.session) if task.session > 0 else None,
            name=task.name,
            command=shorten(task.command or f"[{task.name}]", COMMAND_LENGTH),
        )

    @property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        """By the last number of a SID, as everywhere; of two accounts with the same one, neither is known."""
        people = {task.sid for task in self._facts.processes if PEOPLE.fullmatch(task.sid)}
        shared = Counter(map(_number, people))
        known = ((_number(each.sid), each.groups) for each in self._facts.memberships)
        return {str(number): tuple(sorted(groups)) for number, groups in known if shared[number] == 1}

    @cached_property
    def _clock_set(self) -> int:
        """By how much the clock was set since the boot, by the kernel's own start."""
        return round((self._facts.now - self._facts.boot) / 1e7 - self._facts.uptime / 100)

    def _age(self, began: int) -> int:
        """No session is older than the boot, whatever the clock said."""
        return min(max(self._facts.now - began, 0) // 10_000_000, self._facts.uptime // 100)

    def _ago(self, time: int) -> int | None:
        """Seconds since a time; None for none, and for one that never was."""
        return (self._facts.now - time) // 10_000_000 if 0 < time <= self._facts.now else None

    def _transcript(self) -> Iterator[str]:
        """The whole answer for evidence: one line for each fact."""
        told = self._facts.model_dump(mode="json")
        lists = {name: told.pop(name) for name in _HEADINGS}
        yield from ("# The host", _line({name: value for name, value in told.items() if value or name not in _ASKED}))
        for name, heading in _HEADINGS.items():
            yield from ("", f"# {heading}", *map(_line, lists[name]))

    def _notes(self) -> Iterator[str]:
        for login in self._facts.sessions:
            if not PEOPLE.fullmatch(login.sid):
                yield f"session {login.id}: Windows did not tell whose SID {login.user} has, so it can't be ended"


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)


def _account(name: str, sid: str) -> Account:
    return Account(name=name, uid=_number(sid), sid=sid or "?")


def _number(sid: str) -> int:
    """The last number of a SID: 1000 and up for accounts that were made, below that they are Windows' own."""
    last = sid.rpartition("-")[2]
    return int(last) if last.isascii() and last.isdigit() and len(last) <= 10 else -1  # noqa: PLR2004 - 32 bits
