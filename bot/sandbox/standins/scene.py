"""One sandbox host as its stand-ins see it: the accounts, the sessions, and which real processes belong to each.

All of it comes from the host's private folder and from the kernel. A session is the descent from its keeper, as on a
real host it is a cgroup; what descends from no keeper of this host is never shown and never signalled.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bot.sandbox.standins.kernel import PROC, Process, below, process, processes, send

FOLDER = "KICKBOT_SANDBOX_HOST"
ROOT = "KICKBOT_SANDBOX_ROOT"
UID = re.compile(rb"^Uid:.*$", re.MULTILINE)
PARENT = re.compile(rb"^PPid:.*$", re.MULTILINE)


class Account(NamedTuple):
    name: str
    uid: int


class Session(NamedTuple):
    """One login. Times are microseconds; `leader_start` is in ticks; `processes` are those that live."""

    id: str
    account: Account
    leader: int
    leader_start: int
    remote: str
    realtime: int
    monotonic: int
    asked_to_end: bool
    processes: tuple[Process, ...]

    @property
    def scope(self) -> str:
        return f"/user.slice/user-{self.account.uid}.slice/session-{self.id}.scope"

    @property
    def closing(self) -> bool:
        """As in logind: asked to end, or its leader has gone and something was left behind."""
        leads = any(one.pid == self.leader and one.start == self.leader_start for one in self.processes)
        return self.asked_to_end or not leads


class Shown(NamedTuple):
    """A process as the host shows it: real but for what needs root to be real, its parent, account and cgroup."""

    process: Process
    name: bytes
    title: bytes
    parent: int
    uid: int
    cgroup: str


class Scene:
    """Reads afresh whenever it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = int(Path(folder, "server").read_text())

    @classmethod
    def here(cls) -> "Scene":
        """The host on which this stand-in was started."""
        return cls(Path(os.environ[FOLDER]))

    def accounts(self) -> list[Account]:
        known: dict[str, int] = json.loads(Path(self.folder, "accounts").read_text())
        return [Account(name, uid) for name, uid in known.items()]

    def sessions(self) -> list[Session]:
        """The sessions that have a living process, in the order of their logins."""
        everything = processes()
        records = [json.loads(path.read_text()) for path in Path(self.folder, "sessions").glob("*.json")]
        found = [self._session(record, everything) for record in records]
        return sorted((one for one in found if one.processes), key=lambda one: one.monotonic)

    def _session(self, record: dict[str, Any], everything: dict[int, Process]) -> Session:
        keeper = everything.get(record["keeper"])
        living: tuple[Process, ...] = ()
        if keeper and keeper.start == record["keeper_start"]:
            living = tuple(one for one in below(keeper.pid, everything) if one.alive)
        return Session(
            record["id"],
            Account(record["user"], record["uid"]),
            record["leader"],
            record["leader_start"],
            record["remote"],
            record["realtime"],
            record["monotonic"],
            self._mark(record["id"]).exists(),
            living,
        )

    def _mark(self, session: str) -> Path:
        return Path(self.folder, "sessions", f"{session}.closing")

    def mark_closing(self, session: Session) -> None:
        self._mark(session.id).touch()

    @staticmethod
    def signal(session: Session, *numbers: int) -> None:
        """Send signals to everything in a session, and to nothing else."""
        for number in numbers:
            for one in session.processes:
                send(one, number)

    def shown(self) -> Iterator[Shown]:
        """What ps lists: init, the SSH server (the sandbox itself), and the processes of every session."""
        if first := process(1):
            yield Shown(first, b"systemd", b"/sbin/init", 0, 0, "/init.scope")
        if server := process(self.server):
            title = b"sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups"
            yield Shown(_without_terminal(server), b"sshd", title, 1, 0, "/system.slice/ssh.service")
        for session in self.sessions():
            members = {one.pid for one in session.processes}
            for one in session.processes:
                leads = one.pid == session.leader
                parent = one.parent if one.parent in members else self.server if leads else 1
                uid = 0 if leads else session.account.uid
                yield Shown(one, one.name, _title(one), parent, uid, session.scope)

    def publish(self) -> list[Shown]:
        """Write the host's own /proc, which its scripts read, and say what is in it."""
        everything = list(self.shown())
        for one in everything:
            self._publish(one)
        return everything

    def _publish(self, one: Shown) -> None:
        place = Path(self.folder, "proc", str(one.process.pid))
        place.mkdir(parents=True, exist_ok=True)
        try:
            status = Path(PROC, str(one.process.pid), "status").read_bytes()
        except OSError:
            return
        status = UID.sub(b"Uid:" + f"\t{one.uid}".encode() * 4, status)
        fields = [one.process.fields[0], str(one.parent).encode(), *one.process.fields[2:]]
        replace(place / "stat", b"%d (%b) %b\n" % (one.process.pid, one.name, b" ".join(fields)))
        replace(place / "status", PARENT.sub(f"PPid:\t{one.parent}".encode(), status))
        replace(place / "cgroup", f"0::{one.cgroup}\n".encode())


def replace(path: Path, content: bytes) -> None:
    """Write a file so that nobody ever reads half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)


def _title(one: Process) -> bytes:
    """A process title as ps prints it: words joined, nothing that would move a cursor."""
    try:
        raw = Path(PROC, str(one.pid), "cmdline").read_bytes().rstrip(b"\0").replace(b"\0", b" ")
    except OSError:
        raw = b""
    printable = "".join(c if c.isprintable() else "?" for c in raw.decode(errors="replace").replace("\ufffd", "?"))
    return printable.encode() or b"[%b]" % one.name


def _without_terminal(server: Process) -> Process:
    """The sandbox may well have been started from someone's terminal; an SSH server has none."""
    own = str(server.pid).encode()
    return server._replace(fields=(*server.fields[:2], own, own, b"0", b"-1", *server.fields[6:]))
