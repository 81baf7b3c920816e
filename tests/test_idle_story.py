"""Ending what is idle, from the question to the proof: who works again before the end stays, and is told so."""

from typing import Any

import pytest

from bot.models import EndSession, Filter, Listing, Pinned, Session, Snapshot, Step, Terminal, Warn
from bot.outcomes import judge
from bot.planning import next_step
from bot.request import Request
from tests import make
from tests.stage import POLICY, Stage

IDLE = make.kick(only=Filter(idle=1800), reason="INC-42")


def rest(stage: Stage, *sessions: str) -> None:
    """These logins of audituser are there, and idle."""
    host = stage.hosts["host1"]
    for number, name in enumerate(sessions):
        host.sessions[name] = make.at_rest(host.login(name), tty=f"pts/{number}")


def use(stage: Stage, name: str, **times: int) -> None:
    """A key or output on the terminal of that session, just now."""
    session = stage.hosts["host1"].sessions[name]
    quiet = session.terminals[0]
    used = Terminal.model_validate({**quiet.model_dump(), **times})
    stage.hosts["host1"].sessions[name] = session.model_copy(update={"terminals": (used,)})


def results(request: Request) -> dict[str, str]:
    return {outcome.session: str(outcome.result) for outcome in request.outcomes}


def ended(stage: Stage) -> list[str]:
    return [step.target.session for step in stage.hosts.acts if isinstance(step, EndSession)]


# ------------------------------------------------------------------------------------------------ who stays


@pytest.mark.parametrize("times", [{"since_key": 3}, {"since_output": 3}], ids=["a key", "output"])
async def test_who_works_again_before_the_end_stays(stage: Stage, times: dict[str, int]) -> None:
    """A key or output after the plan: that session is left alone, and the outcome says why; the other one ends."""
    rest(stage, "7", "9")
    request = await stage.ask(IDLE)
    use(stage, "7", **times)

    done = await stage.wait(await stage.approve(request))

    assert results(done) == {"7": "left alone", "9": "ended"}
    assert "it was used again" in done.outcomes[0].detail
    assert ended(stage) == ["9"]
    assert "7" in stage.hosts["host1"].sessions


async def test_a_program_that_was_started_meanwhile(stage: Stage) -> None:
    """A foreground program keeps a session too, however quiet it is."""
    rest(stage, "7")
    request = await stage.ask(IDLE)
    session = stage.hosts["host1"].sessions["7"]
    vim = session.processes[1].model_copy(update={"name": "vim", "command": "vim"})
    stage.hosts["host1"].sessions["7"] = session.model_copy(update={"processes": (session.processes[0], vim)})

    done = await stage.wait(await stage.approve(request))

    assert results(done) == {"7": "left alone"}
    assert done.outcomes[0].detail == "it was used again: vim is in the foreground of pts/0"
    assert ended(stage) == []


async def test_a_host_whose_clock_jumps_after_the_plan(stage: Stage) -> None:
    """Nobody there can be judged any more, so nobody is ended."""
    rest(stage, "7")
    request = await stage.ask(IDLE)
    session = stage.hosts["host1"].sessions["7"]
    stage.hosts["host1"].sessions["7"] = session.model_copy(update={"clock_set": 3500})

    done = await stage.wait(await stage.approve(request))

    assert results(done) == {"7": "left alone"}
    assert ended(stage) == []


async def test_only_what_is_idle_is_planned(stage: Stage) -> None:
    """The plan names who stays, and why; with nobody idle there is nothing to approve."""
    rest(stage, "7", "9")
    use(stage, "9", since_output=2)
    request = await stage.ask(IDLE)

    assert request.plan is not None
    assert [(t.session, t.idle, t.sense) for t in request.plan.targets] == [("7", 1800, "careful")]
    assert [k.why for k in request.plan.kept] == ["it is not known to be idle: output on pts/1 2 s ago"]

    use(stage, "7", since_key=2)
    none = await stage.ask(IDLE)
    assert none.state == "closed"
    assert "a key on pts/0 2 s ago" in none.reason


async def test_what_was_tried_goes_on_although_its_end_shows_on_its_terminal(stage: Stage) -> None:
    """A polite signal makes a shell print: that is no use of it, and the next rung follows."""
    rest(stage, "7")
    stage.hosts["host1"].stubborn, stage.hosts["host1"].ended_by = {"7"}, {"kill"}
    request = await stage.ask(IDLE)

    def prints(step: Step) -> None:
        if isinstance(step, EndSession):
            use(stage, "7", since_output=0)

    stage.hosts.before_act = prints
    done = await stage.wait(await stage.approve(request))

    assert results(done) == {"7": "ended"}


async def test_a_new_login_after_the_end_of_an_idle_one_is_no_return(stage: Stage) -> None:
    """Nobody wanted to keep that person out: the note names the login, and nothing asks to end it."""
    rest(stage, "7")
    request = await stage.ask(IDLE)
    stage.hosts.before_act = lambda _step: stage.hosts["host1"].login("8")

    done = await stage.wait(await stage.approve(request))

    assert results(done) == {"7": "ended"}
    assert "session 8" in done.reason


async def test_what_is_left_alone_is_not_forced_later(stage: Stage) -> None:
    """The next level is about what survived: not about who worked again."""
    rest(stage, "7", "9", "11")
    stage.hosts["host1"].stubborn = {"9", "11"}
    request = await stage.ask(IDLE)
    use(stage, "7", since_key=1)
    done = await stage.wait(await stage.approve(request))
    assert results(done) == {"7": "left alone", "9": "survived", "11": "survived"}

    stage.policy = POLICY.model_copy(
        update={"rules": (POLICY.rules[0].model_copy(update={"acts": frozenset({"kick", "force"})}),)}
    )
    stage.restart()
    forced = await stage.workflow.again(stage.origin("U0ALICE"), done.id, done.plan_hash, force=True)
    planned = await stage.workflow.drive(forced.id)

    assert planned.plan is not None
    assert [t.session for t in planned.plan.targets] == ["9", "11"]


# ------------------------------------------------------------------------------------------------ with a warning


async def test_a_warning_makes_nobody_busy(stage: Stage) -> None:
    """Its own words on the terminal are no use of a session; the text says that only idle ones end."""
    rest(stage, "7", "9")
    request = await stage.ask(IDLE.model_copy(update={"warn": 300}))

    def written(step: Step) -> None:
        if isinstance(step, Warn):
            use(stage, step.target.session, since_output=0)

    stage.hosts.before_act = written
    warned = await stage.approve(request)
    assert warned.state == "warned"
    assert "if it is idle then" in stage.hosts["host1"].told[0][1]
    for name in ("7", "9"):
        use(stage, name, since_output=300)
    use(stage, "9", since_key=60)

    done = await stage.wait(warned)

    assert results(done) == {"7": "ended", "9": "left alone"}


# ------------------------------------------------------------------------------------------------ by which rule


@pytest.mark.parametrize(("sense", "plans"), [("careful", False), ("keys", True)])
async def test_a_rule_may_ask_for_less(stage: Stage, sense: str, plans: bool) -> None:
    """By keys only, where every rule that decides says so; the plan keeps in which sense."""
    stage.policy = by(sense)
    stage.restart()
    rest(stage, "7")
    use(stage, "7", since_output=1)

    request = await stage.ask(IDLE)

    assert (request.state == "pending") is plans
    assert [t.sense for t in request.plan.targets] == (["keys"] if plans else []) if request.plan else not plans


async def test_of_several_rules_the_strictest_sense_counts(stage: Stage) -> None:
    """A kick by keys and force in the careful sense: force with idle is careful."""
    (usual,) = POLICY.rules
    keys = usual.model_copy(update={"idle": "keys"})
    force = usual.model_copy(update={"acts": frozenset({"force"})})
    stage.policy = POLICY.model_copy(update={"rules": (keys, force)})
    stage.restart()
    rest(stage, "7")
    use(stage, "7", since_output=1)

    assert (await stage.ask(IDLE)).state == "pending"
    assert (await stage.ask(IDLE.model_copy(update={"force": True}))).state == "closed"


def by(sense: Any) -> Any:
    return POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update={"idle": sense}),)})


# ------------------------------------------------------------------------------------------------ the listing


async def test_a_listing_of_idle_sessions_says_why_the_others_are_not(stage: Stage) -> None:
    """Each session is judged by the rule of its host, with the clock of the trail."""
    rest(stage, "7", "9")
    use(stage, "9", since_key=5)

    seen = await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",), only=Filter(idle=1800)))

    assert shown(seen.shown) == ["7"]
    nine = stage.hosts["host1"].sessions["9"].identity
    assert seen.busy["host1"][nine] == "a key on pts/1 5 s ago"


async def test_a_listing_without_idle_judges_nobody(stage: Stage) -> None:
    """Then nothing is left out."""
    rest(stage, "7", "9")
    use(stage, "9", since_key=5)
    seen = await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    assert shown(seen.shown) == ["7", "9", "12"]
    assert seen.looks[0].ahead is None  # type: ignore[union-attr]


def shown(looks: Any) -> list[str]:
    sessions: tuple[Session, ...] = looks[0].sessions
    return [session.id for session in sessions]


# ------------------------------------------------------------------------------------------------ judged


def approved(look: Snapshot) -> Request:
    plan = make.plan(look, command=IDLE)
    return make.request(
        make.asked(command=IDLE), make.observed("before", look), make.planned(plan), make.approved(plan)
    )


def test_a_request_that_was_stopped_says_so() -> None:
    """Nobody used it again: nothing was begun."""
    look = make.snapshot(make.at_rest(make.session()), ahead=0)
    request = approved(look).model_copy(update={"stopped": "Too late."})

    (outcome,) = judge(request, [look])

    assert (outcome.result, outcome.detail) == ("left alone", "nothing was begun")


def test_what_is_left_of_an_idle_login_that_is_gone_stays() -> None:
    """Its terminal is gone, so nobody knows whether its rest is idle: no step, and the outcome says so."""
    login = make.at_rest(make.session(source="sshd", leaders=(Pinned(pid=4301, start="43010"),)))
    request = approved(make.snapshot(login, ahead=0))
    rest = make.snapshot(outside=(make.process(4400, "nohup", kernel_session=4301),), ahead=0)

    (outcome,) = judge(request, [rest])

    assert next_step(request, [rest]) is None
    assert (outcome.result, "its login is gone" in outcome.detail) == ("left alone", True)
