"""Follows the audit trail and tells Slack what it says: each message once, whatever happens in between.

The one place that posts. It never decides anything. A `kill -9` between any two lines leaves nothing posted twice and
nothing missing: a message is posted (or found, where an earlier run may have posted it), then noted, and only when all
of an event is told, the cursor moves on. Beside this, the state of a request is shown in its message at once, however
much there still is to post.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic

from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Posting, Postings, Sleep, Trail
from bot.errors import LeaseLost, TrailError
from bot.events import Planned, Record, Reminded
from bot.lifecycle import State
from bot.slack.content import telling
from bot.slack.content.approvers import called, part_for
from bot.slack.content.blocks import Message
from bot.slack.content.files import File, files
from bot.slack.content.story import Story
from bot.slack.content.telling import IN_THREAD, Part
from bot.slack.outgoing.delivery import Delivery, Place, Tag
from bot.slack.outgoing.membership import Membership
from bot.slack.outgoing.parents import Parents
from bot.slack.outgoing.stories import Stories
from bot.slack.trouble import Impossible

log = logging.getLogger(__name__)

SILENT = frozenset({"looked", "asked", "decision_refused", "ending"})
DECIDED = frozenset({"approved", "denied", "cancelled", "expired", "lapsed", "closed"})
TRAIL_PAUSE = 5.0


class Publisher:
    """One worker in the order of the trail, and one that keeps the shown states fresh."""

    def __init__(
        self,
        *,
        client: AsyncWebClient,
        trail: Trail,
        postings: Postings,
        incident_channel: str,
        bot_user: str,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._trail = trail
        self._postings = postings
        self._incident = incident_channel
        self._sleep = sleep
        self._stories = Stories(trail)
        self._membership = Membership(client, clock)
        self._delivery = Delivery(client, postings, bot_user=bot_user, sleep=sleep, clock=clock)
        self._parents = Parents(self._delivery, postings, self._stories, incident_channel)

    async def run(self) -> None:
        """Until cancelled. A trail that can't be read is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._patiently(self._follow))
            tasks.create_task(self._patiently(self._keep_fresh))

    async def _patiently(self, follow: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await self._postings.turn()
                await follow()
            except LeaseLost as error:
                log.info("another Kickbot may post now: %s", error)
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

    async def _keep_fresh(self) -> None:
        """Shows each newest state in a message that stands already, ahead of everything that waits to be posted."""
        async for record in self._trail.follow(await self._postings.cursor()):
            if record.event.kind not in SILENT and await self._is_newest(record):
                await self._parents.show(record)

    async def _is_newest(self, record: Record) -> bool:
        return (await self._trail.read(record.request))[-1].seq == record.seq

    async def _publish(self, record: Record, *, doubtful: bool) -> None:
        """Tell everything about one event."""
        if record.event.kind in SILENT:
            return
        story = await self._stories.read(record.request)
        parts = telling.parts(story, record, self._incident)
        if not parts:
            return
        parent = await self._parents.post(story, record, doubtful=doubtful)
        parts += await self._absent(story, record, parent)
        link = (
            await self._delivery.link(parent) if parent and not {*IN_THREAD, Part.NOW, Part.PARENT} >= {*parts} else ""
        )
        for part in parts:
            if part == Part.NEWS and parent and parent.channel == self._incident:
                continue  # the request itself stands there, since its own channel could not take it
            if part == Part.NOW and parent:
                await self._parents.show(record)
            elif part not in {Part.NOW, Part.PARENT}:
                await self._tell(part, story, record, parent, link, doubtful=doubtful)
        if record.event.kind in DECIDED and story.request.state is not State.PENDING:
            await self._tell_who_was_asked(story, link)

    # ------------------------------------------------------------------------------------------ one message

    async def _tell(
        self, part: str, story: Story, record: Record, parent: Posting | None, link: str, *, doubtful: bool
    ) -> None:
        place = await self._place(part, story, parent)
        if place is None:
            return
        message, move = telling.written(part, story, record, link), self._elsewhere(part, story, parent)
        posting = await self._delivery.post(Tag.of(record, part), place, message, doubtful=doubtful, elsewhere=move)
        if posting and part in IN_THREAD:
            for file in _files(part, story, record, message):
                await self._delivery.upload(Tag.of(record, file.name), place, file, doubtful=doubtful, elsewhere=move)

    async def _place(self, part: str, story: Story, parent: Posting | None) -> Place | None:
        """Where a part goes; None for a person who can't be written to."""
        if part in IN_THREAD and parent:
            now = await self._parents.known(story) or parent
            return Place(channel=now.channel, thread=now.ts)
        person = telling.in_person(part, story)
        if not person:
            return Place(channel=self._incident)
        try:
            return await self._delivery.direct(person)
        except Impossible as error:
            log.warning("request %s: %s (%s) was not told in person: %s", story.request.id, person, part, error)
            return None

    def _elsewhere(self, part: str, story: Story, parent: Posting | None) -> Callable[[], Awaitable[Place | None]]:
        """Where a part goes if its place is gone: with the whole request into the incident channel."""

        async def move() -> Place | None:
            return await self._parents.move(story) if part in IN_THREAD and parent else None

        return move

    # ------------------------------------------------------------------------------------------ approvers in person

    async def _absent(self, story: Story, record: Record, parent: Posting | None) -> tuple[str, ...]:
        """A part for each of those who are called now and would not see it in the request's channel."""
        people = called(story, record)
        absent = await self._membership.absent(parent.channel, people) if parent and people else ()
        return tuple(part_for(person) for person in absent)

    async def _tell_who_was_asked(self, story: Story, link: str) -> None:
        """What they were asked in person shows what became of it, without buttons."""
        for record in story.records:
            for person in record.event.approvers if isinstance(record.event, Planned | Reminded) else ():
                part = part_for(person)
                if posting := await self._postings.get(record.seq, part):
                    await self._refresh(posting, Tag.of(record, part), telling.written(part, story, record, link))

    async def _refresh(self, posting: Posting, tag: Tag, message: Message) -> None:
        try:
            await self._delivery.change(posting, tag, message)
        except Impossible as error:
            log.warning("request %s: the message %s was not changed: %s", tag.request, posting.ts, error)


def _files(part: str, story: Story, record: Record, message: Message) -> list[File]:
    """What is too long for the message. A fault in writing it is logged: the trail has it all."""
    try:
        return list(files(story, record, part, message))
    except Exception:
        log.exception("request %s: the files of event %s can't be written", story.request.id, record.seq)
        return []
