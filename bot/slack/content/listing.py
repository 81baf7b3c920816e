"""What is said of hosts one by one: who is logged in, as one table, and below it whose and by which key. Pure."""

from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.counting import count
from bot.durations import spell
from bot.listings import Seen
from bot.models import Filter, Listing, Process, Session, Snapshot, Unreachable, by_host
from bot.presence import meant
from bot.slack.content import keys
from bot.slack.content.blocks import NOTHING, Part, Table, aside, paragraph, table
from bot.slack.content.lines import Line, bold, code, in_plain, line, told
from bot.slack.content.naming import MANY, alike, of_whom, sessions, some
from bot.slack.content.story import named

COLUMNS = ("session", "user", "from", "tty", "since (UTC)", "idle keys / output", "running")
RUNNING = 60
MOST_FOOTERS = 5
EVERYTHING = Listing(hosts=())


def parts(seen: Seen, menu: Sequence[Part] = ()) -> Iterator[Part]:
    """Hosts in the order in which they were asked for. menu: what can be done with it, right below the table."""
    if said := headings(seen.shown, seen.listing):
        yield paragraph(*few(said), needed=True)
    if found := sessions_table(seen.shown, seen.listing):
        yield from (found.part, *cut_note(found), *menu)
    yield from below(seen)
    yield from refused(seen)


# -------------------------------------------------------------------------------------------- above the table


def headings(looks: Sequence[Snapshot | Unreachable], wanted: Listing = EVERYTHING) -> list[Line]:
    """One for each host; hosts about which the same is said have one together: `web[01-20]: nobody is logged in.`"""
    groups = alike((look.host, heading(look, wanted, "")) for look in looks)
    seen = by_host(looks)
    return [heading(seen[hosts[0]], wanted, named(hosts)) for hosts, _ in groups]


def heading(look: Snapshot | Unreachable, wanted: Listing = EVERYTHING, name: str | None = None) -> Line:
    """`host1: 3 sessions of 2 people`, or that nobody is there, or only outside of them, or that nothing is known.

    name: stands for the host, and for others that look the same.
    """
    name = look.host if name is None else name
    if isinstance(look, Unreachable):
        return unreachable(look, name)
    if not (listed := logged_in(look, wanted)):
        return line(bold(f"{name}: {nobody(look, wanted)}"), _meant(look, wanted))
    people = len({s.account.name for s in listed})
    whose = f"of {wanted.user}" if wanted.user else f"of {count(people, 'person', 'people')}"
    each = "" if name in {"", look.host} else " on each"
    return line(bold(f"{name}: {count(len(listed), 'session')} {whose}{filtered(wanted.only)}{each}"))


def nobody(look: Snapshot, wanted: Listing) -> str:
    """Of a host without a session that was asked for."""
    front = [p for p in outside(look, wanted.user) if p.terminal]
    if front and wanted.only == Filter():
        terminals = some(dict.fromkeys(p.terminal or "" for p in front))
        return f"no login session, but {of_whom(front)} at a terminal ({terminals})."
    return absent(wanted)


def absent(wanted: Listing) -> str:
    """`nobody is logged in.`, or that nobody is who was asked for."""
    if wanted.only != Filter():
        return f"no session{f' of {wanted.user}' if wanted.user else ''}{filtered(wanted.only)}."
    return f"{wanted.user} is not logged in." if wanted.user else "nobody is logged in."


def _meant(look: Snapshot, wanted: Listing) -> Line:
    near = meant(wanted.user, [look]) if wanted.user else ()
    return line(" Did you mean ", code(near[0]), "?") if near else ()


def filtered(only: Filter) -> str:
    """` idle for 30 min from 203.0.113.0/24 with that key`"""
    idle = f" idle for {spell(only.idle)}" if only.idle else ""
    return idle + (f" from {only.network}" if only.network else "") + (" with that key" if only.key else "")


def unreachable(look: Unreachable, name: str | None = None) -> Line:
    return line(bold(f"{look.host if name is None else name} {look.reason}."), " Nothing is known about its sessions.")


def logged_in(look: Snapshot, wanted: Listing = EVERYTHING) -> list[Session]:
    """The sessions of people that were asked for: never the connection through which Kickbot looks."""
    return [s for s in look.sessions if not s.own and wanted.shows(s)]


def outside(look: Snapshot, user: str | None = None) -> list[Process]:
    """The processes of people that belong to no login, such as a shell that a user's own service manager runs."""
    return [p for p in look.outside if user in {None, p.user}]


# -------------------------------------------------------------------------------------------- the table


def sessions_table(looks: Sequence[Snapshot | Unreachable], wanted: Listing = EVERYTHING) -> Table | None:
    """Every session of these looks, or None if there is none. With several hosts, the host is a column too."""
    several = len(looks) > 1
    rows = [[*([look.host] if several else []), *row(session, look)] for look, session in each_session(looks, wanted)]
    return table([*(["host"] if several else []), *COLUMNS], rows) if rows else None


def each_session(looks: Sequence[Snapshot | Unreachable], wanted: Listing) -> Iterator[tuple[Snapshot, Session]]:
    """The sessions that were asked for, with the look that saw each."""
    for look in looks:
        if isinstance(look, Snapshot):
            yield from ((look, session) for session in logged_in(look, wanted))


def row(session: Session, look: Snapshot) -> list[str]:
    since = f"{session.since:%H:%M}, {spell((look.time - session.since).total_seconds())}"
    return [
        session.id + _about(session),
        session.account.name,
        ", ".join(filter(None, [session.remote, session.client, keys.short(session)])) or NOTHING,
        ", ".join(t.name for t in session.terminals) or "none",
        since,
        _idle(session),
        shorten(running(session), RUNNING),
    ]


def _about(session: Session) -> str:
    """What is special about a session, in words beside its id."""
    notes = (
        "" if session.is_listed else "logind does not know it",
        session.state if session.state not in {"active", "online", "unlisted"} else "",
    )
    about = ", ".join(filter(None, notes))
    return f" ({about})" if about else ""


def _idle(session: Session) -> str:
    if session.since_key is None and session.since_output is None:
        return NOTHING
    typed, output = ((NOTHING if s is None else spell(s)) for s in (session.since_key, session.since_output))
    return f"{typed} / {output}"


def running(session: Session) -> str:
    """What stands in the foreground; without a terminal, the newest processes that started nothing else."""
    front = [p for p in session.processes if p.foreground] or _leaves(session.processes)
    return ", ".join(dict.fromkeys(p.command for p in front)) or "no process left"


def _leaves(processes: Sequence[Process]) -> list[Process]:
    parents = {p.parent for p in processes}
    return [p for p in processes if p.pid not in parents]


def cut_note(shown: Table) -> list[Part]:
    """How many rows are missing."""
    if not shown.left_out:
        return []
    rest = count(shown.left_out, "more session")
    return [aside(told(f"{rest} did not fit here. Name a user to see fewer: `/sessions HOST USER`."))]


def host_lines(looks: Sequence[Snapshot | Unreachable], wanted: Listing = EVERYTHING) -> Iterator[str]:
    """All of it for a file, host by host."""
    for look in looks:
        yield in_plain(heading(look, wanted))
        if isinstance(look, Snapshot):
            yield from (" · ".join(row(session, look)) for session in logged_in(look, wanted))


# -------------------------------------------------------------------------------------------- below the table


def below(seen: Seen) -> Iterator[Part]:
    """Whose the accounts are and by which keys they came, and how each host was seen."""
    if lines := [*_owners(seen), *_keys(seen)]:
        yield aside(*lines)
    yield from footers([look for look in seen.looks if isinstance(look, Snapshot)], seen.listing)


def refused(seen: Seen) -> list[Part]:
    """Why some hosts were not looked at."""
    return [paragraph(*map(told, seen.refused), needed=True)] if seen.refused else []


def _owners(seen: Seen) -> list[Line]:
    """`The account bob belongs to Bob.`: for those who are listed; named, not called."""
    listed = dict.fromkeys(session.account.name for _, session in each_session(seen.shown, seen.listing))
    known = [(name, seen.owners[name]) for name in listed if seen.owners.get(name)]
    whose = [f"{name} belongs to {' and '.join(shorten(owner, 40) for owner in owners)}" for name, owners in known]
    return [line(f"The account {', '.join(whose)}.")] if whose else []


def _keys(seen: Seen) -> list[Line]:
    """Keys in full, and how many sessions a filter could not judge."""
    lines = keys.whole([(look.host, session) for look, session in each_session(seen.shown, seen.listing)])
    looks = [look for look in seen.looks if isinstance(look, Snapshot)]
    return [*lines, *few([note for look in looks for note in (*_unknown(look, seen), *_not_idle(look, seen))])]


def _not_idle(look: Snapshot, seen: Seen) -> Iterator[Line]:
    """Why the others are not shown, one line for those of which the same is said."""
    busy, reasons = seen.busy.get(look.host, {}), dict[str, list[str]]()
    for session in logged_in(look, seen.listing):
        if why := busy.get(session.identity):
            reasons.setdefault(why, []).append(session.id)
    for why, ids in reasons.items():
        yield line(f"not shown as idle on {look.host}: {sessions(ids)}, {why}")


def _unknown(look: Snapshot, seen: Seen) -> Iterator[Line]:
    only, named = seen.listing.only, seen.listing.model_copy(update={"only": Filter()})
    for what, asked, known in (("key", only.key, "key"), ("address", only.network, "remote")):
        if number := sum(not getattr(s, known) for s in logged_in(look, named)) if asked else 0:
            hidden = "it is not shown" if number == 1 else "they are not shown"
            yield line(f"{look.host}: the {what} of {count(number, 'more session')} isn't known: {hidden}")


def few(lines: Sequence[Line]) -> list[Line]:
    """The first ones, and how many more there are."""
    rest = [line(f"and {count(len(lines) - MANY, 'more line')}: name fewer hosts to see them.")]
    return [*lines[:MANY], *(rest if len(lines) > MANY else [])]


def footers(looks: Sequence[Snapshot], wanted: Listing) -> list[Part]:
    """How each host was seen; of many hosts only what could not be seen there."""
    if len(looks) <= MOST_FOOTERS:
        return [aside(*footer(look, wanted)) for look in looks]
    notes = alike((look.host, note) for look in looks for note in look.notes)
    return [aside(*few([line(f"{named(hosts)}: {note}") for hosts, note in notes]))] if notes else []


def footer(look: Snapshot, wanted: Listing = EVERYTHING) -> tuple[Line, ...]:
    """How the host was seen, who is there outside of every login, and what could not be seen."""
    system = ", ".join(filter(None, [look.system, f"up {spell(look.uptime / 100)}"]))
    seen = f"seen {look.time:%H:%M:%S} by the clock of {look.host}"
    own = [f"Kickbot's own connection, session {s.id}, is left out" for s in look.sessions if s.own]
    lines = [line(" · ".join([f"{look.host}: {system}", seen, *own]))]
    if stray := outside(look, wanted.user):
        lines.append(line(f"outside of any login: {of_whom(stray)}"))
    if look.lingering:
        lines.append(line(f"services run on after the last logout of: {some(look.lingering)}"))
    return (*lines, *(line(note) for note in look.notes))
