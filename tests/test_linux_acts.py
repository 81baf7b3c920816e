"""Every kind of step on Linux: its arguments, its answers, and the very script run against real processes here."""

import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.hosts.drivers.linux import ACT_SCRIPT, LinuxDriver
from bot.models import (
    Account,
    Answer,
    EndAccount,
    EndSession,
    Host,
    HostUptime,
    Pinned,
    ShowAccount,
    Step,
    Target,
    Warn,
)
from tests import make
from tests.test_linux_script import SHELLS

NONCE = "0123456789abcdef"
BOOT = "11111111-2222-3333-4444-555555555555"
HOST = Host(name="host1", address="192.0.2.1", user="kickbot")
DRIVER = LinuxDriver()


def target(session: str = "ssh-20", identity: str = "ssh-20:20:200", **other: Any) -> Target:
    values = {"host": "host1", "host_key": "SHA256:key", "boot": BOOT, "summary": "", "rungs": ()}
    account = Account(name="audituser", uid=1001)
    return Target.model_validate({"session": session, "identity": identity, "account": account, **values, **other})


def whole(**other: Any) -> Target:
    return target("", "", kind="account", **other)


def listed(**other: Any) -> Target:
    return target("7", "7:100:50000000", **other)


def pins(*found: tuple[int, str]) -> tuple[Pinned, ...]:
    return tuple(Pinned(pid=pid, start=start) for pid, start in found)


def words(step: Step) -> tuple[str, ...]:
    """The verb and what follows the nonce."""
    call = DRIVER.command(step, host=HOST, not_after=HostUptime(4242), nonce=NONCE)
    assert call.argv[7] == NONCE
    return call.argv[6], *call.argv[8:]


def warning(text: str = "Kickbot ends this session at 13:36 UTC", **other: Any) -> Warn:
    return Warn(target=target(**other), text=text, act_at=make.START)


# ------------------------------------------------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (EndSession(target=listed(), rung="stop"), ("end", "4242", BOOT, "7", "100", "50000000", "1001", "stop")),
        (EndSession(target=target(), rung="hangup"), ("end_login", "4242", BOOT, "1001", "20", "200", "-", "hangup")),
        (
            EndSession(target=target("pts/3", "pts/3:20:200", leaders=pins((20, "200"), (30, ""))), rung="kill"),
            ("end_login", "4242", BOOT, "1001", "20", "200", "20@200,30@", "kill"),
        ),
        (
            EndSession(target=target("tty1", "tty1:20:200"), rung="signal"),
            ("end_login", "4242", BOOT, "1001", "20", "200", "-", "signal"),
        ),
        (EndAccount(target=whole(), rung="signal"), ("end_account", "4242", BOOT, "1001", "-", "-", "0", "signal")),
        (
            EndAccount(
                target=whole(beside=("7:100:5", "ssh-20:20:200", "c1:101:6", "9:102:7")),
                rung="kill",
                spare=("ssh-40:40:400", "9:102:7", "11:103:8", "pts/4:50:500"),
            ),
            ("end_account", "4242", BOOT, "1001", "7,c1", "40@400,50@500", "0", "kill"),
        ),
        (ShowAccount(target=whole()), ("show_account", "4242", BOOT, "1001", "audituser")),
        (warning("-n: at 13:36"), ("warn_login", "4242", BOOT, "1001", "20", "200", "-", "-n: at 13:36")),
        (
            Warn(target=listed(), text="at 13:36", act_at=make.START),
            ("warn", "4242", BOOT, "7", "100", "50000000", "1001", "at 13:36"),
        ),
    ],
)
def test_the_arguments_of_a_step(step: Step, expected: tuple[str, ...]) -> None:
    """A step is one verb with the exact target as its arguments."""
    assert words(step) == expected


@pytest.mark.parametrize(
    "step",
    [
        EndSession(target=target(), rung="terminate"),
        EndSession(target=target(), rung="stop"),
        EndSession(target=listed(), rung="hangup"),
        EndSession(target=target(identity="ssh-20:21:200"), rung="kill"),
        EndSession(target=target("ssh-21"), rung="kill"),
        EndSession(target=target(identity="ssh-20:20:"), rung="kill"),
        EndSession(target=target("pts/3;id", "pts/3;id:20:200"), rung="kill"),
        EndSession(target=target("-", "-:20:200"), rung="kill"),
        EndSession(target=target("self", "self:20:200"), rung="kill"),
        EndSession(target=target(boot="-n"), rung="kill"),
        EndSession(target=target(leaders=(Pinned(pid=20, start="2 0"),)), rung="kill"),
        EndSession(target=target(leaders=(Pinned(pid=-1, start=""),)), rung="kill"),
        EndSession(target=whole(), rung="kill"),
        EndAccount(target=whole(), rung="hangup"),
        EndAccount(target=target(), rung="kill"),
        EndAccount(target=whole(beside=("x y",)), rung="kill"),
        EndAccount(target=whole(), rung="kill", spare=("ssh-1",)),
        EndAccount(target=whole(), rung="kill", spare=tuple(f"ssh-{n}:{n}:5000000000" for n in range(5000))),
        ShowAccount(target=target()),
        ShowAccount(target=whole(account=Account(name="a\nb", uid=1001))),
        warning(""),
        warning(" "),
        warning("two\nlines"),
        warning("\x1b[2J"),
        warning("\N{RIGHT-TO-LEFT OVERRIDE}"),
        warning("x" * 501),
    ],
    ids=lambda step: str(step.kind),
)
def test_a_step_that_is_not_sent(step: Step) -> None:
    """What this driver never listed, and what is no single line, never reaches a host."""
    with pytest.raises(NotForThisDriver):
        words(step)


def test_more_leaders_than_a_command_takes() -> None:
    """So many kernel sessions that no command line takes them are cut; the rest is reached by descent."""
    many = tuple(Pinned(pid=n, start="123456789") for n in range(10_000, 20_000))

    sent = words(EndSession(target=target(leaders=many), rung="kill"))[6]

    assert 59_900 < len(sent) <= 60_000
    assert sent.startswith("10000@123456789,10001@")
    assert sent.endswith("@123456789")


# ------------------------------------------------------------------------------------------------------- answers


def said(verb: str, *lines: str) -> bytes:
    return "\n".join([f"kickbot linux 1 {verb} {NONCE}", *lines, f"== end {NONCE}", ""]).encode()


def answer(step: Step, verb: str, *lines: str) -> Answer:
    return DRIVER.parse_answer(said(verb, *lines), step=step, nonce=NONCE)


@pytest.mark.parametrize("refusal", ["late", "rebooted", "gone", "changed", "forbidden"])
def test_a_refusal(refusal: str) -> None:
    """Every kind of step can be refused."""
    steps = {
        "end": EndSession(target=listed(), rung="stop"),
        "end_login": EndSession(target=target(), rung="kill"),
        "end_account": EndAccount(target=whole(), rung="kill"),
        "show_account": ShowAccount(target=whole()),
        "warn_login": warning(),
    }

    for verb, step in steps.items():
        assert answer(step, verb, f"refused {refusal}") == Answer(status="refused", refusal=refusal)  # type: ignore[arg-type]


def test_what_was_signalled() -> None:
    """Names of processes are foreign text: cleaned and masked."""
    step = EndAccount(target=whole(), rung="kill")

    done = answer(step, "end_account", "ran kill -KILL 5", "status 1", "| 5 50 a\x1b", "| 6 60 token=abc")

    assert done == Answer(
        status="done", command="kill -KILL 5", exit_status=1, output="5 50 a\\x1b\n6 60 token=[masked]"
    )


def test_who_was_warned() -> None:
    """Each terminal is told or not, with the reason."""
    done = answer(warning(), "warn_login", "untold pts/4 stopped or full", "told pts/3", "status 0")

    assert done == Answer(
        status="done",
        command="write to pts/4, pts/3",
        exit_status=0,
        told=("pts/3",),
        untold=("pts/4: stopped or full",),
    )


def test_nobody_to_warn() -> None:
    """A session without a terminal can't be told anything, and that is no failure."""
    done = answer(warning(), "warn_login", "untold none", "status 0")

    assert (done.status, done.command, done.told, done.untold) == ("done", "write to no terminal", (), ("no terminal",))


def test_a_warning_that_logind_did_not_let_through() -> None:
    """Where logind can't say whether it is the session, nobody was told, and the answer says why."""
    done = answer(
        Warn(target=listed(), text="x", act_at=make.START),
        "warn",
        "ran loginctl show-session 7",
        "status 1",
        "| Failed to connect to bus",
    )

    assert (done.status, done.exit_status, done.untold) == ("done", 1, ("Failed to connect to bus",))


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["status 0"],
        ["told pts/3"],
        ["told pts/3 and more", "status 0"],
        ["told", "status 0"],
        ["untold pts/3", "status 0"],
        ["told pts/3", "status 1"],
        ["told pts/3", "x", "status 0"],
    ],
)
def test_an_answer_to_a_warning_that_says_nothing(lines: list[str]) -> None:
    """Anything else is no answer."""
    with pytest.raises(IncompleteAnswer):
        answer(warning(), "warn_login", *lines)


def test_an_answer_to_another_verb() -> None:
    """The answer to one kind of step is none to another."""
    with pytest.raises(IncompleteAnswer):
        answer(EndSession(target=listed(), rung="kill"), "end_login", "refused gone")


def test_told_lines_are_no_answer_to_another_step() -> None:
    """Only a warning is answered by who was told."""
    with pytest.raises(IncompleteAnswer):
        answer(EndSession(target=target(), rung="kill"), "end_login", "told pts/3", "status 0")


# ------------------------------------------------------------------------------------------------------- real processes


def listens(pid: int) -> bool:
    """True once it holds a socket; what it opens and closes meanwhile doesn't matter."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if str(descriptor.readlink()).startswith("socket:"):
                return True
    return False


AWKS = [name for name in ("busybox", "gawk", "mawk", "original-awk") if shutil.which(name)]
PYTHON = shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or sys.executable
ROOT = os.geteuid() == 0
UID = 100_000 + os.getpid() if ROOT else os.getuid()  # as root, an account that nothing else has

# By a command that becomes the next one: Python itself would copy all of the tests' process for it.
AS_ACCOUNT = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"] if ROOT else []

STARTERS = {"setpriv", "prlimit"}


def program(pid: int) -> str:
    """What it runs by now: the command that starts another one becomes it, a moment later."""
    with suppress(OSError):
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])
    return ""


OWN = program(os.getpid())

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc")
in_one_shell = pytest.mark.parametrize("here", SHELLS[:1], indirect=True, ids=lambda words: words[0])
needs_root = pytest.mark.skipif(not ROOT, reason="needs processes of an account that is not that of the tests")

FORK = """
import os, time
def fork():
    while True:
        try:
            return os.fork()
        except OSError:
            time.sleep(0.01)
"""
LEADER = FORK + "if fork():\n    time.sleep(1000)\n"
# Both end by themselves, should a test lose them.
FORKS_AND_ENDS = LEADER + "end = time.time() + 30\nwhile time.time() < end:\n    if fork():\n        os._exit(0)"
FORKS = LEADER + "end = time.time() + 8\nwhile time.time() < end:\n    time.sleep(0.02)\n    fork()"
CROWD = "import os, time\nfor _ in range({}):\n    if not os.fork():\n        break\ntime.sleep(1000)"
RENAMED = "import time\nopen('/proc/self/comm', 'w').write({!r})\ntime.sleep(1000)"


class Here:
    """This machine as a host: one of its shells runs the script, on processes of an account that has nothing else."""

    def __init__(self, folder: Path, shell: Sequence[str]) -> None:
        self.shell = list(shell)
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._started: list[subprocess.Popen[bytes]] = []
        self.stand_in("loginctl", "exit 1")

    def stand_in(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def start(self, *argv: str, most: int = 0) -> int:
        """A process that leads a kernel session of its own; its pid, once it runs. most: processes of its account."""
        process = subprocess.Popen(
            [*AS_ACCOUNT, *(["prlimit", f"--nproc={most}"] if most else []), *argv],
            start_new_session=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._started.append(process)
        until(lambda: program(process.pid) not in {*STARTERS, OWN} or program(process.pid) == argv[0])
        return process.pid

    def python(self, program: str, most: int = 0) -> int:
        return self.start(PYTHON, "-I", "-S", "-c", program, most=most)  # these start in half of the time

    def shell_script(self, script: str) -> int:
        return self.start("sh", "-c", script)

    def run(self, verb: str, *arguments: str, late: bool = False, boot: str = "") -> bytes:
        """The script's answer."""
        common = ["1" if late else "9" * 12, boot or self.boot]
        done = subprocess.run(
            [*self.shell, "-s", "--", verb, NONCE, *common, *arguments],
            input=ACT_SCRIPT,
            env={"PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    def end_login(self, leader: int, rung: str, **other: str) -> Answer:
        """A step against the login that this process leads. other: arguments that differ."""
        exact = {"uid": str(UID), "pid": str(leader), "start": "", "leaders": "-"} | other
        exact["start"] = exact["start"] or start_of(leader)
        step = EndSession(target=target(), rung="kill")
        answered = self.run(
            "end_login",
            *(exact[key] for key in ("uid", "pid", "start", "leaders")),
            rung,
            boot=other.get("boot", ""),
        )
        return DRIVER.parse_answer(answered, step=step, nonce=NONCE)

    def end_account(
        self, rung: str, known: str = "-", spared: str = "-", uid: int = UID, seen: str = "9" * 12
    ) -> Answer:
        answered = self.run("end_account", str(uid), known, spared, seen, rung)
        return DRIVER.parse_answer(answered, step=EndAccount(target=whole(), rung="kill"), nonce=NONCE)

    def show_account(self) -> Answer:
        answered = self.run("show_account", str(UID), "audituser")
        return DRIVER.parse_answer(answered, step=ShowAccount(target=whole()), nonce=NONCE)

    def warn(self, leader: int, leaders: str = "-", text: str = "Kickbot ends this session") -> Answer:
        answered = self.run("warn_login", str(UID), str(leader), start_of(leader), leaders, text)
        return DRIVER.parse_answer(answered, step=warning(), nonce=NONCE)

    def close(self) -> None:
        if ROOT:
            # a signal to every process of the account: what forks can't run away from that
            everyone = "for _ in 1 2 3; do kill -s KILL -- -1; done"
            subprocess.run([*AS_ACCOUNT, "sh", "-c", everyone], stderr=subprocess.DEVNULL, check=False)
        else:
            for pid in [pid for each in self._started for pid in members(each.pid)]:
                os.kill(pid, signal.SIGKILL)
        for process in self._started:
            process.kill()
            process.wait()


@pytest.fixture(params=SHELLS, ids=lambda names: names[0])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Here]:
    here = Here(tmp_path, request.param)
    yield here
    here.close()


def fields(pid: int) -> list[str]:
    """Of /proc/PID/stat, from the state on; empty if there is no such process any more."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    return []


def name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip("\n")
    return ""


def start_of(pid: int) -> str:
    return (fields(pid) or [""] * 20)[19]


def alive(pid: int) -> bool:
    return (fields(pid) or ["Z"])[0] not in {"Z", "X"}


def members(leader: int) -> list[int]:
    """What lives in the kernel session of that leader."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if (found := fields(pid)) and found[3] == str(leader) and found[0] not in {"Z", "X"}]


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


def cpu() -> float:
    """Seconds of it that went into what was started and has ended: the same on a busy machine."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def children(pid: int) -> int:
    return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def pin(pid: int) -> str:
    return f"{pid}@{start_of(pid)}"


# ---------------------------------------------------------------------------------------------------- exactly those


@needs_proc
@pytest.mark.parametrize("rung", ["hangup", "signal", "kill"])
def test_each_rung(here: Here, rung: str) -> None:
    """Each rung ends a login that ignores nothing, and tells whom it signalled."""
    leader = here.start("sleep", "1000")

    done = here.end_login(leader, rung)

    word = {"hangup": "HUP", "signal": "TERM", "kill": "KILL"}[rung]
    assert (done.status, done.exit_status, done.command) == ("done", 0, f"kill -{word} {leader}")
    assert done.output.startswith(f"{leader} ")
    assert done.output.endswith(" sleep")
    until(lambda: not alive(leader))


@needs_proc
@pytest.mark.parametrize("rung", ["hangup", "signal", "kill"])
def test_a_leader_with_another_start(here: Here, rung: str) -> None:
    """A process that has the leader's pid but not its start is another one: it and what it started stay."""
    leader = here.shell_script("sleep 1000 & wait")
    until(lambda: len(members(leader)) == 2)

    done = here.end_login(leader, rung, start="5")

    assert (done.status, done.refusal) == ("refused", "changed")
    assert len(members(leader)) == 2


@needs_proc
def test_a_leader_that_is_gone(here: Here) -> None:
    """Without the leader, and without anything else of the login, there is nothing to end."""
    assert here.end_login(4194303, "kill", start="5").refusal == "gone"


@needs_proc
def test_what_is_left_of_a_login(here: Here) -> None:
    """After its leader is gone, what still carries the leader's kernel session is ended, if it is the account's."""
    leader = here.shell_script("sleep 1000 & exit")
    until(lambda: not alive(leader) and len(members(leader)) == 1)
    (left,) = members(leader)

    here._started[0].wait()
    refused = here.end_login(leader, "kill", start="5", leaders=f"{leader}@5", uid=str(UID + 1))
    done = here.end_login(leader, "kill", start="5", leaders=f"{leader}@")

    assert refused.refusal == "gone"
    assert done.command == f"kill -KILL {left}"
    assert not alive(left)


@needs_proc
def test_a_kernel_session_with_another_start(here: Here) -> None:
    """A kernel session whose leader lives but started at another time is another one."""
    login, other = here.start("sleep", "1000"), here.start("sleep", "1000")

    done = here.end_login(login, "kill", leaders=f"{pin(login)},{other}@5,{other}@")

    assert done.command == f"kill -KILL {login}"
    assert alive(other)


@needs_proc
def test_all_kernel_sessions_and_all_descendants(here: Here) -> None:
    """A login is its kernel sessions, and what descends from them into sessions of its own."""
    first = here.shell_script("setsid sleep 1000 & sleep 1000 & wait")
    second = here.start("sleep", "1000")
    other = here.start("sleep", "1000")
    below = Path(f"/proc/{first}/task/{first}/children")
    until(lambda: children(first) == 2)
    pids = [first, *map(int, below.read_text().split()), second]
    until(lambda: all(name(pid) == "sleep" for pid in pids[1:]))

    done = here.end_login(first, "kill", leaders=f"{pin(first)},{pin(second)}")

    assert {line.split()[0] for line in done.output.splitlines()} == set(map(str, pids))
    assert not any(map(alive, pids))
    assert alive(other)


@needs_proc
@pytest.mark.parametrize("forged", ["a) Z 1 1", "a) S 1\n) Z", "*", "$(id)", ")"])
def test_a_forged_name(here: Here, forged: str) -> None:
    """A process that gives itself the name of other fields is compared, and ended, like any other."""
    leader = here.python(RENAMED.format(forged))
    until(lambda: name(leader) == forged.strip("\n"))

    wrong = here.end_login(leader, "kill", start=str(int(start_of(leader)) + 1))
    right = here.end_login(leader, "kill")

    assert wrong.refusal == "changed"
    assert right.output.partition(" ")[0] == str(leader)
    until(lambda: not alive(leader))


@needs_proc
def test_another_process_between_the_list_and_the_signal(here: Here, tmp_path: Path) -> None:
    """Where a pid was taken by another process after the list was made, that one gets no signal."""
    leader = here.start("sleep", "1000")
    script = ACT_SCRIPT.replace(b'"$began" = "$3"', b'"${began}0" = "$3"')
    script = script.replace(b"deadline=$((clock + 300))", b"deadline=$((clock + 30))")  # it will not go
    exact = ["9" * 12, here.boot, str(UID), str(leader), start_of(leader), "-", "kill"]

    done = subprocess.run(
        [*here.shell, "-s", "--", "end_login", NONCE, *exact], input=script, capture_output=True, check=True
    )

    assert alive(leader)
    assert b"\nran kill -KILL\nstatus 1\n" in done.stdout


# ---------------------------------------------------------------------------------------------------- never those


@needs_proc
@pytest.mark.parametrize("rung", ["hangup", "signal", "kill"])
def test_what_the_script_descends_from(here: Here, rung: str) -> None:
    """Neither what started the script nor PID 1 can be the target, whatever the arguments say."""
    for pid in (os.getpid(), 1):
        assert here.end_login(pid, rung).refusal == "forbidden"
    if ROOT:
        session = os.getsid(0)
        leader = here.start("sleep", "1000")
        assert session < 2 or here.end_login(leader, rung, leaders=pin(session)).refusal == "forbidden"
        assert alive(leader)


@needs_proc
def test_the_kernel_session_of_the_first_process(here: Here) -> None:
    """PID 1 and the kernel's session 0 are no sessions of a login."""
    leader = here.start("sleep", "1000")

    done = here.end_login(leader, "kill", leaders=f"0@,1@{start_of(1)},{pin(leader)}")

    assert done.command == f"kill -KILL {leader}"


@needs_proc
@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"uid": "0"}, "forbidden"),
        ({"uid": "000"}, "forbidden"),
        ({"uid": "x"}, "forbidden"),
        ({"pid": "-1"}, "forbidden"),
        ({"start": "1 2"}, "forbidden"),
        ({"start": "9" * 19}, "forbidden"),
        ({"leaders": ""}, "forbidden"),
        ({"leaders": "$(id)"}, "forbidden"),
        ({"boot": BOOT}, "rebooted"),
    ],
)
def test_refused_arguments(here: Here, other: dict[str, str], refusal: str) -> None:
    """What makes no sense is forbidden, and another boot has other processes."""
    leader = here.start("sleep", "1000")

    assert here.end_login(leader, "kill", **other).refusal == refusal
    assert alive(leader)


@needs_proc
@pytest.mark.parametrize("rung", ["", "nuke", "terminate", "KILL"])
def test_a_rung_that_is_none(here: Here, rung: str) -> None:
    """Only the rungs of a login are tried on it."""
    leader = here.start("sleep", "1000")

    assert here.end_login(leader, rung).refusal == "forbidden"
    assert alive(leader)


@needs_proc
@pytest.mark.parametrize(
    "verb_and_rest",
    [
        ("end_login", str(UID), "5", "5", "-", "kill"),
        ("end_account", str(UID), "-", "-", "0", "kill"),
        ("show_account", str(UID), "audituser"),
        ("warn", "7", "5", "5", str(UID), "text"),
        ("warn_login", str(UID), "5", "5", "-", "text"),
    ],
    ids=lambda words: words[0],
)
def test_too_late(here: Here, verb_and_rest: tuple[str, ...]) -> None:
    """After its deadline no verb does anything."""
    assert b"\nrefused late\n" in here.run(*verb_and_rest, late=True)


@needs_proc
def test_late_when_the_list_took_long(here: Here) -> None:
    """The deadline counts at the very moment of the act."""
    leader = here.start("sleep", "1000")
    here.stand_in("sort", 'sleep 1; exec /usr/bin/sort "$@"')
    uptime = int(float(Path("/proc/uptime").read_text().split()[0]) * 100)
    exact = [str(uptime + 60), here.boot, str(UID), str(leader), start_of(leader), "-", "kill"]

    done = subprocess.run(
        [*here.shell, "-s", "--", "end_login", NONCE, *exact],
        input=ACT_SCRIPT,
        env={"PATH": f"{here.bin}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )

    assert b"\nrefused late\n" in done.stdout
    assert alive(leader)


@needs_proc
@needs_root
def test_a_listening_sshd(here: Here, tmp_path: Path) -> None:
    """An sshd of root that listens is never the target; nor is one that a login started ended with it."""
    program = tmp_path / "sshd"
    shutil.copy(PYTHON, program)
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 0)); time.sleep(1000)"
    daemon = subprocess.Popen([program, "-c", listen], start_new_session=True)
    here._started.append(daemon)
    until(lambda: listens(daemon.pid))

    refused = here.end_login(daemon.pid, "kill")
    login = here.start("sleep", "1000")
    done = here.end_login(login, "kill", leaders=f"{pin(login)},{pin(daemon.pid)}")

    assert refused.refusal == "forbidden"
    assert done.command == f"kill -KILL {login}"
    assert alive(daemon.pid)


# ---------------------------------------------------------------------------------------------------- what resists


@needs_proc
def test_what_ignores_polite_signals(here: Here) -> None:
    """What ignores HUP and TERM lives on after both, and ends by KILL."""
    leader = here.shell_script("trap '' HUP TERM; touch /dev/null; while :; do sleep 0.1; done")
    until(lambda: int(signals(leader, "SigIgn"), 16) & 1)

    asked = [here.end_login(leader, rung).exit_status for rung in ("hangup", "signal")]
    time.sleep(0.1)
    lived = alive(leader)
    here.end_login(leader, "kill")

    assert (asked, lived) == ([0, 0], True)
    until(lambda: not members(leader))


def signals(pid: int, which: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith(which)).split()[1]


@needs_proc
def test_a_stopped_process(here: Here) -> None:
    """A stopped process gets TERM, and CONT so that it hears it."""
    leader = here.start("sleep", "1000")
    os.kill(leader, signal.SIGSTOP)
    until(lambda: fields(leader)[0] == "T")

    here.end_login(leader, "signal")

    until(lambda: not alive(leader))


@needs_proc
@needs_root
@pytest.mark.parametrize("program", [FORKS_AND_ENDS, FORKS], ids=["forks and ends", "forks"])
def test_a_forker(here: Here, program: str) -> None:
    """What forks without end, even when each process ends at once, can't run away from KILL."""
    leader = here.python(program, most=300)
    time.sleep(0.4)

    done = here.end_login(leader, "kill", leaders=pin(leader))

    assert done.exit_status == 0
    assert members(leader) == []


@needs_proc
@needs_root
@pytest.mark.parametrize(
    ("here", "number"),
    [(words, 300 if shell else 2000) for shell, words in enumerate(SHELLS)],
    indirect=["here"],
    ids=lambda value: value[0] if isinstance(value, list) else str(value),
)
def test_two_thousand_processes(here: Here, number: int) -> None:
    """A login of 2,000 processes is ended in seconds, and told in a few lines; so is, by any shell, one of 300."""
    leader = here.python(CROWD.format(number - 1))
    until(lambda: children(leader) == number - 1, 60)

    began = cpu()
    done = here.end_login(leader, "kill")

    assert cpu() - began < 15
    until(lambda: not members(leader))  # what was killed still has to get a turn to die, on a busy machine
    assert done.command.endswith(f" ... ({number} processes)")
    assert len(done.command) < 150
    assert len(done.output) < 4200
    assert done.output.splitlines()[-1].endswith(" more")


@needs_proc
@in_one_shell
@pytest.mark.parametrize("awk", AWKS)
def test_each_awk(here: Here, awk: str) -> None:
    """Every kind of awk chooses the same processes."""
    (here.bin / "awk").symlink_to(str(shutil.which(awk)))
    leader = here.shell_script("setsid sleep 1000 & sleep 1000 & wait")
    below = Path(f"/proc/{leader}/task/{leader}/children")
    until(lambda: [name(int(pid)) for pid in below.read_text().split()] == ["sleep", "sleep"])
    other = here.start("sleep", "1000")

    done = here.end_login(leader, "kill", leaders=pin(leader))

    assert len(done.output.splitlines()) == 3
    assert sorted(line.split()[2] for line in done.output.splitlines()) == ["sh", "sleep", "sleep"]
    assert alive(other)


@needs_proc
def test_a_list_that_nobody_can_read(here: Here) -> None:
    """Where the processes can't be listed nothing is signalled, and the answer says so."""
    leader = here.start("sleep", "1000")
    here.stand_in("awk", "exit 2")

    answered = here.run("end_login", str(UID), str(leader), start_of(leader), "-", "kill")

    assert b"\nran read /proc\nstatus 1\n" in answered
    assert alive(leader)


# ---------------------------------------------------------------------------------------------------- accounts


@needs_proc
@needs_root
@pytest.mark.parametrize("rung", ["signal", "kill"])
def test_every_process_of_an_account(here: Here, rung: str) -> None:
    """Every process of the account is ended, wherever it is, but for a login that came later and what is below it."""
    ended = [here.shell_script("setsid sleep 1000 & sleep 1000 & wait"), here.start("sleep", "1000")]
    later = here.shell_script("setsid sleep 1001 & exec sleep 1002")
    until(lambda: name(later) == "sleep" and pids_of(UID, "1001"))

    done = here.end_account(rung, spared=pin(later))

    assert (done.status, done.exit_status) == ("done", 0)
    until(lambda: not any(map(alive, ended)))
    assert alive(later)
    until(lambda: len(pids_of(UID)) == 2)


@needs_proc
@needs_root
@pytest.mark.skipif(not shutil.which("unshare"), reason="needs unshare")
def test_a_namespace_of_ones_own_hides_nobody(here: Here) -> None:
    """Anybody can make a user namespace, and in it one of processes: what runs there is the account's all the same."""
    hidden = here.start("unshare", "--user", "--map-root-user", "--pid", "--fork", "sleep", "1000")
    until(lambda: pids_of(UID, "sleep") and len(pids_of(UID)) == 2)
    below = [pid for pid in pids_of(UID) if pid != hidden]

    assert here.end_account("kill").exit_status == 0
    assert not alive(hidden)
    assert pids_of(UID) == []
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))  # ps shows them until they are reaped


def pids_of(uid: int, argument: str = "") -> list[int]:
    """What runs as that user, with those arguments."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if alive(pid) and owner(pid) == uid and argument in arguments(pid)]


def owner(pid: int) -> int | None:
    with suppress(OSError):
        return Path(f"/proc/{pid}").stat().st_uid
    return None


def arguments(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


@needs_proc
@needs_root
def test_a_spared_leader_with_another_start(here: Here) -> None:
    """A process with the pid of a spared leader but another start is not spared."""
    leader = here.start("sleep", "1000")

    assert here.end_account("kill", spared=f"{leader}@5").command == f"kill -KILL {leader}"


@needs_proc
@needs_root
def test_an_account_without_processes(here: Here) -> None:
    """An account that runs nothing is no refusal: there was nothing to do."""
    done = here.end_account("kill")

    assert done == Answer(status="done", command="kill -KILL", exit_status=0, output="no process")


@needs_proc
@pytest.mark.parametrize("rung", ["terminate", "signal", "kill"])
def test_the_account_of_the_bot_itself(here: Here, rung: str) -> None:
    """Nothing is done to the account that runs the script, nor to root."""
    assert here.end_account(rung, uid=os.getuid()).refusal == "forbidden"
    assert here.end_account(rung, uid=0).refusal == "forbidden"


LOGINCTL = """
case $1 in
    list-sessions) printf '7 {uid} audituser\\n9 {uid} audituser\\n12 {uid} audituser\\n20 1 daemon\\n' ;;
    show-session) for id; do :; done
        case $id in 12) class=manager ;; *) class=user ;; esac
        case $id in 20) uid=1 ;; *) uid={uid} ;; esac
        printf 'Id=%s\\nUser=%s\\nClass=%s\\n' "$id" "$uid" "$class" ;;
    *) echo "asked: $*" ;;
esac
"""


@needs_proc
@needs_root
@pytest.mark.parametrize(
    ("known", "spared", "refusal"),
    [("7,9", "-", None), ("9,7,8", "-", None), ("7", "-", "changed"), ("-", "-", "changed"), ("7,9", "5@5", "changed")],
)
def test_terminating_a_user(here: Here, known: str, spared: str, refusal: str | None) -> None:
    """terminate-user ends every login of the account: only where that is no more than was approved."""
    here.stand_in("loginctl", LOGINCTL.replace("{uid}", str(UID)))

    done = here.end_account("terminate", known, spared)

    assert done.refusal == refusal
    assert done.output == ("" if refusal else f"asked: terminate-user {UID}")


@needs_proc
@needs_root
def test_a_later_session_that_no_cgroup_shows(here: Here) -> None:
    """Where a login came later and its processes can't be told from the others, nothing is signalled."""
    here.stand_in("loginctl", LOGINCTL.replace("{uid}", str(UID)))
    process = here.start("sleep", "1000")

    assert here.end_account("kill", known="7").refusal == "changed"
    assert alive(process)
    assert here.end_account("kill", known="7,9").exit_status == 0


@needs_proc
@needs_root
@pytest.mark.parametrize("ps", ["", "echo \"ps: invalid option -- 'u'\" >&2; exit 1", "exit 127"])
def test_showing_an_account(here: Here, ps: str) -> None:
    """What ps and logind say of an account is shown; where ps can't, what /proc says."""
    if ps:
        here.stand_in("ps", ps)
    here.stand_in("loginctl", 'if [ "$1" = show-user ]; then exit 1; fi; echo "asked: $*"')
    nobody = here.show_account()
    leader = here.start("sleep", "1000")

    done = here.show_account()

    assert done.command == "ps -u audituser; loginctl list-users"
    assert (nobody.exit_status, done.exit_status) == (1, 0)
    title, header, *shown, logind, said = done.output.splitlines()
    assert (title.startswith("$ ps -u audituser"), "PID" in header, logind) == (True, True, "$ loginctl list-users")
    assert said == "asked: list-users --no-legend --no-pager"
    assert len(shown) == 1
    assert shown[0].split()[0] == str(leader)
    assert shown[0].endswith("sleep")
    assert ("from /proc" in title) is bool(ps) or shutil.which("ps") is None
    assert alive(leader)


@needs_proc
@needs_root
def test_showing_a_crowd(here: Here) -> None:
    """However many processes an account has, what is shown is bounded."""
    leader = here.python(CROWD.format(999))
    until(lambda: children(leader) == 999, 60)

    assert len(here.show_account().output) < 33_000


# ---------------------------------------------------------------------------------------------------- warnings


class Screen:
    """A terminal with a process of the account on it, as its user sees it."""

    def __init__(self, here: Here) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        termios.tcsetattr(slave, termios.TCSANOW, with_flow_control(slave))
        self.name = os.ttyname(slave).removeprefix("/dev/")
        os.fchown(slave, UID, -1)
        os.set_blocking(self._master, False)
        take = f"exec sleep 1000 <>/dev/{self.name}"  # the first terminal that a leader opens becomes its own
        process = subprocess.Popen(
            [*AS_ACCOUNT, "sh", "-c", take], start_new_session=True, cwd="/", stdin=subprocess.DEVNULL
        )
        here._started.append(process)
        self.pid = process.pid
        os.close(slave)
        until(lambda: fields(self.pid)[4] != "0" and name(self.pid) == "sleep")

    def stop(self) -> None:
        """Ctrl-S."""
        os.write(self._master, b"\x13")

    @property
    def shown(self) -> bytes:
        with suppress(BlockingIOError, OSError):
            return os.read(self._master, 4096)
        return b""

    def close(self) -> None:
        os.close(self._master)


def with_flow_control(terminal: int) -> list[Any]:
    attributes = termios.tcgetattr(terminal)
    attributes[0] |= termios.IXON
    return attributes


@pytest.fixture
def screens(here: Here) -> Iterator[Callable[[int], list[Screen]]]:
    made: list[Screen] = []

    def make_screens(number: int) -> list[Screen]:
        made.extend(Screen(here) for _ in range(number))
        return made

    yield make_screens
    for screen in made:
        with suppress(OSError):
            screen.close()


def warn_all(here: Here, screens: list[Screen]) -> Answer:
    return here.warn(screens[0].pid, ",".join(pin(screen.pid) for screen in screens))


@needs_proc
@pytest.mark.parametrize("dd", ["", "exit 1"], ids=["dd", "without dd"])
def test_a_warning(here: Here, screens: Callable[[int], list[Screen]], dd: str) -> None:
    """Every terminal of a login shows the text on a line of its own; one that is stopped does not hold it up."""
    if dd:
        here.stand_in("dd", dd)
    first, stopped, last = screens(3)
    stopped.stop()

    done = warn_all(here, [first, stopped, last])

    assert done.status == "done"
    assert set(done.told) == {first.name, last.name}
    assert done.untold == (f"{stopped.name}: stopped or full",)
    assert first.shown == last.shown == b"\r\n\x07Kickbot ends this session\r\n"
    assert stopped.shown == b""


@needs_proc
@pytest.mark.parametrize(
    ("here", "dd"),
    [*((words, "") for words in SHELLS), (SHELLS[0], "exit 1")],
    indirect=["here"],
    ids=lambda value: value[0] if isinstance(value, list) else "without dd" if value else "dd",
)
def test_fifty_stopped_terminals(here: Here, screens: Callable[[int], list[Screen]], dd: str) -> None:
    """However many terminals take nothing, a warning takes a few seconds."""
    if dd:
        here.stand_in("dd", dd)
    stopped = screens(50)
    for screen in stopped:
        screen.stop()

    done = warn_all(here, stopped)  # one after the other they would take a hundred seconds, which it isn't waited for

    assert done.told == ()
    assert len(done.untold) == 50


@needs_proc
def test_a_login_without_a_terminal(here: Here) -> None:
    """A login without a terminal can't be told."""
    assert here.warn(here.start("sleep", "1000")).untold == ("no terminal",)


@needs_proc
@needs_root
def test_the_terminal_of_someone_else(here: Here, screens: Callable[[int], list[Screen]]) -> None:
    """A terminal whose device belongs to someone who is not in the login gets nothing."""
    (screen,) = screens(1)
    os.chown(f"/dev/{screen.name}", UID + 1, -1)

    done = warn_all(here, [screen])

    assert (done.told, done.untold) == ((), (f"{screen.name}: belongs to someone else",))
    assert screen.shown == b""


@needs_proc
@pytest.mark.parametrize("text", ["two\nlines", "\x1b[2J", ""])
def test_a_text_that_is_no_line(here: Here, screens: Callable[[int], list[Screen]], text: str) -> None:
    """The script itself writes nothing but one printable line to a terminal."""
    (screen,) = screens(1)

    assert here.warn(screen.pid, text=text).refusal == "forbidden"
    assert screen.shown == b""


@needs_proc
def test_a_text_of_odd_characters(here: Here, screens: Callable[[int], list[Screen]]) -> None:
    """A text is written as it is, whatever shells make of its characters elsewhere."""
    (screen,) = screens(1)
    text = "-n %s \\n $(id) `id` * \N{EM DASH} \N{SNOWMAN}"

    here.warn(screen.pid, text=text)

    assert screen.shown == f"\r\n\x07{text}\r\n".encode()
