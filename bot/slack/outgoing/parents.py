"""The request's own message: posted once, changed as the request goes on, made anew elsewhere if it can't stay."""

import asyncio
import logging
from collections import OrderedDict, deque
from time import monotonic

from bot.borders import Posting, Postings
from bot.events import Record
from bot.models import RequestId
from bot.slack.content import telling
from bot.slack.content.blocks import Message
from bot.slack.content.story import Story
from bot.slack.content.telling import Part
from bot.slack.outgoing.delivery import Delivery, Place, Tag
from bot.slack.outgoing.stories import Stories
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

PROGRESS = frozenset({"observed", "signalled", "verifying"})
MINUTE = 60.0
BUSY = 30
"""Changes of messages in a minute from which on mere progress is left out: Slack takes about 50. An end never is."""
REMEMBERED = 64


class Parents:
    """One at a time, each in the state that the trail has at that moment: no older state overwrites a newer one."""

    def __init__(self, delivery: Delivery, postings: Postings, stories: Stories, incident_channel: str) -> None:
        self._delivery = delivery
        self._postings = postings
        self._stories = stories
        self._incident = Place(channel=incident_channel)
        self._changing = asyncio.Lock()
        self._moving = asyncio.Lock()
        self._shown: OrderedDict[RequestId, Message] = OrderedDict()
        self._changes: deque[float] = deque(maxlen=BUSY)

    async def known(self, story: Story) -> Posting | None:
        """Where the request stands now, if it is known to stand anywhere."""
        if story.anchor is None:
            return None
        seq = story.anchor.seq
        return await self._postings.get(seq, Part.MOVED) or await self._postings.get(seq, Part.PARENT)

    async def post(self, story: Story, record: Record, *, doubtful: bool) -> Posting | None:
        """The same; it is posted here, or again looked for if nobody remembers it."""
        if story.anchor is None or (known := await self.known(story)):
            return known if story.anchor else None
        message = telling.written(Part.PARENT, story, story.anchor)
        posting = await self._delivery.post(
            Tag.of(story.anchor, Part.PARENT),
            Place(channel=story.request.home),
            message,
            doubtful=doubtful or story.anchor.seq != record.seq,
            elsewhere=self._in_the_incident_channel,
        )
        self._remember(story.request.id, message)
        return posting

    async def show(self, record: Record) -> None:
        """The newest state of the record's request in its message, if that doesn't show it already."""
        async with self._changing:
            story = await self._stories.read(record.request)
            parent = await self.known(story)
            if parent is None or (record.event.kind in PROGRESS and self._busy()):
                return
            message = telling.written(parent.part, story, record)
            if message == self._shown.get(story.request.id):
                return
            self._changes.append(monotonic())
            try:
                await self._delivery.change(parent, Tag.of(story.anchor or record, parent.part), message)
            except Impossible as error:
                log.warning("request %s: the message %s was not changed: %s", story.request.id, parent.ts, error)
                await self.move(story)
            self._remember(story.request.id, message)

    async def move(self, story: Story) -> Place | None:
        """The request goes on in the incident channel, in a new message with its own thread; None if it can't."""
        if story.anchor is None:
            return None
        tag = Tag.of(story.anchor, Part.MOVED)
        message = telling.written(Part.MOVED, story, story.anchor)
        async with self._moving:
            posting = await self._delivery.post(tag, self._incident, message, doubtful=True)
        return Place(channel=posting.channel, thread=posting.ts) if posting else None

    async def _in_the_incident_channel(self) -> Place:
        return self._incident

    def _busy(self) -> bool:
        return len(self._changes) == BUSY and monotonic() - self._changes[0] < MINUTE

    def _remember(self, request: RequestId, message: Message) -> None:
        self._shown[request] = message
        self._shown.move_to_end(request)
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
