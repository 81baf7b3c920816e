"""Listings, and who sees them: all in the channel where evidence may stand, else the asker alone, who reads why.

Where the configuration names the channel and only the bot is missing in it, a button shows the listing to all later. It
carries the words of the command and nothing that was seen: the click looks again, with the rights of that moment.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot import commands
from bot.borders import Origin
from bot.errors import CommandError
from bot.listings import Seen
from bot.models import Limits, Listing
from bot.policy import Channel, Policy, could_show, may_show, places
from bot.slack.content import fleet
from bot.slack.content.blocks import Button, Part, aside, buttons
from bot.slack.content.kick_menu import menu
from bot.slack.content.limits import limits
from bot.slack.content.lines import Line, Where, code, joined, line
from bot.slack.content.naming import NAMED
from bot.slack.content.story import named
from bot.slack.content.tickets import NOT_OURS, channel_of, key_of
from bot.slack.incoming.answers import Reply, awaited, note, reply_to
from bot.slack.incoming.filling import Filling, Posted
from bot.slack.incoming.intake import Context
from bot.slack.outgoing.delivery import Place
from bot.slack.outgoing.tempo import Tempo
from bot.slack.trouble import CALL_FAILED

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

SHARE = "kickbot_share"
IN_THREAD = "All of it stands in the file in the thread."
IN_PERSON = "All of it stands in a file, in your direct messages with Kickbot."
NO_FILE = "Slack did not take the file with all of it. Name fewer hosts, or a user."


class Listings:
    """Answers `/sessions` and `/limits`, whichever way it was asked."""

    def __init__(self, context: Context, changes: Tempo) -> None:
        self._context = context
        self._filling = Filling(context, changes)

    def register(self, app: AsyncApp) -> None:
        app.action(SHARE)(self._clicked)
        self._filling.register(app)

    async def answer(self, reply: Reply, origin: Origin, wanted: Listing, words: str, thread: str = "") -> None:
        """words: the same question as `/kickbot` would take it. thread: in which it was asked."""
        if not self._context.intake.is_new(origin.key):
            return
        place = Place(channel=origin.channel.id, thread=thread)
        posted = self._filling.message_at(place) if may_show(self._context.policy, origin.channel) else None
        seen, stopped = await self._filling.look(reply, origin, wanted, posted)
        await self._tell(reply, origin, words, seen, posted, stopped=stopped)

    async def _tell(
        self, reply: Reply, origin: Origin, words: str, seen: Seen, posted: Posted | None, *, stopped: bool
    ) -> None:
        """The answer, in the message that has filled up where there is one; what doesn't fit into it, in a file."""
        for_all, why = self._whom(origin, words, anything=bool(seen.looks))
        shown = partial(fleet.listing, seen, menu=menu(seen.shown, seen.listing, self._context.policy))
        message, small = shown(last=why), list[Line]()
        if message.cut:
            small.append(line(IN_THREAD if for_all else IN_PERSON))
        own = posted if posted and for_all and (posted.ts or message.cut) else None
        if own:
            small.append(fleet.asked_by(origin.who, stopped=stopped))
        if small:
            message = shown(last=[aside(*small), *why])
        if not (own and await own.show(message)):
            await reply(message, for_all=for_all)
        if message.cut:
            await self._attach(reply, origin, seen, own)

    async def _attach(self, reply: Reply, origin: Origin, seen: Seen, own: Posted | None) -> None:
        """All of it as a file: in the thread of the listing, or for the asker alone."""
        try:
            place = own.replies if own else await self._in_person(origin.who)
            await self._context.posts.files_upload_v2(
                channel=place.channel,
                thread_ts=place.thread or None,
                filename="kickbot-sessions.txt",
                title=f"Sessions on {fleet.in_short(seen.listing.hosts)}",
                content=fleet.whole(seen).encode(),
            )
        except CALL_FAILED as error:
            log.warning("the file of a listing did not arrive: %s", error)
            await reply(note(line(NO_FILE)))

    async def _in_person(self, who: str) -> Place:
        return Place(channel=(await self._context.posts.conversations_open(users=[who]))["channel"]["id"])

    async def limits(self, reply: Reply, origin: Origin, wanted: Limits, words: str) -> None:
        """The same for `/limits`."""
        looking = self._context.workflow.limits(origin, wanted)
        seen = await awaited(reply, looking, note(line(f"Looking at {named(wanted.hosts)} …")))
        for_all, why = self._whom(origin, words, anything=bool(seen.looks))
        await reply(limits(seen.looks, seen.refused, why), for_all=for_all)

    def _whom(self, origin: Origin, words: str, *, anything: bool) -> tuple[bool, Sequence[Part]]:
        """Do all in the channel see it? Else the asker reads why not. anything: there is something to see."""
        for_all = anything and may_show(self._context.policy, origin.channel)
        return for_all, alone(self._context.policy, origin.channel, words) if anything and not for_all else ()

    async def _clicked(self, ack: Ack, body: Json) -> None:
        await ack()
        if self._context.intake.is_new(key_of(body)):
            await self._context.intake.answer(reply_to(body), lambda: self._share(body))

    async def _share(self, body: Json) -> None:
        words = str(body["actions"][0].get("value"))
        wanted = commands.parse("kickbot", words, self._context.inventory)
        if not isinstance(wanted, Listing | Limits):
            raise CommandError(NOT_OURS)
        origin = await self._context.intake.origin(body["user"]["id"], channel_of(body), key_of(body))
        if not may_show(self._context.policy, origin.channel):
            why = _why_not(self._context.policy, origin.channel, " click again.")
            await reply_to(body)(note(line("Nothing was shown: ", why)))
        elif isinstance(wanted, Limits):
            await self.limits(reply_to(body), origin, wanted, words)
        else:
            await self.answer(reply_to(body), origin, wanted, words)


def alone(policy: Policy, channel: Channel, words: str) -> Sequence[Part]:
    """Why a listing is for one person alone; with the button, where it is only the bot that is missing."""
    why = aside(line("Only you see this: ", _why_not(policy, channel, ":")))
    share = buttons(Button(text="Share here", action=SHARE, value=words))
    return (why, share) if could_show(policy, channel) else (why,)


def _why_not(policy: Policy, channel: Channel, then: str) -> Line:
    """then: what follows once the bot is there."""
    if channel.shared:
        return line("people of another company can read this channel.")
    if not could_show(policy, channel):
        return line("evidence is shown in ", _places(policy), " only.")
    return line("Kickbot is not in this channel. ", code("/invite"), f" it, then{then}")


def _places(policy: Policy) -> Line:
    """`#incidents and #inc-*`"""
    first, more = (known := places(policy))[:NAMED], len(known) - NAMED
    shown = [line(code(place) if place.startswith("#") else Where(id=place)) for place in first]
    *others, last = [*shown, line(f"{more} more")] if more > 0 else shown
    return line(joined(others, ", "), " and ", last) if others else last
