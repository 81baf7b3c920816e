"""A place to which checkpoints are told, and where the bot can't take them back."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from bot.borders import Checkpoint
from bot.models import Value


class Reached(Value):
    """A place has every checkpoint up to this event. stamp: what it answered about that one, if it is kept."""

    seq: int
    stamp: bytes = b""


class Place(Protocol):
    """At least once: what it did not say it has, it is told again."""

    @property
    def name(self) -> str:
        """As it stands in kickbot.toml."""
        ...

    def tell(self, checkpoints: Sequence[Checkpoint]) -> AsyncIterator[Reached]:
        """In their order; says how far it got, the last time when it has them all. Raises OSError."""
        ...

    async def try_out(self) -> None:
        """Could it be told anything? It connects, at most, and says nothing. Raises OSError."""
        ...
