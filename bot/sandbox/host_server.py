"""The SSH server of one sandbox host: one account, one key, and only the commands that Kickbot sends.

Never listens beyond 127.0.0.1, never gives a shell, a forwarding or a file transfer, and never lets a shell read the
command line: the words of `sh -s -- …` go to sh as they are, and any other command line is not found.
"""

import asyncio
import logging
import shlex
import weakref
from asyncio.subprocess import Process
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import asyncssh

from bot.sandbox.host_logins import Kept, Logins

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
SHAPES = (["sh", "-s", "--"], ["sudo", "-n", "--", "sh", "-s", "--"])
NOT_FOUND = 127
CHUNK = 65536


@dataclass(frozen=True)
class Fault:
    """How a host misbehaves, for tests. silent: accepts TCP and says nothing; only from its start on.

    slow: answers after `seconds`. cut: the connection breaks after `bytes` of an answer.
    only: this happens to commands with that word alone.
    """

    kind: Literal["silent", "slow", "cut"]
    seconds: float = 3.0
    bytes: int = 400
    only: str = ""


class OneKey(asyncssh.SSHServer):
    """Lets in one account with one key, and notes each connection."""

    def __init__(self, user: str, key: asyncssh.SSHKey, connections: "weakref.WeakSet[Any]") -> None:
        self.user, self.key, self.connections = user, key, connections

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.connections.add(conn)

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - everyone has to prove who they are
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self.user and key.public_data == self.key.public_data


def allowed(line: str) -> list[str] | None:
    """The words of a command line that may run, or None. They must be quoted as by shlex.join: no shell reads them."""
    try:
        words = shlex.split(line)
    except ValueError:
        return None
    shaped = any(words[: len(shape)] == shape for shape in SHAPES)
    return words if shaped and shlex.join(words) == line else None


class HostServer:
    """One host's port. `fault` may change while it runs."""

    def __init__(self, logins: Logins, host_key: asyncssh.SSHKey, client_key: asyncssh.SSHKey) -> None:
        self.logins, self.host_key, self.client_key = logins, host_key, client_key
        self.fault: Fault | None = None
        self.commands: list[str] = []
        self._own: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()
        self._busy: set[str] = set()
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._silent: list[asyncio.StreamWriter] = []
        self._acceptor: Any = None

    @property
    def public_key(self) -> str:
        """As in known_hosts."""
        return self.host_key.export_public_key().decode().strip()

    async def listen(self) -> int:
        """Start; the port."""
        if self.fault and self.fault.kind == "silent":
            self._acceptor = await asyncio.start_server(lambda _, writer: self._silent.append(writer), LOOPBACK, 0)
            return int(self._acceptor.sockets[0].getsockname()[1])
        self._acceptor = await asyncssh.listen(
            LOOPBACK,
            0,
            server_host_keys=[self.host_key],
            server_factory=lambda: OneKey(self.logins.folder.user, self.client_key, self._connections),
            process_factory=self.handle,
            encoding=None,
            allow_pty=False,
            agent_forwarding=False,
            x11_forwarding=False,
            login_timeout=10,
        )
        return int(self._acceptor.get_port())

    async def close(self) -> None:
        """No new connections, and an end to those that are open."""
        self._acceptor.close()
        for connection in tuple(self._connections):
            connection.abort()
        for writer in self._silent:
            writer.close()
        await self._acceptor.wait_closed()

    async def handle(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """One command of the bot."""
        connection = process.get_extra_info("connection")
        line = process.command or ""
        self.commands.append(line)
        if not (words := allowed(line)):
            process.stderr.write(b"sandbox host: only sh -s -- and sudo -n -- sh -s -- are run here\n")
            process.exit(NOT_FOUND)
            return
        session = self._session_of(connection)
        self._busy.add(session)
        try:
            await self._run(process, connection, session, words)
        except (asyncssh.Error, OSError, RuntimeError) as error:
            log.warning("sandbox host: %s ended with %r", line, error)
            connection.abort()
        finally:
            self._busy.discard(session)

    async def _run(
        self, process: asyncssh.SSHServerProcess[bytes], connection: Any, session: str, words: list[str]
    ) -> None:
        remote = str(process.get_extra_info("peername")[0])
        async with self.logins.run(session, words, remote) as kept:
            closed = asyncio.ensure_future(connection.wait_closed())
            served = asyncio.ensure_future(self._serve(process, connection, kept))
            await asyncio.wait([closed, served], return_when=asyncio.FIRST_COMPLETED)
            for task in (closed, served):
                task.cancel()
            status = (await asyncio.gather(served, return_exceptions=True))[0]
        if isinstance(status, int):
            process.exit(status)

    def _session_of(self, connection: Any) -> str:
        """A connection is one session, whatever runs over it; a second command at the same time gets its own."""
        session = self._own.setdefault(connection, self.logins.new_id())
        return self.logins.new_id() if session in self._busy else session

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes], connection: Any, kept: Kept) -> int:
        """Carry bytes until the command has ended; its exit status."""
        feeding = asyncio.ensure_future(feed(process, kept.process))
        try:
            await asyncio.gather(self._answer(process, connection, kept.process), complain(process, kept.process))
            return await asyncio.shield(kept.ended)
        finally:
            feeding.cancel()

    async def _answer(self, process: asyncssh.SSHServerProcess[bytes], connection: Any, child: Process) -> None:
        output, sent = child.stdout, 0
        fault = self._fault_of(process)
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        while output and (chunk := await output.read(CHUNK)):
            if (fault := self._fault_of(process)) and fault.kind == "cut":
                chunk = chunk[: fault.bytes - sent]
            process.stdout.write(chunk)
            sent += len(chunk)
            if fault and fault.kind == "cut" and sent >= fault.bytes:
                await asyncio.sleep(0.05)
                connection.abort()
                return
            await process.stdout.drain()

    def _fault_of(self, process: asyncssh.SSHServerProcess[bytes]) -> Fault | None:
        """What goes wrong with this command."""
        concerned = self.fault and (not self.fault.only or self.fault.only in (process.command or "").split())
        return self.fault if concerned else None


async def feed(process: asyncssh.SSHServerProcess[bytes], child: Process) -> None:
    """What the bot sends goes to the command's standard input, and so does its end."""
    if entry := child.stdin:
        with suppress(OSError, asyncssh.Error):
            while chunk := await process.stdin.read(CHUNK):
                entry.write(chunk)
                await entry.drain()
        entry.close()


async def complain(process: asyncssh.SSHServerProcess[bytes], child: Process) -> None:
    while child.stderr and (chunk := await child.stderr.read(CHUNK)):
        process.stderr.write(chunk)
        await process.stderr.drain()
