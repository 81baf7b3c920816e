"""A look at many hosts while it goes on: one message that fills up, at a pace that Slack allows, and its [Stop] button.

Where only the asker may see the answer there is no message that could be changed: then they are told that it takes
longer, with the same button.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Origin
from bot.errors import CommandError
from bot.listings import Seen
from bot.looking import Onlooker
from bot.models import Listing
from bot.slack.content import fleet
from bot.slack.content.blocks import Button, Message, buttons, compose, paragraph
from bot.slack.content.lines import Who, line
from bot.slack.content.tickets import key_of
from bot.slack.incoming.answers import SLOW, Reply, arrived, awaited, note, reply_to
from bot.slack.incoming.intake import Context
from bot.slack.outgoing.delivery import Place
from bot.slack.outgoing.tempo import Tempo

Json = dict[str, Any]

STOP = "kickbot_stop_look"
FEW = 5
"""Up to so many hosts an answer is waited for, as for one; the message for more stands there at once."""
AT_ONCE = 0.3
"""Seconds in which even many hosts may have answered: then their answer comes alone."""
PAUSES = (1.0, 2.0, 3.0)
"""Seconds between two changes, for one look; the last one repeats."""
KEPT = 30
"""Changes in a minute that are left for requests: Slack takes about 50."""

STOPPED = "Stopped: what had come stands, and the rest is named."
FAILED = "This look failed, and what it had shown was taken away."
OVER = "This look is over, or another Kickbot is at it: then it ends within two minutes. Nothing was stopped."


class Posted:
    """One message of Kickbot's own: posted when it is shown first, changed from then on."""

    def __init__(self, client: AsyncWebClient, place: Place, changes: Tempo) -> None:
        self._client = client
        self._place = place
        self._changes = changes
        self._shows: Message | None = None
        self.ts = ""

    @property
    def replies(self) -> Place:
        """Where what belongs to it goes."""
        return Place(channel=self._place.channel, thread=self._place.thread or self.ts)

    async def show(self, message: Message) -> bool:
        """False, logged, if that could not be done."""
        if message != self._shows and not await arrived(message, self._change if self.ts else self._post):
            return False
        self._shows = message
        return True

    async def _post(self, message: Message) -> None:
        answer = await self._client.chat_postMessage(
            channel=self._place.channel,
            thread_ts=self._place.thread or None,
            text=message.text,
            blocks=list(message.blocks) or None,
            unfurl_links=False,
            unfurl_media=False,
        )
        self.ts = str(answer["ts"])

    async def _change(self, message: Message) -> None:
        await asyncio.sleep(self._changes.next())
        await self._client.chat_update(
            channel=self._place.channel, ts=self.ts, text=message.text, blocks=list(message.blocks)
        )


@dataclass(frozen=True)
class Running:
    """A look that goes on, and who asked."""

    who: str
    onlooker: Onlooker


class Filling:
    """All looks at several hosts that go on. changes: of messages, those of everything that Kickbot changes."""

    def __init__(self, context: Context, changes: Tempo) -> None:
        self._context = context
        self._changes = changes
        self._running: dict[str, Running] = {}

    def register(self, app: AsyncApp) -> None:
        app.action(STOP)(self._clicked)
        self._context.intake.at_a_stop(self._stop_all)

    def message_at(self, place: Place) -> Posted:
        """Not yet posted."""
        return Posted(self._context.posts, place, self._changes)

    async def look(self, reply: Reply, origin: Origin, wanted: Listing, posted: Posted | None) -> tuple[Seen, bool]:
        """What was seen in the end, and whether that was before its time.

        posted: shows meanwhile what has come; None: `reply` says that it takes longer.
        """
        onlooker = Onlooker()
        with self._stoppable(origin, onlooker):
            looking = asyncio.ensure_future(self._context.workflow.look(origin, wanted, onlooker))
            began = asyncio.ensure_future(onlooker.began.wait())
            await asyncio.wait({looking, began}, return_when=asyncio.FIRST_COMPLETED)
            began.cancel()
            try:
                if posted and len(onlooker.hosts) > 1:
                    await self._fill(looking, origin, wanted, onlooker, posted)
                return await awaited(reply, looking, _waiting(origin, onlooker.hosts)), onlooker.had_enough
            except Exception:
                if posted and posted.ts:
                    await posted.show(note(line(FAILED)))
                raise

    async def _fill(
        self, looking: asyncio.Future[Seen], origin: Origin, wanted: Listing, onlooker: Onlooker, posted: Posted
    ) -> None:
        """Until it is over, or can't be shown. What has nothing new, or no room among the changes, is left out."""
        for pause in chain([AT_ONCE if len(onlooker.hosts) > FEW else SLOW], PAUSES, repeat(PAUSES[-1])):
            finished, _ = await asyncio.wait({looking}, timeout=pause * (len(self._running) if posted.ts else 1))
            if finished:
                return
            if not posted.ts or self._changes.left() > KEPT:
                seen = self._context.workflow.so_far(wanted, onlooker)
                if not await posted.show(fleet.listing(seen, fleet.progress(seen, origin.who, _button(origin)))):
                    return

    @contextmanager
    def _stoppable(self, origin: Origin, onlooker: Onlooker) -> Iterator[None]:
        self._running[origin.key] = Running(origin.who, onlooker)
        try:
            yield
        finally:
            del self._running[origin.key]

    def _stop_all(self) -> None:
        """What has come is still told before the bot is gone."""
        for running in self._running.values():
            running.onlooker.enough()

    async def _clicked(self, ack: Any, body: Json) -> None:
        await ack()
        if self._context.intake.is_new(key_of(body)):
            await self._context.intake.answer(reply_to(body), lambda: self._stop(body))

    async def _stop(self, body: Json) -> None:
        who = str(body["user"]["id"])
        self._context.intake.demand(who)
        running = self._running.get(str(body["actions"][0].get("value")))
        if running is None:
            raise CommandError(OVER)
        if running.who != who:
            await reply_to(body)(note(line("Only ", Who(id=running.who), ", who asked, can stop this look.")))
            return
        running.onlooker.enough()
        await reply_to(body)(note(line(STOPPED)))


def _waiting(origin: Origin, hosts: Sequence[str]) -> Message:
    """For the asker alone."""
    stop = [buttons(_button(origin))] if len(hosts) > 1 else []
    return compose(paragraph(line(f"Looking at {fleet.in_short(hosts)} …"), needed=True), *stop)


def _button(origin: Origin) -> Button:
    return Button(text="Stop", action=STOP, value=origin.key)
