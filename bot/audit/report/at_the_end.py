"""The report of a request that has just ended, from the trail that the bot has open: for its thread."""

import asyncio

from bot.audit.report.page import page
from bot.borders import Trail
from bot.errors import TrailError
from bot.models import RequestId
from bot.pairs import Counted

BY = "Kickbot, as the request ended,"
NOBODY = Counted(pairs=())


class TrailReports:
    """The Reports of borders.py. The whole trail is not verified for it, which takes long: the page says so."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    async def of(self, request: RequestId, up_to: int) -> str:
        records = [record for record in await self._trail.read(request) if record.seq <= up_to]
        digests = {attachment.sha256 for record in records for attachment in record.event.attachments}
        bodies = {digest: await self._body(digest) for digest in sorted(digests)}
        dropped, now = await self._trail.dropped(request), records[-1].at

        def written() -> str:
            return "".join(page([records], bodies.get, None, dropped=lambda _: dropped, pairs=NOBODY, by=BY, now=now))

        return await asyncio.to_thread(written)

    async def _body(self, digest: str) -> bytes | None:
        try:
            return await self._trail.body(digest)
        except TrailError:
            return None
