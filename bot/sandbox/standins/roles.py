"""The processes of one login, as real ones: each plays its role until a signal or the end of its connection ends it.

They are forks of the keeper, so they need no program of the machine. Each returns only in the process that called it.
"""

import ctypes
import fcntl
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


def print_now_and_then() -> NoReturn:
    """Writes a line to the terminal every 20 s, for as long as there is one."""
    with suppress(OSError):
        while True:
            os.write(1, time.strftime("%H:%M:%S GET /health 200\r\n").encode())
            time.sleep(LINE_EVERY)
    wait_for_ever()


def read_to_the_end(source: int) -> None:
    """Until the other side is closed; what comes is thrown away."""
    with suppress(OSError):
        while os.read(source, 65536):
            pass
