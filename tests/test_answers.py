"""An answer that takes longer: whoever waits is told so, and gets it all the same."""

import asyncio

from bot.slack.content.blocks import Message
from bot.slack.incoming.answers import awaited
from tests.lives import PATIENCE


async def test_who_waits_long_is_told_so_first() -> None:
    """The notice comes while the work still goes on, and then its answer."""
    said: list[str] = []
    told = asyncio.Event()

    async def reply(message: Message, *, for_all: bool = False) -> None:
        assert not for_all
        said.append(message.text)
        told.set()

    async def work() -> str:
        await told.wait()
        return "the answer"

    async with asyncio.timeout(PATIENCE):
        assert await awaited(reply, work(), Message(text="Looking …")) == "the answer"
    assert said == ["Looking …"]


async def test_a_quick_answer_comes_alone() -> None:
    """Nobody is told to wait for what is already there."""

    async def reply(message: Message, *, for_all: bool = False) -> None:
        raise AssertionError(message.text, for_all)

    async def work() -> str:
        return "the answer"

    assert await awaited(reply, work(), Message(text="Looking …")) == "the answer"
