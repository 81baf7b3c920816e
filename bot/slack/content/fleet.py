"""What `/sessions` answers: few hosts one by one, of many the sum and who is where; and how far a look is. Pure.

A host that gave no answer is never left out: it is counted and named, alike ones under one range.
"""

from collections.abc import Iterator, Sequence

from bot.cleaning import shorten
from bot.counting import count
from bot.listings import Seen
from bot.models import Session, Snapshot, Unreachable
from bot.presence import meant
from bot.slack.content.blocks import Button, Message, Part, aside, buttons, compose, paragraph, table
from bot.slack.content.lines import Line, Who, bold, code, in_plain, line, told
from bot.slack.content.listing import (
    COLUMNS,
    absent,
    below,
    cut_note,
    each_session,
    few,
    filtered,
    footers,
    host_lines,
    logged_in,
    nobody,
    parts,
    refused,
    sessions_table,
)
from bot.slack.content.naming import MANY, alike, some
from bot.slack.content.story import named

MOST_HOSTS = 20
"""Up to so many hosts each has a heading of its own."""
MOST_ROWS = 20
"""Up to so many sessions on more hosts stand one by one in the end, else by person."""
PEOPLE = ("user", "sessions", "hosts", "where", "from")
OVERTAKEN = 32
"""A host that was asked before so many that have answered is slow."""
BOXES = 20
LONGEST_HEADING = 60
LONGEST_NAMES = 600
"""Characters of a range of hosts in one line; the file names them all."""


def listing(seen: Seen, first: Sequence[Part] = (), last: Sequence[Part] = (), menu: Sequence[Part] = ()) -> Message:
    """The answer to a listing, whole or as far as it has come. first, last: what stands above and below it.

    menu: what can be done with it. The message is `cut` where a file should have the rest.
    """
    if len(_asked(seen)) <= MOST_HOSTS:
        return compose(*first, *parts(seen, menu), *last)
    return compose(*first, *(_fleet(seen, menu) if seen.looks else ()), *refused(seen), *last)


def whole(seen: Seen) -> str:
    """All of it as text, for a file: the sum, then host by host."""
    lines = [in_plain(one) for one in [*_sum(seen), *_silent(seen, cut=False)]]
    return "\n".join([*lines, "", " · ".join(COLUMNS), *host_lines(seen.shown, seen.listing), *seen.refused, ""])


def in_short(hosts: Sequence[str]) -> str:
    """For a heading: `web[001-200]`, or only how many they are."""
    return names if len(names := named(hosts)) <= LONGEST_HEADING else count(len(hosts), "host")


# -------------------------------------------------------------------------------------------- how far it is


def progress(seen: Seen, who: str, stop: Button) -> list[Part]:
    """How many hosts have answered, in words and boxes; whom it waits for longest; who asked, and may stop it."""
    asked, done = _asked(seen), len(seen.looks)
    of_all = f"{done} of {count(len(asked), 'host')}"
    above = line("\N{HOURGLASS WITH FLOWING SAND} ", bold(f"Looking at {in_short(asked)}"), f": {of_all} so far")
    slow = _slow(seen)
    waiting = [line("Still waiting for ", bold(_names(slow)), ".")] if slow else []
    asker = line("Asked by ", Who(id=who), ", who can stop it.")
    return [paragraph(above, line(_bar(done, len(asked))), needed=True), aside(*waiting, asker), buttons(stop)]


def asked_by(who: str, *, stopped: bool) -> Line:
    """Below the answer, in the end. stopped: before its time."""
    return line("Asked by ", Who(id=who), "; stopped before every host had answered." if stopped else ".")


def _bar(done: int, of_all: int) -> str:
    full = done * BOXES // of_all
    return "\N{BLACK SQUARE}" * full + "\N{WHITE SQUARE}" * (BOXES - full)


def _slow(seen: Seen) -> Sequence[str]:
    """Of few that are awaited all, else those that many others have overtaken.

    Hosts are asked in their order, some at the same time, so the others may just have had no turn yet.
    """
    if len(seen.awaited) <= MOST_HOSTS:
        return seen.awaited
    awaited, asked = set(seen.awaited), _asked(seen)
    return [host for host in asked[: max(len(seen.looks) - OVERTAKEN, 0)] if host in awaited]


def _asked(seen: Seen) -> list[str]:
    """The hosts that this person may look at, in the order in which they were asked for."""
    there = {*(look.host for look in seen.looks), *seen.awaited}
    return [host for host in seen.listing.hosts if host in there]


# -------------------------------------------------------------------------------------------- the answer


def _fleet(seen: Seen, menu: Sequence[Part]) -> Iterator[Part]:
    said, every = ([*_silent(seen, cut=cut), *_quiet(seen, cut=cut)] for cut in (True, False))
    yield paragraph(*_sum(seen), *said, needed=True, cut=said != every)
    rows = sum(1 for _ in each_session(seen.shown, seen.listing))
    if rows and seen.listing.user is None and (seen.awaited or rows > MOST_ROWS):
        yield from _by_person(seen)
        yield from footers([look for look in seen.looks if isinstance(look, Snapshot)], seen.listing)
        return
    if sessions := sessions_table(seen.shown, seen.listing):
        yield from (sessions.part, *cut_note(sessions), *menu)
    yield from below(seen)


def _sum(seen: Seen) -> list[Line]:
    """`web[001-200]: 37 sessions of 12 people on 21 of 200 hosts`; nothing where no host answered.

    While the look goes on, where it is stands above.
    """
    wanted, asked = seen.listing, _asked(seen)
    where = "" if seen.awaited else f"{in_short(asked)}: "
    answered = [look for look in seen.shown if isinstance(look, Snapshot)]
    if not answered:
        return []
    listed = list(each_session(answered, wanted))
    if not listed:
        near = meant(wanted.user, answered)[:1] if wanted.user else ()
        hint = line(" Did you mean ", code(near[0]), "?") if near else ()
        there = f"on any of the {count(len(answered), 'host')} that answered"
        return [line(bold(f"{where}{absent(wanted).removesuffix('.')} {there}."), hint)]
    people = count(len({session.account.name for _, session in listed}), "person", "people")
    what = f"{count(len(listed), 'session')} of {wanted.user or people}{filtered(wanted.only)}"
    hosts = len({look.host for look, _ in listed})
    return [line(bold(f"{where}{what} on {hosts} of {count(len(asked), 'host')}"))]


def _silent(seen: Seen, *, cut: bool = True) -> list[Line]:
    """How many hosts gave no answer, and which, those together of which the same is said."""
    silent = [look for look in seen.looks if isinstance(look, Unreachable)]
    if not silent:
        return []
    groups = alike((look.host, look.reason) for look in silent)
    if cut and len(groups) > MANY:
        others = [host for hosts, _ in groups[MANY - 1 :] for host in hosts]
        groups = [*groups[: MANY - 1], (others, f"gave none, for {len(groups) - MANY + 1} other reasons")]
    of_all = bold(f"{len(silent)} of {count(len(_asked(seen)), 'host')} gave no answer.")
    each = [line(f"• {_names(hosts, cut=cut)} {reason}") for hosts, reason in groups]
    return [line(of_all, " Nothing is known about their sessions:"), *each]


def _quiet(seen: Seen, *, cut: bool = True) -> list[Line]:
    """Where nobody is, hosts of which the same is said in one line; once all have answered."""
    if seen.awaited:
        return []
    quiet = [look for look in seen.shown if isinstance(look, Snapshot) and not logged_in(look, seen.listing)]
    groups = alike((look.host, nobody(look, seen.listing)) for look in quiet)
    lines = [line(f"{_names(hosts, cut=cut)}: {said}") for hosts, said in groups]
    return few(lines) if cut else lines


def _by_person(seen: Seen) -> Iterator[Part]:
    """Who is where: whoever is on most hosts first. The file has the sessions themselves."""
    found: dict[str, list[tuple[str, Session]]] = {}
    for look, session in each_session(seen.shown, seen.listing):
        found.setdefault(session.account.name, []).append((look.host, session))
    rows = sorted((_person(user, there) for user, there in found.items()), key=lambda row: (-int(row[2]), row[0]))
    people = table(PEOPLE, rows)
    yield people.part.model_copy(update={"cut": True})
    if people.left_out:
        yield aside(line(f"{count(people.left_out, 'more person', 'more people')} did not fit here."))
    if not seen.awaited:
        yield aside(told("The sessions of one of them: `/sessions HOSTS USER`."))


def _person(user: str, there: Sequence[tuple[str, Session]]) -> list[str]:
    hosts = list(dict.fromkeys(host for host, _ in there))
    origins = dict.fromkeys(session.remote for _, session in there if session.remote)
    return [user, str(len(there)), str(len(hosts)), named(hosts), some(origins)]


def _names(hosts: Sequence[str], *, cut: bool = True) -> str:
    return shorten(named(hosts), LONGEST_NAMES) if cut else named(hosts)
