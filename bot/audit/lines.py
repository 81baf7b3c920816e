"""A trail as JSON lines: each event with its bytes as they are stored, each checkpoint after its event. Pure.

    {"hash":"…64 digits…","entry":{…}}        the entry's characters are the bytes that were sealed, none more or less
    {"checkpoint":{"text":"…","signature":"…"}}

Canonical JSON has no line feed in it, so a line is a line, and `cut -b 84-` with its last brace taken off is the bytes.
"""

import re
from collections.abc import Iterable, Iterator

from bot.audit import checkpoints
from bot.borders import Checkpoint

_EVENT = re.compile(rb'\{"hash":"([0-9a-f]{64})","entry":(.*)\}\n?', re.DOTALL)
_CHECKPOINT = b'{"checkpoint":'


def of_event(content: bytes, hash_: str) -> bytes:
    return b'{"hash":"%s","entry":%s}\n' % (hash_.encode(), content)


def merged(events: Iterable[tuple[int, bytes]], sealed: Iterable[Checkpoint]) -> Iterator[bytes]:
    """events: (sequence number, line). Each checkpoint stands after its event, those past the end at the end."""
    following = iter(sealed)
    checkpoint = next(following, None)
    for seq, line in events:
        yield line
        while checkpoint and checkpoint.seq <= seq:
            yield checkpoints.line(checkpoint)
            checkpoint = next(following, None)
    while checkpoint:
        yield checkpoints.line(checkpoint)
        checkpoint = next(following, None)


def events(lines: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """(bytes, hash) of each event. What is neither an event nor a checkpoint comes too, and fits nowhere."""
    for line in lines:
        if found := _EVENT.fullmatch(line):
            yield found[2], found[1].decode()
        elif line.strip() and not line.startswith(_CHECKPOINT):
            yield line, ""


def sealed(lines: Iterable[bytes]) -> Iterator[Checkpoint]:
    """The checkpoints. One that can't be read is one without words."""
    for line in lines:
        if line.startswith(_CHECKPOINT):
            yield checkpoints.from_line(line) or Checkpoint(seq=0, text="", signature="")
