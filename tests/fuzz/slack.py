"""What Slack sends, of every kind: real payloads, changed, through unmodified bolt into the real listeners.

One request waits for its approval all the while, and whoever may approve it never sends anything here. So whatever
arrives, nothing is approved, no host is touched, nothing is a fault in Kickbot, and a good command is still answered.
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

from bot.sandbox import elements
from bot.sandbox.nouns import Message
from bot.sandbox.personas import Persona
from bot.slack.content.code_form import CODE, CODE_FORM
from bot.slack.content.deny_form import DENY_FORM
from bot.slack.content.home import OPEN, REFRESH
from bot.slack.content.kick_form import HOSTS, KEEP_OUT, KICK_FORM, LEVEL, SESSIONS, USER
from bot.slack.content.kick_menu import MENU
from bot.slack.content.tickets import AGAIN, APPROVE, CANCEL, DENY, FORCE, HOLD, UNFREEZE, UNHOLD
from bot.slack.incoming import pace
from bot.slack.incoming.filling import STOP
from bot.slack.incoming.kick_forms import SHORTCUT
from bot.slack.incoming.payloads import unreadable
from bot.slack.incoming.sharing import SHARE
from tests.fuzz.mutating import changed
from tests.fuzz.tape import Tape
from tests.make import INCIDENT
from tests.slack_bot import NAMES, Bot, sandbox_slack, start

Json = dict[str, Any]

LEADS = frozenset({"U0BOB", "U0CAROL"})
"""Who may approve."""
IDS = (
    *("U0ALICE", "U0DAVE", "U0GUS", "U0ZOE", "U0KICKBOT", "W0NOBODY", "S0LEADS", "T0OTHER"),
    *(
        "C0INCIDENT",
        "C0INC4711",
        "C0RANDOM",
        "C0NONE",
        "D0ALICE",
        "",
        "block_actions",
        "view_submission",
        "view_closed",
    ),
    *("block_suggestion", "shortcut", "message_action", "event_callback", "app_mention", "app_home_opened", "message"),
    *(APPROVE, DENY, CANCEL, FORCE, AGAIN, HOLD, UNFREEZE, UNHOLD, SHARE, STOP, MENU, OPEN, REFRESH, SHORTCUT),
    *(CODE_FORM, CODE, DENY_FORM, KICK_FORM, HOSTS, USER, LEVEL, KEEP_OUT, SESSIONS, f"{SESSIONS}:1", *NAMES.values()),
    *("audituser host1", "host1", "kick audituser host1", "freeze because x", "everyone * me", "home"),
    *('{"request":1,"plan":"x"}', f'{{"request":{10**30},"plan":"x"}}', '{"request":-1,"plan":"x"}'),
)
WORLD = 200
"""Inputs after which all begins anew, so that the trail stays short."""
PATIENCE = 60.0


class Faults(logging.Handler):
    """What is logged as an error, by whomever."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(logging.Formatter().format(record))


class World:
    """A bot at work, a request that waits, and what Slack has sent until then."""

    def __init__(self, bot: Bot) -> None:
        self.bot = bot
        self.events: list[str] = []
        self.seeds: list[Json] = []
        self.ids: Sequence[Any] = IDS
        self.faults = Faults()
        logging.getLogger().addHandler(self.faults)

    async def begin(self) -> None:
        """Everything that people can do here is done once, by those who may not approve."""
        bot, alice, dave = self.bot, self.bot.sandbox.as_("alice"), self.bot.sandbox.as_("dave")
        await alice.command(INCIDENT, NAMES["kick"], "audituser host1 because INC-42")
        parent = await alice.sees("waiting for approval")
        assert isinstance(parent, Message)
        for action in (APPROVE, DENY, CANCEL):
            await dave.click(parent, action)
        await alice.click(parent, DENY)
        await alice.submit(await alice.sees_modal(), {"reason": "no"})
        await self._form()
        listed = await self._listing()
        await alice.click(listed, MENU, value=_value_of(listed, MENU))
        await alice.sees_modal()
        await self._close(alice)
        await alice.say(INCIDENT, "<@U0KICKBOT> sessions host1")
        await alice.open_home()
        await alice.click(await alice.sees_home(), REFRESH)
        self.seeds = [json.loads(json.dumps(delivery.payload)) for delivery in bot.sandbox.socket.deliveries]
        ticket = _value_of(parent, APPROVE)
        self.ids = (*IDS, ticket, *(seed["trigger_id"] for seed in self.seeds if "trigger_id" in seed))
        self._listen()

    async def _form(self) -> None:
        alice = self.bot.sandbox.as_("alice")
        await alice.command(INCIDENT, NAMES["kick"])
        form = await alice.sees_modal()
        await alice.suggest(form, HOSTS, "host")
        await alice.click(form, HOSTS, value=["host1"])
        await alice.suggest(form, USER, "audituser")
        await alice.click(form, USER, value="audituser")
        await alice.sees_modal()
        await alice.submit(form, {HOSTS: ["host2"], USER: "audituser"})
        await self._close(alice)

    async def _listing(self) -> Message:
        alice = self.bot.sandbox.as_("alice")
        await alice.command(INCIDENT, NAMES["sessions"], "host1")
        listed = await self.bot.sandbox.workspace.until(self._with_menu)
        await alice.shortcut(SHORTCUT, listed)
        await alice.sees_modal()
        await self._close(alice)
        return listed

    def _with_menu(self) -> Message | None:
        shown = self.bot.sandbox.workspace.messages.values()
        return next((message for message in shown if MENU in json.dumps(message.blocks)), None)

    async def _close(self, persona: Persona) -> None:
        while persona.modal:
            await persona.close(persona.modal)

    def _listen(self) -> None:
        append = self.bot.trail.append

        async def append_and_note(request: Any, event: Any, **more: Any) -> Any:
            self.events.append(event.kind)
            return await append(request, event, **more)

        self.bot.trail.append = append_and_note  # type: ignore[method-assign]

    # ------------------------------------------------------------------------------------------ what arrives

    async def receive(self, payload: Json) -> None:
        """As Socket Mode hands it to bolt; and until all that it began has ended."""
        before = asyncio.all_tasks()
        async with asyncio.timeout(PATIENCE):
            await self._dispatch(payload)
            while begun := [task for task in asyncio.all_tasks() - before if _is_of_bolt(task)]:
                await asyncio.wait(begun)

    async def _dispatch(self, payload: Json) -> None:
        """What bolt itself can't read comes to nothing of Kickbot: its connection's client logs that, and goes on."""
        try:
            request = AsyncBoltRequest(mode="socket_mode", body=payload)
        except (AttributeError, IndexError, KeyError, TypeError):
            return
        try:
            await self.bot.slack.app.async_dispatch(request)
        except (AttributeError, IndexError, KeyError, TypeError):
            if not unreadable(payload):
                raise

    def demand_no_yes(self) -> None:
        """Nothing was approved, nothing was done, and nothing but the incident channel has evidence."""
        assert not self.faults.said, self.faults.said[0]
        assert not self.bot.hosts.acts
        assert not {"approved", "ending", "denied", "unfrozen"} & set(self.events), self.events
        shown = [m for m in self.bot.sandbox.workspace.messages.values() if "203.0.113.10" in json.dumps(m.blocks)]
        assert {m.channel for m in shown} <= {INCIDENT, "C0INC4711"}, {m.channel for m in shown}

    async def still_answers(self) -> None:
        workspace = self.bot.sandbox.workspace
        known = len(workspace.ephemerals)
        assert (await self.bot.sandbox.as_("alice").command(INCIDENT, NAMES["kickbot"], "help")).ok
        await workspace.until(lambda: len(workspace.ephemerals) > known)

    def end(self) -> None:
        logging.getLogger().removeHandler(self.faults)


@contextmanager
def opened() -> Iterator[Callable[[bytes], None]]:
    """The target, with one world after the other."""
    with asyncio.Runner() as runner, _as_fast_as_it_goes():
        worlds = _Worlds()
        try:
            yield lambda content: runner.run(worlds.one(content))
        finally:
            runner.run(worlds.close())


class _Worlds:
    def __init__(self) -> None:
        self._stack: AsyncExitStack | None = None
        self._world: World | None = None
        self._inputs = 0

    async def one(self, content: bytes) -> None:
        world = self._world or await self._open()
        self._inputs += 1
        payload = _not_by_a_lead(_payload(world, content))
        try:
            await world.receive(payload)
            world.demand_no_yes()
            if self._inputs % WORLD == 0:
                await world.still_answers()
        except BaseException:
            await self.close()
            raise
        if self._inputs % WORLD == 0:
            await self.close()

    async def _open(self) -> World:
        self._stack = AsyncExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        sandbox = await self._stack.enter_async_context(sandbox_slack())
        world = World(await self._stack.enter_async_context(start(sandbox, Path(folder))))
        self._stack.callback(world.end)
        await world.begin()
        self._world = world
        return world

    async def close(self) -> None:
        stack, self._stack, self._world = self._stack, None, None
        if stack:
            await stack.aclose()


@contextmanager
def _as_fast_as_it_goes() -> Iterator[None]:
    """Nobody is told that they ask too much."""
    most, pace.MOST = pace.MOST, 10**9
    try:
        yield
    finally:
        pace.MOST = most


def _payload(world: World, content: bytes) -> Any:
    """One as JSON as it stands, such as those of the corpus; else a real one, changed."""
    if content.startswith(b"{"):
        with suppress(ValueError, RecursionError):
            return json.loads(content)
    tape = Tape(content)
    return changed(tape.one(world.seeds), tape, world.ids)


def _not_by_a_lead(payload: Any) -> Json:
    """Bolt takes objects alone. Slack itself says who sent it, so nobody is ever someone else."""
    if not isinstance(payload, dict):
        return {}
    for holder, key in ((payload, "user_id"), (payload.get("user"), "id"), (payload.get("event"), "user")):
        if isinstance(holder, dict) and isinstance(holder.get(key), str) and holder[key] in LEADS:
            holder[key] = "U0DAVE"
    return payload


def _value_of(message: Message, action: str) -> Any:
    """What a button carries, or the first thing that a menu offers."""
    element = next(p.element for p in elements.places(message.blocks) if p.element.get("action_id") == action)
    return element["value"] if "value" in element else next(iter(elements.options(element)))["value"]


def _is_of_bolt(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "slack_bolt" in code.co_filename
