"""The script that holds accounts and gives them back, run by the shells of this machine in a root of its own.

Every path outside of /proc is one below a folder of the test; usermod, getent and systemctl are stand-ins.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import IncompleteAnswer
from bot.hosts.drivers.interface import NotForThisDriver
from bot.hosts.drivers.linux import HOLD_SCRIPT, LinuxDriver
from bot.models import Account, Answer, Ended, Hold, Host, HostUptime, Release, ShowHold, Step, Target
from tests.test_linux_script import SHELLS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the script reads /proc")

NONCE = "0123456789abcdef"
HOST = Host(name="host1", address="192.0.2.1", user="kickbot")
DRIVER = LinuxDriver()
ID = "42-3f9c81d2aabbccdd"
LATER = datetime.now(UTC) + timedelta(hours=2)
EVER = HostUptime(10**12)

USERMOD = """#!/bin/sh
[ "$1" = --help ] && exit 0
echo "usermod $*" >>ROOT/log
[ ! -e ROOT/usermod-fails ] || { echo "usermod: cannot lock" >&2; exit 1; }
[ ! -e ROOT/usermod-hangs ] || { : >ROOT/hanging; exec sleep 60; }
awk -F : -v OFS=: -v name="$3" -v day="$2" '$1 == name { $8 = day } { print }' ROOT/etc/shadow >ROOT/shadow.new
mv ROOT/shadow.new ROOT/etc/shadow
"""
SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >>ROOT/log
[ ! -e ROOT/systemctl-fails ] || exit 1
"""
SSHD = """#!/bin/sh
case $1 in -t) exit 0 ;; esac
file=ROOT/etc/ssh/sshd_config
while [ $# -gt 0 ]; do
    if [ "$1" = -f ]; then file=$2; fi
    shift
done
echo "port 22"
cat "$file" ROOT/etc/ssh/sshd_config.d/*.conf 2>/dev/null | grep "^DenyUsers" >ROOT/denied
if [ -s ROOT/denied ] && [ -e ROOT/cuts-off ]; then echo "denyusers kickbot"; fi
if [ ! -e ROOT/deaf ]; then sed "s/^DenyUsers/denyusers/" ROOT/denied; fi
"""
DAEMON = """
trap 'rm ROOT/run/sshd.pid; sleep 0.5; echo reloaded >>ROOT/log; echo $$ >ROOT/run/sshd.pid' HUP
echo $$ >ROOT/run/sshd.pid
while :; do sleep 0.05; done
"""
GETENT = """#!/bin/sh
grep "^$2:" ROOT/etc/passwd ROOT/directory -h
"""


class HostRoot:
    """One host below a folder: bob, whose account has no end, and carol, whose account ends on day 25000."""

    def __init__(self, folder: Path, words: list[str]) -> None:
        self.folder, self.words = folder, words
        for path in ("etc/systemd/system", "etc/cron.d", "run/systemd/system", "var/lib", "bin"):
            (folder / path).mkdir(parents=True)
        self.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nbob:x:1002:1002::/home/bob:/bin/sh\n")
        self.add("etc/passwd", "carol:x:1003:1003::/home/carol:/bin/sh\n")
        self.write("etc/shadow", "root:*:1:::::0:\nbob:*:19000:0:99999:7:::\ncarol:*:19000:0:99999:7::25000:\n")
        self.write("directory", "dora:x:2001:2001::/home/dora:/bin/sh\n")
        self.write("log", "")
        for name, text in {"usermod": USERMOD, "systemctl": SYSTEMCTL, "getent": GETENT}.items():
            self.program(name, text)
        self.script = HOLD_SCRIPT.decode()
        for path in ("/etc/", "/var/lib/kickbot", "/run/"):
            self.script = self.script.replace(path, f"{folder}{path}")
        self.boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    def write(self, path: str, text: str) -> None:
        (self.folder / path).write_text(text)

    def add(self, path: str, text: str) -> None:
        self.write(path, self.read(path) + text)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def program(self, name: str, text: str) -> None:
        program = self.folder / "bin" / name
        program.write_text(text.replace("ROOT", str(self.folder)))
        program.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}"}

    def kill_in_usermod(self, step: Step) -> None:
        """SIGKILL to the script and what it started, while usermod runs."""
        self.write("usermod-hangs", "")
        running = self.begin(step)
        wait_for(self.folder / "hanging")
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        (self.folder / "usermod-hangs").unlink()

    def begin(self, step: Step, not_after: HostUptime = EVER) -> subprocess.Popen[bytes]:
        call = DRIVER.command(step, host=HOST, not_after=not_after, nonce=NONCE)
        running = subprocess.Popen(
            [*self.words, *call.argv[4:]],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert running.stdin is not None
        running.stdin.write(self.script.encode())
        running.stdin.close()
        running.stdin = None
        return running

    def act(self, step: Step, not_after: HostUptime = EVER) -> Answer:
        said, _ = self.begin(step, not_after).communicate(timeout=60)
        return DRIVER.parse_answer(said, step=step, nonce=NONCE)

    def target(self, name: str = "bob", uid: int = 1002) -> Target:
        account = Account(name=name, uid=uid)
        values = {"host": "host1", "host_key": "SHA256:key", "boot": self.boot, "summary": "", "rungs": ()}
        return Target.model_validate({"kind": "account", "session": "", "identity": "x", "account": account, **values})

    def hold(self, name: str = "bob", uid: int = 1002, *, hold: str = ID, until: datetime = LATER) -> Answer:
        return self.act(Hold(target=self.target(name, uid), id=hold, until=until, there=until))

    def release(self, name: str = "bob", uid: int = 1002, *, hold: str = ID) -> Answer:
        return self.act(Release(target=self.target(name, uid), id=hold))

    def show(self, name: str = "bob", uid: int = 1002, *, hold: str = ID) -> Answer:
        return self.act(ShowHold(target=self.target(name, uid), id=hold))

    def expiry(self, name: str = "bob") -> str:
        (line,) = (line for line in self.read("etc/shadow").splitlines() if line.startswith(f"{name}:"))
        return line.split(":")[7]

    @property
    def record(self) -> Path:
        return self.folder / "var/lib/kickbot/holds/1002"

    def with_sshd(self) -> subprocess.Popen[bytes]:
        """An sshd that reads drop-ins, and a stand-in of its daemon that takes half a second to reload."""
        (self.folder / "etc/ssh/sshd_config.d").mkdir(parents=True)
        self.write("etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nPort 22\n")
        self.program("sshd", SSHD)
        self.program("daemon", DAEMON)
        shutil.copy(shutil.which("dash") or "/bin/sh", self.folder / "sshd")
        running = subprocess.Popen([self.folder / "sshd", self.folder / "bin/daemon"])
        wait_for(self.folder / "run/sshd.pid")
        return running

    @property
    def drop_ins(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.folder / "etc/ssh/sshd_config.d").iterdir()}

    def timer(self, uid: int = 1002) -> int:
        """The host's own timer runs its program."""
        program = self.folder / f"var/lib/kickbot/holds/{uid}/give-back"
        text = program.read_text().replace("PATH=/usr/local/sbin", f"PATH={self.folder / 'bin'}:/usr/local/sbin")
        program.write_text(text)
        return subprocess.run([*self.words, str(program)], timeout=60, check=False).returncode

    def make_due(self) -> None:
        record = self.record / "record"
        lines = [line for line in record.read_text().splitlines() if not line.startswith("until")]
        record.write_text("\n".join([*lines, "until 1000", ""]))

    def changes(self) -> list[str]:
        """What was really done to accounts."""
        return [line for line in self.read("log").splitlines() if line.startswith("usermod")]

    @property
    def leftovers(self) -> list[str]:
        """What of a hold is left on the host, but for the line that tells of its end."""
        places = ("var/lib/kickbot/holds", "etc/systemd/system", "etc/cron.d")
        files = [path for place in places for path in (self.folder / place).rglob("*")]
        return sorted(path.name for path in files if path.name not in {"lock", "ended"})


@pytest.fixture(params=SHELLS, ids=lambda words: words[0])
def host(request: pytest.FixtureRequest, tmp_path: Path) -> HostRoot:
    return HostRoot(tmp_path, request.param)


def ended(answer: Answer) -> Ended:
    assert answer.ended is not None, answer
    return answer.ended


def test_a_local_account_is_held_by_its_expiry_and_given_back(host: HostRoot) -> None:
    """Held: record, timer, then the expiry. Given back: nothing of it is left, and the account is as it was."""
    held = host.hold()

    assert held.status == "done", held
    assert held.before is not None
    assert held.after is not None
    assert (held.before.where, held.before.expiry, held.before.record) == ("local", "", "")
    assert (held.after.expiry, held.after.timer, held.after.record) == ("2", "systemd", ID)
    assert host.expiry() == "2"
    timer = host.read("etc/systemd/system/kickbot-hold-1002.timer")
    assert f"OnCalendar={LATER:%Y-%m-%d %H:%M:%S} UTC\nPersistent=true" in timer

    back = host.release()

    assert (ended(back).now, ended(back).how, ended(back).by) == ("given", "given", "kickbot")
    assert host.expiry() == ""
    assert host.leftovers == []


def test_an_expiry_that_was_there_is_given_back_exactly(host: HostRoot) -> None:
    """An account that had an end keeps it."""
    host.hold("carol", 1003)
    assert host.expiry("carol") == "2"

    host.release("carol", 1003)

    assert host.expiry("carol") == "25000"


def test_it_is_given_back_once_whoever_comes_second(host: HostRoot) -> None:
    """The timer gave back; somebody closed the account for good; Kickbot then changes nothing and says who did it."""
    host.hold()
    host.make_due()
    assert host.timer() == 0
    host.write("etc/shadow", host.read("etc/shadow").replace("7:::\n", "7::2:\n", 1))

    second = host.release()

    assert (ended(second).now, ended(second).how, ended(second).by) == ("already", "given", "host")
    assert host.expiry() == "2"
    assert len(host.changes()) == 2


def test_only_the_very_hold_is_given_back(host: HostRoot) -> None:
    """A late step of an earlier hold does not end the one that is in force now."""
    host.hold(hold="43-aaaa")

    late = host.release()

    assert (ended(late).now, ended(late).how) == ("already", "")
    assert host.expiry() == "2"
    assert host.show(hold="43-aaaa").after == late.after


def test_both_at_once_give_back_once(host: HostRoot) -> None:
    """Kickbot and the host's timer meet: one of them gives back, and both agree on it."""
    host.hold()
    host.make_due()
    program = host.record / "give-back"
    program.write_text(program.read_text().replace("PATH=/usr/local/sbin", f"PATH={host.folder / 'bin'}:/usr"))
    with subprocess.Popen([*host.words, str(program)]) as timer:
        running = host.begin(Release(target=host.target(), id=ID))
        said, _ = running.communicate(timeout=60)
        timer.wait(60)
    answer = DRIVER.parse_answer(said, step=Release(target=host.target(), id=ID), nonce=NONCE)

    assert ended(answer).how == "given"
    assert host.expiry() == ""
    assert len(host.changes()) == 2
    assert host.read("var/lib/kickbot/holds/ended").count("\n") == 1


def test_the_timer_does_nothing_before_the_time(host: HostRoot) -> None:
    """It tries again later instead."""
    host.hold()

    assert host.timer() == 75
    assert host.expiry() == "2"


@pytest.mark.parametrize("by", ["kickbot", "host"])
def test_what_people_changed_is_left_and_reported(host: HostRoot, by: str) -> None:
    """Closed for good by hand with `usermod --expiredate 1`: it stays closed, and the hold is over."""
    host.hold()
    host.write("etc/shadow", host.read("etc/shadow").replace("7::2:", "7::1:"))
    host.make_due()

    if by == "host":
        host.timer()
    answer = host.release()

    assert (ended(answer).how, ended(answer).by) == ("changed", by)
    assert host.expiry() == "1"
    assert host.leftovers == []


def test_what_people_gave_back_is_reported(host: HostRoot) -> None:
    """Somebody gave the account back by hand: it was changed, and is left so."""
    host.hold()
    host.write("etc/shadow", host.read("etc/shadow").replace("7::2:", "7:::"))

    assert ended(host.release()).how == "changed"


def test_another_hold_of_a_held_account_is_refused(host: HostRoot) -> None:
    """Else the second one would remember the first as what was there before."""
    host.hold()

    second = host.hold(hold="43-aaaa")

    assert (second.refusal, second.output) == ("unable", f"bob is held there already, by {ID}")
    assert host.release().ended is not None
    assert host.expiry() == ""


def test_the_same_hold_twice_is_one(host: HostRoot) -> None:
    """An answer got lost, and it is asked again: what was there before stays known."""
    host.hold()
    again = host.hold()

    assert again.status == "done"
    assert len(host.changes()) == 1
    host.release()
    assert host.expiry() == ""


def test_a_hold_that_is_over_is_not_made_again(host: HostRoot) -> None:
    """A step that arrives late can't hold an account that was given back."""
    host.hold()
    host.release()

    assert (host.hold().refusal, host.expiry()) == ("unable", "")


def test_a_hold_killed_before_the_account_was_touched_is_given_back_as_never(host: HostRoot) -> None:
    """SIGKILL in the middle of usermod: the record stands, and its end leaves the account as it is."""
    host.kill_in_usermod(Hold(target=host.target(), id=ID, until=LATER, there=LATER))

    assert ended(host.release()).how == "never"
    assert host.expiry() == ""
    assert host.leftovers == []


def test_a_hold_killed_in_the_middle_goes_on_when_asked_again(host: HostRoot) -> None:
    """The same hold, asked again, finds its record and does the rest."""
    host.kill_in_usermod(Hold(target=host.target(), id=ID, until=LATER, there=LATER))

    assert host.hold().status == "done"
    assert host.expiry() == "2"


def test_giving_back_killed_in_the_middle_is_done_by_the_timer(host: HostRoot) -> None:
    """Kickbot dies in the middle of usermod: the timer finds the record, and gives back."""
    host.hold()
    host.make_due()
    host.kill_in_usermod(Release(target=host.target(), id=ID))
    assert host.expiry() == "2"

    assert host.timer() == 0
    assert host.expiry() == ""
    assert (ended(host.release()).how, ended(host.release()).by) == ("given", "host")


def test_a_usermod_that_fails_leaves_the_record_and_the_timer(host: HostRoot) -> None:
    """It could not be given back: nothing is forgotten, and it is tried again."""
    host.hold()
    host.make_due()
    host.write("usermod-fails", "")

    failed = host.release()

    assert (ended(failed).now, failed.exit_status, failed.output) == ("failed", 1, "usermod: cannot lock")
    assert host.timer() == 75
    assert failed.after is not None
    assert failed.after.timer == "systemd"


def test_a_usermod_that_fails_holds_nothing(host: HostRoot) -> None:
    """No expiry, no hold: refused with its words, and nothing is left."""
    host.write("usermod-fails", "")

    refused = host.hold()

    assert (refused.refusal, refused.output) == ("unable", "could not hold bob: usermod: cannot lock")
    assert host.leftovers == []


@pytest.mark.parametrize("said", [["| x"] * 300, [f"| {'x' * 2_000}"]])
def test_an_endless_answer_is_none(host: HostRoot, said: list[str]) -> None:
    """A host in an attacker's hands: masking megabytes would hold up everything else."""
    step = Release(target=host.target(), id=ID)
    lines = (f"kickbot linux 1 release {NONCE}", "ran nothing", "status 0", *said, f"== end {NONCE}", "")
    with pytest.raises(IncompleteAnswer, match="too long"):
        DRIVER.parse_answer("\n".join(lines).encode(), step=step, nonce=NONCE)


@pytest.mark.parametrize("trouble", ["no systemd, no cron", "systemctl fails"])
def test_a_host_without_a_timer_holds_nobody(host: HostRoot, trouble: str) -> None:
    """Where nothing would give it back if Kickbot were dead, it isn't taken."""
    if trouble == "systemctl fails":
        host.write("systemctl-fails", "")
    else:
        (host.folder / "run/systemd/system").rmdir()
        (host.folder / "etc/cron.d").rmdir()

    refused = host.hold()

    assert (refused.refusal, refused.output) == ("unable", "has nothing that would give it back if Kickbot were dead")
    assert host.changes() == []
    assert host.leftovers == []


@pytest.mark.parametrize(("name", "uid", "refusal"), [("bob", 1003, "changed"), ("nobody-here", 1002, "gone")])
def test_only_exactly_that_account_is_held(host: HostRoot, name: str, uid: int, refusal: str) -> None:
    """The name has another uid by now, or none."""
    assert host.hold(name, uid).refusal == refusal
    assert host.changes() == []


def test_after_its_deadline_nothing_is_held(host: HostRoot) -> None:
    """The host's uptime is past the deadline."""
    step = Hold(target=host.target(), id=ID, until=LATER, there=LATER)

    assert host.act(step, HostUptime(1)).refusal == "late"
    assert host.expiry() == ""


def test_a_hold_whose_time_is_over_by_the_hosts_clock_is_refused(host: HostRoot) -> None:
    """It would be given back at once."""
    assert host.hold(until=datetime.now(UTC) - timedelta(seconds=5)).refusal == "unable"


def test_a_hold_is_shown(host: HostRoot) -> None:
    """A look at the account changes nothing."""
    host.hold()
    shown = host.show()

    assert shown.after is not None
    assert shown.after.record == ID
    assert ended(shown).now == "shown"
    assert len(host.changes()) == 1


# ------------------------------------------------------------------------------------------------ a directory's account


@pytest.fixture
def daemon(host: HostRoot) -> Iterator[subprocess.Popen[bytes]]:
    running = host.with_sshd()
    yield running
    running.kill()
    running.wait()


def test_an_account_of_a_directory_is_denied_by_sshd(host: HostRoot, daemon: subprocess.Popen[bytes]) -> None:
    """It is not in /etc/passwd: a file for sshd denies it, sshd hears of it, and both go with the hold."""
    held = host.hold("dora", 2001)

    assert held.after is not None, held
    assert (held.after.where, held.after.drop_in, held.after.record) == ("directory", True, ID)
    assert list(host.drop_ins) == ["00-kickbot-hold-dora.conf"]
    assert host.drop_ins["00-kickbot-hold-dora.conf"].endswith("\nDenyUsers dora\n")
    assert host.read("log").count("reloaded") == 1
    assert host.changes() == []

    assert ended(host.release("dora", 2001)).how == "given"
    assert host.drop_ins == {}
    assert host.read("log").count("reloaded") == 2
    assert host.leftovers == []


@pytest.mark.parametrize("trouble", ["cuts-off", "deaf"])
def test_a_drop_in_that_does_more_or_less_than_meant_is_never_written(
    host: HostRoot, daemon: subprocess.Popen[bytes], trouble: str
) -> None:
    """Tried on a copy: it would deny Kickbot too, or not deny the account. sshd's own folder stays as it is."""
    host.write(trouble, "")
    folder = host.folder / "etc/ssh/sshd_config.d"
    touched = folder.stat().st_mtime_ns

    refused = host.hold("dora", 2001)

    assert (refused.refusal, refused.output) == ("unable", "would not take the drop-in as it is meant")
    assert folder.stat().st_mtime_ns == touched
    assert "reloaded" not in host.read("log")
    assert host.leftovers == []


def test_a_drop_in_that_people_changed_is_left(host: HostRoot, daemon: subprocess.Popen[bytes]) -> None:
    """Somebody denies more in it by now: it stays, and that is told."""
    host.hold("dora", 2001)
    host.add("etc/ssh/sshd_config.d/00-kickbot-hold-dora.conf", "DenyUsers eve\n")

    assert ended(host.release("dora", 2001)).how == "changed"
    assert "DenyUsers eve" in host.drop_ins["00-kickbot-hold-dora.conf"]


@pytest.mark.parametrize("include", ["", "# Include /etc/ssh/sshd_config.d/*.conf\n"])
def test_an_sshd_that_reads_no_drop_ins_holds_nobody(
    host: HostRoot, daemon: subprocess.Popen[bytes], include: str
) -> None:
    """Without the Include a file there would do nothing."""
    host.write("etc/ssh/sshd_config", f"{include}Port 22\n")

    assert host.hold("dora", 2001).output == "has an sshd that reads no drop-ins"
    assert "reloaded" not in host.read("log")


@pytest.mark.parametrize(
    "name", ["bob*", "b?b", "!bob", "bob@host", "-bob", "bob,eve", "../bob", "bo b", "kickbot", ""]
)
def test_a_name_that_is_none_to_sshd_is_never_sent(tmp_path: Path, name: str) -> None:
    """A pattern, user@host, a list, a path, or Kickbot's own login: nothing is sent to the host."""
    root = HostRoot(tmp_path, SHELLS[0])

    with pytest.raises(NotForThisDriver):
        root.hold(name, 2001)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.02)
