"""kickbot.toml and the environment -> Settings. A bad value names its key and stops the start, in one line."""

import os
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bot import sweeping
from bot.cleaning import clean
from bot.commands import LONGEST_IDLE, LONGEST_WARNING, SHORTEST_IDLE
from bot.durations import DAY, MINUTE
from bot.errors import CommandError, SettingsError
from bot.inventory import Inventory, expand
from bot.merging import Entry
from bot.models import EVERYONE, Act, Filter, Host, Kick, Platform, Sense, Series, Sweep, SweepAction, Value
from bot.policy import MAX_SESSIONS, Above, Policy, Rule
from bot.shapes import (
    Address,
    ChannelId,
    CommandName,
    Keeping,
    Logins,
    LoopbackAddress,
    People,
    PersonId,
    PushTarget,
    QuietTimes,
    Seconds,
    StreamTarget,
    SweepName,
    UnixGroups,
    Where,
    Zone,
    between,
    not_empty,
    one_or_more,
)

Shape = TypeVar("Shape", bound=Value)

SSH_PORT = 22
ROOT = "root"
USUAL_KEY = "~/.ssh/id_ed25519"
SHORTEST_EVERY, LONGEST_EVERY = MINUTE, 30 * DAY
WARN = 300
"""Seconds: what ends without a click never comes without a warning."""


class Commands(Value):
    """What the commands are called in this workspace."""

    sessions: CommandName = "/sessions"
    kick: CommandName = "/kick"
    unhold: CommandName = "/unhold"
    limits: CommandName = "/limits"
    audit: CommandName = "/audit"
    kickbot: CommandName = "/kickbot"


class SlackSection(Value):
    incident_channel: ChannelId
    channels: tuple[Where, ...] = ()
    commands: Commands = Commands()
    mode: Literal["socket", "http"] = "socket"
    listen: Address | None = None

    @field_validator("listen")
    @classmethod
    def _used(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and info.data.get("mode") == "socket":
            raise ValueError('has no meaning in Socket Mode; write mode = "http" beside it, or leave it out')
        return text

    @property
    def listens_on(self) -> tuple[str, int]:
        """Host and port in HTTP mode. Without a word it is this machine alone: a load balancer is in front of it."""
        return _host_and_port(self.listen or "127.0.0.1:3000")


class AuditSection(Value):
    """key: what signs checkpoints, an Ed25519 key; every: seconds between two of them. push: where else they go.

    stream: where every event goes, from the beginning of the trail, or from when that was first written down (now).
    tls_authorities, tls_certificate: for these places, in place of the machine's, and to show who the bot is.
    stamp_authorities: whose time stamps count.
    keep_bodies: seconds after which two people may drop what hosts said; without it nobody may. report: the thread of a
    request gets its report when it ends.
    """

    database: str = "kickbot.db"
    key: str = ""
    every: Seconds = 3600
    keep_bodies: Keeping | None = None
    report: bool = False
    push: Annotated[tuple[PushTarget, ...], BeforeValidator(one_or_more)] = ()
    stream: Annotated[tuple[StreamTarget, ...], BeforeValidator(one_or_more)] = ()
    stream_from: Literal["beginning", "now"] = "beginning"
    tls_authorities: str = ""
    tls_certificate: str = ""
    stamp_authorities: str = ""

    @field_validator("database")
    @classmethod
    def _known(cls, text: str) -> str:
        return postgres_url(text) if "://" in text else text


class SshSection(Value):
    """agent: whether one holds keys, or its socket. kit: the HOSTS that have it, and are asked by it alone."""

    user: str
    agent: bool | str = False
    keys: Annotated[tuple[str, ...], AfterValidator(not_empty)] | None = None
    known_hosts: str = "~/.ssh/known_hosts"
    kit: str | None = None


class HostSection(Value):
    name: str
    address: str = "%h"
    port: int | None = Field(default=None, ge=1, le=65535)
    user: str = ""
    platform: Platform = "linux"
    groups: tuple[str, ...] = ()


class InventorySection(Value):
    """Where else hosts and groups are named. trusted: its groups may choose a rule."""

    ssh_config: str | None = None
    ansible: str | None = None
    ansible_command: Annotated[tuple[str, ...], AfterValidator(not_empty)] | None = None
    groups: Annotated[tuple[str, ...], AfterValidator(not_empty)] | None = None
    trusted: bool = False
    every: Seconds = 600

    @model_validator(mode="after")
    def _names_a_source(self) -> "InventorySection":
        if not (self.ssh_config or self.ansible or self.ansible_command or self.groups):
            raise ValueError("names no source: write ssh_config, ansible, ansible_command or groups")
        return self


class RuleSection(Value):
    hosts: str
    accounts: Literal["people", "any"] | Logins = "people"
    acts: Annotated[tuple[Act, ...], AfterValidator(not_empty)] = (Act.KICK,)
    look: People | None = None
    ask: People | None = None
    approve: People | None = None
    then: People | None = None
    approvals: int = Field(default=1, ge=1, le=10)
    expires: Seconds = 900
    act_by: Seconds = 900
    late: Seconds = 60
    reason: bool = False
    channel: ChannelId | None = None
    idle: Sense = "careful"
    spare_groups: UnixGroups | None = None
    max_sessions: int = Field(default=MAX_SESSIONS, ge=1, le=10_000)
    max_hosts: int | None = Field(default=None, ge=1, le=10_000)
    requests_per_hour: int | None = Field(default=None, ge=1, le=500)
    hosts_per_hour: int | None = Field(default=None, ge=1, le=10_000)
    above: Above = "no"
    canary: bool = False
    sweeps: Literal["no", "propose", "end"] = "no"
    emergency: bool = False
    second_factor: bool = False

    @field_validator("second_factor")
    @classmethod
    def _not_passed_by(cls, second_factor: bool, info: ValidationInfo) -> bool:
        if second_factor and info.data.get("emergency"):
            raise ValueError("asks for nothing beside emergency = true, which needs no approval; leave one of them out")
        return second_factor

    @field_validator("then")
    @classmethod
    def _may_approve(cls, then: tuple[str, ...] | None, info: ValidationInfo) -> tuple[str, ...] | None:
        if stray := next((who for who in then or () if who not in (info.data.get("approve") or ())), None):
            raise ValueError(f"names {stray}, which isn't in `approve`: to be called gives nobody a right")
        return then


class SweepSection(Value):
    name: SweepName
    hosts: str
    idle: Annotated[Seconds, between(SHORTEST_IDLE, LONGEST_IDLE)]
    every: Annotated[Seconds, between(SHORTEST_EVERY, LONGEST_EVERY)]
    action: SweepAction
    protect: Logins | None = None
    quiet: QuietTimes = ()
    zone: Zone = "UTC"
    warn: Annotated[Seconds, between(1, LONGEST_WARNING)] | None = None

    @field_validator("warn")
    @classmethod
    def _used(cls, warn: int | None, info: ValidationInfo) -> int | None:
        if warn is not None and info.data.get("action") == "report":
            raise ValueError('has no meaning where nothing ends; write action = "propose" or "end", or leave it out')
        return warn


class HealthSection(Value):
    listen: LoopbackAddress

    @property
    def listens_on(self) -> tuple[str, int]:
        return _host_and_port(self.listen)


class ProtectSection(Value):
    users: Logins | None = None


class SecondFactorSection(Value):
    """secrets: the file with whose is whose."""

    secrets: Annotated[str, Field(min_length=1)]


class Settings(Value):
    """Everything that kickbot.toml says. folder: where it lies; relative paths start there."""

    folder: Path
    slack: SlackSection
    audit: AuditSection = AuditSection()
    ssh: SshSection
    sources: tuple[InventorySection, ...] = Field(default=(), validation_alias="inventory")
    hosts: tuple[HostSection, ...] = Field(default=(), validate_default=True)
    rules: tuple[RuleSection, ...] = Field(min_length=1)
    people: dict[PersonId, Logins] = Field(default_factory=dict)
    protect: ProtectSection = ProtectSection()
    second_factor: SecondFactorSection | None = None
    sweeps: tuple[SweepSection, ...] = ()
    health: HealthSection | None = None

    @field_validator("sources", mode="before")
    @classmethod
    def _one_or_several(cls, sections: object) -> object:
        return (sections,) if isinstance(sections, dict) else sections

    @field_validator("hosts")
    @classmethod
    def _named_somewhere(cls, hosts: tuple[HostSection, ...], info: ValidationInfo) -> tuple[HostSection, ...]:
        if not (hosts or info.data.get("sources")):
            raise ValueError("is missing, and so is [inventory]: no host is named")
        return hosts

    @property
    def database(self) -> Path | str:
        """The path of a SQLite file, or the address of a PostgreSQL database."""
        return self.audit.database if "://" in self.audit.database else self.path(self.audit.database)

    @property
    def signing_key(self) -> Path | None:
        """What signs checkpoints; None: nobody does."""
        return self._optional(self.audit.key)

    @property
    def second_factors(self) -> Path | None:
        """Whose second factor is whose; None: nobody has one."""
        return self.path(self.second_factor.secrets) if self.second_factor else None

    @property
    def tls_authorities(self) -> Path | None:
        return self._optional(self.audit.tls_authorities)

    @property
    def tls_certificate(self) -> Path | None:
        return self._optional(self.audit.tls_certificate)

    @property
    def stamp_authorities(self) -> Path | None:
        """Whose time stamps count; None: nobody said it."""
        return self._optional(self.audit.stamp_authorities)

    def _optional(self, text: str) -> Path | None:
        return self.path(text) if text else None

    def path(self, text: str) -> Path:
        """A path as written in the file, made absolute."""
        return (self.folder / Path(text).expanduser()).absolute()

    @property
    def ssh_keys(self) -> tuple[Path, ...]:
        """The files of private keys: the usual one, where neither files nor an agent are named."""
        usual = () if self.ssh.agent else (USUAL_KEY,)
        return tuple(map(self.path, usual if self.ssh.keys is None else self.ssh.keys))

    @property
    def agent(self) -> str:
        """The socket of the agent; empty: none is asked. Raises SettingsError where nobody says where it is."""
        if isinstance(self.ssh.agent, str):
            return str(self.path(self.ssh.agent))
        found = os.environ.get("SSH_AUTH_SOCK", "") if self.ssh.agent else ""
        if self.ssh.agent and not found:
            raise SettingsError('ssh.agent: SSH_AUTH_SOCK is not set; write the path of its socket: agent = "/…"')
        return found

    def check_files(self) -> None:
        """Raises SettingsError for the first file or folder that has to be there and isn't."""
        for number, key in enumerate(self.ssh_keys):
            if not key.is_file():
                raise SettingsError(f"ssh.keys[{number}]: there is no file {key}")
        if self.agent and not Path(self.agent).is_socket():
            raise SettingsError(f"ssh.agent: there is no socket {self.agent}")
        if not self.path(self.ssh.known_hosts).is_file():
            raise SettingsError(f"ssh.known_hosts: there is no file {self.path(self.ssh.known_hosts)}")
        if self.signing_key and not self.signing_key.is_file():
            raise SettingsError(f"audit.key: there is no file {self.signing_key}; `kickbot audit key` makes it")
        if self.audit.push and not self.signing_key:
            raise SettingsError("audit.push: without audit.key there is nothing to push")
        self._check_told_elsewhere()
        self._check_second_factors()
        if isinstance(self.database, Path) and not self.database.parent.is_dir():
            raise SettingsError(f"audit.database: there is no folder {self.database.parent}")

    def _check_second_factors(self) -> None:
        asking = [number for number, rule in enumerate(self.rules) if rule.second_factor]
        if asking and self.second_factors is None:
            raise SettingsError(f"rules[{asking[0]}].second_factor: needs [second_factor] with secrets, a file")
        if self.second_factors and not self.second_factors.is_file():
            does = "`kickbot second-factor enrol U…` makes it"
            raise SettingsError(f"second_factor.secrets: there is no file {self.second_factors}; {does}")

    def _check_told_elsewhere(self) -> None:
        for name in ("tls_authorities", "tls_certificate", "stamp_authorities"):
            file: Path | None = getattr(self, name)
            if file and not file.is_file():
                raise SettingsError(f"audit.{name}: there is no file {file}")
        if not self.stamp_authorities and any(place.startswith("tsp+") for place in self.audit.push):
            raise SettingsError("audit.stamp_authorities: is missing, and tsp+… needs it: whose time stamps count?")

    def entries(self) -> tuple[Entry, ...]:
        """The hosts of the file itself. Raises SettingsError for a name that is no host name, or stands there twice."""
        entries: dict[str, Entry] = {}
        for number, section in enumerate(self.hosts):
            for name in _checked(f"hosts[{number}].name", partial(expand, section.name)):
                if name in entries:
                    raise SettingsError(f"hosts[{number}].name: {name} is configured twice")
                entries[name] = Entry(
                    name=name,
                    address=section.address.replace("%h", name),
                    port=section.port,
                    user=section.user,
                    platform=section.platform,
                    groups=frozenset(section.groups),
                )
        return tuple(entries.values())

    def host(self, entry: Entry) -> Host:
        """As its source names it, and with what is usual where it doesn't say."""
        user = entry.user or self.ssh.user
        return Host(**{**entry.model_dump(), "port": entry.port or SSH_PORT, "user": user})

    def inventory(self) -> Inventory:
        """The hosts of the file alone. Raises SettingsError as `entries` does."""
        return Inventory(hosts=self.equipped({entry.name: self.host(entry) for entry in self.entries()}))

    def equipped(self, hosts: Mapping[str, Host]) -> dict[str, Host]:
        """The same hosts, and which of them have the kit. Raises SettingsError for one that can't."""
        if self.ssh.kit is None:
            return dict(hosts)
        named = frozenset(_hosts("ssh.kit", self.ssh.kit, Inventory(hosts=dict(hosts))))
        for host in map(hosts.__getitem__, sorted(named)):
            if host.platform != "linux":
                raise SettingsError(f"ssh.kit: {host.name} is no Linux host, and there is no kit for others")
            if host.user == ROOT:
                raise SettingsError(f"ssh.kit: the kit needs a login of its own, and on {host.name} that is root")
        return {name: host.model_copy(update={"kit": name in named}) for name, host in hosts.items()}

    def policy(self, inventory: Inventory) -> Policy:
        """The rules and sweeps with their hosts expanded.

        Raises SettingsError for a host or a group that isn't configured, and for a sweep that no rule lets do its work.
        """
        logins = {host.user for host in inventory.hosts.values()}
        owners: dict[str, set[str]] = {}
        for person, accounts in self.people.items():
            for account in _spellings(accounts):
                owners.setdefault(account, set()).add(person)
        policy = Policy(
            rules=tuple(_rule(number, section, inventory) for number, section in enumerate(self.rules)),
            owners={account: frozenset(people) for account, people in owners.items()},
            protected=_spellings({ROOT, *logins, *(self.protect.users or ())}),
            incident_channel=self.slack.incident_channel,
            channels=self.slack.channels,
            sweeps=tuple(_series(number, section, inventory) for number, section in enumerate(self.sweeps)),
            keep=self.audit.keep_bodies or 0,
        )
        _check_sweeps(policy)
        return policy


def _spellings(accounts: Iterable[str]) -> frozenset[str]:
    """The same in small letters too, in which accounts stand where Windows takes any case for the same name."""
    return frozenset(name for account in accounts for name in (account, account.lower()))


def postgres_url(text: str) -> str:
    """The address of a PostgreSQL database. Raises ValueError for another one, and for one with a password in it."""
    address = urlsplit(text)
    if address.scheme not in {"postgresql", "postgres"}:
        raise ValueError("must be the path of a SQLite file, or postgresql://…")
    if ":" in address.netloc.rpartition("@")[0] or {"password", "sslpassword"} & parse_qs(address.query).keys():
        raise ValueError("must not hold a password: put that into PGPASSWORD, or into a file that PGPASSFILE names")
    return text


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def find(option: str | None) -> Path:
    """The configuration file: `--config`, then KICKBOT_CONFIG, then ./kickbot.toml."""
    return Path(option or os.environ.get("KICKBOT_CONFIG") or "kickbot.toml")


def load(path: Path) -> Settings:
    """Raises SettingsError with one line that names the key."""
    return from_toml(path, Settings, "Name another file with --config FILE", folder=path.absolute().parent)


def from_toml(path: Path, shape: type[Shape], hint: str, **more: object) -> Shape:
    """A file as a value. hint: what to do where there is none. Raises SettingsError, in one line."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}. {hint}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}") from error
    try:
        return shape.model_validate({**content, **more})
    except ValidationError as error:
        raise SettingsError(f"{path}: {_told(error)}") from error


def _rule(number: int, section: RuleSection, inventory: Inventory) -> Rule:
    return Rule(
        hosts=frozenset(_hosts(f"rules[{number}].hosts", section.hosts, inventory)),
        accounts=section.accounts if isinstance(section.accounts, str) else frozenset(section.accounts),
        acts=frozenset(section.acts),
        look=section.look or (),
        ask=section.ask or (),
        approve=section.approve or (),
        then=section.then or (),
        approvals=section.approvals,
        expires=section.expires,
        act_by=section.act_by,
        late=section.late,
        reason=section.reason,
        channel=section.channel,
        idle=section.idle,
        spare_groups=section.spare_groups or (),
        max_sessions=section.max_sessions,
        max_hosts=section.max_hosts,
        requests_per_hour=section.requests_per_hour,
        hosts_per_hour=section.hosts_per_hour,
        above=section.above,
        canary=section.canary,
        sweeps=section.sweeps,
        emergency=section.emergency,
        second_factor=section.second_factor,
    )


def _series(number: int, section: SweepSection, inventory: Inventory) -> Series:
    warn = WARN if section.action == "end" and section.warn is None else section.warn or 0
    command = Kick(
        user=EVERYONE,
        hosts=tuple(_hosts(f"sweeps[{number}].hosts", section.hosts, inventory)),
        only=Filter(idle=section.idle),
        warn=warn,
        spare=section.protect or (),
        reason=f"sweep {section.name}",
    )
    sweep = Sweep(name=section.name, action=section.action, every=section.every, quiet=section.quiet, zone=section.zone)
    return Series(sweep=sweep, command=command)


def _check_sweeps(policy: Policy) -> None:
    """What could never do its work stops the start, and is not found out at night."""
    names = [series.sweep.name for series in policy.sweeps]
    for number, series in enumerate(policy.sweeps):
        action = series.sweep.action
        if names.index(series.sweep.name) < number:
            raise SettingsError(f"sweeps[{number}].name: {series.sweep.name} is configured twice")
        if host := sweeping.host_without_rule(series, policy):
            raise SettingsError(
                f"sweeps[{number}].action: no rule lets a sweep {action} on {host}: the first rule about it that has"
                f' "kick" and "everyone" in its acts needs sweeps = "{action}"'
            )


def _hosts(key: str, text: str, inventory: Inventory) -> Iterable[str]:
    return _checked(key, lambda: inventory.hosts if text == "*" else inventory.select(text, hints=False))


def _checked(key: str, expanded: Callable[[], Iterable[str]]) -> Iterable[str]:
    try:
        return expanded()
    except CommandError as error:
        raise SettingsError(f"{key}: {error}") from error


def _told(error: ValidationError) -> str:
    """The first complaint as `rules[0].approve: …`."""
    first: Any = error.errors()[0]
    key = ""
    for part in first["loc"]:
        if isinstance(part, int):
            key += f"[{part}]"
        elif part.isidentifier() or first["type"] == "extra_forbidden":  # others are names of a union's branches
            key += f".{clean(part)}"
    words = {"missing": "is missing", "extra_forbidden": "is not a key that Kickbot knows"}
    said = words.get(first["type"], first["msg"].removeprefix("Value error, "))
    return f"{key.lstrip('.')}: {said}"
