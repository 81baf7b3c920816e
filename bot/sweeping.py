"""A sweep's times and its runs: when the next one is due, what it asks for, what it found. Pure.

Times are counted from one fixed moment, so that every replica means the same run without a word to the others.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.canonical import canonical, digest
from bot.events import Asked
from bot.idleness import clock_trouble, why_busy
from bot.models import (
    Idle,
    Kick,
    Plan,
    RequestId,
    Series,
    Session,
    Snapshot,
    Swept,
    Unjudged,
    Unreachable,
    Value,
    timestamp,
)
from bot.policy import Channel, Policy, home, may_sweep, supposed
from bot.request import Request
from bot.states import State

ANCHOR = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday: what runs every 7 days does so when a week begins."""

Looks = Sequence[Snapshot | Unreachable]
Span = tuple[time, time]


# ------------------------------------------------------------------------------------------------ when


def span(text: str) -> Span:
    """`22:00-06:00` -> from when until when. Raises ValueError for anything else, and for one without a length."""
    begin, end = (time.fromisoformat(part) for part in text.split("-"))
    if begin == end or any(part.second or part.microsecond or part.tzinfo for part in (begin, end)):
        raise ValueError(text)
    return begin, end


def is_inside(moment: time, quiet: Span) -> bool:
    """Is it within that time of the day? It may go on past midnight."""
    begin, end = quiet
    return begin <= moment < end if begin < end else moment >= begin or moment < end


def leaves_no_time(quiet: Sequence[Span]) -> bool:
    """True if the whole day is quiet: it would never run."""
    ends = {end for _, end in quiet}  # whatever isn't quiet begins where some quiet time ends
    return bool(ends) and all(any(is_inside(end, each) for each in quiet) for end in ends)


def after_quiet(moment: datetime, quiet: Sequence[str], zone: tzinfo) -> datetime:
    """The same moment, or the end of the quiet time in which it lies, by the clocks of that zone."""
    spans = [span(text) for text in quiet]
    while inside := next((each for each in spans if is_inside(moment.astimezone(zone).time(), each)), None):
        moment = _end(moment.astimezone(zone), inside)
    return moment.astimezone(UTC)


def _end(local: datetime, quiet: Span) -> datetime:
    """Where clocks are set back, the hour comes twice: it is the end within the same one."""
    begin, end = quiet
    past_midnight = begin > end and local.time() >= begin
    day = local.date() + timedelta(days=past_midnight)
    return datetime.combine(day, end, tzinfo=local.tzinfo).replace(fold=local.fold).astimezone(UTC)


def due_after(now: datetime, series: Series, zone: tzinfo) -> datetime:
    """When the next run is due."""
    every = timedelta(seconds=series.sweep.every)
    slot = ANCHOR + ((now - ANCHOR) // every + 1) * every
    return after_quiet(slot, series.sweep.quiet, zone)


# ------------------------------------------------------------------------------------------------ the runs


def run(series: Series, policy: Policy, due: datetime, follows: RequestId | None = None) -> Asked:
    """A run as it is asked by Kickbot itself. Its key names the sweep as it is now and its time: nobody opens it twice.

    follows: the run before it.
    """
    told_in = home_of(series, policy)
    as_it_is = digest(canonical(series) + told_in.encode())
    return Asked(
        key=f"sweep {series.sweep.name} {as_it_is[:16]} {timestamp(due)}",
        channel="",
        home=told_in,
        words=f"sweep {series.sweep.name}",
        command=series.command,
        sweep=series.sweep,
        not_before=due,
        follows=follows,
    )


def home_of(series: Series, policy: Policy) -> str:
    """The channel where its runs are told: that of the first rule about its hosts which names one."""
    rules = [rule for host in series.command.hosts for rule in policy.rules if host in rule.hosts]
    return home(policy, rules, Channel(id=""))


def series_of(request: Request, policy: Policy) -> Series | None:
    """The sweep as it is configured now, if this run still is one of it; None if it was removed or changed."""
    found = (s for s in policy.sweeps if s.sweep == request.sweep and s.command == request.command)
    return next((series for series in found if home_of(series, policy) == request.home), None)


def is_waiting(request: Request) -> bool:
    """True for a run that was not begun yet."""
    return request.sweep is not None and request.state is State.ASKED


def is_silent(request: Request) -> bool:
    """True for a run of which nobody has to hear: it waits for its time, did nothing, or every host is compliant."""
    return request.sweep is not None and request.plan is None and (request.swept is None or request.swept.is_compliant)


class Runs(Value):
    """Of one sweep. next: the run that is open ahead. last: the newest one that looked."""

    series: Series
    next: Request | None = None
    last: Request | None = None


# ------------------------------------------------------------------------------------------------ what it found


def found(command: Kick, looks: Looks, policy: Policy, plan: Plan | None = None) -> Swept:
    """What these looks show. plan: what would be ended; without one, whatever is idle and not protected."""
    seen = [look for look in looks if isinstance(look, Snapshot)]
    unjudged = tuple(_unjudged(looks))
    meant = {(t.host, t.identity) for t in plan.sessions} if plan else None
    idle = tuple(
        Idle(host=look.host, session=s.id, user=s.account.name, seconds=s.since_key or 0)
        for look in seen
        for s in look.sessions
        if ((look.host, s.identity) in meant if meant is not None else _is_idle(command, look, s, policy))
    )
    others = {one.host for one in idle} | {one.host for one in unjudged}
    return Swept(compliant=tuple(look.host for look in seen if look.host not in others), idle=idle, unjudged=unjudged)


def _unjudged(looks: Looks) -> Iterator[Unjudged]:
    for look in looks:
        if isinstance(look, Unreachable):
            yield Unjudged(host=look.host, why=f"{look.host} {look.reason}", answered=False)
        elif why := clock_trouble(look):
            yield Unjudged(host=look.host, why=why, answered=True)


def _is_idle(command: Kick, look: Snapshot, session: Session, policy: Policy) -> bool:
    if session.own or policy.protects(session.account) or session.account.name in command.spare:
        return False
    return not why_busy(look, session, command.only.idle, policy.sense_to_look(look.host))


# ------------------------------------------------------------------------------------------------ the configuration


def host_without_rule(series: Series, policy: Policy) -> str:
    """A host on which no rule lets this sweep do what it is to do; empty if there is none."""
    action, command = series.sweep.action, series.command
    if action == "report":
        return ""
    allowed = {
        host: any(may_sweep(policy, host, a, command, action) for a in supposed(policy, host, command.user))
        for host in command.hosts
    }
    return next((host for host, yes in allowed.items() if not yes), "")
