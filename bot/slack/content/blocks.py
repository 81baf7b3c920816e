"""The pieces that messages are made of, with Slack's limits built in: what is too long is cut with a note. Pure.

Each part carries its own plain text, so that a message's fallback says what its blocks say.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bot.cleaning import shorten
from bot.counting import count
from bot.models import Value
from bot.slack.content.lines import Line, in_mrkdwn, in_rich_text, line

Block = dict[str, Any]

MOST_BLOCKS = 50
MOST_ROWS = 100
MOST_COLUMNS = 20
LONGEST_TEXT = 12_000
LONGEST_PREFORMATTED = 3_000
LONGEST_ASIDE = 2_900
LONGEST_BUTTON = 75
SIZE_OF_BLOCKS = 12_500  # Slack refuses somewhat more, counted as compact JSON and without the table
SIZE_OF_CELLS = 9_000
LONGEST_CELL = 200
WORTH_CUTTING = 40
NOTHING = "\N{EN DASH}"
"""Stands in a cell about which nothing is known."""


class Message(Value):
    """What is posted: blocks, and the same as text for notifications and for clients that show no blocks.

    cut: something is folded or left out, with a note; a file in the thread has it whole.
    """

    text: str
    blocks: tuple[Block, ...] = ()
    cut: bool = False

    @property
    def plain(self) -> "Message":
        """The same without blocks."""
        return Message(text=self.text)


class Part(Value):
    """One block and its words. needed: it is never left out to make room. cut: it does not show all."""

    block: Block
    text: str
    needed: bool = False
    cut: bool = False


class Button(Value):
    """A button: what it says, what it is called, what it carries. url: what it opens besides."""

    text: str
    action: str
    value: str
    style: str = ""
    url: str = ""


class Table(Value):
    """A table's part, and how many rows did not fit into it."""

    part: Part
    left_out: int


def compose(*parts: Part) -> Message:
    """A message within Slack's limits. What doesn't fit is left out from the end, with a note."""
    kept = _what_fits(parts)
    if out := len(parts) - len(kept):
        kept.append(aside(line(f"Cut: {count(out, 'more part')} of this message did not fit into Slack.")))
    text = "\n".join(part.text for part in kept if part.text)
    blocks = [part.block for part in kept]
    cut = bool(out) or any(part.cut for part in kept) or _size(blocks) > SIZE_OF_BLOCKS
    return Message(text=shorten(text, LONGEST_TEXT), blocks=_squeezed(blocks), cut=cut)


def _what_fits(parts: Sequence[Part]) -> list[Part]:
    """All that are needed, and as many of the others as there is room for."""
    size, left_out = _size([part.block for part in parts]), set[int]()
    for number in reversed(range(len(parts))):
        if size <= SIZE_OF_BLOCKS and len(parts) - len(left_out) < MOST_BLOCKS:
            break
        if not parts[number].needed:
            left_out.add(number)
            size -= _size([parts[number].block])
    return [part for number, part in enumerate(parts) if number not in left_out]


def _size(blocks: Sequence[Block]) -> int:
    return sum(len(json.dumps(block)) for block in blocks if block["type"] != "table")


def _squeezed(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """The same blocks; if even those that are needed are too large, their longest texts are cut with a note."""
    if _size(blocks) <= SIZE_OF_BLOCKS:
        return tuple(blocks)
    copied: list[Block] = json.loads(json.dumps(blocks))
    while _size(copied) > SIZE_OF_BLOCKS:
        longest = max(_texts(copied), key=lambda element: len(json.dumps(element["text"])))
        if len(longest["text"]) <= WORTH_CUTTING:
            break  # it is posted as plain text, if Slack really refuses it
        longest["text"] = shorten(longest["text"], len(longest["text"]) * 2 // 3)
    return tuple(copied)


def _texts(value: Any) -> Iterator[dict[str, Any]]:
    """Every text element of rich text, wherever it stands."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict) and value.get("type") == "text":
        yield value
    elif isinstance(value, dict):
        yield from _texts(value.get("elements", []))


def paragraph(*lines: Line, needed: bool = False, cut: bool = False) -> Part:
    """Lines of rich text, one under the other."""
    inline: list[dict[str, Any]] = []
    for number, one in enumerate(lines):
        inline += [{"type": "text", "text": "\n"}] if number else []
        inline += in_rich_text(one)
    block = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": inline}]}
    return Part(block=block, text="\n".join(in_mrkdwn(one) for one in lines), needed=needed, cut=cut)


def aside(*lines: Line, needed: bool = True, cut: bool = False) -> Part:
    """Small print."""
    text = "\n".join(in_mrkdwn(one) for one in lines)
    if len(json.dumps(text)) > LONGEST_ASIDE:
        return paragraph(*lines, needed=needed, cut=cut)
    block = {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}
    return Part(block=block, text=text, needed=needed, cut=cut)


def prose(*lines: Line, needed: bool = False) -> Part:
    """The same as mrkdwn, which takes half the room: for long lists."""
    text = "\n".join(in_mrkdwn(one) for one in lines)
    if len(json.dumps(text)) > LONGEST_ASIDE:
        return paragraph(*lines, needed=needed)
    block = {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}, "expand": True}
    return Part(block=block, text=text, needed=needed)


def preformatted(title: Line, text: str, longest: int = LONGEST_PREFORMATTED) -> Part:
    """A title, and text as a terminal would show it. Too long a text is cut."""
    shown = shorten(text, min(longest, LONGEST_PREFORMATTED))
    block = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": in_rich_text(title)},
            {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": shown or " "}]},
        ],
    }
    return Part(block=block, text=f"{in_mrkdwn(title)}\n{_quoted(shown)}", cut=shown != text)


def _quoted(text: str) -> str:
    words = line(text)
    return f"```{in_mrkdwn(words).replace('`', chr(0x2CB))}```"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows under their columns, as many as Slack takes."""
    cells = [[_cell(c) for c in columns[:MOST_COLUMNS]]]
    room, left_out = SIZE_OF_CELLS, 0
    for row in rows:
        shown = [shorten(c, LONGEST_CELL) for c in row[:MOST_COLUMNS]]
        room -= sum(map(len, shown))
        if room < 0 or left_out or len(cells) >= MOST_ROWS:
            left_out += 1
        else:
            cells.append([_cell(c) for c in shown])
    text = "\n".join(in_mrkdwn(line(" · ".join(c["text"] for c in row))) for row in cells)
    part = Part(block={"type": "table", "rows": cells}, text=text, needed=True, cut=left_out > 0)
    return Table(part=part, left_out=left_out)


def _cell(text: str) -> dict[str, str]:
    return {"type": "raw_text", "text": text or NOTHING}


def plain_text(text: str) -> Block:
    """What Slack shows as it stands."""
    return {"type": "plain_text", "text": text}


def buttons(*listed: Button) -> Part:
    elements: list[dict[str, Any]] = []
    for button in listed:
        text = plain_text(shorten(button.text, LONGEST_BUTTON))
        element = {"type": "button", "action_id": button.action, "text": text, "value": button.value}
        more = {"style": button.style, "url": button.url}
        elements.append(element | {name: given for name, given in more.items() if given})
    return Part(block={"type": "actions", "elements": elements}, text="", needed=True)
