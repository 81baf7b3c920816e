"""What looks for idle sessions by itself, and what it found."""

from typing import Literal

from bot.models.asked import Kick
from bot.models.values import Value

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
