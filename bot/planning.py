"""What would be done, and the next step of it. Pure."""

from collections.abc import Iterator, Sequence

from bot.inventory import fold
from bot.lifecycle import Attempt, Request
from bot.models import EndSession, Kept, Kick, Plan, Session, Snapshot, Step, Target, Unreachable, by_host
from bot.policy import Policy

MAX_ATTEMPTS = 2


def make(command: Kick, looks: Sequence[Snapshot | Unreachable], policy: Policy) -> Plan:
    """Exactly the sessions that the command names and that may be ended; the account's other ones with the reason."""
    targets: list[Target] = []
    kept: list[Kept] = []
    for look in looks:
        if isinstance(look, Unreachable):
            continue
        for session in look.of(command.user):
            if why := _why_kept(command, session, policy):
                kept.append(Kept(host=look.host, session=session.id, identity=session.identity, why=why))
            else:
                targets.append(_target(command, look, session))
    return Plan(
        user=command.user,
        targets=tuple(targets),
        kept=tuple(kept),
        untouched=tuple(sorted({look.host for look in looks} - {t.host for t in targets} - _lost(looks))),
        unreachable=tuple(look for look in looks if isinstance(look, Unreachable)),
    )


def next_step(request: Request, looks: Sequence[Snapshot | Unreachable]) -> Step | None:
    """The next approved try, or None if nothing approved is left to do with what these looks show.

    A target that is gone, changed, or was tried since it was last looked at, gives no step; nor does a host that could
    not be looked at. Each rung is tried once; once more if the host refused it or the answer never came, when the first
    try can't start any more. The next rung comes only after a try that was really made.
    """
    return next(_steps(request, looks), None)


def remaining(plan: Plan, looks: Sequence[Snapshot | Unreachable]) -> tuple[Target, ...]:
    """The targets that these looks still show, each by its exact identity."""
    return tuple(target for target, _ in _present(plan, looks))


def still_there(target: Target, look: Snapshot) -> Session | None:
    """The very session that was approved: the same host key, boot, identity and account; otherwise None."""
    if (look.host_key, look.boot) != (target.host_key, target.boot):
        return None
    session = look.session(target.identity)
    return session if session is not None and session.account == target.account else None


def _steps(request: Request, looks: Sequence[Snapshot | Unreachable]) -> Iterator[Step]:
    if request.plan is None or not request.may_act:
        return
    for target, look in _present(request.plan, looks):
        tried = [a for a in request.attempts if a.step.target == target]
        if all(a.looked_after for a in tried) and (step := _step(target, tried, look)) is not None:
            yield step


def _present(plan: Plan, looks: Sequence[Snapshot | Unreachable]) -> Iterator[tuple[Target, Snapshot]]:
    """The targets that are still there, each with the look that shows it."""
    seen = by_host(looks)
    for target in plan.targets:
        look = seen.get(target.host)
        if isinstance(look, Snapshot) and still_there(target, look) is not None:
            yield target, look


def _step(target: Target, tried: Sequence[Attempt], look: Snapshot) -> EndSession | None:
    for rung in target.rungs:
        tries = [a for a in tried if a.step.rung == rung]
        if not tries:
            return EndSession(target=target, rung=rung)
        last = tries[-1]
        if last.status == "done":
            continue
        if last.status == "unknown" and look.uptime <= last.not_after:
            return None  # it could still start
        if len(tries) < MAX_ATTEMPTS:
            return EndSession(target=target, rung=rung, attempt=len(tries) + 1)
        if last.status == "refused":
            return None
    return None


def _why_kept(command: Kick, session: Session, policy: Policy) -> str | None:
    if session.own:
        return "it is Kickbot's own connection"
    if session.account.uid == 0 or session.account.name in policy.protected:
        return "the account is protected"
    if command.session is not None and session.id != command.session:
        return "it was not asked for"
    if not _rungs(command, session):
        return "logind does not know it, and Kickbot can't end such a login yet"
    return None


def _rungs(command: Kick, session: Session) -> tuple[str, ...]:
    return tuple(rung.name for rung in session.ladder if rung.act in command.acts)


def _target(command: Kick, look: Snapshot, session: Session) -> Target:
    return Target(
        host=look.host,
        host_key=look.host_key,
        boot=look.boot,
        session=session.id,
        identity=session.identity,
        account=session.account,
        summary=_summary(session),
        rungs=_rungs(command, session),
    )


def _summary(session: Session) -> str:
    """`pts/3, from 203.0.113.10`, in the words of the thread."""
    where = ", ".join(t.name for t in session.terminals) or f"{session.service or 'no service'}, no terminal"
    return f"{where}, from {session.remote}" if session.remote else where


def _lost(looks: Sequence[Snapshot | Unreachable]) -> set[str]:
    return {look.host for look in looks if isinstance(look, Unreachable)}


def why_nothing(command: Kick, plan: Plan) -> str:
    """Why there is nothing to end, for people: `audituser is not logged in on host1.`"""
    wanted = command.session
    if wanted is not None and plan.kept and all(k.session != wanted for k in plan.kept):
        there = ", ".join(f"{k.session} on {k.host}" for k in plan.kept)
        return f"{plan.user} has no session {wanted} there, only {there}."
    told = [f"{plan.user} is not logged in on {fold(free)}."] if (free := _free(plan)) else []
    told += [f"Session {k.session} of {plan.user} on {k.host} stays: {k.why}." for k in plan.kept]
    told += [f"{u.host} {u.reason}. Nothing is known about its sessions." for u in plan.unreachable]
    return " ".join(told)


def _free(plan: Plan) -> set[str]:
    return set(plan.untouched) - {kept.host for kept in plan.kept}
