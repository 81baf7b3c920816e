"""The limits that a Linux host sets by itself: the script, run by the shells of this machine in a root of its own, with
stand-ins for sshd and busctl; and its answer, also such as a host in an attacker's hands would give.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.linux import LIMITS_SCRIPT, LinuxDriver
from bot.models import ChannelLimit, HostLimits, ShellLimit
from tests.test_linux_script import SHELLS

NONCE = "0123456789abcdef"
DRIVER = LinuxDriver()
SSHD = """#!/bin/sh
case $1 in
    -V) echo 'OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.20' >&2 ;;
    -T) [ "$2 $3" = '-C user=nobody,host=localhost,addr=192.0.2.1,laddr=127.0.0.1,lport=22' ] && cat ROOT/effective ;;
esac
"""
BUSCTL = """#!/bin/sh
case $5 in
    StopIdleSessionUSec) echo 't 900000000' ;;
    KillUserProcesses) echo 'b true' ;;
esac
"""
EFFECTIVE = "port 22\nclientaliveinterval 300\nclientalivecountmax 3\n"
SET = "unusedconnectiontimeout 90\nchanneltimeout session:*=15m agent-connection=1h30m x11=none\n"


BOOT = "11111111-2222-3333-4444-555555555555"


def parse(*lines: str) -> HostLimits:
    host = (f"boot {BOOT}", "uptime 1000.00")
    answer = "\n".join([f"kickbot linux 1 limits {NONCE}", *lines, *host, f"== end {NONCE}", ""]).encode()
    return DRIVER.parse_limits(answer, host="host1", host_key="SHA256:key", nonce=NONCE)


# ------------------------------------------------------------------------------------------------ the script


class HostRoot:
    """A host below a folder."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self.folder, self.words = folder, words
        for path in ("etc/ssh/sshd_config.d", "etc/profile.d", "bin"):
            (folder / path).mkdir(parents=True)
        self.write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n")
        self.write("effective", EFFECTIVE)
        self.program("sshd", SSHD)
        self.program("busctl", BUSCTL)

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text)

    def program(self, name: str, text: str) -> None:
        (self.folder / "bin" / name).write_text(text.replace("ROOT", str(self.folder)))
        (self.folder / "bin" / name).chmod(0o755)

    def limits(self) -> HostLimits:
        script = LIMITS_SCRIPT.decode().replace("/etc/ssh/", f"{self.folder}/etc/ssh/")
        script = script.replace("cd /etc ", f"cd {self.folder}/etc ")
        done = subprocess.run(
            [*self.words, "-s", "--", "limits", NONCE],
            input=script.encode(),
            env={"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        return DRIVER.parse_limits(done.stdout, host="host1", host_key="SHA256:key", nonce=NONCE)


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script is for Linux")


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> HostRoot:
    return HostRoot(tmp_path, request.param)


def test_what_a_host_says_of_itself(host: HostRoot) -> None:
    """The effective settings of sshd, logind's, and the shells' profiles, in one answer."""
    host.write("effective", EFFECTIVE + SET)
    host.write("etc/profile.d/tmout.sh", "# TMOUT=1\nreadonly TMOUT=900\nexport TMOUT\n")

    found = host.limits()

    assert (found.sshd, found.alive_interval, found.alive_count) == ("OpenSSH_9.2p1", 300, 3)
    assert found.channels == (
        ChannelLimit(channels="session:*", seconds=900),
        ChannelLimit(channels="agent-connection", seconds=5400),
        ChannelLimit(channels="x11", seconds=0),
    )
    assert (found.unused, found.stop_idle, found.kill_left) == (90, 900, True)
    assert found.shells == (ShellLimit(file="/etc/profile.d/tmout.sh", seconds=900, fixed=True),)
    assert (found.matches, found.notes) == ((), ())


def test_an_sshd_that_does_not_know_channel_timeouts(host: HostRoot) -> None:
    """Where it isn't set, 9.2 prints no such line: whether sshd knows it, UnusedConnectionTimeout tells."""
    assert host.limits().channels is None
    host.write("effective", EFFECTIVE + "unusedconnectiontimeout none\n")
    assert host.limits().channels == ()
    host.write("effective", EFFECTIVE + "unusedconnectiontimeout none\nchanneltimeout none\n")
    assert host.limits().channels == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("TMOUT=900", [(900, False)]),
        ("  TMOUT='900'; export TMOUT", [(900, False)]),
        ("declare -xr TMOUT=60", [(60, True)]),
        ("typeset -r TMOUT=60", [(60, True)]),
        ('export TMOUT="600"\nreadonly TMOUT', [(600, True)]),
        ("if true; then TMOUT=5;fi", [(5, False)]),
        ("TMOUT=0", [(0, False)]),
        ("TMOUT=900\nTMOUT=30", [(30, False)]),
        ("TMOUT=$(id -u)", [(None, False)]),
        ("TMOUT=99999999999999999999", [(None, False)]),
        ("#TMOUT=900", []),
        ("MYTMOUT=900", []),
        ("echo no TMOUT here", []),
    ],
)
def test_a_profile_that_ends_idle_shells(host: HostRoot, text: str, found: list[tuple[int | None, bool]]) -> None:
    """The last value in a file counts, if it is a number; readonly is for good."""
    host.write("etc/bash.bashrc", f"{text}\n")

    assert [(shell.seconds, shell.fixed) for shell in host.limits().shells] == found


def test_no_profile_is_ever_run(host: HostRoot, tmp_path: Path) -> None:
    """They are read as text, whatever stands in them, and whatever they are called."""
    hostile = f"touch {tmp_path}/ran\nTMOUT=$(touch {tmp_path}/ran)\nTMOUT=`touch {tmp_path}/ran`\n"
    host.write("etc/profile", hostile)
    host.write("etc/profile.d/a b\n== end.sh", f"TMOUT=5\n== end {NONCE}\n")

    found = host.limits()

    assert not (tmp_path / "ran").exists()
    assert [shell.file for shell in found.shells] == ["/etc/profile", "/etc/profile.d/a?b????end.sh"]


def test_what_holds_only_for_some(host: HostRoot) -> None:
    """Match blocks are named, wherever they stand."""
    host.write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\n#Match User x\n  match  user deploy\n")
    host.write("etc/ssh/sshd_config.d/20.conf", "Match Address 10.0.0.0/8\n")

    assert set(host.limits().matches) == {"Match Address 10.0.0.0/8", "match  user deploy"}


def test_an_sshd_that_says_no(host: HostRoot) -> None:
    """Its words are told, and nothing is made up."""
    host.program("sshd", "#!/bin/sh\necho 'Missing privilege separation directory: /run/sshd' >&2\nexit 255\n")

    found = host.limits()

    assert (found.sshd, found.channels) == ("", None)
    assert found.notes == ("sshd does not tell its settings: Missing privilege separation directory: /run/sshd",)


def test_a_host_without_sshd_or_logind(host: HostRoot) -> None:
    """What isn't there is said to be missing."""
    host.program("busctl", "#!/bin/sh\nexit 1\n")
    (host.folder / "bin" / "sshd").unlink()
    for name in ("sh", "awk", "sed", "grep", "head", "cut", "cat", "timeout"):
        (host.folder / "bin" / name).symlink_to(f"/usr/bin/{name}")
    script = LIMITS_SCRIPT.replace(b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", b"")
    done = subprocess.run(
        [f"/usr/bin/{host.words[0]}", *host.words[1:], "-s", "--", "limits", NONCE],
        input=script,
        env={"PATH": str(host.folder / "bin")},
        stdout=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    found = DRIVER.parse_limits(done.stdout, host="host1", host_key="", nonce=NONCE)

    assert (found.sshd, found.logind, found.stop_idle) == ("", False, None)
    assert found.notes == (
        "it has no sshd that is found: what that would do is not known",
        "no logind answers: what it would do is not known",
    )


def test_an_older_logind(host: HostRoot) -> None:
    """Before systemd 252 there is no StopIdleSessionSec."""
    host.program("busctl", "#!/bin/sh\n[ $5 = KillUserProcesses ] && echo 'b false'\n")

    found = host.limits()

    assert (found.logind, found.stop_idle, found.kill_left) == (True, None, False)


# ------------------------------------------------------------------------------------------------ hostile answers

WHOLE = (
    *("sshd OpenSSH_9.2p1", "status 0", "option clientaliveinterval 0", "option clientalivecountmax 3"),
    *("option unusedconnectiontimeout none", "KillUserProcesses false"),
)


@pytest.mark.parametrize(
    "line",
    [
        "sshd OpenSSH_9.2p1",
        "option clientaliveinterval x",
        "option clientaliveinterval 1y",
        "option clientalivecountmax -1",
        "option unusedconnectiontimeout -5",
        "option unusedconnectiontimeout \u0661\u0662",
        "StopIdleSessionUSec 1 2",
        "KillUserProcesses true",
        "tmout 5 fixed relative",
        "tmout 5 fixed /etc/`id`",
        "tmout 5 often /etc/profile",
        "tmout -5 fixed /etc/profile",
        "whatever",
        "",
    ],
)
def test_what_no_host_of_ours_says(line: str) -> None:
    """A line that can't be understood, or stands there twice, makes the whole answer none."""
    assert parse(*WHOLE).channels == ()
    with pytest.raises(IncompleteAnswer):
        parse(*WHOLE, line)


@pytest.mark.parametrize("value", ["session", "=5", "session=", "session=5=6", "session=x", "session=1m2x"])
def test_a_channel_timeout_that_is_none(value: str) -> None:
    with pytest.raises(IncompleteAnswer, match="sshd can't be read"):
        parse(*WHOLE, f"option channeltimeout {value}")


@pytest.mark.parametrize("lines", [["status 0"], ["sshd OpenSSH_9.2p1"], [], ["sshd <!channel>", "status 0"]])
def test_half_an_answer_is_none(lines: list[str]) -> None:
    """The first thing that has to be there is sshd, with what became of the question."""
    with pytest.raises(IncompleteAnswer):
        parse(*lines)


def test_an_endless_answer_is_none() -> None:
    """Nobody's profile fills a message."""
    with pytest.raises(IncompleteAnswer, match="at most 200"):
        parse(*WHOLE, *["match x"] * 300)


def test_an_endless_line_is_none() -> None:
    """The script cuts each: masking megabytes would hold up everything else."""
    with pytest.raises(IncompleteAnswer, match="a line of more than 400 bytes"):
        parse(*WHOLE, f"match {'x' * 400}")


def test_secrets_and_control_characters_never_become_values() -> None:
    """What sshd says is cleaned and masked."""
    found = parse("sshd ", "status 255", "| bad \x1b[31m line: password=hunter2")

    assert found.notes[0].isprintable()
    assert "hunter2" not in found.notes[0]
