"""The answers of linux.sh, read line by line into plain facts.

Pure; it never guesses: what does not fit raises IncompleteAnswer.

    kickbot linux 1 look NONCE      kickbot linux 1 end NONCE
    == sessions                     refused WORD   or   ran COMMAND
    == users                                            status N
    == processes                                        | what it printed
    == commands                     == end NONCE        see linux_acts
    == keys             see linux_keys
    == addresses        see linux_traces, and for the next two
    == utmp
    == timetable
    == host
    boot, uptime, date, ...
    == end NONCE

Every line begins with a word of the script; foreign text follows it, so a line of foreign text is never a heading.
A section is cleaned as a whole and then read as text, but for the keys: there is JSON in it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from bot.cleaning import clean, mask, mask_lines, shorten
from bot.errors import Declined, IncompleteAnswer

VERSION = b"1"
_KIT_REFUSED = re.compile(
    rb"kickbot kit ([0-9a-f]{64}) refused ([0-9a-f]{1,64}|-) (unread|version|forbidden|unlogged)\n"
)
KIT_REFUSALS = {
    "unread": "it has the kit ({kit}), which read no request: is the host named in `kit` under [ssh]?",
    "version": "it has another version of the kit ({kit}): install what `kickbot hosts kit` prints now",
    "forbidden": "its kit does not allow that",
    "unlogged": "its kit can't write the log (/dev/log, logger), so it does nothing",
}
ANSWERED = frozenset({0, 2})  # getent(1): 2 is one or more keys that it does not know
SECTIONS = ("sessions", "users", "processes", "commands", "keys", "addresses", "utmp", "timetable", "host")

# pid parent state group leader tty foreground start real effective namespaces, then two cgroups and the name
_PROCESS = re.compile(
    r"(?:process|fleeting) (\d{1,10}) (\d{1,10}) (\S) (-?\d{1,10}) (-?\d{1,10}) (-?\d{1,10}) (-?\d{1,10})"
    r" (\d{1,20}) (\d{1,10}) (\d{1,10}) (\d{1,4})\t([^\t]*)\t([^\t]*)\t([^\t]*)",
    re.ASCII,
)
_COMMAND = re.compile(r"\| *(\d{1,10}) (.*)", re.ASCII)
_PROPERTY = re.compile(r"^\| ([A-Za-z0-9]+)=(.*)$", re.ASCII | re.MULTILINE)
# whoever owns a terminal sets any time of 64 bits
_TERMINAL = re.compile(r"terminal (-?\d{1,20}) (-?\d{1,20}) /dev/(.+)", re.ASCII)
_NUMBER = re.compile(r"(?:ended|total|clock|names|asked|groups) (\d{1,11})", re.ASCII)
_POPULATED = re.compile(r"populated (\d{1,10}) ([0-9A-Za-z]{1,64})", re.ASCII)
_NAMED = re.compile(r"(?:user|group|account) (\d{1,10}) (.+)", re.ASCII)
_MEMBER = re.compile(r"member (\d{1,10})((?: \d{1,10})+)", re.ASCII)
_LINES = {
    "process": _PROCESS,
    "fleeting": _PROCESS,
    "ended": _NUMBER,
    "total": _NUMBER,
    "populated": _POPULATED,
    "clock": _NUMBER,
    "terminal": _TERMINAL,
    "names": _NUMBER,
    "user": _NAMED,
    "asked": _NUMBER,
    "account": _NAMED,
    "groups": _NUMBER,
    "group": _NAMED,
    "member": _MEMBER,
    "no-ps": re.compile(r"no-ps"),
}
"""The lines of the section processes, by their first word."""


class Machine(NamedTuple):
    """The host itself. boot: id. uptime: centiseconds. shell: pid of the script. root: where systemd's cgroups begin.

    hierarchy: which of a process's cgroups is systemd's: 0 the unified one, 1 name=systemd, None: PID 1 isn't systemd.
    """

    boot: str
    uptime: int
    time: datetime
    shell: int
    system: str
    hierarchy: int | None
    root: str


class Task(NamedTuple):
    """One process as the kernel has it. start: ticks. real, effective: uids. namespaces: 1, or more in a container."""

    pid: int
    parent: int
    state: str
    group: int
    leader: int
    tty: int
    foreground: int
    start: str
    real: int
    effective: int
    namespaces: int
    cgroups: tuple[str, str]
    name: str


class Logind(NamedTuple):
    """What logind said of its sessions or users. problem: why it said nothing. vanished: who ended during the look."""

    listed: tuple[Mapping[str, str], ...] = ()
    vanished: tuple[str, ...] = ()
    problem: str = ""


class Processes(NamedTuple):
    """The processes, their terminals' times (atime, mtime: seconds since 1970) by name, and user names by uid.

    clock: the host's own, when it read those times. nameless: how many users have no name because nobody answered.
    populated: uid and id of logind's sessions in whose scope the kernel knows processes, listed or not.
    groups: of the groups that were asked for, those in which a uid is; without those of whom it isn't known.
    asked_for: uid and name of the account that was asked for; None: the host knows none, or wasn't asked. unanswered:
    its directory did not answer for it.
    """

    tasks: Mapping[int, Task]
    terminals: Mapping[str, tuple[int, int]]
    users: Mapping[int, str]
    clock: int
    nameless: int
    without_ps: bool
    populated: frozenset[tuple[int, str]]
    groups: Mapping[int, tuple[str, ...]]
    asked_for: tuple[int, str] | None
    unanswered: bool


class Commands(NamedTuple):
    """Command lines by pid, cleaned and masked. lines: all, also of processes without facts. cut: how many were."""

    by_pid: Mapping[int, str]
    lines: tuple[str, ...]
    cut: int


def body(answer: bytes, *, verb: str, nonce: str) -> list[bytes]:
    """The lines between the first one and the mark, without the nonce wherever it stands."""
    first, _, rest = answer.partition(b"\n")
    words = first.split(b" ")
    if refused := _KIT_REFUSED.fullmatch(answer):
        raise _refused_by_kit(refused, nonce)
    if words[:2] != [b"kickbot", b"linux"]:
        raise IncompleteAnswer(_unlike(first, answer))
    if words[2:3] != [VERSION]:
        raise IncompleteAnswer(f"the script's version is not {VERSION.decode()}: {excerpt(first)}")
    if words[3:] != [verb.encode(), nonce.encode()]:
        raise IncompleteAnswer(f"this answers another question: {excerpt(first)}")
    mark = f"== end {nonce}\n".encode()
    if not (rest == mark or rest.endswith(b"\n" + mark)):
        raise IncompleteAnswer("the answer was cut: the mark at its end is missing")
    return rest[: -len(mark)].replace(nonce.encode(), b"NONCE").split(b"\n")[:-1]


def _refused_by_kit(found: re.Match[bytes], nonce: str) -> IncompleteAnswer:
    """Why the kit on a host did not do what it was asked, and who must act. Without the nonce it read no request."""
    kit, told, why = (part.decode() for part in found.groups())
    words = KIT_REFUSALS[why].format(kit=kit[:12])
    return Declined(words) if told == nonce else IncompleteAnswer(words)


def sections(lines: Iterable[bytes]) -> dict[str, bytes]:
    """The lines of each section by its name, a line feed before each. All sections, in their order, and no other."""
    before, *parts = b"\n".join((b"", *lines)).split(b"\n== ")
    if before:
        first = before.split(b"\n")[1]
        raise IncompleteAnswer(f"a line stands before the first section: {excerpt(first)}")
    found: dict[str, bytes] = {}
    for part in parts:
        heading = part.partition(b"\n")[0]
        found[_next_heading(heading, len(found))] = part[len(heading) :]
    if len(found) < len(SECTIONS):
        raise IncompleteAnswer(f"the section {SECTIONS[len(found)]} is missing")
    return found


def cleaned(section: bytes, keep: str = "") -> list[str]:
    """Its lines as `cleaning.clean` has them. keep: what else of them stays, such as a tab."""
    return clean(section, keep=f"\n{keep}").split("\n")[1:]


def machine(lines: Iterable[str]) -> Machine:
    """`boot ID`, `uptime SECONDS.CC`, `date SECONDS`, `self PID`, and optionally `system`, `systemd`, `init CGROUP`."""
    facts: dict[str, list[str]] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        facts.setdefault(word, []).append(rest)
    if unknown := facts.keys() - {"boot", "uptime", "date", "self", "system", "systemd", "init"}:
        raise IncompleteAnswer(f"the section host has an unknown line: {shorten(min(unknown), 80)}")
    hierarchy, root = _root(facts.get("init", []))
    return Machine(
        boot=_one(facts, "boot", r"[0-9a-f-]{36}"),
        uptime=int(_one(facts, "uptime", r"\d{1,9}\.\d\d").replace(".", "")),
        time=datetime.fromtimestamp(int(_one(facts, "date", r"\d{1,11}")), UTC),
        shell=int(_one(facts, "self", r"\d{1,10}")),
        system=", ".join(shorten(text, 100) for text in (*facts.get("system", []), *facts.get("systemd", []))),
        hierarchy=hierarchy,
        root=root,
    )


def logind(lines: list[str], *, key: str) -> Logind:
    """`listed ID…`, then `| Property=value` with empty lines between, and `vanished ID`.

    Or `missing`; or `silent STATUS` and what loginctl said. key: the property that holds the id, `Id` or `UID`.
    Raises IncompleteAnswer if one that was listed is not shown.
    """
    if lines[:1] == ["missing"]:
        return Logind(problem="loginctl is missing")
    if silent := [n for n, line in enumerate(lines) if line.startswith("silent ")]:
        said = " ".join(line.removeprefix("| ") for line in lines[silent[0] + 1 :]) or "no answer in 5 s"
        return Logind(problem=f"logind does not answer ({shorten(said, 300)})")
    if not lines or not lines[0].startswith("listed"):
        raise IncompleteAnswer("logind's list is missing")
    wanted = lines[0].split()[1:]
    vanished = tuple(line.partition(" ")[2] for line in lines[1:] if line.startswith("vanished "))
    listed = tuple(_blocks([line for line in lines[1:] if not line.startswith("vanished ")]))
    shown = [block.get(key, "") for block in listed]
    if sorted(wanted) != sorted([*shown, *vanished]):
        raise IncompleteAnswer(f"logind listed {_some(wanted)} but described {_some(shown)}")
    return Logind(listed, vanished)


def processes(lines: Iterable[str]) -> Processes:
    """`process …`, `total N`, `clock SECONDS`, `terminal ATIME MTIME PATH`, `names STATUS`, `user UID NAME`, `no-ps`.

    If an account was asked for: `asked STATUS`, and `account UID NAME` if the host knows it. If groups were:
    `groups STATUS`, `group GID NAME`, and `member UID GID…` for each user who could be asked.
    Besides, `fleeting …` is a process that was met, and not listed; `populated UID ID` a scope that isn't empty; and
    `ended N` says how many of the list had ended.

    STATUS is getent's: 0, or 2 where it does not know some; any other: it did not answer. Zombies are left out, but not
    a `z`: it lives on in threads other than its first.
    """
    found = _by_word(lines)
    listed, met = found["process"], found["fleeting"]
    total, clock, names = (_last_number(found[word]) for word in ("total", "clock", "names"))
    if total != len(listed):
        of = "unknown" if total is None else total
        raise IncompleteAnswer(f"the process list is not complete: {len(listed)} of {of}")
    if clock is None or names is None:
        raise IncompleteAnswer("the process list came without its clock or its names")
    tasks = _tasks(listed, met)
    users = {int(one[1]): one[2] for one in found["user"]}
    nameless = {uid for task in tasks for uid in (task.real, task.effective)} - users.keys()
    return Processes(
        tasks={task.pid: task for task in tasks if task.state not in "ZX"},
        terminals={one[3]: (int(one[1]), int(one[2])) for one in found["terminal"]},
        users=users,
        clock=clock,
        nameless=0 if names in ANSWERED else len(nameless),
        without_ps=bool(found["no-ps"]),
        populated=frozenset((int(one[1]), one[2]) for one in found["populated"]),
        groups=_memberships(found),
        asked_for=next(((int(one[1]), one[2]) for one in found["account"]), None),
        unanswered=bool(found["asked"]) and _last_number(found["asked"]) not in ANSWERED,
    )


def _memberships(found: Mapping[str, Sequence[re.Match[str]]]) -> Mapping[int, tuple[str, ...]]:
    """Nothing is known of anybody where the host did not answer for its groups."""
    if _last_number(found["groups"]) not in ANSWERED:
        return {}
    named = {int(one[1]): one[2] for one in found["group"]}
    inside = {int(one[1]): set(map(int, one[2].split())) for one in found["member"]}
    return {uid: tuple(sorted(named[gid] for gid in named.keys() & gids)) for uid, gids in inside.items()}


def commands(lines: list[str]) -> Commands:
    """`| PID COMMAND LINE` as ps has it, and `cut N`: how many of them were shortened or left out."""
    if not lines or not re.fullmatch(r"cut \d{1,10}", lines[-1], re.ASCII):
        raise IncompleteAnswer("the list of command lines is not complete")
    listed = [_COMMAND.fullmatch(line) for line in lines[:-1]]
    masked = mask_lines([found[2] if found else line for found, line in zip(listed, lines[:-1], strict=True)])
    by_pid: dict[int, str] = {}
    texts = []
    for found, text in zip(listed, masked, strict=True):
        texts.append(f"{int(found[1]):>7} {text}" if found else text)
        if found:
            by_pid.setdefault(int(found[1]), text)
    return Commands(by_pid, tuple(texts), int(lines[-1].split()[1]))


def readable(lines: Iterable[str]) -> str:
    """Lines of a section as people read them: without the mark of foreign text."""
    return "\n".join(("", *lines)).replace("\n| ", "\n")[1:]


def excerpt(line: str | bytes) -> str:
    """The beginning of a line that can't be read, for an error: in quotes, cleaned and masked."""
    return repr(shorten(mask(clean(line[:400])), 80))


def _next_heading(heading: bytes, number: int) -> str:
    name = clean(heading)
    if number >= len(SECTIONS) or name != SECTIONS[number]:
        expected = SECTIONS[number] if number < len(SECTIONS) else "the end"
        raise IncompleteAnswer(f"the section {shorten(name, 80)} stands where {expected} should")
    return name


def _one(facts: Mapping[str, list[str]], word: str, pattern: str) -> str:
    values = facts.get(word, [])
    if len(values) != 1 or not re.fullmatch(pattern, values[0], re.ASCII):
        raise IncompleteAnswer(f"the host did not say its {word}")
    return values[0]


def _root(lines: Sequence[str]) -> tuple[int | None, str]:
    """Where systemd keeps its cgroups: above PID 1's own init.scope, in the unified hierarchy if it is there."""
    for hierarchy, pattern in enumerate((r"0::(.*)/init\.scope", r"\d+:name=systemd:(.*)/init\.scope")):
        for line in lines:
            if found := re.fullmatch(pattern, line):
                return hierarchy, found[1]
    return None, ""


def _blocks(lines: Sequence[str]) -> Iterator[Mapping[str, str]]:
    """Each with its properties; between them are empty lines."""
    ends = [number for number, line in enumerate(lines) if line == "| "]
    for start, end in zip([-1, *ends], [*ends, len(lines)], strict=True):
        shown = lines[start + 1 : end]
        block: dict[str, str] = dict(_PROPERTY.findall("\n".join(shown)))
        if len(block) != len(shown):
            raise IncompleteAnswer(f"logind's answer has a strange line: {excerpt(_strange(shown))}")
        if block:
            yield block


def _strange(lines: Iterable[str]) -> str:
    """The first one that is no property, or one for the second time."""
    seen: set[str] = set()
    for line in lines:
        found = _PROPERTY.fullmatch(line)
        if not found or found[1] in seen:
            return line
        seen.add(found[1])
    return ""


def _by_word(lines: Iterable[str]) -> dict[str, list[re.Match[str]]]:
    """The lines of the section processes by their first word, in their order."""
    found: dict[str, list[re.Match[str]]] = {word: [] for word in _LINES}
    for line in lines:
        word = line.partition(" ")[0]
        if word not in _LINES or not (fits := _LINES[word].fullmatch(line)):
            raise IncompleteAnswer(f"the section processes has an unknown line: {excerpt(line)}")
        found[word].append(fits)
    return found


def _last_number(found: Sequence[re.Match[str]]) -> int | None:
    return int(found[-1][1]) if found else None


def _tasks(listed: Iterable[re.Match[str]], met: Iterable[re.Match[str]]) -> list[Task]:
    """Those of the list, and those that were only met."""
    tasks = [_task(one) for one in listed]
    known = {task.pid for task in tasks}
    return tasks + [task for one in met if (task := _task(one)).pid not in known]


def _task(found: re.Match[str]) -> Task:
    pid, parent, state, group, leader, tty, foreground, start, real, effective, namespaces, *rest = found.groups()
    return Task(
        pid=int(pid),
        parent=int(parent),
        state=state,
        group=int(group),
        leader=int(leader),
        tty=int(tty),
        foreground=int(foreground),
        start=start,
        real=int(real),
        effective=int(effective),
        namespaces=int(namespaces),
        cgroups=(rest[0], rest[1]),
        name=rest[2],
    )


def _unlike(first: bytes, answer: bytes) -> str:
    return f"it does not begin like the script's answer: {excerpt(first)}" if answer else "it is empty"


def _some(names: list[str]) -> str:
    return shorten(", ".join(names), 100) or "nothing"
