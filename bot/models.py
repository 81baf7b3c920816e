"""The nouns of Kickbot, all frozen. Pure: no await, no clock, no environment, no network.

Units: times are UTC; durations are seconds; a host's uptime is centiseconds since its boot, as in /proc/uptime;
kernel ticks are opaque strings.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Annotated, Any, ClassVar, Literal, NewType, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

from bot.canonical import canonical, digest

RequestId = NewType("RequestId", int)
HostUptime = NewType("HostUptime", int)
Platform = Literal["linux", "windows"]
Sense = Literal["careful", "keys"]
"""What makes a session idle: no key, no output and only a shell in front; or no key. See `idleness.py`."""


EVERYONE = "everyone"
"""The word that stands for all accounts, where a login name could stand."""
FIRST_PERSON = 1000
NO_PEOPLE = frozenset({65534, *range(61184, 65520)})
"""nobody, and systemd's DynamicUser= services."""


def is_of_people(uid: int) -> bool:
    """True for the user ids that people have, by the defaults of useradd(8) and systemd; not the system's own."""
    return uid >= FIRST_PERSON and uid not in NO_PEOPLE


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-20T13:31:05.000000Z`. The only form in which a time is stored."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Moment = Annotated[AwareDatetime, PlainSerializer(timestamp, return_type=str)]


class Value(BaseModel):
    """A frozen value with exactly the fields that it names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other fields, which works out anew what was only worked out once."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(copied).model_fields.keys():
            del copied.__dict__[name]
        return copied


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


class Account(Value):
    """A login account on one host. sid: where accounts have no uid, as on Windows; uid is its last number then."""

    name: str
    uid: int
    sid: str = ""

    @property
    def is_of_people(self) -> bool:
        """True for those that people have; not the system's own."""
        return self.uid >= FIRST_PERSON if self.sid else is_of_people(self.uid)


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


LimitName = Literal["idle", "unresponsive"]
"""What Kickbot can set: after how long sshd closes what is idle, or notices that someone's network is gone."""


class ChannelLimit(Value):
    """One entry of sshd's ChannelTimeout. channels: which, as a pattern. seconds: without any traffic; 0: never."""

    channels: str
    seconds: int


class ShellLimit(Value):
    """A TMOUT that a file gives to shells. seconds: 0: none, None: can't be told. fixed: nobody can change it."""

    file: str
    seconds: int | None = None
    fixed: bool = False


class HostLimits(Value):
    """What a host does by itself about people who are idle or gone, as it is configured. Times are seconds, 0: never.

    sshd: its version; empty: nothing is known of it. alive_interval, alive_count: ClientAliveInterval and its CountMax.
    channels: ChannelTimeout; None: this sshd has none. unused: UnusedConnectionTimeout. matches: the lines `Match …`
    behind which sshd's files may say something else. logind: it answered. stop_idle: StopIdleSessionSec; None: it has
    none. kill_left: KillUserProcesses. shells: where TMOUT is set. notes: what could not be seen, in plain words.
    own: what of it Kickbot has set. trying: the ids of what is on trial. boot, uptime: see Snapshot.
    """

    kind: Literal["limits"] = "limits"
    host: str
    host_key: str
    sshd: str = ""
    alive_interval: int = 0
    alive_count: int = 0
    channels: tuple[ChannelLimit, ...] | None = None
    unused: int = 0
    matches: tuple[str, ...] = ()
    logind: bool = False
    stop_idle: int | None = None
    kill_left: bool = False
    shells: tuple[ShellLimit, ...] = ()
    notes: tuple[str, ...] = ()
    own: tuple[LimitName, ...] = ()
    trying: tuple[str, ...] = ()
    boot: str = ""
    uptime: HostUptime = HostUptime(0)


LimitsLooks = tuple[HostLimits | Unreachable, ...]


# ---------------------------------------------------------------------------------------------------- what is asked


class Filter(Value):
    """Which sessions are meant, besides whose and where. Empty: all.

    network: an address or network in CIDR form from which they came. key: an SSH key's fingerprint, `SHA256:…`.
    idle: seconds; whether a session is idle for so long takes more than the session, see `idleness.py`.
    """

    network: str = ""
    key: str = ""
    idle: int = 0

    def fits(self, session: Session) -> bool:
        """True if the session is meant, idle or not. One whose address or key isn't known is not."""
        if self.key and session.key != self.key:
            return False
        return not self.network or _is_in(session.remote, self.network)


class Listing(Value):
    """`/sessions HOSTS [USER] [idle 30m] [from NET] [key …]`, understood."""

    kind: Literal["listing"] = "listing"
    hosts: tuple[str, ...]
    user: str | None = None
    only: Filter = Filter()

    def shows(self, session: Session) -> bool:
        """True for the sessions that were asked for, idle or not."""
        return self.user in {None, session.account.name} and self.only.fits(session)


class Limits(Value):
    """`/limits HOSTS`, understood: what these hosts do by themselves about idle people."""

    kind: Literal["limits"] = "limits"
    hosts: tuple[str, ...]


class SetLimit(Value):
    """`/limits HOSTS set idle 15m because …`. seconds: 0 takes away what Kickbot has set there.

    It answers what is asked of a Kick, as it is asked and approved like one.
    """

    kind: Literal["set_limit"] = "set_limit"
    hosts: tuple[str, ...]
    limit: LimitName
    seconds: int
    reason: str = ""
    only: ClassVar[Filter] = Filter()
    user: ClassVar[str] = EVERYONE
    warn: ClassVar[int] = 0
    hold: ClassVar[int] = 0
    session: ClassVar[str | None] = None
    force: ClassVar[bool] = False
    processes: ClassVar[bool] = False
    me: ClassVar[bool] = False
    after: ClassVar[None] = None
    emergency: ClassVar[bool] = False
    acts: ClassVar[frozenset[Act]] = frozenset({Act.LIMITS})
    is_of_everyone: ClassVar[bool] = False


class Kick(Value):
    """`/kick USER|everyone HOSTS [session ID,…] [idle 30m] [from NET] [key …] [processes] [force] [warn 5m] …`.

    session: ids with a comma between them, each with its host before it where that matters: `7`, `7,9`, `host1:7`.
    processes: end every process of the account too. force: SIGKILL for what ignores the polite signals. warn: seconds
    between telling the user and acting; 0: don't tell. hold: seconds for which the account is kept from logging in
    again; 0: it isn't. after: the request to which this is the next step.
    me: with everyone, the sessions of whoever asks too. spare: with everyone, login names that stay all the same.
    emergency: nobody has to approve it, where the rules say so; two other people review it afterwards.
    """

    kind: Literal["kick"] = "kick"
    user: str
    hosts: tuple[str, ...]
    session: str | None = None
    only: Filter = Filter()
    processes: bool = False
    force: bool = False
    warn: int = 0
    hold: int = 0
    me: bool = False
    spare: tuple[str, ...] = ()
    emergency: bool = False
    after: RequestId | None = None
    reason: str = ""

    @property
    def acts(self) -> frozenset[Act]:
        """What a rule must allow for this."""
        wanted = {Act.FORCE: self.force, Act.PROCESSES: self.processes, Act.HOLD: self.hold > 0}
        more = {**wanted, Act.EVERYONE: self.is_of_everyone}
        return frozenset({Act.KICK, *(act for act, wanted in more.items() if wanted)})

    @property
    def is_of_everyone(self) -> bool:
        """True where it is about all accounts and not about one."""
        return self.user == EVERYONE

    @property
    def is_of_all_sessions(self) -> bool:
        """True where it names none, nor says which."""
        return self.session is None and self.only == Filter()

    def means(self, host: str, session: Session) -> bool:
        """True for the sessions that were asked for, idle or not.

        A key that only the account itself tells of proves nothing.
        """
        proven = not self.only.key or session.key_source == "journal"
        return self.names(host, session.id) and self.only.fits(session) and proven

    def names(self, host: str, session: str) -> bool:
        """True if that id was asked for there, or no id at all."""
        return self.session is None or not {session, f"{host}:{session}"}.isdisjoint(self.session.split(","))


class Form(Value):
    """A kick without who and where: a form asks for them. reason: what stood behind `because` all the same."""

    kind: Literal["form"] = "form"
    reason: str = ""


class Audit(Value):
    """`/audit [REQUEST | USER | HOST | @person] [since 24h]`, understood.

    request: its number. about: a login name or a host. person: a Slack id. called: what someone is called in Slack,
    without the @. since: seconds; 0 for all.
    """

    kind: Literal["audit"] = "audit"
    request: int | None = None
    about: str = ""
    person: str = ""
    called: str = ""
    since: int = 0


class Freeze(Value):
    """`/kickbot freeze because …`: the emergency brake."""

    kind: Literal["freeze"] = "freeze"
    reason: str


class Unfreeze(Value):
    """`/kickbot unfreeze`."""

    kind: Literal["unfreeze"] = "unfreeze"


class Unhold(Value):
    """`/unhold USER HOSTS [because …]`, understood: give back before the time."""

    kind: Literal["unhold"] = "unhold"
    user: str
    hosts: tuple[str, ...]
    reason: str = ""


class Holds(Value):
    """`/kickbot holds`: who is held where, and until when."""

    kind: Literal["holds"] = "holds"


class Reviews(Value):
    """`/kickbot reviews`: the emergencies that wait for their review."""

    kind: Literal["reviews"] = "reviews"


class Sweeps(Value):
    """`/kickbot sweeps`: which there are, what each found last, and when it runs next."""

    kind: Literal["sweeps"] = "sweeps"


class Retention(Value):
    """`/kickbot retention`: drop what hosts said in requests that ended long ago."""

    kind: Literal["retention"] = "retention"


class Help(Value):
    """`help` after a command, or nothing at all."""

    kind: Literal["help"] = "help"
    topic: str = ""


Asking = Kick | SetLimit
"""What is asked, planned and approved."""

Command = Annotated[
    Listing
    | Limits
    | SetLimit
    | Kick
    | Form
    | Audit
    | Freeze
    | Unfreeze
    | Unhold
    | Holds
    | Reviews
    | Sweeps
    | Retention
    | Help,
    Field(discriminator="kind"),
]


# ---------------------------------------------------------------------------------------------------- sweeps

SweepAction = Literal["report", "propose", "end"]
"""What a sweep does about what it finds: say so, ask people to approve its end, or end it without a click."""


class Sweep(Value):
    """A `[[sweeps]]` of kickbot.toml, as each of its runs remembers it.

    every: seconds from one run to the next. quiet: when it doesn't run, `08:00-18:00`, by the clocks of zone (IANA).
    """

    name: str
    action: SweepAction
    every: int
    quiet: tuple[str, ...] = ()
    zone: str = "UTC"


class Series(Value):
    """A sweep as it is configured now, and what each of its runs is to do."""

    sweep: Sweep
    command: Kick


class Idle(Value):
    """A session that nobody uses. seconds: since its last key."""

    host: str
    session: str
    user: str
    seconds: int


class Unjudged(Value):
    """A host of which nobody knows whether anything idle is there. why: a sentence without its full stop.

    answered: it was looked at, and its clock is wrong.
    """

    host: str
    why: str
    answered: bool


class Swept(Value):
    """What a run found. compliant: the hosts that were seen whole, and where it has nothing to do."""

    compliant: tuple[str, ...] = ()
    idle: tuple[Idle, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those with idle sessions."""
        return tuple(dict.fromkeys(one.host for one in self.idle))

    @property
    def is_compliant(self) -> bool:
        """True where nobody has to hear of it."""
        return not (self.idle or self.unjudged)


# ---------------------------------------------------------------------------------------------------- what is approved


class Target(Value):
    """Exactly one session, named so that no other can be meant: host key, boot, identity, account.

    Or, with the kind `limits`, what a host does by itself about everyone's idleness: session and identity name it.
    Or, with the kind `account`, every process of one account on one host but those of logins that came later: session
    is empty then, and beside names the identities of the account's logins that the plan knows.
    leaders: see Session. seen: the host's uptime (centiseconds) at the look on which the plan was made.
    idle: it is ended only while it is idle for so many seconds, in that sense; 0: whatever is done there.
    takes: seconds for which a try may need to show, where that is longer than the usual watch.
    """

    kind: Literal["session", "account", "limits"] = "session"
    host: str
    host_key: str
    boot: str
    session: str
    identity: str
    account: Account
    summary: str
    rungs: tuple[str, ...]
    leaders: tuple[Pinned, ...] = ()
    beside: tuple[str, ...] = ()
    seen: HostUptime = HostUptime(0)
    idle: int = 0
    sense: Sense = "careful"
    takes: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from the other targets of its plan."""
        return self.host, self.kind, self.identity

    @property
    def name(self) -> str:
        """`session 7`, or `every process of audituser`."""
        if self.kind == "limits":
            return f"the limit {self.session}"
        return f"session {self.session}" if self.kind == "session" else f"every process of {self.account.name}"


class Kept(Value):
    """A session that was there and that the plan leaves alone, and why. user: its account."""

    host: str
    session: str
    identity: str
    why: str
    user: str = ""


class Plan(Value):
    """What an approval covers, and nothing wider.

    untouched: hosts where nothing of the account is to be done. unreachable: hosts that gave no complete answer.
    holds: the account on each host where it is kept from logging in, before anything of it is ended.
    """

    user: str
    targets: tuple[Target, ...]
    holds: tuple[Target, ...] = ()
    kept: tuple[Kept, ...] = ()
    untouched: tuple[str, ...] = ()
    unreachable: tuple[Unreachable, ...] = ()

    @property
    def hash(self) -> str:
        """SHA-256 of the plan's canonical JSON: what a button carries and an approval names."""
        return digest(canonical(self))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts on which something is to be done, in the plan's order."""
        return tuple(dict.fromkeys(t.host for t in self.everything))

    @property
    def everything(self) -> tuple[Target, ...]:
        """What is ended, and what is held."""
        return (*self.targets, *self.holds)

    @property
    def sessions(self) -> tuple[Target, ...]:
        """The targets that are sessions."""
        return tuple(t for t in self.targets if t.kind == "session")

    @property
    def accounts(self) -> tuple[Target, ...]:
        """The targets that are whole accounts, one for each host at the level `processes`."""
        return tuple(t for t in self.targets if t.kind == "account")

    @property
    def is_of_everyone(self) -> bool:
        """True where it is about all accounts and not about one."""
        return self.user == EVERYONE

    @property
    def people(self) -> tuple[str, ...]:
        """The accounts that it is about, each once."""
        return tuple(dict.fromkeys(t.account.name for t in self.everything))

    def on(self, host: str) -> tuple[Target, ...]:
        """The targets on one host."""
        return tuple(t for t in self.targets if t.host == host)


# ---------------------------------------------------------------------------------------------------- what is done


class _Step(Value):
    """One thing to do on one host. attempt: 1, or 2 after one that was refused or never answered."""

    target: Target
    attempt: int = 1

    @property
    def host(self) -> str:
        return self.target.host

    @property
    def what(self) -> str:
        """In one word: `terminate`, `kill`, `show`, `warn`."""
        return "show"


class EndSession(_Step):
    """Try one rung on one session."""

    kind: Literal["end_session"] = "end_session"
    rung: str

    @property
    def what(self) -> str:
        return self.rung


class EndAccount(_Step):
    """Try one rung on every process of an account. spare: identities of logins that came later, left alone.

    seen: the host's uptime (centiseconds) at the look that showed them: connections begun after it are left alone too.
    """

    kind: Literal["end_account"] = "end_account"
    rung: str
    seen: HostUptime = HostUptime(0)
    spare: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return self.rung


class ShowAccount(_Step):
    """The account's last word: what `ps -u` and logind still list of it. Changes nothing."""

    kind: Literal["show_account"] = "show_account"


class Warn(_Step):
    """Tell the user, on every terminal of one session. act_at: when it ends. text: one line, printable."""

    kind: Literal["warn"] = "warn"
    text: str
    act_at: Moment

    @property
    def what(self) -> str:
        return "warn"


class _HoldStep(_Step):
    """id: names the hold on its host for good: its request's number, and the beginning of its plan's hash."""

    id: str


class Hold(_HoldStep):
    """Keep an account from logging in again. until: by the trail's clock. there: the same by the host's own clock."""

    kind: Literal["hold"] = "hold"
    until: Moment
    there: Moment

    @property
    def what(self) -> str:
        return "hold"


class Release(_HoldStep):
    """Give back what that hold took, if it is still there: a second time changes nothing."""

    kind: Literal["release"] = "release"

    @property
    def what(self) -> str:
        return "release"


class ShowHold(_HoldStep):
    """How the account stands there, and what became of that hold. Changes nothing."""

    kind: Literal["show_hold"] = "show_hold"


class _LimitStep(_Step):
    """id: names the change on its host for good, as of a hold."""

    id: str
    limit: LimitName


class SetLimits(_LimitStep):
    """Set it on trial: the host takes it back by itself unless it is kept. about: whose change it is, in one line."""

    kind: Literal["set_limits"] = "set_limits"
    seconds: int
    about: str

    @property
    def what(self) -> str:
        return "set"


class KeepLimits(_LimitStep):
    """Keep what is on trial. It goes over a connection of its own: that one comes through is the proof."""

    kind: Literal["keep_limits"] = "keep_limits"

    @property
    def what(self) -> str:
        return "keep"


Step = Annotated[
    EndSession | EndAccount | ShowAccount | Warn | Hold | Release | ShowHold | SetLimits | KeepLimits,
    Field(discriminator="kind"),
]


NO_TERMINAL = "no terminal"
"""What stands among those that were not told for a session without one."""


class AccountState(Value):
    """How an account stands on its host. where: the host's own, or of a directory.

    expiry: the day in field 8 of its shadow entry, or a time as text. drop_in: sshd denies it by Kickbot's file. timer:
    what on the host would give it back. record: the hold in force. disabled: people have, and Kickbot never does.
    """

    where: Literal["local", "directory"]
    expiry: str = ""
    drop_in: bool = False
    timer: Literal["", "systemd", "cron", "task"] = ""
    record: str = ""
    disabled: bool = False

    @property
    def held(self) -> bool:
        """True while Kickbot's record of a hold stands there."""
        return bool(self.record)


class Ended(Value):
    """How a hold ended, as its host tells. now: what this very step did, or `already`, or only `shown`.

    how, by, at: its end, whoever brought it about, by the host's clock; empty while there was none. changed: people had
    changed it by hand, so it was left as it is. never: it had not been in force.
    """

    now: Literal["given", "never", "changed", "already", "failed", "busy", "shown"]
    how: Literal["", "given", "never", "changed"] = ""
    by: Literal["", "kickbot", "host"] = ""
    at: Moment | None = None


class Answer(Value):
    """What a host said to a step. Status 0 only means "asked": nothing here proves an end.

    status: done = the command ran, with `exit_status` and `output`; refused = it was not run, see `refusal`;
    unknown = no complete answer, so nobody knows. command: what was run, for people.
    told, untold: to a warning, the terminals where it stands, and those where it does not, each with the reason.
    before, after: to a step about a hold, how the account stood and stands. ended: what became of the hold.
    """

    status: Literal["done", "refused", "unknown"]
    refusal: Literal["late", "rebooted", "gone", "changed", "forbidden", "frozen", "unable"] | None = None
    command: str = ""
    exit_status: int | None = None
    output: str = ""
    told: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()
    before: AccountState | None = None
    after: AccountState | None = None
    ended: Ended | None = None


class Result(StrEnum):
    """What became of one target. LEFT: it was left alone, as it was to be ended only while it was idle.

    SET, BACK, UNSET: of a limit; it is in force, was taken back, or was never set.
    """

    ENDED = "ended"
    ALREADY_GONE = "already gone"
    GHOST = "ghost"
    SURVIVED = "survived"
    RETURNED = "returned"
    UNKNOWN = "unknown"
    LEFT = "left alone"
    SET = "set"
    BACK = "taken back"
    UNSET = "not set"


class Outcome(Value):
    """The judgement on one target. detail: one sentence for people. lives_on: what is left of it."""

    kind: Literal["session", "account", "limits"] = "session"
    host: str
    session: str
    identity: str
    result: Result
    detail: str = ""
    lives_on: tuple[Process, ...] = ()


def by_host(looks: Sequence[Snapshot | Unreachable]) -> dict[str, Snapshot | Unreachable]:
    """Looks by the name of their host; a later look replaces an earlier one."""
    return {look.host: look for look in looks}


def _is_in(address: str, network: str) -> bool:
    """True if that address is one, and lies in that network."""
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False
