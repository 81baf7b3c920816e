"""Follows the audit trail and tells Slack what it says: each message once, whatever happens in between.

The one place that posts. It never decides anything. A `kill -9` between any two lines leaves nothing posted twice and
nothing missing: a message is posted (or found, where an earlier run may have posted it), then noted, and only when all
of an event is told, the cursor moves on.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from time import monotonic

from pydantic import TypeAdapter, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Posting, Postings, Sleep, Trail
from bot.errors import TrailError
from bot.events import Attachment, Observed, Record
from bot.models import Look, Looks, RequestId, Snapshot, Unreachable
from bot.slack import telling
from bot.slack.blocks import Message
from bot.slack.delivery import Delivery, Place, Tag
from bot.slack.files import File, files
from bot.slack.story import Story, tell
from bot.slack.telling import IN_THREAD, Part
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

LOOK: TypeAdapter[Snapshot | Unreachable] = TypeAdapter(Look)
SILENT = frozenset({"looked", "asked", "decision_refused", "ending"})
PROGRESS = frozenset({"observed", "signalled", "verifying"})
MINUTE = 60.0
BUSY = 30
"""Changes of messages in a minute from which on mere progress is left out: Slack takes about 50. An end never is."""
REMEMBERED = 64
TRAIL_PAUSE = 5.0


class Publisher:
    """One worker, in the order of the trail."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        trail: Trail,
        postings: Postings,
        incident_channel: str,
        bot_user: str,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._trail = trail
        self._postings = postings
        self._incident = incident_channel
        self._sleep = sleep
        self._delivery = Delivery(client, postings, incident_channel=incident_channel, bot_user=bot_user, sleep=sleep)
        self._looks: OrderedDict[str, Snapshot | Unreachable] = OrderedDict()
        self._shown: OrderedDict[RequestId, Message] = OrderedDict()
        self._changes: deque[float] = deque(maxlen=BUSY)

    async def run(self) -> None:
        """Until cancelled. A trail that can't be read is waited for."""
        while True:
            try:
                await self._follow()
            except TrailError as error:
                log.warning("the audit trail can't be read, so nothing is posted: %s", error)
                await self._sleep(TRAIL_PAUSE)

    async def _follow(self) -> None:
        """What was recorded before this moment may have been posted by an earlier run; what comes now was not."""
        since, started = await self._postings.cursor(), await self._trail.now()
        first = True
        async for record in self._trail.follow(since):
            await self._publish(record, doubtful=first or record.at <= started)
            await self._postings.advance(record.seq)
            first = False

    async def _publish(self, record: Record, *, doubtful: bool) -> None:
        """Tell everything about one event."""
        if record.event.kind in SILENT:
            return
        story = await self._story(record.request)
        parts = telling.parts(story, record, self._incident)
        if not parts:
            return
        parent = await self._parent(story, record, doubtful=doubtful)
        link = await self._delivery.link(parent) if parent and {Part.NEWS, Part.ASKER} & set(parts) else ""
        for part in parts:
            if part == Part.NEWS and parent and parent.channel == self._incident:
                continue  # the request itself stands there, since its own channel could not take it
            if part == Part.NOW and parent:
                await self._show(story, record, parent)
            elif part not in {Part.NOW, Part.PARENT}:
                await self._tell(part, story, record, parent, link, doubtful=doubtful)

    # ------------------------------------------------------------------------------------------ the parent

    async def _parent(self, story: Story, record: Record, *, doubtful: bool) -> Posting | None:
        """The request's own message. It is posted here, or again looked for if nobody remembers it."""
        anchor = story.anchor
        if anchor is None:
            return None
        tag = Tag.of(anchor, Part.PARENT)
        if known := await self._postings.get(tag.event, tag.part):
            return known
        place, message = Place(channel=story.request.home), _written(Part.PARENT, story, anchor)
        posting = await self._delivery.post(tag, place, message, doubtful=doubtful or anchor.seq != record.seq)
        self._remember(story.request.id, message)
        return posting

    async def _show(self, story: Story, record: Record, parent: Posting) -> None:
        """The parent in its newest state, if it doesn't show it already."""
        message = _written(Part.NOW, story, record)
        if message == self._shown.get(story.request.id) or (record.event.kind in PROGRESS and self._busy()):
            return
        await self._delivery.change(parent, Tag.of(story.anchor or record, Part.PARENT), message)
        self._changes.append(monotonic())
        self._remember(story.request.id, message)

    def _busy(self) -> bool:
        return len(self._changes) == BUSY and monotonic() - self._changes[0] < MINUTE

    def _remember(self, request: RequestId, message: Message) -> None:
        self._shown[request] = message
        self._shown.move_to_end(request)
        while len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)

    # ------------------------------------------------------------------------------------------ all the others

    async def _tell(
        self, part: str, story: Story, record: Record, parent: Posting | None, link: str, *, doubtful: bool
    ) -> None:
        place = await self._place(part, story, parent)
        if place is None:
            return
        message = _written(part, story, record, link)
        posting = await self._delivery.post(Tag.of(record, part), place, message, doubtful=doubtful)
        if posting and part in IN_THREAD:
            for file in _files(part, story, record, message):
                await self._delivery.upload(Tag.of(record, file.name), place, file, doubtful=doubtful)

    async def _place(self, part: str, story: Story, parent: Posting | None) -> Place | None:
        """Where a part goes; None for a person who can't be written to."""
        if part in IN_THREAD and parent:
            return Place(channel=parent.channel, thread=parent.ts)
        person = telling.in_person(part, story)
        if not person:
            return Place(channel=self._incident)
        try:
            return await self._delivery.direct(person)
        except Impossible as error:
            log.warning("request %s: %s (%s) was not told in person: %s", story.request.id, person, part, error)
            return None

    # ------------------------------------------------------------------------------------------ what is read

    async def _story(self, request: RequestId) -> Story:
        """The request with what was seen on its hosts, as the trail has it now."""
        records = await self._trail.read(request)
        seen = {r.seq: await self._seen(r.event.looks) for r in records if isinstance(r.event, Observed)}
        first = next((r.seq for r in records if isinstance(r.event, Observed) and r.event.phase == "before"), 0)
        return tell(records, before=seen.get(first, ()), seen=seen)

    async def _seen(self, attachments: Sequence[Attachment]) -> Looks:
        return tuple([await self._look(attachment) for attachment in attachments])

    async def _look(self, attachment: Attachment) -> Snapshot | Unreachable:
        """A look from the trail. One that can't be read is told as such, and doesn't hold up the rest."""
        known = self._looks.get(attachment.sha256)
        if known is not None:
            return known
        try:
            look = LOOK.validate_json(await self._trail.body(attachment.sha256))
        except (TrailError, ValidationError) as error:
            log.error("the look at %s can't be read from the trail: %s", attachment.host, error)  # noqa: TRY400
            return Unreachable(host=attachment.host, reason="was looked at, but the trail can't show what was seen")
        self._looks[attachment.sha256] = look
        while len(self._looks) > REMEMBERED:
            self._looks.popitem(last=False)
        return look


def _files(part: str, story: Story, record: Record, message: Message) -> list[File]:
    """What is too long for the message. A fault in writing it is logged: the trail has it all."""
    try:
        return list(files(story, record, part, message))
    except Exception:
        log.exception("request %s: the files of event %s can't be written", story.request.id, record.seq)
        return []


def _written(part: str, story: Story, record: Record, link: str = "") -> Message:
    """A part's words. A fault in writing them is logged, and told in their place."""
    try:
        return telling.words(part, story, record, link)
    except Exception:
        log.exception("request %s: the %s of event %s can't be written", story.request.id, part, record.seq)
        return telling.broken(story, record)
