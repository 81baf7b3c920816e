"""Hosts in memory, for tests of what stands above them: people are logged in, and ends come true or not."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from bot.models import (
    Account,
    Answer,
    HostUptime,
    Process,
    Rung,
    Session,
    Snapshot,
    Step,
    Terminal,
    Unreachable,
)

LADDER = (Rung(name="terminate-session"), Rung(name="kill-session"))
START = datetime(2026, 11, 20, 13, 10, tzinfo=UTC)


def process(pid: int, name: str, *, parent: int = 1, user: str = "audituser", **more: object) -> Process:
    known = {"pid": pid, "parent": parent, "start": str(pid), "uid": 1001, "user": user, "name": name, "command": name}
    return Process.model_validate({**known, **more})


def session(
    name: str,
    user: str = "audituser",
    *,
    uid: int = 1001,
    tty: str | None = "pts/3",
    remote: str = "203.0.113.10",
    runs: Sequence[str] = ("bash", "vim"),
    **more: object,
) -> Session:
    """A login of `user`; `runs`: each program the child of the one before it."""
    first = 1000 + int(name) * 10 if name.isdecimal() else 4242
    processes = [process(first, "sshd", user=user, session=name)]
    for number, program in enumerate(runs, 1):
        last = number == len(runs) and tty is not None
        made = process(first + number, program, parent=first + number - 1, user=user, session=name, foreground=last)
        processes.append(made)
    known = {
        "id": name,
        "identity": f"boot-1/{name}/{first}",
        "account": Account(name=user, uid=uid),
        "source": "logind",
        "state": "active",
        "service": "sshd",
        "remote": remote,
        "leader": first,
        "since": START,
        "terminals": (Terminal(name=tty, since_key=720, since_output=3),) if tty else (),
        "processes": tuple(processes),
        "ladder": LADDER,
    }
    return Session.model_validate({**known, **more})


class FakeHosts:
    """The Hosts of `borders.py`. Everything may be changed at any time; `acts` keeps what was asked of them.

    stubborn: sessions that survive. lost: hosts that don't answer. notes, raw: of every look.
    """

    def __init__(self, **sessions: Sequence[Session]) -> None:
        self.sessions = {host: list(listed) for host, listed in sessions.items()}
        self.outside: dict[str, tuple[Process, ...]] = {}
        self.stubborn: set[str] = set()
        self.lost: dict[str, str] = {}
        self.raw = "KICKBOT look\nsession=7\n"
        self.acts: list[Step] = []
        self.looks = 0

    def snapshot(self, host: str) -> Snapshot:
        return Snapshot(
            host=host,
            host_key=f"SHA256:{host}",
            boot="boot-1",
            uptime=HostUptime(41 * 86_400 * 100),
            time=START + timedelta(minutes=18),
            system="systemd 252",
            sessions=tuple(self.sessions.get(host, ())),
            outside=self.outside.get(host, ()),
            raw=self.raw,
        )

    async def look(self, hosts: Sequence[str]) -> AsyncIterator[Snapshot | Unreachable]:
        self.looks += 1
        for host in hosts:
            if host in self.lost:
                yield Unreachable(host=host, reason=self.lost[host])
            else:
                yield self.snapshot(host)

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        self.acts.append(step)
        target = step.target
        if step.host in self.lost:
            return Answer(status="unknown", output=self.lost[step.host])
        if target.session not in self.stubborn:
            kept = [s for s in self.sessions[step.host] if s.identity != target.identity]
            self.sessions[step.host] = kept
        return Answer(status="done", command=f"loginctl {step.rung} {target.session}", exit_status=0)
