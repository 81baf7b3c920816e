"""What people type, understood."""

from ipaddress import ip_address, ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bot.models.limits import LimitName
from bot.models.looks import Act, Session
from bot.models.people import EVERYONE
from bot.models.values import RequestId, Value

Sense = Literal["careful", "keys"]
"""What makes a session idle: no key, no output and only a shell in front; or no key. See `idleness.py`."""


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


def _is_in(address: str, network: str) -> bool:
    """True if that address is one, and lies in that network."""
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False
