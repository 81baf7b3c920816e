"""A request with everything that is shown of it: its events, and what was seen on its hosts. Pure."""

from collections.abc import Sequence

from pydantic import Field

from bot.events import Closed, Ending, Planned, Record, Verifying
from bot.inventory import fold
from bot.lifecycle import Request, replay
from bot.models import Looks, Plan, Snapshot, Target, Unreachable, Value, by_host
from bot.planning import still_there


class Story(Value):
    """before: the looks on which the plan was made. seen: the looks of each Observed event, by its sequence number."""

    request: Request
    records: tuple[Record, ...]
    before: Looks = ()
    seen: dict[int, Looks] = Field(default_factory=dict)

    @property
    def user(self) -> str:
        return self.request.command.user if self.request.command else ""

    @property
    def where(self) -> str:
        """`host1`, `web[01-03]`: the hosts that the plan touches; those that were asked about if there is no plan."""
        return named(self.request.hosts)

    @property
    def why(self) -> str:
        return self.request.command.reason if self.request.command else ""

    @property
    def plan(self) -> Plan | None:
        return self.request.plan

    @property
    def newest(self) -> Looks:
        """The newest look at each host that was read."""
        return tuple(by_host([look for number in sorted(self.seen) for look in self.seen[number]]).values())

    @property
    def anchor(self) -> Record | None:
        """The event with which the parent message appears: the plan, or the end of a request that has none."""
        shown = (r for r in self.records if isinstance(r.event, Planned | Closed))
        return next(shown, None)

    @property
    def stopped(self) -> str:
        """Why nothing more was begun although something was left to do; empty if that didn't happen."""
        ends = (r.event.reason for r in self.records if isinstance(r.event, Verifying))
        return next(ends, "").rstrip(".")

    def took(self) -> float:
        """Seconds between the approval and the newest event."""
        return (self.request.at - self.request.approved_at).total_seconds() if self.request.approved_at else 0

    def gone(self) -> int:
        """How many targets the newest looks after the approval no longer show."""
        looks = by_host(self.newest if self.request.approved_at else ())
        targets = self.plan.targets if self.plan else ()
        return sum(is_gone(target, looks.get(target.host)) for target in targets)

    def ended_within(self, identity: str) -> float | None:
        """Seconds between the first try on a session and the first look that no longer saw it; None: not known."""
        tried = next((r for r in self.records if isinstance(r.event, Ending) and _aims(r.event, identity)), None)
        if tried is None or not isinstance(tried.event, Ending):
            return None
        target = tried.event.step.target
        for record in self.records:
            look = by_host(self.seen.get(record.seq, ())).get(target.host)
            if record.seq > tried.seq and look and is_gone(target, look):
                return (record.at - tried.at).total_seconds()
        return None


def _aims(event: Ending, identity: str) -> bool:
    return event.step.target.identity == identity


def is_gone(target: Target, look: Snapshot | Unreachable | None) -> bool:
    """A complete look at the same machine, in which exactly that session isn't."""
    if not isinstance(look, Snapshot) or look.host_key != target.host_key:
        return False
    return still_there(target, look) is None


def named(hosts: Sequence[str]) -> str:
    return fold(hosts) if len(hosts) > 1 else "".join(hosts)


def tell(records: Sequence[Record], before: Looks = (), seen: dict[int, Looks] | None = None) -> Story:
    return Story(request=replay(records), records=tuple(records), before=before, seen=seen or {})


def short(digest: str) -> str:
    """`3f9c 81d2`: for the eye only, the whole hash is what counts."""
    return f"{digest[:4]} {digest[4:8]}"
