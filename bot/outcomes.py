"""What became of each target, judged by a fresh look alone. Pure: an exit status is never asked."""

from collections.abc import Sequence

from bot import forewarning
from bot.counting import count
from bot.models import Outcome, Process, Result, Session, Snapshot, Target, Unreachable, by_host
from bot.planning import used_again
from bot.presence import left, newcomers, still_there
from bot.request import Request


def judge(request: Request, looks: Sequence[Snapshot | Unreachable]) -> tuple[Outcome, ...]:
    """One outcome for each target of the plan, in its order."""
    seen = by_host(looks)
    if request.plan is None:
        return ()
    return tuple(_judge(request, target, seen.get(target.host)) for target in request.plan.targets)


def _judge(request: Request, target: Target, look: Snapshot | Unreachable | None) -> Outcome:
    if look is None or isinstance(look, Unreachable):
        why = look.reason if look else "it was not looked at"
        if target.host in request.undone:
            return _outcome(target, Result.LEFT, f"nothing was begun, and {target.host} {why}")
        return _outcome(target, Result.UNKNOWN, f"{target.host}: {why}")
    if look.host_key != target.host_key:
        return _outcome(target, Result.UNKNOWN, f"{target.host} showed another host key, so it may be another machine")
    if look.boot != target.boot:
        return _outcome(target, Result.ENDED, f"{target.host} was rebooted: its sessions ended with the boot")
    there = left(target, look)
    if there is not None and target.host in request.undone:
        return _outcome(target, Result.LEFT, "nothing was begun")
    if there is not None and forewarning.left_alone(request, target, look):
        return _outcome(target, Result.LEFT, forewarning.UNTOLD)
    if there is not None and target.idle and not request.may_have_run(target):
        return _outcome(target, Result.LEFT, _why_left(request, target, look))
    if there is not None:
        return _present(target, look, there, request.why_not_held(target.host))
    return _absent(request, target, look)


def _why_left(request: Request, target: Target, look: Snapshot) -> str:
    """It was to be ended only while it was idle."""
    if request.stopped:
        return "nothing was begun"
    if not_held := request.why_not_held(target.host):
        return f"it was left alone, as the account is not held: {not_held}"
    if why := used_again(request, target, look):
        return f"it was used again: {why}"
    return "it was used again, or could not be judged, when it was to end"


def _present(target: Target, look: Snapshot, there: tuple[Process, ...], not_held: str) -> Outcome:
    if not_held:
        return _outcome(target, Result.SURVIVED, f"it was left alone, as the account is not held: {not_held}", there)
    session = still_there(target, look)
    if target.kind == "account":
        return _outcome(target, Result.SURVIVED, f"{_are(there)} left of {target.account.name}", there)
    if session is None:
        return _outcome(target, Result.SURVIVED, f"the login is gone, but {_are(there)} left of it", there)
    if session.restless:
        detail = f"it is {session.state}, and what runs in it starts anew all the time"
        return _outcome(target, Result.SURVIVED, detail, there)
    if not there:
        who = "logind" if session.source == "logind" else "the host"
        return _outcome(target, Result.GHOST, f"{who} still lists it as {session.state}, with no process left in it")
    return _outcome(target, Result.SURVIVED, f"it is {session.state}", there)


def _are(there: tuple[Process, ...]) -> str:
    return count(len(there), "process is", "processes are")


def _absent(request: Request, target: Target, look: Snapshot) -> Outcome:
    tried = any(a.status in {"done", "unknown"} for a in request.tries(target))
    if tried and not target.idle and (back := _back(request, target, look)):
        return _outcome(target, Result.RETURNED, f"{target.account.name} logged in again: {_named(back)}")
    if tried:
        return _outcome(target, Result.ENDED)
    if target.kind == "account":
        return _outcome(target, Result.ALREADY_GONE, "none was left when its sessions had ended")
    return _outcome(target, Result.ALREADY_GONE, _gone(target, look))


def _back(request: Request, target: Target, look: Snapshot) -> list[Session]:
    """Later logins of that very account."""
    new = newcomers(request.plan, look) if request.plan else ()
    return [session for session in new if session.account == target.account]


def _gone(target: Target, look: Snapshot) -> str:
    heir = next((s for s in look.sessions if s.id == target.session), None)
    if heir is None:
        return "it was gone by itself before anything was done"
    return f"it was gone by itself; its id {heir.id} now belongs to another login of {heir.account.name}, left alone"


def _named(sessions: Sequence[Session], *, whose: bool = False) -> str:
    return ", ".join(
        f"session {s.id}{f' of {s.account.name}' if whose else ''}, {s.since:%H:%M:%S}"
        + (f" from {s.remote}" if s.remote else "")
        for s in sessions
    )


def _outcome(target: Target, result: Result, detail: str = "", lives_on: tuple[Process, ...] = ()) -> Outcome:
    return Outcome(
        kind=target.kind,
        host=target.host,
        session=target.session,
        identity=target.identity,
        result=result,
        detail=detail,
        lives_on=lives_on,
    )


def note(request: Request, looks: Sequence[Snapshot | Unreachable]) -> str:
    """What people should know besides the outcomes: logins of the account that came after the plan, and stay."""
    if request.plan is None:
        return ""
    not_held = [
        f"{request.plan.user} is not held on {host}, so nothing was ended there: {why}."
        for host, why in request.not_held.items()
        if host not in request.undone
    ]
    came = {look.host: newcomers(request.plan, look) for look in looks if isinstance(look, Snapshot)}
    whose = request.plan.is_of_everyone
    told = {host: _named(new, whose=whose) for host, new in came.items() if new}
    new_there = [f"New on {host}, not part of the approval, left alone: {named}." for host, named in told.items()]
    return " ".join([*not_held, *new_there])
