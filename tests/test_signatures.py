"""Slack's signatures: everything that isn't Slack's, of now and new is refused; the trivial bypasses first."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack import signatures as module
from bot.slack.signatures import WINDOW, NotTaken, Reason, Signatures
from tests.fakes import FakeSeconds

SECRET = "8f742231b10e8888abcd99f0d1ac85a5"
BODY = b"command=%2Fkick&text=audituser+host1"


@pytest.fixture
def clock() -> FakeSeconds:
    return FakeSeconds()


@pytest.fixture
def signatures(clock: FakeSeconds) -> Signatures:
    return Signatures(SECRET, clock)


def signed(timestamp: float | str, body: bytes = BODY, secret: str = SECRET, version: str = "v0") -> tuple[str, str]:
    """The two headers, as Slack's documentation makes them."""
    at = timestamp if isinstance(timestamp, str) else str(int(timestamp))
    digest = hmac.new(secret.encode(), b":".join([version.encode(), at.encode(), body]), hashlib.sha256)
    return at, f"{version}={digest.hexdigest()}"


def taken(signatures: Signatures, headers: tuple[str, str], body: bytes = BODY) -> Reason | None:
    """Why it isn't taken; None if it is."""
    timestamp, signature = headers
    return of_headers(signatures, [timestamp], [signature], body)


def of_headers(signatures: Signatures, timestamps: list[str], said: list[str], body: bytes = BODY) -> Reason | None:
    try:
        signatures.verify(signatures.claim(timestamps, said), body)
    except NotTaken as refused:
        return refused.reason
    return None


# ------------------------------------------------------------------------------------------------ refused


def test_no_secret_is_no_key() -> None:
    """With an empty secret anybody could sign."""
    with pytest.raises(ValueError, match="anybody"):
        Signatures("")


def test_forged(signatures: Signatures, clock: FakeSeconds) -> None:
    """Signed with another secret, with an empty one, for another body, or for another time."""
    timestamp, signature = signed(clock())

    assert taken(signatures, signed(clock(), secret="another")) is Reason.FORGED
    assert taken(signatures, signed(clock(), secret="")) is Reason.FORGED
    assert taken(signatures, (timestamp, signature), BODY + b" ") is Reason.FORGED
    assert taken(signatures, (timestamp, signature), b"") is Reason.FORGED
    assert taken(signatures, (str(int(timestamp) + 1), signature)) is Reason.FORGED
    assert taken(signatures, (timestamp, "v0=" + "0" * 64)) is Reason.FORGED


def test_where_the_parts_meet_can_not_be_moved(signatures: Signatures, clock: FakeSeconds) -> None:
    """`v0:170:0…` signed as timestamp and body is no signature for a longer timestamp."""
    timestamp, signature = signed(clock(), b"1:" + BODY)
    assert taken(signatures, (timestamp + "1", signature), BODY) is not None


def test_another_version(signatures: Signatures, clock: FakeSeconds) -> None:
    """v1 is unknown, even if rightly made."""
    assert taken(signatures, signed(clock(), version="v1")) is Reason.MALFORMED


@pytest.mark.parametrize(("seconds", "reason"), [(-WINDOW - 1, Reason.LATE), (WINDOW + 1, Reason.EARLY)])
def test_late_and_early(signatures: Signatures, clock: FakeSeconds, seconds: int, reason: Reason) -> None:
    """Rightly signed, but more than five minutes away from now."""
    assert taken(signatures, signed(clock() + seconds)) is reason


def test_a_body_that_takes_its_time(signatures: Signatures, clock: FakeSeconds) -> None:
    """It was in time when the headers came, and is late when the body has come."""
    timestamp, signature = signed(clock() - WINDOW + 1)
    claim = signatures.claim([timestamp], [signature])
    clock.now += 2
    with pytest.raises(NotTaken):
        signatures.verify(claim, BODY)


def test_replayed(signatures: Signatures, clock: FakeSeconds) -> None:
    """The same request again, at once and as long as its time is valid; and later it is late."""
    headers = signed(clock() + WINDOW)
    assert taken(signatures, headers) is None

    for _ in range(20):
        clock.now += WINDOW / 10
        reason = taken(signatures, headers)
        assert reason is Reason.REPLAYED
    clock.now += 1
    assert taken(signatures, headers) is Reason.LATE


def test_replayed_with_other_letters(signatures: Signatures, clock: FakeSeconds) -> None:
    """What means the same but looks different is no second request."""
    timestamp, signature = signed(clock())
    assert taken(signatures, (timestamp, signature)) is None

    assert taken(signatures, (timestamp, signature.upper())) is Reason.MALFORMED
    assert taken(signatures, (f"0{timestamp}", signature)) is Reason.MALFORMED


MALFORMED = [
    "",
    " ",
    "now",
    "+1700000000",
    "-1",
    "1_700_000_000",
    "1700000000.0",
    "1e9",
    "0x6553f100",
    "17" * 40,
    "१७०",
]
MALFORMED += ["1700000000\n", "1700000000 ", "é", "\udcff", "\x00", "None", "inf", "nan"]


@pytest.mark.parametrize("timestamp", MALFORMED)
def test_a_timestamp_that_is_none(signatures: Signatures, timestamp: str) -> None:
    """NotTaken, even where int() would read a number, and though it is rightly signed."""
    signature = signed(timestamp.encode("utf-8", "surrogatepass").decode("latin-1"))[1]
    assert taken(signatures, (timestamp, signature)) is Reason.MALFORMED


@pytest.mark.parametrize(
    "signature", ["", "v0=", "v0", "V0=" + "0" * 64, "v0=" + "é" * 64, "v0=" + "\udcff" * 64, "0" * 64]
)
def test_a_signature_that_is_none(signatures: Signatures, clock: FakeSeconds, signature: str) -> None:
    """slack_sdk's verifier raises on some of these."""
    assert taken(signatures, (str(int(clock())), signature)) is Reason.MALFORMED


def test_missing_or_several(signatures: Signatures, clock: FakeSeconds) -> None:
    """Exactly one of each, even if the right one is among them."""
    timestamp, signature = signed(clock())
    for timestamps, said in [
        ([], []),
        ([timestamp], []),
        ([], [signature]),
        ([timestamp, timestamp], [signature]),
        ([timestamp], [signature, signature]),
        ([timestamp], ["v0=" + "0" * 64, signature]),
    ]:
        assert of_headers(signatures, timestamps, said) is Reason.MALFORMED


@given(timestamps=st.lists(st.text() | st.integers().map(str), max_size=3), said=st.lists(st.text(), max_size=3))
def test_any_garbage_is_refused(timestamps: list[str], said: list[str]) -> None:
    """Whatever the headers are, it is NotTaken and nothing else."""
    assert of_headers(Signatures(SECRET, FakeSeconds()), timestamps, said) is not None


@given(st.text(alphabet="0123456789abcdef", min_size=64, max_size=64), st.binary(max_size=200))
def test_any_well_formed_guess_is_refused(digest: str, body: bytes) -> None:
    """Every body, UTF-8 or not, with a signature that only looks like one."""
    clock = FakeSeconds()
    assert taken(Signatures(SECRET, clock), (str(int(clock())), f"v0={digest}"), body) is Reason.FORGED


def test_memory_is_bounded(signatures: Signatures, clock: FakeSeconds, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is full, nothing more is taken until the oldest are out of time; nothing is forgotten before."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    first = [signed(clock(), b"%d" % n) for n in range(3)]
    for number, headers in enumerate(first):
        assert taken(signatures, headers, b"%d" % number) is None

    assert taken(signatures, signed(clock(), b"4"), b"4") is Reason.CROWDED
    assert taken(signatures, first[0], b"0") is Reason.REPLAYED
    clock.now += 2 * WINDOW + 1
    assert taken(signatures, signed(clock(), b"4"), b"4") is None
    assert len(signatures._seen) == 1


def test_only_what_is_slacks_is_remembered(signatures: Signatures, clock: FakeSeconds) -> None:
    """Strangers can't fill the memory."""
    for number in range(100):
        taken(signatures, (str(int(clock())), f"v0={number:064}"))
    assert not signatures._seen


# ------------------------------------------------------------------------------------------------ taken


@pytest.mark.parametrize("seconds", [-WINDOW, -1, 0, 1, WINDOW])
def test_slacks_own(signatures: Signatures, clock: FakeSeconds, seconds: int) -> None:
    """Signed within five minutes, each once."""
    assert taken(signatures, signed(clock() + seconds)) is None


def test_the_example_of_slacks_documentation() -> None:
    """The page that explains it has a secret, a body and the signature that they make."""
    body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    body += b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    body += (
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    )
    body += b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    clock = FakeSeconds()
    clock.now = 1531420618
    said = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

    assert taken(Signatures("8f742231b10e8888abcd99yyyzzz85a5", clock), ("1531420618", said), body) is None


def test_the_same_words_twice_are_two_requests(signatures: Signatures, clock: FakeSeconds) -> None:
    """Slack signs each at its own time."""
    assert taken(signatures, signed(clock())) is None
    assert taken(signatures, signed(clock() + 1)) is None
