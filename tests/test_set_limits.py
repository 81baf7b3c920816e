"""Setting a limit, from the question to the proof: a second person, a trial on the host, a fresh login, and back."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, Refused
from bot.models import Act, SetLimit, SetLimits, Step
from bot.request import Request
from bot.slack.content.tickets import actions
from bot.states import State
from tests.fakes import FakeClock
from tests.stage import POLICY, Stage, allowing
from tests.test_crashes import Fuse, Story

IDLE = SetLimit(hosts=("host1",), limit="idle", seconds=900, reason="INC-42")


@pytest.fixture(autouse=True)
def rule(stage: Stage) -> None:
    """The stage's one rule lets set limits."""
    stage.policy = allowing(Act.LIMITS)
    stage.restart()


def results(request: Request) -> list[tuple[str, str]]:
    return [(outcome.host, str(outcome.result)) for outcome in request.outcomes]


def steps(stage: Stage) -> list[str]:
    return [f"{step.what} {step.attempt}" for step in stage.hosts.acts]


async def test_a_limit_is_set_on_trial_and_kept(stage: Stage) -> None:
    """Asked, planned, approved, set, kept over a fresh login, and shown by a look of its own."""
    asked = await stage.ask(IDLE)
    assert asked.state is State.PENDING
    assert asked.plan is not None
    assert [target.summary for target in asked.plan.targets] == [
        "close shells and file transfers in which nothing is sent or received for 15 min"
    ]

    done = await stage.approve(asked)

    assert (done.state, results(done)) == (State.CLOSED, [("host1", "set")])
    assert steps(stage) == ["set 1", "keep 1"]
    step = stage.hosts.acts[0]
    assert isinstance(step, SetLimits)
    assert step.about == f"request {asked.id}: asked by alice, approved by carol"
    assert stage.hosts["host1"].trial is None


async def test_nobody_is_held_after_a_limit(stage: Stage) -> None:
    """It is about no account: where the rule allows holds too, none is offered under it."""
    stage.policy = allowing(Act.LIMITS, Act.HOLD)
    stage.restart()
    done = await stage.approve(await stage.ask(IDLE))
    assert (done.state, actions(done)) == (State.CLOSED, ())


async def test_what_was_perhaps_never_set_was_not_taken_back(stage: Stage) -> None:
    """No answer came to any try: nobody knows whether it ever stood there, and it doesn't now."""
    asked = await stage.ask(IDLE)

    def lose(_step: Step) -> None:
        stage.hosts["host1"].lost = "broke the connection off"

    stage.hosts.before_act = lose
    waiting = await stage.approve(asked)
    stage.hosts.before_act = lambda _step: None
    stage.hosts["host1"].lost = ""
    stage.hosts["host1"].no_fresh_login = True
    done = await stage.wait(waiting)

    assert results(done) == [("host1", "not set")]
    assert done.outcomes[0].detail == "no answer came; if it was set, the host took it back by itself"


@pytest.mark.parametrize("other", [{"host_key": "SHA256:other"}, {"boot": "another"}])
async def test_on_another_machine_or_boot_nothing_is_set(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    """What was approved names the host's key and its boot."""
    asked = await stage.ask(IDLE)
    host = stage.hosts["host1"]
    seen = host.show_limits()
    monkeypatch.setattr(host, "show_limits", lambda: seen.model_copy(update=other))
    done = await stage.wait(await stage.approve(asked))

    assert stage.hosts.acts == []
    assert results(done) == [("host1", "unknown" if "host_key" in other else "not set")]


async def test_two_changes_are_never_on_trial_together(stage: Stage) -> None:
    """The plan says so, and leaves that host out."""
    host = stage.hosts["host1"]
    host.trial = ("7-0123456789abcdef", {}, stage.clock.now + timedelta(minutes=2))
    closed = await stage.ask(IDLE)
    assert (closed.state, closed.reason) == (State.CLOSED, "host1: another change is on trial there.")


async def test_nobody_may_by_default(stage: Stage) -> None:
    """A rule that lets people kick lets them set no limits."""
    stage.policy = POLICY
    stage.restart()
    with pytest.raises(Refused, match="No rule allows to set limits on host1, so nobody may"):
        await stage.ask(IDLE)


async def test_the_asker_can_not_approve(stage: Stage) -> None:
    """Nor does anything happen then."""
    asked = await stage.ask(IDLE)
    with pytest.raises(Refused, match="You asked for this one"):
        await stage.workflow.approve(stage.origin("U0ALICE"), asked.id, asked.plan_hash)
    assert stage.hosts.acts == []


async def test_without_a_fresh_login_the_host_takes_it_back(stage: Stage) -> None:
    """Kickbot only waits for it: the host's own timer does it, and the look afterwards says so."""
    host = stage.hosts["host1"]
    host.no_fresh_login = True
    asked = await stage.ask(IDLE)

    done = await stage.wait(await stage.approve(asked))

    assert results(done) == [("host1", "taken back")]
    assert done.outcomes[0].detail == "no fresh login came through, so the host took it back by itself"
    assert "own" not in host.limits


async def test_what_the_host_refuses_is_told_in_its_words(stage: Stage) -> None:
    """Nothing is tried a second time, and nothing is kept."""
    stage.hosts["host1"].unable = "sshd does not accept it: Bad configuration option: Nonsense"
    done = await stage.approve(await stage.ask(IDLE))

    assert results(done) == [("host1", "not set")]
    assert "Bad configuration option: Nonsense" in done.outcomes[0].detail
    assert steps(stage) == ["set 1"]


async def test_an_answer_that_was_lost_is_never_taken_for_one(stage: Stage) -> None:
    """What may have been set is kept if it is there, and not set twice."""
    stage.hosts["host1"].answers_get_lost = True
    done = await stage.approve(await stage.ask(IDLE))

    assert results(done) == [("host1", "set")]
    assert steps(stage) == ["set 1", "keep 1"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"channels": None, "sshd": "OpenSSH_8.4p1"}, "its sshd is too old (OpenSSH_8.4p1)"),
        ({"sshd": "", "notes": ("sshd does not tell its settings: no",)}, "sshd does not tell its settings"),
    ],
)
async def test_a_host_where_it_can_not_be_set_says_so_at_the_plan(
    stage: Stage, changes: dict[str, object], told: str
) -> None:
    """Nobody is asked to approve what can't be done."""
    stage.hosts["host1"].limits = changes
    asked = await stage.ask(IDLE)

    assert asked.state is State.CLOSED
    assert told in asked.reason


async def test_what_is_set_already_needs_nobody(stage: Stage) -> None:
    """And what Kickbot has not set, it can't take away."""
    done = await stage.approve(await stage.ask(IDLE))
    assert results(done) == [("host1", "set")]
    assert "it is set already" in (await stage.ask(IDLE)).reason

    off = IDLE.model_copy(update={"seconds": 0})
    assert results(await stage.approve(await stage.ask(off))) == [("host1", "set")]
    assert "Kickbot has set nothing there" in (await stage.ask(off)).reason


async def test_a_freeze_stops_it(stage: Stage) -> None:
    """Nothing is set while all acting is frozen."""
    asked = await stage.ask(IDLE)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    await stage.workflow.freeze(stage.origin("U0CAROL"), "wrong rule")
    with pytest.raises(ActingFrozen):
        await stage.workflow.drive(asked.id)
    assert stage.hosts.acts == []


async def test_a_right_that_was_lost_meanwhile_stops_it(stage: Stage) -> None:
    """Rights are looked at again right before the act."""
    asked = await stage.ask(IDLE)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    stage.people.groups["S0SRE"].clear()
    done = await stage.workflow.drive(asked.id)
    assert done.state is State.LAPSED
    assert stage.hosts.acts == []


async def test_a_crash_at_any_point_sets_it_once_and_keeps_it(tmp_path: Path) -> None:
    """Before and after each append, look and act: in the end it is set, and nothing is on trial."""

    async def run(dies_at: int | None) -> tuple[Request, Stage, int]:
        clock, fuse = FakeClock(), Fuse(dies_at)
        async with SqliteTrail.open(tmp_path / f"{dies_at}.db", clock) as trail:
            stage = Stage(trail, clock, allowing(Act.LIMITS))
            story = Story(stage, IDLE)
            request = await story.tell_through(fuse)
        return request, stage, fuse.points

    _, _, points = await run(None)
    assert points > 20
    for dies_at in range(1, points + 1):
        request, stage, _ = await run(dies_at)
        host = stage.hosts["host1"]
        assert results(request) == [("host1", "set")], dies_at
        assert (host.applied, host.trial) == (1, None), dies_at
