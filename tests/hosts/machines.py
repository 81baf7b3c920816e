"""Machines: real Debian hosts for the tests, booted by systemd-nspawn in a rack, each with its own network and cgroup.

A machine never writes to its base: its disk is an overlay in memory, inside a mount namespace that ends with it.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from tests.hosts.bases import ACCOUNTS, Suite, base, client_key
from tests.hosts.rack import Rack, end_cgroup, ip

Kind = Literal["systemd", "plain"]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# nspawn and the guest see a pure cgroup2 machine, also where v1 is mounted too. 133 is nspawn's word for "reboot".
BOOT = r"""
echo $$ >"$cgroup/cgroup.procs"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs "$disk"
mkdir "$disk/upper" "$disk/work" "$disk/root"
cp -r "$seed/." "$disk/upper/"
chmod -R u=rwX,go=rX "$disk/upper"    # whatever the umask of the tests
chmod 600 "$disk/upper/etc/ssh/ssh_host_ed25519_key"
mount -t overlay overlay -o "lowerdir=$base,upperdir=$disk/upper,workdir=$disk/work" "$disk/root"
status=133
while [ "$status" = 133 ]; do
    status=0
    systemd-nspawn --quiet --directory="$disk/root" --machine="$unique_name" --hostname="$name" \
        --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=pipe \
        --network-namespace-path="/run/netns/$unique_name" "$@" || status=$?
    [ ! -e "$again" ] || { rm "$again"; status=133; }
done
"""
PRIVATELY = ("unshare", "--mount", "--propagation", "private")
PLAIN = "mkdir -p /run/sshd; install -m 664 -g utmp /dev/null /run/utmp; exec /usr/sbin/sshd -D -e"
GUEST: dict[Kind, tuple[str, ...]] = {
    "systemd": ("--boot", "--kill-signal=SIGRTMIN+3"),
    "plain": ("--as-pid2", "/bin/sh", "-c", PLAIN),
}

# The children of sshd first: one of them may be about to become a login.
END_LOGINS = r"""
rm -f /var/lib/systemd/linger/*
pkill -KILL -P "$(cat /run/sshd.pid)"; pkill -KILL -u {accounts}
for wait in $(seq 1000); do
    pgrep -P "$(cat /run/sshd.pid)" >/dev/null || pgrep -u {accounts} >/dev/null || exit 0
    sleep 0.01
done
exit 1
"""


# Where systemd runs, in a unit that has nothing to do with sessions. Somebody else may be quicker: so more than once.
START_AS = r"""
pid=$1; shift
unit=/sys/fs/cgroup/system.slice/cron.service/cgroup.procs
[ ! -e $unit ] || echo $$ >$unit
for try in $(seq 50); do
    echo $((pid - 1)) >&0
    setsid "$@" </dev/null >/dev/null 2>&1 &
    [ $! -ne "$pid" ] || exit 0
    kill -KILL $!
done
exit 1
"""


# A socket belongs to the network in which it was made, whoever holds it.
LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[2]))) as made, socket.socket(fileno=int(sys.argv[1])) as line:
    socket.send_fds(line, [b"."], [made.fileno()])
"""


class MachineError(Exception):
    """A machine did not do what a test asked of it; the text says what, and shows its own last words."""


class Machine:
    """One host. Usable as a context manager: up and waited for inside, gone after.

    name: its host name. address: IPv4. suite, kind: what it runs; "plain" is sshd without systemd. host_key: its public
    key, "ssh-ed25519 AAAA...". identity: the file of the private key that all its accounts accept (ACCOUNTS and root).
    known_hosts: a file with its key, for the OpenSSH client. folder: its files on this machine, removed with the rack.
    files: text by path ("etc/...") to lay over the base. binds: folders of this machine to show there, by their place
    on the host; it can't write to them.
    """

    def __init__(
        self,
        rack: Rack,
        name: str,
        suite: Suite,
        kind: Kind = "systemd",
        files: Mapping[str, str] | None = None,
        binds: Mapping[str, Path] | None = None,
    ) -> None:
        self.name, self.suite, self.kind = name, suite, kind
        self.identity = client_key()
        self._rack = rack
        self._binds = [f"--bind-ro={folder}:{place}" for place, folder in (binds or {}).items()]
        self._number = rack.free_host()
        self.address = rack.address(self._number)
        self._unique_name = f"{rack.prefix}{name}"
        self._interface = f"{rack.prefix}{self._number}"
        self._cgroup = rack.cgroup / name
        self.folder = rack.folder / name
        self._console = self.folder / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.host_key = self._seed(files or {})
        self.known_hosts = self.folder / "known_hosts"
        self.known_hosts.write_text(f"{self.address} {self.host_key}\n")

    def boot(self) -> None:
        """Start it, with a fresh disk; returns at once."""
        base(self.suite).touch()
        self._connect()
        self._cgroup.mkdir()
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [*PRIVATELY, "sh", "-euc", BOOT, "boot", *self._binds, *GUEST[self.kind]],
                env=self._places(),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, seconds: float = 30) -> None:
        """Return when it takes logins and has done its booting; makes no login itself."""
        self._until(self._is_up, "to be up", seconds)

    @property
    def up(self) -> bool:
        """True from the moment that its first process runs."""
        return bool(self._leaders())

    def reboot(self) -> None:
        """Restart it, with its disk and its key, and wait for it. A plain one has its power cut."""
        before = self._leader()
        (self.folder / "again").touch()
        if self.kind == "systemd":
            self.run("systemctl", "--no-block", "reboot")
        else:
            os.kill(before, 9)
        self._until(lambda: before not in self._leaders(), "to go down", seconds=90)
        self.wait()

    def run(self, *argv: str) -> str:
        """What a command prints that root runs inside, without a login. Raises MachineError unless it exits with 0."""
        return self._run(argv, stdin=subprocess.DEVNULL)

    def start_as(self, pid: int, *argv: str) -> None:
        """Start a command that root runs inside, as a process with exactly this free id. Raises MachineError."""
        with Path("/proc/sys/kernel/ns_last_pid").open("wb") as last:  # means the writer's own pid namespace
            self._run(["sh", "-c", START_AS, "start", str(pid), *argv], stdin=last)

    def listen(self, port: int) -> socket.socket:
        """A socket for this process that listens on the host's own 127.0.0.1."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            inside = ["nsenter", f"--net=/run/netns/{self._unique_name}", sys.executable, "-c", LISTEN]
            subprocess.run([*inside, str(theirs.fileno()), str(port)], pass_fds=[theirs.fileno()], check=True)
            _, (listening,), _, _ = socket.recv_fds(ours, 1, 1)
        return socket.socket(fileno=listening)

    def fill_disk(self) -> None:
        """From now on no byte is left on its disk."""
        used = int(self._on_disk("df", "--output=used", str(self.folder / "disk")).split()[-1])
        self._on_disk("mount", "-o", f"remount,size={used + 4}k", str(self.folder / "disk"))
        self.run("sh", "-c", "cat /dev/zero >/var/filler 2>/dev/null || true")

    def free_disk(self) -> None:
        """There is space again."""
        self._on_disk("mount", "-o", "remount,size=50%", str(self.folder / "disk"))
        self.run("rm", "-f", "/var/filler")

    def _on_disk(self, *argv: str) -> str:
        """What a command prints that runs on this machine, where the guest's disk is mounted."""
        assert self._process is not None
        inside = ["nsenter", f"--target={self._process.pid}", "-m", "--"]
        return subprocess.run([*inside, *argv], check=True, capture_output=True, text=True, timeout=60).stdout

    def end_logins(self) -> None:
        """End every login, with all that it started; returns when the host knows of none, and nobody lingers."""
        self.run("sh", "-c", END_LOGINS.format(accounts=",".join(ACCOUNTS)))
        sessions = self._cgroup / "payload" / "user.slice" / "cgroup.kill"
        if sessions.exists():
            sessions.write_text("1")
        if self.kind == "systemd":
            self._until(lambda: not self.run("loginctl", "list-sessions", "--no-legend"), "to have no session", 10)
            self.run("systemctl", "reset-failed")  # the killed user managers, and how often they were started

    def down(self) -> None:
        """End it at once and take it away; no error if it is not up."""
        end_cgroup(self._cgroup)
        if self._process is None:
            return
        self._process.wait()
        self._process = None
        ip(f"link delete {self._interface}", f"netns delete {self._unique_name}")

    def __enter__(self) -> Self:
        try:
            self.boot()
            self.wait()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.down()

    def _run(self, argv: Sequence[str], stdin: int | IO[bytes]) -> str:
        inside = ["nsenter", f"--target={self._leader()}", "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--"]
        done = subprocess.run(
            [*inside, *argv],
            env={"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"},
            stdin=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr).decode(errors="replace").strip()
            raise MachineError(f"{self.name}: {' '.join(argv)!r} exited with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")

    def _seed(self, files: Mapping[str, str]) -> str:
        """Write the files in which this host differs from its base. Returns its public key."""
        seed = self.folder / "seed"
        key = seed / "etc/ssh/ssh_host_ed25519_key"
        key.parent.mkdir(parents=True)
        (seed / "etc/hostname").write_text(f"{self.name}\n")
        (seed / "etc/hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        for path, text in files.items():
            (seed / path).parent.mkdir(parents=True, exist_ok=True)
            (seed / path).write_text(text)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", key], check=True)
        return " ".join(key.with_suffix(".pub").read_text().split()[:2])

    def _connect(self) -> None:
        """A network namespace with one interface, on the rack's bridge.

        Its hardware address follows from the IP: with a random one, a host that is made again is unreachable for half a
        minute, until the neighbour cache forgets the old one.
        """
        space = self._unique_name
        hardware = "02:77:" + ":".join(f"{int(part):02x}" for part in self.address.split("."))
        ip(
            f"netns add {space}",
            f"link add {self._interface} type veth peer name eth0 address {hardware} netns {space}",
            f"link set {self._interface} master {self._rack.bridge} up",
        )
        ip(
            "link set lo up",
            f"addr add {self.address}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {self._rack.address(1)}",
            namespace=space,
        )

    def _places(self) -> dict[str, str]:
        """BOOT's environment; makes the empty folder that its disk is mounted on."""
        disk = self.folder / "disk"
        disk.mkdir(exist_ok=True)
        return {
            "PATH": PATH,
            "base": str(base(self.suite)),
            "seed": str(self.folder / "seed"),
            "disk": str(disk),
            "again": str(self.folder / "again"),
            "cgroup": str(self._cgroup),
            "name": self.name,
            "unique_name": self._unique_name,
        }

    def _leaders(self) -> list[int]:
        """The guest's PID 1, as this machine numbers it: its innermost number is 1. Empty while it is down."""
        payload = self._cgroup / "payload"  # nspawn makes it; systemd moves itself into init.scope
        return [pid for place in (payload, payload / "init.scope") for pid in _processes(place) if _is_leader(pid)]

    def _leader(self) -> int:
        leaders = self._leaders()
        if not leaders:
            raise MachineError(f"{self.name} is not up. {self._last_words()}")
        return leaders[0]

    def _is_up(self) -> bool:
        if not self.up or not greets(self.address):
            return False
        state = "systemctl is-system-running || true"
        return self.kind == "plain" or self.run("sh", "-c", state).strip() in {"running", "degraded"}

    def _until(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self._process is None or self._process.poll() is not None:
                raise MachineError(f"{self.name} is not running; it was expected {what}. {self._last_words()}")
            if time.monotonic() > deadline:
                raise MachineError(f"{self.name} took more than {seconds} s {what}. {self._last_words()}")
            time.sleep(0.03)

    def _last_words(self) -> str:
        words = self._console.read_text(errors="replace")[-2000:] if self._console.exists() else ""
        return f"Its console:\n{words}"


def _processes(cgroup: Path) -> list[int]:
    with suppress(OSError):  # there is none yet, or no longer
        return [int(pid) for pid in (cgroup / "cgroup.procs").read_text().split()]
    return []


def _is_leader(pid: int) -> bool:
    with suppress(OSError):  # it ended meanwhile
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(line for line in lines if line.startswith("NSpid:")).split()[-1] == "1"
    return False


def greets(address: str) -> bool:
    """True if sshd is there: it says its version first."""
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(8) == b"SSH-2.0-"
    except OSError:
        return False
