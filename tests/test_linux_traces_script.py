"""What the look's script finds of keys, connections, utmp and timetables, by the shells and tools of this machine."""

import os
import secrets
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from bot.hosts.drivers.linux import LOOK_SCRIPT
from bot.models import Session
from tests.test_linux_script import DRIVER, NONCE, SHELLS, Shell, shell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc")

__all__ = ["shell"]  # the fixture

AWKS = ["busybox", "gawk", "mawk", "original-awk"]
KEY = "SHA256:oLkGifulr3RNs4m/H7bkMa4OOlH0PP9tqzsS8ZUC/HQ"
BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIF/QXq5QaDCpEZWPSPLpH27mjxhbKPWUJ0OLThU6BNHp"
JOURNALCTL = r"""#!/bin/sh
echo "$*" >>"$LOG"
printf '{"_PID":"%s","__MONOTONIC_TIMESTAMP":"5000","__CURSOR":"s=1;i=2","MESSAGE":"%s"}\n' \
    "$LEADER" 'Accepted publickey for alice from 198.18.0.1 port 1 ssh2: ED25519 """
JOURNALCTL += KEY + "'\n"

SHOW = "import subprocess as s; p = s.Popen(['sleep', '1000']); print(1, flush=True); input(); p.kill()"

Make = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def tools(request: pytest.FixtureRequest, shell: Shell) -> None:
    """The awk of this name, or busybox for all of them; the shell finds it first."""
    if not request.param:
        return
    found = shutil.which(request.param)
    if not found:
        pytest.skip(f"no {request.param} here")
    for name in ("awk", "find", "grep", "head", "od", "stat", "timeout") if request.param == "busybox" else ("awk",):
        (shell.folder / name).symlink_to(found)


# each shell with the tools of this machine, and the first one with all others
EVERYWHERE = pytest.mark.parametrize(
    ("shell", "tools"),
    [*((words, "") for words in SHELLS), *((SHELLS[0], tools) for tools in AWKS)],
    indirect=True,
    ids=lambda param: param or "-" if isinstance(param, str) else param[0],
)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Make]:
    """Starts a process under the name of sshd, with a child of another name. carries: its connections."""
    program = tmp_path / "sshd"
    program.symlink_to(getattr(sys, "_base_executable", sys.executable))
    with ExitStack() as started:

        def start(carries: Sequence[socket.socket] = (), **environment: str) -> subprocess.Popen[bytes]:
            process = started.enter_context(
                subprocess.Popen(
                    [program, "-c", SHOW],
                    env={**os.environ, **environment},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    pass_fds=[each.fileno() for each in carries],
                )
            )
            started.callback(end, process)
            assert process.stdout
            process.stdout.readline()
            return process

        yield start


def end(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    process.stdin.write(b"\n")  # it ends its child
    process.stdin.flush()


@pytest.fixture
def key_file() -> Iterator[Path]:
    """A file where sshd shows a key."""
    path = Path(f"/tmp/sshauth.{secrets.token_hex(8)}")  # where sshd puts it
    yield path
    path.unlink(missing_ok=True)


def section(answer: bytes, name: str) -> list[bytes]:
    lines = answer.split(b"\n")
    rest = lines[lines.index(f"== {name}".encode()) + 1 :]
    return rest[: next(number for number, line in enumerate(rest) if line.startswith(b"== "))]


def alice(shell: Shell, script: bytes = LOOK_SCRIPT) -> Session:
    (session,) = (session for session in shell.look(script).sessions if session.source == "logind")
    return session


# --------------------------------------------------------------------------------------------------- the journal


@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_a_key_by_the_journal(shell: Shell) -> None:
    """The journal is asked once, for root's sshd and the sessions' leaders only, and its record is the login's key."""
    shell.stand_in("journalctl", JOURNALCTL)

    session = alice(shell)

    assert (session.key, session.key_source) == (KEY, "journal")
    (asked,) = shell.asked
    assert {"_UID=0", "_COMM=sshd", "_COMM=sshd-session", f"_PID={shell.leader}"} < set(asked.split())


@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_a_journal_without_end(shell: Shell) -> None:
    """Twenty megabytes of records, and lines without an end, are an answer of bounded size."""
    shell.stand_in(
        "journalctl", f'{JOURNALCTL}yes \'{{"MESSAGE":"Accepted publickey for {"x" * 1000}"}}\' | head -n 20000'
    )

    answer = shell.run("look", NONCE)

    assert sum(map(len, section(answer, "keys"))) < 300_000
    assert alice(shell).key == KEY


def test_a_journal_that_forges_lines(shell: Shell) -> None:
    """Whatever journalctl prints, a line of it never begins the answer's own."""
    shell.stand_in(
        "journalctl",
        f"#!/bin/sh\nprintf '== end {NONCE}\\n{{\\nexposed 1 x y\\n{{\"Accepted publickey for '",
    )

    assert [line for line in section(shell.run("look", NONCE), "keys") if not line.startswith(b"| ")][-2:] == [
        b"journal 0",
        b"total 1",
    ]


@pytest.mark.parametrize("tool", ["journalctl", "od", "find", "grep", "stat", "getent"])
def test_without_a_tool(shell: Shell, tool: str) -> None:
    """A host that lacks one of the tools has less to say, and a complete look."""
    shell.stand_in(tool, "#!/bin/sh\necho 'not here' >&2\nexit 127\n")

    assert alice(shell).id == "7"


# --------------------------------------------------------------------------------------------------- the environment


@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_a_key_by_the_environment(shell: Shell, sshd: Make, key_file: Path) -> None:
    """What sshd started has the key in the file that its environment names."""
    key_file.write_text(f"publickey ssh-ed25519 {BLOB}\npublickey ssh-ed25519 AAAA\nother words\n")
    parent = sshd(SSH_USER_AUTH=str(key_file), OTHER="a\nSSH_USER_AUTH=/etc/shadow")

    lines = section(shell.run("look", NONCE), "keys")

    (exposed,) = (line for line in lines if line.startswith(b"exposed ") and BLOB.encode() in line)
    assert int(exposed.split()[1]) in children(parent.pid)
    assert exposed.split(b" ", 2)[2] == f"ssh-ed25519 {BLOB}".encode()


def children(pid: int) -> set[int]:
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


@pytest.mark.parametrize("shell", SHELLS[:1], indirect=True)
@pytest.mark.parametrize(
    "kind", ["fifo", "link", "folder", "huge", "garbage", "strange key", "backslash", "another's", "missing"]
)
def test_no_key_in_the_environment(shell: Shell, sshd: Make, key_file: Path, tmp_path: Path, kind: str) -> None:
    """A name that is no small file of keys of the same user says nothing, and never makes the look wait."""
    text = f"publickey ssh-ed25519 {BLOB}\n"
    match kind:
        case "fifo":
            os.mkfifo(key_file)
        case "link":
            (tmp_path / "key").write_text(text)
            key_file.symlink_to(tmp_path / "key")
        case "folder":
            key_file.mkdir()
        case "huge":
            key_file.write_text(text + "\n" * 20_000)
        case "garbage":
            key_file.write_text(f"publickey ssh-ed25519 {BLOB}\x1b[2J\npublickey root:x:0:0\n{text[1:]}")
        case "strange key":
            key_file.write_text(f"publickey {'x' * 5000} {'A' * 5000}====")
        case "backslash":
            key_file.write_text(f"publickey ssh-ed25519 \\{BLOB}\\\npublickey ssh\\-ed25519 {BLOB}")
        case "another's" if os.getuid() == 0:
            key_file.write_text(text)
            os.chown(key_file, 4711, 4711)
    sshd(SSH_USER_AUTH=str(key_file))

    answer = shell.run("look", NONCE)  # which waits for no minute
    lines = section(answer, "keys")
    if key_file.is_dir():
        key_file.rmdir()

    assert DRIVER.parse_look(answer, host="host1", host_key="", nonce=NONCE)
    assert not any(BLOB.encode() in line for line in lines)


# --------------------------------------------------------------------------------------------------- connections


@pytest.mark.skipif(os.getuid() != 0, reason="sshd is root's")
@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_where_a_connection_comes_from(shell: Shell, sshd: Make) -> None:
    """The connections of root's sshd that carry logins are told, each with its process and the other side."""
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()) as client:
        server, _ = here.accept()
        process = sshd(carries=[server])
        server.close()

        lines = section(shell.run("look", NONCE), "addresses")
        port = client.getsockname()[1]

    mine = [line.split() for line in lines if line.startswith(b"tcp %d " % process.pid)]
    assert [line[3:] for line in mine] == [[b"1", b"0100007F:%04X" % port]]
    assert lines[-1] == b"total %d" % (len(lines) - 1)


# --------------------------------------------------------------------------------------------------- utmp


def record(kind: int, user: bytes, terminal: bytes = b"pts/1") -> bytes:
    return struct.pack(
        "<hxxi32s4s32s256s4xiii16s20x", kind, 4242, terminal, b"ts/1", user, b"", 0, 1, 2, b"\xc6\x12\0\1"
    )


def with_utmp(tmp_path: Path, content: bytes) -> bytes:
    (tmp_path / "utmp").write_bytes(content)
    other = LOOK_SCRIPT.replace(b"file=/run/utmp", f"file={tmp_path}/utmp".encode())
    return other.replace(b"/var/run/utmp", b"/nowhere")


@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_utmp(shell: Shell, tmp_path: Path) -> None:
    """The records of logins are told, of all that stand in utmp."""
    script = with_utmp(
        tmp_path, record(2, b"reboot") + record(7, b"bob") + record(8, b"eve") + record(7, b"\x1b\n\xff")
    )

    raw = shell.look(script).raw

    assert (
        "# Logins, by utmp\nbob on pts/1 from 198.18.0.1, pid 4242, since 1\n"
        "\\x1b\\x0a\\xff on pts/1 from 198.18.0.1, pid 4242, since 1\n\n"
    ) in raw


@pytest.mark.usefixtures("tools")
@EVERYWHERE
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        record(7, b"bob")[:-1],
        record(7, b"bob") + b"\0" * 16,
        b"\xff" * 384,
        record(7, b"bob") * 2 + b"\n" * 384,
    ],
)
def test_another_utmp(shell: Shell, tmp_path: Path, content: bytes) -> None:
    """A file of another size, or with records that utmp doesn't know, says nothing at all."""
    assert section(shell.run("look", NONCE, script=with_utmp(tmp_path, content)), "utmp") == [b"total 0"]


@pytest.mark.parametrize("shell", SHELLS[:1], indirect=True)
def test_a_huge_utmp(shell: Shell, tmp_path: Path) -> None:
    """Of a huge utmp only the first megabyte is read, and of that so many logins."""
    lines = section(shell.run("look", NONCE, script=with_utmp(tmp_path, record(7, b"bob") * 100_000)), "utmp")

    assert lines[-1] == b"total 1000"


@pytest.mark.parametrize("shell", SHELLS[:1], indirect=True)
def test_utmp_that_is_no_file(shell: Shell, tmp_path: Path) -> None:
    """A pipe in its place is not opened."""
    script = with_utmp(tmp_path, b"")
    (tmp_path / "utmp").unlink()
    os.mkfifo(tmp_path / "utmp")

    assert section(shell.run("look", NONCE, script=script), "utmp") == [b"total 0"]


# --------------------------------------------------------------------------------------------------- cron and at


@pytest.mark.usefixtures("tools")
@EVERYWHERE
def test_crontabs_and_at_jobs(shell: Shell, tmp_path: Path) -> None:
    """Names of crontabs and owners of at jobs are told, only of regular files, with their names as they are."""
    spool = tmp_path / "spool"
    for folder in ("cron/crontabs", "cron/atjobs", "cron/atspool", "at/spool", "cron/link"):
        (spool / folder).mkdir(parents=True)
    for name in (
        "crontabs/alice",
        "crontabs/e\x1b[2Jvil\t\\n",
        "crontabs/a\nforged",
        "crontabs/.x",
        "crontabs/tmp.abc",
        "root",
    ):
        (spool / "cron" / name).touch()
    (spool / "cron/crontabs/link").symlink_to("alice")
    for name in ("cron/atjobs/a0001", "cron/atjobs/a0002", "cron/atspool/a0003", "at/a0004", "at/spool/a0005"):
        (spool / name).touch()
    script = LOOK_SCRIPT.replace(b"/var/spool/cron /var/spool/at", f"{spool}/cron {spool}/at".encode())

    snapshot = shell.look(script)

    assert snapshot.cron == ("alice", "e\\x1b[2Jvil\\x09\\n", "root")
    assert len(snapshot.at) == 1


@pytest.mark.parametrize("shell", SHELLS[:1], indirect=True)
def test_a_user_of_at_jobs_alone(shell: Shell, tmp_path: Path) -> None:
    """The owner of an at job has a name, also without a process."""
    shell.stand_in("find", "#!/bin/sh\necho 4711 /var/spool/at/a0001\n")
    shell.stand_in("getent", "#!/bin/sh\nprintf 'eve:x:4711:4711::/:/bin/sh\\n'\n")

    assert shell.look().at == ("eve",)
