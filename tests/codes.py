"""What people's authenticators show, computed from RFC 4226 and 6238 without the library that the bot asks."""

import base64
import hmac
from datetime import datetime
from hashlib import sha1
from pathlib import Path

from bot.authenticators import STEP, SecretFile


def secret(who: str) -> bytes:
    """Each person's own, always the same."""
    return who.encode().ljust(20, b".")[:20]


def enrolled(path: Path, *people: str) -> SecretFile:
    """A file in which they have a second factor."""
    path.write_text("".join(f'{who} = "{base64.b32encode(secret(who)).decode()}"\n' for who in people))
    path.chmod(0o600)
    return SecretFile(path)


def code(who: str, at: datetime) -> str:
    """RFC 4226, 5.3."""
    return hotp(secret(who), int(at.timestamp()) // STEP)


def hotp(key: bytes, counter: int) -> str:
    digest = hmac.digest(key, counter.to_bytes(8, "big"), sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def wrong(who: str, at: datetime) -> str:
    """Six digits that are none of theirs for minutes."""
    near = {hotp(secret(who), int(at.timestamp()) // STEP + step) for step in range(-10, 11)}
    return next(text for number in range(1_000_000) if (text := f"{number:06}") not in near)
