"""What can't be told now is told later, in the background: one person or message that fails holds up nobody else."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from bot.borders import Sleep
from bot.errors import TrailError
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]

PAUSE = 20.0
ROUNDS = 180
"""So often something is tried again, an hour in all; then it is left, and the log says so."""


class Later:
    """Keeps the newest work under each name, such as `to tell U0BOB in person`.

    Work may be done twice, and raises Impossible as long as it can't be done.
    """

    def __init__(self, sleep: Sleep) -> None:
        self._sleep = sleep
        self._waiting: OrderedDict[str, tuple[Work, int]] = OrderedDict()
        self._added = asyncio.Event()

    async def now_or(self, what: str, work: Work, *, again: Work | None = None) -> None:
        """Do it; if that fails only for now, do it later, by `again` where the second time is done in another way."""
        try:
            await work()
            self._waiting.pop(what, None)
        except Impossible as error:
            log.warning("%s: %s", what, error)
            if error.may_heal:
                self.add(what, again or work)

    def add(self, what: str, work: Work) -> None:
        self._waiting[what] = (work, 0)
        self._added.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._added.wait()
            await self._sleep(PAUSE)
            await self.round()
            if not self._waiting:
                self._added.clear()

    async def round(self) -> None:
        """Try everything that waits, once."""
        for what, (work, rounds) in list(self._waiting.items()):
            try:
                await work()
            except Impossible as error:
                if error.may_heal and rounds < ROUNDS:
                    self._keep(what, work, rounds + 1)
                    continue
                log.error("%s: given up: %s", what, error)  # noqa: TRY400 - says all that there is to say
            except TrailError as error:
                log.info("%s: not now: %s", what, error)  # it can't be read, or another Kickbot posts at this moment
                self._keep(what, work, rounds)
                continue
            except Exception:
                log.exception("%s: a fault in Kickbot", what)
            self._forget(what, work)

    def _keep(self, what: str, work: Work, rounds: int) -> None:
        if self._is_newest(what, work):
            self._waiting[what] = (work, rounds)

    def _forget(self, what: str, work: Work) -> None:
        if self._is_newest(what, work):
            del self._waiting[what]

    def _is_newest(self, what: str, work: Work) -> bool:
        return what in self._waiting and self._waiting[what][0] is work
