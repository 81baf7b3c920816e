"""Reads requests from the trail as stories: their events, with what was seen on their hosts."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from bot.borders import Trail
from bot.errors import TrailError
from bot.events import Asked, Attachment, Observed, Record
from bot.freezes import Freezes
from bot.models import HostLimits, Look, Looks, RequestId, SetLimit, Snapshot, Unreachable
from bot.slack.content.story import Story, tell

log = logging.getLogger(__name__)

LOOK: TypeAdapter[Snapshot | Unreachable] = TypeAdapter(Look)
LIMITS: TypeAdapter[HostLimits | Unreachable] = TypeAdapter(
    Annotated[HostLimits | Unreachable, Field(discriminator="kind")]
)
REMEMBERED = 64
CAN_NOT_SHOW = "was looked at, but the trail can't show what was seen"
DROPPED = "was looked at, and what was seen was {told}"


class Stories:
    """Keeps the looks that were read last: each is read again for every event of its request."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._freezes = Freezes(trail)
        self._looks: OrderedDict[str, Snapshot | Unreachable] = OrderedDict()

    async def read(self, request: RequestId) -> Story:
        """The request as the trail has it now."""
        records = await self._trail.read(request)
        if any(isinstance(r.event, Asked) and isinstance(r.event.command, SetLimit) for r in records):
            return await self._of_limit(records)
        seen = {r.seq: await self._seen(request, r.event.looks) for r in records if isinstance(r.event, Observed)}
        first = next((r.seq for r in records if isinstance(r.event, Observed) and r.event.phase == "before"), 0)
        frozen = next(iter(await self._freezes.in_force()), None)
        return tell(records, before=seen.get(first, ()), seen=seen, frozen=frozen)

    async def _of_limit(self, records: Sequence[Record]) -> Story:
        seen = {
            r.seq: tuple([await self._limits(r.request, attachment) for attachment in r.event.looks])
            for r in records
            if isinstance(r.event, Observed)
        }
        frozen = next(iter(await self._freezes.in_force()), None)
        return tell(records, limits=seen, frozen=frozen)

    async def _limits(self, request: RequestId, attachment: Attachment) -> HostLimits | Unreachable:
        try:
            return LIMITS.validate_json(await self._trail.body(attachment.sha256))
        except (TrailError, ValidationError) as error:
            return await self._lost(request, attachment, error)

    async def _seen(self, request: RequestId, attachments: Sequence[Attachment]) -> Looks:
        return tuple([await self._look(request, attachment) for attachment in attachments])

    async def _look(self, request: RequestId, attachment: Attachment) -> Snapshot | Unreachable:
        """A look from the trail. One that can't be read is told as such, and doesn't hold up the rest."""
        known = self._looks.get(attachment.sha256)
        if known is not None:
            return known
        try:
            look = LOOK.validate_json(await self._trail.body(attachment.sha256))
        except (TrailError, ValidationError) as error:
            return await self._lost(request, attachment, error)
        self._looks[attachment.sha256] = look
        while len(self._looks) > REMEMBERED:
            self._looks.popitem(last=False)
        return look

    async def _lost(self, request: RequestId, attachment: Attachment, error: Exception) -> Unreachable:
        """Why what a host said isn't there: two people let it be dropped, or it is a fault."""
        if by := await self._trail.dropped(request):
            return Unreachable(host=attachment.host, reason=DROPPED.format(told=by.told))
        log.error("what %s said can't be read from the trail: %s", attachment.host, error)
        return Unreachable(host=attachment.host, reason=CAN_NOT_SHOW)
