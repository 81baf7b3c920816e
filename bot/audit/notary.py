"""Signs checkpoints beside the bot's work, and tells them elsewhere. It acts on nothing, and its troubles stop nothing.

A checkpoint is made when a request that asked for an act has ended, and every so often if anything was recorded.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from bot import stopping
from bot.audit.chain import GENESIS
from bot.audit.checkpoints import Statement, read, stated
from bot.audit.persisting import LONGEST_PAUSE, persist
from bot.audit.places.interface import Place
from bot.audit.signing import Signer
from bot.borders import Checkpoint, Stamped, Store
from bot.errors import TrailError
from bot.events import FINAL, LISTINGS

ENDS = FINAL - LISTINGS
"""What changed nothing waits for the next checkpoint."""

log = logging.getLogger(__name__)


class Notary:
    """every: seconds. places: where checkpoints are told besides."""

    def __init__(self, trail: Store, signer: Signer, every: float, places: Sequence[Place] = ()) -> None:
        self._trail = trail
        self._memory = trail.checkpoints()
        self._signer = signer
        self._every = every
        self._places = places
        self._signing = asyncio.Lock()
        self._made = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        await stopping.together(self._sign_for_good(), *(self._tell(place) for place in self._places))

    # ------------------------------------------------------------------------------------------ signing

    async def _sign_for_good(self) -> None:
        while True:
            try:
                await stopping.together(self._at_intervals(), self._at_ends())
            except TrailError as error:
                log.warning("no checkpoint can be made: %s", error)
            await asyncio.sleep(LONGEST_PAUSE)

    async def _at_intervals(self) -> None:
        while True:
            await self.make()
            await asyncio.sleep(self._every)

    async def _at_ends(self) -> None:
        newest = await self._memory.newest()
        async for record in self._trail.follow(newest.seq if newest else await self._end()):
            if record.event.kind in ENDS:
                await self.make()

    async def _end(self) -> int:
        end = await self._memory.end()
        return end.seq if end else 0

    async def make(self) -> None:
        """A checkpoint of the newest event, unless there is one. Raises TrailError if what was signed isn't there."""
        async with self._signing:
            await self._memory.turn()
            end = await self._memory.end()
            before = await self._before()
            if end is None or (before and end.seq == before.seq):
                return
            now = await self._trail.now()
            text = stated(end.trail, end.seq, end.hash, now, before, GENESIS).text
            await self._memory.put(Checkpoint(seq=end.seq, text=text, signature=self._signer.sign(text)))
            self._wake()

    def _wake(self) -> None:
        """Whoever waits goes on, and the next wait is for the next checkpoint."""
        self._made.set()
        self._made = asyncio.Event()

    async def _before(self) -> Statement | None:
        """What was signed last. Nothing more is signed on top of a trail that doesn't hold it any more."""
        newest = await self._memory.newest()
        before = read(newest.text) if newest else None
        if newest and (before is None or await self._memory.hash_of(before.seq) != before.hash):
            raise TrailError(f"event {newest.seq} isn't what was signed: `kickbot audit verify` says more")
        return before

    # ------------------------------------------------------------------------------------------ telling

    async def _tell(self, place: Place) -> None:
        """Every checkpoint, at least once, in its order. What was told is remembered over restarts."""
        await persist(partial(self._tell_next, place), f"checkpoints can't be told to {place.name}")

    async def _tell_next(self, place: Place) -> None:
        """Those that it wasn't told yet; returns when there is another one."""
        made, name = self._made, place.name
        await self._memory.turn()
        while batch := await self._memory.after(await self._memory.cursor(name) or 0):
            async for reached in place.tell(batch):
                if reached.stamp:
                    await self._memory.keep(Stamped(seq=reached.seq, place=name, answer=reached.stamp))
                await self._memory.advance(name, reached.seq)
        await made.wait()
