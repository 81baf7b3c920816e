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

from bot.sandbox.fleet import Model, Twin
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


@dataclass(frozen=True)
class TwinSpec:
    """A host of a fleet, which shows what its model does. fault: as in HostSpec."""

    name: str
    model: HostSpec
    fault: Fault | None = None


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


def demo_fleet() -> tuple[TwinSpec, ...]:
    """Two hundred hosts for `/sessions @fleet`: most answer within a second or two, a few are slow, three are dead."""
    deploy = Login("deploy", terminal=False, remote="192.0.2.10", command="/usr/lib/openssh/sftp-server", uid=1003)
    dana = Login("dana", remote="198.51.100.20", command="psql orders", uid=1004)
    audituser = Login("audituser", command="tail -f app.log", uid=1000)
    quiet, building = HostSpec("quiet"), HostSpec("building", (deploy,))
    used, database = HostSpec("used", (audituser,)), HostSpec("database", (dana, deploy))
    web = [(f"web{n:03}", used if n in {*range(17, 26), 90} else quiet) for n in range(1, 141)]
    db = [(f"db{n:02}", database if n in range(3, 7) else quiet) for n in range(1, 41)]
    build = [(f"build{n:02}", building) for n in range(1, 21)]
    odd = {name: Fault("silent") for name in ("web066", "db21", "db22")} | {"web031": Fault("slow", 6)}
    usual = [Fault("slow", (n * 7 % 15) / 10) for n in range(200)]
    return tuple(TwinSpec(name, model, odd.get(name, usual[n])) for n, (name, model) in enumerate([*web, *db, *build]))


class SandboxHost:
    """One running host. `host_key` is its public key as in known_hosts, `commands` every command line it was sent."""

    def __init__(self, spec: HostSpec, server: HostServer) -> None:
        self.name, self.address, self.port, self.user = spec.name, LOOPBACK, 0, spec.user
        self.server, self.logins = server, server.logins
        self.host_key = server.public_key

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
    """All running hosts by name, and the two files that a client needs. twins: the hosts of a fleet.

    Each of `listeners` is called when a login with a terminal starts or ends.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hosts: dict[str, SandboxHost] = {}
        self.twins: dict[str, Twin] = {}
        self.known_hosts = folder / "known_hosts"
        self.client_key = folder / "id_ed25519"
        self.listeners: set[Callable[[], None]] = set()

    @classmethod
    @asynccontextmanager
    async def start(cls, specs: Sequence[HostSpec], fleet: Sequence[TwinSpec] = ()) -> AsyncIterator["SandboxHosts"]:
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
            await sandbox._add_twins(fleet, key, stack)
            sandbox._write_known_hosts()
            yield sandbox

    async def _add(self, spec: HostSpec, client_key: asyncssh.SSHKey, stack: AsyncExitStack) -> None:
        logins = self._logins(spec, stack)
        server = HostServer(logins, asyncssh.generate_private_key(KEY_TYPE), client_key)
        server.fault = spec.fault
        host = self.hosts[spec.name] = SandboxHost(spec, server)
        host.port = await server.listen()
        stack.push_async_callback(server.close)
        for one in spec.logins:
            await logins.login(one)

    async def _add_twins(self, fleet: Sequence[TwinSpec], client_key: asyncssh.SSHKey, stack: AsyncExitStack) -> None:
        models: dict[str, Model] = {}
        for spec in fleet:
            if spec.model.name not in models:
                logins = self._logins(spec.model, stack)
                models[spec.model.name] = Model(logins)
                for one in spec.model.logins:
                    await logins.login(one)
            key = asyncssh.generate_private_key(KEY_TYPE)
            twin = self.twins[spec.name] = Twin(spec.name, models[spec.model.name], client_key, key, spec.fault)
            await twin.listen()
            stack.push_async_callback(twin.close)

    def _logins(self, spec: HostSpec, stack: AsyncExitStack) -> Logins:
        """Nobody's yet."""
        folder = Folder.make(self.folder / spec.name, spec.user)
        for file, text in spec.files.items():
            folder.write(file, text)
        if not spec.sudo:
            (folder.path / "no-sudo").touch()
        logins = Logins(folder, self._changed)
        stack.push_async_callback(logins.stop)
        return logins

    def terminals(self) -> list[Terminal]:
        """Of all hosts."""
        return [terminal for host in self.hosts.values() for terminal in host.terminals()]

    def _changed(self) -> None:
        for tell in tuple(self.listeners):
            tell()

    def _write_known_hosts(self) -> None:
        servers = [(host.port, host.server) for host in self.hosts.values()]
        servers += [(twin.port, twin) for twin in self.twins.values()]
        self.known_hosts.write_text("".join(f"[{LOOPBACK}]:{port} {server.public_key}\n" for port, server in servers))
