"""What an approval would end: the sessions, the processes, whatever dies with them, and by which means. Pure."""

from collections.abc import Iterator

from bot.counting import count
from bot.durations import spell
from bot.models import Plan, Process, Session, Snapshot
from bot.slack.content import limit_request
from bot.slack.content.blocks import Part, paragraph
from bot.slack.content.lines import Line, bold, joined, line
from bot.slack.content.naming import NAMED, programs, sessions, some
from bot.slack.content.remainder import also_active, stays
from bot.slack.content.story import Story, named
from bot.slack.content.warning import without_terminal

# What logs people in: it belongs to root, and nobody thinks of it as work.
DOORS = frozenset({"sshd", "sshd-session", "login", "systemd", "(sd-pam)"})
SHELLS = frozenset({"bash", "sh", "dash", "zsh", "fish"})


def what_would_happen(story: Story) -> Iterator[Part]:
    """What ends, what dies with it, what stays, and what is done before and in the worst case."""
    plan = story.plan
    if plan is None:
        return
    if story.limit:
        yield from limit_request.would(story, story.limit)
        return
    absent = [*_not_there(story), *_not_logged_in(plan)]
    yield paragraph(ends(story, plan), *absent, *_with_them(story), *_of_others(story), needed=True)
    if lines := list(stays(story, plan)):
        yield paragraph(line(bold("Stays: "), lines[0]), *lines[1:])
    if lines := list(also_active(story, plan)):
        yield paragraph(line(bold("Also active: "), lines[0]), *lines[1:])
    if lines := list(_means(story, plan)):
        yield paragraph(*lines, needed=True)


# -------------------------------------------------------------------------------------------- what ends


def ends(story: Story, plan: Plan) -> Line:
    """`Ends 2 sessions: 7 (pts/3, from 203.0.113.10), 9 (…), and every process of audituser on host1 (12 now).`"""
    processes = _processes(story, plan)
    if not plan.targets:
        return line(bold("Ends nothing:"), f" {plan.user} is not logged in there now.")
    if not plan.sessions:
        return line(bold("Ends"), " ", processes, ".")
    also = line(", and ", processes) if plan.accounts else ()
    return line(bold(f"Ends {count(len(plan.sessions), 'session')}:"), " ", _sessions(plan), also, ".")


def _sessions(plan: Plan) -> Line:
    several = len(plan.hosts) > 1
    first = plan.sessions[:NAMED]
    shown = [line(bold(t.session), f" ({f'{t.host}, ' if several else ''}{t.summary})") for t in first]
    more = len(plan.sessions) - len(shown)
    return line(joined(shown, ", "), f" and {more} more, listed below" if more else "")


def _not_there(story: Story) -> list[Line]:
    """Sessions that were asked for by their ids and are gone; of a host that didn't answer nothing is known."""
    command = story.request.command
    seen = [look for look in story.before if isinstance(look, Snapshot)]
    if command is None or command.session is None or len(seen) < len(story.before):
        return []
    there = {name for look in seen for s in look.of(command.user) for name in (s.id, f"{look.host}:{s.id}")}
    gone = [name for name in command.session.split(",") if name not in there]
    return [line(f"Asked for too, but not there any more: {sessions(gone)}.")] if gone else []


def _not_logged_in(plan: Plan) -> list[Line]:
    """Hosts that were asked for too, and where the account has nothing to end or to keep."""
    free = [host for host in plan.untouched if host not in {kept.host for kept in plan.kept}]
    nobody = "Nobody is logged in" if plan.is_of_everyone else "Not logged in"
    return [line(f"{nobody} on {named(free)}.")] if free else []


def _processes(story: Story, plan: Plan) -> Line:
    numbers = [f"{target.host} ({len(there)} now)" for target, there in story.accounts_before]
    return line(bold(f"every process of {plan.user}"), f" on {some(numbers)}")


def _with_them(story: Story) -> list[Line]:
    """Their programs, without the scaffolding; the process tree below shows it all the same."""
    names = programs(p for p in _of_the_account(story) if p.name.lstrip("-") not in DOORS | SHELLS)
    return [line(f"With them: {some(names)}.")] if names else []


def _of_the_account(story: Story) -> list[Process]:
    """Its processes that end, each once."""
    dying = [(host, p) for host, session in story.targets_before for p in session.processes if _own(session, p)]
    dying += [(target.host, p) for target, there in story.accounts_before for p in there]
    return list({(host, p.pid): p for host, p in dying}.values())


def _own(session: Session, process: Process) -> bool:
    return process.user == session.account.name


def _of_others(story: Story) -> list[Line]:
    """`Of other people, inside: root's bash, alice's vim. They end with it.`"""
    targets = story.targets_before
    inside = [p for _, s in targets for p in s.processes if not _own(s, p) and p.name not in DOORS]
    if not inside:
        return []
    theirs = [f"{p.user}'s {p.name}" for p in inside]
    end = "It ends" if len(inside) == 1 else "They end"
    them = "them" if len(targets) > 1 else "it"
    return [line(f"Of other people, inside: {some(dict.fromkeys(theirs))}. {end} with {them}.")]


# -------------------------------------------------------------------------------------------- by which means


def _means(story: Story, plan: Plan) -> Iterator[Line]:
    command = story.request.command
    if command is None:
        return
    if command.warn and plan.sessions:
        yield line(f"{plan.user} is told {spell(command.warn)} before, {_told_where(story)}.")
    if command.only.idle:
        yield line(f"Only what is still idle for {spell(command.only.idle)} then: a session that is used again stays.")
    if plan.holds:
        where, first = named(tuple(t.host for t in plan.holds)), "First " if plan.targets else ""
        kept_out = f"{first}{plan.user} is kept from logging in on {where} for {spell(command.hold)}"
        yield line(f"{kept_out}, given back by itself.")
    if command.after:
        yield line(f"Next step after request {command.after}.")


def _told_where(story: Story) -> str:
    """`on pts/3; session 9 has no terminal to tell`"""
    terminals = [t.name for _, session in story.targets_before for t in session.terminals]
    mute = [session.id for _, session in story.targets_before if not session.terminals]
    told = [f"on {some(terminals)}"] if terminals else []
    return "; ".join([*told, *([without_terminal(mute)] if mute else [])])
