"""The kit on real hosts: its own install script, the whole story through it, and a thief of the key, who gets nowhere.

A thief can still do what the kit is for: look, end, warn, hold, give back and limit people.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.hosts.connections import SshHosts
from bot.models import Act, Host
from tests.hosts import witness
from tests.hosts.bases import ACCOUNTS, Suite
from tests.hosts.conftest import FORGETFUL, NO_PAM
from tests.hosts.kicking import BOTS_ACCOUNT, PROTECTED, Kicks, allowing
from tests.hosts.kits import Kitted, Thief, boot_of, start_of
from tests.hosts.logins import Logins, connection
from tests.hosts.machines import Machine, MachineError
from tests.hosts.rack import Rack
from tests.hosts.test_set_limits import CLEAN, drop_ins, keep, on_trial
from tests.whole import kickbot

SUDO = {"etc/sudoers.d/10-test": "opsuser ALL=(ALL) NOPASSWD: ALL\n"}
USER = "audituser"
FOREVER = str(10**12)
NOT_DONE = {"forbidden", "refused forbidden", "refused gone"}
HOSTS: dict[str, tuple[Suite, dict[str, str]]] = {
    "bookworm": ("bookworm", FORGETFUL),
    "trixie": ("trixie", FORGETFUL),
    "nopam": ("trixie", NO_PAM),
}


@pytest.fixture(scope="module", params=HOSTS)
def kitted(
    request: pytest.FixtureRequest, rack: Rack, machines: list[Machine], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kitted]:
    """A host that root has just given the kit."""
    folder, shown = tmp_path_factory.mktemp("kit"), tmp_path_factory.mktemp("shown")
    suite, files = HOSTS[request.param]
    with Machine(rack, f"kit-{request.param}", suite, files={**SUDO, **files}, binds={"/kit": shown}) as machine:
        if files is NO_PAM:
            for user in ACCOUNTS:
                machine.run("usermod", "--password", "*", user)
        machines.append(machine)
        found = Kitted(machine, folder, shown)
        found.install()
        yield found
        machines.remove(machine)


@pytest.fixture
async def thief(kitted: Kitted) -> AsyncIterator[Thief]:
    made = Thief(kitted.machine)
    yield made
    await made.close()


# ------------------------------------------------------------------------------------------------------- a thief


async def test_a_thief_gets_no_further_by_what_kickbot_tries(kitted: Kitted) -> None:
    """`--verify` tries more than forty things with the bot's key. Each is refused, and root sees nothing new."""
    before = kitted.witness()

    done = kickbot("hosts", "kit", kitted.machine.name, "--verify", "--config", str(kitted.config))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    *tries, summary = done.stdout.splitlines()
    assert all(line.startswith("refused  ") for line in tries)
    assert len(tries) > 40
    assert summary == f"{kitted.machine.name}: {len(tries)} of {len(tries)} were refused"
    assert kitted.witness() == before


def test_a_thief_gets_no_further_by_openssh(kitted: Kitted, tmp_path: Path) -> None:
    """The same by the clients that a thief has, each with the stolen key; root sees that nothing changed."""
    machine, before = kitted.machine, kitted.witness()
    at = f"kickbot@{machine.address}"
    mine = tmp_path / "mine"
    mine.write_text("mine")
    socket = tmp_path / "agent"
    tries = {
        "a shell": ["ssh", at],
        "a terminal": ["ssh", "-tt", at],
        "a command": ["ssh", at, "touch /tmp/thief"],
        "sudo": ["ssh", at, "sudo -n sh -c 'touch /tmp/thief'"],
        "sudo with another program": ["ssh", at, "sudo -n /opt/kickbot-host/kickbot-host x; touch /tmp/thief"],
        "the program's own name": ["ssh", at, "kickbot-host\ntouch /tmp/thief"],
        "the agent": ["ssh", "-A", at, "ssh-add -l"],
        "X11": ["ssh", "-X", at, "touch /tmp/thief"],
        "a variable": ["ssh", "-oSetEnv=LC_ALL=$(touch /tmp/thief) BASH_ENV=/tmp/x", at, "env"],
        "sftp": ["sftp", "-b", "/dev/stdin", at],
        "scp there": ["scp", "-O", str(mine), f"{at}:/tmp/thief"],
        "scp from there": ["scp", "-O", f"{at}:/etc/passwd", str(tmp_path / "stolen")],
        "scp by sftp": ["scp", str(mine), f"{at}:/tmp/thief"],
        "a port there": ["ssh", "-oExitOnForwardFailure=yes", "-R", "0:127.0.0.1:1", at],
        "a socket there": ["ssh", "-oExitOnForwardFailure=yes", "-R", f"/tmp/thief:{socket}", at],
        "another host's ssh": ["ssh", "-W", "127.0.0.1:22", at],
        "root": ["ssh", f"root@{machine.address}", "true"],
    }

    def attempt(words: list[str]) -> subprocess.CompletedProcess[bytes]:
        program, *rest = words
        return subprocess.run(
            [program, *connection(machine), *rest],
            input=b"touch /tmp/thief\nput /etc/hostname /tmp/thief\n",
            env={"PATH": os.environ["PATH"], "DISPLAY": ":9"},
            capture_output=True,
            timeout=120,
            check=False,
        )

    with ThreadPoolExecutor(len(tries)) as pool:  # a copy waits until the program has waited long enough for a request
        for what, done in zip(tries, pool.map(attempt, tries.values()), strict=True):
            assert done.returncode != 0 or b" refused - unread\n" in done.stdout, (what, done)
            assert b"SSH-2.0" not in done.stdout, what
    assert not (tmp_path / "stolen").exists()
    assert kitted.witness() == before


async def test_what_the_program_is_asked_for_is_judged_on_the_host(
    kitted: Kitted, thief: Thief, logins: Logins
) -> None:
    """Of this boot and in time, with numbers that a look showed: daemons, sshd, root and the protected stay."""
    machine, boot = kitted.machine, await boot_of(kitted.machine)
    logins.terminal(machine, PROTECTED)
    rooted = logins.start(machine, "root", "exec sleep 4711", options=("-T", "-i", str(kitted.root_key)))
    (sleeper,) = witness.wait(machine, "sleep 4711")
    before = kitted.witness()
    daemons = {
        "init": 1,
        "sshd": int(machine.run("cat", "/run/sshd.pid")),
        "cron": int(machine.run("pgrep", "-ox", "cron")),
        "journald": int(machine.run("pgrep", "-ox", "systemd-journal")),
        "root's sleep": sleeper.pid,
        "dbus": int(machine.run("pgrep", "-o", "-u", "messagebus")),
    }
    bus = machine.run("id", "-u", "messagebus").strip()
    protected = machine.run("id", "-u", PROTECTED).strip()
    act = (FOREVER, boot)
    for name, pid in daemons.items():
        start = await start_of(machine, pid)
        for uid in ("1001", bus):
            assert await thief.ask("end_login", *act, uid, str(pid), start, "-", "kill") in NOT_DONE, (name, uid)
            pins = f"{pid}@{start},{pid}@"
            assert await thief.ask("end_login", *act, uid, "999999", "1", pins, "kill") in NOT_DONE, (name, uid)
        assert await thief.ask("warn_login", *act, "1001", str(pid), start, "-", "hello") in NOT_DONE, name
    for uid in ("0", bus, protected, "65534"):
        assert await thief.ask("end_account", *act, uid, "-", "-", "0", "kill") == "forbidden"
    until = str(int(machine.run("date", "+%s")) + 600)
    for uid, name in (("0", "root"), (bus, "messagebus"), (protected, PROTECTED)):
        assert await thief.ask("hold", *act, uid, name, "thief", until, "kickbot") == "forbidden"
    assert await thief.ask("hold", *act, "1001", "root", "thief", until, "kickbot") == "refused changed"

    after = kitted.witness()
    assert after["daemons"] == before["daemons"]
    assert after["important"] == before["important"]
    assert rooted.alive
    assert witness.processes(machine, PROTECTED, "bash")
    assert all(witness.is_alive(machine, pid) for pid in daemons.values())


# ------------------------------------------------------------------------------------------------------- the story


def expiry(machine: Machine) -> str:
    return machine.run("getent", "shadow", USER).split(":")[7]


async def test_the_whole_story_goes_through_the_kit(kitted: Kitted, logins: Logins, tmp_path: Path) -> None:
    """Look, warn, hold, end and give back, and the host's log has each of them, and nothing else."""
    machine = kitted.machine
    doomed, other = logins.terminal(machine, USER), logins.terminal(machine, "alice")
    earlier = len(kitted.log())
    policy = allowing([machine], Act.LIMITS)
    async with Kicks.at_work([machine], tmp_path, policy=policy, kit=True) as kicks:
        done = await kicks.kick(USER, machine, warn=1, hold=3600)
        refused = logins.start(machine, USER, "true", options=("-T",)).wait_end()
        await kicks.unhold(USER, machine)
        shown = [each async for each in kicks.hosts.limits([machine.name])]
        await asyncio.to_thread(witness.until, lambda: not expiry(machine), "the account to be given back")
        processes = await kicks.kick("alice", machine, processes=True)

    assert done.results == {machine.name: ["ended"]}, done.answers(machine)
    assert set(processes.of_account[machine.name]) <= {"ended", "already gone"}, processes.answers(machine)
    assert witness.left(machine, "alice") == []
    doomed.wait_end()
    other.wait_end()
    assert refused != 0
    assert len(shown) == 1
    kind = "_login" if machine.name == "kit-nopam" else ""
    told, ended = f"warn{kind}", f"end{kind}"
    verbs = [line.removeprefix("kickbot: ").split()[0] for line in kitted.log()[earlier:]]
    done_at_least = {"look", "limits", told, ended, "hold", "release", "show_account"}
    assert done_at_least <= set(verbs) <= {*done_at_least, "show_hold", "end_account"}


async def test_a_limit_is_set_through_the_kit(kitted: Kitted) -> None:
    """On trial, and kept over a fresh login, as without it."""
    machine = kitted.machine
    host = Host(name=machine.name, address=machine.address, user=BOTS_ACCOUNT, kit=True)
    hosts = SshHosts({machine.name: host}, [machine.identity], machine.known_hosts)
    try:
        answer, step = await on_trial(hosts, machine, limit="unresponsive")
        kept = await keep(hosts, step)
    finally:
        await hosts.close()
        there = drop_ins(machine)
        machine.run("sh", "-c", CLEAN)

    assert (answer.status, kept.status) == ("done", "done"), (answer, kept)
    assert there == ["00-kickbot-limit-unresponsive.conf"]


def test_a_check_says_that_a_host_has_the_kit(kitted: Kitted) -> None:
    """With every act refused as of another boot."""
    done = kickbot("hosts", "check", "--deep", "--config", str(kitted.config))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "  with the kit" in done.stdout


async def test_another_kit_on_the_host_is_told(kitted: Kitted) -> None:
    """As after an update of Kickbot: the host has to be given the new one."""
    machine, program = kitted.machine, "/opt/kickbot-host/kickbot-host"
    machine.run("sed", "-i", f"s/^KIT=.*/KIT={'0' * 64}/", program)
    done = await asyncio.to_thread(kickbot, "hosts", "check", "--config", str(kitted.config))
    kitted.install()

    assert done.returncode == 1
    assert "has another version of the kit (000000000000): install what `kickbot hosts kit` prints now" in done.stdout
    assert kickbot("hosts", "check", "--config", str(kitted.config)).returncode == 0


# ------------------------------------------------------------------------------------------------------- installing it


def test_what_is_installed_is_roots(kitted: Kitted) -> None:
    """Nobody with the key can change what the next login does; a second time nothing changes."""
    machine = kitted.machine
    home = "/home/kickbot"
    files = f"/opt/kickbot-host /opt/kickbot-host/* {home} {home}/.ssh {home}/.ssh/* /etc/sudoers.d/kickbot-host"
    before = kitted.witness()["important"]

    owned = machine.run("sh", "-c", f"stat -c '%U:%G %a %n' {files}").splitlines()
    kitted.install()

    assert {line.split()[0] for line in owned} == {"root:root"}
    assert {line.split()[1] for line in owned} == {"755", "644", "440"}
    assert kitted.witness()["important"] == before
    assert machine.run("cat", "/opt/kickbot-host/protected") == f"{PROTECTED}\n"
    assert machine.run("id", "-Gn", "kickbot").split() == ["kickbot"]


def test_it_does_not_let_a_key_in_where_sudo_allows_more(kitted: Kitted) -> None:
    """What root wrote into sudoers is for root to take away: the script says what, and fails."""
    machine, more = kitted.machine, "/etc/sudoers.d/99-more"
    machine.run("rm", "/home/kickbot/.ssh/authorized_keys")
    machine.run("sh", "-c", f"echo 'kickbot ALL=(root) NOPASSWD: /bin/sh' >{more}")
    with pytest.raises(MachineError, match=r"(?s)sudo still allows kickbot something else.*NOPASSWD: /bin/sh"):
        kitted.install()
    there = machine.run("ls", "/home/kickbot/.ssh").split()
    machine.run("rm", more)
    kitted.install()

    assert there == []
    assert machine.run("ls", "/home/kickbot/.ssh").split() == ["authorized_keys"]
