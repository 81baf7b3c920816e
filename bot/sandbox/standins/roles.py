"""The processes of one login, as real ones: each plays its role until a signal or the end of its connection ends it.

They are forks of the keeper, so they need no program of the machine. Each returns only in the process that called it.
"""

import ctypes
import fcntl
import itertools
import os
import signal
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from bot.sandbox.standins.kernel import PROC

SET_NAME = 15
SET_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)
LINE_EVERY = 20.0
POLITE: tuple[int, ...] = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def adopt_orphans() -> None:
    """From now on whatever loses its parent below this process becomes its child, as if it could not leave a cgroup."""
    LIBC.prctl(SET_SUBREAPER, 1, 0, 0, 0)


def fork(role: Callable[[], int]) -> int:
    """The id of a new process that plays a role and then ends with its exit status."""
    if pid := os.fork():
        return pid
    status = 70
    try:
        status = role()
    finally:
        os._exit(status)


def call_yourself(name: str, title: bytes) -> None:
    """Change what ps shows of this process: its name, and its command line as far as the present one has room."""
    LIBC.prctl(SET_NAME, name.encode(), 0, 0, 0)
    fields = (PROC / "self" / "stat").read_bytes().rpartition(b")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    room = end - start
    # no NUL at the very end: the kernel then shows the text up to the first NUL, as setproctitle(3) has it
    ctypes.memmove(start, title[: room - 2].ljust(room - 1, b"\0") + b"\x01", room)


def behave(*ignored: int) -> None:
    """Take signals as a new program would, but for those that are ignored."""
    signal.set_wakeup_fd(-1)
    for number in POLITE:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


def wait_for_ever() -> NoReturn:
    while True:
        signal.pause()


def take_terminal(slave: int) -> None:
    """Become the leader of a new session on this terminal."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for number in range(3):
        os.dup2(slave, number)


def come_to_the_foreground() -> None:
    """Become the terminal's foreground job, as a shell does it for a command."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, before)


def prompt(user: str, host: str, command: str) -> None:
    """What the shell shows, and what was typed there."""
    os.write(1, os.fsencode(f"{user}@{host}:~$ {command}\n"))


def print_now_and_then(command: str) -> NoReturn:
    """Writes a line to the terminal every 20 s, for as long as there is one."""
    numbers = itertools.count(1)
    with suppress(OSError):
        while True:
            os.write(1, line(command, next(numbers)).encode())
            time.sleep(LINE_EVERY)
    wait_for_ever()


def line(command: str, number: int) -> str:
    """What such a command could well print."""
    if command.startswith("python"):
        return f"epoch {number:3}  loss {2 / (number + 3):.4f}  {41 + number % 7} s\n"
    if command.startswith("tail"):
        return time.strftime(f"%H:%M:%S INFO  request {4710 + number} done in {23 + number * 7 % 40} ms\n")
    return time.strftime("%H:%M:%S GET /health 200\n")


def carry_to_the_end(source: int, target: int) -> None:
    """Until the other side is closed; what comes is shown to whoever reads the target."""
    with suppress(OSError):
        while chunk := os.read(source, 65536):
            while chunk:
                chunk = chunk[os.write(target, chunk) :]


def read_to_the_end(source: int) -> None:
    """Until the other side is closed; what comes is thrown away."""
    with suppress(OSError):
        while os.read(source, 65536):
            pass
