"""The very script that is sent to hosts, run by the shells of this machine, with stand-ins on PATH for its logind."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux import ACT_SCRIPT, LOOK_SCRIPT, LinuxDriver
from bot.models import Account, Answer, Host, Session, Snapshot, Terminal
from tests.linux_answers import step

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc")

NONCE = "0123456789abcdef"
# sh only where it is none of the others
SHELLS = [words for words in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(words[0])] or [["sh"]]
DRIVER = LinuxDriver()
HOST = Host(name="host1", address="192.0.2.1", user="kickbot")

LOGINCTL = r"""#!/bin/sh
echo "$*" >>"$LOG"
case $1 in
    list-sessions) echo " 7 1001 alice" ;;
    list-users) echo "1001 alice" ;;
    show-session)
        for id; do
            case $id in
                7) printf 'Id=7\nUser=1001\nName=alice\nLeader=%s\nTimestampMonotonic=5000\n' "$LEADER"
                   printf 'Class=user\nState=active\n\n' ;;
                [0-9]*) echo "Failed to get path for session '$id': No session '$id' known" >&2; exit 1 ;;
            esac
        done ;;
    show-user) printf 'UID=1001\nName=alice\nLinger=yes\n' ;;
    *) echo "asked: $*" ;;
esac
"""


class Shell:
    """A shell of this machine with a loginctl that knows one session, 7 of alice, led by a real process."""

    def __init__(self, folder: Path, words: list[str], leader: int) -> None:
        self.words, self.leader = words, leader
        self.folder, self._log = folder / "bin", folder / "log"
        self.folder.mkdir()
        self._log.touch()
        self.stand_in("loginctl", LOGINCTL)
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self.path = f"{self.folder}:{os.environ['PATH']}"

    def stand_in(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, *arguments: str, script: bytes = b"") -> bytes:
        """What the driver's script for that verb answers, or the other script if one is given."""
        return self._run(arguments, input=script or (LOOK_SCRIPT if arguments[:1] == ("look",) else ACT_SCRIPT))

    def run_file(self, script: bytes, *arguments: str) -> bytes:
        """What it answers to a script that comes as a file: all shells read that in blocks, a pipe byte by byte."""
        with tempfile.TemporaryFile() as file:
            file.write(script)
            file.seek(0)
            return self._run(arguments, stdin=file)

    def _run(self, arguments: Sequence[str], **script: Any) -> bytes:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [*self.words, "-s", "--", *arguments],
            env={"PATH": self.path, "LOG": str(self._log), "LEADER": str(self.leader)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
            **script,
        )
        return done.stdout

    def look(self, script: bytes = LOOK_SCRIPT, groups: Sequence[str] = (), account: str = "") -> Snapshot:
        call = DRIVER.look(HOST, nonce=NONCE, groups=groups, account=account)
        answer = self.run(*call.argv[6:], script=script)
        return DRIVER.parse_look(answer, host="host1", host_key="SHA256:key", nonce=NONCE)

    def end(self, rung: str = "terminate", **other: str) -> Answer:
        """The approved step, or one that differs in one argument."""
        exact = {"not_after": "9" * 12, "boot": self.boot, "session": "7", "leader": str(self.leader)}
        exact |= {"since": "5000", "uid": "1001", "rung": rung} | other
        return DRIVER.parse_answer(self.run("end", NONCE, *exact.values()), step=step(), nonce=NONCE)

    @property
    def asked(self) -> list[str]:
        """What loginctl was called with, without the questions."""
        return [line for line in self._log.read_text().splitlines() if not line.startswith(("list-", "show-"))]


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    with subprocess.Popen(["sleep", "1000"]) as leader:
        yield Shell(tmp_path, request.param, leader.pid)
        leader.kill()


# what one awk makes of the same program is no matter of the shell, which only starts it; busybox is more than awk
EACH_AWK = pytest.mark.parametrize(
    ("shell", "tools"),
    [*((words, "busybox") for words in SHELLS), *((SHELLS[0], awk) for awk in ("gawk", "mawk", "original-awk"))],
    indirect=["shell"],
    ids=lambda param: param if isinstance(param, str) else param[0],
)


# ------------------------------------------------------------------------------------------------------- look


def test_a_look(shell: Shell) -> None:
    """A look is understood whole, whichever shell and tools the host has."""
    snapshot = shell.look()

    (alice,) = (session for session in snapshot.sessions if session.source == "logind")
    assert (alice.id, alice.identity, alice.account.uid) == ("7", f"7:{shell.leader}:5000", 1001)
    assert snapshot.boot == shell.boot
    assert snapshot.lingering == ("alice",)
    assert shows_command_lines(snapshot, ps=shutil.which("ps") is not None)


def test_a_session_that_ends_between_two_questions(shell: Shell) -> None:
    """A session that ends during the look takes no other along."""
    shell.stand_in("loginctl", LOGINCTL.replace('echo " 7 1001 alice"', 'echo " 6 1001 alice"; echo " 7 1001 alice"'))

    snapshot = shell.look()

    assert "7" in {session.id for session in snapshot.sessions}
    assert "session 6 ended during the look" in snapshot.notes


STUCK = {
    "loginctl": "#!/bin/sh\ncase $1 in list-sessions) exec sleep 1000 ;; *) exit 1 ;; esac\n",
    "getent": "#!/bin/sh\nexec sleep 1000\n",
    "journalctl": "#!/bin/sh\nexec sleep 1000\n",
}


def test_what_never_answers(tmp_path: Path) -> None:
    """A loginctl, getent or journalctl that never answers is given up after five seconds, and the look says so."""

    def look(tool: str) -> Snapshot:
        (tmp_path / tool).mkdir()
        with subprocess.Popen(["sleep", "1000"]) as leader:
            shell = Shell(tmp_path / tool, SHELLS[0], leader.pid)
            shell.stand_in("ps", f"#!/bin/sh\necho {leader.pid}\n")
            shell.stand_in(tool, STUCK[tool])
            try:
                return shell.look()
            finally:
                leader.kill()

    with ThreadPoolExecutor() as pool:
        logind, directory, journal = pool.map(look, STUCK)

    assert any("logind does not answer (no answer in 5 s)" in note for note in logind.notes)
    assert "\nnames 124\n" in directory.raw
    assert any(note.startswith("the journal did not answer in 5 s") for note in journal.notes)


@EACH_AWK
@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("/a" * 250 + "/session-1", "/a" * 250 + "/session-1"),
        ("/a" * 2000, ("/a" * 2000)[:509] + "..."),
        ("/" + "a" * 492 + "/session-7.scope2345", "/" + "a" * 492 + "/session-7.scope..."),
        ("/" + "\N{PILE OF POO}" * 100 + "\t" * 60, "/" + "\N{PILE OF POO}" * 100 + "\\t" * 54 + "..."),
    ],
)
def test_a_deep_cgroup(shell: Shell, tmp_path: Path, tools: str, written: str, read: str) -> None:
    """However deep a user nests cgroups, a line has 512 bytes of the path, and what was cut never ends like a scope."""
    found = shutil.which(tools)
    if not found:
        pytest.skip(f"no {tools} here")
    (shell.folder / "awk").symlink_to(found)
    shell.stand_in("ps", f"#!/bin/sh\necho {shell.leader}\n")
    (tmp_path / "cgroup").write_text(f"0::{written}\n")
    script = LOOK_SCRIPT.replace(b'"/proc/" pid "/cgroup"', f'"{tmp_path}/cgroup"'.encode())

    (line,) = (line for line in shell.run("look", NONCE, script=script).split(b"\n") if line.startswith(b"process "))

    assert line.split(b"\t")[1].decode() == read


def test_the_deadline_counts_from_the_end_of_the_look(shell: Shell) -> None:
    """The uptime of a look is read after all that may take long, or each step after a slow look would be too late."""
    shell.stand_in("ps", f'#!/bin/sh\necho {shell.leader} slow\nsleep 0.1\ncat /proc/uptime >>"$LOG"\n')

    snapshot = shell.look()

    last = shell.asked[-1].split()[0]
    assert snapshot.uptime >= int(last.replace(".", ""))


@pytest.mark.parametrize("status", [1, 2])
def test_names_that_getent_leaves_out(shell: Shell, tmp_path: Path, status: int) -> None:
    """A name that getent leaves out is looked for in /etc/passwd; only without an answer a missing one is noted."""
    shell.stand_in("getent", f"#!/bin/sh\nexit {status}\n")
    passwd = tmp_path / "passwd"
    script = LOOK_SCRIPT.replace(b"/etc/passwd", str(passwd).encode())
    uids = {"others": os.getuid() + 1, "myself": os.getuid(), "second": os.getuid()}
    passwd.write_text("+::::::\n" + "".join(f"{name}:x:{uid}:0::/:\n" for name, uid in uids.items()))

    named = shell.look(script)
    passwd.unlink()
    nameless = shell.look(script)

    assert f"\nnames {status}\n" in named.raw
    assert f"\nuser {os.getuid()} myself\n" in named.raw
    assert " second\n" not in named.raw
    assert any("the host's directory did not answer" in note for note in nameless.notes) is (status == 1)


GETENT = f"""#!/bin/sh
case $1 in
    group) shift; echo "$*" >>"$LOG"; echo 'oncall:x:1500:'; echo 'dba:x:1600:'; exit 2 ;;
    passwd) echo 'nobody-else:x:{os.getuid()}:0::/:/bin/sh' ;;
esac
"""


def test_who_is_in_a_group(shell: Shell) -> None:
    """By `id`, as a directory need not list a group's members; only where it was asked for."""
    shell.stand_in("getent", GETENT)
    shell.stand_in("id", '#!/bin/sh\ntest "$*" = "-G -- nobody-else" && echo 0 1500 4242\n')

    assert shell.look(groups=["oncall", "dba", "gone"]).groups == {str(os.getuid()): ("oncall",)}
    assert shell.asked == ["oncall dba gone"]
    assert shell.look().groups == {}


@pytest.mark.parametrize(("tool", "text"), [("getent", "exit 1"), ("id", "exit 1"), ("id", "echo 1500; exit 1")])
def test_groups_of_whom_nobody_tells(shell: Shell, tool: str, text: str) -> None:
    """A directory that does not answer makes nobody a member of nothing: it isn't known."""
    shell.stand_in("getent", GETENT)
    shell.stand_in(tool, f"#!/bin/sh\n{text}\n")

    assert str(os.getuid()) not in shell.look(groups=["oncall"]).groups


@pytest.mark.parametrize("group", ["-x", "a b", "$(id)", "a;b", "a\nb"])
def test_no_such_group_is_asked_for(shell: Shell, group: str) -> None:
    """What can't be the name of a group gives no answer at all."""
    shell.stand_in("getent", GETENT)
    with pytest.raises(IncompleteAnswer):
        shell.look(groups=[group])
    assert shell.asked == []


PASSWD = """#!/bin/sh
if [ $# -eq 2 ] && [ "$2" = dora ]; then
    echo "dora:x:2001:2001::/home/dora:/bin/sh"
elif [ $# -eq 2 ] && [ "$2" = 2001 ]; then
    echo "dora:x:2001:2001::/home/dora:/bin/sh"
else
    exit 2
fi
"""


def test_whose_a_login_name_is(shell: Shell) -> None:
    """Logged in or not, as the directory knows it; only where it was asked for."""
    shell.stand_in("getent", PASSWD)

    assert shell.look(account="dora").asked_for == Account(name="dora", uid=2001)
    assert shell.look(account="root").asked_for == Account(name="root", uid=0)
    assert shell.look(account="nobody-here").asked_for is None
    assert shell.look(groups=["oncall"]).asked_for is None
    assert shell.look().asked_for is None


@pytest.mark.parametrize("name", ["CORP\\dora", "dora$", "dora@corp.example"])
def test_names_as_directories_have_them(shell: Shell, name: str) -> None:
    """With its domain before it, or a dollar behind it: as people may type it."""
    shell.stand_in("getent", f"#!/bin/sh\nprintf '%s\\n' '{name}:x:2001:2001::/:/bin/sh'\n")

    assert shell.look(account=name).asked_for == Account(name=name, uid=2001)


def test_a_name_of_digits_is_no_uid(shell: Shell) -> None:
    """`getent passwd 2001` answers for the uid 2001: that isn't who was meant."""
    shell.stand_in("getent", PASSWD)

    assert shell.look(account="2001").asked_for is None


def test_a_directory_that_does_not_answer_is_told(shell: Shell) -> None:
    """Then nobody knows whether there is such an account."""
    shell.stand_in("getent", "#!/bin/sh\nexit 1\n")
    snapshot = shell.look(account="dora")

    assert snapshot.asked_for is None
    assert any("the account is known is not known" in note for note in snapshot.notes)


@pytest.mark.parametrize("account", ["-x", "a b", "$(id)", "a;b", "a\nb", ":dora", "a`id`"])
def test_no_such_account_is_asked_for(shell: Shell, account: str) -> None:
    """What can't be a login name gives no answer at all."""
    with pytest.raises(IncompleteAnswer):
        shell.look(account=account)


def test_without_ps(shell: Shell) -> None:
    """Without ps every process in /proc is listed, with its name, and a note says so."""
    shell.stand_in("ps", "#!/bin/sh\nexit 127\n")

    snapshot = shell.look()

    assert any(note.startswith("ps is missing") for note in snapshot.notes)
    assert f"process {os.getpid()} " in snapshot.raw


def test_only_the_processes_that_ps_lists(shell: Shell) -> None:
    """The facts are those of the processes that ps lists, and of no other."""
    shell.stand_in("ps", f"#!/bin/sh\necho {shell.leader}\n")

    (process,) = (process for session in shell.look().sessions for process in session.processes)

    assert (process.pid, process.name) == (shell.leader, "sleep")


def test_a_logind_that_nobody_can_ask(shell: Shell) -> None:
    """Without loginctl the look is complete all the same, and says so."""
    shell.stand_in("ps", f"#!/bin/sh\necho {shell.leader}\n")
    (shell.folder / "loginctl").unlink()
    for name in ("sh", "awk", "sed", "date", "head", "cut", "stat", "getent", "grep", "timeout", "cat", "systemctl"):
        if found := shutil.which(name):
            (shell.folder / name).symlink_to(found)
    script = LOOK_SCRIPT.replace(b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", b"")
    words = [str(shutil.which(shell.words[0])), *shell.words[1:]]
    shell.words, shell.path = words, str(shell.folder)

    answer = shell.run("look", NONCE, script=script)

    assert b"\n== sessions\nmissing\n" in answer
    assert DRIVER.parse_look(answer, host="host1", host_key="", nonce=NONCE).sessions == ()


@EACH_AWK
def test_other_tools(shell: Shell, tools: str) -> None:
    """The tools of busybox, and each kind of awk, give the same look."""
    found = shutil.which(tools)
    if not found:
        pytest.skip(f"no {tools} here")
    names = ("awk", "cut", "date", "head", "ps", "sed", "stat", "timeout") if tools == "busybox" else ("awk",)
    expected = shell.look()
    for name in names:
        (shell.folder / name).symlink_to(found)

    snapshot = shell.look()

    (alice,) = (session for session in snapshot.sessions if session.source == "logind")
    other = next(session for session in expected.sessions if session.id == "7")
    assert timeless(alice) == timeless(other)
    assert abs(alice.since - other.since) <= timedelta(seconds=2)
    assert shows_command_lines(snapshot, ps=tools == "busybox" or shutil.which("ps") is not None)


def shows_command_lines(snapshot: Snapshot, *, ps: bool) -> bool:
    """True if it has them; on a machine without ps, if it says that it has none."""
    return "sleep 1000" in snapshot.raw if ps else any("ps is missing" in note for note in snapshot.notes)


def timeless(session: Session) -> Session:
    """The same session without what moves on from one look to the next."""
    names = tuple(Terminal(name=terminal.name) for terminal in session.terminals)
    times = {"since": datetime.min.replace(tzinfo=UTC), "age": None, "clock_set": None}
    return session.model_copy(update={"terminals": names, **times})


# ------------------------------------------------------------------------------------------------------- end


@pytest.mark.parametrize(
    ("rung", "command"),
    [
        ("terminate", "terminate-session 7"),
        ("signal", "kill-session 7"),
        ("kill", "kill-session --signal=KILL 7"),
    ],
)
def test_a_rung(shell: Shell, rung: str, command: str) -> None:
    """Each rung is one loginctl command, once, and its answer is told."""
    answer = shell.end(rung)

    assert answer == Answer(status="done", command=f"loginctl {command}", exit_status=0, output=f"asked: {command}")
    assert shell.asked == [command]


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({"not_after": "1"}, "late"),
        ({"boot": "00000000-0000-0000-0000-000000000000"}, "rebooted"),
        ({"session": "8"}, "gone"),
        ({"leader": "4194305"}, "changed"),
        ({"since": "5001"}, "changed"),
        ({"since": "500"}, "changed"),
        ({"uid": "1002"}, "changed"),
        ({"uid": "0"}, "forbidden"),
        ({"uid": "00"}, "forbidden"),
        ({"rung": "nuke"}, "forbidden"),
        ({"rung": ""}, "forbidden"),
        ({"session": "self"}, "forbidden"),
        ({"session": "-h"}, "forbidden"),
        ({"session": "7;reboot"}, "forbidden"),
        ({"session": "7 8"}, "forbidden"),
        ({"session": ""}, "forbidden"),
        ({"not_after": ""}, "forbidden"),
        ({"not_after": "soon"}, "forbidden"),
    ],
)
def test_a_refusal(shell: Shell, other: dict[str, str], refusal: str) -> None:
    """Whatever differs from the approved target is refused, and loginctl is asked to end nothing."""
    answer = shell.end(**other)

    assert (answer.status, answer.refusal) == ("refused", refusal)
    assert shell.asked == []


def test_below_the_sessions_leader(shell: Shell) -> None:
    """The script refuses to end the session that it runs in itself."""
    shell.leader = os.getpid()

    assert shell.end().refusal == "forbidden"
    assert shell.asked == []


def test_a_logind_that_fails(shell: Shell) -> None:
    """Where logind can't say whether the session is there, nothing is ended, and the answer tells what it said."""
    shell.stand_in("loginctl", "#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n")

    answer = shell.end()

    assert answer == Answer(
        status="done", command="loginctl show-session 7", exit_status=1, output="Failed to connect to bus"
    )


def test_late_by_the_second_look_at_the_clock(shell: Shell) -> None:
    """The deadline counts at the very moment of the act, not only at the start of the script."""
    shell.stand_in("loginctl", LOGINCTL.replace("show-session)", "show-session) sleep 1;"))
    uptime = int(float(Path("/proc/uptime").read_text().split()[0]) * 100)

    assert shell.end(not_after=str(uptime + 60)).refusal == "late"
    assert shell.asked == []


def test_output_without_end(shell: Shell) -> None:
    """Much output of loginctl is cut."""
    shell.stand_in("loginctl", LOGINCTL.replace('echo "asked: $*"', "head -c 100000 /dev/zero | tr '\\0' x"))

    assert len(shell.end().output) == 4000


# ------------------------------------------------------------------------------------------------------- cut


def test_cut_after_every_line(shell: Shell) -> None:
    """A script that was cut after any of its lines does nothing and says nothing."""
    lines = ACT_SCRIPT.splitlines(keepends=True)
    exact = ("9" * 12, shell.boot, "7", str(shell.leader), "5000", "1001", "terminate")

    for number in range(len(lines)):
        assert shell.run_file(b"".join(lines[:number]), "end", NONCE, *exact) == b""
    assert shell.asked == []


def test_cut_in_the_last_line(shell: Shell) -> None:
    """Nor does one that was cut within the line that starts it."""
    exact = ("9" * 12, shell.boot, "7", str(shell.leader), "5000", "1001", "terminate")

    for length in range(1, len('{ main "$@" </dev/null; }\n') - 1):
        assert shell.run("end", NONCE, *exact, script=ACT_SCRIPT[: -length - 1]) == b""
    assert shell.asked == []


@pytest.mark.parametrize("arguments", [[], ["look"], ["look", ""], ["look", "$(id)"], ["delete", NONCE], ["", NONCE]])
def test_arguments_that_make_no_sense(shell: Shell, arguments: list[str]) -> None:
    """Without a verb and a nonce the script says nothing."""
    assert shell.run(*arguments) == b""
