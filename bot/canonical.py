"""One value, one text: RFC 8785 JSON and SHA-256 over it. Pure."""

import hashlib
import json
import re

import rfc8785
from pydantic import BaseModel

_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
_NUMBER = re.compile(r"[:,\[](?<![^\"]:)-?(?:\d+[.eE]|\d{16})", re.ASCII)
"""Where a fraction may stand, or an integer beyond 2^53."""


def canonical(value: BaseModel) -> bytes:
    """The RFC 8785 JSON of a value, UTF-8. Two equal values give equal bytes, in any release and any language."""
    plain = value.model_dump(mode="json")
    text = _ENCODER.encode(plain)
    return text.encode() if _is_canonical(text) else rfc8785.dumps(plain)


def digest(content: bytes) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _is_canonical(text: str) -> bool:
    """True where Python's own encoder, which is many times quicker, writes what RFC 8785 says: all but some numbers.

    It sorts names by their code points; UTF-16 does otherwise with what takes two of its units. Lone
    surrogates are for the other encoder to refuse.
    """
    one_unit_each = text.isascii() or len(text.encode("utf-16-le", "ignore")) == 2 * len(text)
    return one_unit_each and not _NUMBER.search(text)
