"""The people in front of their screens: each types commands, presses what is really there, fills in forms.

What Slack's own client would not let a person do raises NotThereError; all else comes back as an Outcome.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox import elements, forms, limits, payloads
from bot.sandbox.delivery import Delivery
from bot.sandbox.elements import Known, NotThereError
from bot.sandbox.http_delivery import HttpDelivery
from bot.sandbox.methods import views
from bot.sandbox.nouns import Channel, Json, Message, SlackError, Version, View
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.sight import Screen, Sight
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.terminals import Hosts
from bot.sandbox.workspace import Workspace

Place = tuple[str, str]
"""Which screen it is: (channel, ts) or ("", view_id)."""


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
    """What a person's Slack client talks to; `origin` is http://host:port of the sandbox.

    offered: the options that the app gave a person for the menus of one screen.
    """

    workspace: Workspace
    socket: SocketMode
    http: HttpDelivery
    response_urls: ResponseUrls
    hosts: Hosts | None = None
    origin: str = ""
    offered: dict[tuple[str, Place], dict[str, dict[str, Json]]] = field(default_factory=dict)
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


class Persona(Sight):
    def __init__(self, parts: Parts, user: str) -> None:
        super().__init__(parts.workspace, user)
        self.parts = parts

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
        self.demand_active()
        seen, version = self.blocks(screen, action_id, stale=stale)
        known = self._known(screen)
        place = elements.find(seen, action_id, block_id, value, known)
        state = forms.acted(forms.state(seen, values or {}, known, partly=True), place, value)
        payload = payloads.block_actions(self.workspace, self.person, forms.action(place, value))
        payload |= self._where(screen, version, state)
        self.workspace.happen("click", user=self.id, action_id=action_id, container=payload["container"])
        delivery = await self.parts.way.deliver("interactive", payload)
        return Outcome(delivery.error, delivery)

    async def suggest(self, screen: Screen, action_id: str, text: str, *, block_id: str | None = None) -> Outcome:
        """Types into a menu whose options come from the app; they are the response, and can be chosen from now on."""
        self.demand_active()
        seen, version = self.blocks(screen, action_id, stale=False)
        known = self._known(screen)
        place = elements.find(seen, action_id, block_id, known=known)
        elements.check_query(place.element, text)
        payload = payloads.block_suggestion(self.workspace, self.person, place, text)
        payload |= self._shown(screen, version, forms.state(seen, {}, known, partly=True))
        self.workspace.happen("suggestion", user=self.id, action_id=action_id, container=payload["container"])
        delivery = await self.parts.way.deliver("interactive", payload, accepts_response=True)
        return Outcome(delivery.error or self._offered(screen, action_id, delivery.response), delivery)

    async def shortcut(self, callback_id: str, message: Message | None = None) -> Outcome:
        """Chooses one of the app's shortcuts, from the menu of a message or from Slack's own."""
        self.demand_active()
        wanted = (callback_id, "message" if message else "global")
        if wanted not in {(shortcut.callback_id, shortcut.type) for shortcut in self.workspace.app.shortcuts}:
            raise NotThereError(f"there is no {wanted[1]} shortcut {callback_id!r}")
        payload = self._on(message, callback_id) if message else self._anywhere(callback_id)
        payload["trigger_id"] = self.workspace.new_trigger(self.id)
        self.workspace.happen("shortcut", user=self.id, callback_id=callback_id)
        delivery = await self.parts.way.deliver("interactive", payload)
        return Outcome(delivery.error, delivery)

    async def submit(self, view: View, values: Mapping[str, Any]) -> Outcome:
        """Sends a form; `values` by action_id or block_id. The app may answer with errors, another view, or nothing."""
        self.demand_active()
        current = self.still_open(view)
        state = forms.state(current.blocks, values, self._known(current))
        self.workspace.happen("form_sent", user=self.id, callback_id=current.content.get("callback_id", ""))
        payload = payloads.view_submission(self.workspace, self.person, current, state)
        payload["trigger_id"] = self.workspace.new_trigger(self.id, current.id)
        delivery = await self.parts.way.deliver("interactive", payload, accepts_response=True)
        return Outcome(delivery.error or self._after_submission(current, delivery.response or {}), delivery)

    async def close(self, view: View) -> Outcome:
        """Cancels a form; the app hears of it only if it asked to (notify_on_close)."""
        current = self.still_open(view)
        views.close(self.workspace, current)
        if not current.content.get("notify_on_close"):
            return Outcome()
        payload = payloads.view_closed(self.workspace, self.person, current, cleared=False)
        delivery = await self.parts.way.deliver("interactive", payload)
        return Outcome(delivery.error, delivery)

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Writes a message; the app hears of it by the events that it subscribed to."""
        where = self.channel(channel)
        content = Version(at="", text=text, blocks=elements.identified(payloads.typed(text)))
        message = self.workspace.post(where.id, self.id, content, thread_ts=self._thread(where, thread_ts))
        if self.workspace.app.bot_user in where.members:
            happened = payloads.said(self.workspace, message)
            kind = {"channels": "channel", "groups": "group", "im": "im"}[where.kind]
            self.parts.send_event(f"message.{where.kind}", happened | {"channel_type": kind})
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

    # -- what Slack's client does ---------------------------------------------------------------

    def _where(self, screen: Screen, version: int, state: Json) -> Json:
        """A view holds the state of its fields itself; of a message Slack sends it beside, and a response_url."""
        shown = self._shown(screen, version, state)
        if isinstance(screen, View):
            return {"trigger_id": self.workspace.new_trigger(self.id, screen.id), **shown}
        origin = self.workspace.messages[screen.channel, screen.ts] if isinstance(screen, Message) else screen
        url = self.parts.response_urls.new(self.parts.origin, self.id, screen.channel, origin)
        shown |= {"response_url": url, "state": {"values": state}}
        return {"trigger_id": self.workspace.new_trigger(self.id), **shown}

    def _shown(self, screen: Screen, version: int, state: Json) -> Json:
        if isinstance(screen, View):
            return payloads.on_view(self.workspace, self.workspace.views.get(screen.id, screen), state)
        if isinstance(screen, Message):
            current = self.workspace.messages[screen.channel, screen.ts]
            return payloads.on_message(self.workspace, current, version)
        return payloads.on_ephemeral(self.workspace, screen)

    def _known(self, screen: Screen) -> Known:
        return self.parts.offered.get((self.id, _place(screen)), {})

    def _offered(self, screen: Screen, action_id: str, answer: Json | None) -> str | None:
        """Remember the options that the app gave; the error if it gave none that Slack would show."""
        try:
            limits.check_suggestions(answer)
        except SlackError as error:
            return error.error
        offered = self.parts.offered.setdefault((self.id, _place(screen)), {}).setdefault(action_id, {})
        given = elements.options({"type": "", **(answer or {})})
        offered.update({option["value"]: option for option in given})
        return None

    def _on(self, message: Message, callback_id: str) -> Json:
        self.channel(message.channel)
        current = self.workspace.messages[message.channel, message.ts]
        if current.deleted:
            raise NotThereError("that message was deleted")
        payload = payloads.message_action(self.workspace, self.person, callback_id, current)
        url = self.parts.response_urls.new(self.parts.origin, self.id, message.channel, current)
        return payload | {"response_url": url}

    def _anywhere(self, callback_id: str) -> Json:
        return payloads.global_shortcut(self.workspace, self.person, callback_id)

    def _thread(self, where: Channel, ts: str | None) -> str | None:
        """The thread that a reply goes to, whichever of its messages was answered."""
        if ts is None:
            return None
        answered = self.workspace.messages.get((where.id, ts))
        if answered is None or answered.deleted:
            raise NotThereError("there is no such thread")
        return answered.thread_ts or answered.ts

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


def _place(screen: Screen) -> Place:
    return ("", screen.id) if isinstance(screen, View) else (screen.channel, screen.ts)
