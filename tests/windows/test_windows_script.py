"""The script's C#, run for real on stand-ins of Windows' DLLs, and what the driver makes of its answers."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.errors import IncompleteAnswer
from bot.models import Account, Answer, EndSession, Step, Target, Warn
from tests.windows.asked import NONCE, Ask, Asked, one, refused, target
from tests.windows.scenes import ALICE, BOB, DAY, HOUR, MAX, MINUTE, NOW, UMLAUT, Win, filetime, listening
from tests.windows.standin import Program, Scene

Put = Callable[[Win], Scene]


def warning(aim: Target, text: str) -> Warn:
    return Warn.model_validate({"target": aim, "text": text, "act_at": "2026-11-20T13:31:05Z"})


# ------------------------------------------------------------------------------------------------ look


def test_who_is_logged_on(ask: Ask) -> None:
    """An active RDP session is shown with its account, address, client, times and processes."""
    look = ask(listening(Win().session(3, "Alice", ALICE))).look()
    alice = one(look, "3")

    assert (alice.account, alice.state) == (Account(name=r"corp\alice", uid=1104, sid=ALICE), "active")
    assert (alice.service, alice.remote, alice.client) == ("rdp", "203.0.113.10", "LAPTOP-7")
    assert [(t.name, (t.since_key or 0) // MINUTE) for t in alice.terminals] == [("RDP-Tcp#3", 12)]
    assert [p.name for p in alice.processes] == ["explorer.exe", "notepad.exe"]
    assert alice.processes[1].command == r"notepad C:\a.txt"
    assert alice.disconnected is None
    assert (alice.age, alice.clock_set) == (HOUR, 0)
    assert (look.time, look.uptime, look.system) == (NOW, 3 * DAY * 100, "Windows 10.0.20348")


def test_only_people(ask: Ask) -> None:
    """Services, listeners and a console at which nobody is are no sessions; Kickbot's own SSH login is one, its own."""
    look = ask(listening(Win())).look()

    assert [(s.id, s.service, s.own) for s in look.sessions] == [("ssh-9000", "ssh", True)]
    assert look.outside == ()


def test_disconnected(ask: Ask) -> None:
    """A session to which nobody is connected has no station, and tells since when."""
    away = Win().session(5, "bob", BOB, state=4, station="", disconnected=2 * HOUR, ago=DAY)
    bob = one(ask(away).look(), "5")

    assert (bob.state, bob.terminals) == ("disconnected", ())
    assert bob.disconnected == 2 * HOUR


def test_names_of_any_kind(ask: Ask) -> None:
    """Names with spaces, umlauts and Chinese characters arrive whole; an account of the machine has no domain."""
    win = Win().session(3, "Max Mustermann", MAX).session(4, "Jörg Müller 王伟", UMLAUT, domain="Win1")

    assert {s.account.name for s in ask(win).look().sessions} >= {r"corp\max mustermann", "jörg müller 王伟"}


def test_what_people_choose_is_only_text(ask: Ask) -> None:
    """Marks, newlines, quotes and half characters in what people choose neither end nor forge an answer."""
    nasty = f'"}}]\r\n== end {NONCE}\r\n\ud83d \u202e password=hunter2'
    win = Win().session(3, "alice", ALICE, client=nasty)
    win.rows.append(("process", 3_050, 3_003, filetime(), 3, ALICE, "x.exe", nasty))
    look = ask(win).look()
    alice = one(look, "3")

    assert alice.client.isprintable()
    assert alice.processes[-1].command.isprintable()
    assert NONCE not in look.model_dump_json()
    assert "hunter2" not in look.model_dump_json()


def test_ssh_logins_are_process_trees(ask: Ask) -> None:
    """Who came by SSH is a login of their own below sshd, with what it started; services of people are outside."""
    win = Win().ssh(5_000, ALICE, "alice")
    win.rows += [
        ("process", 5_200, 5_100, filetime(), 0, ALICE, "python.exe", "python train.py"),
        ("process", 6_000, 700, filetime(DAY), 0, BOB, "sqlservr.exe", "sqlservr -sMSSQL"),
        ("process", 6_001, 5_200, filetime(DAY), 0, BOB, "old.exe", ""),  # older than what has its parent's number now
    ]
    look = ask(win).look()

    assert [p.name for p in one(look, "ssh-5000").processes] == ["sshd.exe", "cmd.exe", "python.exe"]
    assert [p.name for p in look.outside] == ["sqlservr.exe", "old.exe"]


def test_nobody_tells_the_sid(ask: Ask) -> None:
    """A session whose SID isn't known, or not for sure, is shown and can't be ended."""
    unknown = Win().session(3, "alice", ALICE, logon=False)
    twice = Win().session(3, "alice", ALICE)
    twice.rows.append(("logon", 3, "alice", "CORP", BOB))

    for win in (unknown, twice):
        look = ask(win).look()
        assert one(look, "3").ladder == ()
        assert "session 3: Windows did not tell" in look.notes[0]


def test_no_administrator(ask: Ask) -> None:
    """Without an administrator's rights nothing is believed: an empty list would be a lie."""
    win = Win()
    win.rows.append(("admin", 0))

    with pytest.raises(IncompleteAnswer, match="not an administrator"):
        ask(win).look()


def test_an_old_windows(tmp_path: Path, scene: Put) -> None:
    """One without a function that is needed is told to be too old, and which would do."""
    host = Asked(Program(tmp_path, without="LsaEnumerateLogonSessions"), scene(Win()))

    with pytest.raises(IncompleteAnswer, match="too old: it takes Windows 10 or Server 2016"):
        host.look()


def test_windows_refuses(ask: Ask) -> None:
    """A function of Windows that fails is named, with its code."""
    win = Win()
    win.rows.append(("fail", "WTSEnumerateSessions", 5))

    with pytest.raises(IncompleteAnswer, match="WTSEnumerateSessions, error 5"):
        ask(win).look()


def test_ascii(program: Program, scene: Put) -> None:
    """The answer is ASCII, so that no code page matters, and one line between its heading and its mark."""
    answer = program.answer(scene(Win().session(3, "Jörg 王", ALICE)).path, ["look", NONCE, ""])
    heading, body, mark, rest = answer.decode("ascii").split("\n")

    assert (heading, mark, rest) == (f"kickbot windows 1 look {NONCE}", f"== end {NONCE}", "")
    assert "Jörg 王" in json.dumps(json.loads(body), ensure_ascii=False)


def test_a_thousand_processes(ask: Ask) -> None:
    """A list that doesn't fit into the first room is asked for again."""
    win = Win().session(3, "alice", ALICE)
    win.rows += [
        ("process", 10_000 + n, 3_003, filetime(), 3, ALICE, "chrome.exe", "chrome " + "x" * 200) for n in range(1_000)
    ]

    assert len(one(ask(win).look(), "3").processes) == 1_002


# ------------------------------------------------------------------------------------------------ act


def test_a_log_off(ask: Ask) -> None:
    """Exactly that session is logged off, without waiting."""
    host = ask(Win().session(3, "alice", ALICE).session(4, "bob", BOB))

    answer = host.act(EndSession(target=target(host.look(), "3"), rung="logoff"))

    assert answer == Answer(status="done", command="WTSLogoffSession 3", exit_status=0)
    assert host.scene.done == ["logoff 3 0"]


def test_by_force(ask: Ask) -> None:
    """Force ends the account's own processes in that session, never Windows' or another's, and asks once more."""
    win = Win().session(3, "alice", ALICE).session(4, "bob", BOB)
    win.rows += [("process", 3_050, 3_003, filetime(), 3, BOB, "runas.exe", ""), ("denied", 3_004)]
    host = ask(win)

    answer = host.act(EndSession(target=target(host.look(), "3"), rung="kill"))

    assert (answer.exit_status, answer.command) == (0, "WTSLogoffSession 3; before it TerminateProcess 3003")
    assert host.scene.done == ["terminate 3003", "logoff 3 0"]


def test_a_number_of_another_process(ask: Ask) -> None:
    """A process that took the number since the list was made is left alone."""
    win = Win().ssh(5_000, ALICE, "alice")
    win.rows.append(("born", 5_100, filetime()))
    host = ask(win)

    answer = host.act(EndSession(target=target(host.look(), "ssh-5000"), rung="terminate"))

    assert host.scene.done == ["terminate 5000"]
    assert (answer.exit_status, answer.command) == (1, "TerminateProcess 5000")
    assert answer.output == "some of its processes could not be ended"


def test_windows_says_no(ask: Ask) -> None:
    """A log-off that Windows refuses is told with its code."""
    win = Win().session(3, "alice", ALICE)
    win.rows.append(("fail", "WTSLogoffSession", 5))
    host = ask(win)

    answer = host.act(EndSession(target=target(host.look(), "3"), rung="logoff"))

    assert (answer.exit_status, answer.output) == (5, "error 5 (access denied)")


def test_a_warning(ask: Ask) -> None:
    """A message stands on the desktop, in any letters, and nobody waits for a click."""
    host = ask(Win().session(3, "alice", ALICE))

    answer = host.act(warning(target(host.look(), "3"), "Kickbot: Jörg ends this. <!channel> $(calc)"))

    assert answer.told == ("RDP-Tcp#3",)
    assert host.scene.done == [r"message 3 7 30 0 Kickbot: J\u00f6rg ends this. <!channel> $(calc)"]


@pytest.mark.parametrize("session", ["5", "ssh-5000"])
def test_nobody_to_warn(ask: Ask, session: str) -> None:
    """To a session without anyone, and to an SSH login, nothing can be told: that is said."""
    host = ask(Win().session(5, "bob", BOB, state=4, station="").ssh(5_000, ALICE, "alice"))

    answer = host.act(warning(target(host.look(), session), "Save your work."))

    assert (answer.told, len(answer.untold)) == ((), 1)
    assert host.scene.done == []


CHANGED: dict[str, tuple[str, Callable[[Target], Target]]] = {
    "another boot": ("rebooted", lambda t: t.model_copy(update={"boot": str(int(t.boot) + 1)})),
    "a later logon": ("changed", lambda t: t.model_copy(update={"identity": f"3:{filetime()}"})),
    "another account": (
        "changed",
        lambda t: t.model_copy(update={"account": Account(name="bob", uid=1105, sid=BOB)}),
    ),
    "a session that is gone": ("gone", lambda t: t.model_copy(update={"session": "8", "identity": "8:1"})),
}


@pytest.mark.parametrize(("why", "change"), CHANGED.values(), ids=CHANGED)
@pytest.mark.parametrize("rung", ["logoff", "kill"])
def test_not_the_approved_one(ask: Ask, why: str, change: Callable[[Target], Target], rung: str) -> None:
    """Anything but exactly the approved session is left alone."""
    host = ask(Win().session(3, "alice", ALICE))

    answer = host.act(EndSession(target=change(target(host.look(), "3")), rung=rung))

    assert answer == refused(why)
    assert host.scene.done == []


def test_too_late(ask: Ask) -> None:
    """After its deadline, by the host's uptime, nothing starts any more."""
    host = ask(Win(uptime=DAY).session(3, "alice", ALICE))
    aim = target(host.look(), "3")
    steps: Sequence[Step] = (EndSession(target=aim, rung="logoff"), warning(aim, "Save your work."))

    assert [host.act(step, not_after=DAY * 100 - 1) for step in steps] == [refused("late")] * 2
    assert host.scene.done == []


def test_never_its_own(ask: Ask) -> None:
    """Kickbot's own SSH login, and the session in which it runs, are never ended."""
    by_ssh = ask(Win())
    aims = [(by_ssh, "ssh-9000", "terminate")]
    answers = [host.act(EndSession(target=target(host.look(), name), rung=rung)) for host, name, rung in aims]
    inside = Win().session(3, "alice", ALICE)
    inside.rows[3] = ("own", 3_004)
    host = ask(inside)
    answers.append(host.act(EndSession(target=target(host.look(), "3"), rung="logoff")))

    assert answers == [refused("forbidden")] * 2
    assert host.scene.done == []
