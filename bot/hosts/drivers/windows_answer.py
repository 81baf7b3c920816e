"""The answers of windows.ps1, read into plain facts. Pure; what does not fit raises IncompleteAnswer.

    kickbot windows 1 look NONCE
    {"boot": …, "uptime": …, "now": …, "sessions": […], "processes": […], …}
    == end NONCE

An act is answered in the same form, see windows_acts. Numbers are in quotes: JSON's own hold no 64 bits for sure. The
object has no spaces and no line ends of its own: a PowerShell that is the login shell may break it anywhere. Lines
before the first one are what a profile or cmd's AutoRun print; they can't know the nonce. Every text in it is cleaned
here: what people on the host choose may be anything that UTF-16 can be, half a character too.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NoReturn

from pydantic import Field, TypeAdapter, ValidationError

from bot.cleaning import clean, mask, shorten
from bot.errors import IncompleteAnswer
from bot.models import Value

START = datetime(1601, 1, 1, tzinfo=UTC)
LAST = 2_500_000_000_000_000_000  # 100 ns: in the year 9523

Number = Annotated[int, Field(ge=-1, le=2**32)]
Time = Annotated[int, Field(ge=0, le=LAST)]

TROUBLE = {
    "constrained": (
        "PowerShell runs in constrained language mode there (AppLocker or WDAC), so it can't ask Windows who is logged"
        " on; a rule that allows Kickbot's login full language mode is needed"
    ),
    "old": "that Windows is too old: it takes Windows 10 or Server 2016, which have Windows PowerShell 5.1, or newer",
    "cut": "the script arrived cut",
    "not an administrator": "Kickbot's login is not an administrator there, or its SSH login is not elevated",
}


NO_POWERSHELL = "; is it Windows, and does `powershell` start in an SSH login there?"


class Login(Value):
    """A session in which somebody is logged on, as the WTS API has it. sid: empty where it isn't known."""

    id: Number
    state: Number
    protocol: Number
    user: str
    domain: str
    sid: str
    station: str
    client: str
    address: str
    logon: Time
    disconnected: Time
    input: Time


class Task(Value):
    """One process. session: of the WTS API; 0 for services, and for everyone who came by SSH."""

    pid: Number
    parent: Number
    start: Time
    session: Number
    sid: str
    name: str
    command: str


class Logon(Value):
    """An account that has a logon there."""

    sid: str
    user: str
    domain: str


class Membership(Value):
    """In which of the groups that were asked for an account is."""

    sid: str
    groups: tuple[str, ...]


class Facts(Value):
    """One look. now and boot: 100 ns since 1601. uptime: centiseconds. own: the pid of the script.

    asked: the account whose name was asked for, if the host knows it. memberships: of whom they are known.
    """

    boot: Time
    uptime: Annotated[int, Field(ge=0, le=10**12)]
    now: Time
    system: str
    machine: str
    own: Number
    logons: tuple[Logon, ...]
    sessions: tuple[Login, ...]
    processes: tuple[Task, ...]
    asked: tuple[Logon, ...] = ()
    memberships: tuple[Membership, ...] = ()


_FACTS = TypeAdapter(Facts)


def facts(answer: bytes, *, nonce: str) -> Facts:
    """What a complete look says. Raises IncompleteAnswer."""
    try:
        return _FACTS.validate_python(body(answer, verb="look", nonce=nonce))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise IncompleteAnswer(f"the look has a strange value: {shorten(clean(where), 80)}: {first['msg']}") from error


def body(answer: bytes, *, verb: str, nonce: str) -> Mapping[str, Any]:
    """The one object of an answer, every text in it cleaned and masked, without the nonce."""
    lines = [line.rstrip(b"\r") for line in answer.rstrip(b"\r\n").split(b"\n")]
    heading = f"kickbot windows 1 {verb} {nonce}".encode()
    if heading not in lines:
        _complain(lines)
    said = lines[lines.index(heading) + 1 :]
    if said[-1:] != [f"== end {nonce}".encode()]:
        raise IncompleteAnswer("the answer was cut: the mark at its end is missing")
    text = b"".join(said[:-1])
    try:
        found = _cleaned(json.loads(text.replace(nonce.encode(), b"NONCE").decode("ascii")))
    except (ValueError, RecursionError) as error:
        raise IncompleteAnswer(f"the answer is no JSON in ASCII: {_excerpt(text)}") from error
    if not isinstance(found, dict):
        raise IncompleteAnswer(f"the answer is no object: {_excerpt(text)}")
    if "trouble" in found:
        raise IncompleteAnswer(_trouble(str(found["trouble"]), f"{found.get('detail', '')}, error {found.get('code')}"))
    return found


def moment(time: int) -> datetime:
    """A time of Windows, to the second."""
    return START + timedelta(seconds=time // 10_000_000)


def _complain(lines: list[bytes]) -> NoReturn:
    """There is no heading: PowerShell came to tell why, or it never came so far."""
    for line in lines:
        if line.startswith(b"kickbot windows trouble "):
            word, _, detail = clean(line.removeprefix(b"kickbot windows trouble ")).partition(" ")
            raise IncompleteAnswer(_trouble(word, mask(detail)))
    if lines == [b""]:
        raise IncompleteAnswer("it is empty")
    raise IncompleteAnswer(f"it does not begin like the script's answer: {_excerpt(lines[0])}{NO_POWERSHELL}")


def _trouble(word: str, detail: str) -> str:
    return TROUBLE.get(word) or f"Windows did not do what was asked ({shorten(detail, 200)})"


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return mask(clean(value))
        case list():
            return [_cleaned(each) for each in value]
        case dict():
            return {clean(key): _cleaned(each) for key, each in value.items()}
    return value


def _excerpt(line: bytes) -> str:
    return repr(shorten(mask(clean(line[:400])), 80))
