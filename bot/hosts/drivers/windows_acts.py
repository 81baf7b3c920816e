"""Steps as the verbs of windows.ps1, and what the host answers to them. Pure; what they do is in windows_act.cs.

A session is named by `ID:LOGON`, an SSH login by `ssh-PID:START`, both in 100 ns since 1601.

{"refused": WORD}    {"ran": WHAT, "status": CODE}    {"told": STATION}    {"untold": WHY}
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from bot.cleaning import clean, shorten
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.models import NO_TERMINAL, Act, Answer, EndSession, HostUptime, Rung, Step, Target, Warn

LOGOFF_TAKES = 180
"""Seconds: programs may hold a log-off up, and Windows ends them only one after the other."""

LADDER = (Rung(name="logoff", takes=LOGOFF_TAKES), Rung(name="kill", act=Act.FORCE, takes=LOGOFF_TAKES))
LADDER_SSH = (Rung(name="terminate"),)

PEOPLE = re.compile(r"S-1-(?:5-21|12-1)(?:-\d{1,10}){4}", re.ASCII)
"""The SIDs of accounts: of a machine, a domain, or Entra."""

TEXT_LENGTH = 500
LEFT = "some of its processes could not be ended"
_SESSION = re.compile(r"(?P<session>\d{1,10}):(?P<began>\d{1,19})", re.ASCII)
_SSH = re.compile(r"ssh-(?P<session>\d{1,10}):(?P<began>\d{1,19})", re.ASCII)
TIME = re.compile(r"\d{1,19}", re.ASCII)
REFUSALS = {"late", "rebooted", "gone", "changed", "forbidden"}
_MEANINGS = {5: "access denied", 7022: "no such session", 7044: "the session does not answer"}


class Named(NamedTuple):
    """What an identity names. number: of the session, or of the first process of an SSH login."""

    number: str
    began: str
    ssh: bool


def verb(step: Step) -> str:
    """The verb of the script that carries out a step. Raises NotForThisDriver."""
    match step:
        case EndSession(target=target):
            return "end_login" if identity(target).ssh else "end"
        case Warn(target=target):
            return "warn_login" if identity(target).ssh else "warn"
        case _:
            raise NotForThisDriver(f"`{step.what}` can't be done on Windows yet")


def arguments(step: Step, not_after: HostUptime) -> tuple[str, ...]:
    """In the order of windows_act.cs. Raises NotForThisDriver for what no look gave."""
    target = step.target
    named = identity(target)
    if not TIME.fullmatch(target.boot) or not PEOPLE.fullmatch(target.account.sid):
        raise _not_for_us(target, "it names no boot or no account")
    return (str(not_after), target.boot, target.account.sid, named.number, named.began, _last(step, named))


def _last(step: Step, named: Named) -> str:
    match step:
        case EndSession(rung=rung) if rung in {each.name for each in (LADDER_SSH if named.ssh else LADDER)}:
            return rung
        case EndSession(rung=rung):
            raise _not_for_us(step.target, f"{shorten(clean(rung), 40)} is not among its rungs")
        case Warn(text=text) if text.strip() and len(text) <= TEXT_LENGTH and clean(text) == text:
            return text
    raise _not_for_us(step.target, f"its text is not one printable line of at most {TEXT_LENGTH} characters")


def identity(target: Target) -> Named:
    """What a target names. Raises NotForThisDriver for what no look of this driver gave."""
    ssh = _SSH.fullmatch(target.identity)
    found = ssh or _SESSION.fullmatch(target.identity)
    if target.kind != "session" or found is None or target.session != target.identity.partition(":")[0]:
        raise _not_for_us(target, "it is no session on Windows")
    return Named(found["session"], found["began"], ssh=bool(ssh))


def answered(step: Step, said: Mapping[str, Any]) -> Answer:
    """What became of it. Raises IncompleteAnswer for anything but the objects above."""
    match dict(said):
        case {"refused": str(word), **rest} if word in REFUSALS and not rest:
            return Answer.model_validate({"status": "refused", "refusal": word})
        case {"ran": str(what), "status": str(code), **rest} if TIME.fullmatch(code) and not rest:
            output = LEFT if identity(step.target).ssh and int(code) else _meaning(int(code))
            return Answer(status="done", command=shorten(what, 500), exit_status=int(code), output=output)
        case {"told": str(station), **rest} if isinstance(step, Warn) and not rest:
            return _warned(told=(station or f"session {step.target.session}",))
        case {"untold": str(why), **rest} if isinstance(step, Warn) and not rest:
            return _warned(untold=(shorten(why, 200) or NO_TERMINAL,))
    raise IncompleteAnswer("the host's answer to the step can't be read")


def _warned(*, told: tuple[str, ...] = (), untold: tuple[str, ...] = ()) -> Answer:
    return Answer(status="done", command="WTSSendMessage", exit_status=0, told=told, untold=untold)


def _meaning(code: int) -> str:
    return f"error {code}{f' ({_MEANINGS[code]})' if code in _MEANINGS else ''}" if code else ""


def _not_for_us(target: Target, why: str) -> NotForThisDriver:
    return NotForThisDriver(f"{target.name} of {target.host}: {why}")
