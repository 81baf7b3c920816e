"""The form for a kick, from whatever opens it to the request -> the workflow, and its answers back into the form.

It is opened before anything is looked up, and filled afterwards: a trigger lives for three seconds. What was chosen
last is what the form shows in the end, however late an earlier look comes back.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.durations import typed
from bot.errors import CommandError, KickbotError, LookupFailed
from bot.listings import Seen
from bot.models import Kick, Listing, Snapshot, Unreachable
from bot.policy import not_a_member
from bot.slack.content.help_text import renamed
from bot.slack.content.kick_form import (
    HOSTS,
    KEEP_OUT,
    LEVEL,
    LONGEST_HOSTS,
    NO_HOLD,
    USER,
    Choice,
    Filled,
    Known,
    Shown,
    can_choose,
    choices,
    form,
    nobody_there,
    notice,
)
from bot.slack.content.kick_menu import MENU
from bot.slack.content.lines import Line, line, told
from bot.slack.content.listing import few, unreachable
from bot.slack.content.naming import sessions
from bot.slack.content.tickets import HOLD, NOT_OURS, channel_of, key_of
from bot.slack.incoming.answers import reply_to
from bot.slack.incoming.forms import open_form
from bot.slack.incoming.from_message import hosts_in, quote, user_in
from bot.slack.incoming.intake import Context
from bot.slack.incoming.kick_filled import Mistakes, as_it_stands, command, demands_reason, filled_in
from bot.slack.incoming.kick_sent import reply_in_form
from bot.slack.incoming.suggestions import Suggestions
from bot.slack.trouble import CALL_FAILED

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

SHORTCUT = "kickbot_kick"
REMEMBERED = 1_000

JUDGED = frozenset({LEVEL, KEEP_OUT})
"""What changes who could approve, and not what is there."""

NO_FORM = "Slack did not open the form, so nothing was done. Type it instead: "
TOO_MANY = "All of these sessions are meant. To choose among so many, type the command with `session ID,…`."


@dataclass
class Desk:
    """An open form. turn: Slack's time of the newest choice."""

    turn: str = ""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def begin(self, turn: str) -> bool:
        """False for a choice that arrives after a later one. Slack's times have all the same length."""
        if turn < self.turn:
            return False
        self.turn = turn
        return True


@dataclass(frozen=True)
class Screen:
    """One choice in one form, and who made it."""

    client: AsyncWebClient
    view: str
    who: str
    turn: str


class KickForms:
    """From the moment that it opens until it is sent, which is `kick_sent`'s affair."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._suggestions = Suggestions(context.workflow, context.people, context.estate)
        self._desks: OrderedDict[str, Desk] = OrderedDict()

    def register(self, app: AsyncApp) -> None:
        for name in (MENU, HOLD):
            app.action(name)(self._chosen_from_menu)
        app.message_shortcut(SHORTCUT)(self._chosen_on_message)
        for name in (HOSTS, USER, *JUDGED):
            app.action(name)(self._changed)
        app.options(HOSTS)(self._suggest_hosts)
        app.options(USER)(self._suggest_users)

    # ------------------------------------------------------------------------------------------ opening it

    async def typed(self, client: AsyncWebClient, body: Json, reason: str) -> None:
        """A command without who and where."""
        if self._context.intake.is_new(body["trigger_id"]):
            screen = await self._open(client, body, _known(body, body["channel_id"]), Filled(reason=reason))
            await self._admitted(screen)

    async def _chosen_on_message(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        await ack()
        if self._context.intake.is_new(body["trigger_id"]):
            await self._context.intake.answer(reply_to(body), lambda: self._open_on_message(client, body))

    async def _open_on_message(self, client: AsyncWebClient, body: Json) -> None:
        message = body["message"]
        filled = Filled(hosts=hosts_in(message, self._context.inventory), reason=quote(message))
        known = _known(body, body["channel"]["id"]).model_copy(update={"hosts": _short(filled)})
        screen = await self._open(client, body, known, filled)
        if await self._admitted(screen) and (user := await self._named(screen.who, filled, message)):
            await self._look_anew(screen, known, filled.model_copy(update={"user": user}))

    async def _named(self, who: str, filled: Filled, message: Json) -> str:
        """Who was last seen on these hosts and stands in the message, if this person may know it."""
        if not filled.hosts:
            return ""
        try:
            return user_in(message, await self._context.workflow.logged_in(who, filled.hosts))
        except KickbotError as error:
            log.info("nobody is suggested: %s", error)
            return ""

    async def _chosen_from_menu(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        await ack()
        if self._context.intake.is_new(key_of(body)):
            await self._context.intake.answer(reply_to(body), lambda: self._open_from_menu(client, body))

    async def _open_from_menu(self, client: AsyncWebClient, body: Json) -> None:
        kick = commands.parse("kick", _words_of(body), self._context.inventory)
        if not isinstance(kick, Kick):
            raise CommandError(NOT_OURS)
        wanted = f"{kick.hosts[0]}:{kick.session}" if kick.session else ""
        ticked = (wanted,) if wanted else None
        hold = typed(kick.hold) if kick.hold else NO_HOLD
        filled = Filled(hosts=kick.hosts, user=kick.user, ticked=ticked, hold=hold, reason=kick.reason)
        known = _known(body, channel_of(body)).model_copy(update={"hosts": _short(filled), "wanted": wanted})
        screen = await self._open(client, body, known, filled)
        if await self._admitted(screen):
            await self._fill(screen, known, filled)

    async def _open(self, client: AsyncWebClient, body: Json, known: Known, filled: Filled) -> Screen:
        """Before anything is looked up."""
        otherwise = NO_FORM + renamed(commands.USAGE["kick"], self._context.names)
        view = await open_form(client, body, form(known, filled, _looking(filled)), otherwise)
        return Screen(client, view, who=_person(body), turn="")

    async def _admitted(self, screen: Screen) -> bool:
        """False for those who can use nothing here: the form gives way to the reason."""
        try:
            person = await self._context.people.person(screen.who)
        except LookupFailed as error:
            log.info("not known who opened a form: %s", error)
            return True
        if not person.is_member:
            await self._show(screen, notice(not_a_member(person)))
        return person.is_member

    # ------------------------------------------------------------------------------------------ filling it

    async def _changed(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        await ack()
        if self._context.intake.is_new(key_of(body)):
            await self._context.intake.answer(
                reply_in_form(self._context.posts, body), lambda: self._follow(client, body)
            )

    async def _follow(self, client: AsyncWebClient, body: Json) -> None:
        """Other hosts, another user: look again. Another level, another hold: only ask again who could approve it."""
        view, action = body["view"], body["actions"][0]
        screen = Screen(client, view["id"], body["user"]["id"], action["action_ts"])
        if not self._desk(screen.view).begin(screen.turn):
            return
        filled, known = filled_in(view), Known.of(view)
        known = known.model_copy(update={"hosts": _short(filled)})
        if action["action_id"] in JUDGED and known.about and known.about == filled.about:
            await self._judge_again(screen, known, filled, as_it_stands(view, filled))
            return
        if action["action_id"] not in JUDGED:
            filled = filled.model_copy(update={"ticked": None})
            known = known.model_copy(update={"wanted": ""})
        await self._look_anew(screen, known.model_copy(update={"about": "", "nobody": False}), filled)

    async def _look_anew(self, screen: Screen, known: Known, filled: Filled) -> None:
        if await self._show(screen, form(known, filled, _looking(filled))) and filled.about:
            await self._fill(screen, known, filled)

    async def _fill(self, screen: Screen, known: Known, filled: Filled) -> None:
        """Shows the sessions, and who could approve."""
        try:
            kick = self._meant(filled)
        except Mistakes as mistakes:
            wrong = Shown(trouble=self._wrong(mistakes))
            await self._show(screen, form(known, filled, wrong))
            return
        (seen, hints), verdict = await asyncio.gather(
            self._look(screen, known, kick, filled), self._verdict(screen.who, kick)
        )
        listed = choices(kick.user, seen.looks) if seen else ()
        nobody = seen is not None and set(_free(seen, kick.user)) == set(kick.hosts)
        shown = verdict.model_copy(update={"listed": listed, "hints": hints, "turn": screen.turn})
        known = known.model_copy(update={"about": filled.about, "wanted": "", "nobody": nobody})
        await self._show(screen, form(known, filled, shown))

    async def _judge_again(self, screen: Screen, known: Known, filled: Filled, kept: list[Json]) -> None:
        self._context.intake.demand(screen.who)
        try:
            shown = await self._verdict(screen.who, self._meant(filled))
        except Mistakes as mistakes:
            shown = Shown(trouble=self._wrong(mistakes))
        await self._show(screen, form(known, filled, shown, kept))

    def _wrong(self, mistakes: Mistakes) -> tuple[Line, ...]:
        return tuple(told(renamed(text, self._context.names)) for text in mistakes.fields.values())

    def _meant(self, filled: Filled) -> Kick:
        """As far as it is chosen: whichever sessions, for whatever reason."""
        chosen = filled.model_copy(update={"ticked": None, "listed": (), "reason": ""})
        return command(chosen, self._context.inventory)[1]

    async def _look(
        self, screen: Screen, known: Known, kick: Kick, filled: Filled
    ) -> tuple[Seen | None, tuple[Line, ...]]:
        """The sessions of that user, and what else is to be said about them. None: they can't be seen."""
        try:
            origin = await self._context.intake.origin(screen.who, known.channel, f"{screen.view}:{screen.turn}")
            seen = await self._context.workflow.look(origin, Listing(hosts=kick.hosts, user=kick.user))
        except KickbotError as error:
            return None, (told(error.for_user()),)
        self._suggestions.forget(screen.who)
        return seen, tuple(_about(seen, kick.user, choices(kick.user, seen.looks), filled))

    async def _verdict(self, who: str, kick: Kick) -> Shown:
        """Who could approve it, or why it can't be asked. A missing reason can still be given."""
        demanded = bool(demands_reason(self._context.policy, kick))
        try:
            able = await self._context.workflow.could_approve(who, kick.model_copy(update={"reason": "to be given"}))
        except KickbotError as error:
            return Shown(trouble=(told(error.for_user()),), demanded=demanded)
        return Shown(approvers=able, demanded=demanded)

    async def _show(self, screen: Screen, view: Json) -> bool:
        """False if something else was chosen meanwhile, or the form is closed: then nothing is shown."""
        desk = self._desk(screen.view)
        async with desk.writing:
            if desk.turn != screen.turn:
                return False
            try:
                await screen.client.views_update(view_id=screen.view, view=view)
            except CALL_FAILED as error:
                log.info("the form was not updated: %s", error)
                return False
        return True

    def _desk(self, view: str) -> Desk:
        desk = self._desks.setdefault(view, Desk())
        while len(self._desks) > REMEMBERED:
            self._desks.popitem(last=False)
        return desk

    # ------------------------------------------------------------------------------------------ suggestions

    async def _suggest_hosts(self, ack: Ack, body: Json) -> None:
        await _suggest(ack, lambda: self._suggestions.hosts(body["user"]["id"], body.get("value") or ""))

    async def _suggest_users(self, ack: Ack, body: Json) -> None:
        """The hosts are those that the form carries: of its state Slack sends none along, or an old one."""
        await _suggest(ack, lambda: self._users(body))

    async def _users(self, body: Json) -> list[Json]:
        hosts = Known.of(body["view"]).hosts
        return await self._suggestions.users(body["user"]["id"], hosts, body.get("value") or "")


async def _suggest(ack: Ack, find: Callable[[], Awaitable[list[Json]]]) -> None:
    try:
        options = await find()
    except KickbotError as error:
        log.info("no suggestions: %s", error)
        options = []
    except Exception:
        log.exception("no suggestions")
        options = []
    await ack(options=options)


def _known(body: Json, channel: str) -> Known:
    return Known(channel=channel, url=body.get("response_url") or "", opened=int(time.time()))


def _person(body: Json) -> str:
    """Who clicked, or typed the command."""
    return str(body["user_id"] if "user_id" in body else body["user"]["id"])


def _free(seen: Seen, user: str) -> list[str]:
    """The hosts that were seen, and where that user has no session."""
    return [look.host for look in seen.looks if isinstance(look, Snapshot) and not choices(user, (look,))]


def _words_of(body: Json) -> str:
    action = body["actions"][0]
    return str((action.get("selected_option") or action).get("value", ""))


def _short(filled: Filled) -> str:
    """The hosts, if they are no more than one may type anyway."""
    return filled.where if len(filled.where) <= LONGEST_HOSTS else ""


def _looking(filled: Filled) -> Shown:
    """What stands there until the look comes back."""
    return Shown(hints=(line(f"Looking at {filled.where} …"),)) if filled.about else Shown()


def _about(seen: Seen, user: str, listed: tuple[Choice, ...], filled: Filled) -> list[Line]:
    """What the list of sessions does not say: whom it leaves out, and why."""
    free = _free(seen, user)
    gone = [wanted for wanted in filled.ticked or () if wanted not in {choice.value for choice in listed}]
    said = [
        *([line(nobody_there(user, free))] if free else []),
        *([line(f"Not there any more: {sessions([wanted.split(':')[-1] for wanted in gone])}.")] if gone else []),
        *([told(TOO_MANY)] if listed and not can_choose(listed) else []),
        *(unreachable(look) for look in seen.looks if isinstance(look, Unreachable)),
        *(line("No sessions are shown: ", told(refusal)) for refusal in seen.refused),
    ]
    return few(said)
