"""Home tabs: shows each person their own, answers their clicks there, and shows it anew when a request changes.

It only shows. What is clicked there goes the same way as every other click.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Sleep
from bot.errors import CommandError, KickbotError, TrailError
from bot.estate import Estate
from bot.events import LISTINGS, WITHOUT_EFFECT
from bot.models import Moment
from bot.questions import Questions, Reading
from bot.slack.content.blocks import Message
from bot.slack.content.home import OPEN, REFRESH, View, bare, home, shown
from bot.slack.content.lines import line, told
from bot.slack.content.tickets import came_from_home
from bot.slack.incoming.answers import FAULT, Reply, note, reply_to
from bot.slack.incoming.intake import Intake
from bot.slack.incoming.pace import Pace
from bot.slack.outgoing.links import Links
from bot.slack.people import FAILURES
from bot.stopping import together

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

SLOW = 1.0
"""Seconds after which someone who has seen nothing yet is told that it takes longer."""
WATCHED, MOST_WATCHED = 3600.0, 50
"""For how many seconds after it was opened a Home tab is kept up to date, and how many are."""
NOTED = 60.0
"""Seconds for which the answer to a click stands above the rest."""
DEBOUNCE, REST = 1.0, 0.8
"""Seconds between a change and the Home tabs that show it; and the rest after that, for each of them.

Slack lets an app publish about a hundred Home tabs a minute, https://docs.slack.dev/reference/methods/views.publish.
"""
TRAIL_PAUSE = 5.0

SILENT = frozenset({*LISTINGS, *WITHOUT_EFFECT, "observed", "signalled", "reminded"})
"""The events that change nothing on a Home tab."""

READING = "Reading …"


class _Opened:
    """One person's Home tab: when it was last opened, of which moment it is, and the answer on top of it."""

    def __init__(self, who: str, now: float) -> None:
        self.who = who
        self.since = now
        self.of: Moment | None = None
        self.note: Message | None = None
        self.noted = 0.0
        self.publishing = asyncio.Lock()


class HomeTab:
    """client: one that never repeats a call by itself."""

    def __init__(
        self,
        questions: Questions,
        links: Links,
        client: AsyncWebClient,
        estate: Estate,
        *,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._questions = questions
        self._links = links
        self._client = client
        self._estate = estate
        self._sleep = sleep
        self._clock = clock
        self._pace = Pace(clock)
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        self._changed = asyncio.Event()

    # ------------------------------------------------------------------------------------------ listening

    def register(self, app: AsyncApp, intake: Intake) -> None:
        async def opened(ack: Ack, event: Json) -> None:
            await ack()
            if event.get("tab") == "home":
                first = not event.get("view")
                await intake.answer(self.reply(event["user"]), lambda: self._open(event["user"], first=first))

        async def refresh(ack: Ack, body: Json) -> None:
            await ack()
            who = body["user"]["id"]
            await intake.answer(self.reply(who), lambda: self._open(who, first=False))

        async def followed(ack: Ack) -> None:
            """Slack tells of a link's button too."""
            await ack()

        app.event("app_home_opened")(opened)
        app.action(REFRESH)(refresh)
        app.action(OPEN)(followed)

    def reply_to(self, body: Json) -> Reply:
        """How the person can be answered who clicked: on the Home tab, for what was clicked there."""
        return self.reply(body["user"]["id"]) if came_from_home(body) else reply_to(body)

    def reply(self, who: str) -> Reply:
        """An answer that stands above the rest of this person's Home tab for a while."""

        async def reply(message: Message, *, for_all: bool = False) -> None:  # noqa: ARG001 - a Home tab is one's own
            opened = self._watch(who)
            opened.note, opened.noted = message, self._clock()
            await self._show(opened)

        return reply

    async def _open(self, who: str, *, first: bool) -> None:
        """first: there is nothing to be seen yet."""
        try:
            self._pace.demand(who)
        except CommandError as error:
            log.info("the Home tab of %s is not read again: %s", who, error)
            return
        opened = self._watch(who)
        opened.note = None
        await self._show(opened, first=first)

    def _watch(self, who: str) -> _Opened:
        """Keep this person's Home tab up to date from now on."""
        opened = self._opened.pop(who, None) or _Opened(who, self._clock())
        opened.since = self._clock()
        self._opened[who] = opened
        while len(self._opened) > MOST_WATCHED:
            self._opened.popitem(last=False)
        return opened

    # ------------------------------------------------------------------------------------------ showing

    async def _show(self, opened: _Opened, reading: Reading | None = None, *, first: bool = False) -> None:
        """The newest state, or that of a reading, unless a newer one is shown. It never raises."""
        async with opened.publishing:
            if reading and opened.of and reading.at < opened.of:
                return
            try:
                building = asyncio.ensure_future(self._view(opened, reading))
                finished, _ = await asyncio.wait({building}, timeout=SLOW)
                if first and not finished:
                    await self._publish(opened.who, bare(note(line(READING))))
                view = await building
            except KickbotError as error:
                log.warning("the Home tab of %s can't be read: %s", opened.who, error)
                view = bare(note(told(error.for_user())))
            except Exception:
                log.exception("a fault in Kickbot: the Home tab of %s", opened.who)
                view = bare(note(line(FAULT)))
            await self._publish(opened.who, view)

    async def _view(self, opened: _Opened, reading: Reading | None) -> View:
        page = await self._questions.page(opened.who, reading)
        opened.of = page.at
        noted = opened.note if self._clock() - opened.noted < NOTED else None
        return home(page, self._estate.inventory, await self._links.of(shown(page)), noted)

    async def _publish(self, who: str, view: View) -> None:
        try:
            await self._client.views_publish(user_id=who, view=view)
        except FAILURES as error:
            log.warning("the Home tab of %s was not shown: %s", who, error)

    # ------------------------------------------------------------------------------------------ keeping it fresh

    async def run(self) -> None:
        """Until cancelled. A trail that can't be read is waited for."""
        while True:
            try:
                await together(self._listen(), self._rounds())
            except TrailError as error:
                log.warning("the audit trail can't be read, so no Home tab is kept up to date: %s", error)
            await self._sleep(TRAIL_PAUSE)

    async def _listen(self) -> None:
        async for record in self._questions.changes():
            if record.event.kind not in SILENT:
                self._changed.set()

    async def _rounds(self) -> None:
        while True:
            await self._changed.wait()
            await self._sleep(DEBOUNCE)
            self._changed.clear()
            watched = self._watched()
            if watched:
                await self._round(watched)
            await self._sleep(REST * len(watched))

    def _watched(self) -> list[_Opened]:
        """Those opened lately, the last one first."""
        oldest = self._clock() - WATCHED
        for who in [who for who, opened in self._opened.items() if opened.since < oldest]:
            del self._opened[who]
        return list(reversed(self._opened.values()))

    async def _round(self, watched: list[_Opened]) -> None:
        """One reading of the trail for all."""
        try:
            reading = await self._questions.read()
        except KickbotError as error:
            log.warning("no Home tab is shown anew: %s", error)
            return
        for opened in watched:
            await self._show(opened, reading)
