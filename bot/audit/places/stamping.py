"""`tsp+https://…`: an authority that says when it saw a checkpoint (RFC 3161, RFC 5816)."""

import secrets
from collections.abc import AsyncIterator, Sequence

from bot.audit import stamps
from bot.audit.places.https import ask, reach
from bot.audit.places.interface import Reached
from bot.audit.places.tls import Tls
from bot.borders import Checkpoint

_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_GOOD = 200


class StampPlace:
    """Its answer is checked before it is kept: one that proves nothing is as good as none."""

    def __init__(self, name: str, authorities: stamps.Authorities, tls: Tls) -> None:
        self.name = name
        self._url = name.removeprefix("tsp+")
        self._authorities = authorities
        self._tls = tls

    async def try_out(self) -> None:
        await reach(self._url, self._tls)

    async def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        """Of several that waited the newest alone: it stands for all before it."""
        newest, nonce = checkpoints[-1], secrets.randbits(63)
        answer = await ask("POST", self._url, stamps.query(newest.text, nonce), _HEADERS, self._tls)
        if answer.status != _GOOD:
            raise OSError(f"it answered with status {answer.status}")
        try:
            stamps.read(answer.content, newest.text, self._authorities, nonce)
        except ValueError as error:
            raise OSError(f"its answer is no time stamp that counts: {error}") from error
        yield Reached(seq=newest.seq, stamp=answer.content)
