"""The logins of one sandbox host: each is a keeper process and what it keeps, all below the sandbox."""

import asyncio
import itertools
import json
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bot.sandbox.host_folder import PYTHON, Folder
from bot.sandbox.standins import kernel
from bot.sandbox.standins.scene import Scene
from bot.sandbox.terminals import Terminal

STARTS_WITHIN = 20
ENDS_WITHIN = 10


@dataclass(frozen=True)
class Login:
    """One scripted login.

    behaviour: stubborn ignores TERM and HUP; closing has left, and something with nohup stayed.
    command: what runs in the terminal, or instead of one. uid: of a new account; the next free one if not given.
    """

    user: str
    terminal: bool = True
    remote: str = "203.0.113.10"
    command: str = "sleep 4000"
    behaviour: Literal["plain", "stubborn", "closing"] = "plain"
    uid: int | None = None


@dataclass
class Kept:
    """A running keeper. Closing the control socket ends everything below it. `terminal`: what is printed there."""

    process: Process
    control: socket.socket
    ended: asyncio.Task[int]
    terminal: Terminal | None


class Logins:
    """Starts and ends logins. What is really there is always read from the kernel.

    `tell` is called when a login with a terminal starts or ends.
    """

    def __init__(self, folder: Folder, tell: Callable[[], None]) -> None:
        self.folder, self.tell = folder, tell
        self.terminals: dict[str, Terminal] = {}
        self.scene = Scene(folder.path)
        self.kept: dict[str, Kept] = {}
        self._ids = map(str, itertools.count(3))

    def new_id(self) -> str:
        return next(each for each in self._ids if each not in self.kept)

    async def login(self, one: Login, session: str | None = None) -> str:
        """The id of a new session; `session` gives it one that was used before."""
        session = session or self.new_id()
        if session in self.kept:
            raise ValueError(f"session {session} is still there")
        await self._keep(session, one, argv=[], stdin=asyncio.subprocess.DEVNULL)
        return session

    async def end(self, session: str) -> None:
        """The person's connection is cut. What was started with nohup stays; then the session is closing."""
        kept = self.kept[session]
        for one in self.scene.sessions():
            for process in one.processes:
                if one.id == session and process.pid == one.leader:
                    kernel.send(process, signal.SIGKILL)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(kept.ended), 1)

    async def remove(self, session: str) -> None:
        """End everything of a session, at once."""
        if kept := self.kept.get(session):
            kept.control.close()
            try:
                await asyncio.wait_for(asyncio.shield(kept.ended), ENDS_WITHIN)
            except TimeoutError:
                self._end_by_force(kept.process)
                await kept.ended

    @staticmethod
    def _end_by_force(keeper: Process) -> None:
        """A keeper that doesn't answer: first all that it keeps, while the descent still tells whose it is."""
        for one in kernel.below(keeper.pid, kernel.processes()):
            kernel.send(one, signal.SIGKILL)
        keeper.kill()

    @asynccontextmanager
    async def run(self, session: str, argv: list[str], remote: str) -> AsyncIterator[Kept]:
        """A command of the bot in a session of its own; all that it started ends with the block."""
        own = Login(self.folder.user, terminal=False, remote=remote)
        kept = await self._keep(session, own, argv=argv, stdin=asyncio.subprocess.PIPE)
        try:
            yield kept
        finally:
            await self.remove(session)

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(self.remove(session) for session in tuple(self.kept)))

    async def _keep(self, session: str, one: Login, argv: list[str], stdin: int) -> Kept:
        ours, theirs = socket.socketpair()
        with theirs, ExitStack() as stack:
            ours.setblocking(False)
            terminal, screen = await self._terminal(session, one, stack)
            output = asyncio.subprocess.PIPE if argv else asyncio.subprocess.DEVNULL
            process = await asyncio.create_subprocess_exec(
                *(*PYTHON, "keeper", self._spec(session, one, argv, theirs.fileno(), screen)),
                stdin=stdin,
                stdout=output,
                stderr=output if argv else None,
                pass_fds=[theirs.fileno(), *screen],
                start_new_session=True,
                env={},
            )
        ended = asyncio.create_task(self._forget(session, process, ours, terminal))
        kept = self.kept[session] = Kept(process, ours, ended, terminal)
        await self._started(session, kept)
        return kept

    async def _terminal(self, session: str, one: Login, stack: ExitStack) -> tuple[Terminal | None, list[int]]:
        """Who reads what is printed in the terminal, and where the keeper writes it; nobody without a terminal."""
        if not one.terminal:
            return None, []
        source, screen = os.pipe()
        stack.callback(os.close, screen)
        terminal = Terminal(self.folder.path.name, session, one.user, self.tell)
        await asyncio.get_running_loop().connect_read_pipe(lambda: terminal, os.fdopen(source, "rb", 0))
        return terminal, [screen]

    async def _started(self, session: str, kept: Kept) -> None:
        """The keeper says the name of the terminal, or a dash."""
        async with asyncio.timeout(STARTS_WITHIN):
            name = await asyncio.get_running_loop().sock_recv(kept.control, 64)
            if not name:
                raise RuntimeError(f"the keeper of session {session} ended with {await kept.ended}")
        if kept.terminal:
            kept.terminal.name = name.decode()
            self.terminals.pop(session, None)
            self.terminals[session] = kept.terminal
            self.tell()

    async def _forget(self, session: str, process: Process, control: socket.socket, terminal: Terminal | None) -> int:
        status = await process.wait()
        if terminal:
            await terminal.finish()
        control.close()
        self._record(session).unlink(missing_ok=True)
        self._record(session).with_suffix(".closing").unlink(missing_ok=True)
        del self.kept[session]
        return status

    def _record(self, session: str) -> Path:
        return self.folder.path / "sessions" / f"{session}.json"

    def _spec(self, session: str, one: Login, argv: list[str], control: int, screen: list[int]) -> str:
        spec: dict[str, Any] = {
            "id": session,
            "user": one.user,
            "uid": self.folder.uid(one.user, one.uid),
            "remote": one.remote,
            "terminal": one.terminal,
            "command": one.command,
            "stubborn": one.behaviour == "stubborn",
            "left": one.behaviour == "closing",
            "folder": str(self.folder.path),
            "host": self.folder.path.name,
            "control": control,
            "screen": screen,
            "argv": argv,
            "environment": self.folder.environment(session) if argv else {},
        }
        return json.dumps(spec)
