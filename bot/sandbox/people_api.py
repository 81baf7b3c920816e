"""The people's side over HTTP, under /sandbox/: what they see, what happens, what they do. For the page and tests.

Whoever reaches it can act as anyone, so the server lets only this machine and its own page in.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.sandbox.elements import NotThereError
from bot.sandbox.methods import views
from bot.sandbox.nouns import Happening, Json, Message, SlackError
from bot.sandbox.personas import Outcome, Parts, Persona
from bot.sandbox.sight import Screen
from bot.sandbox.terminals_api import terminals


class Act(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    user: str


class Command(Act):
    channel: str
    command: str
    text: str = ""


class OnScreen(Act):
    """In a message or ephemeral (channel, ts) or in a view (view_id)."""

    action_id: str
    channel: str = ""
    ts: str = ""
    view_id: str = ""
    block_id: str | None = None


class Suggest(OnScreen):
    text: str = ""


class Shortcut(Act):
    """Of a message (channel, ts), or a global one."""

    callback_id: str
    channel: str = ""
    ts: str = ""


class Click(OnScreen):
    value: Any = None
    values: Json = {}
    stale: bool = False


class Submit(Act):
    view_id: str
    values: Json = {}
    close: bool = False


class Say(Act):
    channel: str
    text: str
    thread_ts: str | None = None


Body = TypeVar("Body", bound=Act)
Doing = Callable[[Persona, Body], Coroutine[Any, Any, Outcome]]


class PeopleApi:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.workspace = parts.workspace

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/events", self.events),
            web.get("/sandbox/files/{file}", self.file),
            web.post("/sandbox/command", self.acting(Command, self.command)),
            web.post("/sandbox/click", self.acting(Click, self.click)),
            web.post("/sandbox/suggest", self.acting(Suggest, self.suggest)),
            web.post("/sandbox/shortcut", self.acting(Shortcut, self.shortcut)),
            web.post("/sandbox/submit", self.acting(Submit, self.submit)),
            web.post("/sandbox/message", self.acting(Say, self.say)),
            web.post("/sandbox/home", self.acting(Act, self.home)),
        ]

    # -- what people see -----------------------------------------------------------------------

    async def state(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(state(self.parts))

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the happenings after Last-Event-ID or ?since=, then each new one."""
        since = request.headers.get("Last-Event-ID") or request.query.get("since", "0")
        if not since.isdecimal():
            return web.json_response({"ok": False, "error": "since must be a number"}, status=400)
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async for happening in self.workspace.follow(int(since)):
            await response.write(_event(happening))
        return response

    async def file(self, request: web.Request) -> web.StreamResponse:
        """As an attachment of plain text: what a host printed must never run in a browser."""
        file = self.workspace.files.get(request.match_info["file"])
        if file is None or file.content is None:
            raise web.HTTPNotFound
        headers = {"Content-Disposition": "attachment", "Content-Type": "text/plain; charset=utf-8"}
        return web.Response(body=file.content, headers=headers)

    # -- what people do ------------------------------------------------------------------------

    def acting(self, shape: type[Body], do: Doing[Body]) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        """Reads the body, does it as that person, and answers with the outcome: 409 if it can't be done."""

        async def handle(request: web.Request) -> web.Response:
            try:
                body = shape.model_validate_json(await request.read())
                outcome = await do(Persona(self.parts, self.workspace.person(body.user).id), body)
            except ValidationError as error:
                return web.json_response({"ok": False, "error": str(error)}, status=400)
            except (NotThereError, SlackError) as error:
                return web.json_response({"ok": False, "error": str(error.args[0])}, status=409)
            answer = {"ok": outcome.ok, "error": outcome.error, "seconds": outcome.seconds}
            return web.json_response(answer | {"response": outcome.response})

        return handle

    async def command(self, persona: Persona, body: Command) -> Outcome:
        return await persona.command(body.channel, body.command, body.text)

    async def click(self, persona: Persona, body: Click) -> Outcome:
        screen = self.screen(body)
        return await persona.click(
            screen, body.action_id, value=body.value, block_id=body.block_id, values=body.values, stale=body.stale
        )

    async def suggest(self, persona: Persona, body: Suggest) -> Outcome:
        return await persona.suggest(self.screen(body), body.action_id, body.text, block_id=body.block_id)

    async def shortcut(self, persona: Persona, body: Shortcut) -> Outcome:
        return await persona.shortcut(body.callback_id, self.message(body))

    async def submit(self, persona: Persona, body: Submit) -> Outcome:
        view = self.workspace.views.get(body.view_id)
        if view is None:
            raise NotThereError("that form is not open")
        return await (persona.close(view) if body.close else persona.submit(view, body.values))

    async def say(self, persona: Persona, body: Say) -> Outcome:
        await persona.say(body.channel, body.text, body.thread_ts)
        return Outcome()

    async def home(self, persona: Persona, _body: Act) -> Outcome:
        await persona.open_home()
        return Outcome()

    def message(self, body: Shortcut) -> Message | None:
        if not body.channel and not body.ts:
            return None
        return self.workspace.message(body.channel, body.ts)

    def screen(self, body: OnScreen) -> Screen:
        place = (body.channel, body.ts)
        views_, ephemerals, messages = self.workspace.views, self.workspace.ephemerals, self.workspace.messages
        found = views_.get(body.view_id) or ephemerals.get(place) or messages.get(place)
        if found is None:
            raise NotThereError("there is no such message or view")
        return found


def state(parts: Parts) -> Json:
    """Everything that anyone can see, as one JSON object; `last` is the number of the newest happening in it."""
    workspace = parts.workspace
    messages = [m for m in workspace.messages.values() if not m.deleted]
    tops = {person: workspace.views[opened[-1]] for person, opened in workspace.stacks.items() if opened}
    homes = {person: workspace.views[view] for person, view in workspace.homes.items()}
    app = workspace.app
    return {
        "last": len(workspace.happenings),
        "app": {
            "name": app.name,
            "user": app.bot_user,
            "commands": app.commands,
            "shortcuts": [shortcut.model_dump(mode="json") for shortcut in app.shortcuts],
            "connections": len(parts.way.connections),
        },
        "people": [person.model_dump(mode="json") for person in workspace.people.values()],
        "groups": [group.model_dump(mode="json") for group in workspace.groups.values()],
        "channels": [channel.model_dump(mode="json") for channel in workspace.channels.values()],
        "messages": [{"channel": m.channel, **workspace.to_slack(m, full=True)} for m in messages],
        "ephemerals": [ephemeral.model_dump(mode="json") for ephemeral in workspace.ephemerals.values()],
        "modals": {person: views.to_slack(workspace, view) for person, view in tops.items()},
        "terminals": [terminal.to_page() for terminal in terminals(parts.hosts)],
        "homes": {person: views.to_slack(workspace, view) for person, view in homes.items()},
    }


def _event(happening: Happening) -> bytes:
    data = json.dumps(happening.model_dump(mode="json"), default=str)
    return f"id: {happening.number}\nevent: {happening.kind}\ndata: {data}\n\n".encode()
