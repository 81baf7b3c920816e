"""What people type and click -> the workflow, and its answer back to them. Acknowledges first; decides nothing.

What the answer is for one person alone goes through Slack's response_url, which nobody else sees.
"""

import asyncio
import json
import logging
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot import commands
from bot.canonical import digest
from bot.cleaning import clean, shorten
from bot.errors import CommandError
from bot.inventory import Inventory
from bot.lifecycle import Request
from bot.models import Help, Kick, Listing, RequestId
from bot.policy import Channel, Policy, may_show
from bot.slack.answers import FAULT, answered, note, response_url, say
from bot.slack.blocks import Message
from bot.slack.deny_form import DENY_FORM, deny_form, reason_given
from bot.slack.lines import Line, Where, line, told
from bot.slack.listing import listing
from bot.slack.pace import Pace
from bot.slack.story import named, short
from bot.slack.tickets import AGAIN, APPROVE, CANCEL, DENY, FORCE, Ticket, channel_of, key_of
from bot.workflow import Origin, Workflow

log = logging.getLogger(__name__)

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]

UNKNOWN = "Kickbot doesn't know what to do with this. Nothing was done."
NO_FORM = "Slack did not open the form. Nothing was done by your click: try once more."

PATIENCE = 10.0
"""Seconds for answers that are under way when the bot stops."""
SLOW = 1.0
"""Seconds after which someone who waits for a listing is told that it takes longer."""
REMEMBERED = 1_000
LONGEST_WORDS = 2_000
ANY = re.compile(".*", re.DOTALL)


class Directory(Protocol):
    """Where channels are looked up."""

    async def channel(self, id: str) -> Channel: ...  # noqa: A002 - Slack's own word


class Listeners:
    """One method for each thing that people can do. `names`: what the commands are called here, `kick` -> `/kick`."""

    def __init__(
        self, workflow: Workflow, people: Directory, inventory: Inventory, policy: Policy, names: Mapping[str, str]
    ) -> None:
        self._workflow = workflow
        self._people = people
        self._inventory = inventory
        self._policy = policy
        self._names = names
        self._clicks: OrderedDict[str, None] = OrderedDict()
        self._pace = Pace()
        self._answering: set[asyncio.Task[Any]] = set()

    def register(self, app: AsyncApp) -> None:
        """Everything that Slack can send has a listener: whatever isn't known is acknowledged and answered."""
        for command, name in self._names.items():
            app.command(name)(self._command(command))
        decisions = {APPROVE: self._approve, CANCEL: self._cancel, FORCE: self._force, AGAIN: self._again}
        for action, decide in decisions.items():
            app.action(action)(self._click(decide))
        app.action(DENY)(self._ask_why)
        app.view(DENY_FORM)(self._deny)
        for unknown in (app.command, app.action, app.shortcut, app.view):
            unknown(ANY)(_unknown)
        for ignored in (app.view_closed, app.event, app.options):
            ignored(ANY)(_ignored)
        app.error(_fault)

    async def finish(self, seconds: float = PATIENCE) -> None:
        """At a stop: let those who still wait get their answer. Nothing new arrives any more."""
        if self._answering:
            await asyncio.wait(set(self._answering), timeout=seconds)

    async def _answer(self, url: str, work: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        await answered(url, work)

    # ------------------------------------------------------------------------------------------ commands

    def _command(self, command: str) -> Callable[..., Awaitable[None]]:
        async def listener(ack: Ack, body: Json) -> None:
            await ack()
            await self._answer(body["response_url"], lambda: self._carry_out(command, body))

        return listener

    async def _carry_out(self, command: str, body: Json) -> None:
        """One slash command, from its words to its answer."""
        text, url = body.get("text") or "", body["response_url"]
        try:
            understood = commands.parse(command, text, self._inventory)
        except CommandError as error:
            raise CommandError(self._renamed(error.for_user())) from error
        if isinstance(understood, Help):
            await say(url, self._help(understood))
            return
        self._pace.demand(body["user_id"])
        origin = await self._origin(body["user_id"], body["channel_id"], body.get("trigger_id") or json.dumps(body))
        if isinstance(understood, Listing):
            await self._list(url, origin, understood)
        else:
            words = shorten(clean(f"{body['command']} {text}"), LONGEST_WORDS)
            await self._kick(url, origin, words, understood)

    async def _list(self, url: str, origin: Origin, wanted: Listing) -> None:
        looking = asyncio.ensure_future(self._workflow.look(origin, wanted))
        finished, _ = await asyncio.wait({looking}, timeout=SLOW)
        if not finished:
            await say(url, note(line(f"Looking at {named(wanted.hosts)} …")))
        seen = await looking
        for_all = bool(seen.looks) and may_show(self._policy, origin.channel)
        await say(url, listing(seen), for_all=for_all)

    async def _kick(self, url: str, origin: Origin, words: str, wanted: Kick) -> None:
        await say(url, note(_asked(origin, await self._workflow.ask(origin, words, wanted))))

    def _help(self, wanted: Help) -> Message:
        topics = commands.USAGE.values() if wanted.topic == "kickbot" else [commands.USAGE[wanted.topic]]
        return note(*(told(self._renamed(usage)) for usage in topics))

    def _renamed(self, text: str) -> str:
        """Usage in the words of this workspace, where `/kick` may be called `/logout`."""
        return re.sub(r"/(sessions|kickbot|kick)\b", lambda m: self._names.get(m[1], m[0]), text)

    # ------------------------------------------------------------------------------------------ clicks

    def _click(self, decide: Callable[[Origin, Ticket], Awaitable[Line]]) -> Callable[..., Awaitable[None]]:
        async def listener(ack: Ack, body: Json) -> None:
            await ack()
            if self._is_new(key_of(body)):
                await self._answer(body["response_url"], lambda: self._decide(body, decide))

        return listener

    async def _decide(self, body: Json, decide: Callable[[Origin, Ticket], Awaitable[Line]]) -> None:
        ticket = Ticket.read(body["actions"][0].get("value"))
        self._pace.demand(body["user"]["id"])
        origin = await self._origin(body["user"]["id"], channel_of(body), key_of(body))
        await say(body["response_url"], note(await decide(origin, ticket)))

    async def _approve(self, origin: Origin, ticket: Ticket) -> Line:
        request = await self._workflow.approve(origin, RequestId(ticket.request), ticket.plan)
        more = "" if request.approved_at else " It needs another approval too."
        return line(f"You approved the plan {short(ticket.plan)}.{more}")

    async def _cancel(self, origin: Origin, ticket: Ticket) -> Line:
        request = await self._workflow.cancel(origin, RequestId(ticket.request), ticket.plan)
        return line(
            "You stopped this. Nothing was ended." if request.act_at else "You cancelled this. Nothing was done."
        )

    async def _force(self, origin: Origin, ticket: Ticket) -> Line:
        """The next level for what survived: a new request, which needs its own approval."""
        return _asked(origin, await self._workflow.again(origin, RequestId(ticket.request), ticket.plan, force=True))

    async def _again(self, origin: Origin, ticket: Ticket) -> Line:
        return _asked(origin, await self._workflow.again(origin, RequestId(ticket.request), ticket.plan, force=False))

    async def _ask_why(self, ack: Ack, body: Json, client: AsyncWebClient) -> None:
        """Deny…: the form has to be opened at once, so nothing is looked up before it."""
        await ack()
        if self._is_new(key_of(body)):
            await self._answer(body["response_url"], lambda: _open_form(client, body))

    async def _deny(self, ack: Ack, body: Json) -> None:
        await ack()
        known = json.loads(body["view"]["private_metadata"])
        await self._answer(known["url"], lambda: self._denied(body, known))

    async def _denied(self, body: Json, known: Json) -> None:
        ticket = Ticket.read(json.dumps(known["ticket"]))
        self._pace.demand(body["user"]["id"])
        origin = await self._origin(body["user"]["id"], known["channel"], body["view"]["id"])
        reason = clean(reason_given(body["view"]))
        request: Request = await self._workflow.deny(origin, RequestId(ticket.request), ticket.plan, reason)
        await say(known["url"], note(line(f"You denied the plan {short(request.plan_hash)}. Nothing was done.")))

    # ------------------------------------------------------------------------------------------ small pieces

    async def _origin(self, who: str, channel: str, key: str) -> Origin:
        return Origin(who=who, channel=await self._people.channel(channel), key=digest(key.encode()))

    def _is_new(self, key: str) -> bool:
        """False for a click that Slack sent a second time: the first one is answered, and that is enough."""
        if key in self._clicks:
            return False
        self._clicks[key] = None
        while len(self._clicks) > REMEMBERED:
            self._clicks.popitem(last=False)
        return True


def register(
    app: AsyncApp,
    *,
    workflow: Workflow,
    people: Directory,
    inventory: Inventory,
    policy: Policy,
    names: Mapping[str, str],
) -> Listeners:
    """Listen on this app. names: `{"sessions": "/sessions", "kick": "/kick", "kickbot": "/kickbot"}`."""
    listeners = Listeners(workflow, people, inventory, policy, names)
    listeners.register(app)
    return listeners


def _asked(origin: Origin, request: Request) -> Line:
    """What the asker reads at once: what is looked for, and where the request will stand."""
    stands = line("The request will stand in ", Where(id=request.home), ".")
    where = line("The request will stand here.") if request.home == origin.channel.id else stands
    whose = f" for sessions of {request.command.user}" if request.command else ""
    return line(f"Looking at {named(request.hosts)}{whose}. ", where)


async def _open_form(client: AsyncWebClient, body: Json) -> None:
    ticket = Ticket.read(body["actions"][0].get("value"))
    known = {"ticket": ticket.model_dump(), "channel": channel_of(body), "url": body["response_url"]}
    try:
        await client.views_open(trigger_id=body["trigger_id"], view=deny_form(short(ticket.plan), json.dumps(known)))
    except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
        log.warning("the form did not open: %s", error)
        raise CommandError(NO_FORM) from error


async def _unknown(ack: Ack, body: Json) -> None:
    await ack()
    if url := response_url(body):
        await say(url, note(line(UNKNOWN)))


async def _ignored(ack: Ack) -> None:
    await ack()


async def _fault(error: Exception, body: Json) -> None:
    log.error("a fault in Kickbot", exc_info=error)
    if url := response_url(body):
        await say(url, note(line(FAULT)))
