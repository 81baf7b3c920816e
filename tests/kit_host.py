"""A host with the kit on this machine: a real sshd on loopback that lets a key in by the kit's own line.

Only sudo and the log are stand-ins: the first runs the program with the environment that sudo would leave it.
"""

import socket
from pathlib import Path

from bot.hosts.connections import SshHosts
from bot.hosts.drivers.linux import KIT_PROGRAM
from bot.hosts.kit.making import PROGRAM, key_lines
from bot.hosts.kit.trying import as_root
from bot.hosts.trust import Identity
from bot.models import Host
from tests.sshd import Sshd, keygen, me

SUDO = """#!/bin/sh
[ "$1 $2" = '-n --' ] || exit 99
shift 2
exec env -i SUDO_USER={user} PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""
LOGGER = "#!/bin/sh\ncase $* in *--help*) exit 0 ;; esac\nshift 4\nprintf '%s\\n' \"$*\" >>{log}\n"


class KitHost:
    """host: as it is configured. log: the lines that the program wrote."""

    def __init__(self, folder: Path, *, program: bytes = KIT_PROGRAM) -> None:
        self.folder, self._log = folder, folder / "log"
        self.key = folder / "id"
        keygen("-t", "ed25519", "-f", str(self.key))
        self.server = Sshd(folder, "web")
        self.host = Host(name="web", address="127.0.0.1", port=self.server.port, user=me(), kit=True)
        self.known_hosts = folder / "known_hosts"
        self.known_hosts.write_text(f"{self.server.place} {self.server.public()}\n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            log.bind(str(folder / "dev-log"))
        (folder / "protected").write_text("# nobody else\n")
        self._install("sudo", SUDO.format(user=me()).encode())
        self._install("logger", LOGGER.format(log=self._log).encode())
        self._install("kickbot-host", self._moved(program))

    @property
    def program(self) -> Path:
        return self.folder / "kickbot-host"

    @property
    def log(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def lose_log(self) -> None:
        """Nothing keeps a log there any more."""
        (self.folder / "dev-log").unlink()

    async def start(self, *lines: str, restrict: bool = True, command: bool = True) -> None:
        """lines: of sshd's configuration. restrict, command: what of the kit's line is there."""
        async with Identity([self.key]).offered() as pairs:
            (line,) = key_lines(me(), pairs)
        options, key = line.split(" ssh-", 1)
        options = options.replace("sudo -n -- " + PROGRAM, f"{self.folder}/sudo -n -- {self.program}")
        kept = [options.partition(",")[0]] * restrict + [options.partition(",")[2]] * command
        authorized = self.folder / "authorized_keys"
        authorized.write_text(f"{','.join(kept)} ssh-{key}\n" if kept else f"ssh-{key}\n")
        await self.server.start(authorized, *lines)

    def hosts(self, host: Host | None = None) -> SshHosts:
        """host: the same one, configured in another way."""
        here = host or self.host
        return SshHosts({each.name: each for each in (here, as_root(here))}, [self.key], self.known_hosts)

    def _moved(self, program: bytes) -> bytes:
        """The same program with its places in the folder of the test."""
        here = str(self.folder).encode()
        moved = program.replace(b"/opt/kickbot-host/protected", here + b"/protected")
        moved = moved.replace(b"/dev/log", here + b"/dev-log")
        return moved.replace(b"    PATH=/usr/local/sbin", b"    PATH=" + here + b":/usr/local/sbin")

    def _install(self, name: str, text: bytes) -> None:
        path = self.folder / name
        path.write_bytes(text)
        path.chmod(0o755)
