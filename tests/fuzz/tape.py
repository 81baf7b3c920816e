"""Bytes as decisions: the same bytes always choose the same, so that any engine can drive a target.

An engine that changes one byte changes one choice. Bytes that are used up choose the first of everything.
"""

from collections.abc import Sequence
from typing import TypeVar

Choice = TypeVar("Choice")


class Tape:
    """It is read from the front, and never ends."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes; fewer at the end."""
        taken = self._content[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def below(self, limit: int) -> int:
        """A number from 0 on; limit: at least 1."""
        return int.from_bytes(self.take(1 if limit <= 256 else 2)) % limit

    def yes(self, of: int = 2) -> bool:
        """True once in so many times."""
        return self.below(of) == of - 1

    def one(self, among: Sequence[Choice]) -> Choice:
        return among[self.below(len(among))]

    def text(self, longest: int = 24) -> str:
        """Any text that Slack's JSON could hold: of whatever letters, lone surrogates too."""
        return self.take(self.below(longest + 1)).decode("utf-8", "surrogateescape")

    def rest(self) -> bytes:
        return self.take(len(self._content))
