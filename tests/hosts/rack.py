"""A rack: what one test session puts on this machine to run hosts (a cgroup, a bridge, addresses), and its certain end.

It never outlives its session: a watcher clears it when the session's end of a pipe closes, even by SIGKILL; and what
a watcher could not clear, the next session does. The lock of a rack tells that its session still runs.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import IO, Self

STATE = Path("/run/kickbot-hosts")  # of this boot, like the interfaces and cgroups that it tells of
FIRST_HOST, LAST_HOST = 10, 250


class Rack:
    """Room for hosts, numbered: everything that belongs to rack 3 is called kb3-..., its network is 198.18.3.0/24.

    (198.18.0.0/15 is set aside for tests of networks, RFC 2544.)
    """

    def __init__(self) -> None:
        clear_abandoned()
        self.number, self._lock = _first_free()
        self.prefix = _prefix(self.number)
        self.cgroup = _cgroup(self.number)
        self.folder = _folder(self.number)
        self.bridge = f"{self.prefix}br"
        self._hosts = count(FIRST_HOST)
        clear(self.number)
        self.folder.mkdir()
        self.cgroup.mkdir()
        self._watcher = _watch(self.number, self._lock)
        ip(f"link add {self.bridge} type bridge", f"addr add {self.address(1)}/24 dev {self.bridge}")
        ip(f"link set {self.bridge} up")

    def address(self, host: int) -> str:
        return f"198.18.{self.number}.{host}"

    def free_host(self) -> int:
        """The number of a host that this rack has not had yet."""
        host = next(self._hosts)
        if host > LAST_HOST:
            raise OverflowError(f"a rack has room for hosts {FIRST_HOST} to {LAST_HOST}")
        return host

    def close(self) -> None:
        """End every host and take everything away; returns when it is done."""
        if self._watcher.stdin is not None:
            self._watcher.stdin.close()
        self._watcher.wait()
        clear(self.number)  # for the case that somebody killed the watcher
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def clear_abandoned() -> None:
    """Clear the racks whose sessions and watchers were both killed."""
    for path in STATE.glob("*.lock"):
        if lock := _try_lock(path):
            with lock:
                clear(int(path.stem))


def clear(number: int) -> None:
    """End the hosts of a rack and take away all that it made. What is not there is no error."""
    end_cgroup(_cgroup(number))
    prefix = _prefix(number)
    for namespace in Path("/run/netns").glob(f"{prefix}*"):
        ip(f"netns delete {namespace.name}")
    for interface in Path("/sys/class/net").glob(f"{prefix}*"):
        ip(f"link delete {interface.name}", force=True)  # one end of a pair goes with the other
    for left in Path("/run/systemd/nspawn").glob(f"*/{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(_folder(number), ignore_errors=True)


def end_cgroup(cgroup: Path, seconds: float = 10) -> None:
    """Kill all that runs in a cgroup, at once and for sure, and remove it. Needs Linux 5.14."""
    if not cgroup.exists():
        return
    (cgroup / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + seconds
    while "populated 1" in (cgroup / "cgroup.events").read_text():
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes in {cgroup} survived SIGKILL for {seconds} s")
        time.sleep(0.01)
    for folder, _, _ in os.walk(cgroup, topdown=False):
        Path(folder).rmdir()


def cgroup2() -> Path | None:
    """Where this machine has its cgroup2 hierarchy, if it has one: beside v1, or alone."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), None)


def ip(*commands: str, namespace: str | None = None, force: bool = False) -> None:
    """Configure the network, by lines for ip -batch, inside a namespace if one is named. force: failing is no error."""
    where = ["-netns", namespace] if namespace else []
    batch = "\n".join(commands).encode()
    done = subprocess.run(
        ["ip", *where, *(["-force"] if force else []), "-batch", "-"], input=batch, capture_output=True, check=False
    )
    if done.returncode != 0 and not force:
        raise OSError(f"ip {'; '.join(commands)}: {done.stderr.decode().strip()}")


def _prefix(number: int) -> str:
    return f"kb{number}-"


def _folder(number: int) -> Path:
    return STATE / str(number)


def _cgroup(number: int) -> Path:
    root = cgroup2()
    if root is None:
        raise OSError("no cgroup2 hierarchy is mounted")
    return root / f"kickbot-hosts-{number}"


def _first_free() -> tuple[int, IO[bytes]]:
    STATE.mkdir(mode=0o755, exist_ok=True)
    for number in range(256):
        if lock := _try_lock(STATE / f"{number}.lock"):
            return number, lock
    raise OSError(f"all racks are taken: see the locks in {STATE}")


def _try_lock(path: Path) -> IO[bytes] | None:
    lock = path.open("wb")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _watch(number: int, lock: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start the watcher. It holds the lock too, so that the rack is taken until it is cleared."""
    return subprocess.Popen(
        [sys.executable, "-I", __file__, str(number)],
        stdin=subprocess.PIPE,
        pass_fds=[lock.fileno()],
        start_new_session=True,  # out of reach of Ctrl-C, and of what kills the session's process group
    )


if __name__ == "__main__":  # the watcher: the other end of this pipe is in the session, which writes nothing to it
    sys.stdin.read()
    clear(int(sys.argv[1]))
