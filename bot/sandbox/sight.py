"""What one person sees: channels, messages, what only they see, the form on top, the Home tab. It sends nothing.

What is not on their screen raises NotThereError.
"""

from bot.sandbox import elements
from bot.sandbox.elements import NotThereError
from bot.sandbox.log import PATIENCE
from bot.sandbox.nouns import Channel, Ephemeral, Json, Message, Person, View
from bot.sandbox.workspace import Workspace

Screen = Message | Ephemeral | View


class Sight:
    def __init__(self, workspace: Workspace, user: str) -> None:
        self.workspace = workspace
        self.id = user

    @property
    def person(self) -> Person:
        return self.workspace.person(self.id)

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

    async def sees(self, text: str, channel: str | None = None, *, seconds: float = PATIENCE) -> Message | Ephemeral:
        """Waits for a message with these words on this person's screen, in its newest version; the newest such."""
        return await self.workspace.until(lambda: self._showing(text, channel), seconds)

    async def sees_modal(self, seconds: float = PATIENCE) -> View:
        return await self.workspace.until(lambda: self.modal, seconds)

    async def sees_home(self, text: str = "", seconds: float = PATIENCE) -> View:
        return await self.workspace.until(
            lambda: self.home if self.home and text in elements.words(self.home.blocks) else None, seconds
        )

    def channel(self, reference: str) -> Channel:
        """By id or name; "@kickbot" is the direct message with the app."""
        self.demand_active()
        if reference in {f"@{self.workspace.app.name}", self.workspace.app.bot_user, f"D{self.id[1:]}"}:
            return self.workspace.open_direct(self.id)
        for channel in self.workspace.channels.values():
            if reference.removeprefix("#") in {channel.id, channel.name} and self.id in channel.members:
                return channel
        raise NotThereError(f"{self.person.name} is in no channel {reference!r}")

    # -- what is really there -------------------------------------------------------------------

    def _showing(self, text: str, channel: str | None) -> Message | Ephemeral | None:
        mine = [c.id for c in self.workspace.channels.values() if self.id in c.members]
        where = {self.channel(channel).id} if channel else set(mine)
        shown: list[Message | Ephemeral] = [m for m in self.workspace.messages.values() if not m.deleted]
        shown += self.ephemerals()
        found = [s for s in shown if s.channel in where and text in f"{s.text} {elements.words(s.blocks)}"]
        return max(found, key=lambda s: s.ts, default=None)

    def demand_active(self) -> None:
        if self.person.deleted:
            raise NotThereError(f"{self.person.name} is deactivated")

    def blocks(self, screen: Screen, action_id: str, *, stale: bool) -> tuple[tuple[Json, ...], int]:
        """The blocks on this person's screen, and which version of the message they are (-1: the newest)."""
        if isinstance(screen, Message):
            return self._version(screen, action_id, stale=stale)
        if stale:
            return screen.blocks, -1
        if isinstance(screen, View):
            return self.still_open(screen).blocks, -1
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

    def still_open(self, view: View) -> View:
        current = self.workspace.views.get(view.id)
        if current is None or current.person != self.id:
            raise NotThereError("that form is not open")
        return current
