"""Keeps one login of a sandbox host: starts its processes, adopts what they leave behind, ends with the last of them.

Ends all of them at once when its control socket closes: that is how even a sandbox that was killed leaves nothing.
"""

import json
import os
import select
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.sandbox.standins import roles
from bot.sandbox.standins.kernel import alive, below, process, processes, send
from bot.sandbox.standins.scene import Scene, replace


def main(words: list[str]) -> int:
    """`keeper SPEC`, a JSON object: see Logins, which writes it. The exit status is the leader's."""
    spec: dict[str, Any] = json.loads(words[0])
    control = socket.socket(fileno=spec["control"])
    roles.adopt_orphans()
    try:
        login: Run | Person = Run(spec) if spec["argv"] else Person(spec)
        leader = login.start()
        control.send(login.terminal.encode())
        return keep(control, leader)
    finally:
        end_all()


class Login:
    """What a person's login and a command of the bot have in common. `terminal`: the name of its device, or a dash."""

    terminal = "-"

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.gate, self.opener = os.pipe()

    def record(self, leader: int) -> None:
        """Write down what makes this login one that the stand-ins know."""
        keeper, leads = process(os.getpid()), process(leader)
        names = ("id", "user", "uid", "remote")
        record = {name: self.spec[name] for name in names} | {
            "keeper": os.getpid(),
            "keeper_start": keeper.start if keeper else 0,
            "leader": leader,
            "leader_start": leads.start if leads else 0,
            "realtime": time.time_ns() // 1000,
            "monotonic": time.monotonic_ns() // 1000,
        }
        replace(Path(self.spec["folder"], "sessions", f"{self.spec['id']}.json"), json.dumps(record).encode())

    def lead(self) -> None:
        """Become what the SSH server starts for each connection."""
        os.close(self.spec["control"])
        os.setsid()
        roles.behave()
        roles.call_yourself("sshd-session", f"sshd-session: {self.spec['user']} [priv]".encode())


class Person(Login):
    """A scripted login: a leader, a shell if there is a terminal, and a command."""

    def start(self) -> int:
        """The leader's process id, once every process is what it should be."""
        self.ours, self.theirs = os.openpty() if self.spec["terminal"] else reversed(os.pipe())
        if self.spec["terminal"]:
            self.terminal = os.ttyname(self.theirs).removeprefix("/dev/")
        leader = roles.fork(self.leader)
        for number in (self.ours, self.theirs, self.opener, *self.spec["screen"]):
            os.close(number)
        os.read(self.gate, 1)
        self.record(leader)
        if self.spec["left"]:
            self.leave()
        return leader

    def leave(self) -> None:
        """The connection is cut: wait until all but the command have ended of it."""
        *ending, _ = below(os.getpid(), processes())
        send(ending[0], signal.SIGKILL)
        while any(alive(one) for one in ending):
            time.sleep(0.005)

    def leader(self) -> int:
        self.lead()
        child = roles.fork(self.shell if self.spec["terminal"] else self.transfer)
        os.close(self.theirs)
        os.close(self.opener)
        if self.spec["terminal"]:
            roles.carry_to_the_end(self.ours, *self.spec["screen"])
        else:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.waitpid(child, 0)
        return 0

    def ignored(self) -> tuple[int, ...]:
        if self.spec["stubborn"]:
            return (signal.SIGTERM, signal.SIGHUP)
        return (signal.SIGHUP,) if self.spec["left"] else ()

    def shell(self) -> int:
        """A login shell on the terminal, with one command in its foreground."""
        for number in (self.ours, *self.spec["screen"]):
            os.close(number)
        roles.take_terminal(self.theirs)
        roles.behave(*(self.ignored() if self.spec["stubborn"] else ()))
        roles.call_yourself("bash", b"-bash")
        roles.prompt(self.spec["user"], self.spec["host"], self.spec["command"])
        roles.fork(self.command)
        os.close(self.opener)
        roles.wait_for_ever()

    def command(self) -> int:
        roles.behave(*self.ignored())
        roles.come_to_the_foreground()
        self.appear()
        roles.print_now_and_then(self.spec["command"])

    def transfer(self) -> int:
        """A command without a terminal: it ends with its connection, unless it was told not to mind."""
        os.close(self.ours)
        os.setsid()
        roles.behave(*self.ignored())
        self.appear()
        roles.read_to_the_end(self.theirs)
        if self.ignored():
            roles.wait_for_ever()
        return 0

    def appear(self) -> None:
        title = os.fsencode(self.spec["command"])
        roles.call_yourself(os.fsdecode(title.split(b" ")[0].rpartition(b"/")[2][:15]), title)
        os.write(self.opener, b".")
        os.close(self.opener)


class Run(Login):
    """A command of the bot: a leader that waits for a real sh and passes on its exit status."""

    def start(self) -> int:
        leader = roles.fork(self.leader)
        self.record(leader)
        os.close(self.opener)
        return leader

    def leader(self) -> int:
        self.lead()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        child = roles.fork(self.shell)
        os.close(self.opener)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code if code >= 0 else 128 - code

    def shell(self) -> int:
        os.close(self.opener)
        os.setsid()
        os.read(self.gate, 1)  # until the record is written
        Scene(Path(self.spec["folder"])).publish()
        os.chdir(self.spec["folder"])
        os.execvpe(self.spec["argv"][0], self.spec["argv"], self.spec["environment"])  # noqa: S606 - no shell reads it


def keep(control: socket.socket, leader: int) -> int:
    """Until no child is left, or the sandbox is gone. The exit status is the leader's."""
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(waker)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    status = 0
    with suppress(ChildProcessError):
        while True:
            pid, ended = os.waitpid(-1, os.WNOHANG)
            if pid == leader:
                status = os.waitstatus_to_exitcode(ended)
            if pid:
                continue
            ready, _, _ = select.select([control.fileno(), woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
            if control.fileno() in ready and not control.recv(4096):
                end_all()
    return status if status >= 0 else 128 - status


def end_all() -> None:
    """SIGKILL for everything below, again and again until nothing is left."""
    with suppress(ChildProcessError):
        while True:
            for one in below(os.getpid(), processes()):
                send(one, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.01)
