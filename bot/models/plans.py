"""What is approved: exactly these targets, and no other."""

from typing import Literal

from bot.canonical import canonical, digest
from bot.models.asked import Sense
from bot.models.looks import Pinned, Unreachable
from bot.models.people import EVERYONE, Account
from bot.models.values import HostUptime, Value


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
