"""The sandbox's Slack in a process of its own, for a soak: what Slack keeps is no part of the memory that is measured.

Whoever asks waits for the answer. Meanwhile time stands still on both sides.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bot.sandbox.cast import EVERYONE, demo_workspace
from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import Channel, SlackError
from bot.sandbox.server import SandboxSlack
from tests.chaos.told import Archive
from tests.lives import STARTS


class SlackApart:
    """The near end. seconds: the time of the soak."""

    def __init__(self, connection: Connection, seconds: Callable[[], float]) -> None:
        self._connection, self._seconds = connection, seconds
        self.bot_token: str = connection.recv()

    @classmethod
    @contextmanager
    def start(cls, told: Path, channels: Sequence[str], seconds: Callable[[], float]) -> Iterator["SlackApart"]:
        """told: the file for what is archived. channels: of the cast, besides its own."""
        near, far = STARTS.Pipe()
        process = STARTS.Process(target=_serve, args=(far, told, channels), daemon=True)
        process.start()
        far.close()
        with near:
            yield cls(near, seconds)
        process.join()

    def call(self, method: str, args: Mapping[str, Any]) -> dict[str, Any]:
        return dict(self._ask("call", method, args))

    def receive(self, file: str, data: bytes) -> int:
        """The status of an upload."""
        return int(self._ask("receive", file, data))

    def archive(self, before: int) -> None:
        self._ask("archive", before)

    def told(self) -> Counter[str]:
        return Counter(self._ask("told"))

    def _ask(self, what: str, *args: Any) -> Any:
        self._connection.send((self._seconds(), what, args))
        return self._connection.recv()


class _Far:
    def __init__(self, told: Path, channels: Sequence[str]) -> None:
        self.now = 0.0
        workspace = demo_workspace(clock=lambda: self.now)
        for id_ in channels:
            workspace.channels[id_] = Channel(id=id_, name=id_.lower(), members=EVERYONE)
        self.slack = SandboxSlack(workspace)
        archive = Archive(workspace, told)
        self.archive, self.told = archive.take, archive.all

    def call(self, method: str, args: Mapping[str, Any]) -> dict[str, Any]:
        call = Call(self.slack.workspace, args, "http://127.0.0.1", str)
        try:
            body = {"ok": True, **self.slack.web_api.allowed(method, self.slack.bot_token, args).answer(call)}
        except SlackError as error:
            body = error.to_slack()
        return dict(json.loads(json.dumps(body)))

    def receive(self, file: str, data: bytes) -> int:
        return self.slack.web_api.receive(file, data).status


def _serve(connection: Connection, told: Path, channels: Sequence[str]) -> None:
    """Until the near end is closed."""
    far = _Far(told, channels)
    connection.send(far.slack.bot_token)
    while True:
        try:
            far.now, what, args = connection.recv()
        except EOFError:
            return
        connection.send(getattr(far, what)(*args))
