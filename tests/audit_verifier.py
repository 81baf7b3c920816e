"""A verifier of exported trails that was written from bot/audit/FORMAT.md alone: it imports nothing of Kickbot.

python tests/audit_verifier.py EXPORT [ALLOWED_SIGNERS [STAMP_AUTHORITIES]]      exit status 0: it fits; 1: it doesn't
"""

import base64
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

LATEST = 16
ZEROS = "0" * 64
NAMESPACE = "kickbot-checkpoint"
MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
TEXT = re.compile(
    r"kickbot checkpoint 1\n"
    r"trail (?P<trail>[0-9a-f]{64})\n"
    r"event (?P<event>0|[1-9][0-9]{0,15})\n"
    r"hash (?P<hash>[0-9a-f]{64})\n"
    rf"time {MOMENT}\n"
    r"before (?P<before>0|[1-9][0-9]{0,15}) (?P<before_hash>[0-9a-f]{64})\n"
)

Signed = Callable[[str, str], bool]
Stamped = Callable[[str, bytes], bool]


class Bad(Exception):  # noqa: N818 - says what it is
    """The export doesn't fit."""


def verify(lines: Iterable[bytes], signed: Signed | None = None, stamped: Stamped | None = None) -> tuple[int, str]:
    """(number of events, newest hash). Raises Bad."""
    hashes = [ZEROS]
    at = ""
    known = [(0, ZEROS)]
    waiting: list[dict[str, Any]] = []
    for line in lines:
        if line.startswith(b'{"checkpoint":'):
            waiting.append(checkpoint(line, signed))
            continue
        if line.startswith(b'{"stamp":'):
            demand_stamp(line, waiting, stamped)
            continue
        if not line.strip():
            continue
        content = sealed(line, hashes[-1])
        at = demand(content, len(hashes), at)
        hashes.append(hashlib.sha256(hashes[-1].encode() + content).hexdigest())
    for each in waiting:
        place, before = int(each["event"]), (int(each["before"]), each["before_hash"])
        if not 1 <= place < len(hashes) or hashes[place] != each["hash"] or hashes[1] != each["trail"]:
            raise Bad(f"the checkpoint of event {place} doesn't fit")
        if before not in known[-LATEST:] or place < known[-1][0]:
            raise Bad(f"a checkpoint before that of event {place} is missing, or stands in another place")
        known.append((place, each["hash"]))
    return len(hashes) - 1, hashes[-1]


def sealed(line: bytes, previous: str) -> bytes:
    """The bytes of an event that has the hash that it should have."""
    head, content = line[:83], line[83:].removesuffix(b"\n")
    if not re.fullmatch(rb'\{"hash":"[0-9a-f]{64}","entry":', head) or not content.endswith(b"}"):
        raise Bad("a line is no event and no checkpoint")
    content = content[:-1]
    if hashlib.sha256(previous.encode() + content).hexdigest() != head[9:73].decode():
        raise Bad("a hash doesn't fit")
    return content


def demand(content: bytes, seq: int, earliest: str) -> str:
    """Its time, if it is what an event in that place has to be."""
    try:
        entry = json.loads(content.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise Bad(f"event {seq} is no JSON") from error
    whole = isinstance(entry, dict) and entry.keys() == {"v", "seq", "request", "at", "event"}
    if not whole or not isinstance(entry["event"], dict) or not isinstance(entry["event"].get("kind"), str):
        raise Bad(f"event {seq} hasn't got the members of an event")
    if type(entry["v"]) is not int or entry["v"] != 1 or type(entry["seq"]) is not int or entry["seq"] != seq:
        raise Bad(f"event {seq} has another version or number")
    if type(entry["request"]) is not int or not 1 <= entry["request"] <= seq:
        raise Bad(f"event {seq} belongs to no request")
    if not isinstance(entry["at"], str) or not re.fullmatch(MOMENT, entry["at"]) or entry["at"] < earliest:
        raise Bad(f"event {seq} has no time, or one before that of the event before it")
    return str(entry["at"])


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)


def checkpoint(line: bytes, signed: Signed | None) -> dict[str, Any]:
    """What a checkpoint says, if it is one, and signed if that is asked for."""
    try:
        said = json.loads(line)["checkpoint"]
        text, signature = said["text"], said["signature"]
        found = TEXT.fullmatch(text)
    except (ValueError, KeyError, TypeError) as error:
        raise Bad("a checkpoint can't be read") from error
    if found is None or not isinstance(signature, str) or (signed and not signed(text, signature)):
        raise Bad("a checkpoint is no text of one, or its signature doesn't count")
    return {**found.groupdict(), "text": text}


def demand_stamp(line: bytes, waiting: list[dict[str, Any]], stamped: Stamped | None) -> None:
    """Its checkpoint stands before it, and it is about that one's text, if that is asked for."""
    if stamped is None:
        return
    try:
        said = json.loads(line)["stamp"]
        texts = [each["text"] for each in waiting if int(each["event"]) == said["event"]]
        answer = base64.b64decode(said["answer"], validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise Bad("a time stamp can't be read") from error
    if not texts or not stamped(texts[-1], answer):
        raise Bad(f"the time stamp of event {said['event']} doesn't count")


def by_openssl(authorities: str) -> Stamped:
    """Time stamps as `openssl ts` judges them."""

    def stamped(text: str, answer: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            data, reply = Path(folder, "text"), Path(folder, "answer")
            data.write_text(text)
            reply.write_bytes(answer)
            command = ["openssl", "ts", "-verify", "-data", str(data), "-in", str(reply), "-CAfile", authorities]
            return subprocess.run(command, capture_output=True, check=False).returncode == 0

    return stamped


def by_openssh(allowed: str) -> Signed:
    """Signatures as `ssh-keygen` judges them."""

    def signed(text: str, signature: str) -> bool:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(signature)
            file.flush()
            command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "kickbot", "-n", NAMESPACE, "-s", file.name]
            return subprocess.run(command, input=text.encode(), capture_output=True, check=False).returncode == 0

    return signed


def main(export: str, allowed: str = "", authorities: str = "") -> int:
    with Path(export).open("rb") as lines:
        try:
            events, head = verify(
                lines, by_openssh(allowed) if allowed else None, by_openssl(authorities) if authorities else None
            )
        except Bad as bad:
            sys.stderr.write(f"{bad}\n")
            return 1
    sys.stdout.write(f"{events} events fit. Head: {head}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
