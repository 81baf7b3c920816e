"""A request with everything that is shown of it: its events, and what was seen on its hosts. Pure."""

from collections.abc import Iterator, Sequence

from pydantic import Field

from bot.counting import count
from bot.events import (
    Closed,
    Ending,
    Frozen,
    Held,
    Planned,
    Record,
    RetentionAsked,
    ReviewOpened,
    Signalled,
    Verifying,
    Warned,
)
from bot.inventory import fold
from bot.lifecycle import replay
from bot.models import (
    EndAccount,
    EndSession,
    Hold,
    Kick,
    LimitsLooks,
    Looks,
    Outcome,
    Plan,
    Process,
    Session,
    SetLimit,
    ShowAccount,
    Snapshot,
    Target,
    Unreachable,
    Value,
    Warn,
    by_host,
)
from bot.presence import left
from bot.request import Request
from bot.slack.content.lines import Line, Where, line


class Story(Value):
    """before: the looks on which the plan was made. seen: the looks of each Observed event, by its sequence number.

    limits: the same as seen, where it is about a limit.
    frozen: the freeze that is in force, if there is one.
    """

    request: Request
    records: tuple[Record, ...]
    before: Looks = ()
    seen: dict[int, Looks] = Field(default_factory=dict)
    frozen: Request | None = None
    limits: dict[int, LimitsLooks] = Field(default_factory=dict)

    @property
    def limit(self) -> SetLimit | None:
        """What is to be set, where it is about a limit and not about sessions."""
        return self.request.command if isinstance(self.request.command, SetLimit) else None

    @property
    def user(self) -> str:
        return self.request.command.user if self.request.command else ""

    @property
    def is_of_everyone(self) -> bool:
        """True where it is about all accounts and not about one."""
        return self.request.command is not None and self.request.command.is_of_everyone

    @property
    def of_user(self) -> str:
        """` of audituser`; nothing where everyone goes."""
        return "" if self.is_of_everyone else f" of {self.user}"

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
        """The event with which the parent message appears."""
        return anchor(self.records)

    @property
    def stopped(self) -> str:
        """Why nothing more was begun although something was left to do; empty if that didn't happen."""
        ends = (r.event.reason for r in self.records if isinstance(r.event, Verifying))
        return next(ends, "").rstrip(".")

    @property
    def targets_before(self) -> list[tuple[str, Session]]:
        """The hosts and sessions that the plan ends, as they were seen when it was made."""
        wanted = {(t.host, t.identity) for t in self.plan.sessions} if self.plan else set()
        reached = [look for look in self.before if isinstance(look, Snapshot)]
        return [(look.host, s) for look in reached for s in look.sessions if (look.host, s.identity) in wanted]

    @property
    def accounts_before(self) -> list[tuple[Target, tuple[Process, ...]]]:
        """The accounts that the plan ends as a whole, with their processes as they were seen when it was made."""
        return self._accounts(self.before)

    def _accounts(self, looks: Looks) -> list[tuple[Target, tuple[Process, ...]]]:
        """Those on hosts that were reached."""
        seen = by_host(looks)
        found = [(t, seen.get(t.host)) for t in (self.plan.accounts if self.plan else ())]
        return [(target, left(target, look) or ()) for target, look in found if isinstance(look, Snapshot)]

    def id_of(self, one: Target | Outcome) -> str:
        """A session's id: `7`, or `7 on host1` where the request is about several hosts; an account's host."""
        if one.kind == "account":
            return one.host
        return f"{one.session} on {one.host}" if len(self.request.hosts) > 1 else one.session

    def target(self, outcome: Outcome) -> Target | None:
        """What an outcome is about."""
        return next((t for t in (self.plan.targets if self.plan else ()) if _is(t, outcome)), None)

    def took(self) -> float:
        """Seconds between the approval and the newest event."""
        return (self.request.at - self.request.approved_at).total_seconds() if self.request.approved_at else 0

    # -------------------------------------------------------------------------------------------- what is gone

    def gone(self) -> dict[str, tuple[int, int]]:
        """For each host, how many sessions of the plan the newest looks no longer show, and of how many."""
        looks = by_host(self.newest if self.request.approved_at else ())
        counted: dict[str, tuple[int, int]] = {}
        for target in self.plan.sessions if self.plan else ():
            gone, of_all = counted.get(target.host, (0, 0))
            counted[target.host] = (gone + is_gone(target, looks.get(target.host)), of_all + 1)
        return counted

    def left_of_accounts(self) -> tuple[Process, ...]:
        """What the newest looks still show of the accounts that are to end as a whole."""
        return tuple(p for _, there in self._accounts(self.newest) for p in there)

    def ended_within(self, outcome: Outcome) -> float | None:
        """Seconds between the first try on a target and the first look that no longer saw it; None: not known."""
        first = next((r for r in self.records if isinstance(r.event, Ending) and _tries(r.event, outcome)), None)
        target = self.target(outcome)
        if first is None or target is None:
            return None
        for seq in sorted(n for n in self.seen if n > first.seq):
            if is_gone(target, by_host(self.seen[seq]).get(target.host)):
                return next((r.at - first.at).total_seconds() for r in self.records if r.seq == seq)
        return None

    # -------------------------------------------------------------------------------------------- what was done

    @property
    def tries(self) -> list[tuple[Record, Signalled]]:
        """What was tried to end something, with the host's answer."""
        return [(r, e) for r, e in self._answers() if isinstance(e.step, EndSession | EndAccount | Hold)]

    @property
    def last_words(self) -> dict[str, Signalled]:
        """What each host showed of the account at the end."""
        return {e.step.host: e for _, e in self._answers() if isinstance(e.step, ShowAccount)}

    @property
    def warnings(self) -> list[tuple[Warn, Signalled]]:
        """Who was to be told before the act, with the host's last answer."""
        told = {e.step.target.key: (e.step, e) for _, e in self._answers() if isinstance(e.step, Warn)}
        return list(told.values())

    @property
    def warned_later(self) -> list[tuple[Warn, Signalled]]:
        """The same of those who were told after the others, as their host was away."""
        said = next((r.seq for r in self.records if isinstance(r.event, Warned)), None)
        answers = ((r, e, e.step) for r, e in self._answers())
        return [(step, e) for r, e, step in answers if isinstance(step, Warn) and said is not None and r.seq > said]

    @property
    def warned(self) -> bool:
        """True once the user was told, or at least may have been."""
        return bool(self.warnings) or any(isinstance(r.event, Warned) for r in self.records)

    def _answers(self) -> Iterator[tuple[Record, Signalled]]:
        return ((r, r.event) for r in self.records if isinstance(r.event, Signalled))


def in_numbers(plan: Plan) -> str:
    """`12 sessions of 6 people`, or of the one account that it is about."""
    whose = count(len(plan.people), "person", "people") if plan.is_of_everyone else plan.user
    return f"{count(len(plan.sessions), 'session')} of {whose}"


def anchor(records: Sequence[Record]) -> Record | None:
    """With which the parent message appears: the plan, the end of a request that has none, or what has no plan."""
    first = Planned | Closed | Frozen | Held | ReviewOpened | RetentionAsked
    return next((r for r in records if isinstance(r.event, first)), None)


def _tries(event: Ending, outcome: Outcome) -> bool:
    return isinstance(event.step, EndSession | EndAccount) and _is(event.step.target, outcome)


def _is(target: Target, outcome: Outcome) -> bool:
    return (target.kind, target.host, target.identity) == (outcome.kind, outcome.host, outcome.identity)


def is_gone(target: Target, look: Snapshot | Unreachable | None) -> bool:
    """A complete look at the same machine, in which nothing of exactly that target is."""
    if not isinstance(look, Snapshot) or look.host_key != target.host_key:
        return False
    return left(target, look) is None


def named(hosts: Sequence[str]) -> str:
    return fold(hosts) if len(hosts) > 1 else "".join(hosts)


def asked(request: Request, here: str) -> Line:
    """What the asker reads at once: what is looked for, and where the request will stand. here: where it was asked."""
    stands = line("The request will stand in ", Where(id=request.home), ".")
    where = line("The request will stand here.") if request.home == here else stands
    whose = f" for sessions of {request.command.user}" if isinstance(request.command, Kick) else ""
    alone = " Nobody approves it, as it is an emergency; two other people review it." if request.emergency else ""
    return line(f"Looking at {named(request.hosts)}{whose}. ", where, alone)


def tell(
    records: Sequence[Record],
    before: Looks = (),
    seen: dict[int, Looks] | None = None,
    frozen: Request | None = None,
    limits: dict[int, LimitsLooks] | None = None,
) -> Story:
    return Story(
        request=replay(records),
        records=tuple(records),
        before=before,
        seen=seen or {},
        frozen=frozen,
        limits=limits or {},
    )


def short(digest: str) -> str:
    """`3f9c 81d2`: for the eye only, the whole hash is what counts."""
    return f"{digest[:4]} {digest[4:8]}"
