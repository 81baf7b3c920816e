"""Slack's rate limits in the sandbox, by a clock that stands where the test puts it."""

import pytest

from bot.sandbox.rates import Rates
from tests.fakes import FakeSeconds


@pytest.fixture
def clock() -> FakeSeconds:
    return FakeSeconds()


def test_the_51st_edit_in_a_minute_is_refused(clock: FakeSeconds) -> None:
    """chat.update has 50 calls a minute, and the refusal says when to come back."""
    rates = Rates(clock)
    assert [rates("chat.update", {}) for _ in range(50)] == [None] * 50
    clock.now += 45.5

    fault = rates("chat.update", {})

    assert fault is not None
    assert (fault.status, fault.headers) == (429, {"Retry-After": "15"})
    clock.now += 15
    assert rates("chat.update", {}) is None


def test_messages_count_for_each_channel(clock: FakeSeconds) -> None:
    """A short burst passes; another channel has a limit of its own."""
    rates = Rates(clock)
    for _ in range(5):
        assert rates("chat.postMessage", {"channel": "C0INCIDENT"}) is None

    assert rates("chat.postMessage", {"channel": "C0INCIDENT"}) is not None
    assert rates("chat.postMessage", {"channel": "C0RANDOM"}) is None


def test_what_has_no_tier_is_not_counted(clock: FakeSeconds) -> None:
    """auth.test may be called as often as needed."""
    rates = Rates(clock)

    assert [rates("auth.test", {}) for _ in range(500)] == [None] * 500


def test_a_busy_day_takes_no_time(clock: FakeSeconds) -> None:
    """Minute after minute the whole limit passes and one call more does not: time is the clock's."""
    rates = Rates(clock)
    for _ in range(24 * 60):
        faults = [rates("chat.update", {}) for _ in range(51)]
        assert [fault is None for fault in faults] == [True] * 50 + [False]
        clock.now += 60


@pytest.mark.parametrize(
    ("method", "a_minute"),
    [
        ("bots.info", 50),
        ("chat.postEphemeral", 100),
        ("chat.update", 50),
        ("conversations.info", 50),
        ("conversations.list", 20),
        ("conversations.members", 100),
        ("conversations.open", 50),
        ("team.info", 50),
        ("usergroups.list", 20),
        ("usergroups.users.list", 20),
        ("users.info", 100),
        ("views.open", 100),
        ("views.publish", 100),
        ("views.update", 100),
    ],
)
def test_each_method_has_the_tier_that_slack_documents(clock: FakeSeconds, method: str, a_minute: int) -> None:
    """So many calls a minute pass."""
    rates = Rates(clock)

    assert [rates(method, {}) is None for _ in range(a_minute + 1)] == [True] * a_minute + [False]
