"""Hosts to measure against: one real sshd, reached at as many addresses of 127.0.0.0/8 as there are to be hosts.

It takes no login from anywhere else. `recorded`: each command gets the recorded answer of a real host to a look, so
that the hosts cost as little as they can, and every client reads the same bytes. Else commands run, as on any host.
"""

import shlex
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bot.models import Host

ANSWER = Path(__file__).parents[1] / "captures" / "bookworm.txt"
APART = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
"""The hosts see no process but their own, however busy this machine is."""

# With SHLVL set bash reads no ~/.bashrc.
CONFIGURATION = """
Port {port}
AddressFamily inet
ListenAddress 0.0.0.0
AllowUsers root@127.0.0.0/8
AuthorizedKeysFile {folder}/key.pub
HostKey {folder}/host_key
KbdInteractiveAuthentication no
LogLevel ERROR
MaxStartups 10000
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
PrintLastLog no
PrintMotd no
SetEnv SHLVL=1
StrictModes no
UseDNS no
UsePAM no
"""

# What is sent to `sh -s` is read to its end, as sh does; the word behind `look` is the nonce.
REPLAY = """#!/bin/sh
case $SSH_ORIGINAL_COMMAND in "sh -s "*) cat >/dev/null ;; esac
nonce=${{SSH_ORIGINAL_COMMAND##* look }}
exec sed "s/NONCE/${{nonce%%[!0-9a-z]*}}/" {answer}
"""


@dataclass(frozen=True)
class Fleet:
    """Hosts that are there. key: the private key that opens them."""

    key: Path
    known_hosts: Path
    port: int
    addresses: Sequence[str]

    def hosts(self, many: int) -> dict[str, Host]:
        """The first ones, as the bot knows hosts."""
        at = self.addresses[:many]
        return {f"h{n}": Host(name=f"h{n}", address=a, port=self.port, user="root") for n, a in enumerate(at)}


@contextmanager
def fleet(folder: Path, many: int, *, recorded: bool) -> Iterator[Fleet]:
    """That many hosts, while the block runs. Needs root."""
    folder.mkdir()
    for key in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    port = _free_port()
    made = Fleet(folder / "key", folder / "known_hosts", port, [_address(n) for n in range(many)])
    kind, key = (folder / "host_key.pub").read_text().split()[:2]
    made.known_hosts.write_text("".join(f"[{at}]:{port} {kind} {key}\n" for at in made.addresses))
    (folder / "sshd_config").write_text(CONFIGURATION.format(port=port, folder=folder) + _replayed(folder, recorded))
    Path("/run/sshd").mkdir(exist_ok=True)
    options = ("-D", "-E", str(folder / "sshd.log"), "-f", str(folder / "sshd_config"))
    server = subprocess.Popen([*APART, "/usr/sbin/sshd", *options])
    try:
        _wait_until_it_listens(server, port)
        yield made
    finally:
        server.kill()  # unshare takes its hosts along, and hears nothing else
        server.wait()


def _replayed(folder: Path, recorded: bool) -> str:
    if not recorded:
        return ""
    script = folder / "replay"
    script.write_text(REPLAY.format(answer=shlex.quote(str(ANSWER))))
    script.chmod(0o755)
    return f"ForceCommand {script}\n"


def _address(number: int) -> str:
    return f"127.66.{number // 200}.{number % 200 + 1}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until_it_listens(server: "subprocess.Popen[bytes]", port: int) -> None:
    for _ in range(200):
        with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        if server.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"sshd did not start (exit status {server.returncode})")
