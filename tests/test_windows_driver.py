"""What the Windows driver makes of answers: of whole looks, cut, forged and strange; and which steps it carries out.

captures/windows holds what the script printed where Windows' DLLs are played (tests/windows), not on a real Windows.
"""

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cleaning import clean
from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.hosts.drivers.windows import WindowsDriver
from bot.hosts.drivers.windows_acts import LADDER, answered
from bot.models import (
    Account,
    Answer,
    EndAccount,
    EndSession,
    Host,
    HostUptime,
    ShowAccount,
    Snapshot,
    Step,
    Target,
    Warn,
)
from tests import make

CAPTURES = sorted((Path(__file__).parent / "captures" / "windows").glob("*.txt"))
DRIVER = WindowsDriver()
HOST = Host(name="win1", address="win1.example.com", user="kickbot", platform="windows")
NONCE = "00ff" * 8
SID = "S-1-5-21-1004336348-1177238915-682003330-1104"
ALICE = Account(name=r"corp\alice", uid=1104, sid=SID)
LOGON = "134396545800000000"


def captured(path: Path) -> bytes:
    return path.read_bytes().replace(b"NONCE", NONCE.encode())


def parse(answer: bytes) -> Snapshot:
    return DRIVER.parse_look(answer, host="win1", host_key="SHA256:key", nonce=NONCE)


def answer(body: str) -> bytes:
    return f"kickbot windows 1 look {NONCE}\r\n{body}\r\n== end {NONCE}\r\n".encode("ascii")


def look(**changes: Any) -> Snapshot:
    """A look with other facts than in the first capture."""
    facts = json.loads(captured(CAPTURES[1]).split(b"\n")[1])
    return parse(answer(json.dumps({**facts, **changes})))


def with_session(**changes: Any) -> Snapshot:
    facts = json.loads(captured(CAPTURES[1]).split(b"\n")[1])
    return look(sessions=[{**facts["sessions"][0], **changes}])


# ------------------------------------------------------------------------------------------------ whole looks


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_a_look(path: Path) -> None:
    """An answer, in captures/windows/CASE.txt, is read as CASE.json says."""
    snapshot = parse(captured(path))

    assert json.loads(snapshot.model_dump_json(exclude={"raw"})) == json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_the_transcript(path: Path) -> None:
    """The transcript has every fact, without the nonce and without secrets."""
    raw = parse(captured(path)).raw

    assert raw.startswith('# The host\n{"boot": ')
    assert "# Sessions, by the WTS API" in raw
    assert NONCE not in raw
    assert "hunter2" not in raw
    assert raw.replace("\n", "").isprintable()


def test_cut_anywhere() -> None:
    """An answer that was cut, wherever, is never a look."""
    whole = captured(CAPTURES[0]).rstrip()

    for length in range(len(whole)):
        with pytest.raises(IncompleteAnswer):
            parse(whole[:length])


# ------------------------------------------------------------------------------------------------ strange answers

NOT_A_LOOK = {
    "nothing": (b"", "it is empty"),
    "another program": (b"Microsoft Windows [Version 10.0]\r\n", "does not begin like the script's answer"),
    "no PowerShell": (b"'powershell' n'est pas reconnu\r\n", "does `powershell` start in an SSH login there?"),
    "another nonce": (captured(CAPTURES[0]).replace(NONCE.encode(), b"0" * 32), "does not begin like"),
    "an answer to an act": (captured(CAPTURES[0]).replace(b" look ", b" end "), "does not begin like"),
    "something behind the mark": (captured(CAPTURES[0]) + b"x", "the mark at its end is missing"),
    "two objects": (answer("{}\r\n{}"), "is no JSON"),
    "a list": (answer("[]"), "is no object"),
    "no JSON": (answer("{'a': 1}"), "is no JSON"),
    "too deep": (answer("[" * 100_000), "is no JSON"),
    "constrained": (b"kickbot windows trouble constrained\r\n", "constrained language mode"),
    "an old PowerShell": (
        b"x\r\nkickbot windows trouble old\r\n",
        "too old: it takes Windows 10 or Server",
    ),
    "no compiler": (b"kickbot windows trouble failed (0) : error CS0103\r\n", "(0) : error CS0103"),
    "no administrator": (answer('{"trouble": "not an administrator"}'), "is not an administrator"),
    "a function that failed": (
        answer('{"trouble": "failed", "detail": "WTSEnumerateProcesses", "code": "5"}'),
        "WTSEnumerateProcesses, error 5",
    ),
}


@pytest.mark.parametrize(("given_answer", "why"), NOT_A_LOOK.values(), ids=NOT_A_LOOK)
def test_no_look(given_answer: bytes, why: str) -> None:
    """Anything but a complete look is none, and the reason says what it is."""
    with pytest.raises(IncompleteAnswer) as error:
        parse(given_answer)

    assert why in str(error.value)


@pytest.mark.parametrize("value", ["-5", str(2**70), "x", None, [], {}, "1e999", "\ud800", "٣x"])
@pytest.mark.parametrize("key", ["boot", "uptime", "now", "own"])
def test_a_strange_number(key: str, value: Any) -> None:
    """A number that can't be one makes the whole look none."""
    with pytest.raises(IncompleteAnswer):
        look(**{key: value})


@pytest.mark.parametrize("changes", [{"more": "x"}, {"sessions": [{}]}, {"processes": "x"}, {"machine": 7}])
def test_another_shape(changes: dict[str, Any]) -> None:
    """What the script doesn't print is refused whole: it can't be from this script."""
    with pytest.raises(IncompleteAnswer):
        look(**changes)


@given(st.text(max_size=80))
def test_texts_are_harmless(text: str) -> None:
    """Whatever somebody calls a client, a station or themselves: it is cleaned, and the look stands."""
    session = with_session(client=text, station=text, user=text or "x").sessions[0]

    for shown in (session.client, session.account.name, *(terminal.name for terminal in session.terminals)):
        assert clean(shown) == shown


@pytest.mark.parametrize("state", ["-1", "4", "10", "999"])
def test_any_state(state: str) -> None:
    """A state that this driver doesn't know is shown as its number; nobody is idle by it."""
    session = with_session(state=state, disconnected="0").sessions[0]

    assert session.state == {"4": "disconnected"}.get(state, state)
    assert session.disconnected == (0 if state == "4" else None)


def test_times_to_come() -> None:
    """A time that is not yet counts as none, and no login lies ahead of its look."""
    found = with_session(input=str(2 * 10**18), logon=str(2 * 10**18))

    assert found.sessions[0].terminals[0].since_key is None
    assert found.sessions[0].since == found.time
    assert found.sessions[0].age == 0


def test_clock_set() -> None:
    """A clock that was set since the boot is found by the kernel's own start and the uptime."""
    facts = json.loads(captured(CAPTURES[1]).split(b"\n")[1])

    found = look(now=str(int(facts["now"]) + 3600 * 10_000_000))

    assert {session.clock_set for session in found.sessions} == {3600}


def test_processes_in_a_circle() -> None:
    """Processes that are each other's parents are none of each other's, and the look comes to its end."""
    task = {"start": "5", "session": "0", "sid": SID, "name": "sshd.exe", "command": ""}
    found = look(processes=[{**task, "pid": "8", "parent": "9"}, {**task, "pid": "9", "parent": "8"}], sessions=[])

    assert found.sessions == ()
    assert [process.pid for process in found.outside] == [8, 9]


@pytest.mark.parametrize(
    ("domain", "name"), [("WIN1", "alice"), ("win1", "alice"), ("", "alice"), ("CORP", r"corp\alice")]
)
def test_names(domain: str, name: str) -> None:
    """An account of the machine itself has its bare name; any other has its domain before it; all in small letters."""
    assert with_session(user="ALICE", domain=domain).sessions[0].account.name == name


# ------------------------------------------------------------------------------------------------ steps


def target(**changes: Any) -> Target:
    values = {"session": "3", "identity": f"3:{LOGON}", "account": ALICE, "boot": LOGON, "rungs": ("logoff",)}
    where = {"host": "win1", "host_key": "SHA256:key", "summary": ""}
    return Target.model_validate({**where, **values, **changes})


def words(step: Step) -> list[str]:
    """What the script is told to do."""
    call = DRIVER.command(step, host=HOST, not_after=HostUptime(4711), nonce=NONCE)
    *lines, dot, end = call.stdin.decode("ascii").split("\n")
    script = b64decode("".join(lines)).decode()
    assert (dot, end) == (".", "")
    return b64decode(re.findall(r"Decode '([^']*)'", script)[1]).decode().split("\0")


def test_the_words_of_an_end() -> None:
    """The script gets the deadline, the boot, the account's SID, the session and its logon, and the rung."""
    assert words(EndSession(target=target(), rung="logoff")) == [
        *("end", NONCE, "4711", LOGON, SID, "3", LOGON, "logoff")
    ]


def test_the_words_of_an_ssh_login() -> None:
    """An SSH login is ended by its first process and its start."""
    ssh = target(session="ssh-5000", identity=f"ssh-5000:{LOGON}")

    assert words(EndSession(target=ssh, rung="terminate"))[0] == "end_login"
    assert words(EndSession(target=ssh, rung="terminate"))[5:] == ["5000", LOGON, "terminate"]


STEPS: dict[str, Step] = {
    "a session of Linux": EndSession(target=target(session="7", identity="7:4300:43000"), rung="logoff"),
    "no rung of it": EndSession(target=target(), rung="terminate"),
    "no rung of an SSH login": EndSession(target=target(session="ssh-5", identity=f"ssh-5:{LOGON}"), rung="logoff"),
    "the identity of another": EndSession(target=target(session="4"), rung="logoff"),
    "words in an identity": EndSession(target=target(identity=f"3:{LOGON}\0x"), rung="logoff"),
    "another boot's name": EndSession(target=target(boot="0-0"), rung="logoff"),
    "an account without a SID": EndSession(target=target(account=make.account()), rung="logoff"),
    "the system": EndSession(target=target(account=Account(name="SYSTEM", uid=18, sid="S-1-5-18")), rung="logoff"),
    "a whole account": EndAccount(target=target(kind="account"), rung="kill"),
    "a last word": ShowAccount(target=target(kind="account")),
    "two lines": Warn(target=target(), text="a\nb", act_at=make.START),
    "a long text": Warn(target=target(), text="x" * 501, act_at=make.START),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_no_step_of_this_driver(step: Step) -> None:
    """What no look of this driver gave is never sent to a host."""
    with pytest.raises(NotForThisDriver):
        DRIVER.command(step, host=HOST, not_after=HostUptime(1), nonce=NONCE)


END = EndSession(target=target(), rung="logoff")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"refused": "tired"},
        {"refused": "late", "more": "x"},
        {"ran": "x"},
        {"ran": "x", "status": 0},
        {"ran": "x", "status": "-1"},
        {"told": "RDP-Tcp#3"},
        {"untold": "x"},
    ],
)
def test_an_answer_that_cannot_be_read(said: dict[str, Any]) -> None:
    """Nothing is guessed about an act."""
    with pytest.raises(IncompleteAnswer):
        answered(END, said)


@pytest.mark.parametrize("why", ["late", "rebooted", "gone", "changed", "forbidden"])
def test_a_refusal(why: str) -> None:
    """What the host did not do is told as its refusal."""
    assert answered(END, {"refused": why}) == Answer.model_validate({"status": "refused", "refusal": why})


def test_a_log_off_has_its_time() -> None:
    """Each rung of a session says that it may take three minutes."""
    assert [rung.takes for rung in LADDER] == [180, 180]
