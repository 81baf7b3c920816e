"""What /healthz and /metrics say of the facts: no by default, why in words, and nothing that is anybody's secret."""

import json
import re

import pytest

from bot import health
from bot.borders import HostsState, StoreState
from bot.health import Facts

WELL = Facts(
    phase="ready",
    slack_silence=3.0,
    reconnects=1,
    trail_silence=2.0,
    trail_fails=False,
    store=StoreState(recorded=7, recorded_age=900.0, leases=1, lease_age=2.5),
    hosts=HostsState(configured=20, answered=3, silent=1, answered_age=60.25),
    open_requests=2,
    loop_lag=0.00123456,
)
NOTHING_YET = WELL.model_copy(update={"store": StoreState(), "hosts": HostsState(configured=20)})

LINE = re.compile(
    r"# HELP kickbot_[a-z_]+ \S.*|# TYPE kickbot_[a-z_]+ (gauge|counter)|kickbot_[a-z_]+ -?[0-9.]+(e-?[0-9]+)?"
)


def store(**state: float) -> dict[str, object]:
    return {"store": StoreState.model_validate(state)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"phase": "starting"}, "Kickbot is starting"),
        ({"phase": "stopping"}, "Kickbot is stopping"),
        ({"slack_silence": 60.1}, "Slack has not answered for 60 s"),
        ({"trail_silence": 30.1}, "the audit trail was last read 30 s ago, and can't be read now"),
        ({"trail_fails": True}, "the audit trail was last read 2 s ago, and can't be read now"),
        (store(failed=1, failed_age=5.0), "an event could not be recorded"),
        (store(failed=1, failed_age=5.0, recorded=1, recorded_age=6.0), "an event could not be recorded"),
        (store(leases=1, lease_age=10.1), "not renewed for 10 s"),
    ],
)
def test_what_keeps_the_bot_from_its_job_is_said_in_words(change: dict[str, object], why: str) -> None:
    """One reason for one trouble, in /healthz, in the supervisor's line and as a 0 among the metrics."""
    facts = WELL.model_copy(update=change)
    (said,) = health.reasons(facts)
    assert why in said
    assert json.loads(health.as_json(facts))["reasons"] == [said]
    assert json.loads(health.as_json(facts))["ready"] is False
    assert health.in_short(facts) == said
    assert "\nkickbot_ready 0\n" in health.as_metrics(facts)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"slack_silence": 59.9, "trail_silence": 29.9},
        {"store": StoreState(), "hosts": HostsState(configured=1)},
        store(failed=1, failed_age=6.0, recorded=1, recorded_age=5.0),
        store(failed=1, failed_age=61.0),
        {"hosts": HostsState(configured=2, silent=2)},
    ],
)
def test_what_does_not_keep_it_from_its_job_is_no_reason(change: dict[str, object]) -> None:
    """Neither a host in trouble, nor what went well since, nor what is long ago."""
    facts = WELL.model_copy(update=change)
    assert health.reasons(facts) == ()
    assert json.loads(health.as_json(facts))["ready"] is True
    assert health.in_short(facts) == "ready; 2 open requests"
    assert "\nkickbot_ready 1\n" in health.as_metrics(facts)


def test_reasons_add_up() -> None:
    """All of them stand there, not only the first."""
    assert len(health.reasons(WELL.model_copy(update={"slack_silence": 90, "trail_fails": True}))) == 2


@pytest.mark.parametrize("facts", [WELL, NOTHING_YET])
def test_metrics_are_what_prometheus_reads(facts: Facts) -> None:
    """Each has its help and its type right before it, a name with its unit, and one plain number."""
    lines = health.as_metrics(facts).splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    for about, kind, value in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        assert about.split()[2] == kind.split()[2] == value.split()[0]
        assert kind.endswith("counter") == value.split()[0].endswith("_total")
    assert len({*lines[2::3]}) == len(lines) / 3


def test_metrics_have_the_values() -> None:
    """In seconds and whole numbers."""
    said = health.as_metrics(WELL).splitlines()
    for line in (
        "kickbot_slack_silence_seconds 3.0",
        "kickbot_slack_reconnects_total 1",
        "kickbot_trail_silence_seconds 2.0",
        "kickbot_events_recorded_total 7",
        "kickbot_event_age_seconds 900.0",
        "kickbot_open_requests 2",
        "kickbot_lease_age_seconds 2.5",
        "kickbot_hosts_configured 20",
        "kickbot_hosts_answered 3",
        "kickbot_hosts_silent 1",
        "kickbot_host_answer_age_seconds 60.25",
        "kickbot_loop_lag_seconds 0.001235",
    ):
        assert line in said


def test_what_was_not_yet_is_left_out() -> None:
    """An age of nothing would be a lie."""
    said = health.as_metrics(NOTHING_YET)
    for name in ("event_age", "lease_age", "host_answer_age"):
        assert name not in said
    assert json.loads(health.as_json(NOTHING_YET))["store"]["recorded_age"] is None
