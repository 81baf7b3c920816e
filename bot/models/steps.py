"""What is done, step by step, and what a host answers to it."""

from typing import Annotated, Literal

from pydantic import Field

from bot.models.limits import LimitName
from bot.models.plans import Target
from bot.models.values import HostUptime, Moment, Value


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
