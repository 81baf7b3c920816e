"""One Slack workspace in memory: who is there, what was said and shown, and a numbered log of all that happened.

It keeps the state and refuses what breaks Slack's rules of membership and time; it never listens on a network.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.sandbox.installation import Installation
from bot.sandbox.log import Log
from bot.sandbox.nouns import (
    TEAM,
    Channel,
    Ephemeral,
    Fault,
    File,
    Json,
    Message,
    Person,
    SlackError,
    Trigger,
    UserGroup,
    Version,
    View,
)

DOMAIN = "sandbox"
Faults = Callable[[str, Mapping[str, Any]], Fault | None]
"""(method, arguments) -> what goes wrong with this call, or None."""


def no_faults(_method: str, _args: Mapping[str, Any]) -> Fault | None:
    return None


class Workspace(Log):
    """`trigger_span`, `ack_span`: seconds that a trigger id lives and that an acknowledgement may take.

    `clock` gives seconds since 1970. `faults` may be replaced at any time. The dicts are keyed by id and are
    open to tests; `change_person` and its like keep the values frozen.
    """

    def __init__(
        self,
        people: Iterable[Person] = (),
        groups: Iterable[UserGroup] = (),
        channels: Iterable[Channel] = (),
        *,
        app: Installation | None = None,
        trigger_span: float = 3.0,
        ack_span: float = 3.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(clock)
        self.app = app or Installation()
        bot = Person(id=self.app.bot_user, name=self.app.name, real_name=self.app.name.capitalize(), is_bot=True)
        self.people = {person.id: person for person in (*people, bot)}
        self.groups = {group.id: group for group in groups}
        self.channels = {channel.id: channel for channel in channels}
        self.messages: dict[tuple[str, str], Message] = {}
        self._replies: dict[tuple[str, str], list[str]] = {}  # the times of the replies below each message
        self.ephemerals: dict[tuple[str, str], Ephemeral] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, str] = {}
        self.files: dict[str, File] = {}
        self.triggers: dict[str, Trigger] = {}
        self.faults: Faults = no_faults
        self.trigger_span = trigger_span
        self.ack_span = ack_span
        self._last_tick = 0

    def tick(self) -> str:
        """A ts: unique in the workspace, and increasing."""
        self._last_tick = max(int(self.clock() * 1_000_000), self._last_tick + 100)
        seconds, micros = divmod(self._last_tick, 1_000_000)
        return f"{seconds}.{micros:06d}"

    # -- who and where -------------------------------------------------------------------------

    def person(self, user: str) -> Person:
        if user not in self.people:
            raise SlackError("user_not_found")
        return self.people[user]

    def channel(self, channel: str) -> Channel:
        """As the bot sees it: a private channel that it is not in does not exist for it."""
        found = self.channels.get(channel)
        if found is None or (found.is_private and self.app.bot_user not in found.members):
            raise SlackError("channel_not_found")
        return found

    def conversation(self, reference: str) -> Channel:
        """Where chat.postMessage posts: a channel by id or name, or a person (their direct message)."""
        if reference in self.people:
            return self.open_direct(reference)
        named = (channel.id for channel in self.channels.values() if channel.name == reference.removeprefix("#"))
        return self.channel(next(named, reference))

    def open_direct(self, user: str) -> Channel:
        person = self.person(user)
        if person.deleted:
            raise SlackError("user_disabled")
        if person.is_bot:
            raise SlackError("cannot_dm_bot")
        channel = Channel(id=f"D{user[1:]}", name="", members=(user, self.app.bot_user), person=user)
        return self.channels.setdefault(channel.id, channel)

    def joined(self, channel: Channel) -> Channel:
        """The channel, if the bot may write and read there."""
        if channel.is_archived:
            raise SlackError("is_archived")
        if self.app.bot_user not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def change_person(self, user: str, **changes: Any) -> None:
        self.people[user] = self.people[user].model_copy(update=changes)

    def change_group(self, group: str, **changes: Any) -> None:
        self.groups[group] = self.groups[group].model_copy(update=changes)

    def change_channel(self, channel: str, **changes: Any) -> None:
        self.channels[channel] = self.channels[channel].model_copy(update=changes)

    def change_app(self, **changes: Any) -> None:
        self.app = self.app.model_copy(update=changes)

    # -- what was said -------------------------------------------------------------------------

    def post(self, channel: str, author: str, content: Version, **more: Any) -> Message:
        """`content.at` is replaced by the new ts; `more`: thread_ts, broadcast, files."""
        ts = self.tick()
        version = content.model_copy(update={"at": ts})
        message = Message(channel=channel, ts=ts, author=author, versions=(version,), **more)
        self.messages[channel, ts] = message
        if message.thread_ts:
            self._replies.setdefault((channel, message.thread_ts), []).append(ts)
        self.happen("message_posted", channel=channel, ts=ts, message=self.to_slack(message, full=True))
        return message

    def edit(self, message: Message, content: Version) -> Message:
        version = content.model_copy(update={"at": self.tick()})
        changed = self._change(message, versions=(*message.versions, version))
        details = self.to_slack(changed, full=True)
        self.happen("message_edited", channel=message.channel, ts=message.ts, message=details)
        return changed

    def delete(self, message: Message) -> None:
        self._change(message, deleted=True)
        self.happen("message_deleted", channel=message.channel, ts=message.ts)

    def react(self, message: Message, user: str, name: str) -> None:
        if (user, name) in message.reactions:
            raise SlackError("already_reacted")
        self._change(message, reactions=(*message.reactions, (user, name)))
        self.happen("reaction_added", channel=message.channel, ts=message.ts, user=user, name=name)

    def _change(self, message: Message, **changes: Any) -> Message:
        changed = message.model_copy(update=changes)
        self.messages[message.channel, message.ts] = changed
        return changed

    def show(self, ephemeral: Ephemeral, kind: str = "ephemeral_posted") -> Ephemeral:
        self.ephemerals[ephemeral.channel, ephemeral.ts] = ephemeral
        self.happen(kind, **ephemeral.model_dump(mode="json"))
        return ephemeral

    def hide(self, ephemeral: Ephemeral) -> None:
        self.ephemerals.pop((ephemeral.channel, ephemeral.ts), None)
        self.happen("ephemeral_deleted", channel=ephemeral.channel, ts=ephemeral.ts, reader=ephemeral.reader)

    def message(self, channel: str, ts: str) -> Message:
        found = self.messages.get((channel, ts))
        if found is None or found.deleted:
            raise SlackError("message_not_found")
        return found

    def thread(self, channel: str, ts: str) -> list[Message]:
        """The parent, then its replies, oldest first; empty if there is no such message."""
        asked = self.messages.get((channel, ts))
        parent = asked.thread_ts or ts if asked and not asked.deleted else ts
        there = [self.messages.get((channel, one)) for one in (parent, *self._replies.get((channel, parent), ()))]
        return [message for message in there if message and not message.deleted]

    def history(self, channel: str) -> list[Message]:
        """What the channel shows outside of its threads, oldest first."""
        here = [m for m in self.messages.values() if m.channel == channel and not m.deleted]
        return [m for m in here if m.thread_ts is None or m.broadcast]

    def to_slack(self, message: Message, *, full: bool = False) -> Json:
        """The message object of Slack's answers; without `full`, metadata shows its event type only, as in Slack."""
        said = message.current
        shown: Json = {"type": "message", "ts": message.ts, "user": message.author, "text": said.text, "team": TEAM}
        shown |= self._bot_fields() if message.author == self.app.bot_user else {}
        shown |= {"blocks": list(said.blocks)} if said.blocks else {}
        shown |= {"attachments": list(said.attachments)} if said.attachments else {}
        shown |= {"edited": {"user": message.author, "ts": said.at}} if len(message.versions) > 1 else {}
        if said.metadata:
            shown["metadata"] = said.metadata if full else {"event_type": said.metadata["event_type"]}
        if message.files:
            shown["files"] = [
                {"id": f, "name": self.files[f].name, "title": self.files[f].title} for f in message.files
            ]
        return shown | self._reactions(message) | self._thread_fields(message)

    def _bot_fields(self) -> Json:
        profile = {"id": self.app.bot_id, "app_id": self.app.app_id, "name": self.app.name, "team_id": TEAM}
        return {"bot_id": self.app.bot_id, "app_id": self.app.app_id, "bot_profile": profile}

    def _reactions(self, message: Message) -> Json:
        names = dict.fromkeys(name for _, name in message.reactions)
        users = {name: [user for user, given in message.reactions if given == name] for name in names}
        shown = [{"name": name, "users": given, "count": len(given)} for name, given in users.items()]
        return {"reactions": shown} if shown else {}

    def _thread_fields(self, message: Message) -> Json:
        if message.thread_ts:
            return {
                "thread_ts": message.thread_ts,
                "parent_user_id": self._author_of(message.channel, message.thread_ts),
            }
        replies = [m for m in self.thread(message.channel, message.ts) if m.ts != message.ts]
        if not replies:
            return {}
        writers = list(dict.fromkeys(reply.author for reply in replies))
        counted = {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        return counted | {"reply_users": writers, "reply_users_count": len(writers)}

    def _author_of(self, channel: str, ts: str) -> str | None:
        parent = self.messages.get((channel, ts))
        return parent.author if parent else None

    # -- what lives for seconds ----------------------------------------------------------------

    def new_trigger(self, person: str, view: str | None = None) -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(person=person, at=self.clock(), view=view)
        return trigger_id

    def use_trigger(self, trigger_id: str) -> Trigger:
        """Once, and within `trigger_span` seconds."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self.clock() - trigger.at > self.trigger_span:
            raise SlackError("expired_trigger_id")
        self.triggers[trigger_id] = trigger.model_copy(update={"used": True})
        return trigger
