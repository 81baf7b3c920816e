"""The nouns: what they say about themselves, and the one text of each value."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, JsonValue, ValidationError

from bot.canonical import canonical
from bot.models import Account, Filter, Process, Session, Terminal, by_host, timestamp
from tests import make

KEY = "SHA256:" + "A" * 43


def test_nothing_can_be_changed_or_added() -> None:
    """A noun has exactly its fields, and can't be changed once it is there."""
    with pytest.raises(ValidationError):
        Account.model_validate({"name": "bob", "uid": 1000, "admin": True})
    with pytest.raises(ValidationError):
        setattr(make.account(), "uid", 0)  # noqa: B010 - mypy knows that it can't be


def test_ticks_beyond_what_json_counts() -> None:
    """A start in kernel ticks is text: it may be larger than any number that JSON keeps exact."""
    process = make.process(start=str(2**63))

    assert Process.model_validate_json(canonical(process)) == process


def test_canonical_text() -> None:
    """A value has one text: sorted keys, no spaces, UTF-8."""
    assert canonical(Account(name="jürgen", uid=1000)) == '{"name":"jürgen","sid":"","uid":1000}'.encode()


class AnyJson(BaseModel):
    """What no noun has: any JSON at all."""

    value: JsonValue


LEAVES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text() | st.text('\uffff\U00010000\\":,[]-.e123456789\b\x1f\x7f', max_size=30)
JSON = st.recursive(LEAVES | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=20)


@given(JSON)
@example({"\\": 1.5, "\uffff": 1, "\U00010000": 2})
@example(["a\\", -1e22, 2**53 - 1, '":1.5'])
def test_canonical_text_is_that_of_rfc_8785(value: JsonValue) -> None:
    """Whichever encoder writes a value, the text is the one of the library for RFC 8785, or both refuse."""
    try:
        expected = rfc8785.dumps(value)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            canonical(AnyJson(value=value))
    else:
        assert canonical(AnyJson(value=value)) == b'{"value":%b}' % expected


def test_timestamp() -> None:
    """A moment in any zone is written in UTC, with microseconds."""
    berlin = timezone(timedelta(hours=1))

    assert timestamp(datetime(2026, 11, 20, 14, 31, 5, tzinfo=berlin)) == "2026-11-20T13:31:05.000000Z"
    assert timestamp(datetime(2026, 11, 20, 13, 31, 5, 7, tzinfo=UTC)) == "2026-11-20T13:31:05.000007Z"


def test_idle_is_that_of_the_youngest_terminal() -> None:
    """A session with several terminals is as idle as the one used last; one that can't be read says nothing."""
    terminals = (
        Terminal(name="pts/1", since_key=900, since_output=5),
        Terminal(name="pts/2", since_key=60, since_output=700),
        Terminal(name="pts/3"),
    )
    session = make.session(terminals=terminals)

    assert (session.since_key, session.since_output) == (60, 5)


def test_idle_without_a_terminal() -> None:
    """Without a terminal, or with none that can be read, nobody knows: that isn't 0."""
    for terminals in ((), (Terminal(name="pts/1"),)):
        session = make.session(terminals=terminals)
        assert (session.since_key, session.since_output) == (None, None)


def test_snapshot_finds_by_exact_identity_and_name() -> None:
    """A snapshot finds a session by its whole identity, and an account's sessions by its whole name."""
    first, second = make.session("7"), make.session("8", account=make.account("audituser2"))
    look = make.snapshot(first, second)

    assert look.session(first.identity) == first
    assert look.session(first.identity[:-1]) is None
    assert look.of("audituser") == (first,)
    assert look.of("audit") == ()


def test_newest_look_of_each_host() -> None:
    """Of several looks at a host the last one counts."""
    older, newer, other = make.snapshot(make.session()), make.unreachable(), make.snapshot(host="host2")

    assert by_host([older, other, newer]) == {"host1": newer, "host2": other}


def test_stored_session_is_the_same() -> None:
    """A session comes back from its text as it was."""
    session = make.session()

    assert Session.model_validate_json(canonical(session)) == session


@pytest.mark.parametrize(
    ("only", "fits"),
    [
        (Filter(), True),
        (Filter(network="203.0.113.0/24"), True),
        (Filter(network="198.51.100.0/24"), False),
        (Filter(network="2001:db8::/32"), False),
        (Filter(key=KEY), True),
        (Filter(key=KEY.replace("A", "B")), False),
        (Filter(network="203.0.113.10/32", key=KEY), True),
        (Filter(network="198.51.100.4/32", key=KEY), False),
    ],
)
def test_filter(only: Filter, fits: bool) -> None:
    """A session is meant only if its address lies in the network and its key is the one, where they are named."""
    assert only.fits(make.session(remote="203.0.113.10", key=KEY)) is fits


@pytest.mark.parametrize("only", [Filter(network="0.0.0.0/0"), Filter(key=KEY)])
def test_filter_needs_to_know(only: Filter) -> None:
    """A session whose address or key isn't known, or is a name, is not meant by a filter on it."""
    assert not only.fits(make.session(remote="", key=""))
    assert not only.fits(make.session(remote="gateway.example.com"))


def test_runs_as() -> None:
    """A process runs as an account by its effective or its real user id."""
    assert make.process(uid=1001).runs_as(1001)
    assert make.process(uid=0, real_uid=1001).runs_as(1001)
    assert not make.process(uid=1001).runs_as(1002)


def test_a_copy_works_out_anew() -> None:
    """What was worked out once of a value is not taken over into a copy with other fields."""
    look = make.snapshot(make.session())
    assert look.processes
    assert look.starts
    assert look.session("logind:7:4300:43000")

    empty = look.model_copy(update={"sessions": ()})

    assert empty.processes == ()
    assert empty.starts == {}
    assert empty.session("logind:7:4300:43000") is None
    assert empty == make.snapshot()


@pytest.mark.parametrize(
    ("account", "is_of_people"),
    [
        (Account(name="alice", uid=1000), True),
        (Account(name="www-data", uid=33), False),
        (Account(name="dynamic", uid=62_000), False),
        (Account(name="nobody", uid=65_534), False),
        (Account(name=r"corp\alice", uid=62_000, sid="S-1-5-21-1-2-3-62000"), True),
        (Account(name="administrator", uid=500, sid="S-1-5-21-1-2-3-500"), False),
        (Account(name="?", uid=-1, sid="?"), False),
    ],
)
def test_accounts_of_people(account: Account, is_of_people: bool) -> None:
    """From 1000 up, but for systemd's own where accounts have uids; built-in accounts of Windows are no people's."""
    assert account.is_of_people is is_of_people
