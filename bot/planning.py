"""What would be done, and the next step of it. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from bot import forewarning, sparing
from bot.cleaning import quoted, without_mentions
from bot.counting import count, processes
from bot.idleness import why_busy
from bot.inventory import fold
from bot.models import (
    Account,
    Asking,
    EndAccount,
    EndSession,
    Filter,
    Hold,
    Kept,
    Kick,
    Pinned,
    Plan,
    Result,
    Rung,
    Session,
    ShowAccount,
    Snapshot,
    Step,
    Target,
    Unreachable,
    by_host,
)
from bot.policy import Policy
from bot.presence import inside_others, is_left, left, meant, newcomers, remaining, still_there
from bot.request import Attempt, Request
from bot.states import State

MAX_ATTEMPTS = 2
SUGGESTED = 3
USUAL_HOLD = 2 * 60 * 60
"""Seconds that are offered; people choose."""

Looks = Sequence[Snapshot | Unreachable]


# ------------------------------------------------------------------------------------------------ the plan


def make(command: Kick, looks: Looks, policy: Policy, *, first: Request | None = None, asker: str = "") -> Plan:
    """Exactly the sessions that the command names and that may be ended; the account's other ones with the reason.

    At the level `processes` each host's account is one more target, behind its sessions. With `hold` the account is
    held first: on each host that knows it, or only where something ends if the command names some sessions.

    first: the request to which this is the next step: what is left of its logins is a target again, though no list
    shows it as a login; and what wasn't its target is not forced. asker: whose own sessions stay where everyone goes.
    """
    spared = _not_of(first, command)
    targets: list[Target] = []
    kept: list[Kept] = []
    holds: list[Target] = []
    for look in looks:
        if isinstance(look, Unreachable):
            continue
        for session in look.sessions if command.is_of_everyone else look.of(command.user):
            if why := _why_kept(command, look, session, policy, asker) or spared(session):
                kept.append(_kept(look, session, why))
            else:
                targets.append(_session(command, look, session, policy))
        targets += _leftovers(command, look, first.plan if first else None)
        if command.processes:
            targets += _account(command, look, policy)
        if command.hold and (command.is_of_all_sessions or any(target.host == look.host for target in targets)):
            holds += _hold(command, look, policy)
    return Plan(
        user=command.user,
        targets=tuple(targets),
        holds=tuple(holds),
        kept=tuple(kept),
        untouched=tuple(sorted({look.host for look in looks} - {t.host for t in (*targets, *holds)} - _lost(looks))),
        unreachable=tuple(look for look in looks if isinstance(look, Unreachable)),
    )


def again(request: Request, *, force: bool) -> Asking | None:
    """What can be asked next about a request that has ended: to force what survived, or to end what came back. None:
    nothing. Where nobody decided or nothing was begun in time, the same may be asked once more; where nothing was begun
    on some hosts, on these.

    One session that survived is named; otherwise every session that the account has there by then.
    """
    command = _usual(request.command)
    if request.state in {State.EXPIRED, State.LAPSED}:
        return None if force else command
    if request.undone and command and request.state is State.CLOSED and not force:
        return command.model_copy(update={"hosts": request.undone})
    wanted = Result.SURVIVED if force else Result.RETURNED
    some = [o for o in request.outcomes if o.result is wanted]
    if not isinstance(command, Kick) or not some or (force and command.force):
        return None
    only = some[0].session if force and len(some) == 1 and not command.processes else None
    hosts = tuple(dict.fromkeys(o.host for o in some))
    held = any(a.status == "done" for host in hosts for a in request.holds_tried(host))
    changes = {"hosts": hosts, "session": only, "only": Filter(), "warn": 0}
    changes |= {"hold": 0} if held else {}  # what is held already can't be held twice
    return command.model_copy(update={**changes, "force": force or command.force, "after": request.id})


def _usual(command: Asking | None) -> Asking | None:
    """A button starts no emergency: somebody has to say that it is one, and why."""
    return command.model_copy(update={"emergency": False}) if isinstance(command, Kick) else command


def to_hold(request: Request) -> Kick | None:
    """What can be asked at the end: that the account can't log in again. None: no rule allows it, or it was asked."""
    command = request.command
    if request.state is not State.CLOSED or request.plan is None or not request.may_hold:
        return None
    if not isinstance(command, Kick) or command.hold or command.is_of_everyone:
        return None
    return Kick(user=request.plan.user, hosts=request.plan.hosts, hold=USUAL_HOLD, reason=command.reason)


def _kept(look: Snapshot, session: Session, why: str) -> Kept:
    user = session.account.name
    return Kept(host=look.host, session=session.id, identity=session.identity, why=why, user=user)


def _why_kept(command: Kick, look: Snapshot, session: Session, policy: Policy, asker: str) -> str | None:
    if session.own:
        return "it is Kickbot's own connection"
    if policy.protects(session.account):
        return "the account is protected"
    if not command.means(look.host, session):
        unproven = command.only.fits(session) and session.key_source == "environment"
        return "its key is known only from what the account can write" if unproven else "it was not asked for"
    if command.is_of_everyone and (why := sparing.why_spared(command, look, session.account, policy, asker)):
        return why
    if not _rungs(command, session.ladder):
        return "Kickbot can't end such a login"
    return _why_not_idle(command, look, session, policy)


def _why_not_idle(command: Kick, look: Snapshot, session: Session, policy: Policy) -> str | None:
    sense = policy.sense_to_act(look.host, session.account, command.acts)
    used = why_busy(look, session, command.only.idle, sense) if command.only.idle else ""
    return f"it is not known to be idle: {used}" if used else None


def _not_of(first: Request | None, command: Kick) -> Callable[[Session], str | None]:
    """Why a session is none of those that survived the first request, where this one only forces these."""
    if first is None or first.plan is None or command.processes or not command.force or _forced(first):
        return lambda _session: None
    left_alone = {o.identity for o in first.outcomes if o.result is Result.LEFT}
    survived = {t.identity for t in first.plan.targets} - left_alone
    return lambda session: None if session.identity in survived else f"it is not what request {first.id} left"


def _forced(request: Request) -> bool:
    return request.command is not None and request.command.force


def _rungs(command: Kick, ladder: Sequence[Rung]) -> tuple[str, ...]:
    return tuple(rung.name for rung in ladder if rung.act in command.acts)


def _session(command: Kick, look: Snapshot, session: Session, policy: Policy) -> Target:
    return Target(
        host=look.host,
        host_key=look.host_key,
        boot=look.boot,
        session=session.id,
        identity=session.identity,
        account=session.account,
        summary=", ".join([*([session.account.name] if command.is_of_everyone else []), _summary(session)]),
        rungs=_rungs(command, session.ladder),
        leaders=_pinned(session),
        seen=look.uptime,
        idle=command.only.idle,
        sense=policy.sense_to_act(look.host, session.account, command.acts) if command.only.idle else "careful",
        takes=max((rung.takes for rung in session.ladder if rung.act in command.acts), default=0),
    )


def _pinned(session: Session) -> tuple[Pinned, ...]:
    """By what the rest of an unlisted login is known again: its kernel sessions, and whoever else works inside."""
    if not session.leaders:
        return ()
    others = [Pinned(pid=p.pid, start=p.start) for p in session.processes if not p.runs_as(session.account.uid)]
    return tuple(dict.fromkeys((*session.leaders, *others)))


def _leftovers(command: Kick, look: Snapshot, first: Plan | None) -> Iterator[Target]:
    """What is left of the logins of an earlier plan, where no list shows them any more."""
    rungs = _rungs(command, look.rest_ladder)
    for target in first.on(look.host) if first else ():
        rest = left(target, look) if target.leaders and still_there(target, look) is None else None
        if rest and rungs:
            yield target.model_copy(update={"rungs": rungs, "summary": f"its rest, {processes(len(rest))}"})


def _account(command: Kick, look: Snapshot, policy: Policy) -> Iterator[Target]:
    account = look.account(command.user)
    rungs = _rungs(command, look.ladder)
    if account is None or policy.protects(account) or not rungs:
        return
    beside = tuple(s.identity for s in look.of(account.name))
    target = _whole(look, account).model_copy(update={"rungs": rungs, "beside": beside})
    yield target.model_copy(update={"summary": processes(len(left(target, look) or ()))})


def _whole(look: Snapshot, account: Account) -> Target:
    return Target(
        kind="account",
        host=look.host,
        host_key=look.host_key,
        boot=look.boot,
        session="",
        identity=f"uid {account.uid}",
        account=account,
        summary="",
        rungs=(),
        seen=look.uptime,
    )


def _hold(command: Kick, look: Snapshot, policy: Policy) -> Iterator[Target]:
    account = look.account(command.user) or look.asked_for
    if account is not None and account.name == command.user and not policy.protects(account):
        yield _whole(look, account)


def _summary(session: Session) -> str:
    """`pts/3, from 203.0.113.10`, in the words of the thread."""
    where = ", ".join(t.name for t in session.terminals) or f"{session.service or 'no service'}, no terminal"
    return f"{where}, from {session.remote}" if session.remote else where


def _lost(looks: Looks) -> set[str]:
    return {look.host for look in looks if isinstance(look, Unreachable)}


# ------------------------------------------------------------------------------------------------ the next step


def next_step(request: Request, looks: Looks, now: datetime | None = None) -> Step | None:
    """The next approved try, or None if nothing approved is left to do with what these looks show.

    A target that is gone, changed, used again, or was tried since it was last looked at, gives no step; nor does a host
    that could not be looked at. Each rung is tried once; once more if the host refused it or the answer never came,
    when the first try can't start any more. The next rung comes only after a try that was really made. An account comes
    after its host's sessions; at its end stands its last word. Where the account is to be held, that comes first, and
    nothing else without it. Where a warning was promised, nothing comes before its time, and nothing without it. now:
    when the host was looked at, by the trail's clock; without it both clocks agree.
    """
    return next(_steps(request, looks, now), None)


def _steps(request: Request, looks: Looks, now: datetime | None) -> Iterator[Step]:
    if request.plan is None or not request.may_act:
        return
    for look in by_host(looks).values():
        if not isinstance(look, Snapshot):
            continue
        back = forewarning.held_back(request, look, now or look.time)
        if back and all(t.key in back for t in remaining(request.plan, [look]) if t.kind == "session"):
            continue
        if request.plan.holds and all(a.status != "done" for a in request.holds_tried(look.host)):
            yield from _hold_step(request, request.plan, look, now or look.time)
        else:
            yield from _steps_on(request, request.plan, look, back)


def _hold_step(request: Request, plan: Plan, look: Snapshot, now: datetime) -> Iterator[Step]:
    """It may be asked again: on its host the same hold is one, however often."""
    target = next((t for t in plan.holds if t.host == look.host), None)
    tried = request.holds_tried(look.host)
    could_start = bool(tried) and tried[-1].status != "refused" and look.uptime <= tried[-1].not_after
    final = bool(tried) and tried[-1].refusal not in {None, "late", "frozen"}
    if target is None or request.hold_until is None or could_start or final or len(tried) >= MAX_ATTEMPTS:
        return
    yield Hold(
        target=target,
        attempt=1 + len(tried),
        id=request.hold_id,
        until=request.hold_until,
        there=request.hold_until + (look.time - now),
    )


def _steps_on(request: Request, plan: Plan, look: Snapshot, back: frozenset[tuple[str, str, str]]) -> Iterator[Step]:
    waiting = bool(back)
    for target in plan.on(look.host):
        if target.key in back:
            continue
        tried = request.tries(target)
        if not all(a.looked_after for a in tried):
            waiting = True
        elif target.kind == "session":
            rung = _next_rung(target, tried, look) if is_left(target, look) else None
            if rung and not used_again(request, target, look):
                waiting = True
                yield EndSession(target=target, rung=rung, attempt=_attempt(tried, rung))
        elif not waiting:
            yield from _account_steps(request, plan, target, look)


def used_again(request: Request, target: Target, look: Snapshot) -> str:
    """Why a target that may be ended only while it is idle stays; empty if it is idle.

    Empty too once something was tried, which itself shows on its terminals.
    """
    if not target.idle or request.may_have_run(target):
        return ""
    session = still_there(target, look)
    if session is None:
        return "its login is gone, and what is left of it can't be judged"
    return why_busy(look, session, target.idle, target.sense, told=request.told_by(target))


def awaited(request: Request, looks: Looks) -> tuple[Target, ...]:
    """The targets that these looks still show, and that may go: not those that are left alone."""
    there = remaining(request.plan, looks) if request.plan else ()
    undone, seen = frozenset(request.undone), by_host(looks)
    may_go = (t for t in there if t.host not in undone and not forewarning.left_alone(request, t, seen[t.host]))
    return tuple(t for t in may_go if not t.idle or request.may_have_run(t))


def watch_until(request: Request, hosts: Sequence[str]) -> datetime | None:
    """Until when tries on these hosts may show, where that takes longer than usual."""
    tried = (a for a in request.attempts if a.step.host in hosts and isinstance(a.step, EndSession))
    slow = (a.answer_by + timedelta(seconds=a.step.target.takes) for a in tried if a.step.target.takes and _ran(a))
    return max(slow, default=None)


def _ran(attempt: Attempt) -> bool:
    """False for a try that the host refused."""
    return attempt.status != "refused"


def _account_steps(request: Request, plan: Plan, target: Target, look: Snapshot) -> Iterator[Step]:
    tried = request.tries(target)
    if left(target, look) and (rung := _next_rung(target, tried, look)):
        spare = tuple(s.identity for s in newcomers(plan, look))
        yield EndAccount(target=target, rung=rung, attempt=_attempt(tried, rung), spare=spare, seen=look.uptime)
    elif not any(isinstance(a.step, ShowAccount) and a.step.target.key == target.key for a in request.attempts):
        yield ShowAccount(target=target)


def _next_rung(target: Target, tried: Sequence[Attempt], look: Snapshot) -> str | None:
    for rung in target.rungs:
        tries = [a for a in tried if _rung(a) == rung]
        if not tries:
            return rung
        last = tries[-1]
        if last.status == "done" or (target.kind == "account" and last.refusal == "changed"):
            continue  # a rung that would have ended more of the account than was approved makes way for the next
        if last.status == "unknown" and look.uptime <= last.not_after:
            return None  # it could still start
        if len(tries) < MAX_ATTEMPTS:
            return rung
        if last.status == "refused":
            return None
    return None


def _attempt(tried: Sequence[Attempt], rung: str) -> int:
    return 1 + sum(_rung(a) == rung for a in tried)


def _rung(attempt: Attempt) -> str:
    return attempt.step.rung if isinstance(attempt.step, EndSession | EndAccount) else ""


# ------------------------------------------------------------------------------------------------ for people


def why_nothing(command: Kick, plan: Plan, looks: Looks = ()) -> str:
    """Why there is nothing to end, for people: `audituser is not logged in on host1.`"""
    if plan.kept and not any(command.names(k.host, k.session) for k in plan.kept):
        there = ", ".join(f"{k.session} on {k.host}" for k in plan.kept)
        return f"{plan.user} has no session {command.session} there, only {there}."
    nobody = "Nobody is" if plan.is_of_everyone else f"{plan.user} is not"
    told = [f"{nobody} logged in on {fold(free)}."] if (free := _free(plan)) else []
    told += [f"Session {k.session} of {k.user or plan.user} on {k.host} stays: {k.why}." for k in plan.kept]
    told += [text for look in looks if isinstance(look, Snapshot) for text in _elsewhere(command, look)]
    told += [f"{u.host} {u.reason}. Nothing is known about its sessions." for u in plan.unreachable]
    told += _unknown(command, looks) or _meant(command, looks)
    return without_mentions(" ".join(told))


def _elsewhere(command: Kick, look: Snapshot) -> Iterator[str]:
    """Where the account is at work without a session of its own."""
    for session, _ in inside_others(command.user, look):
        whose = f"{session.account.name}'s session {session.id}"
        yield f"{command.user} is also active inside {whose} on {look.host}: to end that, kick {session.account.name}."
    if not command.processes and (number := sum(p.user == command.user for p in look.outside)):
        run = count(number, "process runs", "processes run")
        end = "`processes` would end them" if look.ladder else "Kickbot can't end them there"
        yield f"{run} outside of any session on {look.host}: {end}."


def _unknown(command: Kick, looks: Looks) -> list[str]:
    """Where it can't be held either."""
    seen = [look for look in looks if isinstance(look, Snapshot)] if command.hold else []
    where = [look.host for look in seen if look.asked_for is None or look.asked_for.name != command.user]
    return [f"{fold(where)} is not known to have such an account, so it can't be held there."] if where else []


def _meant(command: Kick, looks: Looks) -> list[str]:
    """Of several, the first ones: it only helps against a slip."""
    near = meant(command.user, looks)[:SUGGESTED]
    return [f"Did you mean {' or '.join(f'`{quoted(name)}`' for name in near)}?"] if near else []


def _free(plan: Plan) -> set[str]:
    return set(plan.untouched) - {kept.host for kept in plan.kept}
