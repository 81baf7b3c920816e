"""The times of a sweep, what its runs are called, and what a look shows of compliance. Nothing here waits or looks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot import sweeping
from bot.models import Account, Session, Snapshot, SweepAction, Terminal, Unreachable
from bot.planning import make as plan_for
from bot.policy import Policy, may_sweep
from tests import make
from tests.make import series, sweeping_policy

BERLIN = ZoneInfo("Europe/Berlin")
DAY = ("08:00-18:00",)
NIGHT = ("22:00-06:00",)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------------------ quiet times


@pytest.mark.parametrize(
    "text", ["", "8", "08:00", "08:00-08:00", "25:00-26:00", "08:00:01-09:00", "08:00-09:00-10:00"]
)
def test_what_is_no_time_of_the_day(text: str) -> None:
    """It is refused; so is one without a length, which could mean nothing or everything."""
    with pytest.raises(ValueError, match=r"."):
        sweeping.span(text)


@pytest.mark.parametrize(
    ("moment", "quiet", "until"),
    [
        ("2026-11-20T07:59", DAY, "2026-11-20T07:59"),
        ("2026-11-20T08:00", DAY, "2026-11-20T18:00"),
        ("2026-11-20T18:00", DAY, "2026-11-20T18:00"),
        ("2026-11-20T23:00", NIGHT, "2026-11-21T06:00"),
        ("2026-11-21T05:59", NIGHT, "2026-11-21T06:00"),
        ("2026-11-21T06:00", NIGHT, "2026-11-21T06:00"),
        ("2026-11-20T09:00", ("08:00-12:00", "12:00-14:00"), "2026-11-20T14:00"),
        ("2026-11-20T23:00", (*NIGHT, "06:00-07:00"), "2026-11-21T07:00"),
    ],
)
def test_the_end_of_a_quiet_time(moment: str, quiet: tuple[str, ...], until: str) -> None:
    """The very minute in which it ends is free; one may follow on another, and go on past midnight."""
    assert sweeping.after_quiet(utc(moment), quiet, UTC) == utc(until)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-01-20T12:00", "2026-01-20T17:00"),
        ("2026-07-20T12:00", "2026-07-20T16:00"),
        ("2026-07-20T05:59", "2026-07-20T05:59"),
    ],
)
def test_a_quiet_time_is_by_the_clocks_of_its_zone(moment: str, until: str) -> None:
    """In Berlin the office closes at 17:00 UTC in winter, and at 16:00 in summer."""
    assert sweeping.after_quiet(utc(moment), DAY, BERLIN) == utc(until)


@pytest.mark.parametrize(
    ("moment", "quiet", "until"),
    [
        ("2026-03-29T00:30", ("01:00-02:30",), "2026-03-29T01:30"),  # 02:30 isn't on that day's clocks
        ("2026-10-25T00:15", ("02:00-02:30",), "2026-10-25T00:30"),  # 02:15 for the first time
        ("2026-10-25T01:15", ("02:00-02:30",), "2026-10-25T01:30"),  # and for the second
        ("2026-10-24T21:00", NIGHT, "2026-10-25T05:00"),
    ],
)
def test_a_quiet_time_on_the_day_when_the_clocks_change(moment: str, quiet: tuple[str, ...], until: str) -> None:
    """It always ends later than it began, and never runs in a circle."""
    assert sweeping.after_quiet(utc(moment), quiet, BERLIN) == utc(until)


@pytest.mark.parametrize(
    ("quiet", "none"),
    [
        ((), False),
        (DAY, False),
        (("00:00-12:00", "12:00-00:00"), True),
        (("20:00-08:00", "07:00-21:00"), True),
        (("20:00-08:00", "08:01-20:00"), False),
    ],
)
def test_a_day_without_any_time_left(quiet: tuple[str, ...], none: bool) -> None:
    """One free minute is enough."""
    assert sweeping.leaves_no_time([sweeping.span(text) for text in quiet]) is none


# ------------------------------------------------------------------------------------------------ the runs


def due(now: str, **sweep: Any) -> datetime:
    return sweeping.due_after(utc(now), series(**sweep), UTC)


def test_runs_are_counted_from_one_moment() -> None:
    """Whenever it is asked, and by whichever replica; the moment of a run itself is over."""
    assert due("2026-11-20T13:28", every=86_400) == utc("2026-11-21T00:00")
    assert due("2026-11-20T00:00", every=86_400) == utc("2026-11-21T00:00")
    assert due("2026-11-20T13:28", every=7 * 86_400) == utc("2026-11-23T00:00")
    assert due("2026-11-20T13:28", every=900) == utc("2026-11-20T13:30")


def test_a_run_in_a_quiet_time_is_due_when_it_ends() -> None:
    """All that would come within it are one: they have the same time, and so the same name."""
    quiet = series(every=3600, quiet=DAY)
    times = {sweeping.due_after(utc(f"2026-11-20T{hour:02}:30"), quiet, UTC) for hour in range(7, 17)}

    assert times == {utc("2026-11-20T18:00")}
    assert len({sweeping.run(quiet, sweeping_policy(quiet), each).key for each in times}) == 1


@pytest.mark.parametrize(
    "changes", [{"action": "propose"}, {"every": 60}, {"quiet": DAY}, {"zone": "Europe/Berlin"}, {"idle": 60}]
)
def test_a_sweep_that_was_changed_is_another_one(changes: dict[str, Any]) -> None:
    """Its runs have other names, and a run of the old one isn't one of the new one."""
    old, new = series(), series(**changes)
    moment = utc("2026-11-20T18:00")
    first, second = (sweeping.run(one, sweeping_policy(one), moment) for one in (old, new))

    assert first.key != second.key
    assert sweeping.series_of(make.request(first), sweeping_policy(old)) == old
    assert sweeping.series_of(make.request(first), sweeping_policy(new)) is None


def test_a_run_stands_in_the_channel_of_its_rule() -> None:
    """And is another one once that channel is: nothing is told where it may not be any more."""
    one = series()
    elsewhere = sweeping_policy(one, channel="C0PROD")

    assert sweeping.run(one, sweeping_policy(one), make.START).home == make.INCIDENT
    assert sweeping.run(one, elsewhere, make.START).home == "C0PROD"
    assert sweeping.series_of(make.request(sweeping.run(one, elsewhere, make.START)), sweeping_policy(one)) is None


# ------------------------------------------------------------------------------------------------ what it found


def swept(*sessions: Session, policy: Policy | None = None, command: Any = None, **look: Any) -> Any:
    one = series()
    seen = make.snapshot(*sessions, **{"ahead": 0, **look})
    return sweeping.found(command or one.command, [seen], policy or sweeping_policy(one))


def test_a_host_with_nothing_idle_is_compliant() -> None:
    """Nobody there, or everyone at work."""
    busy = make.at_rest(make.session()).model_copy(update={"terminals": (Terminal(name="pts/3", since_key=3),)})
    for sessions in ((), (busy,)):
        found = swept(*sessions)
        assert (found.compliant, found.idle, found.is_compliant) == (("host1",), (), True)


def test_an_idle_session_is_named() -> None:
    """Whose, where, and for how long no key came."""
    found = swept(make.at_rest(make.session(), 7200))
    assert [(i.host, i.session, i.user, i.seconds) for i in found.idle] == [("host1", "7", "audituser", 7200)]
    assert (found.compliant, found.hosts, found.is_compliant) == ((), ("host1",), False)


@pytest.mark.parametrize("account", ["root", "breakglass", "deploy"])
def test_who_is_protected_is_not_reported(account: str) -> None:
    """By the configuration, or by the sweep itself."""
    session = make.at_rest(make.session(account=Account(name=account, uid=1007)))
    assert swept(session, command=series(spare=("deploy",)).command).is_compliant


def test_the_bots_own_connection_is_not_reported() -> None:
    """It looks at that very moment."""
    assert swept(make.at_rest(make.session(own=True))).is_compliant


def test_a_host_that_nobody_can_judge_is_not_compliant() -> None:
    """One that did not answer, and one whose clock is wrong: two different words."""
    one = series()
    off, fine = make.snapshot(host="host3", ahead=7200), make.snapshot(host="host4", ahead=0)
    looks: list[Snapshot | Unreachable] = [make.unreachable("host2"), off, fine]
    found = sweeping.found(one.command, looks, sweeping_policy(one))

    assert found.compliant == ("host4",)
    assert [(u.host, u.answered) for u in found.unjudged] == [("host2", False), ("host3", True)]
    assert not found.is_compliant


def test_where_it_would_end_it_counts_what_it_would_end() -> None:
    """Who is idle, and whom no rule lets a sweep end, is nothing that it has to do."""
    one = series(action="propose")
    look = make.snapshot(make.at_rest(make.session()), ahead=0)
    for allowed, idle in (("propose", 1), ("no", 0)):
        policy = sweeping_policy(one, sweeps=allowed)
        plan = plan_for(one.command, [look], policy, asker="kickbot")
        assert len(sweeping.found(one.command, [look], policy, plan).idle) == idle
        assert [kept.why for kept in plan.kept] == ([] if idle else ["no rule lets a sweep end it"])


# ------------------------------------------------------------------------------------------------ who lets it


@pytest.mark.parametrize(
    ("action", "sweeps", "acts", "missing"),
    [
        ("report", "no", {"kick"}, ""),
        ("propose", "no", {"kick", "everyone"}, "host1"),
        ("propose", "propose", {"kick"}, "host1"),
        ("propose", "propose", {"kick", "everyone"}, ""),
        ("propose", "end", {"kick", "everyone"}, ""),
        ("end", "propose", {"kick", "everyone"}, "host1"),
        ("end", "end", {"kick"}, "host1"),
        ("end", "end", {"kick", "everyone"}, ""),
    ],
)
def test_what_a_rule_has_to_say(action: str, sweeps: str, acts: set[str], missing: str) -> None:
    """To report takes no rule; to propose and to end take one that allows everyone to be ended, and says so."""
    one = series(action=action)
    assert sweeping.host_without_rule(one, sweeping_policy(one, sweeps=sweeps, acts=acts)) == missing


@pytest.mark.parametrize(
    ("configured", "may"), [("report", ()), ("propose", ("propose",)), ("end", ("propose", "end"))]
)
def test_a_sweep_may_no_more_than_it_is_configured_for(configured: SweepAction, may: tuple[str, ...]) -> None:
    """Also where the rules would let it: one that only reports neither proposes nor ends."""
    only = series(action=configured)
    policy = sweeping_policy(only)
    actions: tuple[SweepAction, ...] = ("propose", "end")
    assert tuple(a for a in actions if may_sweep(policy, "host1", make.account(), only.command, a)) == may


def test_each_host_takes_a_rule_of_its_own() -> None:
    """The first one that has none is named."""
    one = series(hosts=("host1", "host9"), action="end")
    assert sweeping.host_without_rule(one, sweeping_policy(one)) == "host9"


def test_a_run_is_due_at_its_time() -> None:
    """Not when it is opened."""
    one = series()
    request = make.request(sweeping.run(one, sweeping_policy(one), make.START + timedelta(hours=1)))
    assert request.due == make.START + timedelta(hours=1)
    assert sweeping.is_waiting(request)
