"""A real sshd of the distribution, on loopback, for one test: with forwarding, or certificates, or several keys."""

import asyncio
import getpass
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from tests.lives import PATIENCE
from tests.ports import free_port

SSHD = Path("/usr/sbin/sshd")


class Sshd:
    """One server. name: its folder's and its keys' name."""

    def __init__(self, folder: Path, name: str, kinds: Sequence[str] = ("ed25519",)) -> None:
        self.folder, self.kinds, self.port = folder / name, kinds, free_port()
        self.folder.mkdir()
        self.process: asyncio.subprocess.Process | None = None
        for kind in kinds:
            keygen("-t", kind, "-f", str(self.key(kind)))

    def key(self, kind: str = "ed25519") -> Path:
        return self.folder / f"host_{kind}"

    def public(self, kind: str = "ed25519") -> str:
        return " ".join(self.key(kind).with_suffix(".pub").read_text().split()[:2])

    def fingerprint(self, kind: str = "ed25519") -> str:
        return keygen("-l", "-f", str(self.key(kind)), new=False).split()[1]

    @property
    def place(self) -> str:
        """As known_hosts names it."""
        return f"[127.0.0.1]:{self.port}"

    async def start(self, authorized: Path, *lines: str) -> None:
        """lines: of its configuration, before all others."""
        keys = [f"HostKey {self.key(kind)}" for kind in self.kinds]
        config = self.folder / "sshd_config"
        config.write_text(
            "\n".join(
                [
                    *lines,
                    f"Port {self.port}",
                    "ListenAddress 127.0.0.1",
                    *keys,
                    f"AuthorizedKeysFile {authorized}",
                    "StrictModes no",
                    "UsePAM no",
                    f"PidFile {self.folder}/pid",
                    "PermitRootLogin prohibit-password\n",
                ]
            )
        )
        with (self.folder / "log").open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(str(SSHD), "-D", "-e", "-f", str(config), stderr=log)
        async with asyncio.timeout(PATIENCE):
            while b"Server listening" not in (self.folder / "log").read_bytes():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """End it with its connections, as a host does that loses its power."""
        if self.process and self.process.returncode is None:
            for pid in [*family(self.process.pid)]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self.process.wait()


@asynccontextmanager
async def serving(*servers: Sshd) -> AsyncIterator[None]:
    """They are ended after the block."""
    try:
        yield
    finally:
        for server in servers:
            await server.stop()


def family(pid: int) -> Iterator[int]:
    """A process and all that descend from it, the oldest first."""
    yield pid
    with suppress(FileNotFoundError, ProcessLookupError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from family(int(child))


def keygen(*words: str, new: bool = True) -> str:
    made = subprocess.run(
        ["ssh-keygen", "-q", *(["-N", ""] if new else []), *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    return made.stdout


def me() -> str:
    return getpass.getuser()
