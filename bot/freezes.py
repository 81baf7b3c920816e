"""Which freezes are in force: while there is one, Kickbot acts on no host. It reads, and decides nothing."""

from collections.abc import Mapping

from bot.borders import Trail
from bot.events import Frozen
from bot.lifecycle import replay
from bot.models import RequestId
from bot.request import Request
from bot.states import State


class Freezes:
    """A freeze is an open request of its own: the emergency brake, see `brake.py`."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._known: Mapping[RequestId, bool] = {}  # is this open request a freeze? Its first event says so, for good

    async def in_force(self) -> tuple[Request, ...]:
        """All that any process recorded until now, oldest first. Raises TrailError, and then nobody may act."""
        numbers, known = await self._trail.open_requests(), self._known
        known = {n: known[n] if n in known else await self._is_freeze(n) for n in numbers}
        self._known = known
        found = [replay(await self._trail.read(n)) for n in numbers if known[n]]
        return tuple(freeze for freeze in found if freeze.state is State.FROZEN)

    async def _is_freeze(self, number: RequestId) -> bool:
        return isinstance((await self._trail.read(number))[0].event, Frozen)
