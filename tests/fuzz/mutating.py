"""Changes JSON values: keys dropped, other types, other ids, what is huge, nested or not for people's eyes."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

from tests.fuzz.tape import Tape

MOST_CHANGES = 4

Place = tuple[Any, Any]
"""A list or an object, and the index or key in it."""


def nested(depth: int) -> Any:
    value: Any = "in the middle"
    for number in range(depth):
        value = [value] if number % 2 else {"value": value}
    return value


JUNK: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 1 << 31, 1 << 63, 10**30, 1e308, 0.5),
    *("", " ", "0", "x", "x" * 5_000, "<!channel>", "*", "@", "\0", "\ud800", "\u202e", "\U0001f9e8", "nan", "1e999"),
    *([], {}, [[]], [{}], {"id": {}}, {"id": "x"}, {"value": "x"}, [None], nested(40)),
    *('{"request":1,"plan":""}', '{"channel":"C0RANDOM"}', '{"channel":1}', "[]", "null", "{"),
)


def changed(value: Any, tape: Tape, ids: Sequence[Any] = ()) -> Any:
    """A copy with one change, or some more. ids: what else may come instead."""
    held = [deepcopy(value)]
    for _ in range(1 + tape.below(MOST_CHANGES)):
        places = list(_places(held))
        _change(tape.one(places), tape, places, ids)
    return held[0]


def _change(place: Place, tape: Tape, places: Sequence[Place], ids: Sequence[Any]) -> None:
    holder, key = place
    match tape.below(7):
        case 0 if isinstance(holder, dict):
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[tape.text(8)] = holder.pop(key)
        case 2:
            other, name = tape.one(places)
            holder[key] = deepcopy(other[name])
        case 3 if ids:
            holder[key] = tape.one(ids)
        case 4:
            holder[key] = tape.one(([holder[key]], {"value": holder[key]}, [holder[key]] * 300))
        case 5 if isinstance(holder[key], str):
            holder[key] = _edited(holder[key], tape)
        case _:
            holder[key] = deepcopy(tape.one(JUNK))


def _edited(text: str, tape: Tape) -> str:
    at = tape.below(len(text) + 1)
    return text[:at] + tape.text(12) + text[at + tape.below(4) :]


def _places(value: Any) -> Iterator[Place]:
    """All of them, those further out first."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in list(inside):
        yield value, key
        yield from _places(item)
