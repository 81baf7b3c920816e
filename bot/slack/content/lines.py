"""A line of a message, written once: shown as rich text, and as mrkdwn in the plain fallback. Pure.

Words are only ever words: a mention is made of an id, never of text. `told` reads Kickbot's own sentences.
"""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Any, Literal

from bot.cleaning import shorten
from bot.models import Moment, Value
from bot.policy import is_group
from bot.slack.content import mrkdwn

LONGEST = 2_900
"""Characters of one piece: what is longer is cut, with a note."""


class Words(Value):
    """Text, as it is."""

    text: str
    style: Literal["", "bold", "italic", "code"] = ""

    def rich(self) -> dict[str, Any]:
        shown = {"type": "text", "text": shorten(self.text, LONGEST)}
        return {**shown, "style": {self.style: True}} if self.style else shown

    def mrkdwn(self) -> str:
        text = shorten(self.text, LONGEST)
        if self.style == "code":
            return mrkdwn.code(text)
        mark = {"bold": "*", "italic": "_"}.get(self.style, "")
        return mrkdwn.marked(text, mark)


class Who(Value):
    """A person or a user group, mentioned."""

    id: str
    style: Literal["", "bold"] = ""

    def rich(self) -> dict[str, Any]:
        group = is_group(self.id)
        shown = {"type": "usergroup", "usergroup_id": self.id} if group else {"type": "user", "user_id": self.id}
        return {**shown, "style": {self.style: True}} if self.style else shown

    def mrkdwn(self) -> str:
        return mrkdwn.mention(self.id)


class Where(Value):
    """A channel."""

    id: str

    def rich(self) -> dict[str, Any]:
        return {"type": "channel", "channel_id": self.id}

    def mrkdwn(self) -> str:
        return mrkdwn.channel(self.id)


class When(Value):
    """A moment, in the reader's own zone. dated: with its day."""

    moment: Moment
    seconds: bool = False
    dated: bool = False

    @property
    def _form(self) -> str:
        time = "{time_secs}" if self.seconds else "{time}"
        return f"{{date_short_pretty}} {time}" if self.dated else time

    def rich(self) -> dict[str, Any]:
        fallback = mrkdwn.in_utc(self.moment, self._form)
        stamp = int(self.moment.timestamp())
        return {"type": "date", "timestamp": stamp, "format": self._form, "fallback": fallback}

    def mrkdwn(self) -> str:
        return mrkdwn.time(self.moment, self._form)


class Link(Value):
    url: str
    text: str

    def rich(self) -> dict[str, Any]:
        return {"type": "link", "url": self.url, "text": self.text}

    def mrkdwn(self) -> str:
        return mrkdwn.link(self.url, self.text)


Piece = Words | Who | Where | When | Link
Line = tuple[Piece, ...]


def line(*parts: "str | Piece | Line") -> Line:
    """A line from words, pieces and other lines, without the empty ones."""
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, tuple):
            pieces += part
        else:
            pieces.append(Words(text=part) if isinstance(part, str) else part)
    return tuple(p for p in pieces if not isinstance(p, Words) or p.text)


def bold(text: str) -> Words:
    return Words(text=text, style="bold")


def italic(text: str) -> Words:
    return Words(text=text, style="italic")


def code(text: str) -> Words:
    return Words(text=text, style="code")


_MARKUP = re.compile(r"<@(?P<person>[UW][A-Z0-9]+)>|<!subteam\^(?P<group>S[A-Z0-9]+)>|`(?P<code>[^`]+)`")


def told(text: str) -> Line:
    """One of Kickbot's own sentences, with its mentions and code spans. Anything else in it stays text."""
    pieces: list[Piece] = []
    start = 0
    for match in _MARKUP.finditer(text):
        pieces.append(Words(text=text[start : match.start()]))
        named = match["person"] or match["group"]
        pieces.append(Who(id=named) if named else code(match["code"]))
        start = match.end()
    return line(*pieces, text[start:])


def joined(lines: "list[Line] | tuple[Line, ...]", between: str) -> Line:
    """Lines made one, with `between` between them."""
    pieces: list[Piece | str | Line] = []
    for number, one in enumerate(lines):
        pieces += [between, one] if number else [one]
    return line(*pieces)


def either(ids: "tuple[str, ...] | list[str]", last: str = "or") -> Line:
    """People and groups, named: `Bob, Carol or Dan`."""
    if len(ids) < 2:  # noqa: PLR2004 - nothing to join
        return tuple(Who(id=i) for i in ids)
    return line(joined([(Who(id=i),) for i in ids[:-1]], ", "), f" {last} ", Who(id=ids[-1]))


def in_mrkdwn(one: Line) -> str:
    """Bold pieces side by side share their marks: Slack shows marks that touch each other as they are."""
    return "".join(_bold(pieces) if strong else _plain(pieces) for strong, pieces in groupby(one, key=_is_bold))


def _is_bold(piece: Piece) -> bool:
    return isinstance(piece, Words | Who) and piece.style == "bold"


def _bold(pieces: Iterable[Piece]) -> str:
    return mrkdwn.between(_plain(p.model_copy(update={"style": ""}) for p in pieces), "*")


def _plain(pieces: Iterable[Piece]) -> str:
    return "".join(piece.mrkdwn() for piece in pieces)


def in_rich_text(one: Line) -> list[dict[str, Any]]:
    return [piece.rich() for piece in one]


def in_plain(one: Line) -> str:
    """For a file: words as they are, whole."""
    return "".join(piece.text if isinstance(piece, Words) else piece.mrkdwn() for piece in one)
