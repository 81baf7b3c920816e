"""Hosts, and what one look at a host shows."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from bot.models.people import Account
from bot.models.values import HostUptime, Moment, Value

Platform = Literal["linux", "windows"]


class Host(Value):
    """A configured host. `name` is what people type; `address` is where SSH goes, from `jump` where there is one.

    keys, certificates: files for its login, instead of the bot's own keys. kit: Kickbot's own program is there, and is
    all that is asked for. hints: groups that people can type and that choose no rule, because a source named them that
    isn't trusted. source: who named the host.
    """

    name: str
    address: str
    port: int = 22
    user: str = ""
    platform: Platform = "linux"
    groups: frozenset[str] = frozenset()
    hints: frozenset[str] = frozenset()
    keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()
    kit: bool = False
    jump: "Host | None" = None
    source: str = "kickbot.toml"


class Pinned(Value):
    """A process that can't be taken for another one: its pid and its start in kernel ticks, never twice in a boot."""

    pid: int
    start: str


class Process(Value):
    """One process. `start` is its start in kernel ticks since the boot: (pid, start) never comes twice in a boot.

    uid: the effective user id; real_uid: the real one, where it differs. session: the logind session in whose scope it
    runs, from its cgroup. unit: outside of any session, the systemd unit in which it runs, such as `nightly.service`.
    kernel_session: the pid of its session leader, setsid(2). terminal: its controlling terminal, as `pts/3`.
    foreground: in the terminal's foreground group.
    command: its command line, cleaned and masked; its bare name in brackets where it has none.
    """

    pid: int
    parent: int
    start: str
    uid: int
    real_uid: int | None = None
    user: str
    session: str | None = None
    unit: str = ""
    kernel_session: int = 0
    terminal: str | None = None
    foreground: bool = False
    name: str
    command: str

    def runs_as(self, uid: int) -> bool:
        """True if it has that user id, effective or real: what ps(1) lists with `-u` or `-U`."""
        return uid in {self.uid, self.real_uid}


class Terminal(Value):
    """A terminal of a session. Both times are seconds, from the device's atime and mtime; None: can't be read."""

    name: str
    since_key: int | None = None
    since_output: int | None = None


class Act(StrEnum):
    """What a rule can allow, by the word in its `acts`."""

    KICK = "kick"
    FORCE = "force"
    PROCESSES = "processes"
    EVERYONE = "everyone"
    HOLD = "hold"
    UNHOLD = "unhold"
    LIMITS = "limits"


class Rung(Value):
    """One way in which a driver can try to end a session, and the act that a rule must allow for it.

    takes: seconds until it has shown its effect, where that is longer than the usual watch.
    """

    name: str
    act: Act = Act.KICK
    takes: int = 0


class Session(Value):
    """One login on one host.

    id: the host's own name of it (`7`, `c1`; `pts/3` or `ssh-4242` for a login that logind doesn't know).
    identity: never comes twice on a host; opaque to everyone but the driver that made it.
    source: who knows of it: logind, or only the descent from sshd, or only a terminal; or a host without logind.
    state: logind's (`active`, `online`, `closing`), or `unlisted`; or the host's own.
    own: it is the bot's own connection. ladder: how the driver can end it, the politest first.
    restless: something runs in it that ends before it can be listed, so its processes are not all of them.
    leaders: of an unlisted login, the leaders of the kernel's sessions in it: what is left of such a session when its
    leader and sshd are gone still carries the leader's pid. A leader that was gone already has no start.
    key: the fingerprint of the SSH key it came with (`SHA256:…`), certificate: the key id in its certificate, where the
    host tells; key_source: who told: the journal's record of sshd, or the session's own environment, which its account
    can write. sources: who else knows of it, such as `utmp`.
    clock_set: seconds by which the host's clock was set forward since this login, back if negative. age: seconds since
    it began, by the host's uptime, whatever its clock says. None: not known.
    client: the name that the client's machine gives itself. disconnected: seconds since nobody is connected to it any
    more, by the host's clock; None: somebody is, or it ends with its connection.
    """

    id: str
    identity: str
    account: Account
    source: Literal["logind", "sshd", "terminal", "host"]
    state: str
    service: str = ""
    remote: str = ""
    leader: int
    since: Moment
    own: bool = False
    restless: bool = False
    terminals: tuple[Terminal, ...] = ()
    processes: tuple[Process, ...] = ()
    ladder: tuple[Rung, ...] = ()
    leaders: tuple[Pinned, ...] = ()
    key: str = ""
    certificate: str = ""
    key_source: Literal["", "journal", "environment"] = ""
    sources: tuple[str, ...] = ()
    clock_set: int | None = None
    age: int | None = None
    client: str = ""
    disconnected: int | None = None

    @property
    def is_listed(self) -> bool:
        """True if its host itself keeps it as a session; False where it is only what a connection or terminal shows."""
        return self.source in {"logind", "host"}

    @property
    def since_key(self) -> int | None:
        """Seconds since the last key on any of its terminals; None without a terminal."""
        return min((t.since_key for t in self.terminals if t.since_key is not None), default=None)

    @property
    def since_output(self) -> int | None:
        """Seconds since the last output on any of its terminals; None without a terminal."""
        return min((t.since_output for t in self.terminals if t.since_output is not None), default=None)


class Snapshot(Value):
    """A complete look at one host.

    host_key: the SHA256 fingerprint of the key with which it proved itself. boot: the kernel's boot id.
    uptime: centiseconds. time: the host's own clock. outside: processes of people that belong to no listed session.
    managers: each user's own service manager and its helper, which end with the last login unless the user lingers.
    orphans: processes of the system's accounts whose session leader is gone, such as a root shell's nohup.
    lingering: accounts whose services outlive their sessions. cron, at: accounts with a crontab, and with at jobs.
    ladder: how the driver can end every process of an account; rest_ladder: what is left of a login that logind never
    knew. notes: what the driver could not see, in plain words.
    raw: the host's answer, cleaned and masked. ahead: seconds by which the host's clock was ahead of the trail's when
    the look came, behind if negative; None: nobody compared them.
    groups: of the groups that were asked for, those in which a uid (in digits) is; a missing one isn't known.
    asked_for: the account that was asked for, logged in or not; None: nobody asked, or the host knows none.
    """

    kind: Literal["snapshot"] = "snapshot"
    host: str
    host_key: str
    boot: str
    uptime: HostUptime
    time: Moment
    system: str = ""
    sessions: tuple[Session, ...] = ()
    outside: tuple[Process, ...] = ()
    managers: tuple[Process, ...] = ()
    orphans: tuple[Process, ...] = ()
    lingering: tuple[str, ...] = ()
    cron: tuple[str, ...] = ()
    at: tuple[str, ...] = ()
    ladder: tuple[Rung, ...] = ()
    rest_ladder: tuple[Rung, ...] = ()
    notes: tuple[str, ...] = ()
    raw: str = ""
    ahead: int | None = None
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    asked_for: Account | None = None

    def of(self, user: str) -> tuple[Session, ...]:
        """The sessions of one account."""
        return tuple(s for s in self.sessions if s.account.name == user)

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """Every process that is shown, wherever it runs, the oldest first: a parent before its children."""
        inside = (p for s in self.sessions for p in s.processes)
        shown = (*inside, *self.outside, *self.managers, *self.orphans)
        return tuple(sorted(shown, key=lambda p: (int(p.start), p.pid)))

    @cached_property
    def starts(self) -> dict[int, str]:
        """The start of each of these processes by its pid."""
        return {p.pid: p.start for p in self.processes}

    @cached_property
    def _by_identity(self) -> dict[str, Session]:
        return {s.identity: s for s in self.sessions}

    def account(self, user: str) -> Account | None:
        """The account of that name, if anything of it is there."""
        logged_in = next((s.account for s in self.of(user)), None)
        return logged_in or next((Account(name=user, uid=p.uid) for p in self.processes if p.user == user), None)

    def session(self, identity: str) -> Session | None:
        """The session with exactly this identity, if it is still there."""
        return self._by_identity.get(identity)


class Unreachable(Value):
    """A look that gave no complete answer: nothing is known about the host."""

    kind: Literal["unreachable"] = "unreachable"
    host: str
    reason: str


Look = Annotated[Snapshot | Unreachable, Field(discriminator="kind")]

Looks = tuple[Snapshot | Unreachable, ...]


def by_host(looks: Sequence[Snapshot | Unreachable]) -> dict[str, Snapshot | Unreachable]:
    """Looks by the name of their host; a later look replaces an earlier one."""
    return {look.host: look for look in looks}
