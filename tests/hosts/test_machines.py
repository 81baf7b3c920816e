"""The test hosts and logins are what the other tests take them for: real, and gone afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hosts.logins import LoginError, Logins
from tests.hosts.machines import Machine, MachineError, greets
from tests.hosts.rack import Rack, clear_abandoned

CHECKOUT = Path(__file__).parents[2]
SYSTEMD_HOSTS = ["bookworm", "trixie"]
ALL_HOSTS = [*SYSTEMD_HOSTS, "plain_bookworm", "plain_trixie"]

# Another test session: boots one host, says where and who, and waits to be killed.
OTHER_SESSION = """
import json, time
from tests.hosts.machines import Machine
from tests.hosts.rack import Rack

rack = Rack()
machine = Machine(rack, "victim", "bookworm")
machine.boot()
machine.wait()
print(json.dumps([rack._watcher.pid, machine.address, str(rack.cgroup), str(rack.folder), rack.bridge]), flush=True)
time.sleep(600)
"""


@pytest.fixture
def host(request: pytest.FixtureRequest) -> Machine:
    machine: Machine = request.getfixturevalue(request.param)
    return machine


@pytest.fixture
def other_session(rack: Rack) -> Iterator[subprocess.Popen[str]]:
    """rack: the bases are built."""
    with subprocess.Popen([sys.executable, "-c", OTHER_SESSION], cwd=CHECKOUT, stdout=-1, text=True) as session:
        yield session
        session.kill()


def sessions(machine: Machine) -> list[dict[str, str]]:
    """What logind says of each login session, by property; without those of user managers."""
    ids = [line.split()[0] for line in machine.run("loginctl", "list-sessions", "--no-legend").splitlines()]
    shown = [machine.run("loginctl", "show-session", session).splitlines() for session in ids]
    each = [dict(line.split("=", 1) for line in lines) for lines in shown]
    return [session for session in each if not session["Class"].startswith("manager")]


@pytest.mark.parametrize(("host", "version"), [("bookworm", "12."), ("trixie", "13.")], indirect=["host"])
def test_debian_with_logind(host: Machine, version: str) -> None:
    """A booted host runs the Debian of its suite with systemd as PID 1 and its own logind."""
    assert host.run("cat", "/etc/debian_version").startswith(version)
    assert host.run("cat", "/proc/1/comm") == "systemd\n"
    assert host.run("systemctl", "is-active", "systemd-logind") == "active\n"
    assert host.run("uname", "--nodename").strip() == host.name


@pytest.mark.parametrize("host", ["plain_bookworm", "plain_trixie"], indirect=True)
def test_plain_host(host: Machine, logins: Logins) -> None:
    """A plain host takes logins and has no systemd."""
    with pytest.raises(MachineError, match="not been booted with systemd"):
        host.run("loginctl", "list-sessions")

    login = logins.terminal(host, "alice")

    assert login.alive
    assert host.run("pgrep", "--exact", "--uid=alice", "--terminal=pts/0", "bash")


@pytest.mark.parametrize("host", SYSTEMD_HOSTS, indirect=True)
def test_terminal(host: Machine, logins: Logins) -> None:
    """A login at a terminal is a session of its user in logind, and its shell does what is typed."""
    login = logins.terminal(host, "alice")

    (session,) = sessions(host)
    login.send("id --user --name; tty")

    assert (session["Name"], session["Service"], session["Active"]) == ("alice", "sshd", "yes")
    login.wait_for("alice\r\n/dev/pts/0")


@pytest.mark.parametrize("host", SYSTEMD_HOSTS, indirect=True)
def test_without_terminal(host: Machine, logins: Logins) -> None:
    """A command, a file transfer and a forwarding are sessions too, and no terminal is theirs."""
    made = [logins.command(host, "bob", "sleep 4000"), logins.sftp(host, "opsuser"), logins.forward_only(host, "alice")]

    assert sorted(session["Name"] for session in sessions(host)) == ["alice", "bob", "opsuser"]
    assert all(login.alive for login in made)
    assert set(host.run("ps", "-o", "tty=", "-u", "alice,bob,opsuser").split()) == {"?"}
    assert host.run("pgrep", "--exact", "--uid=bob", "sleep")
    assert host.run("pgrep", "--exact", "--uid=opsuser", "sftp-server")


@pytest.mark.parametrize("host", SYSTEMD_HOSTS, indirect=True)
def test_shared_connection(host: Machine, logins: Logins) -> None:
    """Two shells over one connection are two terminals of one session."""
    shared = logins.shared(host, "alice")

    assert shared.alive
    assert len(sessions(host)) == 1
    assert len(host.run("pgrep", "--exact", "--uid=alice", "bash").split()) == 2


@pytest.mark.parametrize("host", SYSTEMD_HOSTS, indirect=True)
@pytest.mark.parametrize("user", ["root", "audituser", "alice", "bob", "opsuser", "kickbot"])
def test_accounts(host: Machine, user: str, logins: Logins) -> None:
    """Every account logs in with the client's key; only opsuser and kickbot become root without a password."""
    login = logins.command(host, user, "sudo -n id --user 2>&1; sleep 4000")

    may = user in {"root", "opsuser", "kickbot"}
    assert login.wait_for("0\n" if may else "password is required")


@pytest.mark.parametrize("host", SYSTEMD_HOSTS, indirect=True)
def test_ended_by_host(host: Machine, logins: Logins) -> None:
    """A login that the host ends is no longer alive, whatever kind it is."""
    shared = logins.shared(host, "alice")
    made = [logins.terminal(host, "alice"), logins.command(host, "alice", "sleep 4000"), logins.sftp(host, "alice")]
    made += [logins.forward_only(host, "alice"), *shared.shells]

    host.run("loginctl", "terminate-user", "alice")

    assert [login.wait_end() for login in made] == [255] * 6
    assert not shared.alive
    assert not any(login.alive for login in made)
    with pytest.raises(LoginError, match=r"alice on .* has ended"):
        made[0].send("anybody there?")


@pytest.mark.parametrize("host", ALL_HOSTS, indirect=True)
def test_end_logins(host: Machine, logins: Logins) -> None:
    """No login is left to the next test, nor what it started and told to stay."""
    logins.terminal(host, "alice").send("trap '' TERM HUP; nohup sleep 4000 & setsid sleep 4000 & exec sleep 4000")
    logins.command(host, "root", "sleep 4000")

    logins.close()
    host.end_logins()

    assert host.kind == "plain" or not host.run("loginctl", "list-sessions", "--no-legend")
    assert host.run("sh", "-c", "pgrep -l -u alice || true") == ""
    assert host.run("sh", "-c", "pgrep -l 'sshd-session|user@|systemd --user' || true") == ""


def test_no_login(bookworm: Machine, logins: Logins) -> None:
    """A login that does not come says so at once, with the client's own words."""
    with pytest.raises(LoginError, match=r"nobody on bookworm ended \(255\).*Permission denied"):
        logins.terminal(bookworm, "nobody")


@pytest.mark.parametrize("host", ALL_HOSTS, indirect=True)
def test_reboot(host: Machine, logins: Logins) -> None:
    """A rebooted host has its disk and its key, another boot id, and cuts its logins."""
    host.run("sh", "-c", "echo kept >/root/note")
    boot_id = host.run("cat", "/proc/sys/kernel/random/boot_id")
    login = logins.terminal(host, "alice")

    host.reboot()

    assert host.run("cat", "/root/note") == "kept\n"
    assert host.run("cat", "/proc/sys/kernel/random/boot_id") != boot_id
    assert login.wait_end() == 255
    logins.terminal(host, "alice")


def test_down_and_again(rack: Rack, logins: Logins) -> None:
    """A host that was taken down is reachable at once when it is booted again, with a fresh disk."""
    machine = Machine(rack, "again", "bookworm", files={"etc/motd": "first\n"})
    with machine:
        machine.run("rm", "/etc/motd")
        logins.terminal(machine, "alice").close()
    assert not machine.up

    with machine:
        assert "first" in logins.terminal(machine, "alice").output


def test_broken_host(rack: Rack) -> None:
    """A host that does not come up fails its test soon, with its last words."""
    machine = Machine(rack, "broken", "bookworm", "plain", files={"etc/ssh/sshd_config": "NoSuchOption yes\n"})

    with pytest.raises(MachineError, match=r"(?s)broken is not running.*NoSuchOption"), machine:
        pass


def test_killed_session(other_session: subprocess.Popen[str]) -> None:
    """Hosts die within seconds of a test session that is killed, and nothing of theirs stays."""
    _, address, *places = whereabouts(other_session)
    assert exist(*places)
    assert greets(address)

    other_session.kill()

    wait_until_gone(*places)
    assert not greets(address)


def test_killed_watcher(other_session: subprocess.Popen[str], bookworm: Machine) -> None:
    """What a session left whose watcher was killed too, the next session clears, and touches no other session."""
    watcher, _, *places = whereabouts(other_session)
    os.kill(int(watcher), signal.SIGKILL)
    clear_abandoned()
    assert exist(*places), "its session still runs"

    other_session.kill()
    other_session.wait()

    wait_until_gone(*places, meanwhile=clear_abandoned)  # the watcher holds the lock as well, until it has really died
    assert bookworm.up


def whereabouts(session: subprocess.Popen[str]) -> list[str]:
    """[watcher, address, cgroup, folder, bridge] of the other session, once its host is up."""
    assert session.stdout is not None
    watcher, address, cgroup, folder, bridge = json.loads(session.stdout.readline())
    return [str(watcher), address, cgroup, folder, f"/sys/class/net/{bridge}", f"/run/netns/{bridge[:-2]}victim"]


def exist(*places: str) -> list[str]:
    return [place for place in places if Path(place).exists()]


def wait_until_gone(*places: str, seconds: float = 20, meanwhile: Callable[[], object] = lambda: None) -> None:
    deadline = time.monotonic() + seconds
    while exist(*places):
        assert time.monotonic() < deadline, f"still there: {exist(*places)}"
        meanwhile()
        time.sleep(0.02)
