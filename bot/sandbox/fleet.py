"""Many hosts that show what a few do: each twin has a port and a key of its own, and gives the answers of its model.

A look takes a sandbox host half a second of CPU; two hundred of them would take a minute. So a model is asked for real,
and what it said is said again for a while, with the nonce of the new question. Twins can be looked at and nothing else.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncssh

from bot.sandbox.host_logins import Logins
from bot.sandbox.host_server import LOOPBACK, NOT_FOUND, Fault, HostServer

QUESTIONS = {"look", "limits"}
FRESH = 20.0
"""Seconds for which an answer is given again: its times are as old as that."""


@dataclass(frozen=True)
class Said:
    """What a model answered to a question with that nonce, and when."""

    answer: bytes
    nonce: bytes
    at: float


class Model:
    """A host that isn't reached itself, and how it answers."""

    def __init__(self, logins: Logins, clock: Callable[[], float] = time.monotonic) -> None:
        self.logins = logins
        self._clock = clock
        self._said: dict[tuple[str, ...], Said] = {}
        self._asking = asyncio.Lock()

    async def answer(self, words: Sequence[str], nonce: str, script: bytes) -> bytes:
        """Of now, or of a moment ago."""
        question = (script.decode(), *(word for word in words if word != nonce))
        async with self._asking:
            said = self._said.get(question)
            if said is None or self._clock() - said.at > FRESH:
                said = self._said[question] = Said(await self._ask(words, script), nonce.encode(), self._clock())
        return said.answer.replace(said.nonce, nonce.encode())

    async def _ask(self, words: Sequence[str], script: bytes) -> bytes:
        async with self.logins.run(self.logins.new_id(), list(words), LOOPBACK) as kept:
            output, _ = await kept.process.communicate(script)
            return output


class Twin(HostServer):
    """One host of a fleet. Its fault may be `silent` or `slow`."""

    def __init__(
        self, name: str, model: Model, client_key: asyncssh.SSHKey, host_key: asyncssh.SSHKey, fault: Fault | None
    ) -> None:
        super().__init__(model.logins, host_key, client_key)
        self.name, self.model, self.fault, self.port = name, model, fault, 0

    async def listen(self) -> int:
        self.port = await super().listen()
        return self.port

    async def _run(
        self,
        process: "asyncssh.SSHServerProcess[bytes]",
        connection: Any,  # noqa: ARG002 - as any host's
        session: str,  # noqa: ARG002
        words: list[str],
    ) -> None:
        script = await process.stdin.read()
        verb = next((number for number, word in enumerate(words[:-1]) if word in QUESTIONS), None)
        if verb is None:
            process.stderr.write(b"sandbox host: this one can only be looked at\n")
            process.exit(NOT_FOUND)
            return
        if self.fault:
            await asyncio.sleep(self.fault.seconds)
        process.stdout.write(await self.model.answer(words, words[verb + 1], script))
        process.exit(0)
