"""Is a session idle, and if not, why not. Pure; refuses by default: what isn't known is not idle.

In the careful sense: for that long no key and no output on any of its terminals, and nothing but a shell waits there.
By keys: only no key. In both: for that long nobody was connected to it, where it outlives its connections. All these
times are the host's clock, which may have been set meanwhile; so a step forward since the login counts against
idleness, and where the host's clock isn't that of the trail nobody is idle.
"""

from collections.abc import Iterator

from bot.durations import spell
from bot.models import HostUptime, Process, Sense, Session, Snapshot, Terminal

SHELLS = frozenset(
    {"sh", "bash", "dash", "ash", "busybox", "zsh", "fish", "ksh", "ksh93", "mksh", "oksh", "csh", "tcsh", "rbash"}
)
GRANULE = 8
"""Seconds: the kernel notes a terminal's key or output only if the last one it noted is of another 8 s."""
APART = 60
"""Seconds by which a host's clock may differ from the trail's."""
SLACK = 10
"""Seconds by which a terminal may seem older than its login."""

_INTERACTIVE = frozenset({"-", "-i", "-l", "-il", "-li", "--login", "--interactive", "--norc", "--noprofile"})


def why_busy(
    look: Snapshot, session: Session, seconds: int, sense: Sense = "careful", *, told: HostUptime | None = None
) -> str:
    """Why a session is not idle for so long: `output on pts/3 3 s ago`; empty if it is.

    told: the host's uptime by which Kickbot's own warning stood on its terminals: output until then is no use of it.
    """
    return next(_reasons(look, session, seconds, sense, told), "")


def clock_trouble(look: Snapshot) -> str:
    """Why nobody on that host can be judged: `host1's clock is 2 h ahead: idle can't be judged`; empty if they can."""
    if look.ahead is None:
        return f"{look.host}'s clock was not compared: idle can't be judged"
    if abs(look.ahead) > APART:
        where = "ahead" if look.ahead > 0 else "behind"
        return f"{look.host}'s clock is {spell(abs(look.ahead))} {where}: idle can't be judged"
    return ""


def _reasons(look: Snapshot, session: Session, seconds: int, sense: Sense, told: HostUptime | None) -> Iterator[str]:
    if trouble := clock_trouble(look):
        yield trouble
    if session.disconnected is None and not session.terminals:
        yield "it has no terminal, so nobody knows whether it is idle"
    if session.restless:
        yield "what runs in it can't be listed"
    if session.clock_set is None or session.age is None:
        yield "it isn't known whether the host's clock was set since it began"
    if session.disconnected is not None:
        yield from _connected(session, session.disconnected, seconds)
    for terminal in session.terminals:
        yield from _used(session, terminal, "a key", terminal.since_key, seconds)
    if sense == "careful":
        for terminal in session.terminals:
            yield from _used(session, terminal, "output", terminal.since_output, _quiet(look, seconds, told))
            yield from _in_front(look, terminal)


def _used(session: Session, terminal: Terminal, what: str, since: int | None, seconds: int) -> Iterator[str]:
    """What was seen too lately on one terminal, or at a time that can't be true."""
    if since is None:
        yield f"the time of {what} on {terminal.name} can't be read"
        return
    stepped = max(session.clock_set or 0, 0)
    sure = since - stepped - GRANULE
    if since - stepped > (session.age or 0) + SLACK:
        yield f"the time of {what} on {terminal.name} is older than the login itself"
    if since < seconds + GRANULE:
        yield f"{what} on {terminal.name} {spell(since)} ago"
    elif sure < seconds:
        yield f"the host's clock was set {spell(stepped)} ahead since it began: {what} may be {spell(max(sure, 0))} old"


def _connected(session: Session, since: int, seconds: int) -> Iterator[str]:
    """Whether somebody was connected to it too lately, or it says what can't be true."""
    sure = since - max(session.clock_set or 0, 0)
    if sure > (session.age or 0) + SLACK:
        yield "the time when it was disconnected is older than the login itself"
    if sure < seconds:
        yield f"somebody was connected to it {spell(max(sure, 0))} ago"


def _quiet(look: Snapshot, seconds: int, told: HostUptime | None) -> int:
    """For how long there must have been no output. Once it was told, since then: those words were output too."""
    return seconds if told is None else min(seconds, max((look.uptime - told) // 100 - GRANULE, -GRANULE))


def _in_front(look: Snapshot, terminal: Terminal) -> Iterator[str]:
    """What isn't a waiting shell in the foreground of a terminal, whichever session it belongs to."""
    front = [p for p in look.processes if p.foreground and p.terminal == terminal.name]
    if not front:
        yield f"what is in the foreground of {terminal.name} isn't known"
    yield from (f"{process.name} is in the foreground of {terminal.name}" for process in front if not _waits(process))


def _waits(process: Process) -> bool:
    """True for a shell at its prompt: one with more than options that people give to a shell runs something."""
    return process.name in SHELLS and _arguments(process) <= _INTERACTIVE


def _arguments(process: Process) -> set[str]:
    words = process.command.split()[1:]
    return set(words[1:] if process.name == "busybox" and words[:1] and words[0] in SHELLS else words)
