"""A sandbox host's private folder: its stand-ins, its keys, its accounts, its sessions and its own view of /proc."""

import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox import standins

SOURCES = Path(standins.__file__).parent
ROOT = SOURCES.parents[2]
IN_PYTHON = ("loginctl", "ps", "kill", "getent", "ls")
IN_SHELL = ("sudo", "systemctl", "busctl", "sshd", "sh")
ABSENT = (
    *("pkill", "killall", "skill", "snice", "fuser", "systemd-run", "runuser", "su", "doas", "pkexec"),
    *("journalctl", "od", "find"),  # they would tell of the machine itself
    *("flock", "usermod", "useradd", "userdel", "passwd", "chage", "wall", "write", "init", "telinit"),
    *("shutdown", "reboot", "halt", "poweroff"),
)
BOOT = f"import sys; sys.path.append({str(ROOT)!r}); from bot.sandbox.standins.command import main; main()"
PYTHON = (sys.executable, "-I", "-S", "-c", BOOT)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SERVICE_UID = 998


@dataclass(frozen=True)
class Folder:
    """Where one host's state lives; only its owner can read it."""

    path: Path
    user: str

    @classmethod
    def make(cls, path: Path, user: str) -> "Folder":
        """A new folder, with the stand-ins in it."""
        for name in ("bin", "real", "sessions", "proc/1", "etc/ssh/sshd_config.d", "etc/profile.d"):
            (path / name).mkdir(parents=True, mode=0o700)
        (path / "server").write_text(str(os.getpid()))
        (path / "accounts").write_text(json.dumps({"root": 0, user: SERVICE_UID}))
        (path / "etc/ssh/sshd_config").write_text("Include /etc/ssh/sshd_config.d/*.conf\n")
        (path / "proc/1/cgroup").write_text("0::/init.scope\n")
        for name in ("uptime", "sys"):
            (path / "proc" / name).symlink_to(f"/proc/{name}")
        folder = cls(path, user)
        folder.install()
        return folder

    def install(self) -> None:
        for name in IN_PYTHON:
            self.program(name, f'#!/bin/sh\nexec {shlex.join([*PYTHON, name])} "$@"\n')
        for name in IN_SHELL:
            self.program(name, (SOURCES / f"{name}.sh").read_text())
        for name in ABSENT:
            self.program(name, (SOURCES / "absent.sh").read_text())
        (self.path / "real" / "sh").symlink_to("/bin/sh")

        if not os.access(self.path / "bin" / "ps", os.X_OK):
            raise RuntimeError(
                f"nothing can be run from {self.path.parent.parent}: set TMPDIR to a folder where it can"
            )

    def write(self, file: str, text: str) -> None:
        """A file of the host's own, `etc/profile.d/tmout.sh`."""
        (self.path / file).write_text(text)

    def program(self, name: str, text: str) -> None:
        program = self.path / "bin" / name
        program.write_text(text)
        program.chmod(0o700)

    def environment(self, session: str) -> dict[str, str]:
        """What the bot's commands find in their environment on this host; nothing of the sandbox's own goes there."""
        return {
            "PATH": f"{self.path / 'bin'}:{SYSTEM_PATH}",
            "HOME": str(self.path),
            "USER": self.user,
            "LOGNAME": self.user,
            "SHELL": "/bin/sh",
            "XDG_SESSION_ID": session,
            "KICKBOT_SANDBOX_HOST": str(self.path),
        }

    def uid(self, user: str, wanted: int | None) -> int:
        """The account's user id; a new account gets the one that is wanted, or the next free one from 1000 on."""
        file = self.path / "accounts"
        accounts: dict[str, int] = json.loads(file.read_text())
        if user not in accounts:
            free = max([999, *(uid for uid in accounts.values())]) + 1
            accounts[user] = free if wanted is None else wanted
            draft = file.with_suffix(".draft")
            draft.write_text(json.dumps(accounts))
            draft.replace(file)
        return accounts[user]
