"""Steps as the verbs of linux.sh, and what the host answers to them. Pure; what they do is in linux_act.sh.

A logind session is named by `ID:LEADER:TimestampMonotonic`, a login that logind doesn't know by `NAME:PID:START`, where
NAME is `ssh-PID` or its terminal.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bot.cleaning import clean, mask, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.models import (
    NO_TERMINAL,
    Answer,
    EndAccount,
    EndSession,
    HostUptime,
    Pinned,
    ShowAccount,
    Step,
    Target,
    Warn,
)

TEXT_LENGTH = 500
LIST_LENGTH = 60_000  # characters in one argument; Linux takes 128 KiB for the whole command of a connection

SESSION_RUNGS = frozenset({"terminate", "signal", "stop", "kill"})
LOGIN_RUNGS = frozenset({"hangup", "signal", "kill"})
ACCOUNT_RUNGS = frozenset({"terminate", "signal", "kill"})

_TERMINAL = r"pts/\d{1,7}|tty\d{1,3}|ttyS\d{1,7}|char/\d{1,4}:\d{1,7}"
_LISTED = re.compile(rf"(?!self:|auto:|(?:{_TERMINAL}):)([0-9A-Za-z]{{1,32}}):(\d{{1,10}}):(\d{{1,18}})", re.ASCII)
_UNLISTED = re.compile(rf"(ssh-(?P<pid>\d{{1,10}})|{_TERMINAL}):(?P<leader>\d{{1,10}}):(?P<start>\d{{1,18}})", re.ASCII)
_BOOT = re.compile(r"[0-9a-f-]{36}", re.ASCII)
_TICKS = re.compile(r"\d{0,18}", re.ASCII)
_STATUS = re.compile(r"\d{1,3}", re.ASCII)


class Listed(NamedTuple):
    """A session of logind. since: its TimestampMonotonic in microseconds."""

    id: str
    leader: str
    since: str


class Unlisted(NamedTuple):
    """A login that logind doesn't know, by its first process."""

    name: str
    leader: Pinned


# ---------------------------------------------------------------------------------------------------- to the host


def verb(step: Step) -> str:
    """The verb of the script that carries out a step. Raises NotForThisDriver."""
    match step:
        case EndSession(target=target):
            return "end" if isinstance(_session(target), Listed) else "end_login"
        case Warn(target=target):
            return "warn" if isinstance(_session(target), Listed) else "warn_login"
        case EndAccount():
            return "end_account"
        case ShowAccount():
            return "show_account"
        case _:
            raise _not_for_us(step, f"{step.what} is no act on a login")


def arguments(step: Step, not_after: HostUptime) -> tuple[str, ...]:
    """The arguments of its verb, in the order of linux.sh. Raises NotForThisDriver for what no look gave."""
    target = step.target
    if not _BOOT.fullmatch(target.boot) or target.account.uid < 0:
        raise _not_for_us(step, "it names no boot or no account")
    common = (str(not_after), target.boot)
    uid = str(target.account.uid)
    match step:
        case EndSession(rung=rung):
            return (*common, *_which(target, uid, _known_rung(step, rung)))
        case Warn(text=text):
            return (*common, *_which(target, uid, _line(step, text, TEXT_LENGTH)))
        case EndAccount(rung=rung):
            _demand_account(step)
            return (*common, uid, *_beside(step), str(step.seen), _known_rung(step, rung))
        case ShowAccount():
            _demand_account(step)
            return (*common, uid, _line(step, target.account.name, 256))
        case _:
            raise _not_for_us(step, f"{step.what} is no act on a login")


def _session(target: Target) -> Listed | Unlisted:
    if target.kind != "session":
        raise NotForThisDriver(f"{target.name} of {target.host} is not a session")
    found = identity(target.identity)
    if target.session != (found.id if isinstance(found, Listed) else found.name):
        raise NotForThisDriver(f"session {target.session} of {target.host} has the identity of another one")
    return found


def identity(text: str) -> Listed | Unlisted:
    """What an identity of this driver names. Raises NotForThisDriver for any other."""
    if found := _LISTED.fullmatch(text):
        return Listed(*found.groups())
    if (found := _UNLISTED.fullmatch(text)) and found["pid"] in {None, found["leader"]}:
        return Unlisted(found[1], Pinned(pid=int(found["leader"]), start=found["start"]))
    raise NotForThisDriver(f"{shorten(clean(text), 80)} is not the identity of a session on Linux")


def _which(target: Target, uid: str, last: str) -> tuple[str, ...]:
    """The part of the arguments that names a session, and the last one."""
    match _session(target):
        case Listed(id=session, leader=leader, since=since):
            return session, leader, since, uid, last
        case Unlisted(leader=leader):
            return uid, str(leader.pid), leader.start, _pins(_as_many_as_fit(target.leaders)), last


def _known_rung(step: EndSession | EndAccount, rung: str) -> str:
    rungs = ACCOUNT_RUNGS
    if isinstance(step, EndSession):
        rungs = SESSION_RUNGS if isinstance(_session(step.target), Listed) else LOGIN_RUNGS
    if rung not in rungs:
        raise _not_for_us(step, f"{shorten(clean(rung), 40)} is not among its rungs")
    return rung


def _line(step: Step, text: str, limit: int) -> str:
    if not text.strip() or len(text) > limit or clean(text) != text:
        raise _not_for_us(step, f"its text is not one printable line of at most {limit} characters")
    return text


def _demand_account(step: EndAccount | ShowAccount) -> None:
    if step.target.kind != "account":
        raise _not_for_us(step, "it is not a whole account")


def _beside(step: EndAccount) -> tuple[str, str]:
    """The ids of logind's sessions that the plan knows, and the leaders of unlisted logins that came later.

    A later session of logind needs no mention: what is not in the first list is spared.
    """
    later = [identity(each) for each in step.spare]
    newer = {each.id for each in later if isinstance(each, Listed)}
    known = [each.id for each in map(identity, step.target.beside) if isinstance(each, Listed)]
    ids = ",".join(session for session in dict.fromkeys(known) if session not in newer) or "-"
    spared = _pins([each.leader for each in later if isinstance(each, Unlisted)])
    if max(len(ids), len(spared)) > LIST_LENGTH:
        raise _not_for_us(step, "it knows too many logins")
    return ids, spared


def _as_many_as_fit(leaders: Sequence[Pinned]) -> list[Pinned]:
    """The first of them. The rest is found as descendants, unless its parents are gone: then the next look shows it."""
    chosen, length = [], 0
    for leader in leaders:
        length += len(f"{leader.pid}@{leader.start},")
        if length > LIST_LENGTH:
            break
        chosen.append(leader)
    return chosen


def _pins(leaders: Iterable[Pinned]) -> str:
    """`PID@START,PID@,…`, or `-`: a leader that was gone at the look has no start."""
    pins = []
    for leader in leaders:
        if leader.pid < 0 or not _TICKS.fullmatch(leader.start):
            raise NotForThisDriver(f"{leader.pid} started at {shorten(clean(leader.start), 40)} is no process on Linux")
        pins.append(f"{leader.pid}@{leader.start}")
    return ",".join(pins) or "-"


def _not_for_us(step: Step, why: str) -> NotForThisDriver:
    return NotForThisDriver(f"{step.target.name} of {step.host}: {why}")


# ---------------------------------------------------------------------------------------------------- from the host


def answered(step: Step, lines: Iterable[bytes]) -> Answer:
    """`refused WORD`; or `ran COMMAND`, `status N` and `| OUTPUT` lines; or to a warning `told` and `untold` lines.

    Raises IncompleteAnswer for anything else.
    """
    words = [clean(line).partition(" ") for line in lines]
    match words:
        case [("refused", _, "late" | "rebooted" | "gone" | "changed" | "forbidden" as refusal)]:
            return Answer(status="refused", refusal=refusal)
        case [("ran", _, command), ("status", _, status), *output] if _STATUS.fullmatch(status):
            text = mask("\n".join(rest for word, _, rest in output if word == "|")).strip()
            untold = (shorten(text, 200) or "logind does not answer",) if isinstance(step, Warn) else ()
            return Answer(status="done", command=command, exit_status=int(status), output=text, untold=untold)
        case [*told, ("status", _, "0")] if isinstance(step, Warn) and told:
            return _warned(told)
    raise IncompleteAnswer("the host's answer to the step can't be read")


def _warned(lines: Sequence[tuple[str, str, str]]) -> Answer:
    """`told NAME`, `untold NAME WHY`, or `untold none` where the session has no terminal."""
    names, told, untold = [], [], []
    for word, _, rest in lines:
        name, _, why = rest.partition(" ")
        if word == "told" and name and not why:
            names.append(name)
            told.append(name)
        elif word == "untold" and rest == "none":
            untold.append(NO_TERMINAL)
        elif word == "untold" and name and why:
            names.append(name)
            untold.append(f"{name}: {why}")
        else:
            raise IncompleteAnswer("the host's answer to the warning can't be read")
    command = f"write to {', '.join(names) or 'no terminal'}"
    return Answer(status="done", command=shorten(command, 500), exit_status=0, told=tuple(told), untold=tuple(untold))
