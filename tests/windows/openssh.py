"""A host with OpenSSH for Windows: cmd as the shell, CRLF, another code page; PowerShell's part is played by Mono.

What stands in for PowerShell reads as its real one would, and refuses what cmd or PowerShell would read otherwise.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

import asyncssh

from bot.hosts.connections import SshHosts
from bot.hosts.drivers.windows import SOURCES
from bot.hosts.drivers.windows_answer import START
from bot.hosts.limits import Limits
from bot.models import Host
from tests.windows.asked import DECODED
from tests.windows.scenes import Win
from tests.windows.standin import DRIVERS, Program, Scene

LONGEST = 8_191  # characters that cmd takes
HARMLESS = re.compile(r"[A-Za-z0-9 =+/.-]+")  # for cmd and for PowerShell; no quoting of theirs is alike
NOT_FOUND = "Der Befehl „{}“ ist entweder falsch geschrieben oder konnte nicht gefunden werden.\r\n"

Process = asyncssh.SSHServerProcess[bytes]
Mode = Literal["FullLanguage", "ConstrainedLanguage"]


class Machine:
    """One Windows host that goes on: a log-off takes its time, by its clock.

    logoff: seconds that a log-off takes; None: it never happens. by_force: the same once its programs were ended.
    noise: what a profile prints before everything else. width: where PowerShell as the login shell breaks lines, or 0.
    mode: PowerShell's. cut: only so many bytes of stdin arrive.
    """

    def __init__(self, program: Program, folder: Path, win: Win, clock: Callable[[], datetime]) -> None:
        self.program, self.folder, self.win, self.clock = program, folder, win, clock
        self.started = clock()
        self.logoff: float | None = 0
        self.by_force: float | None = 0
        self.noise = b""
        self.width = 0
        self.mode: Mode = "FullLanguage"
        self.cut: int | None = None
        self.command_lines: list[str] = []
        self.done: list[str] = []
        self._going: dict[int, float] = {}
        self._asking = asyncio.Lock()

    def session_ids(self) -> list[int]:
        self._pass_time()
        return [int(str(row[1])) for row in self.win.rows if row[0] == "session"]

    async def run(self, words: Sequence[str]) -> bytes:
        """One PowerShell, as the host is now; then what it did takes effect."""
        async with self._asking:
            self._pass_time()
            scene = Scene(self.folder / "scene", self.win.rows)
            answer = await asyncio.to_thread(self.program.answer, scene.path, words)
            new = scene.done[len(self.done) :]
            self.done += new
            for what in new:
                self._do(*what.split()[:2])
            return answer

    @property
    def _elapsed(self) -> float:
        return (self.clock() - self.started).total_seconds()

    def _pass_time(self) -> None:
        now = int((self.clock() - START).total_seconds() * 10_000_000)
        uptime = (now - self.win.boot) // 100_000
        self._replace("now", now)
        self._replace("uptime", uptime)
        for session in [session for session, at in self._going.items() if at <= self._elapsed]:
            del self._going[session]
            self._remove(session)

    def _replace(self, kind: str, value: int) -> None:
        self.win.rows = [(kind, value) if row[0] == kind else row for row in self.win.rows]

    def _do(self, what: str, number: str) -> None:
        if what == "terminate":
            self.win.rows = [row for row in self.win.rows if row[0] != "process" or str(row[1]) != number]
            return
        forced = any(done.startswith("terminate ") for done in self.done)
        takes = self.by_force if forced else self.logoff
        if what == "logoff" and takes is not None:
            self._going.setdefault(int(number), self._elapsed + takes)

    def _remove(self, session: int) -> None:
        kinds = {"session": 1, "process": 4, "logon": 1}
        self.win.rows = [row for row in self.win.rows if row[0] not in kinds or row[kinds[str(row[0])]] != session]


async def serve(machine: Machine, process: Process) -> None:
    """cmd, which starts what it is told."""
    line = process.command or ""
    machine.command_lines.append(line)
    assert HARMLESS.fullmatch(line)
    assert len(line) < LONGEST
    program, *options = line.split(" ")
    if program != "powershell":
        process.stderr.write(NOT_FOUND.format(program).encode("cp437", "replace"))
        process.exit(1)
        return
    status, output = await powershell(machine, options, process)
    if machine.width:
        output = re.sub(rb"([^\n]{%d})(?=[^\n])" % machine.width, rb"\1\n", output)
    process.stdout.write(machine.noise + output.replace(b"\n", b"\r\n"))
    process.exit(status)


async def powershell(machine: Machine, options: Sequence[str], process: Process) -> tuple[int, bytes]:
    """It does what the command reads as: first of all a look at its own mode, then lines up to the dot."""
    assert options[:-1] == ["-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand"]
    command = base64.b64decode(options[-1], validate=True).decode("utf-16-le")
    assert "$kickbot = " in command
    assert command.index("LanguageMode") < command.index("ReadLine") < command.index("ScriptBlock")
    assert "$input" not in command.lower()  # PowerShell itself would read standard input then
    if machine.mode != "FullLanguage":
        return 3, b"kickbot windows trouble constrained\n"
    lines = (await process.stdin.read(machine.cut or -1)).decode("ascii").split("\n")
    if "." not in lines:
        return 3, b"kickbot windows trouble cut\n"
    script = base64.b64decode("".join(lines[: lines.index(".")]), validate=True).decode()
    source, words = (base64.b64decode(each, validate=True).decode() for each in DECODED.findall(script))
    assert source == "\n".join((DRIVERS / name).read_text() for name in SOURCES)
    return 0, await machine.run(words.split("\0"))


@asynccontextmanager
async def connected(machine: Machine, **limits: float) -> AsyncIterator[SshHosts]:
    """The bot's hosts, with `win1` among them."""
    async with listening(machine) as (port, key, known_hosts):
        host = Host(name="win1", address="127.0.0.1", port=port, user="kickbot", platform="windows")
        hosts = SshHosts({"win1": host}, [key], known_hosts, limits=Limits.model_validate(limits))
        try:
            yield hosts
        finally:
            await hosts.close()


@asynccontextmanager
async def listening(machine: Machine) -> AsyncIterator[tuple[int, Path, Path]]:
    """Its port, the bot's private key, and its known_hosts."""
    folder = machine.folder
    client, server = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    client.write_private_key(folder / "id")
    authorized = asyncssh.import_authorized_keys(client.export_public_key().decode())
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[server],
        authorized_client_keys=authorized,
        process_factory=lambda process: serve(machine, process),
        server_version="OpenSSH_for_Windows_8.1",
        encoding=None,
    )
    port = acceptor.get_port()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {server.export_public_key().decode()}")
    try:
        yield port, folder / "id", folder / "known_hosts"
    finally:
        acceptor.close()
        await acceptor.wait_closed()
