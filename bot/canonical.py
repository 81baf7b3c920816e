"""One value, one text: RFC 8785 JSON and SHA-256 over it. Pure."""

import hashlib

import rfc8785
from pydantic import BaseModel


def canonical(value: BaseModel) -> bytes:
    """The RFC 8785 JSON of a value, UTF-8. Two equal values give equal bytes, in any release and any language."""
    return rfc8785.dumps(value.model_dump(mode="json"))


def digest(content: bytes) -> str:
    """SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
