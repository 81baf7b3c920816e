"""Who is there, by what one look shows: what is left of each target, who came since, who works elsewhere. Pure.

It only reads looks: nothing here knows what was tried, or decides what is done.
"""

from collections.abc import Iterator, Sequence

from bot.models import EVERYONE, Pinned, Plan, Process, Session, Snapshot, Target, Unreachable, by_host
from bot.nearest import nearest


def left(target: Target, look: Snapshot) -> tuple[Process, ...] | None:
    """What a look still shows of a target: its processes, or none of a session that is only listed. None: it is gone.

    A session counts by its host key, boot, identity and account. The rest of an unlisted login whose sshd is gone
    counts by its kernel sessions.
    """
    if (look.host_key, look.boot) != (target.host_key, target.boot):
        return None
    if target.kind == "account":
        return _of_account(target, look) or None
    session = still_there(target, look)
    inside = session.processes if session else _stray(target, look)
    known = {p.pid for p in inside}
    rest = tuple(p for p in _rest(target.leaders, target.account.uid, look) if p.pid not in known)
    return (*inside, *rest) if session or inside or rest else None


def is_left(target: Target, look: Snapshot) -> bool:
    """True if a look still shows anything of a target; cheap while the session itself is listed."""
    return still_there(target, look) is not None or left(target, look) is not None


def still_there(target: Target, look: Snapshot) -> Session | None:
    """The very session that was approved, as it is listed now; None if it isn't."""
    if (look.host_key, look.boot) != (target.host_key, target.boot):
        return None
    session = look.session(target.identity)
    return session if session is not None and session.account == target.account else None


def remaining(plan: Plan, looks: Sequence[Snapshot | Unreachable]) -> tuple[Target, ...]:
    """The targets of which these looks still show something."""
    return tuple(
        target
        for look in by_host(looks).values()
        if isinstance(look, Snapshot)
        for target in plan.on(look.host)
        if is_left(target, look)
    )


def newcomers(plan: Plan, look: Snapshot) -> tuple[Session, ...]:
    """Sessions that the plan has never seen: they came after it and are not part of the approval.

    Of its account, or of any where everyone goes. What is left of an approved login at its terminal is not one of them.
    """
    targets = plan.on(look.host)
    there = look.sessions if plan.is_of_everyone else look.of(plan.user)
    if not targets:
        return tuple(s for s in there if not s.own)
    known = {i for t in targets for i in (t.identity, *t.beside)}
    known |= {k.identity for k in plan.kept if k.host == look.host}
    ours = _left_of(targets, look)
    unknown = (s for s in there if s.identity not in known and not s.own)
    others = [s for s in unknown if _began_after(targets[0], s)]
    return tuple(s for s in others if not s.processes or any(p.pid not in ours for p in s.processes))


def _left_of(targets: Sequence[Target], look: Snapshot) -> set[int]:
    """The pids of what is left of unlisted logins, account by account."""
    pins: dict[int, list[Pinned]] = {}
    for target in targets:
        pins.setdefault(target.account.uid, []).extend(target.leaders)
    return {process.pid for uid, leaders in pins.items() for process in _rest(leaders, uid, look)}


def inside_others(user: str, look: Snapshot) -> tuple[tuple[Session, int], ...]:
    """Other people's sessions with how many processes of that account: `sudo -u alice -i` by opsuser, for one."""
    found = [(s, sum(p.user == user for p in s.processes)) for s in look.sessions if s.account.name != user]
    return tuple((session, number) for session, number in found if number)


def meant(user: str, looks: Sequence[Snapshot | Unreachable]) -> tuple[str, ...]:
    """Who is logged in under nearly that name, one for each look at most; nobody, if that very account is at work."""
    seen = [look for look in looks if isinstance(look, Snapshot)]
    if user == EVERYONE or any(look.account(user) for look in seen):
        return ()
    near = (nearest(user, [s.account.name for s in look.sessions if not s.own]) for look in seen)
    return tuple(dict.fromkeys(filter(None, near)))


def _began_after(target: Target, session: Session) -> bool:
    """False for what only looks like a new login: a process older than the plan that took another terminal."""
    if session.is_listed:
        return True
    start = next((p.start for p in session.processes if p.pid == session.leader), None)
    return start is None or int(start) > target.seen


def _of_account(target: Target, look: Snapshot) -> tuple[Process, ...]:
    """Every process of the account but those of logins that came later; with such a login, its manager is theirs."""
    later = [s for s in look.of(target.account.name) if s.identity not in target.beside and _began_after(target, s)]
    spared = {p.pid for s in later for p in s.processes} | ({p.pid for p in look.managers} if later else set())
    return tuple(p for p in look.processes if p.runs_as(target.account.uid) and p.pid not in spared)


def _stray(target: Target, look: Snapshot) -> tuple[Process, ...]:
    """What is in the scope of a session that logind itself has forgotten."""
    if any(s.id == target.session for s in look.sessions):
        return ()
    return tuple(p for p in look.outside if p.session == target.session)


def _rest(leaders: Sequence[Pinned], uid: int, look: Snapshot) -> Iterator[Process]:
    """What is left of an unlisted login: of its kernel sessions, what was pinned, and what descends from either.

    A kernel session whose leader is gone keeps the leader's pid as its number while anything is in it. As that number
    is free for others afterwards, it then proves only what runs as the account.
    """
    if not leaders:
        return
    ours = {pin.pid for pin in leaders if look.starts.get(pin.pid) == pin.start}
    ended = {pin.pid for pin in leaders if pin.pid not in look.starts}
    found: set[int] = set()
    for process in look.processes:
        alive = process.kernel_session in ours or process.pid in ours
        rest = process.kernel_session in ended and process.runs_as(uid)
        if alive or rest or process.parent in found:
            found.add(process.pid)
            yield process
