"""A limit that is set on hosts: the plan, the next step on a host, and what became of it. Pure.

It is set on trial, and kept over a fresh connection; what isn't kept, the host takes back by itself.
"""

from collections.abc import Sequence

from bot.cleaning import without_mentions
from bot.durations import whole
from bot.limits import SHELL, closed_after
from bot.models import (
    EVERYONE,
    FIRST_PERSON,
    Account,
    HostLimits,
    KeepLimits,
    Kept,
    LimitName,
    LimitsLooks,
    Outcome,
    Plan,
    Result,
    SetLimit,
    SetLimits,
    Target,
    Unreachable,
)
from bot.request import Attempt, Request

TRIAL = 120
"""Seconds after which a host takes back what was not kept, as in linux_set_limits.sh."""
MAX_ATTEMPTS = 2
ANYBODY = Account(name=EVERYONE, uid=FIRST_PERSON)
"""Whom a limit is about: the rule has to speak about people."""
_NOT_YET = frozenset({"late", "frozen"})


def make(command: SetLimit, looks: LimitsLooks) -> Plan:
    """The hosts where it can be set, and why not on the others."""
    reached = [look for look in looks if isinstance(look, HostLimits)]
    whys = {look.host: _why_not(command, look) for look in reached}
    return Plan(
        user="",
        targets=tuple(_target(command, look) for look in reached if not whys[look.host]),
        kept=tuple(
            Kept(host=host, session=command.limit, identity=command.limit, why=why) for host, why in whys.items() if why
        ),
        unreachable=tuple(look for look in looks if isinstance(look, Unreachable)),
    )


def means(limit: LimitName, seconds: int) -> str:
    """What it does, for people: `close shells and file transfers that are idle for 15 min`."""
    if not seconds:
        return f"take away the limit `{limit}` that Kickbot has set"
    if limit == "idle":
        return f"close shells and file transfers in which nothing is sent or received for {whole(seconds)}"
    return f"end connections whose other end has not answered for about {whole(seconds)}"


def why_nothing(plan: Plan) -> str:
    """Why there is nothing to set."""
    told = [f"{kept.host}: {kept.why}." for kept in plan.kept]
    return without_mentions(" ".join([*told, *(f"{lost.host} {lost.reason}." for lost in plan.unreachable)]))


def _target(command: SetLimit, look: HostLimits) -> Target:
    return Target(
        kind="limits",
        host=look.host,
        host_key=look.host_key,
        boot=look.boot,
        session=command.limit,
        identity=f"{command.limit} {command.seconds}",
        account=ANYBODY,
        summary=means(command.limit, command.seconds),
        rungs=(),
        seen=look.uptime,
    )


def _why_not(command: SetLimit, look: HostLimits) -> str:
    if not look.sshd:
        return "; ".join(look.notes) or "its sshd is not known"
    if command.limit == "idle" and look.channels is None and command.seconds:
        return f"its sshd is too old ({look.sshd}): `ChannelTimeout` came with OpenSSH 9.2"
    if look.trying:
        return "another change is on trial there"
    if is_in_force(command, look):
        return "it is set already" if command.seconds else "Kickbot has set nothing there"
    return ""


def is_in_force(command: SetLimit, look: HostLimits) -> bool:
    """True if the host does what was asked for, by Kickbot's own setting."""
    if not command.seconds or command.limit not in look.own:
        return not command.seconds and command.limit not in look.own
    if command.limit == "idle":
        return closed_after(look, SHELL) == command.seconds
    return (look.alive_interval, look.alive_count) == (command.seconds // 3, 3)


# ------------------------------------------------------------------------------------------------ the next step


def next_step(request: Request, look: HostLimits, about: str) -> SetLimits | KeepLimits | None:
    """The next try on this host. about: whose change it is.

    What was set, or perhaps, is to be kept: that is refused where nothing is on trial. Then, if nobody knows whether it
    was set, it is set once more.
    """
    command, target = request.command, _target_on(request, look.host)
    if not isinstance(command, SetLimit) or target is None or not request.may_act or not _is_same(target, look):
        return None
    tried = _tried(request, look.host)
    sets = [a for a in tried if isinstance(a.step, SetLimits)]
    keeps = [a for a in tried if isinstance(a.step, KeepLimits)]
    if not tried or _may_set_again(tried, sets):
        return SetLimits(
            target=target,
            attempt=1 + len(sets),
            id=request.hold_id,
            limit=command.limit,
            seconds=command.seconds,
            about=about,
        )
    if _may_keep(tried[-1], keeps):
        return KeepLimits(target=target, attempt=1 + len(keeps), id=request.hold_id, limit=command.limit)
    return None


def _may_set_again(tried: Sequence[Attempt], sets: Sequence[Attempt]) -> bool:
    last = tried[-1]
    if len(sets) >= MAX_ATTEMPTS or last.status != "refused":
        return False
    if isinstance(last.step, SetLimits):
        return last.refusal in _NOT_YET
    return last.refusal == "gone" and sets[-1].status == "unknown"


def _may_keep(last: Attempt, keeps: Sequence[Attempt]) -> bool:
    if isinstance(last.step, SetLimits):
        return last.status != "refused"
    return len(keeps) < MAX_ATTEMPTS and (last.status == "unknown" or last.refusal in _NOT_YET)


def _tried(request: Request, host: str) -> list[Attempt]:
    return [a for a in request.attempts if isinstance(a.step, SetLimits | KeepLimits) and a.step.host == host]


def _target_on(request: Request, host: str) -> Target | None:
    return next((t for t in (request.plan.targets if request.plan else ()) if t.host == host), None)


def _is_same(target: Target, look: HostLimits) -> bool:
    return (target.host_key, target.boot) == (look.host_key, look.boot)


# ------------------------------------------------------------------------------------------------ what became of it


def is_pending(request: Request, looks: LimitsLooks) -> bool:
    """True while a host still has it on trial."""
    return any(isinstance(look, HostLimits) and request.hold_id in look.trying for look in looks)


def judge(request: Request, looks: LimitsLooks) -> tuple[Outcome, ...]:
    """One outcome for each host of the plan, by a fresh look alone."""
    seen = {look.host: look for look in looks}
    targets = request.plan.targets if request.plan else ()
    return tuple(_judge(request, target, seen.get(target.host)) for target in targets)


def _judge(request: Request, target: Target, look: HostLimits | Unreachable | None) -> Outcome:
    if look is None or isinstance(look, Unreachable):
        return _outcome(target, Result.UNKNOWN, look.reason if look else "it was not looked at")
    if look.host_key != target.host_key:
        return _outcome(target, Result.UNKNOWN, "it showed another host key, so it may be another machine")
    if request.hold_id in look.trying:
        return _outcome(target, Result.UNKNOWN, "it is still on trial, and the host takes it back")
    tried = _tried(request, target.host)
    if isinstance(request.command, SetLimit) and is_in_force(request.command, look):
        kept = any(isinstance(a.step, KeepLimits) and a.status != "refused" for a in tried)
        return _outcome(target, Result.SET, "" if kept else "but not by this request")
    stood = {a.status for a in tried if isinstance(a.step, SetLimits)}
    if "done" in stood:
        return _outcome(target, Result.BACK, _why_back(tried))
    if stood - {"refused"}:
        return _outcome(target, Result.UNSET, "no answer came; if it was set, the host took it back by itself")
    return _outcome(target, Result.UNSET, _why_unset(request, tried))


def _why_back(tried: Sequence[Attempt]) -> str:
    lost = any(isinstance(a.step, KeepLimits) and a.status == "unknown" for a in tried)
    why = "no fresh login came through" if lost else "it was not kept in time"
    return f"{why}, so the host took it back by itself"


def _why_unset(request: Request, tried: Sequence[Attempt]) -> str:
    last = tried[-1] if tried else None
    if last is None:
        return request.stopped or "nothing was begun"
    return last.said or f"the host refused it ({last.refusal})"


def _outcome(target: Target, result: Result, detail: str) -> Outcome:
    return Outcome(
        kind="limits",
        host=target.host,
        session=target.session,
        identity=target.identity,
        result=result,
        detail=detail,
    )
