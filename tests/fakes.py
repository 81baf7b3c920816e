"""Stand-ins for the borders of the workflow: hosts, people and a clock, all in memory.

They keep the limits of what they stand for: an act after its deadline or on another identity is refused.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.errors import LookupFailed
from bot.models import (
    Account,
    AccountState,
    Answer,
    ChannelLimit,
    EndAccount,
    Ended,
    EndSession,
    Hold,
    HostLimits,
    HostUptime,
    KeepLimits,
    Person,
    Process,
    Release,
    Session,
    SetLimits,
    ShowAccount,
    ShowHold,
    Snapshot,
    Step,
    Unreachable,
    Warn,
)
from bot.trials import TRIAL
from tests import make

START = datetime(2026, 11, 20, 13, 28, tzinfo=UTC)


class FakeClock:
    """The only clock of a test. Sleeping moves it, so a test never waits."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class FakeSeconds:
    """The same for those who count seconds since 1970."""

    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class FakePeople:
    """Slack's people and groups. A name in `unknown` can't be looked up."""

    def __init__(self, groups: dict[str, set[str]], odd: dict[str, Person] | None = None) -> None:
        self.groups = groups
        self.odd = dict(odd or {})
        self.unknown: set[str] = set()

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        if id in self.unknown:
            raise LookupFailed(id, "no answer")
        return self.odd.get(id, make.person(id))

    async def members(self, group: str) -> frozenset[str]:
        if group in self.unknown:
            raise LookupFailed(group, "no answer")
        return frozenset(self.groups.get(group, set()))


class FakeHost:
    """One host with logind, as a look shows it. Everything may be changed at any time.

    outside, raw: of every look. stubborn: sessions that survive, but for the rungs in ended_by.
    stopped: terminals that take no text; told: the terminals that got some, with the text.
    groups: of every look, uid -> its Unix groups.
    lost: why it doesn't answer, empty if it does.
    slow: seconds that its next look takes. gate: it answers no look before this is set.
    ended: the identity of each session, as often as it was really ended.
    expiry: of the one account that is held; hold, before: the hold's id, and what it remembers; holds_over: how each
    ended, and by whom. unable: why it can't hold.
    limits: what is changed in `make.limits`; trial: the id of what is on trial, what was before it, and
    until when; kept: the ids of what was kept; applied: how often something was set.
    no_fresh_login: whoever isn't connected yet can't come in.
    """

    def __init__(self, name: str, clock: FakeClock, sessions: Iterable[Session] = ()) -> None:
        self.name = name
        self.clock = clock
        self.booted = clock.now - timedelta(days=41)
        self.boot = f"boot-of-{name}"
        self.host_key = f"SHA256:{name}"
        self.sessions = {session.id: session for session in sessions}
        self.outside: tuple[Process, ...] = ()
        self.raw = "KICKBOT look\nsession=7\n"
        self.stubborn: set[str] = set()
        self.ended_by: set[str] = set()
        self.stopped: set[str] = set()
        self.told: list[tuple[str, str]] = []
        self.groups: dict[str, tuple[str, ...]] = {}
        self.accounts = {"audituser": Account(name="audituser", uid=1001)}
        self.ended: list[str] = []
        self.lost = ""
        self.answers_get_lost = False
        self.slow = 0.0
        self.gate: asyncio.Event | None = None
        self.expiry = ""
        self.hold = ""
        self.before = ""
        self.holds_over: dict[str, tuple[str, str]] = {}
        self.unable = ""
        self.limits: dict[str, Any] = {}
        self.trial: tuple[str, dict[str, Any], datetime] | None = None
        self.kept: set[str] = set()
        self.applied = 0
        self.no_fresh_login = False
        self._leader = 5000

    @property
    def uptime(self) -> HostUptime:
        return HostUptime(int((self.clock.now - self.booted).total_seconds() * 100))

    def login(self, session: str, user: str = "audituser", uid: int = 1001, **changes: Any) -> Session:
        """A new login; an id that is in use is taken over by it."""
        self._leader += 10
        made = make.login(session, user, uid=uid, leader=self._leader, since=self.clock.now, **changes)
        self.sessions[session] = made
        return made

    def logout(self, *sessions: str) -> None:
        """Those logins end by themselves."""
        for session in sessions:
            del self.sessions[session]

    def reboot(self) -> None:
        self.boot += "'"
        self.booted = self.clock.now
        self.sessions.clear()

    def rebuild(self) -> None:
        """Another machine under that name, which remembers nothing."""
        self.reboot()
        self.host_key += "'"
        self.expiry, self.hold, self.before, self.holds_over = "", "", "", {}

    def look(self, account: str = "") -> Snapshot | Unreachable:
        if self.lost:
            return Unreachable(host=self.name, reason=self.lost)
        return self.snapshot().model_copy(update={"asked_for": self.accounts.get(account)})

    def show_limits(self) -> HostLimits | Unreachable:
        if self.lost:
            return Unreachable(host=self.name, reason=self.lost)
        self._take_back_in_time()
        same = {"host": self.name, "host_key": self.host_key, "boot": self.boot, "uptime": self.uptime}
        trying = (self.trial[0],) if self.trial else ()
        return make.limits(**same, trying=trying, **self.limits)

    def _take_back_in_time(self) -> None:
        """The host's own timer does."""
        if self.trial and self.clock.now >= self.trial[2]:
            self.limits, self.trial = self.trial[1], None

    def _about_limit(self, step: SetLimits | KeepLimits) -> Answer:
        self._take_back_in_time()
        if isinstance(step, KeepLimits):
            if self.no_fresh_login:
                return Answer(status="unknown", output="nothing was sent: refused the login")
            kept = step.id in self.kept or (self.trial is not None and self.trial[0] == step.id)
            self.trial = None if kept else self.trial
            self.kept |= {step.id} if kept else set()
            return Answer(status="done", command="keep", exit_status=0) if kept else _refused("gone")
        if self.unable:
            return _refused("unable", self.unable)
        if self.trial is None and step.id not in self.kept:
            self.applied += 1
            self.trial = (step.id, self.limits, self.clock.now + timedelta(seconds=TRIAL))
            idle = (ChannelLimit(channels="session:shell", seconds=step.seconds),)
            self.limits = {**self.limits, "own": (step.limit,), "channels": idle} if step.seconds else {}
        if self.answers_get_lost:
            self.answers_get_lost = False
            return Answer(status="unknown", output="lost")
        return Answer(status="done", command="write the drop-in", exit_status=0)

    def snapshot(self) -> Snapshot:
        """What stands there, whether it answers or not."""
        return make.snapshot(
            *self.sessions.values(),
            host=self.name,
            host_key=self.host_key,
            boot=self.boot,
            uptime=self.uptime,
            time=self.clock.now,
            system="systemd 252",
            outside=self.outside,
            ladder=make.ACCOUNT_LADDER,
            raw=self.raw,
            groups=self.groups,
        )

    def act(self, step: Step, not_after: HostUptime) -> Answer:
        if self.lost:
            return Answer(status="unknown", output=self.lost)
        if self.uptime > not_after:
            return Answer(status="refused", refusal="late")
        if isinstance(step, EndAccount):
            return self._end_account(step)
        if isinstance(step, ShowAccount):
            left = [p for p in self.snapshot().processes if p.runs_as(step.target.account.uid)]
            listed = "\n".join(["PID CMD", *(f"{p.pid} {p.name}" for p in left)])
            return Answer(status="done", command="ps -u", exit_status=0 if left else 1, output=listed)
        if isinstance(step, Hold | Release | ShowHold):
            answer = self._about_hold(step)
            return Answer(status="unknown", output="lost") if self.answers_get_lost else answer
        if isinstance(step, SetLimits | KeepLimits):
            return self._about_limit(step)
        return self._act_on_session(step)

    def _act_on_session(self, step: EndSession | Warn) -> Answer:
        session = self.sessions.get(step.target.session)
        if session is None:
            return Answer(status="refused", refusal="gone")
        if session.identity != step.target.identity:
            return Answer(status="refused", refusal="changed")
        if isinstance(step, Warn):
            return self._warn(session, step)
        if session.id not in self.stubborn or step.rung in self.ended_by:
            self.ended.append(session.identity)
            del self.sessions[session.id]
        if self.answers_get_lost:
            return Answer(status="unknown", output="the connection was lost")
        return Answer(status="done", command=f"loginctl {step.rung} {session.id}", exit_status=0)

    def _end_account(self, step: EndAccount) -> Answer:
        """Every process of the account goes but those of the spared logins; some only by the rungs of `ended_by`."""
        uid = step.target.account.uid
        if step.rung == "terminate" and step.spare:
            return Answer(status="refused", refusal="changed")
        for session in [s for s in self.sessions.values() if s.account.uid == uid and s.identity not in step.spare]:
            if session.id not in self.stubborn or step.rung in self.ended_by:
                self.ended.append(session.identity)
                del self.sessions[session.id]
        self.outside = tuple(p for p in self.outside if p.uid != uid)
        return Answer(status="done", command=f"{step.rung} {uid}", exit_status=0)

    @property
    def account_state(self) -> AccountState:
        return AccountState(where="local", expiry=self.expiry, timer="systemd" if self.hold else "", record=self.hold)

    def give_back(self, by: str) -> str:
        """What became of the hold; `host`: the host's own timer."""
        how = "given" if self.expiry == "2" else "changed"
        self.expiry = self.before if how == "given" else self.expiry
        self.holds_over[self.hold], self.hold = (how, by), ""
        return how

    def _about_hold(self, step: Hold | Release | ShowHold) -> Answer:
        before, now = self.account_state, "shown"
        if isinstance(step, Hold):
            if self.unable or self.hold not in {"", step.id}:
                return Answer(status="refused", refusal="unable", output=self.unable or "it is held already")
            if not self.hold:
                self.before, self.hold, self.expiry = self.expiry, step.id, "2"
        if isinstance(step, Release):
            now = self.give_back("kickbot") if self.hold == step.id else "already"
        how, by = self.holds_over.get(step.id, ("", ""))
        ended = None if isinstance(step, Hold) else Ended.model_validate({"now": now, "how": how, "by": by})
        return Answer(
            status="done", command=step.what, exit_status=0, before=before, after=self.account_state, ended=ended
        )

    def _warn(self, session: Session, step: Warn) -> Answer:
        names = [t.name for t in session.terminals]
        self.told += [(name, step.text) for name in names if name not in self.stopped]
        untold = [f"{name}: stopped" for name in names if name in self.stopped] if names else ["no terminal"]
        told = tuple(name for name in names if name not in self.stopped)
        return Answer(status="done", command="write", exit_status=0, told=told, untold=tuple(untold))


def _refused(why: str, said: str = "") -> Answer:
    return Answer.model_validate({"status": "refused", "refusal": why, "output": said})


class FakeHosts:
    """The `Hosts` border over some fake hosts. before_act: is called right before each act. looks: how many there were.
    asked_for: the Unix groups about which the last look was to tell.

    Without a clock of the test the hosts' time stands still.
    """

    def __init__(self, clock: FakeClock | None = None, /, **sessions: Iterable[Session]) -> None:
        clock = clock or FakeClock()
        self.by_name = {name: FakeHost(name, clock, there) for name, there in sessions.items()}
        self.before_act: Callable[[Step], object] = lambda _step: None
        self.acts: list[Step] = []
        self.looks = 0
        self.asked_for: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> FakeHost:
        return self.by_name[name]

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        self.looks += 1
        self.asked_for = tuple(groups)
        for host in sorted((self.by_name[name] for name in hosts), key=lambda host: host.gate is not None):
            if host.gate:
                await host.gate.wait()
            seconds, host.slow = host.slow, 0.0
            await host.clock.sleep(seconds)
            yield host.look(account)

    async def limits(self, hosts: Sequence[str]) -> AsyncIterator[HostLimits | Unreachable]:
        for name in hosts:
            yield self.by_name[name].show_limits()

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        self.before_act(step)
        self.acts.append(step)
        return self.by_name[step.host].act(step, not_after)


def usual_hosts() -> FakeHosts:
    """Two logins of audituser and one of alice on host1; nobody on host2."""
    return FakeHosts(host1=make.usual_logins(), host2=())
