"""What the publisher must have told of a trail, and what it has: each part of each event, once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bot.borders import Store
from bot.events import Record
from bot.models import RequestId
from bot.sandbox.nouns import Message
from bot.sandbox.workspace import Workspace
from bot.slack.content import telling
from bot.slack.content.story import Story
from bot.slack.content.telling import Part
from bot.slack.outgoing.publisher import SILENT
from bot.slack.outgoing.stories import Stories
from tests.make import INCIDENT

NOTHING_NEW = frozenset({Part.NOW, Part.PARENT})
"""The request's own message is posted with the event that opens it in Slack, and only changed afterwards."""


class Archive:
    """Takes messages out of a workspace and keeps, in a file, what each was: so that the workspace stays small."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        self._workspace = workspace
        self._path = path
        self._path.touch()

    def take(self, before: int) -> None:
        """All about requests whose number is below that one."""
        workspace = self._workspace
        old = [key for key, message in workspace.messages.items() if _request(workspace, message) < before]
        with self._path.open("a") as file:
            for key in old:
                message = workspace.messages.pop(key)
                file.write(f"{_name(workspace, message)}\n")
                for one in message.files:
                    del workspace.files[one]
        workspace.happenings.clear()

    def all(self) -> Counter[str]:
        """How often each message was posted, by its name: EVENT PART, or a file's own name."""
        self.take(2**63)
        return Counter(self._path.read_text().splitlines())


def _name(workspace: Workspace, message: Message) -> str:
    if message.metadata:
        tag = message.metadata["event_payload"]
        return f"{tag['event']} {tag['part']}"
    return " ".join(workspace.files[one].name for one in message.files)


def _request(workspace: Workspace, message: Message) -> int:
    if message.metadata:
        return int(message.metadata["event_payload"]["request"])
    parent = workspace.messages.get((message.channel, message.thread_ts or ""))
    return _request(workspace, parent) if parent and parent.metadata else 0


async def expected(store: Store, request: RequestId) -> set[str]:
    """The names of the messages that there must be about one request."""
    story = await Stories(store).read(request)
    return {f"{record.seq} {part}" for record in story.records for part in _parts(story, record)}


def _parts(story: Story, record: Record) -> Iterator[str]:
    if record.event.kind in SILENT:
        return
    yield from (part for part in telling.parts(story, record, INCIDENT) if part not in NOTHING_NEW)
    if story.anchor is not None and story.anchor.seq == record.seq:
        yield Part.PARENT
