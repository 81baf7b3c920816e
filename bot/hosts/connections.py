"""Asks the configured hosts over SSH: warm connections, limits on everything, host keys always checked.

The only importer of asyncssh. It never decides what an answer means, and never sends an act twice.
"""

import asyncio
import logging
import secrets
import shlex
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncssh

from bot.cleaning import clean, mask, shorten
from bot.errors import IncompleteAnswer, KickbotError, SettingsError
from bot.hosts.drivers.interface import Call, Driver, NotForThisDriver
from bot.hosts.drivers.linux import LinuxDriver
from bot.models import Answer, Host, HostUptime, Snapshot, Step, Unreachable, Value

log = logging.getLogger(__name__)

DRIVERS: Mapping[str, Driver] = {"linux": LinuxDriver()}
SSH_PORT = 22
LARGE = 256 * 1024  # an answer of more bytes is parsed in a thread, so that nobody else waits
ERRORS_KEPT = 4096  # bytes of a host's standard error that are worth reading

# For every connection: no agent, no configuration file, no password, no compression, no X.509, no Kerberos.
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
}


class Limits(Value):
    """What a host may cost. Times are seconds.

    connect: until the login is accepted; also for opening a channel. answer: from sending the script to the end of its
    answer. size: bytes of an answer. in_flight: hosts that are looked at at the same time. channels: on one connection
    (sshd's MaxSessions is 10). keepalive, misses: a silent connection is lost after their product. idle, age: a
    connection is closed when nobody used it that long, and not used again when it is that old.
    """

    connect: float = 10
    answer: float = 30
    size: int = 8 * 1024 * 1024
    in_flight: int = 10
    channels: int = 8
    keepalive: float = 15
    misses: int = 3
    idle: float = 300
    age: float = 3600


class Trouble(KickbotError):  # noqa: N818 - says what happened
    """A host gave no answer. sent: the command may have been started. lost: the connection is dead."""

    def __init__(self, reason: str, *, sent: bool = False, lost: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent
        self.lost = lost


class OtherHostKey(Trouble):
    """The host proves itself with another key than the one that the approved plan names. Nothing was sent."""


class SshHosts:
    """The configured hosts, as bot.borders.Hosts. keys: files of private keys without a passphrase.

    user: the login on hosts that name none. Raises SettingsError for keys that can't be read.
    """

    def __init__(
        self,
        hosts: Mapping[str, Host],
        keys: Sequence[Path],
        known_hosts: Path,
        *,
        user: str = "kickbot",
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        identity = _keys(keys)
        known = _KnownHosts(known_hosts)
        named = {name: host.model_copy(update={"user": host.user or user}) for name, host in hosts.items()}
        self._lines = {name: _Line(host, identity, known, limits) for name, host in named.items()}
        self._in_flight = asyncio.Semaphore(limits.in_flight)

    async def look(self, hosts: Sequence[str]) -> AsyncIterator[Snapshot | Unreachable]:
        """One look for each host, each as it arrives; ends what is still under way when it is closed."""
        waiting = {asyncio.create_task(self._look(host)) for host in dict.fromkeys(hosts)}
        try:
            while waiting:
                arrived, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for look in arrived:
                    yield look.result()
        finally:
            for look in waiting:
                look.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        """Send one step, at most once. `unknown` wherever the host may have done it without saying so."""
        line = self._lines.get(step.host)
        if line is None:
            return Answer(status="refused", refusal="forbidden", output=f"{step.host} is not configured")
        driver = DRIVERS[line.host.platform]
        try:
            call = driver.command(step, host=line.host, not_after=not_after, nonce=_nonce())
            reply = await line.ask(call, host_key=step.target.host_key)
            return driver.parse_answer(reply.output, nonce=call.nonce)
        except NotForThisDriver as error:
            return Answer(status="refused", refusal="forbidden", output=str(error))
        except OtherHostKey as error:
            return Answer(status="refused", refusal="changed", output=str(error))
        except Trouble as trouble:
            sent = "" if trouble.sent else "nothing was sent: "
            return Answer(status="unknown", output=f"{sent}{trouble}")
        except IncompleteAnswer as error:
            return Answer(status="unknown", output=_without_answer(error, reply, line.host))

    async def close(self) -> None:
        """Close every connection; what is under way on them fails."""
        await asyncio.gather(*(line.close() for line in self._lines.values()))

    async def _look(self, name: str) -> Snapshot | Unreachable:
        line = self._lines.get(name)
        if line is None:
            return Unreachable(host=name, reason=f"{name} is not configured")
        driver = DRIVERS[line.host.platform]
        async with self._in_flight:
            call = driver.look(line.host, nonce=_nonce())
            try:
                reply = await line.ask(call, again=True)
                return await self._parsed(driver, reply, name, call.nonce)
            except Trouble as trouble:
                return Unreachable(host=name, reason=str(trouble))
            except IncompleteAnswer as error:
                return Unreachable(host=name, reason=_without_answer(error, reply, line.host))

    async def _parsed(self, driver: Driver, reply: "_Reply", host: str, nonce: str) -> Snapshot:
        if len(reply.output) <= LARGE:
            return driver.parse_look(reply.output, host=host, host_key=reply.host_key, nonce=nonce)
        return await asyncio.to_thread(driver.parse_look, reply.output, host=host, host_key=reply.host_key, nonce=nonce)


class _Reply(Value):
    """What came back from one command, as bytes, and the fingerprint of the key with which the host proved itself."""

    output: bytes
    errors: bytes
    host_key: str


class _Line:
    """The line to one host: one warm connection, opened when it is needed, replaced when it is old or has failed."""

    def __init__(
        self, host: Host, identity: Sequence[asyncssh.SSHKeyPair], known: "_KnownHosts", limits: Limits
    ) -> None:
        self.host = host
        self._identity, self._known, self._limits = identity, known, limits
        self._channels = asyncio.Semaphore(limits.channels)
        self._opening = asyncio.Lock()
        self._warm: _Warm | None = None

    async def ask(self, call: Call, *, again: bool = False, host_key: str | None = None) -> _Reply:
        """One command and its answer. host_key: the only key to which it may be sent. Raises Trouble.

        Where a warm connection turns out to be dead, a fresh one is tried once: if nothing was sent yet, or, with
        `again`, although it was.
        """
        async with self._channels:
            warm, fresh = await self._connection()
            try:
                return await self._ask(warm, call, host_key)
            except OtherHostKey:
                raise
            except Trouble as trouble:
                if fresh or (trouble.sent and not (again and trouble.lost)):
                    raise
            warm, _ = await self._connection()
            return await self._ask(warm, call, host_key)

    async def close(self) -> None:
        async with self._opening:
            if self._warm:
                await self._warm.close()

    async def _connection(self) -> "tuple[_Warm, bool]":
        """The warm connection, or a fresh one and True. Those who come meanwhile wait for the same one."""
        async with self._opening:
            if self._warm and self._warm.usable:
                return self._warm, False
            if self._warm:
                self._warm.retire()
            self._warm = _Warm(await self._connect(), self._limits)
            return self._warm, True

    async def _connect(self) -> asyncssh.SSHClientConnection:
        host, limits, visitor = self.host, self._limits, _Visitor()
        known = self._known.load()
        try:
            async with asyncio.timeout(limits.connect):
                return await asyncssh.connect(
                    host.address,
                    host.port,
                    username=host.user,
                    client_keys=self._identity,
                    known_hosts=known,
                    client_factory=lambda: visitor,
                    keepalive_interval=limits.keepalive,
                    keepalive_count_max=limits.misses,
                    **NOTHING_ELSE,
                )
        except asyncssh.HostKeyNotVerifiable as error:
            raise Trouble(self._why_not_trusted(known, visitor.shown, error)) from error
        except TimeoutError as error:
            raise Trouble(f"did not answer within {limits.connect:g} s (connection timed out)") from error
        except Exception as error:
            raise Trouble(_reason(error, host)) from error

    async def _ask(self, warm: "_Warm", call: Call, host_key: str | None) -> _Reply:
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
                lost = isinstance(error, asyncssh.DisconnectError | OSError) and not isinstance(error, TimeoutError)
                raise Trouble(self._why_silent(error, reader), sent=reader.opened, lost=lost) from error
            finally:
                reader.abort()
        return _Reply(output=bytes(reader.output), errors=bytes(reader.errors), host_key=warm.host_key)

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

    def _why_not_trusted(self, known: asyncssh.SSHKnownHosts, shown: str | None, error: Exception) -> str:
        host = self.host
        if shown is None:
            return _reason(error, host)
        place = host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"
        if any(known.match(host.address, "", None if host.port == SSH_PORT else host.port)[:2]):
            return f"its host key has changed: it shows {shown}, which {self._known.path} does not have for {place}"
        return f"its host key is not known: it shows {shown}, and {self._known.path} has none for {place}"


class _Warm:
    """One open connection and how many use it. Retired: nobody new may, and it is cut when the last one is done."""

    def __init__(self, connection: asyncssh.SSHClientConnection, limits: Limits) -> None:
        self.connection = connection
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


class _Visitor(asyncssh.SSHClient):
    """Remembers the host key that was shown and is not trusted."""

    shown: str | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.shown = key.get_fingerprint()
        return False


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


class _KnownHosts:
    """The known_hosts file, parsed again only when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._parsed = asyncssh.SSHKnownHosts()

    def load(self) -> asyncssh.SSHKnownHosts:
        """Raises Trouble if it can't be read: then no host is trusted."""
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                self._parsed = asyncssh.import_known_hosts(self.path.read_text())
                self._seen = seen
        except (OSError, ValueError) as error:
            raise Trouble(f"no host key can be checked: {self.path} can't be read ({error})") from error
        return self._parsed


def _keys(paths: Sequence[Path]) -> list[asyncssh.SSHKeyPair]:
    try:
        return list(asyncssh.load_keypairs([str(path) for path in paths]))
    except (OSError, asyncssh.KeyImportError) as error:
        raise SettingsError(f"[ssh] keys: {error}") from error


def _nonce() -> str:
    return secrets.token_hex(16)


def _reason(error: Exception, host: Host) -> str:
    """Why a host gave no answer, in plain words. What the other side says of it is cleaned."""
    said = shorten(mask(clean(str(error))), 200)
    match error:
        case Trouble():
            return str(error)
        case asyncssh.PermissionDenied():
            return f"the login {host.user}@{host.address} was refused (no key accepted)"
        case asyncssh.ChannelOpenError():
            return f"did not open a channel ({said})"
        case socket.gaierror():
            return f"the address {host.address} can't be resolved"
        case ConnectionRefusedError():
            return f"nothing listens at {host.address} port {host.port}"
        case asyncssh.ConnectionLost() | ConnectionError():
            return f"the connection was lost ({said})"
        case asyncssh.DisconnectError():
            return f"ended the connection ({said})"
        case OSError():
            return f"can't be reached ({said})"
    log.error("unexpected failure on %s", host.name, exc_info=error)
    return f"the connection failed ({type(error).__name__}: {said})"


def _without_answer(error: IncompleteAnswer, reply: _Reply, host: Host) -> str:
    """Why an answer isn't one, with what the host printed beside it."""
    said = shorten(mask(clean(reply.errors.strip())), 200)
    if said.startswith("sudo:") and not reply.output:
        if "password" in said:
            return f"sudo on {host.name} asks for a password: {host.user} needs `NOPASSWD`"
        return f"sudo on {host.name} refused ({said})"
    return f"{error} ({said})" if said else str(error)
