"""Booted hosts with the kit, put there by its own install script, and whoever has stolen the bot's key."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from bot.hosts.connections import SshHosts
from bot.hosts.drivers.interface import Call
from bot.hosts.drivers.linux import KIT_COMMAND, kit_request
from bot.models import Host
from tests.hosts.kicking import BOTS_ACCOUNT, PROTECTED
from tests.hosts.machines import Machine
from tests.sshd import keygen
from tests.whole import configure, kickbot

PLACE = "/kit"
# What changes by itself while nobody does anything
RESTLESS = re.compile(r"/(run|dev|kit|var/log/(wtmp|lastlog|btmp|wtmp.db)|var/lib/(systemd|lastlog|wtmpdb))[/ ]")
IMPORTANT = "/etc/passwd /etc/shadow /etc/group /etc/ssh/* /etc/ssh/*/* /etc/sudoers.d/* /var/lib/kickbot"


class Kitted:
    """A host with the kit. config: a kickbot.toml that says so; it protects one account. shown: what it sees as /kit.

    root_key: the only key that root takes there.
    """

    def __init__(self, machine: Machine, folder: Path, shown: Path) -> None:
        self.machine, self.shown = machine, shown
        known = folder / "known_hosts"
        known.write_text(machine.known_hosts.read_text())
        self.config = configure(folder, [(machine.name, machine.address, 22)], key=machine.identity, known_hosts=known)
        text = self.config.read_text().replace("[ssh]\n", '[ssh]\nkit = "*"\n')
        self.root_key = folder / "root"
        keygen("-t", "ed25519", "-f", str(self.root_key))
        (shown / "root.pub").write_text(self.root_key.with_suffix(".pub").read_text())
        machine.run("cp", f"{PLACE}/root.pub", "/root/.ssh/authorized_keys")
        self.config.write_text(f'{text}\n[protect]\nusers = ["{PROTECTED}"]\n')

    def install(self) -> str:
        """As the README says it; what it printed. Raises MachineError."""
        printed = kickbot("hosts", "kit", self.machine.name, "--config", str(self.config))
        assert (printed.returncode, printed.stderr) == (0, "")
        (self.shown / "install.sh").write_text(printed.stdout)
        return self.machine.run("sh", f"{PLACE}/install.sh")

    def log(self) -> list[str]:
        """What its program wrote, the oldest first."""
        return self.machine.run("journalctl", "-t", "kickbot-host", "-o", "cat", "--no-pager").splitlines()

    def witness(self) -> Mapping[str, str]:
        """What root sees of it: every file with its content's digest, who listens, and what runs for good."""
        find = "find / /tmp -xdev -type f -printf '%p %m %U %s %T@\\n'"
        files = [line for line in self.machine.run("sh", "-c", find).splitlines() if not RESTLESS.match(line)]
        return {
            "files": hashlib.sha256("\n".join(sorted(files)).encode()).hexdigest(),
            "important": self.machine.run("sh", "-c", f"sha256sum {IMPORTANT} 2>/dev/null || true"),
            "listeners": self.machine.run("ss", "-Hltn"),
            "sshd": self.machine.run("cat", "/run/sshd.pid"),
            "daemons": self.machine.run("sh", "-c", "pgrep -l -P 1 | grep -v -e sshd -e systemd | sort"),
        }


class Thief:
    """Whoever has the bot's key, and asks the program itself, as the bot would."""

    def __init__(self, machine: Machine) -> None:
        host = Host(name=machine.name, address=machine.address, user=BOTS_ACCOUNT, kit=True)
        self._hosts = SshHosts({machine.name: host}, [machine.identity], machine.known_hosts)
        self._line = self._hosts._lines[machine.name]

    async def ask(self, verb: str, *arguments: str) -> str:
        """What it answers, without its first and its last line; or the word with which the kit refuses."""
        nonce = secrets.token_hex(8)
        stdin = kit_request(verb, nonce, *arguments)
        reply = await self._line.ask(Call(argv=(KIT_COMMAND,), stdin=stdin, nonce=nonce))
        first, *lines = reply.output.decode().splitlines()
        if first.startswith("kickbot kit "):
            return first.rpartition(" ")[2]
        assert lines[-1] == f"== end {nonce}", lines
        return "\n".join(lines[:-1])

    async def close(self) -> None:
        await self._hosts.close()


async def boot_of(machine: Machine) -> str:
    return (await asyncio.to_thread(machine.run, "cat", "/proc/sys/kernel/random/boot_id")).strip()


async def start_of(machine: Machine, pid: int) -> str:
    """In kernel ticks."""
    stat = await asyncio.to_thread(machine.run, "cat", f"/proc/{pid}/stat")
    return stat.rpartition(")")[2].split()[19]
