"""One complete look at a Linux host, put together into a Snapshot. Pure; it says in its notes what it could not see."""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property

from bot.cleaning import shorten
from bot.counting import count, processes
from bot.errors import IncompleteAnswer
from bot.hosts.drivers import linux_answer
from bot.hosts.drivers.linux_answer import Task
from bot.hosts.drivers.linux_logins import is_person, terminal
from bot.hosts.drivers.linux_sessions import COMMAND_LENGTH, LADDER_UNLISTED, Facts, Sessions
from bot.hosts.drivers.linux_traces import Record
from bot.models import Account, Act, HostUptime, Process, Rung, Snapshot

# Every process of an account; only logind can terminate a user.
LADDER_ACCOUNT = (
    Rung(name="terminate", act=Act.PROCESSES),
    Rung(name="signal", act=Act.PROCESSES),
    Rung(name="kill", act=Act.FORCE),
)

TRANSCRIPT_LENGTH = 2_000_000
CRONTAB_LENGTH = 100
RECORD_NOTES = 5

_HEADINGS = {
    "host": "The host",
    "sessions": "Sessions, by logind",
    "users": "Users, by logind",
    "processes": "Processes: pid parent state group session tty tpgid start uid euid namespaces, cgroups, name",
    "keys": "SSH keys, by sshd in the journal, and by SSH_USER_AUTH",
    "addresses": "Connections of sshd: pid, descriptor, 1 if its port is listened at, the address as in /proc/net/tcp",
    "utmp": "Logins, by utmp",
    "timetable": "Crontabs by name, at jobs by uid",
    "commands": "Command lines",
}

_KEPT = {"processes": "\t", "keys": "\t"}  # between their fields, and as they came


class Look:
    """The sections of one answer, understood. Raises IncompleteAnswer where they aren't what the script writes."""

    def __init__(self, sections: Mapping[str, bytes]) -> None:
        self._texts = {name: linux_answer.cleaned(section, _KEPT.get(name, "")) for name, section in sections.items()}
        self.facts = Facts.read(self._texts, sections["keys"])
        self.tasks = self.facts.processes.tasks
        self.sessions = Sessions(self.facts)
        self.places = self.sessions.places

    def snapshot(self, host: str, host_key: str) -> Snapshot:
        self._demand_logind()
        machine, users, timetable = self.facts.machine, self.facts.users.listed, self.facts.timetable
        outside, orphans = self._outside, self._orphans
        return Snapshot(
            host=host,
            host_key=host_key,
            boot=machine.boot,
            uptime=HostUptime(machine.uptime),
            time=machine.time,
            system=machine.system,
            sessions=self.sessions.all,
            outside=tuple(self._process(task) for task in outside),
            managers=tuple(self._process(task) for task in self._managers),
            orphans=tuple(self._process(task) for task in orphans),
            lingering=tuple(sorted(u.get("Name", u["UID"]) for u in users if u.get("Linger") == "yes")),
            cron=tuple(shorten(name, CRONTAB_LENGTH) for name in timetable.crontabs),
            at=tuple(sorted(self.sessions.user(uid) for uid in timetable.at)),
            ladder=tuple(r for r in LADDER_ACCOUNT if r.name != "terminate" or not self.facts.logind.problem),
            rest_ladder=LADDER_UNLISTED,
            notes=tuple(self._notes()),
            raw=self._transcript,
            groups={str(uid): names for uid, names in sorted(self.facts.processes.groups.items())},
            asked_for=self._asked_for,
        )

    @property
    def _asked_for(self) -> Account | None:
        found = self.facts.processes.asked_for
        return Account(name=found[1], uid=found[0]) if found else None

    def _demand_logind(self) -> None:
        """With people in sessions but nobody to name them, a list without them would be a lie."""
        problem, scopes = self.facts.logind.problem, self._scopes
        if problem and scopes:
            raise IncompleteAnswer(f"{problem}, but {len(scopes)} of its sessions have processes")

    @cached_property
    def _scopes(self) -> set[tuple[int, str]]:
        """The uid and id of every session of logind in whose scope a process is."""
        return {scope for task in self.tasks.values() if (scope := self.places.scope(task))}

    # ------------------------------------------------------------------------------------------------ in no login
    # each process is in the first of these that knows it, and in no other

    @cached_property
    def _in_sessions(self) -> set[int]:
        return {process.pid for session in self.sessions.all for process in session.processes}

    @cached_property
    def _managers(self) -> tuple[Task, ...]:
        return tuple(task for task in self.places.managers() if task.pid not in self._in_sessions)

    @cached_property
    def _outside(self) -> tuple[Task, ...]:
        uids = {session.account.uid for session in self.sessions.all}
        return tuple(self.places.outside(self._in_sessions | _pids(self._managers), self.sessions.listed, uids))

    @cached_property
    def _orphans(self) -> tuple[Task, ...]:
        return tuple(self.places.orphans(self._in_sessions | _pids((*self._managers, *self._outside))))

    def _process(self, task: Task) -> Process:
        scope = self.places.scope(task)
        return self.sessions.process(task, scope[1] if scope else None)

    # ------------------------------------------------------------------------------------------------ for people

    def _notes(self) -> Iterator[str]:
        facts = self.facts
        if facts.logind.problem:
            yield f"{facts.logind.problem}: sessions come only from sshd and from terminals"
        elif facts.users.problem:
            yield f"{facts.users.problem}: lingering users are not known"
        if facts.processes.without_ps:
            yield "ps is missing: processes are those in /proc, with their names instead of command lines"
        if nameless := facts.processes.nameless:
            yield f"names of {count(nameless, 'user')} are not known: the host's directory did not answer"
        if facts.processes.unanswered and not facts.processes.asked_for:
            yield "whether the account is known is not known: the host's directory did not answer"
        if facts.keys.timed_out:
            yield "the journal did not answer in 5 s: keys of logins are not known"
        if unlisted := [f"{each.account.name} ({each.id})" for each in self.sessions.unlisted if not each.own]:
            yield f"logind does not know {count(len(unlisted), 'login')}: {_list(unlisted)}"
        for session in facts.logind.vanished:
            yield f"session {session} ended during the look"
        yield from self._notes_on_scopes()
        yield from self._notes_on_records()
        if contained := sum(self.places.contained(task) for task in self.tasks.values()):
            yield f"{processes(contained)} in containers left out"
        yield from self._notes_on_length()

    def _notes_on_scopes(self) -> Iterator[str]:
        """Processes where nobody expects them: in another account's session, or in one that logind has forgotten."""
        for session in self.sessions.all:
            others = {p.user for p in session.processes if is_person(p.uid) and p.uid != session.account.uid}
            if others:
                yield f"session {session.id} of {session.account.name} also holds processes of {_list(sorted(others))}"
        for uid, name in sorted(self._scopes - self.sessions.listed.keys()):
            who = self.sessions.user(uid)
            yield f"session {name} of {who} has processes, but logind does not list it (any more, or yet)"

    def _notes_on_records(self) -> Iterator[str]:
        """Logins that only utmp has: their process is dead, or nothing is left at their terminal."""
        terminals = {name for task in self.tasks.values() if (name := terminal(task.tty))}
        empty = [r for r in self.facts.utmp if not self.sessions.of_record(r) and self._is_gone(r, terminals)]
        for r in empty[:RECORD_NOTES]:
            what = f"{shorten(r.user, 40)} on {shorten(r.terminal, 40)} (pid {r.pid})"
            yield f"utmp lists {what}, but no such login is there"
        if more := len(empty[RECORD_NOTES:]):
            yield f"utmp lists {count(more, 'more login')} that {'is' if more == 1 else 'are'} not there"

    def _is_gone(self, record: Record, terminals: Collection[str]) -> bool:
        at_terminal = record.terminal.startswith(("pts/", "tty"))  # others are displays and the like
        return record.pid not in self.tasks or (at_terminal and record.terminal not in terminals)

    def _notes_on_length(self) -> Iterator[str]:
        if left_out := self.facts.commands.cut:
            yield f"{count(left_out, 'command line')} cut by the host: together they are longer than it sends"
        if cut := sum(len(p.command) >= COMMAND_LENGTH for session in self.sessions.all for p in session.processes):
            yield f"{count(cut, 'command line')} cut to {COMMAND_LENGTH} characters; the transcript has all of it"
        if len(self._transcript) >= TRANSCRIPT_LENGTH:
            yield f"the transcript is cut to {TRANSCRIPT_LENGTH} characters"

    @cached_property
    def _transcript(self) -> str:
        """The whole answer for evidence: readable, one heading for each section, command lines last."""
        texts = []
        for name, heading in _HEADINGS.items():
            readable = self._readable(name)
            texts.append(f"# {heading}\n{readable}" if readable else f"# {heading}")
        return shorten("\n\n".join(texts), TRANSCRIPT_LENGTH)

    def _readable(self, section: str) -> str:
        match section:
            case "commands":
                return "\n".join(self.facts.commands.lines)
            case "utmp":
                return "\n".join(map(str, self.facts.utmp))
            case _:
                return linux_answer.readable(self._texts[section])


def _pids(tasks: tuple[Task, ...]) -> set[int]:
    return {task.pid for task in tasks}


def _list(names: list[str]) -> str:
    return shorten(", ".join(names), 300)
