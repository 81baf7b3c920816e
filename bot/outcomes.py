"""What became of each target, judged by a fresh look alone. Pure: an exit status is never asked."""

from collections.abc import Sequence

from bot.lifecycle import Request
from bot.models import Outcome, Process, Result, Session, Snapshot, Target, Unreachable, by_host
from bot.planning import still_there


def judge(request: Request, looks: Sequence[Snapshot | Unreachable]) -> tuple[Outcome, ...]:
    """One outcome for each target of the plan, in its order."""
    seen = by_host(looks)
    if request.plan is None:
        return ()
    return tuple(_judge(request, target, seen.get(target.host)) for target in request.plan.targets)


def newcomers(request: Request, look: Snapshot) -> tuple[Session, ...]:
    """Sessions of the account that the plan has never seen: they came after it and are not part of the approval."""
    if request.plan is None:
        return ()
    known = {t.identity for t in request.plan.on(look.host)}
    known |= {k.identity for k in request.plan.kept if k.host == look.host}
    return tuple(s for s in look.of(request.plan.user) if s.identity not in known and not s.own)


def _judge(request: Request, target: Target, look: Snapshot | Unreachable | None) -> Outcome:
    if look is None or isinstance(look, Unreachable):
        why = look.reason if look else "it was not looked at"
        return _outcome(target, Result.UNKNOWN, f"{target.host}: {why}")
    if look.host_key != target.host_key:
        return _outcome(target, Result.UNKNOWN, f"{target.host} showed another host key, so it may be another machine")
    if look.boot != target.boot:
        return _outcome(target, Result.ENDED, f"{target.host} was rebooted: its sessions ended with the boot")
    session = still_there(target, look)
    if session is not None:
        return _present(target, session)
    return _absent(request, target, look)


def _present(target: Target, session: Session) -> Outcome:
    if not session.processes:
        return _outcome(target, Result.GHOST, f"logind still lists it as {session.state}, with no process left in it")
    return _outcome(target, Result.SURVIVED, f"it is {session.state}", session.processes)


def _absent(request: Request, target: Target, look: Snapshot) -> Outcome:
    stray = tuple(p for p in look.outside if p.session == target.session)
    if stray and not any(s.id == target.session for s in look.sessions):
        return _outcome(target, Result.SURVIVED, "logind forgot it, but processes are left in it", stray)
    tried = any(a.step.target == target and a.status in {"done", "unknown"} for a in request.attempts)
    if tried and (back := newcomers(request, look)):
        return _outcome(target, Result.RETURNED, f"{target.account.name} logged in again: {_named(back)}")
    if tried:
        return _outcome(target, Result.ENDED)
    return _outcome(target, Result.ALREADY_GONE, _gone(target, look))


def _gone(target: Target, look: Snapshot) -> str:
    heir = next((s for s in look.sessions if s.id == target.session), None)
    if heir is None:
        return "it was gone by itself before anything was done"
    return f"it was gone by itself; its id {heir.id} now belongs to another login of {heir.account.name}, left alone"


def _named(sessions: Sequence[Session]) -> str:
    return ", ".join(
        f"session {s.id}, {s.since:%H:%M:%S}" + (f" from {s.remote}" if s.remote else "") for s in sessions
    )


def _outcome(target: Target, result: Result, detail: str = "", lives_on: tuple[Process, ...] = ()) -> Outcome:
    return Outcome(
        host=target.host,
        session=target.session,
        identity=target.identity,
        result=result,
        detail=detail,
        lives_on=lives_on,
    )


def note(request: Request, looks: Sequence[Snapshot | Unreachable]) -> str:
    """What people should know besides the outcomes: logins of the account that came after the plan, and stay."""
    came = {look.host: newcomers(request, look) for look in looks if isinstance(look, Snapshot)}
    return " ".join(
        f"New on {host}, not part of the approval, left alone: {_named(new)}." for host, new in came.items() if new
    )
