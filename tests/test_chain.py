"""A chain that was touched anywhere doesn't verify, and says where. Attacks first."""

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit import chain
from bot.errors import BrokenTrail
from bot.events import Asked, Cancelled, Closed, Entry, Event, Refused
from bot.models import Kick, RequestId

START = datetime(2026, 11, 20, 13, 31, 5, tzinfo=UTC)
ASKED = Asked(
    who="U1", key="k1", channel="C1", home="C1", words="alice web01", command=Kick(user="alice", hosts=("web01",))
)
EVENTS: tuple[Event, ...] = (ASKED, Refused(reason="nö"), Cancelled(who="U1"), Cancelled(who="U2"), Closed(outcomes=()))

Rows = list[tuple[bytes, str]]


def sealed(events: Sequence[Event] = EVENTS) -> Rows:
    """The rows of a trail with one request."""
    rows: Rows = []
    previous = chain.GENESIS
    for seq, event in enumerate(events, 1):
        entry = Entry(seq=seq, request=RequestId(1), at=START + timedelta(seconds=seq), event=event)
        text, previous = chain.seal(previous, entry)
        rows.append((text.encode(), previous))
    return rows


def rehashed(contents: Sequence[bytes]) -> Rows:
    """The rows that someone makes who knows the rule: every hash fits."""
    rows: Rows = []
    previous = chain.GENESIS
    for content in contents:
        previous = chain.link(previous, content)
        rows.append((content, previous))
    return rows


def changed(number: int, change: Callable[[dict[str, Any]], object]) -> Rows:
    """A trail in which one event was rewritten before everything was hashed."""
    contents = [content for content, _ in sealed()]
    entry = json.loads(contents[number - 1])
    change(entry)
    contents[number - 1] = json.dumps(entry).encode()
    return rehashed(contents)


def broken_at(rows: Rows) -> tuple[int, str]:
    with pytest.raises(BrokenTrail) as caught:
        chain.verify(rows)
    return caught.value.sequence, caught.value.why


# --------------------------------------------------------------------------------- someone who can't make hashes


@given(st.integers(0, len(EVENTS) - 1), st.data())
def test_any_byte_changed(number: int, data: st.DataObject) -> None:
    """One changed byte in the bytes of any event is seen at that very event."""
    rows = sealed()
    content, stored = rows[number]
    place = data.draw(st.integers(0, len(content) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda new: new != content[place]))
    rows[number] = (content[:place] + bytes([byte]) + content[place + 1 :], stored)

    assert broken_at(rows)[0] == number + 1


@given(st.integers(0, len(EVENTS) - 1), st.integers(0, 63), st.characters())
def test_any_digit_of_a_hash_changed(number: int, place: int, digit: str) -> None:
    """One changed digit in a stored hash is seen at that very event, and a capital letter is a change."""
    rows = sealed()
    content, stored = rows[number]
    other = stored[:place] + digit + stored[place + 1 :]
    rows[number] = (content, other)

    if other != stored:
        assert broken_at(rows)[0] == number + 1


@pytest.mark.parametrize("number", range(1, len(EVENTS)))
def test_removed(number: int) -> None:
    """An event that was removed is missed by its number."""
    rows = sealed()
    del rows[number - 1]

    assert broken_at(rows) == (number, f"it is missing or was moved: event {number + 1} stands in its place")


def test_head_cut() -> None:
    """Events cut off at the beginning are missed."""
    assert broken_at(sealed()[2:])[0] == 1


def test_inserted_twice() -> None:
    """An event that stands there twice is seen at the second."""
    rows = sealed()
    rows.insert(2, rows[1])

    assert broken_at(rows) == (3, "it is missing or was moved: event 2 stands in its place")


def test_swapped() -> None:
    """Two events that changed places are seen at the first."""
    rows = sealed()
    rows[1], rows[2] = rows[2], rows[1]

    assert broken_at(rows)[0] == 2


def test_another_trails_event() -> None:
    """An event that fits into another trail doesn't fit into this one."""
    rows = sealed()
    rows[3] = sealed((Cancelled(), *EVENTS[1:]))[3]

    assert broken_at(rows)[0] == 4


# --------------------------------------------------------------------------------- someone who makes every hash anew


def test_unknown_version() -> None:
    """An event of a version that this release doesn't know is refused and named."""
    assert broken_at(changed(2, lambda e: e.update(v=2))) == (2, "its version is 2, which this release doesn't know")


@pytest.mark.parametrize("version", [True, 1.0, "1", None, [1]])
def test_version_is_an_integer(version: object) -> None:
    """What only looks like version 1 is unknown."""
    assert broken_at(changed(2, lambda e: e.update(v=version)))[0] == 2


@pytest.mark.parametrize("kind", ["forgiven", "", None, 7, ["asked"]])
def test_unknown_kind(kind: object) -> None:
    """An event of a kind that this release doesn't know is refused and named."""
    number, why = broken_at(changed(3, lambda e: e["event"].update(kind=kind)))

    assert (number, why) == (3, f"its kind is {kind!r}, which this release doesn't know")


@pytest.mark.parametrize("number", [0, 3, -1, True, 2.0, "2", None])
def test_numbers_without_a_gap(number: object) -> None:
    """The numbers are 1, 2, 3 and so on, as integers."""
    assert broken_at(changed(2, lambda e: e.update(seq=number)))[0] == 2


@pytest.mark.parametrize("request_", [0, -1, 3, True, 1.0, "1", None])
def test_request_up_to_here(request_: object) -> None:
    """A request is the number of this event or of one before it."""
    assert broken_at(changed(2, lambda e: e.update(request=request_)))[0] == 2


@pytest.mark.parametrize(
    "at",
    ["2026-11-20T13:31:05.999999Z", "2026-11-20T13:31:07Z", "2026-11-20T13:31:07.000000+00:00", "2027", "", None, 5,
     "٢٠٢٦-11-20T13:31:07.000000Z", "2026-11-20T13:31:07.000000Z\n"],
)  # fmt: skip
def test_time_goes_forward(at: object) -> None:
    """No time is before the one before it, or in another form."""
    assert broken_at(changed(2, lambda e: e.update(at=at)))[0] == 2


def test_same_time() -> None:
    """Two events may have the same time."""
    chain.verify(changed(2, lambda e: e.update(at="2026-11-20T13:31:06.000000Z")))


def test_a_name_twice() -> None:
    """A text in which a name stands twice could say one thing to SQLite and another to Python."""
    contents = [content for content, _ in sealed()]
    contents[1] = contents[1].replace(b'"seq":2', b'"seq":7,"seq":2')

    assert broken_at(rehashed(contents))[0] == 2


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b"7", b'"a"', b"{}", b"\xff", b"[" * 100_000, b"1" * 5000, b'{"seq":2}',
                b'{"seq":2,"v":1}', b'{"at":"","event":[],"request":1,"seq":2,"v":1}'],
)  # fmt: skip
def test_no_entry(content: bytes) -> None:
    """Bytes that are no entry are refused, whatever they are."""
    contents = [row[0] for row in sealed()]
    contents[1] = content

    assert broken_at(rehashed(contents))[0] == 2


def test_another_field() -> None:
    """A field that version 1 hasn't got is refused."""
    assert broken_at(changed(2, lambda e: e.update(note="x")))[0] == 2


def test_hash_is_no_hash() -> None:
    """A previous hash that isn't even ASCII is only wrong."""
    rows = sealed()
    rows[1] = (rows[1][0], "ü\ud800")

    assert broken_at(rows)[0] == 2


# --------------------------------------------------------------------------------- what stands


def test_whole() -> None:
    """A trail that nobody touched verifies, and its newest event is given back."""
    rows = sealed()

    head = chain.verify(rows)

    assert (head.seq, head.hash, head.at) == (5, rows[-1][1], "2026-11-20T13:31:10.000000Z")


def test_empty() -> None:
    """A trail without events verifies."""
    assert chain.verify([]) == chain.START


def test_later_part() -> None:
    """A later part of a trail verifies from the event before it."""
    rows = sealed()

    assert chain.verify(rows[2:], chain.verify(rows[:2])) == chain.verify(rows)


def test_tail_cut() -> None:
    """Events cut off at the end can't be seen from the chain alone: what is left fits."""
    assert chain.verify(sealed()[:3]).seq == 3


def test_rule() -> None:
    """The hash is SHA-256 over 64 digits and the bytes, so that anyone can make it without Kickbot."""
    entry = Entry(seq=1, request=RequestId(1), at=START, event=Cancelled(who="Jürg"))

    text, hash_ = chain.seal(chain.GENESIS, entry)

    assert text == (
        '{"at":"2026-11-20T13:31:05.000000Z","event":{"kind":"cancelled","who":"Jürg"},"request":1,"seq":1,"v":1}'
    )
    assert hash_ == hashlib.sha256(b"0" * 64 + text.encode()).hexdigest()


@pytest.mark.parametrize("event", [Refused(reason="\ud800"), Cancelled(who="a\udfff")])
def test_cannot_be_said(event: Event) -> None:
    """A lone surrogate can't be sealed."""
    with pytest.raises(ValueError, match="UTF-8"):
        chain.seal(chain.GENESIS, Entry(seq=1, request=RequestId(1), at=START, event=event))
