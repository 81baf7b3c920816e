"""What hosts do by themselves about people who are idle or gone."""

from typing import Literal

from bot.models.looks import Unreachable
from bot.models.values import HostUptime, Value

LimitName = Literal["idle", "unresponsive"]
"""What Kickbot can set: after how long sshd closes what is idle, or notices that someone's network is gone."""


class ChannelLimit(Value):
    """One entry of sshd's ChannelTimeout. channels: which, as a pattern. seconds: without any traffic; 0: never."""

    channels: str
    seconds: int


class ShellLimit(Value):
    """A TMOUT that a file gives to shells. seconds: 0: none, None: can't be told. fixed: nobody can change it."""

    file: str
    seconds: int | None = None
    fixed: bool = False


class HostLimits(Value):
    """What a host does by itself about people who are idle or gone, as it is configured. Times are seconds, 0: never.

    sshd: its version; empty: nothing is known of it. alive_interval, alive_count: ClientAliveInterval and its CountMax.
    channels: ChannelTimeout; None: this sshd has none. unused: UnusedConnectionTimeout. matches: the lines `Match …`
    behind which sshd's files may say something else. logind: it answered. stop_idle: StopIdleSessionSec; None: it has
    none. kill_left: KillUserProcesses. shells: where TMOUT is set. notes: what could not be seen, in plain words.
    own: what of it Kickbot has set. trying: the ids of what is on trial. boot, uptime: see Snapshot.
    """

    kind: Literal["limits"] = "limits"
    host: str
    host_key: str
    sshd: str = ""
    alive_interval: int = 0
    alive_count: int = 0
    channels: tuple[ChannelLimit, ...] | None = None
    unused: int = 0
    matches: tuple[str, ...] = ()
    logind: bool = False
    stop_idle: int | None = None
    kill_left: bool = False
    shells: tuple[ShellLimit, ...] = ()
    notes: tuple[str, ...] = ()
    own: tuple[LimitName, ...] = ()
    trying: tuple[str, ...] = ()
    boot: str = ""
    uptime: HostUptime = HostUptime(0)


LimitsLooks = tuple[HostLimits | Unreachable, ...]
