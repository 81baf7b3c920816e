"""Signed HTTP: nothing is taken but what was signed with the secret, of now, for the first time; and read as JSON."""

import hashlib
import hmac
import json
from collections.abc import Sequence

from bot.slack.http_mode import payload
from bot.slack.signatures import WINDOW, NotTaken, Signatures
from tests.fakes import FakeSeconds
from tests.fuzz.tape import Tape

SECRET = "8f742231b10e8888abcd99f0d1ac85a5"
NOW = int(FakeSeconds.now)
BODIES = (
    b"command=%2Fkick&text=audituser+host1",
    b"payload=%7B%22type%22%3A%22block_actions%22%7D",
    b'{"type":"event_callback"}',
    *(
        b"",
        b"{}",
        b"payload",
        b"payload=",
        b"payload=[]",
        b"a=%ff",
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b"\xff\xfe",
        b"1e999",
    ),
    b"payload=x&payload=%7B%7D",
)
KINDS = ("application/json", "application/x-www-form-urlencoded", "text/plain", "")


def signed_http(content: bytes) -> None:
    """One request from a stranger who may know everything but the secret; then the same body as Slack sends it."""
    tape = Tape(content)
    signatures = Signatures(SECRET, FakeSeconds())
    body = _body(tape)
    at = str(NOW + tape.one((0, WINDOW, -WINDOW, WINDOW + 1, -WINDOW - 1, 10**9, -NOW)))
    right = _signature(SECRET, at, body)
    headers = [_changed(tape, at)], [_changed(tape, right)]
    if tape.yes(4):
        headers = headers[0] * tape.below(3), headers[1] * tape.below(3)
    may_be = headers == ([at], [right]) and abs(int(at) - NOW) <= WINDOW and int(at) > 0
    assert _taken(signatures, *headers, body) == may_be
    if may_be:
        assert not _taken(signatures, *headers, body), "taken twice"
    _read(body, tape.one(KINDS))


def _body(tape: Tape) -> bytes:
    body = tape.one(BODIES)
    at = tape.below(len(body) + 1)
    return body[:at] + tape.take(tape.below(16)) + body[at + tape.below(4) :]


def _changed(tape: Tape, text: str) -> str:
    match tape.below(6):
        case 1:
            return tape.text()
        case 2:
            at = tape.below(len(text) + 1)
            return text[:at] + tape.text(4) + text[at + tape.below(3) :]
        case 3:
            return text.upper()
        case 4:
            return _signature("", str(NOW), b"")
        case _:
            return text


def _signature(secret: str, at: str, body: bytes) -> str:
    """As Slack's documentation makes it."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + at.encode() + b":" + body, hashlib.sha256).hexdigest()


def _taken(signatures: Signatures, timestamps: Sequence[str], said: Sequence[str], body: bytes) -> bool:
    try:
        signatures.verify(signatures.claim(timestamps, said), body)
    except NotTaken:
        return False
    return True


def _read(body: bytes, kind: str) -> None:
    """What `HttpMode` answers with 400 is one of two errors."""
    try:
        found = payload(body, kind)
    except (ValueError, RecursionError):
        return
    assert isinstance(found, dict)
    json.dumps(found)
