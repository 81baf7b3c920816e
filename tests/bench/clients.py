"""The programs that are measured: the same look at the same hosts, each in the way that its own documentation shows.

All of them come to as many hosts at a time, with one key, check host keys where they can, and keep no connection.
"""

import json
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.hosts.drivers.linux import LOOK_SCRIPT
from tests.bench.fleet import Fleet

WIDTH = 32
"""Hosts at a time: pssh's own default."""
ASKED = "sh -s -- look 5ca1ab1e"
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """One process to be measured. said: how often its output must hold the end of an answer."""

    argv: Sequence[str]
    stdin: bytes = b""
    environment: dict[str, str] = field(default_factory=dict)
    said: int = 0


@dataclass(frozen=True)
class Client:
    """A program. program: its path, None where it is missing. remedy: what brings it."""

    name: str
    program: str | None
    remedy: str
    run: Callable[[Fleet, int, Path], Run]


def clients(peers: Path) -> Sequence[Client]:
    """Kickbot first. peers: the folder with the programs of peers.lock."""

    def of_peers(name: str) -> str | None:
        return shutil.which(name, path=str(peers))

    lock, distribution = "`make bench` installs it", "`make test-deps` as root brings it"
    pssh = shutil.which("parallel-ssh") or shutil.which("pssh")
    return (
        Client("Kickbot", sys.executable, "", _own("look")),
        Client("asyncssh alone", sys.executable, "", _own("peer_asyncssh")),
        Client("parallel-ssh", of_peers("python"), lock, _parallel_ssh(peers)),
        Client("pssh", pssh, distribution, _pssh),
        Client("clush", of_peers("clush"), lock, _clush(peers)),
        Client("ansible raw", of_peers("ansible"), lock, _ansible(peers)),
    )


def _own(module: str) -> Callable[[Fleet, int, Path], Run]:
    """What runs in Kickbot's own environment."""

    def run(fleet: Fleet, many: int, _folder: Path) -> Run:
        program = (sys.executable, "-m", f"tests.bench.{module}", str(fleet.key), str(fleet.known_hosts))
        return Run((*program, *_where(fleet, many)), LOOK_SCRIPT)

    return run


def _where(fleet: Fleet, many: int) -> tuple[str, ...]:
    return (str(fleet.port), str(WIDTH), *fleet.addresses[:many])


def _parallel_ssh(peers: Path) -> Callable[[Fleet, int, Path], Run]:
    def run(fleet: Fleet, many: int, _folder: Path) -> Run:
        program = (str(peers / "python"), str(HERE / "peer_parallel_ssh.py"), str(fleet.key), ASKED)
        return Run((*program, *_where(fleet, many)), LOOK_SCRIPT, said=many)

    return run


def _pssh(fleet: Fleet, many: int, folder: Path) -> Run:
    listed = folder / "pssh-hosts"
    listed.write_text("".join(f"root@{address}:{fleet.port}\n" for address in fleet.addresses[:many]))
    program = shutil.which("parallel-ssh") or "pssh"
    width = ("-p", str(WIDTH), "-t", "600", "-I", "-i")
    return Run((program, "-h", str(listed), *width, "-x", _options(fleet), ASKED), LOOK_SCRIPT, said=many)


def _clush(peers: Path) -> Callable[[Fleet, int, Path], Run]:
    def run(fleet: Fleet, many: int, _folder: Path) -> Run:
        where = ("-w", ",".join(fleet.addresses[:many]), "-l", "root", "-f", str(WIDTH))
        options = f"{_options(fleet)} -p {fleet.port}"
        return Run((str(peers / "clush"), *where, "-o", options, ASKED), LOOK_SCRIPT, said=many)

    return run


def _ansible(peers: Path) -> Callable[[Fleet, int, Path], Run]:
    def run(fleet: Fleet, many: int, folder: Path) -> Run:
        inventory, command = folder / "ansible-hosts", folder / "ansible-command"
        at = f"ansible_user=root ansible_port={fleet.port}"
        inventory.write_text("".join(f"{address} {at}\n" for address in fleet.addresses[:many]))
        words = shlex.join(("sh", "-c", LOOK_SCRIPT.decode(), "sh", "look", "5ca1ab1e"))
        command.write_text(json.dumps({"_raw_params": f"{{% raw %}}{words} {{% endraw %}}"}))
        argv = (str(peers / "ansible"), "all", "-i", str(inventory), "-f", str(WIDTH), "--private-key", str(fleet.key))
        settings = {
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_SSH_ARGS": _options(fleet),
            "ANSIBLE_HOST_KEY_CHECKING": "True",
        }
        return Run((*argv, "-m", "raw", "-a", command.read_text()), environment=settings, said=many)

    return run


def openssh(fleet: Fleet, address: str, *more: str) -> tuple[str, ...]:
    """`ssh` to one host, with more options or a command behind it."""
    return ("ssh", *shlex.split(_options(fleet)), "-p", str(fleet.port), f"root@{address}", *more)


def _options(fleet: Fleet) -> str:
    """OpenSSH's own: nothing of the person who runs it, and only this key."""
    trust = f"-o UserKnownHostsFile={fleet.known_hosts} -o StrictHostKeyChecking=yes -o BatchMode=yes"
    return f"-F /dev/null -i {fleet.key} -o IdentitiesOnly=yes -o IdentityAgent=none -o ControlPath=none {trust}"
