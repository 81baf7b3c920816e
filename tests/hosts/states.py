"""The states in which people leave hosts, made for real: each is there when its maker returns, by the witness's word.

Every kind of process has a number of its own as its argument, so that none is taken for another one.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.hosts import witness
from tests.hosts.logins import Login, Logins
from tests.hosts.machines import Machine

USER = "audituser"

NOHUP = "sleep 4011"
TMUX = "sleep 4012"
STUBBORN = "sleep 4013"
SERVICE = "/usr/bin/sleep 4014"
ROOTS = "sleep 4015"
ALICES = "sleep 4016"
STOPPED = "sleep 4017"
MANY = "sleep 4018"
ODD = "/tmp/a) Z 4019"
FORKER = "forker-4020"
PRINTED = "4021"

# Every five milliseconds another process, and the one before is gone. It ends by itself, should a test lose it.
FORK = (
    '$SIG{TERM} = $SIG{HUP} = "IGNORE"; $end = time + 90; '
    'open STDIN, "/dev/null"; open STDOUT, ">/dev/null"; open STDERR, ">/dev/null"; '
    'open F, ">/tmp/forker"; print F getpgrp; close F; '
    "while (time < $end) { exit if fork; select undef, undef, undef, 0.005 }"
)


class Inside(NamedTuple):
    """Something that was started inside a login that is still connected."""

    login: Login
    pid: int


class States:
    """Makes them, with the logins of one test."""

    def __init__(self, logins: Logins) -> None:
        self._logins = logins
        self._groups: list[tuple[Machine, int]] = []

    def close(self) -> None:
        """End what is never seen long enough to be ended one by one."""
        for machine, group in self._groups:
            if machine.up:
                machine.run("bash", "-c", f"kill -KILL -- -{group} 2>/dev/null || true")

    def nohup(self, machine: Machine, user: str = USER) -> Inside:
        """A nohup, in a login that is still there."""
        return self._inside(self._logins.terminal(machine, user), f"nohup {NOHUP} >/dev/null 2>&1 &", NOHUP)

    def left_nohup(self, machine: Machine, user: str = USER) -> int:
        """A nohup, and its client has left: for logind, a session in `closing`."""
        made = self.nohup(machine, user)
        return self._leave(made)

    def tmux(self, machine: Machine, user: str = USER) -> Inside:
        """A person who works in tmux."""
        login = self._logins.terminal(machine, user)
        return self._inside(login, f"TERM=xterm tmux -f /dev/null new-session 'exec {TMUX}'", TMUX)

    def left_tmux(self, machine: Machine, user: str = USER) -> int:
        """A tmux that nobody is attached to, and its client has left."""
        return self._leave(self.tmux(machine, user))

    def stubborn(self, machine: Machine, user: str = USER) -> Inside:
        """A shell that ignores TERM and HUP, and so does what it runs. pid: of the shell."""
        made = self._inside(
            self._logins.terminal(machine, user), f"trap '' TERM HUP; while :; do {STUBBORN}; done", STUBBORN
        )
        (child,) = (p for p in witness.processes(machine, user) if p.pid == made.pid)
        return Inside(made.login, child.leader)

    def stubborn_pane(self, machine: Machine, user: str = USER) -> int:
        """Something in tmux that ignores HUP and TERM, and so outlives tmux. Its login is still there."""
        login = self._logins.terminal(machine, user)
        pane = f"trap \\'\\' HUP TERM; exec {STUBBORN}"
        return self._inside(login, f"TERM=xterm tmux -f /dev/null new-session $'{pane}'", STUBBORN).pid

    def service(self, machine: Machine, user: str = USER, *, lingering: bool) -> int:
        """A service of the user's own manager, begun from a login that is still there."""
        if lingering:
            machine.run("systemd-run", "--quiet", "--wait", "loginctl", "enable-linger", user)
        login = self._logins.terminal(machine, user)
        return self._inside(login, f"systemd-run --user --quiet --unit=nightly {SERVICE}", SERVICE).pid

    def root_shell(self, machine: Machine, user: str = "opsuser") -> Inside:
        """`sudo -i`, and something that runs in that shell."""
        return self._through_sudo(machine, user, "root", "sudo -i", ROOTS)

    def other_account(self, machine: Machine, user: str = "opsuser", other: str = "alice") -> Inside:
        """`sudo -u alice -i` by opsuser, and something that alice runs there."""
        return self._through_sudo(machine, user, other, f"sudo -u {other} -i", ALICES)

    def stopped(self, machine: Machine, user: str = USER) -> Login:
        """A terminal that its user stopped with Ctrl-S: whoever writes to it blocks."""
        made = self._inside(self._logins.terminal(machine, user), STOPPED, STOPPED)
        made.login.send_bytes(b"\x13")
        self._wait_until_full(machine, made)
        return made.login

    def asleep(self, machine: Machine, user: str = USER) -> Login:
        """A closed laptop: the client reads nothing any more, and the terminal is full of what it didn't read."""
        made = self._inside(self._logins.terminal(machine, user), f"yes {PRINTED}", f"yes {PRINTED}")
        made.login.freeze()
        self._wait_until_full(machine, made)
        return made.login

    def printing(self, machine: Machine, user: str = USER) -> Inside:
        """Someone who prints 20 MB onto their terminal, again and again."""
        line = f"while :; do yes {PRINTED} | head --bytes=20000000; done"
        return self._inside(self._logins.terminal(machine, user), line, f"yes {PRINTED}")

    def odd_name(self, machine: Machine, user: str = USER) -> Inside:
        """A process whose name says, to a careless reader of /proc/PID/stat, that it is a zombie; it ignores HUP."""
        line = "cp /bin/sleep '/tmp/a) Z'; nohup '/tmp/a) Z' 4019 >/dev/null 2>&1 &"
        return self._inside(self._logins.terminal(machine, user), line, ODD)

    def forker(self, machine: Machine, user: str = USER) -> int:
        """Another process every few milliseconds, deaf to TERM and HUP. Returns the group that they all are in."""
        machine.run("rm", "-f", "/tmp/forker")
        self._logins.terminal(machine, user).send(f"perl -e '{FORK}' {FORKER}")
        written = ["sh", "-c", "cat /tmp/forker 2>/dev/null || true"]
        witness.until(lambda: machine.run(*written), f"the forker on {machine.name}")
        group = int(machine.run(*written))
        self._groups.append((machine, group))
        return group

    def crowd(self, machine: Machine, number: int, user: str = USER) -> Login:
        """A session with that many processes."""
        login = self._logins.command(machine, user, f"for i in $(seq {number}); do {MANY} & done; wait")
        witness.until(lambda: len(witness.pids(machine, user, MANY)) == number, f"{number} processes")
        return login

    def many(self, machine: Machine, number: int, user: str = USER) -> list[Login]:
        """That many sessions."""
        with ThreadPoolExecutor(4) as pool:
            made = list(
                pool.map(lambda _: self._logins.start(machine, user, "exec cat", options=("-T",)), range(number))
            )
        witness.until(lambda: len(witness.pids(machine, user, "cat")) == number, f"{number} sessions")
        return made

    def take_pid(self, machine: Machine, pid: int, user: str) -> None:
        """End a process with all of the kernel's session that it leads; its very number is one of that user's then.

        While a session has any member, the number of its leader is not used again.
        """
        machine.run("sh", "-c", f"pkill -KILL --session {pid}; while pgrep --session {pid}; do sleep 0.01; done")
        machine.start_as(pid, "setpriv", f"--reuid={user}", "--clear-groups", *ALICES.split())
        witness.until(lambda: witness.pids(machine, user, ALICES) == [pid], f"{pid} of {user} on {machine.name}")

    # ------------------------------------------------------------------------------------------------------- parts

    def _inside(self, login: Login, line: str, command: str) -> Inside:
        """Type a line; the process that it started, once it is there and is what the line names."""
        login.send(line)

        def there() -> list[witness.Seen]:
            return [p for p in witness.processes(login.machine, command=command) if p.command == command]

        witness.until(there, f"{command!r} on {login.machine.name}: {login.output!r}")
        (seen,) = there()
        return Inside(login, seen.pid)

    def _through_sudo(self, machine: Machine, user: str, other: str, sudo: str, command: str) -> Inside:
        login = self._logins.terminal(machine, user)
        login.send(sudo)
        witness.wait(machine, "-bash", user=other)
        return self._inside(login, command, command)

    def _leave(self, made: Inside) -> int:
        """Cut the connection from the client's side; returns when only what was left behind is there."""
        machine, user = made.login.machine, made.login.user
        known = witness.logind_sessions(machine, user)
        made.login.close()
        witness.until(lambda: not witness.pids(machine, command="-bash"), f"the shell's end on {machine.name}")
        witness.until(
            lambda: all(state == "closing" for state in witness.logind_sessions(machine, user).values()),
            f"only sessions in `closing` on {machine.name}",
        )
        assert len(witness.logind_sessions(machine, user)) == len(known)
        assert witness.is_alive(machine, made.pid)
        return made.pid

    def _wait_until_full(self, machine: Machine, made: Inside) -> None:
        (seen,) = (p for p in witness.processes(machine, made.login.user) if p.pid == made.pid)
        witness.until(lambda: not witness.takes_output(machine, seen.tty), f"{seen.tty} blocks on {machine.name}")
