"""A wire between a client and the server that can be cut at the worst moment: around a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT\0"


class Wire:
    """cut: cut the connection that sends the next commit, `before` the server gets it or `after` it was carried out."""

    def __init__(self, server: Path) -> None:
        self.cut: Literal["", "before", "after"] = ""
        self.cuts = 0
        self._server = server / SOCKET

    async def join(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """One connection, until one of both ends it."""
        results, requests = await asyncio.open_unix_connection(self._server)
        answering = asyncio.create_task(_pass_on(results, answers))
        asking = asyncio.create_task(self._ask(client, requests, answering))
        await asyncio.wait([asking, answering], return_when=asyncio.FIRST_COMPLETED)
        for task in (asking, answering):
            task.cancel()
        for writer in (answers, requests):
            writer.close()

    async def _ask(
        self, client: asyncio.StreamReader, requests: asyncio.StreamWriter, answering: asyncio.Task[None]
    ) -> None:
        """Until the client goes, or sends a commit that is to be cut off."""
        while sent := await client.read(65536):
            if self.cut and COMMIT in sent:
                moment, self.cut = self.cut, ""
                self.cuts += 1
                answering.cancel()
                if moment == "after":
                    requests.write(sent)
                return
            requests.write(sent)


async def _pass_on(results: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    while got := await results.read(65536):
        answers.write(got)


@asynccontextmanager
async def wire(server: Path, folder: Path) -> AsyncIterator[Wire]:
    """A socket in `folder` that leads to the server's."""
    made = Wire(server)
    listening = await asyncio.start_unix_server(made.join, folder / SOCKET)
    try:
        yield made
    finally:
        listening.close()
