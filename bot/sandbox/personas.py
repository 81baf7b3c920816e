"""The people in front of their screens: each types commands, presses what is really there, fills in forms, reads.

What Slack's own client would not let a person do raises NotThereError; all else comes back as an Outcome.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import elements, forms, limits, payloads
from bot.sandbox.elements import NotThereError
from bot.sandbox.http_delivery import HttpDelivery
from bot.sandbox.methods import views
from bot.sandbox.nouns import Channel, Ephemeral, Json, Message, Person, SlackError, Version, View
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.socket_mode import Delivery, SocketMode
from bot.sandbox.workspace import Workspace

Screen = Message | Ephemeral | View


@dataclass(frozen=True)
class Outcome:
    """What became of an act. `error`: what the person's Slack shows (operation_timeout); None if all went well."""

    error: str | None = None
    delivery: Delivery | None = None

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def response(self) -> Json | None:
        """What the app sent along with its acknowledgement."""
        return self.delivery.response if self.delivery else None

    @property
    def seconds(self) -> float | None:
        return self.delivery.seconds if self.delivery else None


@dataclass
class Parts:
    """What a person's Slack client talks to; `origin` is http://host:port of the sandbox."""

    workspace: Workspace
    socket: SocketMode
    http: HttpDelivery
    response_urls: ResponseUrls
    origin: str = ""
    events: set[asyncio.Task[Delivery]] = field(default_factory=set)

    @property
    def way(self) -> SocketMode | HttpDelivery:
        """How the app is reached, as its settings in this workspace say."""
        return self.http if self.workspace.app.request_url else self.socket

    def send_event(self, name: str, happened: Json) -> None:
        """In the background, if the app has subscribed to it; Slack's person waits for no app either."""
        if name in self.workspace.app.events:
            payload = payloads.event(self.workspace, happened)
            task = asyncio.create_task(self.way.deliver("events_api", payload))
            self.events.add(task)
            task.add_done_callback(self.events.discard)


class Persona:
    def __init__(self, parts: Parts, user: str) -> None:
        self.parts = parts
        self.workspace = parts.workspace
        self.id = user

    @property
    def person(self) -> Person:
        return self.workspace.person(self.id)

    # -- acting --------------------------------------------------------------------------------

    async def command(self, channel: str, command: str, text: str = "") -> Outcome:
        """Types a slash command; comes back with the acknowledgement, or with what Slack shows instead."""
        where = self.channel(channel)
        if command not in self.workspace.app.commands:
            return Outcome("invalid_command")
        payload = payloads.slash_command(self.workspace, self.person, where, command, text)
        payload["response_url"] = self.parts.response_urls.new(self.parts.origin, self.id, where.id)
        payload["trigger_id"] = self.workspace.new_trigger(self.id)
        self.workspace.happen("command", user=self.id, channel=where.id, command=command, text=text)
        delivery = await self.parts.way.deliver("slash_commands", payload, accepts_response=True)
        return Outcome(self._answered(delivery, where), delivery)

    async def click(
        self,
        screen: Screen,
        action_id: str,
        *,
        value: Any = None,
        block_id: str | None = None,
        values: Mapping[str, Any] | None = None,
        stale: bool = False,
    ) -> Outcome:
        """Presses a button, or chooses `value` from a menu, in the current version of a message or view.

        `stale`: an older version of it is still on this screen. `value` or `block_id` tells apart several buttons
        with one action_id; `values` is what has been filled in so far, in a view.
        """
        self._active()
        seen, version = self._seen(screen, action_id, stale=stale)
        place = elements.find(seen, action_id, block_id, value)
        payload = payloads.block_actions(self.workspace, self.person, forms.action(place, value))
        payload |= self._where(screen, version, values or {})
        self.workspace.happen("click", user=self.id, action_id=action_id, container=payload["container"])
        delivery = await self.parts.way.deliver("interactive", payload)
        return Outcome(delivery.error, delivery)

    async def submit(self, view: View, values: Mapping[str, Any]) -> Outcome:
        """Sends a form; `values` by action_id or block_id. The app may answer with errors, another view, or nothing."""
        self._active()
        current = self._open(view)
        state = forms.state(current, values)
        payload = payloads.view_submission(self.workspace, self.person, current, state)
        payload["trigger_id"] = self.workspace.new_trigger(self.id, current.id)
        delivery = await self.parts.way.deliver("interactive", payload, accepts_response=True)
        return Outcome(delivery.error or self._after_submission(current, delivery.response or {}), delivery)

    async def close(self, view: View) -> Outcome:
        """Cancels a form; the app hears of it only if it asked to (notify_on_close)."""
        current = self._open(view)
        views.close(self.workspace, current)
        if not current.content.get("notify_on_close"):
            return Outcome()
        payload = payloads.view_closed(self.workspace, self.person, current, cleared=False)
        delivery = await self.parts.way.deliver("interactive", payload)
        return Outcome(delivery.error, delivery)

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Writes a message; the app hears of it by the events that it subscribed to."""
        where = self.channel(channel)
        message = self.workspace.post(where.id, self.id, Version(at="", text=text), thread_ts=thread_ts)
        happened = self.workspace.to_slack(message) | {"channel": where.id, "event_ts": message.ts}
        kinds = {"channels": "channel", "groups": "group", "im": "im"}
        if self.workspace.app.bot_user in where.members:
            kind = kinds[where.kind]
            event = "message.channels" if kind == "channel" else "message.groups" if kind == "group" else "message.im"
            self.parts.send_event(event, happened | {"channel_type": kind})
        if f"<@{self.workspace.app.bot_user}>" in text and not where.person:
            self.parts.send_event("app_mention", happened | {"type": "app_mention"})
        return message

    async def open_home(self) -> None:
        """Opens the app's Home tab; what the app then publishes is `home`."""
        direct = self.workspace.open_direct(self.id)
        happened: Json = {"type": "app_home_opened", "user": self.id, "channel": direct.id, "tab": "home"}
        happened["event_ts"] = self.workspace.tick()
        if self.home:
            happened["view"] = views.to_slack(self.workspace, self.home)
        self.parts.send_event("app_home_opened", happened)

    # -- reading -------------------------------------------------------------------------------

    def messages(self, channel: str) -> list[Message]:
        """Everything in the channel, threads too, oldest first."""
        where = self.channel(channel)
        return [m for m in self.workspace.messages.values() if m.channel == where.id and not m.deleted]

    def ephemerals(self, channel: str | None = None) -> list[Ephemeral]:
        """What only this person sees, oldest first."""
        where = self.channel(channel).id if channel else None
        mine = [e for e in self.workspace.ephemerals.values() if e.reader == self.id]
        return [e for e in mine if where in {None, e.channel}]

    @property
    def modal(self) -> View | None:
        """The form on top."""
        opened = self.workspace.stacks.get(self.id, [])
        return self.workspace.views[opened[-1]] if opened else None

    @property
    def home(self) -> View | None:
        return self.workspace.views.get(self.workspace.homes.get(self.id, ""))

    async def sees(self, text: str, channel: str | None = None, *, seconds: float = 5.0) -> Message | Ephemeral:
        """Waits for a message with these words on this person's screen, in its newest version; the newest such."""
        return await self.workspace.until(lambda: self._showing(text, channel), seconds)

    async def sees_modal(self, seconds: float = 5.0) -> View:
        return await self.workspace.until(lambda: self.modal, seconds)

    async def sees_home(self, text: str = "", seconds: float = 5.0) -> View:
        return await self.workspace.until(
            lambda: self.home if self.home and text in elements.words(self.home.blocks) else None, seconds
        )

    def channel(self, reference: str) -> Channel:
        """By id or name; "@kickbot" is the direct message with the app."""
        self._active()
        if reference in {f"@{self.workspace.app.name}", self.workspace.app.bot_user, f"D{self.id[1:]}"}:
            return self.workspace.open_direct(self.id)
        for channel in self.workspace.channels.values():
            if reference.removeprefix("#") in {channel.id, channel.name} and self.id in channel.members:
                return channel
        raise NotThereError(f"{self.person.name} is in no channel {reference!r}")

    def _showing(self, text: str, channel: str | None) -> Message | Ephemeral | None:
        mine = [c.id for c in self.workspace.channels.values() if self.id in c.members]
        where = {self.channel(channel).id} if channel else set(mine)
        shown: list[Message | Ephemeral] = [m for m in self.workspace.messages.values() if not m.deleted]
        shown += self.ephemerals()
        found = [s for s in shown if s.channel in where and text in f"{s.text} {elements.words(s.blocks)}"]
        return max(found, key=lambda s: s.ts, default=None)

    # -- what Slack's client does ---------------------------------------------------------------

    def _active(self) -> None:
        if self.person.deleted:
            raise NotThereError(f"{self.person.name} is deactivated")

    def _seen(self, screen: Screen, action_id: str, *, stale: bool) -> tuple[tuple[Json, ...], int]:
        """The blocks on this person's screen, and which version of the message they are (-1: the newest)."""
        if isinstance(screen, Message):
            return self._version(screen, action_id, stale=stale)
        if stale:
            return screen.blocks, -1
        if isinstance(screen, View):
            return self._open(screen).blocks, -1
        current = self.workspace.ephemerals.get((screen.channel, screen.ts))
        if current is None or current.reader != self.id:
            raise NotThereError("that message is not on the screen any more")
        return current.blocks, -1

    def _version(self, screen: Message, action_id: str, *, stale: bool) -> tuple[tuple[Json, ...], int]:
        self.channel(screen.channel)
        message = self.workspace.messages[screen.channel, screen.ts]
        if not stale:
            return (() if message.deleted else message.blocks), -1
        for number in range(len(message.versions) - 1, -1, -1):
            blocks = message.versions[number].blocks
            if any(place.element["action_id"] == action_id for place in elements.places(blocks)):
                return blocks, number
        raise NotThereError(f"there was never a {action_id!r} in this message")

    def _where(self, screen: Screen, version: int, values: Mapping[str, Any]) -> Json:
        if isinstance(screen, View):
            current = self.workspace.views.get(screen.id, screen)
            shown = payloads.on_view(self.workspace, current, forms.state(current, values, partly=True))
            return {"trigger_id": self.workspace.new_trigger(self.id, screen.id), **shown}
        new_url = self.parts.response_urls.new
        if isinstance(screen, Message):
            current_message = self.workspace.messages[screen.channel, screen.ts]
            shown = payloads.on_message(self.workspace, current_message, version)
            url = new_url(self.parts.origin, self.id, screen.channel, current_message)
        else:
            shown = payloads.on_ephemeral(self.workspace, screen)
            url = new_url(self.parts.origin, self.id, screen.channel, screen)
        return {"trigger_id": self.workspace.new_trigger(self.id), "response_url": url, **shown}

    def _open(self, view: View) -> View:
        current = self.workspace.views.get(view.id)
        if current is None or current.person != self.id:
            raise NotThereError("that form is not open")
        return current

    def _answered(self, delivery: Delivery, where: Channel) -> str | None:
        if delivery.error or not delivery.response:
            return delivery.error
        try:
            self.parts.response_urls.acknowledged(self.id, where.id, delivery.response)
        except SlackError as error:
            return error.error
        return None

    def _after_submission(self, view: View, response: Json) -> str | None:
        """The app's response_action: nothing closes the form, else errors, update, push or clear."""
        action = response.get("response_action")
        if action == "errors":
            self.workspace.happen("view_errors", person=self.id, view_id=view.id, errors=response.get("errors", {}))
            return None
        if action in {None, "clear"}:
            views.close(self.workspace, view, every=action == "clear")
            return None
        return self._next_view(view, response.get("view"), push=action == "push")

    def _next_view(self, view: View, content: Any, *, push: bool) -> str | None:
        try:
            limits.check_view(content, "modal")
            if push:
                views.stack(self.workspace, self.id, content)
            else:
                views.renew(self.workspace, view, content)
        except SlackError as error:
            return error.error
        return None
