"""When what arrives was sent, and how the bot notices that it slept."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.slack.incoming import arrivals
from bot.slack.incoming.arrivals import FIRST_MOMENTS, STILL, Pulse, told_by_slack

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    """Seconds since boot, as a test says."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulse(clock: Clock) -> Pulse:
    return Pulse(clock=clock)


async def test_the_heart_beats_by_itself(clock: Clock) -> None:
    """While it does, what arrives hasn't waited, however long the bot runs."""

    async def sleep(seconds: float) -> None:
        clock.now += seconds
        if clock.now > 2000:
            raise TimeoutError

    pulse = Pulse(sleep, clock)
    with pytest.raises(TimeoutError):
        await pulse.run()
    assert pulse.waited() == 0


def test_what_arrives_right_after_a_sleep_may_be_as_old(clock: Clock, pulse: Pulse) -> None:
    """Even before the heart beats again: a socket may be read first."""
    clock.now += 200
    assert pulse.waited() == 200


def test_what_arrives_a_while_after_a_sleep_is_new(clock: Clock, pulse: Pulse) -> None:
    """What waited has been read by then."""
    clock.now += 200
    pulse.waited()
    clock.now += FIRST_MOMENTS / 2
    assert pulse.waited() == 200
    clock.now += FIRST_MOMENTS / 2
    assert pulse.waited() == 0


def test_a_busy_machine_is_no_sleep(clock: Clock, pulse: Pulse) -> None:
    """A loop that lags for some seconds reads what is as good as new."""
    clock.now += STILL
    assert pulse.waited() == 0


def test_a_short_sleep_right_after_a_long_one_hides_nothing(clock: Clock, pulse: Pulse) -> None:
    """The longer of both counts."""
    clock.now += 200
    pulse.waited()
    clock.now += STILL + 1
    assert pulse.waited() == 200


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"event": {"ts": f"{NOON.timestamp():.6f}"}}, {}),
        ({"actions": [{"action_ts": f"{NOON.timestamp():.6f}"}]}, {}),
        ({"command": "/kick"}, {"x-slack-request-timestamp": [f"{NOON.timestamp():.0f}"]}),
    ],
)
def test_slacks_own_time(body: arrivals.Json, headers: dict[str, list[str]], pulse: Pulse, clock: Clock) -> None:
    """Of a message, a click, or a signed request: it is exact, so a sleep makes it no older."""
    clock.now += 200
    assert told_by_slack(body, headers) == NOON
    assert arrivals.sent(body, headers, pulse) == NOON


@pytest.mark.parametrize("text", ["", "yesterday", "1e400", "nan", "9" * 30])
def test_a_time_that_is_none_says_nothing(text: str) -> None:
    """Whatever stands in its place."""
    assert told_by_slack({"event": {"ts": text}, "actions": []}, {"x-slack-request-timestamp": [text]}) is None


def test_without_a_time_and_a_sleep_no_clock_counts(pulse: Pulse) -> None:
    """However far this machine's clock and the trail's lie apart, what was typed just now is no older."""
    assert arrivals.sent({"command": "/kick"}, {}, pulse) is None


def test_without_a_time_it_is_as_old_as_the_sleep(clock: Clock, pulse: Pulse) -> None:
    """A command over Socket Mode."""
    clock.now += 3600
    before = datetime.now(UTC)
    sent = arrivals.sent({"command": "/kick"}, {}, pulse)
    assert sent is not None
    assert before <= sent + timedelta(hours=1) <= datetime.now(UTC)
