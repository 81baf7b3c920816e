"""What `/sessions` answers: who is logged in where, as one table. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from bot.cleaning import shorten
from bot.models import Process, Session, Snapshot, Unreachable
from bot.slack.blocks import NOTHING, Message, Part, Table, aside, compose, paragraph, table
from bot.durations import spell
from bot.slack.lines import Line, bold, line, told
from bot.workflow import Seen

COLUMNS = ("session", "user", "from", "tty", "since", "idle keys / output", "running")
NOBODY = "nobody is logged in."
RUNNING = 60
NAMED = 8
"""How many people or terminals are named before the rest is counted."""


def listing(seen: Seen) -> Message:
    """The answer to a listing, hosts in the order in which they were asked for."""
    user = seen.listing.user
    parts = [paragraph(*[heading(look, user) for look in seen.looks], needed=True)] if seen.looks else []
    shown = sessions_table(seen.looks, user)
    if shown:
        parts += [shown.part, *cut_note(shown)]
    parts += [aside(*footer(look, user)) for look in seen.looks if isinstance(look, Snapshot)]
    if seen.refused:
        parts.append(paragraph(*map(told, seen.refused), needed=True))
    return compose(*parts)


def heading(look: Snapshot | Unreachable, user: str | None = None) -> Line:
    """`host1: 3 sessions of 2 people`, or that nobody is there, or only outside of them, or that nothing is known."""
    if isinstance(look, Unreachable):
        return unreachable(look)
    listed = logged_in(look, user)
    if not listed and (front := [p for p in outside(look, user) if p.terminal]):
        terminals = some(dict.fromkeys(p.terminal or "" for p in front))
        return line(bold(f"{look.host}: no login session, but {of_whom(front)} at a terminal ({terminals})."))
    if not listed:
        nobody = f"{user} is not logged in." if user else NOBODY
        return line(bold(f"{look.host}: {nobody}"))
    people = len({s.account.name for s in listed})
    whose = f"of {user}" if user else f"of {people} {'person' if people == 1 else 'people'}"
    return line(bold(f"{look.host}: {count(len(listed), 'session')} {whose}"))


def logged_in(look: Snapshot, user: str | None = None) -> list[Session]:
    """The sessions of people: all but the connection through which Kickbot looks."""
    return [s for s in (look.of(user) if user else look.sessions) if not s.own]


def outside(look: Snapshot, user: str | None = None) -> list[Process]:
    """The processes of people that belong to no login, such as a shell that a user's own service manager runs."""
    return [p for p in look.outside if user in {None, p.user}]


def of_whom(processes: Sequence[Process]) -> str:
    """`5 processes of audituser, 2 of bob`, who has most of them first."""
    (user, number), *others = Counter(p.user for p in processes).most_common()
    first = f"{number} {'process' if number == 1 else 'processes'} of {user}"
    return some([first, *(f"{number} of {user}" for user, number in others)])


def some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    first, more = (listed := list(names))[:NAMED], len(listed) - NAMED
    return ", ".join(shorten(name, RUNNING) for name in first) + (f" and {more} more" if more > 0 else "")


def unreachable(look: Unreachable) -> Line:
    return line(bold(f"{look.host} {look.reason}."), " Nothing is known about its sessions.")


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def sessions_table(looks: Sequence[Snapshot | Unreachable], user: str | None = None) -> Table | None:
    """Every session of these looks, or None if there is none. With several hosts, the host is a column too."""
    reached = [look for look in looks if isinstance(look, Snapshot)]
    several = len(looks) > 1
    rows = [
        [*([look.host] if several else []), *row(session, look)]
        for look in reached
        for session in logged_in(look, user)
    ]
    return table([*(["host"] if several else []), *COLUMNS], rows) if rows else None


def row(session: Session, look: Snapshot) -> list[str]:
    since = f"{session.since:%H:%M}, {spell((look.time - session.since).total_seconds())}"
    terminals = ", ".join(t.name for t in session.terminals) or "none"
    return [
        session.id + _about(session),
        session.account.name,
        session.remote or NOTHING,
        terminals,
        since,
        _idle(session),
        shorten(running(session), RUNNING),
    ]


def _about(session: Session) -> str:
    """What is special about a session, in words beside its id."""
    notes = [
        "logind does not know it" if session.source != "logind" else "",
        session.state if session.state not in {"active", "online", "unlisted"} else "",
    ]
    told_ = ", ".join(filter(None, notes))
    return f" ({told_})" if told_ else ""


def _idle(session: Session) -> str:
    if session.since_key is None and session.since_output is None:
        return NOTHING
    keys, output = ((NOTHING if s is None else spell(s)) for s in (session.since_key, session.since_output))
    return f"{keys} / {output}"


def running(session: Session) -> str:
    """What stands in the foreground; without a terminal, the newest processes that started nothing else."""
    front = [p for p in session.processes if p.foreground] or _leaves(session.processes)
    return ", ".join(dict.fromkeys(p.command for p in front)) or "no process left"


def _leaves(processes: Sequence[Process]) -> list[Process]:
    parents = {p.parent for p in processes}
    return [p for p in processes if p.pid not in parents]


def cut_note(shown: Table) -> list[Part]:
    if not shown.left_out:
        return []
    rest = count(shown.left_out, "more session")
    return [aside(told(f"{rest} did not fit here. Name a user to see fewer: `/sessions HOST USER`."))]


def footer(look: Snapshot, user: str | None = None) -> tuple[Line, ...]:
    """How the host was seen, who is there outside of every login, and what could not be seen."""
    system = ", ".join(filter(None, [look.system, f"up {spell(look.uptime / 100)}"]))
    seen = f"seen {look.time:%H:%M:%S} by the clock of {look.host}"
    own = [f"Kickbot's own connection, session {s.id}, is left out" for s in look.sessions if s.own]
    lines = [line(" · ".join([f"{look.host}: {system}", seen, *own]))]
    if stray := outside(look, user):
        lines.append(line(f"outside of any login: {of_whom(stray)}"))
    if look.lingering:
        lines.append(line(f"services run on after the last logout of: {', '.join(look.lingering)}"))
    return (*lines, *(line(note) for note in look.notes))
