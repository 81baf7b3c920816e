"""Where a request stands in Slack: the address of its message, as far as it is known."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable

from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Posting, Postings
from bot.models import RequestId
from bot.questions import Known
from bot.slack.content.story import anchor
from bot.slack.outgoing.parents import stands
from bot.slack.people import FAILURES

log = logging.getLogger(__name__)

REMEMBERED = 1_000
AT_ONCE = 5


class Links:
    """Asks Slack for each address once."""

    def __init__(self, client: AsyncWebClient, postings: Postings) -> None:
        self._client = client
        self._postings = postings
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def of(self, requests: Iterable[Known]) -> dict[RequestId, str]:
        """The addresses of those requests that stand somewhere. What can't be found is left out."""
        listed = list(requests)
        found = await asyncio.gather(*map(self._of, listed))
        return {known.request.id: link for known, link in zip(listed, found, strict=True) if link}

    async def _of(self, known: Known) -> str:
        posting = await stands(self._postings, anchor(known.records))
        return await self._link(posting) if posting else ""

    async def _link(self, posting: Posting) -> str:
        place = posting.channel, posting.ts
        if place not in self._known and (link := await self._ask(posting)):
            self._known[place] = link
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return self._known.get(place, "")

    async def _ask(self, posting: Posting) -> str:
        try:
            async with self._at_once:
                answer = await self._client.chat_getPermalink(channel=posting.channel, message_ts=posting.ts)
        except FAILURES as error:
            log.warning("no link to %s in %s: %s", posting.ts, posting.channel, error)
            return ""
        return str(answer.get("permalink") or "")
