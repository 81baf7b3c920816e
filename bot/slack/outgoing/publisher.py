"""Follows the audit trail and tells Slack what it says: each message once, whatever happens in between.

The one place that posts. It never decides anything. A `kill -9` between any two lines leaves nothing posted twice and
nothing missing: a message is posted (or found, where an earlier run may have posted it), then noted, and only when all
of an event is told, the cursor moves on. Beside this, the state of a request is shown in its message at once, however
much there still is to post.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import monotonic

from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Posting, Postings, Reports, Sleep, Trail
from bot.errors import LeaseLost, TrailError
from bot.events import LISTINGS, Closed, Planned, Record
from bot.models import RequestId
from bot.slack.content import telling
from bot.slack.content.approvers import all_in_person, called, named_by, part_for
from bot.slack.content.blocks import Message
from bot.slack.content.files import File, files, report
from bot.slack.content.story import Story
from bot.slack.content.telling import IN_THREAD, Part
from bot.slack.outgoing.audience import Audience
from bot.slack.outgoing.delivery import FEW, Delivery, Place, Tag, nowhere_else
from bot.slack.outgoing.later import Later
from bot.slack.outgoing.parents import Parents
from bot.slack.outgoing.progress import PROGRESS, Progress
from bot.slack.outgoing.stories import Stories
from bot.slack.outgoing.tempo import Tempo
from bot.slack.trouble import Impossible, Trouble
from bot.stopping import together

log = logging.getLogger(__name__)

SILENT = frozenset({*LISTINGS, "asked", "decision_refused", "ending"})
IN_PASSING = frozenset({"observed", "signalled"})
"""What is only shown in the request's message, as its progress."""
IN_PLACE = frozenset({*IN_THREAD, Part.NOW, Part.PARENT})
"""What needs no link to the request: it is there."""
ENOUGH = 25
"""Changes in a minute that are kept for the requests themselves."""
TRAIL_PAUSE = 5.0
BRAKE = frozenset({"frozen", "unfrozen"})
"""What is shown on every open request."""
SHOW = "to show the state of request {}"


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
        changes: Tempo | None = None,
        reports: Reports | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """reports: what the thread of a request gets at its end; None: nothing more than its messages."""
        self._trail = trail
        self._reports = reports
        self._postings = postings
        self._incident = incident_channel
        self._sleep = sleep
        self._stories = Stories(trail)
        self._audience = Audience(client, clock)
        self._later = Later(sleep)
        self._told = 0  # up to this event everything was told, but for what waits in `_later`
        self._delivery = Delivery(client, postings, bot_user=bot_user, changes=changes, sleep=sleep, clock=clock)
        self._parents = Parents(self._delivery, postings, self._stories, self._audience, incident_channel)
        self._progress = Progress(self._show, sleep)

    async def run(self) -> None:
        """Until cancelled. A trail that can't be read is waited for."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._patiently())
            tasks.create_task(self._later.run(self._advance))

    async def _patiently(self) -> None:
        """Both end together: neither goes on with a turn that was lost and taken again meanwhile."""
        while True:
            try:
                await self._postings.turn()
                await together(self._follow(), self._keep_fresh(), self._progress.run())
            except LeaseLost as error:
                log.info("another Kickbot may post now: %s", error)
            except TrailError as error:
                log.warning("the audit trail can't be read, so nothing is posted: %s", error)
                await self._sleep(TRAIL_PAUSE)

    async def _follow(self) -> None:
        """What was recorded before this moment may have been posted by an earlier run; what comes now was not."""
        since, started = await self._postings.cursor(), await self._trail.now()
        self._told, first = since, True
        async for record in self._trail.follow(since):
            await self._guarded(record, doubtful=first or record.at <= started)
            self._told, first = record.seq, False
            await self._advance()

    async def _advance(self) -> None:
        """Remember how much was told. A start goes through the rest again: what waits stands in memory only."""
        waiting = self._later.earliest
        await self._postings.advance(self._told if waiting is None else min(self._told, waiting - 1))

    async def _keep_fresh(self) -> None:
        """Shows each newest state in a message that stands already, ahead of everything that waits to be posted."""
        async for record in self._trail.follow(await self._postings.cursor()):
            if record.event.kind in PROGRESS:
                self._progress.add(record)
            elif record.event.kind not in SILENT:
                await self._show(record)

    async def _guarded(self, record: Record, *, doubtful: bool) -> None:
        """A fault with one event is logged, and tried again later: it doesn't stop all that comes after it."""
        try:
            await self._publish(record, doubtful=doubtful)
        except TrailError:
            raise
        except Exception:
            log.exception("request %s: event %s could not be told", record.request, record.seq)
            self._later.add(f"to tell of event {record.seq}", record.seq, partial(self._publish, record, doubtful=True))

    async def _publish(self, record: Record, *, doubtful: bool) -> None:
        """Tell everything about one event."""
        if record.event.kind in SILENT | IN_PASSING:
            return
        story = await self._stories.read(record.request)
        parts = telling.parts(story, record, self._incident)
        if not parts:
            return
        parent = await self._parents.post(story, record, doubtful=doubtful)
        parts += await self._absent(story, record, parent)
        linked = parent is not None and not {*parts} <= IN_PLACE
        link = await self._delivery.link(parent) if parent and linked else ""
        for part in parts:
            if part == Part.NOW and parent:
                await self._show(record)
            elif not self._is_pointless(part, record, parent):
                await self._tell(part, story, record, link, doubtful=doubtful)
        if story.request.state.final:
            await self._tell_who_was_asked(story, link)

    def _is_pointless(self, part: str, record: Record, parent: Posting | None) -> bool:
        """What the request's message says itself, or news of where it stands if it stands nowhere, or right there."""
        if part in {Part.NOW, Part.PARENT}:
            return True
        if part == Part.NEWS:
            return parent is not None and parent.channel == self._incident
        return part == Part.ASKER and parent is None and isinstance(record.event, Planned)

    async def _show(self, record: Record) -> None:
        show = partial(self._parents.show, record.request, record.event.kind)
        await self._later.now_or(SHOW.format(record.request), record.seq, show)
        if record.event.kind in BRAKE:
            await self._show_on_every_request(record)

    async def _show_on_every_request(self, brake: Record) -> None:
        """The brake, on all that is open, the newest first; beyond what Slack takes in a minute it comes later."""
        for request in reversed(await self._trail.open_requests()):
            await self._later.now_or(SHOW.format(request), brake.seq, partial(self._refreshed, request))

    async def _refreshed(self, request: RequestId) -> None:
        self._demand_changes()
        await self._parents.show(request)

    # ------------------------------------------------------------------------------------------ one message

    async def _tell(self, part: str, story: Story, record: Record, link: str, *, doubtful: bool) -> None:
        if person := telling.in_person(part, story):
            tell = partial(self._tell_in_person, person, part, record)
            what = f"to tell {person} in person ({part} of event {record.seq}, request {record.request})"
            now, again = partial(tell, link, doubtful=doubtful), partial(tell, doubtful=True)
            await self._later.now_or(what, record.seq, now, again=again)
            return
        message = telling.written(part, story, record, link)
        if part in IN_THREAD:
            await self._tell_in_thread(part, story, record, message, doubtful=doubtful)
        else:
            await self._delivery.post(Tag.of(record, part), Place(channel=self._incident), message, doubtful=doubtful)

    async def _tell_in_thread(
        self, part: str, story: Story, record: Record, message: Message, *, doubtful: bool
    ) -> None:
        """Under the request. If that is out of reach, the whole request goes on in the incident channel."""
        stands = await self._parents.known(story)
        move = partial(self._parents.move, story, stands) if stands else nowhere_else
        place = Place(channel=stands.channel, thread=stands.ts) if stands else None
        if place and await self._audience.is_foreign(place.channel):
            place = await move()
        if place is None:
            log.error("request %s: there is no channel for the %s of event %s", story.request.id, part, record.seq)
            return
        tag = Tag.of(record, part)
        if await self._delivery.post(tag, place, message, doubtful=doubtful, elsewhere=move):
            for file in [*_files(part, story, record, message), *await self._report(part, record)]:
                await self._delivery.upload(Tag.of(record, file.name), place, file, doubtful=doubtful, elsewhere=move)

    async def _report(self, part: str, record: Record) -> list[File]:
        """At the end, if it is wanted. A fault in writing it is logged: `audit report` makes it too."""
        if self._reports is None or part != Part.AFTER or not isinstance(record.event, Closed):
            return []
        try:
            return [report(record, await self._reports.of(record.request, record.seq))]
        except TrailError:
            raise
        except Exception:
            log.exception("request %s: its report can't be written", record.request)
            return []

    async def _tell_in_person(self, person: str, part: str, record: Record, link: str = "", *, doubtful: bool) -> None:
        """As it stands by then. One person who can't be written to holds up nobody else.

        Where Slack was away, it is back once the direct message is open: only then it is asked for a link.
        """
        place = await self._delivery.direct(person)
        story = await self._stories.read(record.request)
        parent = None if link else await self._parents.known(story)
        link = await self._delivery.link(parent) if parent else link
        message = telling.written(part, story, record, link)
        await self._delivery.post(Tag.of(record, part), place, message, doubtful=doubtful, tries=FEW)

    # ------------------------------------------------------------------------------------------ approvers in person

    async def _absent(self, story: Story, record: Record, parent: Posting | None) -> tuple[str, ...]:
        """A part for each of those who are called now and would not see it in the request's channel."""
        people = called(story, record)
        if parent and not all_in_person(record):
            people = await self._audience.absent(parent.channel, people)
        return tuple(part_for(person) for person in people)

    async def _tell_who_was_asked(self, story: Story, link: str) -> None:
        """What they were asked in person shows what became of it, without buttons."""
        for record in story.records:
            for person in named_by(record):
                part = part_for(person)
                if posting := await self._postings.get(record.seq, part):
                    message = telling.written(part, story, record, link)
                    refresh = partial(self._refresh, posting, Tag.of(record, part), message)
                    what = f"to show {person} what became of request {story.request.id} ({record.seq})"
                    await self._later.now_or(what, story.records[-1].seq, refresh)

    async def _refresh(self, posting: Posting, tag: Tag, message: Message) -> None:
        self._demand_changes()
        await self._delivery.change(posting, tag, message)

    def _demand_changes(self) -> None:
        """Decisions come first: Slack takes only so many changes in a minute."""
        if self._delivery.changes_left < ENOUGH:
            raise Impossible(Trouble.WAIT, "many requests are changed at this moment")


def _files(part: str, story: Story, record: Record, message: Message) -> list[File]:
    """What is too long for the message. A fault in writing it is logged: the trail has it all."""
    try:
        return list(files(story, record, part, message))
    except Exception:
        log.exception("request %s: the files of event %s can't be written", story.request.id, record.seq)
        return []
