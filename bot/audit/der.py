"""The few bytes of ASN.1 (DER) that time stamps are made of: put together, and taken apart. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

BOOLEAN, INTEGER, OCTETS, NULL, OID, GENERALIZED_TIME, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x05, 0x06, 0x18, 0x30, 0x31
FIRST = 0xA0
"""The context's own tag [0], constructed."""

_LONG = 0x80
_MOST_DIGITS = 4
_HIGH_TAG = 0x1F


class Item(NamedTuple):
    """tag: its one byte. whole: with tag and length, as it came."""

    tag: int
    content: bytes
    whole: bytes

    def parts(self) -> Sequence["Item"]:
        """What a constructed one is made of. Raises ValueError."""
        return tuple(_items(self.content))


def encoded(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes([tag]) + _length(len(content)) + content


def integer(number: int) -> bytes:
    """number: not negative."""
    return encoded(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def item(content: bytes) -> Item:
    """The only one there. Raises ValueError."""
    found = tuple(_items(content))
    if len(found) != 1:
        raise ValueError("not one value")
    return found[0]


def expect(items: Sequence[Item], place: int, tag: int) -> Item:
    """The one in that place. Raises ValueError if it is another, or isn't there."""
    if place >= len(items) or items[place].tag != tag:
        raise ValueError(f"no value of kind {tag:#x} in place {place}")
    return items[place]


def _length(size: int) -> bytes:
    if size < _LONG:
        return bytes([size])
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([_LONG | len(digits)]) + digits


def _items(content: bytes) -> Iterator[Item]:
    at = 0
    while at < len(content):
        start, (size, at) = at, _size(content, at)
        if content[start] & _HIGH_TAG == _HIGH_TAG or at + size > len(content):
            raise ValueError("a value that is longer than what holds it, or of a kind that has no place here")
        yield Item(content[start], content[at : at + size], content[start : at + size])
        at += size


def _size(content: bytes, at: int) -> tuple[int, int]:
    """The size of the value that begins there, and where its content does."""
    first = content[at + 1] if at + 1 < len(content) else _LONG
    if first < _LONG:
        return first, at + 2
    digits = first - _LONG
    found = content[at + 2 : at + 2 + digits]
    if not 0 < digits == len(found) <= _MOST_DIGITS:
        raise ValueError("a value without a definite length")
    return int.from_bytes(found, "big"), at + 2 + digits
