"""What a host does by itself about people who are idle or gone, in words that say what it means for them. Pure."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from bot.cleaning import quoted
from bot.durations import spell, whole
from bot.models import ChannelLimit, HostLimits, ShellLimit

SHELL, COMMAND, TRANSFER = "session:shell", "session:command", "session:subsystem:sftp"
"""What sshd calls the channels of a terminal, of `ssh host command`, and of a file transfer."""
_CHANNELS = {SHELL: "a shell", COMMAND: "a command (`ssh host command`)", TRANSFER: "a file transfer"}
ALL_TOGETHER = "global"
"""The pattern of ChannelTimeout that is about all channels of a connection together."""


def in_short(found: HostLimits) -> str:
    """What becomes of idle people, as a heading goes on behind the host's name."""
    if seconds := closed_after(found, SHELL):
        return f"an idle shell is closed after {whole(seconds)}."
    if found.stop_idle:
        return f"a login without typing may be ended after {whole(found.stop_idle)}."
    if any(shell.seconds != 0 for shell in found.shells):
        return "nobody is ended for being idle, but a shell that waits at its prompt."
    return "nobody is ended for being idle." if found.sshd else "what ends idle people is not known."


def sentences(found: HostLimits) -> tuple[str, ...]:
    """What each setting means, with its name."""
    return (*_sshd(found), *_logind(found), *_shells(found), *_unless(found))


def closed_after(found: HostLimits, channel: str) -> int:
    """Seconds without any traffic after which sshd closes such a channel; 0: never. The first pattern counts."""
    limits = found.channels or ()
    own = next((limit.seconds for limit in limits if _fits(limit, channel)), 0)
    together = next((limit.seconds for limit in limits if limit.channels == ALL_TOGETHER), 0)
    return min(filter(None, (own, together)), default=0)


def _fits(limit: ChannelLimit, channel: str) -> bool:
    """Sshd's patterns know only * and ?."""
    return fnmatchcase(channel, limit.channels.replace("[", "[[]"))


# ------------------------------------------------------------------------------------------------ sshd


def _sshd(found: HostLimits) -> Iterator[str]:
    if not found.sshd:
        return
    yield _idle(found)
    if found.channels:
        yield _unused(found)
    yield _gone(found)


def _idle(found: HostLimits) -> str:
    if found.channels is None:
        return f"sshd ends nobody for being idle: `ChannelTimeout` came with OpenSSH 9.2, this is {found.sshd}."
    if not found.channels:
        return "sshd ends nobody for being idle: `ChannelTimeout` is not set."
    set_to = _set_to(found.channels)
    closed = {words: closed_after(found, channel) for channel, words in _CHANNELS.items()}
    if not any(closed.values()):
        meant = any(limit.channels.startswith("session") for limit in found.channels)
        hint = ", it would have to be `session:*`" if meant else ""
        return f"{'⚠️ ' if meant else ''}sshd ends nobody for being idle: {set_to} is about no session{hint}."
    each = ", ".join(f"{words} after {whole(seconds)}" for words, seconds in closed.items() if seconds)
    return (
        f"sshd closes what sends and receives nothing for so long: {each}, also while a silent program runs ({set_to})."
    )


def _set_to(channels: Sequence[ChannelLimit]) -> str:
    entries = (f"{c.channels}={whole(c.seconds) if c.seconds else 'none'}" for c in channels)
    return f"`ChannelTimeout {quoted(' '.join(entries))}`"


def _unused(found: HostLimits) -> str:
    if found.unused:
        return f"A connection without a session is closed after {whole(found.unused)} (`UnusedConnectionTimeout`)."
    return "A shared connection stays open without its sessions: `UnusedConnectionTimeout` is not set."


def _gone(found: HostLimits) -> str:
    if not found.alive_interval:
        return "Someone whose network is gone may stay for hours: sshd does not ask (`ClientAliveInterval 0`)."
    every = f"`ClientAliveInterval {found.alive_interval}`"
    if not found.alive_count:
        off = f"`ClientAliveCountMax 0` switches the check off ({every})"
        return f"⚠️ Someone whose network is gone may stay for hours: {off}."
    noticed = spell(found.alive_interval * found.alive_count)
    times = f"{every} × `ClientAliveCountMax {found.alive_count}`"  # noqa: RUF001
    return (
        f"Someone whose network is gone is noticed after about {noticed} ({times}). That ends nobody who is only idle."
    )


# ------------------------------------------------------------------------------------------------ logind, shells


def _logind(found: HostLimits) -> Iterator[str]:
    if not found.logind:
        return
    if found.stop_idle:
        yield (
            f"logind ends a login at whose terminal nothing was typed for {whole(found.stop_idle)}, whatever runs there"
            " (`StopIdleSessionSec`). It needs to know the terminal, and newer hosts know none of logins by ssh."
        )
    elif found.stop_idle is None:
        yield "logind ends no idle login: `StopIdleSessionSec` came with systemd 252."
    else:
        yield "logind ends no idle login: `StopIdleSessionSec` is not set."
    left, set_to = ("ends with the login", "yes") if found.kill_left else ("lives on after the login", "no")
    yield f"What someone leaves running (`nohup`, `tmux`) {left} (`KillUserProcesses {set_to}`)."


def _shells(found: HostLimits) -> Iterator[str]:
    yield from map(_shell, found.shells)
    if not found.shells and (found.sshd or found.logind):
        yield "No shell's profile sets `TMOUT`."


def _shell(shell: ShellLimit) -> str:
    where = f"`TMOUT`, set in {shell.file}{' for good' if shell.fixed else ', where anyone can undo it for themselves'}"
    if shell.seconds is None:
        return f"A shell that waits at its prompt may end, it isn't known when ({where})."
    if not shell.seconds:
        return f"No shell ends at its prompt ({where} to 0)."
    return f"A shell that waits at its prompt ends after {whole(shell.seconds)} ({where})."


def _unless(found: HostLimits) -> Iterator[str]:
    if found.matches:
        conditions = ", ".join(f"`{quoted(condition)}`" for condition in found.matches)
        yield f"For some, sshd's configuration may say something else: {conditions}."
