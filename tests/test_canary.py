"""One host first, where a rule asks for it: the others follow only if it goes well."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot import canary
from bot.audit.sqlite import SqliteTrail
from bot.models import Act, Kick, Outcome, Result
from bot.request import Request
from bot.states import State
from tests import make
from tests.fakes import FakeClock, FakeHost, FakeHosts
from tests.stage import POLICY, Stage
from tests.test_crashes import Fuse, Story

WEBS = tuple(f"web{n}" for n in range(1, 6))


def at(stage: Stage, *hosts: str, **changes: Any) -> None:
    """A fleet with one login of audituser on each host. changes: of the rule about all of them."""
    names = hosts or WEBS
    stage.hosts = FakeHosts(stage.clock, **dict.fromkeys(names, ()))
    for name in names:
        stage.hosts[name].login("7")
    values = {"hosts": frozenset(names), "canary": True, **changes}
    stage.policy = POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update=values),)})
    stage.restart()


async def approved(stage: Stage, *hosts: str, lost: Sequence[str] = (), **command: Any) -> Request:
    """Asked and approved. lost: who stops to answer in between."""
    asked = await stage.ask(make.kick(*(hosts or WEBS), reason="INC-42", **command))
    for name in lost:
        stage.hosts[name].lost = "did not answer"
    return await stage.approve(asked)


def ended(stage: Stage) -> list[str]:
    """The hosts on which something was ended, in the order of the acts."""
    return list(dict.fromkeys(step.host for step in stage.hosts.acts))


def going_wrong(host: FakeHost, how: str) -> None:
    """When it is acted on."""
    if how == "survived":
        host.stubborn.add("7")
    if how == "unknown":
        host.lost = "did not answer"
    if how == "returned":
        host.login("15")


# ------------------------------------------------------------------------------------------------ it holds back


@pytest.mark.parametrize("how", ["survived", "unknown", "returned"])
async def test_where_the_first_goes_wrong_nothing_is_begun_on_any_other(stage: Stage, how: str) -> None:
    """Whatever went wrong on web1: the four others are not touched, and each outcome says so."""
    at(stage)
    stage.hosts.before_act = lambda step: going_wrong(stage.hosts[step.host], how)

    done = await stage.wait(await approved(stage))

    assert ended(stage) == ["web1"]
    assert [str(o.result) for o in done.outcomes] == [how, *["left alone"] * 4]
    assert {o.detail for o in done.outcomes[1:]} == {"nothing was begun"}
    assert done.stopped.startswith("web1 went first and went wrong (1 of 1 session ")
    assert done.undone == WEBS[1:]


async def test_the_others_wait_until_the_first_was_looked_at(stage: Stage) -> None:
    """Its end is recorded, by a look, before anything is begun elsewhere; then they follow in the same round."""
    at(stage)

    done = await approved(stage)

    assert done.state is State.CLOSED
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    story = [record.event for record in await stage.trail.read(done.id)]
    judged = next(n for n, event in enumerate(story) if event.kind == "judged")
    before = [event.step.host for event in story[:judged] if event.kind == "ending"]
    after = [event.step.host for event in story[judged:] if event.kind == "ending"]
    assert before == ["web1"]
    assert sorted(after) == list(WEBS[1:])
    assert story[judged - 1].kind == "observed"


async def test_a_survivor_among_the_others_stops_nobody(stage: Stage) -> None:
    """Only the first one decides."""
    at(stage)
    stage.hosts["web2"].stubborn.add("7")

    waiting = await approved(stage, lost=["web4"])
    stage.hosts["web4"].lost = ""
    done = await stage.wait(waiting)

    ends = ["ended", "survived", "ended", "ended", "ended"]
    assert [str(o.result) for o in done.outcomes] == ends
    assert done.stopped == ""


async def test_without_the_rule_all_go_together(stage: Stage) -> None:
    """Nobody goes first, and a survivor on one holds back no other."""
    at(stage, canary=False)
    stage.hosts["web1"].stubborn.add("7")
    done = await approved(stage)
    assert sorted(ended(stage)) == list(WEBS)
    assert done.canaries == ()


async def test_one_host_alone_needs_no_canary(stage: Stage) -> None:
    """There is nobody who could follow."""
    at(stage)
    done = await approved(stage, "web1")
    assert (done.state, done.canaries, done.judged) == (State.CLOSED, (), {})


async def test_where_one_of_two_rules_asks_for_it_one_of_its_hosts_goes_first(stage: Stage) -> None:
    """The hosts of the other rule wait as well, and are not the ones that try it."""
    at(stage, "db1", *WEBS)
    rule = stage.policy.rules[0]
    stage.policy = stage.policy.model_copy(
        update={"rules": (rule.model_copy(update={"hosts": frozenset({"db1"}), "canary": False}), rule)}
    )
    stage.restart()
    stage.hosts["web1"].stubborn.add("7")

    done = await approved(stage, "db1", *WEBS)

    assert ended(stage) == ["web1"]
    assert done.undone == ("db1", *WEBS[1:])


# ------------------------------------------------------------------------------------------------ which one


async def test_one_that_can_not_be_reached_waits_and_the_next_one_goes_first(stage: Stage) -> None:
    """Nothing was begun there, so it says nothing; once the next one went well all follow, it too when it is back."""
    at(stage)

    waiting = await approved(stage, lost=["web1"])
    assert ended(stage)[0] == "web2"
    assert waiting.state is State.ACTING
    assert waiting.waiting_for == {"web1"}

    stage.hosts["web1"].lost = ""
    done = await stage.wait(waiting)
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    assert ended(stage)[-1] == "web1"


async def test_one_that_can_not_be_reached_does_not_let_the_others_go(stage: Stage) -> None:
    """Web1 is lost and web2 goes wrong: nothing is begun on web1 either when it is back."""
    at(stage)
    stage.hosts["web2"].stubborn.add("7")

    request = await approved(stage, lost=["web1"])
    stage.hosts["web1"].lost = ""
    done = await stage.wait(request)

    assert ended(stage) == ["web2"]
    assert done.undone == ("web1", *WEBS[2:])


async def test_where_none_can_be_reached_nothing_is_begun_and_each_is_tried_again(stage: Stage) -> None:
    """Until `act_by`; whoever comes back first goes first."""
    at(stage)

    request = await approved(stage, lost=WEBS)
    assert request.state is State.APPROVED
    assert request.waiting_for == set(WEBS)
    stage.hosts["web3"].lost = ""
    assert request.due is not None
    stage.clock.now = request.due
    request = await stage.workflow.drive(request.id)

    assert ended(stage) == ["web3"]
    assert request.waiting_for == {"web1", "web2", "web4", "web5"}


async def test_where_none_comes_back_the_request_lapses(stage: Stage) -> None:
    """With the names of those that did not answer."""
    at(stage)
    done = await stage.wait(await approved(stage, lost=WEBS))
    assert done.state is State.LAPSED
    assert done.reason.startswith("web[1-5] did not answer until ")
    assert stage.hosts.acts == []


async def test_one_where_everything_is_gone_proves_nothing(stage: Stage) -> None:
    """The next one goes first then, and it counts."""
    at(stage)
    asked = await stage.ask(make.kick(*WEBS))
    stage.hosts["web1"].logout("7")
    stage.hosts["web2"].stubborn.add("7")

    done = await stage.approve(asked)

    assert ended(stage) == ["web2"]
    assert [str(o.result) for o in done.outcomes] == ["already gone", "survived", *["left alone"] * 3]
    assert done.undone == WEBS[2:]


async def test_where_everything_is_gone_everywhere_the_request_closes(stage: Stage) -> None:
    """Nothing is left that anyone could follow to."""
    at(stage)
    asked = await stage.ask(make.kick(*WEBS))
    for name in WEBS:
        stage.hosts[name].logout("7")
    done = await stage.approve(asked)
    assert (done.state, {o.result for o in done.outcomes}) == (State.CLOSED, {Result.ALREADY_GONE})


async def test_one_that_used_its_session_again_proves_nothing(stage: Stage) -> None:
    """Where only what is idle ends: web1 is left alone, and web2 goes first."""
    at(stage)
    for name in WEBS:
        host = stage.hosts[name]
        host.sessions["7"] = make.at_rest(host.sessions["7"])
    asked = await stage.ask(make.kick(*WEBS, only={"idle": 1800}))
    stage.hosts["web1"].sessions["7"] = make.at_rest(stage.hosts["web1"].sessions["7"], seconds=3)

    done = await stage.approve(asked)

    assert [str(o.result) for o in done.outcomes] == ["left alone", *["ended"] * 4]
    assert ended(stage)[0] == "web2"


# ------------------------------------------------------------------------------------------------ with other things


async def test_a_hold_that_fails_on_the_first_one_stops_all(stage: Stage) -> None:
    """Nobody is ended or kept out anywhere."""
    at(stage, acts=frozenset({Act.KICK, Act.HOLD}))
    stage.hosts["web1"].unable = "usermod is missing"

    done = await stage.wait(await approved(stage, hold=3600))

    assert ended(stage) == ["web1"]
    assert "the account could not be held: usermod is missing" in done.stopped
    assert all(stage.hosts[name].sessions for name in WEBS)


async def test_a_hold_alone_tells_enough(stage: Stage) -> None:
    """Nobody is logged in anywhere: the account is kept out of the first one, then of all."""
    at(stage, acts=frozenset({Act.KICK, Act.HOLD}))
    for name in WEBS:
        stage.hosts[name].logout("7")

    done = await approved(stage, hold=3600)

    assert (done.state, done.not_held) == (State.CLOSED, {})
    assert ended(stage)[0] == "web1"
    assert sorted(ended(stage)) == list(WEBS)


async def test_all_are_warned_at_once_and_then_one_goes_first(stage: Stage) -> None:
    """A warning ends nothing."""
    at(stage)
    request = await approved(stage, warn=300)
    assert (request.state, len(stage.hosts.acts)) == (State.WARNED, 5)
    stage.hosts["web1"].stubborn.add("7")
    done = await stage.wait(request)
    assert ended(stage) == list(WEBS)
    assert {step.host for step in stage.hosts.acts if step.what != "warn"} == {"web1"}
    assert done.undone == WEBS[1:]


async def test_what_is_undone_can_be_asked_again(stage: Stage) -> None:
    """As a new request about the rest, with its own approval, of which again one goes first."""
    at(stage)
    stage.hosts["web1"].stubborn.add("7")
    done = await approved(stage, warn=0)

    request = await stage.workflow.again(stage.origin("U0ALICE"), done.id, done.plan_hash, force=False)
    request = await stage.workflow.drive(request.id)

    assert isinstance(request.command, Kick)
    assert request.command.hosts == WEBS[1:]
    assert request.canaries == WEBS[1:]


# ------------------------------------------------------------------------------------------------ crashes


async def _run(path: Path, dies_at: int | None, *, goes_wrong: bool) -> tuple[Request, Stage, int]:
    clock, fuse = FakeClock(), Fuse(dies_at)
    async with SqliteTrail.open(path, clock) as trail:
        stage = Stage(trail, clock)
        at(stage, *WEBS[:3])
        if goes_wrong:
            stage.hosts["web1"].stubborn.add("7")
        story = Story(stage, make.kick(*WEBS[:3]))
        request = await story.tell_through(fuse)
    return request, stage, fuse.points


@pytest.mark.parametrize("goes_wrong", [False, True], ids=["goes well", "goes wrong"])
async def test_a_crash_at_any_point_lets_nobody_go_before_the_first(tmp_path: Path, goes_wrong: bool) -> None:
    """Before and after each append, look and act: web1 stays the one, and where it goes wrong nobody follows."""
    _, _, points = await _run(tmp_path / "whole.db", None, goes_wrong=goes_wrong)
    assert points > 15
    for dies_at in range(1, points + 1):
        request, stage, _ = await _run(tmp_path / f"{dies_at}.db", dies_at, goes_wrong=goes_wrong)
        assert request.state is State.CLOSED, dies_at
        assert ended(stage)[0] == "web1", dies_at
        if goes_wrong:
            assert ended(stage) == ["web1"], dies_at
            assert request.undone == ("web2", "web3"), dies_at
        else:
            assert {o.result for o in request.outcomes} == {Result.ENDED}, dies_at
            assert all(len(stage.hosts[name].ended) == 1 for name in WEBS[:3]), dies_at


def test_nothing_that_comes_after_it_went_well_is_asked() -> None:
    """A host that follows may fail as it likes: it went well when the first one did."""
    looks = [make.snapshot(make.session(), host=name) for name in ("web1", "web2")]
    story = make.pending(*looks, canaries=("web1", "web2"))
    made = make.plan(*looks)
    judged = [
        make.judged(Outcome(host=target.host, session="7", identity=target.identity, result=result))
        for target, result in zip(made.targets, (Result.ENDED, Result.SURVIVED), strict=True)
    ]
    request = make.request(*story, make.approved(made), *judged)
    assert canary.went_wrong(request) == ""
    assert canary.goes_first(request) is None
