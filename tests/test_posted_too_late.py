"""A process that slept between its last look and its message: what another one has posted meanwhile stays alone."""

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.audit.postings import SqlitePostings
from bot.audit.sqlite import SqliteTrail
from bot.borders import Posting
from bot.errors import LeaseLost
from bot.sandbox.cast import BOT
from bot.sandbox.server import SandboxSlack
from bot.slack.content.blocks import Message
from bot.slack.content.files import File
from bot.slack.outgoing.delivery import Delivery, Place, Tag
from tests import make
from tests.make import INCIDENT

TAG = Tag.of(make.record(make.asked()), "after")
PLACE, MESSAGE = Place(channel=INCIDENT), Message(text="It is over.", blocks=())


class Overtaken(SqlitePostings):
    """Of a process that looked before it slept, and has lost its turn."""

    async def get(self, event: int, part: str) -> Posting | None:
        return None

    async def noted(self, event: int, part: str) -> Posting | None:
        return await super().get(event, part)

    async def put(self, posting: Posting) -> None:
        raise LeaseLost("another Kickbot posts now")


@pytest.fixture
async def postings(trail: SqliteTrail) -> SqlitePostings:
    return SqlitePostings(trail.database)


@pytest.fixture
async def trail(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SqliteTrail]:
    async with SqliteTrail.open(tmp_path_factory.mktemp("trail") / "kickbot.db") as trail:
        yield trail


def standing(slack: SandboxSlack) -> list[str]:
    return [message.ts for message in slack.workspace.messages.values() if not message.deleted]


async def test_a_message_that_came_too_late_is_taken_away(
    slack: SandboxSlack, client: AsyncWebClient, trail: SqliteTrail, postings: SqlitePostings
) -> None:
    """What the other one posted stands there alone, and is the one that is remembered."""
    first = await Delivery(client, postings, bot_user=BOT).post(TAG, PLACE, MESSAGE, doubtful=False)
    assert first is not None

    late = Delivery(client, Overtaken(trail.database), bot_user=BOT)
    with pytest.raises(LeaseLost):
        await late.post(TAG, PLACE, MESSAGE, doubtful=False)

    assert standing(slack) == [first.ts]
    assert await postings.get(TAG.event, TAG.part) == first


async def test_a_message_that_nobody_else_posted_stays(
    slack: SandboxSlack, client: AsyncWebClient, trail: SqliteTrail, postings: SqlitePostings
) -> None:
    """The one that posts now finds it there, and posts nothing."""
    late = Delivery(client, Overtaken(trail.database), bot_user=BOT)
    with pytest.raises(LeaseLost):
        await late.post(TAG, PLACE, MESSAGE, doubtful=False)

    found = await Delivery(client, postings, bot_user=BOT).post(TAG, PLACE, MESSAGE, doubtful=True)

    assert found is not None
    assert standing(slack) == [found.ts]


async def test_a_file_that_came_too_late_is_taken_away(
    slack: SandboxSlack, client: AsyncWebClient, trail: SqliteTrail, postings: SqlitePostings
) -> None:
    """The same for what is too long for a message."""
    file = File(name="after-7.txt", title="After", content="It is over.")
    first = await Delivery(client, postings, bot_user=BOT).upload(TAG, PLACE, file, doubtful=False)
    assert first is not None

    late = Delivery(client, Overtaken(trail.database), bot_user=BOT)
    with pytest.raises(LeaseLost):
        await late.upload(TAG, PLACE, file, doubtful=False)

    assert len(standing(slack)) == 1
    assert list(slack.workspace.files) == [first.ts]
