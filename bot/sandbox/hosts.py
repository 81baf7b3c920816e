"""Sandbox hosts for the demo and the tests: real SSH on loopback, real processes, stand-ins for what needs root.

Nothing outlives the sandbox, and nothing that isn't its own child is ever shown or signalled.
"""

import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import asyncssh

from bot.sandbox.host_folder import Folder
from bot.sandbox.host_logins import Login, Logins
from bot.sandbox.host_server import LOOPBACK, Fault, HostServer
from bot.sandbox.standins.scene import Session
from bot.sandbox.terminals import Terminal

KEY_TYPE = "ssh-ed25519"


@dataclass(frozen=True)
class HostSpec:
    """A host to start: its name, who is logged in at once, how it misbehaves. sudo: the bot's account may use it.

    files: what its own files say, `etc/profile.d/tmout.sh` -> text.
    """

    name: str
    logins: tuple[Login, ...] = ()
    fault: Fault | None = None
    user: str = "kickbot"
    sudo: bool = True
    files: Mapping[str, str] = field(default_factory=dict)


def demo_hosts() -> tuple[HostSpec, ...]:
    """The demo's two hosts and who is logged in on them."""
    audituser = Login("audituser", command="tail -f app.log", uid=1000)
    transfer = Login("audituser", terminal=False, command="/usr/lib/openssh/sftp-server", uid=1000)
    alice = Login("alice", remote="198.51.100.4", command="tail -f app.log", uid=1001)
    bob = Login("bob", remote="198.51.100.7", command="python train.py", behaviour="stubborn", uid=1002)
    gone = {"etc/ssh/sshd_config.d/10-gone.conf": "ClientAliveInterval 300\nClientAliveCountMax 3\n"}
    idle = {**gone, "etc/profile.d/tmout.sh": "readonly TMOUT=1800\n"}
    host1 = HostSpec("host1", (audituser, transfer, alice), files=gone)
    return host1, HostSpec("host2", (bob, audituser), files=idle)


class SandboxHost:
    """One running host. `host_key` is its public key as in known_hosts, `commands` every command line it was sent."""

    def __init__(self, spec: HostSpec, server: HostServer) -> None:
        self.name, self.address, self.port, self.user = spec.name, LOOPBACK, 0, spec.user
        self.server, self.logins = server, server.logins
        self.host_key = server.host_key.export_public_key().decode().strip()

    @property
    def fault(self) -> Fault | None:
        """How it misbehaves now. `silent` can't be changed while it runs."""
        return self.server.fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self.server.fault = fault

    @property
    def commands(self) -> list[str]:
        return self.server.commands

    async def login(
        self,
        user: str,
        *,
        terminal: bool = True,
        remote: str = "203.0.113.10",
        command: str = "sleep 4000",
        behaviour: Literal["plain", "stubborn", "closing"] = "plain",
        uid: int | None = None,
        id: str | None = None,  # noqa: A002 - the session's own word
    ) -> str:
        """Somebody logs in; the id of the session. `id` gives it the id of a session that has ended."""
        return await self.logins.login(Login(user, terminal, remote, command, behaviour, uid), id)

    async def end(self, id: str) -> None:  # noqa: A002 - the session's own word
        """Somebody's connection ends by itself."""
        await self.logins.end(id)

    async def reuse(self, id: str, user: str) -> None:  # noqa: A002 - the session's own word
        """End a session at once, and give its id to a new login of the same or of another account."""
        await self.logins.remove(id)
        await self.login(user, id=id)

    def sessions(self) -> list[Session]:
        """What there really is, the bot's own commands too."""
        return self.logins.scene.sessions()

    def terminals(self) -> list[Terminal]:
        """Of every login that had one, in their order; closed ones too, unless their session id was used again."""
        return list(self.logins.terminals.values())


class SandboxHosts:
    """All running hosts by name, and the two files that a client needs.

    Each of `listeners` is called when a login with a terminal starts or ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, SandboxHost] = {}
        self.known_hosts = folder / "known_hosts"
        self.client_key = folder / "id_ed25519"
        self.listeners: set[Callable[[], None]] = set()

    @classmethod
    @asynccontextmanager
    async def start(cls, specs: Sequence[HostSpec]) -> AsyncIterator["SandboxHosts"]:
        """Fresh keys, free ports, everyone logged in, until the block is left. Raises RuntimeError if not on Linux."""
        if sys.platform != "linux":
            raise RuntimeError("sandbox hosts need Linux: they show real processes from /proc")
        async with AsyncExitStack() as stack:
            sandbox = cls(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kickbot-sandbox-"))))
            key = asyncssh.generate_private_key(KEY_TYPE, comment="kickbot sandbox")
            sandbox.client_key.touch(mode=0o600)
            key.write_private_key(str(sandbox.client_key))
            for spec in specs:
                await sandbox._add(spec, key, stack)
            sandbox._write_known_hosts()
            yield sandbox

    async def _add(self, spec: HostSpec, client_key: asyncssh.SSHKey, stack: AsyncExitStack) -> None:
        folder = Folder.make(self.folder / spec.name, spec.user)
        for file, text in spec.files.items():
            folder.write(file, text)
        if not spec.sudo:
            (folder.path / "no-sudo").touch()
        logins = Logins(folder, self._changed)
        server = HostServer(logins, asyncssh.generate_private_key(KEY_TYPE), client_key)
        server.fault = spec.fault
        host = self.hosts[spec.name] = SandboxHost(spec, server)
        stack.push_async_callback(logins.stop)
        host.port = await server.listen()
        stack.push_async_callback(server.close)
        for one in spec.logins:
            await logins.login(one)

    def terminals(self) -> list[Terminal]:
        """Of all hosts."""
        return [terminal for host in self.hosts.values() for terminal in host.terminals()]

    def _changed(self) -> None:
        for tell in tuple(self.listeners):
            tell()

    def _write_known_hosts(self) -> None:
        lines = (f"[{host.address}]:{host.port} {host.host_key}\n" for host in self.hosts.values())
        self.known_hosts.write_text("".join(lines))
