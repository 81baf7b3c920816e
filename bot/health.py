"""How the bot is, from the small facts that its parts offer: what /healthz and /metrics say. Pure.

It names no person, no host and no request, and shows no evidence.
"""

import json
from collections.abc import Iterator
from typing import Literal

from bot.borders import HostsState, StoreState
from bot.models import Value

SLACK_PATIENCE = 60.0
TRAIL_PATIENCE = 30.0
LEASE_PATIENCE = 10.0
"""Seconds; afterwards another replica may have them."""
DOUBT = 60.0
"""Seconds for which an event that couldn't be recorded counts, if none was recorded since."""

Phase = Literal["starting", "ready", "stopping"]


class Facts(Value):
    """What the parts say at one moment. Ages and silences are seconds.

    slack_silence: since Slack last answered. reconnects: new connections to Slack since the start. trail_silence: since
    the trail was last read. trail_fails: the last try to read it failed. open_requests: when it was last read.
    loop_lag: how late the event loop lately came to what was due.
    """

    phase: Phase
    slack_silence: float
    reconnects: int
    trail_silence: float
    trail_fails: bool
    store: StoreState
    hosts: HostsState
    open_requests: int
    loop_lag: float

    @property
    def trail_is_read(self) -> bool:
        return self.trail_silence <= TRAIL_PATIENCE


def reasons(facts: Facts) -> tuple[str, ...]:
    """Why the bot can't do its job at this moment, each with what to do about it; none if it can."""
    return tuple(_reasons(facts))


def _reasons(facts: Facts) -> Iterator[str]:
    if facts.phase != "ready":
        yield f"Kickbot is {facts.phase}: wait a moment"
    if facts.slack_silence > SLACK_PATIENCE:
        yield (
            f"Slack has not answered for {facts.slack_silence:.0f} s, so commands and clicks don't arrive: see whether"
            " Slack is up, and whether this machine reaches it; Kickbot keeps trying by itself"
        )
    if facts.trail_fails or not facts.trail_is_read:
        yield (
            f"the audit trail was last read {facts.trail_silence:.0f} s ago, and can't be read now, so nothing is done:"
            " the log says why; look at the disk, or the database, of audit.database"
        )
    if _is_failing(facts.store):
        yield (
            "an event could not be recorded, so nothing is done: the log says why; look at the disk, or the database,"
            " of audit.database"
        )
    if (facts.store.lease_age or 0) > LEASE_PATIENCE:
        yield (
            f"the leases on open requests were not renewed for {facts.store.lease_age:.0f} s, so another replica takes"
            " them: see whether this machine reaches the database"
        )


def _is_failing(store: StoreState) -> bool:
    if store.failed_age is None or store.failed_age > DOUBT:
        return False
    return store.recorded_age is None or store.recorded_age > store.failed_age


def in_short(facts: Facts) -> str:
    """One line for whoever asks the supervisor."""
    return "; ".join(reasons(facts)) or f"ready; {facts.open_requests} open requests"


def as_json(facts: Facts) -> str:
    """What /healthz says."""
    why = reasons(facts)
    return json.dumps({"ready": not why, "reasons": why, **_rounded(facts.model_dump())}, indent=1) + "\n"


def _rounded(values: dict[str, object]) -> dict[str, object]:
    """With so many digits as mean something."""
    return {
        name: _rounded(value) if isinstance(value, dict) else round(value, 3) if isinstance(value, float) else value
        for name, value in values.items()
    }


def as_metrics(facts: Facts) -> str:
    """What /metrics says, in Prometheus's text format. What there is no value for yet is left out."""
    return "".join(_metrics(facts))


def _metrics(facts: Facts) -> Iterator[str]:
    store, hosts = facts.store, facts.hosts
    yield _metric("ready", "gauge", "1 if Kickbot can do its job; /healthz says why not.", int(not reasons(facts)))
    yield _metric("slack_silence_seconds", "gauge", "Since Slack last answered.", facts.slack_silence)
    yield _metric("slack_reconnects_total", "counter", "New connections that the watchdog made.", facts.reconnects)
    yield _metric("trail_silence_seconds", "gauge", "Since the audit trail was last read.", facts.trail_silence)
    yield _metric("events_recorded_total", "counter", "Events recorded by this process.", store.recorded)
    yield _metric("events_failed_total", "counter", "Events that could not be recorded.", store.failed)
    yield _metric("event_age_seconds", "gauge", "Since an event was last recorded.", store.recorded_age)
    yield _metric("open_requests", "gauge", "Requests that have not ended.", facts.open_requests)
    yield _metric("leases", "gauge", "Requests that this replica drives.", store.leases)
    yield _metric("lease_age_seconds", "gauge", "Since those leases were last renewed.", store.lease_age)
    yield _metric("hosts_configured", "gauge", "Hosts in kickbot.toml.", hosts.configured)
    yield _metric("hosts_answered", "gauge", "Hosts that answered the newest look at them.", hosts.answered)
    yield _metric("hosts_silent", "gauge", "Hosts that did not.", hosts.silent)
    yield _metric("host_answer_age_seconds", "gauge", "Since any host last answered.", hosts.answered_age)
    yield _metric("loop_lag_seconds", "gauge", "How late the event loop came lately.", facts.loop_lag)


def _metric(name: str, kind: str, about: str, value: float | None) -> str:
    if value is None:
        return ""
    full = f"kickbot_{name}"
    return f"# HELP {full} {about}\n# TYPE {full} {kind}\n{full} {round(value, 6)}\n"
