"""Stand-ins for the borders of the workflow: hosts, people and a clock, all in memory.

They keep the limits of what they stand for: an act after its deadline or on another identity is refused.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

from bot.errors import LookupFailed
from bot.models import (
    Account,
    Answer,
    HostUptime,
    Person,
    Process,
    Rung,
    Session,
    Snapshot,
    Step,
    Terminal,
    Unreachable,
)

START = datetime(2026, 11, 20, 13, 28, tzinfo=UTC)


class FakeClock:
    """The only clock of a test. Sleeping moves it, so a test never waits."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class FakePeople:
    """Slack's people and groups. A name in `unknown` can't be looked up."""

    def __init__(self, groups: dict[str, set[str]], odd: dict[str, Person] | None = None) -> None:
        self.groups = groups
        self.odd = odd or {}
        self.unknown: set[str] = set()

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        if id in self.unknown:
            raise LookupFailed(id, "no answer")
        return self.odd.get(id, Person(id=id, name=id.removeprefix("U0").title()))

    async def members(self, group: str) -> frozenset[str]:
        if group in self.unknown:
            raise LookupFailed(group, "no answer")
        return frozenset(self.groups.get(group, set()))


class FakeHost:
    """One host with logind, as a look shows it. ended: how often each identity was really ended."""

    def __init__(self, name: str, clock: FakeClock) -> None:
        self.name = name
        self.clock = clock
        self.booted = clock.now - timedelta(days=41)
        self.boot = f"boot-of-{name}"
        self.sessions: dict[str, Session] = {}
        self.stubborn: set[str] = set()
        self.ended: list[str] = []
        self.lost = False
        self.answers_get_lost = False

    @property
    def uptime(self) -> HostUptime:
        return HostUptime(int((self.clock.now - self.booted).total_seconds() * 100))

    def login(self, session: str, user: str = "audituser", uid: int = 1000, *, own: bool = False) -> Session:
        """A new login; an id that is in use is taken over by it."""
        leader = 4000 + len(self.sessions) + len(self.ended) * 10
        made = Session(
            id=session,
            identity=f"{session}:{leader}:{self.uptime}",
            account=Account(name=user, uid=uid),
            source="logind",
            state="active",
            service="sshd",
            remote="203.0.113.10",
            leader=leader,
            since=self.clock.now,
            own=own,
            terminals=(Terminal(name="pts/3", since_key=720, since_output=720),),
            processes=(_shell(leader, user, uid),),
            ladder=(Rung(name="terminate"), Rung(name="signal")),
        )
        self.sessions[session] = made
        return made

    def reboot(self) -> None:
        self.boot += "'"
        self.booted = self.clock.now
        self.sessions.clear()

    def look(self) -> Snapshot | Unreachable:
        if self.lost:
            return Unreachable(host=self.name, reason="did not answer within 10 s (connection timed out)")
        return Snapshot(
            host=self.name,
            host_key=f"SHA256:{self.name}",
            boot=self.boot,
            uptime=self.uptime,
            time=self.clock.now,
            system="systemd 252",
            sessions=tuple(self.sessions.values()),
        )

    def act(self, step: Step, not_after: HostUptime) -> Answer:
        if self.lost:
            return Answer(status="unknown", output="the connection was lost")
        if self.uptime > not_after:
            return Answer(status="refused", refusal="late")
        session = self.sessions.get(step.target.session)
        if session is None:
            return Answer(status="refused", refusal="gone")
        if session.identity != step.target.identity:
            return Answer(status="refused", refusal="changed")
        if session.id not in self.stubborn:
            self.ended.append(session.identity)
            del self.sessions[session.id]
        if self.answers_get_lost:
            return Answer(status="unknown", output="the connection was lost")
        return Answer(status="done", command=f"loginctl {step.rung} {session.id}", exit_status=0)


class FakeHosts:
    """The `Hosts` border over some fake hosts. before_act: is called right before each act."""

    def __init__(self, clock: FakeClock, *names: str) -> None:
        self.by_name = {name: FakeHost(name, clock) for name in names}
        self.before_act: Callable[[Step], None] = lambda _step: None
        self.acts: list[Step] = []

    def __getitem__(self, name: str) -> FakeHost:
        return self.by_name[name]

    async def look(self, hosts: Sequence[str]) -> AsyncIterator[Snapshot | Unreachable]:
        for name in hosts:
            yield self.by_name[name].look()

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        self.before_act(step)
        self.acts.append(step)
        return self.by_name[step.host].act(step, not_after)


def _shell(pid: int, user: str, uid: int) -> Process:
    return Process(
        pid=pid, parent=1, start=str(pid * 10), uid=uid, user=user, terminal="pts/3", name="bash", command="-bash"
    )
