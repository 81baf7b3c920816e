"""SSH to one host: a warm connection, limits on everything, and in plain words why there is no answer.

It never decides what an answer means, and sends a command a second time only where it was told that it may.
"""

import asyncio
import logging
import shlex
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import asyncssh

from bot.cleaning import clean, mask, shorten
from bot.errors import KickbotError
from bot.hosts.drivers.interface import Call
from bot.hosts.limits import Limits
from bot.hosts.openings import Openings
from bot.hosts.trust import Identity, KnownHosts, NoKnownHosts, Visitor
from bot.hosts.turns import Turns
from bot.models import Host, Value

SETTLING = (0.1, 0.3, 1.0, 2.0)
"""Seconds between tries of a command for which the host has no channel yet."""

log = logging.getLogger(__name__)

ERRORS_KEPT = 4096  # bytes of a host's standard error that are worth reading

# For every connection: no configuration file, no password, no compression, no X.509, no Kerberos. What an agent holds
# comes by `Identity`, and the agent itself goes nowhere.
NOTHING_ELSE: Mapping[str, Any] = {
    "config": None,
    "agent_path": None,
    "agent_forwarding": False,
    "preferred_auth": "publickey",
    "host_based_auth": False,
    "kbdint_auth": False,
    "password_auth": False,
    "gss_auth": False,
    "gss_kex": False,
    "gss_host": None,
    "pkcs11_provider": None,
    "x509_trusted_certs": None,
    "x509_trusted_cert_paths": [],
    "compression_algs": None,
    "request_pty": False,
    # As safe as the others, and first because a packet is one call of C here, not five.
    "encryption_algs": "^aes256-gcm@openssh.com,aes128-gcm@openssh.com",
}


class Trouble(KickbotError):  # noqa: N818 - says what happened
    """A host gave no answer. sent: the command may have been started. lost: the connection is dead."""

    def __init__(self, reason: str, *, sent: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.lost = lost


class Untrusted(Trouble):
    """The host shows a key that nobody recorded. changed: another one is recorded; authority: it is of who signed."""

    def __init__(self, reason: str, key: asyncssh.SSHKey, *, changed: bool, authority: bool) -> None:
        super().__init__(reason)
        self.key, self.changed, self.authority = key, changed, authority


class NoChannel(Trouble):
    """The host opens no further channel on this connection. Nothing was sent."""


class OtherHostKey(Trouble):
    """The host proves itself with another key than the one that the approved plan names. Nothing was sent."""


class Reply(Value):
    """What came back from one command, as bytes, and the fingerprint of the key with which the host proved itself."""

    output: bytes
    errors: bytes
    host_key: str


class Line:
    """The line to one host: one warm connection, opened when it is needed, replaced when it is old or has failed."""

    def __init__(
        self,
        host: Host,
        identity: Identity,
        known: KnownHosts,
        limits: Limits,
        openings: Openings,
        jump: "Line | None" = None,
    ) -> None:
        self.host = host
        self._openings = openings
        self._jump = jump
        self._opened: asyncio.Task[tuple[_Warm, bool]] | None = None
        self._identity, self._known, self._limits = identity, known, limits
        self._turns = Turns(limits.channels)
        self._opening = asyncio.Lock()
        self._warm: _Warm | None = None

    async def ask(self, call: Call, *, again: bool = False, host_key: str | None = None, fresh: bool = False) -> Reply:
        """One command and its answer. host_key: the only key to which it may be sent. Raises Trouble.

        fresh: only over a connection that is opened for it: that it comes through proves that a login does.

        Where a warm connection turns out to be dead, a fresh one is tried once: if nothing was sent yet, or, with
        `again`, although it was. Where the host takes fewer channels at a time, one comes after the other.
        """
        if fresh:
            await self._forget()
        async with self._turns:
            try:
                return await self._ask_twice(call, again=again, host_key=host_key)
            except NoChannel as refused:
                log.info("%s %s: one command at a time from now on", self.host.name, refused)
                if await self._turns.narrow():
                    return await self._ask_patiently(call, again=again, host_key=host_key)
        async with self._turns:
            return await self._ask_patiently(call, again=again, host_key=host_key)

    async def _ask_patiently(self, call: Call, *, again: bool, host_key: str | None) -> Reply:
        """Where there is one channel, the host has it free only a moment after the last one was closed."""
        for pause in SETTLING:
            with suppress(NoChannel):
                return await self._ask_twice(call, again=again, host_key=host_key)
            await asyncio.sleep(pause)
        return await self._ask_twice(call, again=again, host_key=host_key)

    async def _ask_twice(self, call: Call, *, again: bool, host_key: str | None) -> Reply:
        warm, fresh = await self._shared()
        try:
            return await self._ask(warm, call, host_key)
        except OtherHostKey:
            raise
        except Trouble as trouble:
            if fresh or (trouble.sent and not (again and trouble.lost)):
                raise
        warm, _ = await self._shared()
        return await self._ask(warm, call, host_key)

    async def through(self) -> "_Warm":
        """A connection through which others go on."""
        warm, _ = await self._shared()
        return warm

    async def _shared(self) -> "tuple[_Warm, bool]":
        """See `_connection`. Who comes meanwhile shares the failure too: nobody waits twice for a dead host."""
        if self._warm and self._warm.usable:
            return await self._connection()
        if self._opened is None or self._opened.done():
            self._opened = asyncio.create_task(self._connection())
            self._opened.add_done_callback(_heard)
        return await asyncio.shield(self._opened)

    async def greet(self) -> None:
        """Connect, and ask nothing. Raises Trouble, Untrusted for a host whose key nobody recorded."""
        await self._connection()

    def retire(self) -> None:
        """The host is spoken to in this way no more: what is under way comes to its end."""
        if self._warm:
            self._warm.retire()

    async def close(self) -> None:
        if self._opened:
            self._opened.cancel()
        async with self._opening:
            if self._warm:
                await self._warm.close()

    async def _forget(self) -> None:
        """Nobody new uses the warm connection."""
        async with self._opening:
            if self._warm:
                self._warm.retire()

    async def _connection(self) -> "tuple[_Warm, bool]":
        """The warm connection, or a fresh one and True. Those who come meanwhile wait for the same one."""
        async with self._opening:
            try:
                known = self._known.load()
            except NoKnownHosts as error:
                raise Trouble(str(error)) from error
            if self._warm and self._warm.usable and self._warm.known is known:
                return self._warm, False
            if self._warm:
                self._warm.retire()
            jump = await self._on_the_way()
            async with self._openings.one(self.host):
                connection = await self._connect(known, jump)
            self._warm = _Warm(connection, known, self._limits, jump)
            return self._warm, True

    async def _on_the_way(self) -> "_Warm | None":
        """The connection to the jump host, if there is one. Its failure is told as its own."""
        if self._jump is None:
            return None
        try:
            return await self._jump.through()
        except Trouble as trouble:
            raise Trouble(f"is behind the jump host {self._jump.host.name}, which {trouble}") from trouble

    async def _connect(self, known: asyncssh.SSHKnownHosts, jump: "_Warm | None") -> asyncssh.SSHClientConnection:
        host, limits, visitor = self.host, self._limits, Visitor()
        if jump:
            visitor.held.enter_context(jump)
        try:
            async with asyncio.timeout(limits.connect), self._identity.offered() as keys:
                return await asyncssh.connect(
                    host.address,
                    host.port,
                    tunnel=jump.connection if jump else None,
                    username=host.user,
                    client_keys=keys,
                    known_hosts=known,
                    client_factory=lambda: visitor,
                    keepalive_interval=limits.keepalive,
                    keepalive_count_max=limits.misses,
                    **NOTHING_ELSE,
                )
        except BaseException as error:
            visitor.held.close()
            if not isinstance(error, Exception):
                raise
            if isinstance(error, asyncssh.HostKeyNotVerifiable):
                raise self._untrusted(error, visitor) from error
            raise Trouble(self._why_closed(error, jump)) from error

    def _untrusted(self, error: Exception, visitor: Visitor) -> Trouble:
        why = _reason(error, self.host)
        if visitor.key:
            shown = visitor.key.get_fingerprint()
            why = self._known.why_not(self.host, shown, authority=visitor.authority)
        log.error("%s %s", self.host.name, why)
        if not visitor.key:
            return Trouble(why)
        changed = bool(self._known.recorded(self.host))
        return Untrusted(why, visitor.key, changed=changed, authority=visitor.authority)

    def _why_closed(self, error: Exception, jump: "_Warm | None") -> str:
        """Why no connection could be made."""
        match error:
            case TimeoutError():
                return f"did not answer within {self._limits.connect:g} s (connection timed out)"
            case asyncssh.ChannelOpenError() if self._jump:
                why = shorten(mask(clean(str(error))), 200)
                return f"can't be reached from the jump host {self._jump.host.name} ({why})"
        return self._blamed(_reason(error, self.host), jump)

    def _blamed(self, why: str, jump: "_Warm | None") -> str:
        """The same reason, unless it is the jump host whose connection broke."""
        if self._jump is None or jump is None or not jump.connection.is_closed():
            return why
        return f"is behind the jump host {self._jump.host.name}, which broke the connection off"

    async def _ask(self, warm: "_Warm", call: Call, host_key: str | None) -> Reply:
        if host_key not in {None, warm.host_key}:
            raise OtherHostKey(f"{self.host.name} shows the host key {warm.host_key}, not {host_key}")
        reader = _Reader(self._limits.size)
        with warm:
            try:
                await self._exchange(warm.connection, call, reader)
            except BaseException as error:
                warm.retire()
                if not isinstance(error, Exception):
                    raise
                if isinstance(error, asyncssh.ChannelOpenError) and not warm.connection.is_closed():
                    raise NoChannel(_reason(error, self.host)) from error
                lost = isinstance(error, asyncssh.DisconnectError | OSError) and not isinstance(error, TimeoutError)
                why = self._blamed(self._why_silent(error, reader), warm.jump)
                raise Trouble(why, sent=reader.opened, lost=lost) from error
            finally:
                reader.abort()
        return Reply(output=bytes(reader.output), errors=bytes(reader.errors), host_key=warm.host_key)

    async def _exchange(self, connection: asyncssh.SSHClientConnection, call: Call, reader: "_Reader") -> None:
        command = shlex.join(call.argv)
        async with asyncio.timeout(self._limits.connect):
            channel, _ = await connection.create_session(lambda: reader, command, encoding=None)
        async with asyncio.timeout(self._limits.answer):
            with suppress(OSError):  # a command that ends without reading, such as a sudo that refuses
                channel.write(call.stdin)
                channel.write_eof()
            await reader.ended

    def _why_silent(self, error: Exception, reader: "_Reader") -> str:
        if not isinstance(error, TimeoutError):
            return _reason(error, self.host)
        if not reader.opened:
            return f"did not open a channel within {self._limits.connect:g} s"
        return f"did not finish its answer within {self._limits.answer:g} s"


def _heard(opened: "asyncio.Task[tuple[_Warm, bool]]") -> None:
    """Its failure counts as told: who asked may not wait any more."""
    if not opened.cancelled():
        opened.exception()


class _Warm:
    """One open connection, by what it was trusted, and how many use it.

    Retired: nobody new may use it, and it is cut when the last one is done. jump: what it goes through.
    """

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        known: asyncssh.SSHKnownHosts,
        limits: Limits,
        jump: "_Warm | None" = None,
    ) -> None:
        self.connection, self.known, self.jump = connection, known, jump
        key = connection.get_server_host_key()
        self.host_key = key.get_fingerprint() if key else ""
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.time()
        self._users = 0
        self._retired = False
        self._idle: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        young = self._loop.time() - self._opened < self._limits.age
        return young and not self._retired and not self.connection.is_closed()

    def retire(self) -> None:
        self._retired = True
        if not self._users:
            self.connection.abort()

    async def close(self) -> None:
        """Cut it, whoever uses it."""
        self._retired = True
        if self._idle:
            self._idle.cancel()
        self.connection.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self.connection.wait_closed()

    def __enter__(self) -> None:
        self._users += 1
        if self._idle:
            self._idle.cancel()

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if self._users:
            return
        if self._retired:
            self.connection.abort()
        else:
            self._idle = self._loop.call_later(self._limits.idle, self.retire)


class _Reader(asyncssh.SSHClientSession[bytes]):
    """Collects the output of one command, up to its limit. ended: done when the channel is closed."""

    def __init__(self, limit: int) -> None:
        self.output, self.errors = bytearray(), bytearray()
        self.opened = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._limit = limit
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        self.opened = True

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            self.errors += data[: ERRORS_KEPT - len(self.errors)]
        elif len(self.output) + len(data) > self._limit:
            self._end(Trouble(f"answered more than {self._limit} bytes"))
            self.abort()
        else:
            self.output += data

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc)

    def abort(self) -> None:
        if self._channel:
            self._channel.abort()
        if self.ended.done() and not self.ended.cancelled():
            self.ended.exception()  # nobody waits for it any more
        self.ended.cancel()

    def _end(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        if error:
            self.ended.set_exception(error)
        else:
            self.ended.set_result(None)


def _reason(error: Exception, host: Host) -> str:
    """Why a host gave no answer: the rest of a sentence that begins with its name. What the host said is cleaned."""
    why = shorten(mask(clean(str(error))), 200) or type(error).__name__
    match error:
        case KickbotError():
            return str(error)
        case asyncssh.PermissionDenied():
            return f"refused the login {host.user}@{host.address} (no key accepted)"
        case asyncssh.ChannelOpenError():
            return f"did not open a channel ({why})"
        case socket.gaierror():
            return f"has an address that can't be resolved ({host.address})"
        case ConnectionRefusedError():
            return f"refuses connections at {host.address} port {host.port}"
        case asyncssh.ConnectionLost() | ConnectionError():
            return f"broke the connection off ({why})"
        case asyncssh.DisconnectError():
            return f"ended the connection ({why})"
        case OSError():
            return f"can't be reached ({why})"
    log.error("unexpected failure on %s", host.name, exc_info=error)
    return f"gave no answer ({type(error).__name__}: {why})"
