"""The program of the kit, run by the shells of this machine: what it takes, and what it refuses at once."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.hosts.drivers.linux import KIT, KIT_PROGRAM, kit_request
from tests.kit_host import KitHost

SHELLS = [words for words in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(words[0])] or [["sh"]]
NONCE = "0123456789abcdef"
OTHER_BOOT = "0" * 36
ACT = ("1", OTHER_BOOT)
LISTS = ",".join(f"{n}@{n}" for n in range(4_000))


class Program:
    def __init__(self, folder: Path, shell: list[str]) -> None:
        self.host, self.shell = KitHost(folder), shell

    def run(self, request: bytes, user: str = "kickbot") -> str:
        done = subprocess.run(
            [*self.shell, str(self.host.program)],
            input=request,
            env={"SUDO_USER": user} if user else {},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def ask(self, verb: str, *arguments: str) -> str:
        """The word with which the kit refused it, or what its verb answered."""
        said = self.run(kit_request(verb, NONCE, *arguments))
        first, *rest = said.splitlines()
        if first.startswith("kickbot kit "):
            return first.rpartition(" ")[2]
        assert first == f"kickbot linux 1 {verb} {NONCE}"
        assert rest[-1] == f"== end {NONCE}"
        return " ".join(rest[:-1])


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Program:
    return Program(tmp_path, request.param)


FORBIDDEN: list[tuple[str, ...]] = [
    (),
    ("",),
    ("main", "look"),
    ("run", "id"),
    ("look;id",),
    ("look", "-h"),
    ("look", "a b"),
    ("look", "a", ":alice"),
    ("look", "x" * 300),
    ("look", *["g"] * 101),
    ("limits", "x"),
    ("end", *ACT, "7", "4242", "5000", "1001"),
    ("end", *ACT, "7", "4242", "5000", "1001", "kill", "more"),
    ("end", *ACT, "7", "4242", "5000", "0", "kill"),
    ("end", *ACT, "7", "4242", "5000", "00", "kill"),
    ("end", *ACT, "7", "4242", "5000", "-1", "kill"),
    ("end", *ACT, "7", "4242", "5000", "4294967296000", "kill"),
    ("end", *ACT, "self", "4242", "5000", "1001", "kill"),
    ("end", *ACT, "../7", "4242", "5000", "1001", "kill"),
    ("end", *ACT, "ssh.service", "4242", "5000", "1001", "kill"),
    ("end", *ACT, "7", "4242", "5000", "1001", "kill;id"),
    ("end", "1", "x" * 36, "7", "4242", "5000", "1001", "kill"),
    ("end", "1", "0" * 35, "7", "4242", "5000", "1001", "kill"),
    ("end", "1e9", OTHER_BOOT, "7", "4242", "5000", "1001", "kill"),
    ("end_account", *ACT, "999", "-", "-", "1", "kill"),
    ("end_account", *ACT, "65534", "-", "-", "1", "kill"),
    ("end_account", *ACT, "61184", "-", "-", "1", "kill"),
    ("end_account", *ACT, "1001", "1" * 70_000, "-", "1", "kill"),
    ("end_login", *ACT, "1001", "4242", "5000", "1@1 2@2", "kill"),
    ("warn", *ACT, "7", "4242", "5000", "1001", "two\tcolumns"),
    ("warn", *ACT, "7", "4242", "5000", "1001", "\x1b[2J"),
    ("warn", *ACT, "7", "4242", "5000", "1001", "\x9b2J"),
    ("warn", *ACT, "7", "4242", "5000", "1001", "x" * 2001),
    ("warn", *ACT, "7", "4242", "5000", "1001", ""),
    ("hold", *ACT, "0", "root", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "999", "postgres", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "al/../ice", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "../../etc/x", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "-alice", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "alice*", "id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "alice", "../id", "9999999999", "kickbot"),
    ("hold", *ACT, "1001", "alice", "id", "9999999999", "alice"),
    ("hold", *ACT, "1001", "alice", "id", "9999999999", ""),
    ("release", *ACT, "0", "root", "id"),
    ("release", *ACT, "1001", "alice", "../../x"),
    ("release", *ACT, "../1001", "alice", "id"),
    ("set_limits", *ACT, "1000", "idle", "59", "id", "kickbot", "about"),
    ("set_limits", *ACT, "1000", "idle", "604801", "id", "kickbot", "about"),
    ("set_limits", *ACT, "1000", "idle", "900", "id", "root", "about"),
    ("set_limits", *ACT, "1000", "../x", "900", "id", "kickbot", "about"),
    ("set_limits", *ACT, "1000", "idle", "900", "id", "kickbot", "about\r"),
    ("keep_limits", *ACT, "1000", "../x", "id"),
]

TAKEN: list[tuple[str, ...]] = [
    ("end", *ACT, "7", "4242", "5000", "1001", "kill"),
    ("end", *ACT, "c1", "4242", "5000", "1001", "terminate"),
    ("end_login", *ACT, "1001", "4242", "5000", "-", "hangup"),
    ("end_login", *ACT, "105", "4242", "5000", LISTS, "kill"),
    ("end_account", *ACT, "1001", "7,9", "4242@5000", "1", "kill"),
    ("end_account", *ACT, "100000", "-", "-", "0", "signal"),
    ("show_account", *ACT, "1001", "corp\\alice smith"),
    (
        "warn",
        *ACT,
        "7",
        "4242",
        "5000",
        "1001",
        "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}sa asks: 'end' in 5 min; $(id) `id`",
    ),
    ("warn_login", *ACT, "1001", "4242", "5000", "-", "*"),
    ("hold", *ACT, "1001", "alice", "42-0123456789abcdef", "9999999999", "kickbot"),
    ("release", *ACT, "999", "deploy", "42-0123456789abcdef"),
    ("show_hold", *ACT, "1001", "alice", "42-0123456789abcdef"),
    ("set_limits", *ACT, "1000", "idle", "900", "42-abc", "kickbot", "request 42: asked by Alice"),
    ("set_limits", *ACT, "1000", "unresponsive", "0", "42-abc", "kickbot", "request 42"),
    ("keep_limits", *ACT, "1000", "idle", "42-abc"),
]


def test_what_no_bot_asks_for_is_refused(program: Program) -> None:
    """Before the host looks at its boot: of another one these would be refused for that."""
    answers = {arguments: program.ask(*(arguments or ("",))) for arguments in FORBIDDEN}

    wrong = {arguments: said for arguments, said in answers.items() if "forbidden" not in said and "unread" not in said}
    assert wrong == {}
    assert {line.split()[2].strip(":") for line in program.host.log} <= {"forbidden", "unread"}
    assert "kickbot: refused: forbidden: look?id" in program.host.log
    assert max(map(len, program.host.log)) <= 300


def test_what_the_bot_asks_for_is_handed_on(program: Program) -> None:
    """Each verb with arguments as the bot makes them; here the host refuses them for its boot, and the log has each."""
    assert {arguments[0]: program.ask(*arguments) for arguments in TAKEN} == {
        arguments[0]: "refused rebooted" for arguments in TAKEN
    }
    assert [line.split()[1] for line in program.host.log] == [arguments[0] for arguments in TAKEN]
    assert max(map(len, program.host.log)) <= 500


NOT_A_REQUEST: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "a script": lambda _: b"id\n",
    "another protocol": lambda asked: asked.replace(b"kickbot 1", b"kickbot 2"),
    "no end": lambda asked: asked.removesuffix(b".\n"),
    "more behind it": lambda asked: asked + b"=x\n",
    "two requests": lambda asked: asked + asked,
    "no ticket": lambda asked: asked.replace(b"ticket -\n", b""),
    "a ticket of another shape": lambda asked: asked.replace(b"ticket -", b"ticket $(id)"),
    "a very long ticket": lambda asked: asked.replace(b"ticket -", b"ticket " + b"A" * 9_000),
    "a nonce of another shape": lambda asked: asked.replace(NONCE.encode(), b"$(id)"),
    "a very long nonce": lambda asked: asked.replace(NONCE.encode(), b"a" * 65),
    "an argument without its mark": lambda asked: asked.replace(b"=limits", b"limits"),
    "more than there is room for": lambda asked: asked.replace(b".\n", b"=" + b"x" * 250_000 + b"\n.\n"),
}


@pytest.mark.parametrize("change", NOT_A_REQUEST.values(), ids=NOT_A_REQUEST)
def test_what_is_no_request_is_not_read(program: Program, change: Callable[[bytes], bytes]) -> None:
    """Whole and in its form, or nothing of it counts."""
    said = program.run(change(kit_request("limits", NONCE)))
    assert said in {f"kickbot kit {KIT} refused {nonce} unread\n" for nonce in (NONCE, "-")}


def test_a_ticket_is_only_looked_at(program: Program) -> None:
    """There is room for a signed approval; nothing depends on it yet."""
    asked = kit_request("limits", NONCE).replace(b"ticket -", b"ticket " + b"A+/b" * 2_000 + b"==")
    assert program.run(asked).startswith(f"kickbot linux 1 limits {NONCE}\n")


def test_only_by_sudo(program: Program) -> None:
    """It knows Kickbot's own login from sudo; without one it does nothing."""
    assert program.run(kit_request("limits", NONCE), user="").endswith(" unread\n")


def test_who_is_protected_on_the_host(program: Program) -> None:
    """By the uid that the name has there, however its line ends. A missing file protects everybody."""
    (program.host.folder / "protected").write_text("# people\n\nnosuchlogin\r\nroot\nnobody\r")
    act = ("end", *ACT, "7", "4242", "5000")
    assert program.ask(*act, "65534", "kill") == "forbidden"
    assert program.ask(*act, "1001", "kill") == "refused rebooted"
    (program.host.folder / "protected").unlink()
    assert program.ask(*act, "1001", "kill") == "forbidden"


def test_kickbots_own_login_is_never_ended(program: Program) -> None:
    """Whoever sudo says that it is."""
    asked = kit_request("end", NONCE, *ACT, "7", "4242", "5000", "65534", "kill")
    assert program.run(asked, user="nobody").endswith(" forbidden\n")


def test_what_is_no_login_of_the_account_is_not_ended(program: Program) -> None:
    """Of this boot, in time, with its real pid and start: a process of somebody else may not be named."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as other:
        start = Path(f"/proc/{other.pid}/stat").read_text().rpartition(")")[2].split()[19]
        act = ("end_login", "9" * 12, boot, "1001")
        named = program.ask(*act, str(other.pid), start, "-", "kill")
        pinned = program.ask(*act, "999999999", "1", f"{other.pid}@{start},{other.pid}@", "kill")
        warned = program.ask("warn_login", *act[1:], str(other.pid), start, "-", "hello")
        ended = other.poll()
        other.kill()

    assert (named, pinned, warned, ended) == ("refused forbidden", "refused gone", "refused forbidden", None)


def test_a_program_that_was_cut_does_nothing(tmp_path: Path) -> None:
    """Nor says anything, after whatever line it was cut."""
    program = Program(tmp_path, SHELLS[0])
    whole = program.host.program.read_bytes().splitlines(keepends=True)
    for number in range(len(whole) - 40, len(whole)):
        program.host.program.write_bytes(b"".join(whole[:number]))
        words = [*program.shell, str(program.host.program)]
        done = subprocess.run(words, input=kit_request("limits", NONCE), capture_output=True, check=False)
        assert done.stdout == b""


def test_the_version_is_the_digest_of_all_its_parts() -> None:
    """It stands in the program once, and nowhere in what it was made of."""
    assert KIT_PROGRAM.count(KIT.encode()) == 1
    assert len(KIT) == 64
