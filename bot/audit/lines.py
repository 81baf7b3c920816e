"""A trail as JSON lines: each event with its bytes as they are stored, after it its checkpoint and its stamps. Pure.

    {"hash":"…64 digits…","entry":{…}}        the entry's characters are the bytes that were sealed, none more or less
    {"checkpoint":{"text":"…","signature":"…"}}
    {"stamp":{"event":318,"place":"…","answer":"…base64…"}}

Canonical JSON has no line feed in it, so a line is a line, and `cut -b 84-` with its last brace taken off is the bytes.
"""

import base64
import binascii
import heapq
import json
import re
from collections.abc import Iterable, Iterator
from operator import itemgetter

from bot.audit import checkpoints
from bot.borders import Checkpoint, Stamped

_EVENT = re.compile(rb'\{"hash":"([0-9a-f]{64})","entry":(.*)\}\n?', re.DOTALL)
_CHECKPOINT, _STAMP = b'{"checkpoint":', b'{"stamp":'


def of_event(content: bytes, hash_: str) -> bytes:
    return b'{"hash":"%s","entry":%s}\n' % (hash_.encode(), content)


def of_stamp(stamped: Stamped) -> bytes:
    said = {"event": stamped.seq, "place": stamped.place, "answer": base64.b64encode(stamped.answer).decode()}
    return json.dumps({"stamp": said}, separators=(",", ":")).encode() + b"\n"


def merged(
    events: Iterable[tuple[int, bytes]], sealed: Iterable[Checkpoint], stamped: Iterable[Stamped] = ()
) -> Iterator[bytes]:
    """events: (sequence number, line). What belongs to an event stands after it, what is past the end at the end."""
    beside = (
        ((each.seq, checkpoints.line(each)) for each in sealed),
        ((each.seq, of_stamp(each)) for each in stamped),
    )
    for _, line in heapq.merge(events, *beside, key=itemgetter(0)):
        yield line


def events(lines: Iterable[bytes]) -> Iterator[tuple[bytes, str]]:
    """(bytes, hash) of each event. What is none of these three comes too, and fits nowhere."""
    for line in lines:
        if found := _EVENT.fullmatch(line):
            yield found[2], found[1].decode()
        elif line.strip() and not line.startswith((_CHECKPOINT, _STAMP)):
            yield line, ""


def sealed(lines: Iterable[bytes]) -> Iterator[Checkpoint]:
    """The checkpoints. One that can't be read is one without words."""
    for line in lines:
        if line.startswith(_CHECKPOINT):
            yield checkpoints.from_line(line) or Checkpoint(seq=0, text="", signature="")


def stamps(lines: Iterable[bytes]) -> Iterator[Stamped]:
    """The time stamps. One that can't be read is one without an answer."""
    for line in lines:
        if line.startswith(_STAMP):
            yield _stamped(line) or Stamped(seq=0, place="", answer=b"")


def _stamped(line: bytes) -> Stamped | None:
    try:
        said = json.loads(line)["stamp"]
        return Stamped(seq=said["event"], place=said["place"], answer=base64.b64decode(said["answer"], validate=True))
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        return None
