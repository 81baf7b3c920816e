"""The configured hosts over SSH, as bot.borders.Hosts: looks at many at once, acts on one.

It never decides anything, and never sends an act twice.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TypeVar

import asyncssh

from bot.borders import HostsState
from bot.cleaning import clean, mask, shorten
from bot.errors import Declined, IncompleteAnswer
from bot.hosts.drivers.interface import Call, Driver, NotForThisDriver
from bot.hosts.drivers.linux import LinuxDriver
from bot.hosts.drivers.windows import WindowsDriver
from bot.hosts.limits import Limits
from bot.hosts.openings import Openings
from bot.hosts.places import Places
from bot.hosts.ssh import Line, OtherHostKey, Reply, Trouble
from bot.hosts.trust import Identity, KnownHosts
from bot.models import Answer, Host, HostLimits, HostUptime, KeepLimits, Snapshot, Step, Unreachable

__all__ = ["Limits", "SshHosts"]

DRIVERS: Mapping[str, Driver] = {"linux": LinuxDriver(), "windows": WindowsDriver()}
Seen = TypeVar("Seen", Snapshot, HostLimits)
Make = Callable[[Driver, Host], Call]
Parsed = Callable[[Driver, Reply, str, str], Awaitable[Seen]]
"""What to ask a host, and what its answer, from the host of that name and with that nonce, says."""
LARGE = 256 * 1024  # an answer of more bytes is parsed in a thread, so that nobody else waits


class SshHosts:
    """The configured hosts, as bot.borders.Hosts. keys: files of private keys without a passphrase.

    user: the login on hosts that name none. agent: the socket of one that holds further keys. Raises SettingsError for
    keys that can't be read.
    """

    def __init__(
        self,
        hosts: Mapping[str, Host],
        keys: Sequence[Path],
        known_hosts: Path,
        *,
        user: str = "kickbot",
        agent: str = "",
        limits: Limits | None = None,
    ) -> None:
        self._limits = limits or Limits()
        self._identity = Identity(keys, agent=agent)
        self._known = KnownHosts(known_hosts)
        self._user = user
        self._lines: dict[str, Line] = {}
        self._jumps: dict[Host, Line] = {}
        self._places = Places(self._limits)
        self._openings = Openings(self._limits.jitter)
        self._used: dict[str, Line] = {}
        self.serve(hosts)
        self._answered: dict[str, bool] = {}
        self._answered_at: float | None = None

    def serve(self, hosts: Mapping[str, Host]) -> None:
        """From now on these hosts. What is under way on one that isn't there any more comes to its end."""
        before, jumps = self._lines, self._jumps
        named = {name: host.model_copy(update={"user": host.user or self._user}) for name, host in hosts.items()}
        self._jumps = {}
        self._lines = {name: self._line(host, before.get(name), jumps) for name, host in named.items()}
        kept = {*self._lines.values(), *self._jumps.values()}
        for line in (*before.values(), *jumps.values()):
            if line not in kept:
                line.retire()
        self._used = {name: line for name, line in self._used.items() if line in kept}

    def _line(self, host: Host, before: Line | None, jumps: Mapping[Host, Line]) -> Line:
        """The line to a host as it was, if nothing about the host has changed."""
        jump = self._jump(host.jump, jumps) if host.jump else None
        if before and before.host == host:
            return before
        return Line(host, self._identity.of(host), self._known, self._limits, self._openings, jump)

    def _jump(self, host: Host, jumps: Mapping[Host, Line]) -> Line:
        """The line to a jump host, shared by all hosts behind it."""
        if host not in self._jumps:
            self._jumps[host] = self._line(host, jumps.get(host), jumps)
        return self._jumps[host]

    def state(self) -> HostsState:
        """How the newest look at each host went; asks none."""
        answers = [answered for name, answered in self._answered.items() if name in self._lines]
        return HostsState(
            configured=len(self._lines),
            answered=sum(answers),
            silent=len(answers) - sum(answers),
            answered_age=None if self._answered_at is None else monotonic() - self._answered_at,
        )

    def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        """One look for each host, each as it arrives; ends what is still under way when it is closed."""

        def call(driver: Driver, host: Host) -> Call:
            return driver.look(host, nonce=_nonce(), groups=groups, account=account)

        return self._each(hosts, call, _look)

    def limits(self, hosts: Sequence[str]) -> AsyncIterator[HostLimits | Unreachable]:
        """The same for what each host does by itself about idle people."""

        def call(driver: Driver, host: Host) -> Call:
            return driver.limits(host, nonce=_nonce())

        return self._each(hosts, call, _limits)

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        """Send one step, at most once. `unknown` wherever the host may have done it without saying so."""
        line = self._lines.get(step.host)
        if line is None:
            return Answer(status="refused", refusal="forbidden", output=f"{step.host} is not configured")
        driver = DRIVERS[line.host.platform]
        try:
            call = driver.command(step, host=line.host, not_after=not_after, nonce=_nonce())
            fresh = isinstance(step, KeepLimits)
            self._use(line)
            reply = await line.ask(call, host_key=step.target.host_key, fresh=fresh)
            return driver.parse_answer(reply.output, step=step, nonce=call.nonce)
        except NotForThisDriver as error:
            return Answer(status="refused", refusal="forbidden", output=str(error))
        except OtherHostKey as error:
            return Answer(status="refused", refusal="changed", output=str(error))
        except Declined as why:
            return Answer(status="refused", refusal="forbidden", output=f"{line.host.name}: {why}")
        except Trouble as trouble:
            sent = "" if trouble.sent else "nothing was sent: "
            return Answer(status="unknown", output=f"{sent}{trouble}")
        except IncompleteAnswer as error:
            return Answer(status="unknown", output=_no_answer(error, reply, line.host))

    async def greet(self, host: Host) -> None:
        """Connect to a host, or to a jump host, and ask it nothing. Raises Trouble; Untrusted for an unknown key."""
        named = self._lines.get(host.name)
        await (named if named and named.host == host else self._jumps[host]).greet()

    async def opened(self, name: str) -> asyncssh.SSHClientConnection:
        """An open connection to a host, for whoever tries what its login is allowed. Raises Trouble."""
        return (await self._lines[name].through()).connection

    async def close(self) -> None:
        """Close every connection; what is under way on them fails."""
        for lines in (self._lines, self._jumps):
            await asyncio.gather(*(line.close() for line in lines.values()))

    async def _each(self, hosts: Sequence[str], make: Make, parsed: Parsed[Seen]) -> AsyncIterator[Seen | Unreachable]:
        names, few = dict.fromkeys(hosts), asyncio.Semaphore(self._limits.in_flight)
        arrived: asyncio.Queue[asyncio.Task[Seen | Unreachable]] = asyncio.Queue()
        waiting: dict[asyncio.Task[Seen | Unreachable], str] = {}
        for host in names:
            asked = asyncio.create_task(self._asked(host, len(names), few, make, parsed))
            asked.add_done_callback(arrived.put_nowait)
            waiting[asked] = host
        ends = asyncio.get_running_loop().time() + self._limits.whole
        try:
            while waiting:
                try:
                    async with asyncio.timeout_at(ends):
                        look = await arrived.get()
                except TimeoutError:
                    break
                del waiting[look]
                self._note(look.result())
                yield look.result()
            for host in waiting.values():
                yield Unreachable(
                    host=host, reason=f"had not answered after the {self._limits.whole:g} s for all hosts"
                )
        finally:
            for look in waiting:
                look.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _use(self, line: Line) -> None:
        """Of the connections that are open, those that were used least recently make room."""
        self._used.pop(line.host.name, None)
        self._used[line.host.name] = line
        while len(self._used) > self._limits.kept:
            self._used.pop(next(iter(self._used))).retire()

    def _note(self, look: Snapshot | HostLimits | Unreachable) -> None:
        if look.host in self._lines:
            self._answered[look.host] = not isinstance(look, Unreachable)
            self._answered_at = monotonic() if self._answered[look.host] else self._answered_at

    async def _asked(
        self, name: str, hosts: int, few: asyncio.Semaphore, make: Make, parsed: Parsed[Seen]
    ) -> Seen | Unreachable:
        """What changes nothing is asked again where the connection was lost."""
        line = self._lines.get(name)
        if line is None:
            return Unreachable(host=name, reason="is not configured")
        driver = DRIVERS[line.host.platform]
        async with self._places.behind(line.host.jump, hosts), few, self._places.one(hosts):
            self._use(line)
            call = make(driver, line.host)
            try:
                reply = await line.ask(call, again=True)
                return await parsed(driver, reply, name, call.nonce)
            except Trouble as trouble:
                return Unreachable(host=name, reason=str(trouble))
            except IncompleteAnswer as error:
                return Unreachable(host=name, reason=_no_answer(error, reply, line.host))


async def _look(driver: Driver, reply: Reply, host: str, nonce: str) -> Snapshot:
    if len(reply.output) <= LARGE:
        return driver.parse_look(reply.output, host=host, host_key=reply.host_key, nonce=nonce)
    return await asyncio.to_thread(driver.parse_look, reply.output, host=host, host_key=reply.host_key, nonce=nonce)


async def _limits(driver: Driver, reply: Reply, host: str, nonce: str) -> HostLimits:
    return driver.parse_limits(reply.output, host=host, host_key=reply.host_key, nonce=nonce)


def _nonce() -> str:
    return secrets.token_hex(16)


def _no_answer(error: IncompleteAnswer, reply: Reply, host: Host) -> str:
    """Why an answer isn't one, with what the host printed beside it."""
    if isinstance(error, Declined):
        return f"did not answer: {error}"
    said = shorten(mask(clean(reply.errors.strip())), 200)
    if host.kit and not reply.output:
        return (
            f"has no kit that works ({said or 'it said nothing'}): install what `kickbot hosts kit {host.name}` prints"
        )
    if said.startswith("sudo:") and not reply.output:
        if "password" in said:
            return f"asks for a password: {host.user} needs `NOPASSWD` for sudo"
        return f"does not let {host.user} use sudo ({said})"
    return f"gave no complete answer: {error}" + (f" ({said})" if said else "")
