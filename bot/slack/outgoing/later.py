"""What can't be told now is told later, in the background: one person or message that fails holds up nobody else."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from bot.borders import Sleep
from bot.errors import TrailError
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

PAUSE = 20.0
ROUNDS = 4320
"""So often something is tried again, a day in all; then it is left, and the log says so."""


@dataclass(frozen=True)
class _Waiting:
    """event: the one that it tells of."""

    work: Work
    event: int
    rounds: int = 0


class Later:
    """Keeps the newest work under each name, such as `to tell U0BOB in person`.

    Work may be done twice, and raises Impossible as long as it can't be done. It is kept in memory: so that a restart
    loses nobody, whoever remembers how much was told stays before the `earliest` event that waits.
    """

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()
        self._added = asyncio.Event()

    @property
    def earliest(self) -> int | None:
        """The earliest event of which something waits."""
        return min((each.event for each in self._waiting.values()), default=None)

    async def now_or(self, what: str, event: int, work: Work, *, again: Work | None = None) -> None:
        """Do it; if that fails only for now, do it later, by `again` where the second time is done in another way."""
        try:
            await work()
            self._waiting.pop(what, None)
        except Impossible as error:
            log.warning("%s: %s", what, error)
            if error.may_heal:
                self.add(what, event, again or work)

    def add(self, what: str, event: int, work: Work) -> None:
        self._waiting[what] = _Waiting(work, event)
        self._added.set()

    async def run(self, then: Work) -> None:
        """Until cancelled. then: is done after each round."""
        while True:
            await self._added.wait()
            await self._sleep(PAUSE)
            await self.round()
            with suppress(TrailError):  # the next round comes
                await then()
            if not self._waiting:
                self._added.clear()

    async def round(self) -> None:
        """Try everything that waits, once."""
        for what, waiting in list(self._waiting.items()):
            try:
                await waiting.work()
            except Impossible as error:
                if error.may_heal and waiting.rounds < ROUNDS:
                    self._keep(what, waiting)
                    continue
                log.error("%s: given up: %s", what, error)  # noqa: TRY400 - says all that there is to say
            except TrailError as error:
                log.info("%s: not now: %s", what, error)  # it can't be read, or another Kickbot posts at this moment
                continue
            except Exception:
                log.exception("%s: a fault in Kickbot", what)
            self._forget(what, waiting)

    def _keep(self, what: str, waiting: _Waiting) -> None:
        if self._is_newest(what, waiting):
            self._waiting[what] = replace(waiting, rounds=waiting.rounds + 1)

    def _forget(self, what: str, waiting: _Waiting) -> None:
        if self._is_newest(what, waiting):
            del self._waiting[what]

    def _is_newest(self, what: str, waiting: _Waiting) -> bool:
        return what in self._waiting and self._waiting[what].work is waiting.work
