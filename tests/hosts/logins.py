"""Logins: what people do on hosts, done for real by the OpenSSH client of this machine.

A login that is returned is there: its shell, its command or its server has answered through the connection.
"""

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.hosts.machines import Machine

SECONDS = 90.0  # more than a login takes on a busy machine
HERE = "kickbot-login-is-here"
SFTP_INIT = bytes([0, 0, 0, 5, 1, 0, 0, 0, 3])
SFTP_VERSION = bytes([2, 0, 0, 0, 3])


class LoginError(Exception):
    """A login did not come, or did not do what a test waits for; the text shows what the client printed."""


class Login:
    """One connected client of OpenSSH. As a context manager it is closed at the end."""

    def __init__(self, machine: Machine, user: str, *arguments: str, options: tuple[str, ...] = ()) -> None:
        self.machine, self.user = machine, user
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close(); a pipe that nobody reads would block
        self._client = subprocess.Popen(
            ["ssh", *connection(machine), *options, f"{user}@{machine.address}", *arguments],
            env={"PATH": os.environ["PATH"], "TERM": "dumb"},
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,  # no terminal of ours to ask for anything
        )

    @property
    def alive(self) -> bool:
        """True while the client is connected."""
        return self._client.poll() is None

    @property
    def output(self) -> str:
        """All that the login has shown so far, with what the client itself said."""
        return self.output_bytes.decode(errors="replace")

    @property
    def output_bytes(self) -> bytes:
        return b"" if self._output.closed else os.pread(self._output.fileno(), 1 << 20, 0)

    def send(self, line: str) -> None:
        """Type a line."""
        self.send_bytes(f"{line}\n".encode())

    def send_bytes(self, data: bytes) -> None:
        assert self._client.stdin is not None
        try:
            self._client.stdin.write(data)
        except BrokenPipeError:
            raise LoginError(f"{self} has ended: {self.output}") from None

    def wait_for(self, text: str, seconds: float = SECONDS) -> str:
        """Return the output once it has the text. Raises LoginError, also when the login ends first."""
        self.wait_until(lambda: text in self.output, f"to show {text!r}", seconds)
        return self.output

    def wait_until(self, condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if not self.alive:
                raise LoginError(f"{self} ended ({self._client.returncode}); it was expected {what}: {self.output}")
            if time.monotonic() > deadline:
                raise LoginError(f"{self} took more than {seconds} s {what}: {self.output}")
            time.sleep(0.01)

    def wait_end(self, seconds: float = SECONDS) -> int:
        """Return the client's exit status once it is no longer connected (255: cut off). Raises LoginError."""
        try:
            return self._client.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LoginError(f"{self} is still connected after {seconds} s") from None

    def freeze(self) -> None:
        """From now on the client neither reads nor writes, as on a laptop that was closed; it stays connected."""
        self._client.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        """Cut the connection from this side; what it started on the host may stay there."""
        self._client.terminate()
        self._client.send_signal(signal.SIGCONT)
        try:
            self._client.wait(5)
        except subprocess.TimeoutExpired:
            self._client.kill()
            self._client.wait()
        if self._client.stdin is not None:
            self._client.stdin.close()
        self._output.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __str__(self) -> str:
        return f"the login of {self.user} on {self.machine.name}"


class Shared:
    """Two shells of one user over one connection: one session for the host."""

    def __init__(self, shells: tuple[Login, Login]) -> None:
        self.shells = shells

    @property
    def alive(self) -> bool:
        """True while both shells are connected."""
        return all(shell.alive for shell in self.shells)

    def close(self) -> None:
        for shell in reversed(self.shells):  # the first one carries the other
            shell.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Logins:
    """Makes logins, and closes at its own end those that a test left open. Each may be closed earlier."""

    def __init__(self) -> None:
        self._made: list[Login] = []

    def terminal(self, machine: Machine, user: str, *options: str) -> Login:
        """An interactive shell at a terminal. options: further ones for ssh(1)."""
        login = self.start(machine, user, options=("-tt", *options))
        login.send(
            f"echo {HERE[:5]}''{HERE[5:]}"
        )  # the terminal echoes this line too: it must not look like the answer
        login.wait_for(HERE)
        return login

    def command(self, machine: Machine, user: str, command: str) -> Login:
        """A command without a terminal."""
        login = self.start(machine, user, f"echo {HERE}; {command}", options=("-T",))
        login.wait_for(HERE)
        return login

    def sftp(self, machine: Machine, user: str) -> Login:
        """A file transfer, kept open; by its protocol's first words, as the program sftp outlives its connection."""
        login = self.start(machine, user, "sftp", options=("-s",))
        login.send_bytes(SFTP_INIT)
        login.wait_until(lambda: SFTP_VERSION in login.output_bytes, "to start sftp")
        return login

    def forward_only(self, machine: Machine, user: str) -> Login:
        """A connection that only forwards a port, with no shell or command (ssh -N)."""
        path = _new_socket(machine)
        login = self.start(machine, user, options=("-N", "-L", f"{path}:127.0.0.1:22"))
        login.wait_until(lambda: _banner_through(path), "to forward a port")
        return login

    def shared(self, machine: Machine, user: str) -> Shared:
        """Two terminals over one connection (ControlMaster)."""
        path = _new_socket(machine)
        first = self.terminal(machine, user, "-M", "-S", str(path))
        return Shared((first, self.terminal(machine, user, "-S", str(path))))

    def start(self, machine: Machine, user: str, *arguments: str, options: tuple[str, ...]) -> Login:
        """Any other login, for ssh(1); returns before it is there."""
        login = Login(machine, user, *arguments, options=options)
        self._made.append(login)
        return login

    def close(self) -> None:
        for login in reversed(self._made):
            login.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def connection(machine: Machine) -> list[str]:
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "5",
        "IdentitiesOnly": "yes",
        "IdentityFile": machine.identity,
        "KexAlgorithms": "curve25519-sha256",  # every other one of today's costs more than all the rest of a login
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": machine.known_hosts,
    }
    return ["-F", "none", *(f"-o{name}={value}" for name, value in options.items())]


def _new_socket(machine: Machine) -> Path:
    """In the machine's folder, whose path is short enough, and which goes even when the tests are killed."""
    return machine.folder / f"{secrets.token_hex(4)}.socket"


def _banner_through(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as forwarded:
            forwarded.settimeout(1)
            forwarded.connect(str(path))
            return forwarded.recv(8) == b"SSH-2.0-"
    except OSError:
        return False
