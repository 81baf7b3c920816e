"""Sweeps from the moment they are due to their end: each run once, whatever happens, and nothing without a right."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit.reading import verify
from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, NotNow, Refused
from bot.events import BOT
from bot.ledger import Ledger
from bot.lifecycle import replay
from bot.models import EndSession, Series, Terminal, Warn
from bot.policy import Policy
from bot.request import Request
from bot.rights import Rights
from bot.states import State
from bot.sweeps import Sweeps
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeClock
from tests.make import series
from tests.stage import POLICY, Stage
from tests.test_crashes import Fuse, FusedHosts, FusedTrail, Killed

REPORT, PROPOSE, END = series(), series(action="propose"), series(action="end")


def sweeping_there(*sweeps: Series, **changes: Any) -> Policy:
    """The stage's policy with those sweeps, which its one rule lets end without a click. changes: of that rule."""
    lets = {"acts": frozenset({"kick", "everyone"}), "sweeps": "end", **changes}
    (usual,) = POLICY.rules
    return POLICY.model_copy(update={"rules": (usual.model_copy(update=lets),), "sweeps": sweeps})


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock = FakeClock()
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        yield Stage(trail, clock)


def configure(stage: Stage, *sweeps: Series, **rule: Any) -> None:
    """A new process with these sweeps."""
    stage.policy = sweeping_there(*sweeps, **rule)
    stage.restart()


async def opened(stage: Stage) -> list[Request]:
    """The runs that are open, once every sweep has one."""
    await Sweeps(Ledger(stage.trail), lambda: stage.policy).open_missing()
    return [run for run in await runs(stage) if not run.state.final]


async def runs(stage: Stage) -> list[Request]:
    """Every run that there ever was, oldest first."""
    every = await stage.trail.requests(about=BOT, limit=1000)
    return [replay(records) for records in reversed(every) if getattr(records[0].event, "sweep", None)]


async def drive(stage: Stage) -> list[Request]:
    """Everything that is due by now, as the loop does it; what has to wait waits."""
    for number in await stage.trail.open_requests():
        request = await stage.request(number)
        if request.due is not None and request.due <= stage.clock.now:
            try:
                await stage.workflow.drive(number)
            except (NotNow, ActingFrozen):
                continue
    return await runs(stage)


async def at_its_time(stage: Stage) -> Request:
    """The run after the moment at which it is due."""
    (run,) = await opened(stage)
    assert run.due is not None
    stage.clock.now = max(stage.clock.now, run.due)
    await drive(stage)
    return await stage.request(run.id)


def rest(stage: Stage, *sessions: str, user: str = "audituser", uid: int = 1001, host: str = "host1") -> None:
    """These logins are there, and idle for an hour."""
    for number, name in enumerate(sessions):
        made = stage.hosts[host].login(name, user, uid)
        stage.hosts[host].sessions[name] = make.at_rest(made, tty=f"pts/{number}")


def work(stage: Stage, name: str) -> None:
    """A key, just now."""
    host = stage.hosts["host1"]
    used = Terminal(name=host.sessions[name].terminals[0].name, since_key=3, since_output=3)
    host.sessions[name] = host.sessions[name].model_copy(update={"terminals": (used,)})


def ended(stage: Stage) -> list[str]:
    return [step.target.session for step in stage.hosts.acts if isinstance(step, EndSession)]


# ------------------------------------------------------------------------------------------------ its run


async def test_each_sweep_has_one_run_ahead(stage: Stage) -> None:
    """However many replicas look after it, and however often; and nothing is done before its time."""
    configure(stage, REPORT, series(name="weekly", every=7 * 86_400))

    first = await opened(stage)
    for _ in range(3):
        assert await opened(stage) == first
    await drive(stage)

    assert [(run.sweep and run.sweep.name, run.due) for run in first] == [
        ("nightly", datetime(2026, 11, 20, 14, tzinfo=UTC)),
        ("weekly", datetime(2026, 11, 23, tzinfo=UTC)),
    ]
    assert await opened(stage) == first
    assert stage.hosts.looks == 0


async def test_a_run_opens_the_next_one_before_it_looks(stage: Stage) -> None:
    """And the next one knows which run came before it."""
    configure(stage, REPORT)
    first = await at_its_time(stage)
    every = await stage.trail.requests(limit=10)
    (second,) = await opened(stage)

    assert [record.event.kind for record in sorted((r for e in every for r in e), key=lambda r: r.seq)] == [
        "asked",
        "asked",
        "observed",
        "closed",
    ]
    assert (second.follows, second.due) == (first.id, datetime(2026, 11, 20, 15, tzinfo=UTC))


async def test_ten_missed_runs_are_made_up_for_by_one(stage: Stage) -> None:
    """After ten hours in which no bot ran: one look, and the next run comes at its own time."""
    configure(stage, REPORT)
    (run,) = await opened(stage)
    await stage.clock.sleep(10 * 3600)
    stage.restart()

    done, waiting = await drive(stage)

    assert (done.id, done.state, stage.hosts.looks) == (run.id, State.CLOSED, 1)
    assert waiting.due == datetime(2026, 11, 21, 0, tzinfo=UTC)


async def test_a_crash_between_two_runs_is_made_up_for_by_one(stage: Stage) -> None:
    """It died right after it had opened the next run, and both are overdue: one of them looks, the other says so."""
    configure(stage, REPORT)
    (run,) = await opened(stage)
    stage.clock.now = run.due or stage.clock.now
    dying = Fuse(dies_at=3)  # before and after the next run is opened, and before the look
    with pytest.raises(Killed):
        await crashing(stage, dying).drive(run.id)
    await stage.clock.sleep(5 * 3600)
    stage.restart()

    old, new, waiting = await drive(stage)

    assert (old.state, old.reason, old.swept) == (
        State.CLOSED,
        f"It was missed: request {new.id} makes up for it.",
        None,
    )
    assert new.swept is not None
    assert (waiting.state, stage.hosts.looks) == (State.ASKED, 1)


async def test_the_later_run_waits_until_the_earlier_one_is_closed(stage: Stage) -> None:
    """Whichever of them a replica drives first: else both would look."""
    configure(stage, REPORT)
    (first,) = await opened(stage)
    stage.clock.now = first.due or stage.clock.now
    with pytest.raises(Killed):
        await crashing(stage, Fuse(dies_at=3)).drive(first.id)
    await stage.clock.sleep(5 * 3600)
    second = (await runs(stage))[-1]

    with pytest.raises(NotNow):
        await stage.workflow.drive(second.id)
    assert (await stage.workflow.drive(first.id)).state is State.CLOSED
    assert (await stage.workflow.drive(second.id)).swept is not None
    assert stage.hosts.looks == 1


async def test_a_clock_that_went_back_opens_no_run_twice(stage: Stage) -> None:
    """The run of that time is in the trail already; the one after it comes once the clock is there."""
    configure(stage, REPORT)
    done = await at_its_time(stage)
    (ahead,) = await opened(stage)
    stage.clock.now -= timedelta(hours=3)

    assert await opened(stage) == [ahead]
    assert [run.id for run in await drive(stage)] == [done.id, ahead.id]


# ------------------------------------------------------------------------------------------------ not now


async def test_a_quiet_time_holds_a_run_back(stage: Stage) -> None:
    """A run that was missed isn't made up for in the middle of the day."""
    configure(stage, series(quiet=("14:30-18:00",)))
    (run,) = await opened(stage)
    stage.clock.now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    with pytest.raises(NotNow) as waits:
        await stage.workflow.drive(run.id)
    assert waits.value.pause == 3 * 3600
    stage.clock.now = datetime(2026, 11, 20, 18, tzinfo=UTC)

    assert [each.state for each in await drive(stage)] == [State.CLOSED, State.ASKED]


async def test_what_ends_without_a_click_ends_in_no_quiet_time(stage: Stage) -> None:
    """The warning would come before it, and the end within it: the run waits."""
    configure(stage, series(action="end", quiet=("14:04-18:00",)))
    rest(stage, "7")
    run = await at_its_time(stage)
    assert (run.state, run.plan) == (State.ASKED, None)
    with pytest.raises(NotNow) as waits:
        await stage.workflow.drive(run.id)
    assert waits.value.pause == 4 * 3600


async def test_a_quiet_time_that_begins_before_the_end_stops_it(stage: Stage) -> None:
    """The bot was down in between: who was warned stays."""
    configure(stage, series(action="end", quiet=("14:10-18:00",)))
    rest(stage, "7")
    run = await at_its_time(stage)
    assert run.state is State.WARNED
    stage.clock.now = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)

    done = await stage.workflow.drive(run.id)

    assert (done.state, ended(stage)) == (State.LAPSED, [])
    assert "quiet" in done.reason


@pytest.mark.parametrize("now", [(), (series(idle=60),)], ids=["removed", "changed"])
async def test_a_sweep_that_is_no_more_does_nothing(stage: Stage, now: tuple[Series, ...]) -> None:
    """Its run is left to others that may know it, for a while; then it is closed, and has no successor."""
    configure(stage, REPORT)
    (old,) = await opened(stage)
    configure(stage, *now)
    new = await opened(stage)
    stage.clock.now = old.due or stage.clock.now
    with pytest.raises(NotNow):
        await stage.workflow.drive(old.id)
    await stage.clock.sleep(600)

    closed = await stage.workflow.drive(old.id)

    assert (closed.state, closed.reason) == (State.CLOSED, "kickbot.toml has no such sweep any more.")
    assert [run.id for run in await opened(stage)] == [run.id for run in new if run.id != old.id]
    assert stage.hosts.looks == 0


async def test_a_changed_sweep_goes_on_by_itself(stage: Stage) -> None:
    """The run of the old one holds up no run of the new one, and opens none."""
    configure(stage, series(every=30 * 86_400))
    await opened(stage)
    configure(stage, REPORT)
    _, new = await opened(stage)
    stage.clock.now = new.due or stage.clock.now

    await drive(stage)

    assert (await stage.request(new.id)).swept is not None
    assert [run.sweep and run.sweep.every for run in await opened(stage)] == [30 * 86_400, 3600]


@pytest.mark.parametrize(("sweep", "waits"), [(REPORT, False), (PROPOSE, True), (END, True)])
async def test_a_freeze_holds_back_what_would_act(stage: Stage, sweep: Series, waits: bool) -> None:
    """A report acts on nothing. What waits runs once when people have unfrozen."""
    configure(stage, sweep)
    await stage.workflow.freeze(stage.origin("U0CAROL"), "wrong rule deployed")
    run = await at_its_time(stage)
    assert run.state is (State.ASKED if waits else State.CLOSED)
    for who in ("U0CAROL", "U0BOB"):
        await stage.workflow.unfreeze(stage.origin(who))

    assert [each.state for each in await drive(stage)] == [State.CLOSED, State.ASKED]


# ------------------------------------------------------------------------------------------------ report


async def test_a_report_finds_and_ends_nothing(stage: Stage) -> None:
    """What is idle, by name; the hosts with nothing to do, and the one that did not answer."""
    configure(stage, series(hosts=("host1", "host2")))
    rest(stage, "7")
    stage.hosts["host1"].login("9", tty="pts/5")
    stage.hosts["host2"].lost = "did not answer"

    run = await at_its_time(stage)

    assert run.swept is not None
    assert [(i.session, i.user, i.seconds) for i in run.swept.idle] == [("7", "audituser", 3600)]
    assert [one.why for one in run.swept.unjudged] == ["host2 did not answer"]
    assert (run.state, run.plan, stage.hosts.acts) == (State.CLOSED, None, [])


# ------------------------------------------------------------------------------------------------ propose


async def test_a_proposal_is_a_request_that_people_approve(stage: Stage) -> None:
    """Kickbot asks, as many people approve as the rule says, and what is idle ends."""
    configure(stage, PROPOSE, approvals=2)
    rest(stage, "7", "9")
    run = await at_its_time(stage)
    assert (run.state, run.asker, run.approvals_needed) == (State.PENDING, BOT, 2)

    assert (await stage.approve(run, "U0CAROL")).state is State.PENDING
    with pytest.raises(Refused, match="already"):
        await stage.approve(run, "U0CAROL")
    done = await stage.wait(await stage.approve(run, "U0BOB"))

    assert [str(o.result) for o in done.outcomes] == ["ended", "ended"]


async def test_who_is_protected_or_has_no_such_rule_is_not_proposed(stage: Stage) -> None:
    """By the configuration, by the sweep, by a rule that says nothing of sweeps; root; and the bot's own connection."""
    configure(stage, series(action="propose", spare=("deploy",)))
    (usual,) = stage.policy.rules
    named = usual.model_copy(update={"accounts": frozenset({"alice"}), "sweeps": "no"})
    stage.policy = stage.policy.model_copy(
        update={"rules": (named, usual), "protected": frozenset({"root", "breakglass"})}
    )
    stage.restart()
    for number, (user, uid) in enumerate([("deploy", 1007), ("alice", 1002), ("breakglass", 1003), ("bob", 1004)]):
        rest(stage, str(number), user=user, uid=uid)

    run = await at_its_time(stage)

    assert run.plan is not None
    assert [t.account.name for t in run.plan.targets] == ["bob"]
    assert {k.user: k.why for k in run.plan.kept} == {
        "deploy": "the sweep leaves the account alone",
        "alice": "no rule lets a sweep end it",
        "breakglass": "the account is protected",
    }


async def test_a_proposal_that_is_still_open_is_not_made_again(stage: Stage) -> None:
    """The next run says so in the trail, and to nobody."""
    configure(stage, series(action="propose", every=300))
    rest(stage, "7")
    first = await at_its_time(stage)
    stage.clock.now += timedelta(minutes=5)

    _, second, third = await drive(stage)

    assert (second.state, second.reason) == (State.CLOSED, f"Request {first.id} of this sweep is not over yet.")
    assert third.state is State.ASKED
    assert second.swept is None


async def test_where_nobody_could_approve_nothing_is_proposed(stage: Stage) -> None:
    """It is closed with what it found, and why."""
    configure(stage, PROPOSE)
    stage.people.groups["S0LEADS"] = set()
    rest(stage, "7")
    run = await at_its_time(stage)
    assert (run.state, run.plan) == (State.CLOSED, None)
    assert run.swept is not None
    assert (len(run.swept.idle), "Nobody could approve" in run.reason) == (1, True)


async def test_while_slack_does_not_say_who_may_approve_it_waits(stage: Stage) -> None:
    """And then it proposes."""
    configure(stage, PROPOSE)
    stage.people.unknown.add("S0LEADS")
    rest(stage, "7")
    run = await at_its_time(stage)
    assert run.state is State.ASKED
    stage.people.unknown.clear()
    assert (await stage.workflow.drive(run.id)).state is State.PENDING


async def test_a_proposal_of_a_sweep_that_is_gone_is_not_carried_out(stage: Stage) -> None:
    """Somebody removed it from kickbot.toml before it was approved."""
    configure(stage, PROPOSE)
    rest(stage, "7")
    run = await at_its_time(stage)
    configure(stage)
    done = await stage.approve(run)
    assert (done.state, done.reason, ended(stage)) == (State.LAPSED, "kickbot.toml has no such sweep any more.", [])


async def test_what_nobody_decided_can_be_asked_by_a_person(stage: Stage) -> None:
    """The button is a new request of whoever clicks, by the rights of that person."""
    configure(stage, PROPOSE)
    stage.policy = stage.policy.model_copy(update={"owners": {"alice": frozenset({"U0ALICE"})}})
    stage.restart()
    rest(stage, "7")
    run = await stage.wait(await at_its_time(stage))
    assert run.state is State.EXPIRED
    asked = await stage.workflow.again(stage.origin("U0ALICE"), run.id, run.plan_hash, force=False)
    planned = await stage.workflow.drive(asked.id)
    assert (planned.state, planned.asker, planned.sweep) == (State.PENDING, "U0ALICE", None)


# ------------------------------------------------------------------------------------------------ end


async def test_it_ends_without_a_click_after_a_warning(stage: Stage) -> None:
    """The configuration approved it, and no person; who works again stays."""
    configure(stage, END)
    rest(stage, "7", "9")
    run = await at_its_time(stage)
    assert (run.state, run.permitted, run.decisions) == (State.WARNED, True, ())
    (told, _) = stage.hosts["host1"].told
    assert "Kickbot: the sweep nightly has every session here ended at 14:05:00 UTC" in told[1]
    assert "if it is idle then" in told[1]
    work(stage, "9")

    done = await stage.wait(run)

    assert {o.session: str(o.result) for o in done.outcomes} == {"7": "ended", "9": "left alone"}
    assert ended(stage) == ["7"]
    assert (await stage.kinds(run.id))[:5] == ["asked", "observed", "planned", "permitted", "observed"]


@pytest.mark.parametrize(
    ("rule", "why"), [({"sweeps": "propose"}, "another rule"), ({"max_sessions": 1}, "too many")], ids=["rule", "limit"]
)
async def test_what_it_may_not_end_by_itself_it_proposes(stage: Stage, rule: dict[str, Any], why: str) -> None:
    """A rule that only lets it propose, or more sessions than a rule allows: people approve, one more of them there."""
    configure(stage, END, **rule)
    rest(stage, "7", "9")
    run = await at_its_time(stage)

    assert (run.state, run.permitted, ended(stage)) == (State.PENDING, False, [])
    assert run.approvals_needed == (2 if why == "too many" else 1)


async def test_of_several_rules_each_has_to_let_it(stage: Stage) -> None:
    """One account under a rule that only lets it propose: all of it is proposed."""
    configure(stage, END)
    (usual,) = stage.policy.rules
    careful = usual.model_copy(update={"accounts": frozenset({"alice"}), "sweeps": "propose"})
    stage.policy = stage.policy.model_copy(update={"rules": (careful, usual)})
    stage.restart()
    rest(stage, "7")
    rest(stage, "12", user="alice", uid=1002)

    assert (await at_its_time(stage)).state is State.PENDING


async def test_a_rule_that_takes_its_word_back_stops_it(stage: Stage) -> None:
    """Between the warning and the end another configuration was read: nothing ends."""
    configure(stage, END)
    rest(stage, "7")
    run = await at_its_time(stage)
    configure(stage, END, sweeps="propose")
    done = await stage.wait(run)
    assert (done.state, done.reason, ended(stage)) == (State.LAPSED, "No rule lets a sweep end audituser on host1.", [])


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ((), "kickbot.toml has no such sweep any more."),
        ((series(action="end", idle=60),), "kickbot.toml has no such sweep any more."),
        ((series(action="end", quiet=("14:01-18:00",)),), "the quiet time of the sweep has begun"),
    ],
    ids=["removed", "changed", "quiet by now"],
)
async def test_what_kickbot_toml_says_by_then_counts(stage: Stage, now: tuple[Series, ...], why: str) -> None:
    """Everyone was warned, and a new process reads another configuration: nothing ends."""
    configure(stage, END)
    rest(stage, "7")
    run = await at_its_time(stage)
    assert run.state is State.WARNED
    configure(stage, *now)
    done = await stage.wait(run)
    assert (done.state, done.reason, ended(stage)) == (State.LAPSED, why, [])


async def test_people_can_stop_it_until_the_end(stage: Stage) -> None:
    """Whoever may approve there may; nobody else."""
    configure(stage, END)
    rest(stage, "7")
    run = await at_its_time(stage)
    with pytest.raises(Refused):
        await stage.workflow.cancel(stage.origin("U0DAVE"), run.id, run.plan_hash)
    done = await stage.workflow.cancel(stage.origin("U0CAROL"), run.id, run.plan_hash)
    await stage.clock.sleep(600)
    assert (done.state, ended(stage)) == (State.CANCELLED, [])


async def test_a_freeze_during_the_warning_holds_it(stage: Stage) -> None:
    """Until people unfreeze, or it is too late."""
    configure(stage, END)
    rest(stage, "7")
    run = await at_its_time(stage)
    await stage.workflow.freeze(stage.origin("U0CAROL"), "stop")
    await stage.clock.sleep(400)
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(run.id)
    await stage.clock.sleep(900)
    assert (await stage.workflow.drive(run.id)).state is State.LAPSED
    assert ended(stage) == []


# ------------------------------------------------------------------------------------------------ killed


def crashing(stage: Stage, fuse: Fuse) -> Workflow:
    """A process that dies at that point."""
    trail, hosts = FusedTrail(stage.trail, fuse), FusedHosts(stage.hosts, fuse)
    return Workflow(trail=trail, hosts=hosts, rights=Rights(stage.policy, stage.people), sleep=stage.clock.sleep)


async def _run(path: Path, dies_at: int | None, sweep: Series) -> tuple[list[Request], Stage, int]:
    """One run to its end by a process that dies once, and the next process."""
    clock, fuse = FakeClock(), Fuse(dies_at)
    async with SqliteTrail.open(path, clock) as trail:
        stage = Stage(trail, clock)
        configure(stage, sweep)
        rest(stage, "7", "9")
        (run,) = await opened(stage)
        clock.now = run.due or clock.now
        try:
            stage.workflow = crashing(stage, fuse)
            await _to_its_end(stage, run)
        except Killed:
            await clock.sleep(1)
            stage.restart()
            await _to_its_end(stage, run)
        return await runs(stage), stage, fuse.points


async def _to_its_end(stage: Stage, run: Request) -> None:
    request = await stage.workflow.drive(run.id)
    while not request.state.final:
        if request.state is State.PENDING:
            await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
        elif request.due is not None:
            stage.clock.now = max(stage.clock.now, request.due)
        request = await stage.workflow.drive(run.id)


@pytest.mark.parametrize("sweep", [REPORT, PROPOSE, END], ids=["report", "propose", "end"])
async def test_a_crash_at_any_point_neither_ends_the_series_nor_doubles_a_run(tmp_path: Path, sweep: Series) -> None:
    """Before and after each append, look and act: the run ends as it would have, and one run stands ahead."""
    whole, _, points = await _run(tmp_path / "whole.db", None, sweep)
    for dies_at in range(1, points + 1):
        path = tmp_path / f"{dies_at}.db"
        (done, ahead), stage, _ = await _run(path, dies_at, sweep)
        assert done.state is whole[0].state is State.CLOSED, dies_at
        assert [o.result for o in done.outcomes] == [o.result for o in whole[0].outcomes], dies_at
        assert (ahead.state, ahead.follows) == (State.ASKED, done.id), dies_at
        assert sorted(ended(stage)) == sorted(set(ended(stage))), dies_at
        assert sum(isinstance(step, Warn) for step in stage.hosts.acts) <= 3, dies_at
        assert verify(path).events > 0
