"""The nouns of Kickbot, all frozen. Pure: no await, no clock, no environment, no network.

Units: times are UTC; durations are seconds; a host's uptime is centiseconds since its boot, as in /proc/uptime;
kernel ticks are opaque strings.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from bot.canonical import canonical, digest

RequestId = NewType("RequestId", int)
HostUptime = NewType("HostUptime", int)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-20T13:31:05.000000Z`. The only form in which a time is stored."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[AwareDatetime, PlainSerializer(timestamp, return_type=str)]


class Value(BaseModel):
    """A frozen value with exactly the fields that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# ---------------------------------------------------------------------------------------------------- people


class Person(Value):
    """Someone in Slack. The id decides; the name is only for reading."""

    id: str
    name: str
    deactivated: bool = False
    bot: bool = False
    guest: bool = False
    stranger: bool = False

    @property
    def is_member(self) -> bool:
        """True for a full, active, human member of this workspace: nobody else may decide anything."""
        return not (self.deactivated or self.bot or self.guest or self.stranger)


# ---------------------------------------------------------------------------------------------------- hosts


class Host(Value):
    """A configured host. `name` is what people type; `address` is where SSH goes."""

    name: str
    address: str
    port: int = 22
    user: str = ""
    platform: Literal["linux"] = "linux"
    groups: frozenset[str] = frozenset()


class Account(Value):
    """A login account on one host."""

    name: str
    uid: int


class Process(Value):
    """One process. `start` is its start in kernel ticks since the boot: (pid, start) never comes twice in a boot.

    uid: the effective user id. session: the logind session in whose scope it runs, from its cgroup.
    terminal: its controlling terminal, as `pts/3`. foreground: in the terminal's foreground group.
    command: its command line, cleaned and masked; its bare name in brackets where it has none.
    """

    pid: int
    parent: int
    start: str
    uid: int
    user: str
    session: str | None = None
    terminal: str | None = None
    foreground: bool = False
    name: str
    command: str


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
    """One way in which a driver can try to end a session, and the act that a rule must allow for it."""

    name: str
    act: Act = Act.KICK


class Session(Value):
    """One login on one host.

    id: the host's own name of it (`7`, `c1`; `pts/3` or `ssh-4242` for a login that logind doesn't know).
    identity: never comes twice on a host; opaque to everyone but the driver that made it.
    source: who knows of it: logind, or only the descent from sshd, or only a terminal.
    state: logind's (`active`, `online`, `closing`), or `unlisted`.
    own: it is the bot's own connection. ladder: how the driver can end it, the politest first; empty: it can't yet.
    """

    id: str
    identity: str
    account: Account
    source: Literal["logind", "sshd", "terminal"]
    state: str
    service: str = ""
    remote: str = ""
    leader: int
    since: Moment
    own: bool = False
    terminals: tuple[Terminal, ...] = ()
    processes: tuple[Process, ...] = ()
    ladder: tuple[Rung, ...] = ()

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
    lingering: accounts whose services outlive their sessions. notes: what the driver could not see, in plain words.
    raw: the host's answer, cleaned and masked.
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
    lingering: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    raw: str = ""

    def of(self, user: str) -> tuple[Session, ...]:
        """The sessions of one account."""
        return tuple(s for s in self.sessions if s.account.name == user)

    def session(self, identity: str) -> Session | None:
        """The session with exactly this identity, if it is still there."""
        return next((s for s in self.sessions if s.identity == identity), None)


class Unreachable(Value):
    """A look that gave no complete answer: nothing is known about the host."""

    kind: Literal["unreachable"] = "unreachable"
    host: str
    reason: str


Look = Annotated[Snapshot | Unreachable, Field(discriminator="kind")]
Looks = tuple[Snapshot | Unreachable, ...]


# ---------------------------------------------------------------------------------------------------- what is asked


class Listing(Value):
    """`/sessions HOSTS [USER]`, understood."""

    kind: Literal["listing"] = "listing"
    hosts: tuple[str, ...]
    user: str | None = None


class Kick(Value):
    """`/kick USER HOSTS [session ID] [because …]`, understood."""

    kind: Literal["kick"] = "kick"
    user: str
    hosts: tuple[str, ...]
    session: str | None = None
    reason: str = ""

    @property
    def acts(self) -> frozenset[Act]:
        """What a rule must allow for this."""
        return frozenset({Act.KICK})


class Help(Value):
    """`help` after a command, or nothing at all."""

    kind: Literal["help"] = "help"
    topic: str = ""


Command = Annotated[Listing | Kick | Help, Field(discriminator="kind")]


# ---------------------------------------------------------------------------------------------------- what is approved


class Target(Value):
    """Exactly one session, named so that no other can be meant: host key, boot, identity, account."""

    host: str
    host_key: str
    boot: str
    session: str
    identity: str
    account: Account
    summary: str
    rungs: tuple[str, ...]


class Kept(Value):
    """A session of the same account that the plan leaves alone, and why."""

    host: str
    session: str
    identity: str
    why: str


class Plan(Value):
    """What an approval covers, and nothing wider.

    untouched: hosts where the account has no session to end. unreachable: hosts that gave no complete answer.
    """

    user: str
    targets: tuple[Target, ...]
    kept: tuple[Kept, ...] = ()
    untouched: tuple[str, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON: what a button carries and an approval names."""
        return digest(canonical(self))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that have targets, in the plan's order."""
        return tuple(dict.fromkeys(t.host for t in self.targets))

    def on(self, host: str) -> tuple[Target, ...]:
        """The targets on one host."""
        return tuple(t for t in self.targets if t.host == host)


# ---------------------------------------------------------------------------------------------------- what is done


class EndSession(Value):
    """Try one rung on one target. attempt: 1, or 2 after one that was refused or never answered."""

    kind: Literal["end_session"] = "end_session"
    target: Target
    rung: str
    attempt: int = 1

    @property
    def host(self) -> str:
        return self.target.host


Step = Annotated[EndSession, Field()]


class Answer(Value):
    """What a host said to a step. Status 0 only means "asked": nothing here proves an end.

    status: done = the command ran, with `exit_status` and `output`; refused = the host did not run it, see `refusal`;
    unknown = no complete answer, so nobody knows. command: what was run, for people.
    """

    status: Literal["done", "refused", "unknown"]
    refusal: Literal["late", "rebooted", "gone", "changed", "forbidden"] | None = None
    command: str = ""
    exit_status: int | None = None
    output: str = ""


class Result(StrEnum):
    """What became of one target."""

    ENDED = "ended"
    ALREADY_GONE = "already gone"
    GHOST = "ghost"
    SURVIVED = "survived"
    RETURNED = "returned"
    UNKNOWN = "unknown"


class Outcome(Value):
    """The judgement on one target. detail: one sentence for people. lives_on: what is left of it."""

    host: str
    session: str
    identity: str
    result: Result
    detail: str = ""
    lives_on: tuple[Process, ...] = ()


def by_host(looks: Sequence[Snapshot | Unreachable]) -> dict[str, Snapshot | Unreachable]:
    """Looks by the name of their host; a later look replaces an earlier one."""
    return {look.host: look for look in looks}
