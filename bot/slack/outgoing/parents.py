"""The request's own message: posted once, changed as the request goes on, made anew elsewhere if it can't stay."""

import asyncio
import logging
from collections import OrderedDict
from functools import partial
from weakref import WeakValueDictionary

from bot.borders import Posting, Postings
from bot.events import Record
from bot.models import RequestId
from bot.slack.content import telling
from bot.slack.content.blocks import Message
from bot.slack.content.story import Story
from bot.slack.content.telling import Part
from bot.slack.outgoing.audience import Audience
from bot.slack.outgoing.delivery import Delivery, Place, Tag
from bot.slack.outgoing.progress import PROGRESS
from bot.slack.outgoing.stories import Stories
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

ENOUGH = 20
"""Changes that must be left in a minute, or mere progress is left out: Slack takes about 50. An end never is."""
REMEMBERED = 64
MOVES = (Part.MOVED.value, f"{Part.MOVED}-2", f"{Part.MOVED}-3")
"""How often a request may go on elsewhere."""


async def stands(postings: Postings, anchor: Record | None) -> Posting | None:
    """The message that stands for a request: the newest one, if it had to move. anchor: of its story."""
    found = None
    for part in (Part.PARENT, *MOVES):
        posting = await postings.get(anchor.seq, part) if anchor else None
        if posting is None:
            break
        found = posting
    return found


class Parents:
    """Each is changed by one at a time, into the state of that moment: no older one overwrites a newer one."""

    def __init__(
        self, delivery: Delivery, postings: Postings, stories: Stories, audience: Audience, incident_channel: str
    ) -> None:
        self._delivery = delivery
        self._postings = postings
        self._stories = stories
        self._audience = audience
        self._incident = incident_channel
        self._changing: WeakValueDictionary[RequestId, asyncio.Lock] = WeakValueDictionary()
        self._moving = asyncio.Lock()
        self._shown: OrderedDict[RequestId, Message] = OrderedDict()

    async def known(self, story: Story) -> Posting | None:
        """Where the request stands now, if it is known to stand anywhere."""
        return await stands(self._postings, story.anchor)

    async def post(self, story: Story, record: Record, *, doubtful: bool) -> Posting | None:
        """The same; it is posted here, or again looked for if nobody remembers it. None if it can't stand anywhere."""
        if story.anchor is None:
            return None
        if known := await self.known(story):
            return known
        place = await self._fit(story.request.home) or await self._fit(self._incident)
        if place is None:
            return None
        doubtful = doubtful or story.anchor.seq != record.seq
        message = telling.written(Part.PARENT, story, story.anchor)
        tag, otherwise = Tag.of(story.anchor, Part.PARENT), partial(self._fit, self._incident)
        posting = await self._delivery.post(tag, place, message, doubtful=doubtful, elsewhere=otherwise)
        if posting and not self._delivery.was_there(posting):
            self._remember(story.request.id, message)
        return posting

    async def show(self, request: RequestId, because: str = "") -> None:
        """The newest state of a request in its message, if that doesn't show it already. because: a kind of event.

        Raises Impossible if that may be done later.
        """
        async with self._changing.setdefault(request, asyncio.Lock()):
            if because in PROGRESS and self._delivery.changes_left <= ENOUGH:
                return
            story = await self._stories.read(request)
            parent = await self.known(story)
            if parent is None:
                return
            newest = story.records[-1]
            message = telling.written(Part.MOVED if parent.part in MOVES else Part.NOW, story, newest)
            if message == self._shown.get(story.request.id):
                return
            try:
                await self._delivery.change(parent, Tag.of(story.anchor or newest, parent.part), message, newest)
            except Impossible as error:
                if error.may_heal:
                    raise
                log.warning("request %s: the message %s was not changed: %s", story.request.id, parent.ts, error)
                await self.move(story, parent)
            self._remember(story.request.id, message)

    async def move(self, story: Story, lost: Posting) -> Place | None:
        """The request goes on in the incident channel, in a new message with its own thread; None if it can't.

        lost: where it stood; somebody else may have moved it meanwhile.
        """
        async with self._moving:
            now = await self.known(story)
            if now and now.ts != lost.ts:
                return Place(channel=now.channel, thread=now.ts)
            part = next(iter(MOVES[MOVES.index(lost.part) + 1 :] if lost.part in MOVES else MOVES), None)
            place = await self._fit(self._incident)
            if story.anchor is None or part is None or place is None:
                return None
            message = telling.written(Part.MOVED, story, story.anchor)
            posting = await self._delivery.post(Tag.of(story.anchor, part), place, message, doubtful=True)
            return Place(channel=posting.channel, thread=posting.ts) if posting else None

    async def _fit(self, channel: str) -> Place | None:
        """A channel for evidence. Which ones may see it says the configuration; another company may join them later."""
        return None if await self._audience.is_foreign(channel) else Place(channel=channel)

    def _remember(self, request: RequestId, message: Message) -> None:
        self._shown[request] = message
        self._shown.move_to_end(request)
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
