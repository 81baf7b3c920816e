"""What a checkpoint says of a trail, as a short text that people read and a key signs. Pure.

    kickbot checkpoint 1
    trail   the hash of the trail's first event, which no other trail has
    event   the sequence number of the newest event
    hash    that event's hash, which stands for every event up to it
    time    when this was written, by the store's clock
    before  the sequence number of the checkpoint before this one, and its hash; 0 and 64 zeros for the first one

Each value stands after one space. What is signed is exactly this text, each line with its line feed.
"""

import json
import re
from datetime import datetime
from typing import NamedTuple

from bot.borders import Checkpoint
from bot.models import timestamp

NAMESPACE = "kickbot-checkpoint"
"""Of its signatures, so that none made for anything else counts here: `ssh-keygen -Y verify -n kickbot-checkpoint`."""
PRINCIPAL = "kickbot"
"""Whose they are, in an allowed_signers file."""

_HASH = "[0-9a-f]{64}"
_NUMBER = "0|[1-9][0-9]{0,15}"
_TEXT = re.compile(
    rf"kickbot checkpoint 1\ntrail ({_HASH})\nevent ({_NUMBER})\nhash ({_HASH})\n"
    rf"time (\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z)\nbefore ({_NUMBER}) ({_HASH})\n",
    re.ASCII,
)


class Statement(NamedTuple):
    """What it says. at: as it is written."""

    trail: str
    seq: int
    hash: str
    at: str
    before: int
    before_hash: str

    @property
    def text(self) -> str:
        return (
            f"kickbot checkpoint 1\ntrail {self.trail}\nevent {self.seq}\nhash {self.hash}\n"
            f"time {self.at}\nbefore {self.before} {self.before_hash}\n"
        )


def read(text: str) -> Statement | None:
    """What a text says; None if it is no checkpoint's."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    trail, seq, hash_, at, before, before_hash = found.groups()
    return Statement(trail=trail, seq=int(seq), hash=hash_, at=at, before=int(before), before_hash=before_hash)


def stated(trail: str, seq: int, hash_: str, now: datetime, before: Statement | None, genesis: str) -> Statement:
    """What is to be signed now, after the checkpoint before."""
    then, then_hash = (before.seq, before.hash) if before else (0, genesis)
    return Statement(trail=trail, seq=seq, hash=hash_, at=timestamp(now), before=then, before_hash=then_hash)


def line(checkpoint: Checkpoint) -> bytes:
    """How it stands in a file, and is told to others: one line of JSON in ASCII, with its line feed."""
    said = {"checkpoint": {"text": checkpoint.text, "signature": checkpoint.signature}}
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def from_line(content: bytes) -> Checkpoint | None:
    """The checkpoint of such a line; None if it is none."""
    try:
        said = json.loads(content)["checkpoint"]
        statement = read(said["text"])
        if statement is None:
            return None
        return Checkpoint(seq=statement.seq, text=said["text"], signature=said["signature"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
