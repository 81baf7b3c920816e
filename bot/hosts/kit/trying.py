"""Tries from outside what a key must not be able to do on a host with the kit. Each try has to be refused.

Nothing here changes a host, not even one that would allow it: what is asked for is a sum, or an act as of another boot.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Literal, get_args

import asyncssh
from asyncssh.channel import SSHClientChannel
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED
from asyncssh.packet import String, UInt32

from bot.cleaning import clean, shorten
from bot.hosts.connections import SshHosts
from bot.hosts.drivers.linux import KIT, KIT_COMMAND, kit_request
from bot.hosts.ssh import Trouble
from bot.models import Host, Snapshot, Value

SECONDS = 60.0
MOST = 65536  # bytes of an answer that are worth reading
REFUSED = ""

SOCKETS = ("/run/dbus/system_bus_socket", "/run/systemd/journal/stdout", "/run/systemd/private")
NOWHERE = "192.0.2.1"  # documentation only, RFC 5737
VARIABLES = ("BASH_ENV", "ENV", "LD_PRELOAD", "PATH", "SUDO_USER", "SSH_ORIGINAL_COMMAND")
SFTP_INIT = bytes([0, 0, 0, 5, 1, 0, 0, 0, 3])


class Tried(Value):
    """One try. allowed: how it went, where it was not refused."""

    what: str
    allowed: str = REFUSED


Kind = Literal["ssh", "commands", "requests"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Attempt = Callable[[], Awaitable[str]]


def as_root(host: Host) -> Host:
    """The same host, for a login that the key must not have. It has to be among the hosts of a Thief."""
    return host.model_copy(update={"name": f"root@{host.name}", "user": "root", "kit": False})


class Thief:
    """Whoever has the key of a host that was looked at before: `look` has its boot and Kickbot's own session."""

    def __init__(self, hosts: SshHosts, host: Host, look: Snapshot) -> None:
        self._hosts, self._host = hosts, host
        self._boot = look.boot[:-1] + ("2" if look.boot.endswith("1") else "1")
        self._own = next((str(each.account.uid) for each in look.sessions if each.own), "0")
        one, other = (secrets.randbelow(900_000) + 100_000 for _ in range(2))
        self._sum = f"echo $(({one}*{other})) >&2"
        self._done = str(one * other).encode()

    async def everything(self, *kinds: Kind) -> AsyncIterator[Tried]:
        """Each try, as soon as it was answered. kinds: these alone."""
        tries = {"ssh": self._by_ssh(), "commands": self._commands(), "requests": self._requests()}
        chosen = [tries[kind] for kind in kinds or KINDS]
        for what, attempt in (one for each in chosen for one in each.items()):
            try:
                async with asyncio.timeout(SECONDS):
                    yield Tried(what=what, allowed=await attempt())
            except TimeoutError:
                yield Tried(what=what, allowed=f"it was neither allowed nor refused within {SECONDS:g} s")
            except (Trouble, OSError, asyncssh.Error) as error:
                yield Tried(what=what, allowed=f"it could not be tried: {shorten(clean(str(error)), 200)}")

    # -------------------------------------------------------------------------------------------- what ssh can ask for

    def _by_ssh(self) -> Mapping[str, Attempt]:
        here, port = self._host.address, self._host.port
        return {
            "a terminal": partial(self._request, b"pty-req", String("xterm"), *[UInt32(0)] * 4, String(b"")),
            "forwarding of the agent (-A)": partial(self._request, b"auth-agent-req@openssh.com"),
            "forwarding of X11 (-X)": partial(
                self._request, b"x11-req", b"\0", String("MIT-MAGIC-COOKIE-1"), String("00" * 16), UInt32(0)
            ),
            "environment variables": self._environment,
            "forwarding a port to the host itself (-L)": partial(self._forward, here, port),
            "forwarding to anywhere (-D)": partial(self._forward, NOWHERE, 80),
            "forwarding to a socket of the host (-L)": self._forward_to_socket,
            "listening on the host (-R)": self._listen,
            "listening at a socket of the host (-R)": self._listen_at_socket,
            "a network device (-w)": self._tunnel,
            "a login as root with the same key": self._as_root,
            "sftp": self._sftp,
        }

    async def _channel(self, **what: Any) -> asyncssh.SSHClientProcess[bytes]:
        connection = await self._hosts.opened(self._host.name)
        return await connection.create_process(**what, encoding=None)

    async def _request(self, request: bytes, *words: bytes) -> str:
        """What is asked for on a channel of its own, before any command."""
        connection = await self._hosts.opened(self._host.name)
        loop = asyncio.get_running_loop()
        channel: SSHClientChannel[bytes] = SSHClientChannel(connection, loop, "strict", None, "strict", MOST, MOST)
        await channel._open(b"session")  # noqa: SLF001 - asyncssh asks for it only together with a command
        try:
            return "sshd gave it" if await channel._make_request(request, *words) else REFUSED  # noqa: SLF001
        finally:
            channel.abort()

    async def _environment(self) -> str:
        taken = [name for name in VARIABLES if await self._request(b"env", String(name), String("/dev/null"))]
        return f"sshd takes {', '.join(taken)}" if taken else REFUSED

    async def _forward(self, address: str, port: int) -> str:
        connection = await self._hosts.opened(self._host.name)
        return await _unless_prohibited(connection.open_connection(address, port))

    async def _forward_to_socket(self) -> str:
        """One at which somebody listens on most hosts: sshd answers alike about what it refuses and what is dead."""
        connection = await self._hosts.opened(self._host.name)
        got = [path for path in SOCKETS if await _got(connection.open_unix_connection(path))]
        return f"sshd connected it with {', '.join(got)}" if got else REFUSED

    async def _listen(self) -> str:
        connection = await self._hosts.opened(self._host.name)
        return await _unless_prohibited(connection.forward_remote_port("", 0, "localhost", 1))

    async def _listen_at_socket(self) -> str:
        connection = await self._hosts.opened(self._host.name)
        path = f"/tmp/kickbot-{secrets.token_hex(8)}"  # noqa: S108 - no such file must come to be
        return await _unless_prohibited(connection.forward_remote_path_to_port(path, "localhost", 1))

    async def _tunnel(self) -> str:
        connection = await self._hosts.opened(self._host.name)
        return "sshd made it" if await _got(connection.create_tun(asyncssh.SSHTunTapSession)) else REFUSED

    async def _as_root(self) -> str:
        try:
            await self._hosts.greet(as_root(self._host))
        except Trouble as trouble:
            return REFUSED if "refused the login" in str(trouble) else f"it could not be tried: it {trouble}"
        return "sshd let it in"

    async def _sftp(self) -> str:
        try:
            said = await self._said({"subsystem": "sftp"}, SFTP_INIT)
        except asyncssh.ChannelOpenError:  # this sshd has none
            return REFUSED
        return "a server for files answered" if said[4:5] == b"\2" else self._unless_done(said)

    # -------------------------------------------------------------------------------------------- command lines

    def _commands(self) -> Mapping[str, Attempt]:
        done = self._sum
        lines = {
            "a command": done,
            "a command as root by sudo": f"sudo -n sh -c '{done}'",
            "a command as somebody else by sudo": f"sudo -n -u nobody sh -c '{done}'",
            "a command after a semicolon": f"{KIT_COMMAND}; {done}",
            "a command after a line break": f"{KIT_COMMAND}\n{done}",
            "a command in $(…)": f"{KIT_COMMAND} $({done})",
            "a command in backquotes": f"{KIT_COMMAND} `{done}`",
            "a command behind a pipe, && and ||": f"{KIT_COMMAND} | sh -c '{done}' || {done} && {done}",
            "a command that ends a quotation": f"'; {done}; '\"; {done}; \"",
            "a command by env": f"env BASH_ENV=/dev/stdin SUDO_USER=root sh -c '{done}'",
            "a very long command": f"{KIT_COMMAND} {'x' * 100_000}; {done}",
            "reading a file by scp": "scp -f /etc/hostname",
            "writing a file by scp": "scp -t /tmp",
        }
        tries: dict[str, Attempt] = {what: partial(self._run, line) for what, line in lines.items()}
        script = f"{done}\n".encode()
        tries["a shell, and a command typed into it"] = partial(self._run, None, script)
        tries["a script on standard input, as to hosts without the kit"] = partial(
            self._run, "sudo -n -- sh -s -- look 00", script
        )
        return tries

    async def _run(self, line: str | None, stdin: bytes = b"") -> str:
        return self._unless_done(await self._said({"command": line}, stdin))

    async def _said(self, what: Mapping[str, Any], stdin: bytes) -> bytes:
        """What is printed, at most so much of it."""
        process = await self._channel(**what, stderr=asyncssh.STDOUT)
        try:
            with suppress(OSError):
                process.stdin.write(stdin)
                process.stdin.write_eof()
            said = b""
            while len(said) < MOST and (part := await process.stdout.read(MOST)):
                said += part
            return said
        finally:
            process.channel.abort()

    def _unless_done(self, said: bytes) -> str:
        """The program says that it refuses, and nobody else says anything."""
        if self._done in said:
            return "it was run"
        return REFUSED if said.startswith(b"kickbot kit ") and b" refused " in said else _instead(said)

    # --------------------------------------------------------------------------------------- requests to the program

    def _requests(self) -> Mapping[str, Attempt]:
        boot, done = self._boot, f"$({self._sum})"
        act = ("9", boot)
        held = ("word", "9999999999", self._host.user)
        forbidden = {
            "a verb that there is not": ("run", done),
            "a function of the program's own": ("give_back", "/etc", "x", "y"),
            "a group of another shape": ("look", f"x;{self._sum}"),
            "a session of another shape": ("end", *act, f"7';{self._sum};'", "4242", "1", "1001", "kill"),
            "a pattern instead of a session": ("end", *act, "*", "4242", "1", "1001", "kill"),
            "a unit instead of a session": ("end", *act, "ssh.service", "4242", "1", "1001", "kill"),
            "a session of root's": ("end", *act, "7", "4242", "1", "0", "kill"),
            "Kickbot's own session": ("end", *act, "7", "4242", "1", self._own, "kill"),
            "every process of a system's account": ("end_account", *act, "33", "-", "-", "1", "kill"),
            "a process that is none": ("end_login", *act, "1001", done, "1", "-", "kill"),
            "holding root": ("hold", *act, "0", "root", *held),
            "holding Kickbot's own login": ("hold", *act, self._own, self._host.user, *held),
            "holding with another login as Kickbot's": ("hold", *act, "1001", "alice", "word", "9999999999", "alice"),
            "a path out of its folder": ("hold", *act, "1001", "../../etc/passwd", *held),
            "another path out of its folder": ("release", *act, "1001", "alice", "../../../etc/shadow"),
            "a limit of another name": ("keep_limits", *act, "1001", "../../../tmp/x", "word"),
            "a limit of a second": ("set_limits", *act, "1001", "idle", "1", "word", self._host.user, "about"),
            "codes that steer a terminal": ("warn", *act, "7", "4242", "1", "1001", "\x1b[2J"),
            "such codes as UTF-8": ("warn", *act, "7", "4242", "1", "1001", "\x9b2J"),
            "more arguments than there are": ("limits", "more"),
        }
        tries: dict[str, Attempt] = {
            what: partial(self._ask, kit_request(verb, "NONCE", *arguments), "forbidden")
            for what, (verb, *arguments) in forbidden.items()
        }
        asked = kit_request("limits", "NONCE")
        unread = {
            "a line break in an argument": kit_request("end", "NONCE", *act, "7\nterminate"),
            "something behind the request": asked + b"=look\n.\n",
            "half a request": asked.removesuffix(b".\n"),
            "a request without end": asked.removesuffix(b".\n") + b"=" + b"x" * 300_000 + b"\n.\n",
        }
        tries |= {what: partial(self._ask, request, "unread") for what, request in unread.items()}
        tries["another version of the program"] = partial(self._ask, asked.replace(KIT.encode(), b"0" * 64), "version")
        return tries

    async def _ask(self, request: bytes, why: str) -> str:
        """The only answer is that refusal."""
        nonce = secrets.token_hex(16)
        said = await self._said({"command": KIT_COMMAND}, request.replace(b"NONCE", nonce.encode()))
        refused = [
            f"kickbot kit {KIT} refused {told} {why}\n".encode() for told in {nonce, "-" if why == "unread" else nonce}
        ]
        return REFUSED if said in refused else _instead(said)


async def _got(asked: Awaitable[Any]) -> bool:
    with suppress(asyncssh.ChannelOpenError):
        await asked
        return True
    return False


async def _unless_prohibited(asked: Awaitable[Any]) -> str:
    """The no of sshd itself. That nobody listens behind it is none: then it tried."""
    try:
        await asked
    except asyncssh.ChannelListenError:
        return REFUSED
    except asyncssh.ChannelOpenError as error:
        return (
            REFUSED
            if error.code == OPEN_ADMINISTRATIVELY_PROHIBITED
            else f"sshd tried it ({shorten(clean(str(error)), 100)})"
        )
    return "sshd gave it"


def _instead(said: bytes) -> str:
    return f"the answer was no refusal: {shorten(clean(said[:500]), 200) or 'nothing'}"
