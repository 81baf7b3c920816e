"""What a kick may end beyond the polite default, and how people are warned first: by the whole workflow."""

from datetime import timedelta

import pytest

from bot.errors import Refused
from bot.models import Act, EndAccount, Filter, Listing, Result, Rung, ShowAccount, Warn
from bot.states import State
from tests import make
from tests.stage import POLICY, Stage, allowing

NIGHTLY = make.process(900, "nightly", unit="nightly.service")
WARNED = make.kick(warn=300, reason="INC-42")


@pytest.fixture(autouse=True)
def everything_is_allowed(stage: Stage) -> None:
    stage.policy = allowing(Act.FORCE, Act.PROCESSES)
    stage.restart()


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize("changes", [{"force": True}, {"processes": True}, {"force": True, "processes": True}])
async def test_a_level_that_no_rule_allows_is_refused(stage: Stage, changes: dict[str, bool]) -> None:
    """A rule with `acts = ["kick"]` allows neither force nor processes."""
    stage.policy = POLICY
    stage.restart()
    with pytest.raises(Refused, match="No rule allows"):
        await stage.ask(make.kick(**changes))


async def test_processes_without_force_never_kills(stage: Stage) -> None:
    """What survives the polite rungs survives: a rung that the approval didn't cover is never taken."""
    stage.hosts["host1"].stubborn = {"7"}
    done = await stage.approve(await stage.ask(make.kick(processes=True)))
    assert {a.step.what for a in done.attempts} == {"terminate", "kill", "signal", "show"} - {"force"}
    assert all(a.step.what != "kill" for a in done.attempts if isinstance(a.step, EndAccount))
    assert done.outcomes[0].result is Result.SURVIVED


async def test_processes_of_uid_0_are_never_a_target(stage: Stage) -> None:
    """Toor has uid 0: `processes` makes no target of it, and nothing is asked."""
    stage.hosts["host1"].login("30", "toor", 0)
    done = await stage.ask(make.kick(user="toor", processes=True))
    assert done.state is State.CLOSED
    assert stage.hosts.acts == []


# ------------------------------------------------------------------------------------------------ force


async def test_force_is_the_last_rung(stage: Stage) -> None:
    """A session that ignores the polite rungs is killed with `force`, and only after they were tried and looked at."""
    host = stage.hosts["host1"]
    host.stubborn, host.ended_by = {"7"}, {"force"}
    done = await stage.approve(await stage.ask(make.kick(force=True)))
    assert [a.step.what for a in done.attempts if a.step.target.session == "7"] == ["terminate", "kill", "force"]
    assert {o.result for o in done.outcomes} == {Result.ENDED}


@pytest.mark.parametrize(("takes", "least", "most"), [(180, 180, 240), (0, 0, 60)])
async def test_a_rung_has_the_time_that_it_takes(stage: Stage, takes: int, least: int, most: int) -> None:
    """What its driver says is slow is watched for so long, before the next rung and before the judgement, and once."""
    host = stage.hosts["host1"]
    ladder = (Rung(name="logoff", takes=takes), Rung(name="force", act=Act.FORCE, takes=takes))
    host.sessions = {"7": host.login("7", ladder=ladder)}
    host.stubborn = {"7"}
    for force, rungs in ((False, 1), (True, 2)):
        request = await stage.ask(make.kick(force=force))
        began = stage.clock.now
        done = await stage.approve(request)
        took = (stage.clock.now - began).total_seconds()
        assert [o.result for o in done.outcomes] == [Result.SURVIVED]
        assert rungs * least <= took <= rungs * most


async def test_the_next_level_is_a_new_request_that_names_the_first(stage: Stage) -> None:
    """After a survivor anyone who may ask can ask to force it: one session, linked, and with an approval of its own."""
    stage.hosts["host1"].stubborn = {"7"}
    first = await stage.approve(await stage.ask(make.kick(reason="INC-42")))
    harder = await stage.workflow.again(stage.origin("U0BOB"), first.id, first.plan_hash, force=True)
    assert harder.command == make.kick(session="7", force=True, after=first.id, reason="INC-42")
    assert harder.asker == "U0BOB"
    assert (await stage.workflow.drive(harder.id)).state is State.PENDING


@pytest.mark.parametrize("force", [True, False])
async def test_no_next_level_where_nothing_is_left(stage: Stage, force: bool) -> None:
    """A request that ended everything, or another plan's button, asks for nothing."""
    done = await stage.approve(await stage.ask(make.kick()))
    for plan_hash in (done.plan_hash, "0" * 64):
        with pytest.raises(Refused, match="left nothing"):
            await stage.workflow.again(stage.origin("U0BOB"), done.id, plan_hash, force=force)


async def test_who_may_not_ask_gets_no_next_level(stage: Stage) -> None:
    """The button of the next level is a question like any other: a stranger is refused."""
    stage.hosts["host1"].stubborn = {"7"}
    first = await stage.approve(await stage.ask(make.kick()))
    with pytest.raises(Refused, match="may ask"):
        await stage.workflow.again(stage.origin("U0DAVE"), first.id, first.plan_hash, force=True)


async def test_who_came_back_can_be_asked_for_again(stage: Stage) -> None:
    """After `returned` the same kick is asked once more, for what is there then."""
    asked = await stage.ask(make.kick())
    stage.hosts["host1"].login("15")
    first = await stage.approve(asked)
    again = await stage.workflow.again(stage.origin("U0ALICE"), first.id, first.plan_hash, force=False)
    planned = await stage.workflow.drive(again.id)
    assert planned.plan is not None
    assert [t.session for t in planned.plan.targets] == ["15"]


# ------------------------------------------------------------------------------------------------ processes


async def test_processes_ends_what_runs_outside_and_shows_the_last_word(stage: Stage) -> None:
    """First the sessions, then the account, then what ps still lists of it: a header and nothing else."""
    host = stage.hosts["host1"]
    host.outside = (NIGHTLY,)
    done = await stage.approve(await stage.ask(make.kick(processes=True)))
    assert [(a.step.kind, a.step.what) for a in done.attempts] == [
        ("end_session", "terminate"),
        ("end_session", "terminate"),
        ("end_account", "terminate"),
        ("show_account", "show"),
    ]
    assert [(o.kind, o.result) for o in done.outcomes][-1] == ("account", Result.ENDED)
    assert not host.outside
    assert list(host.sessions) == ["12"]


async def test_without_processes_the_account_is_no_target(stage: Stage) -> None:
    """By default what runs outside of the sessions stays."""
    stage.hosts["host1"].outside = (NIGHTLY,)
    done = await stage.approve(await stage.ask(make.kick()))
    assert all(o.kind == "session" for o in done.outcomes)
    assert stage.hosts["host1"].outside == (NIGHTLY,)


async def test_an_account_without_a_login_can_be_ended(stage: Stage) -> None:
    """A service that outlived its sessions is a target at the level `processes`, and not at the default one."""
    host = stage.hosts["host1"]
    host.outside = (make.process(900, "nightly", uid=1009, user="ghost"),)
    polite = await stage.ask(make.kick(user="ghost"))
    assert polite.reason == (
        "ghost is not logged in on host1. 1 process runs outside of any session on host1: `processes` would end them."
    )
    done = await stage.approve(await stage.ask(make.kick(user="ghost", processes=True)))
    assert [(o.kind, o.result) for o in done.outcomes] == [("account", Result.ENDED)]


async def test_a_login_that_came_later_is_spared(stage: Stage) -> None:
    """Whoever logs in again during the ending keeps that login, and the report says so."""
    asked = await stage.ask(make.kick(processes=True))
    host = stage.hosts["host1"]
    came = host.login("15")
    host.outside = (NIGHTLY,)
    done = await stage.approve(asked)
    steps = [a.step for a in done.attempts if isinstance(a.step, EndAccount)]
    assert {s.spare for s in steps} == {(came.identity,)}
    assert [s.rung for s in steps] == ["terminate", "signal"]
    assert [(o.kind, o.result) for o in done.outcomes][-1] == ("account", Result.RETURNED)
    assert "15" in host.sessions
    assert not host.outside


async def test_the_last_word_comes_also_when_something_survived(stage: Stage) -> None:
    """What is left of the account is shown by ps itself, whatever the outcome."""
    stage.hosts["host1"].stubborn = {"7"}
    done = await stage.approve(await stage.ask(make.kick(processes=True)))
    assert isinstance(done.attempts[-1].step, ShowAccount)
    assert done.outcomes[-1].result is Result.SURVIVED


# ------------------------------------------------------------------------------------------------ warn


async def test_a_warning_is_told_and_then_the_session_ends(stage: Stage) -> None:
    """Each terminal reads who, when and why; nothing ends before that moment, and then everything does."""
    host = stage.hosts["host1"]
    asked = await stage.ask(WARNED)
    approved_at = stage.clock.now
    warned = await stage.approve(asked)
    assert warned.state is State.WARNED
    assert warned.act_at == warned.due == approved_at + timedelta(minutes=5)
    assert [name for name, _ in host.told] == ["pts/3", "pts/3"]
    assert "alice" in host.told[0][1]
    assert "13:33:00 UTC, in 5 min, because INC-42" in host.told[0][1]
    assert host.ended == []
    done = await stage.wait(warned)
    assert {o.result for o in done.outcomes} == {Result.ENDED}


@pytest.mark.parametrize("who", ["U0ALICE", "U0CAROL", "U0BOB"])
async def test_a_warned_end_can_be_stopped_by_asker_and_approvers(stage: Stage, who: str) -> None:
    """Until the last second whoever asked, and everyone who may approve, can stop it: nothing was ended."""
    warned = await stage.approve(await stage.ask(WARNED))
    await stage.clock.sleep(299)
    stopped = await stage.workflow.cancel(stage.origin(who), warned.id, warned.plan_hash)
    assert stopped.state is State.CANCELLED
    await stage.clock.sleep(10)
    assert (await stage.workflow.drive(warned.id)).state is State.CANCELLED
    assert stage.hosts["host1"].ended == []


async def test_a_stranger_can_not_stop_a_warned_end(stage: Stage) -> None:
    """Whoever may neither ask nor approve this can't stop it."""
    warned = await stage.approve(await stage.ask(WARNED))
    with pytest.raises(Refused):
        await stage.workflow.cancel(stage.origin("U0DAVE"), warned.id, warned.plan_hash)
    assert (await stage.request(warned.id)).state is State.WARNED


async def test_a_terminal_that_takes_no_text_holds_nothing_up(stage: Stage) -> None:
    """A stopped terminal is recorded as not told, and the end comes all the same."""
    host = stage.hosts["host1"]
    host.stopped = {"pts/3"}
    warned = await stage.approve(await stage.ask(WARNED))
    assert host.told == []
    assert (await stage.wait(warned)).state is State.CLOSED


async def test_after_the_warning_the_host_is_looked_at_again(stage: Stage) -> None:
    """Who logged out after the warning is already gone, and who came is left alone."""
    host = stage.hosts["host1"]
    warned = await stage.approve(await stage.ask(WARNED))
    host.logout("7")
    host.login("15")
    done = await stage.wait(warned)
    assert [o.result for o in done.outcomes] == [Result.ALREADY_GONE, Result.RETURNED]
    assert "15" in host.sessions


async def test_a_host_that_can_not_be_told_does_not_stop_the_others(stage: Stage) -> None:
    """host2 is lost when the users are told: those on host1 are, and host2's sessions end when it is back in time."""
    stage.hosts["host2"].login("3")
    asked = await stage.ask(make.kick("host1", "host2", warn=60))
    stage.hosts["host2"].lost = "did not answer"
    warned = await stage.approve(asked)
    assert [a.step.target.host for a in warned.attempts if isinstance(a.step, Warn)] == ["host1", "host1"]
    stage.hosts["host2"].lost = ""
    done = await stage.wait(warned)
    assert {o.result for o in done.outcomes} == {Result.ENDED}


async def test_a_bot_that_was_down_does_not_end_anyone_long_after_the_warning(stage: Stage) -> None:
    """The time to act counts from the end of the warning; after it, the request lapses."""
    warned = await stage.approve(await stage.ask(WARNED))
    await stage.clock.sleep(300 + 901)
    assert (await stage.workflow.drive(warned.id)).state is State.LAPSED
    assert stage.hosts["host1"].ended == []


# ------------------------------------------------------------------------------------------------ the listing


async def test_a_listing_names_the_owners_of_the_accounts(stage: Stage) -> None:
    """Whose account it is stands beside the sessions by name, as far as the configuration says."""
    stage.hosts["host1"].login("4", "bob", 1003)
    seen = await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    assert seen.owners == {"bob": ("bob",)}


# ------------------------------------------------------------------------------------------------ tried by an attacker


async def test_only_what_survived_is_forced(stage: Stage) -> None:
    """The next level after a kick with a filter: another session of the account, kept the first time, is not forced."""
    host = stage.hosts["host1"]
    host.stubborn = {"7", "9"}
    host.login("20", remote="198.51.100.9")
    first = await stage.approve(await stage.ask(make.kick(only=Filter(network="203.0.113.0/24"))))
    again = await stage.workflow.again(stage.origin("U0ALICE"), first.id, first.plan_hash, force=True)
    planned = await stage.workflow.drive(again.id)
    assert planned.plan is not None
    assert [t.session for t in planned.plan.targets] == ["7", "9"]
    assert [(k.session, k.why) for k in planned.plan.kept] == [("20", f"it is not what request {first.id} left")]


async def test_the_id_of_a_survivor_that_another_login_took_is_not_forced(stage: Stage) -> None:
    """The survivor ended meanwhile, and its id belongs to a new login: that one is left alone."""
    host = stage.hosts["host1"]
    host.stubborn = {"7"}
    first = await stage.approve(await stage.ask(make.kick()))
    host.login("7")
    again = await stage.workflow.again(stage.origin("U0ALICE"), first.id, first.plan_hash, force=True)
    assert (await stage.workflow.drive(again.id)).state is State.CLOSED


@pytest.mark.parametrize(("source", "planned"), [("journal", ["4"]), ("environment", [])])
async def test_a_kick_by_key_believes_only_the_journal(stage: Stage, source: str, planned: list[str]) -> None:
    """What the account itself can write about its key may be listed, but chooses nobody to be ended."""
    key = "SHA256:" + "A" * 43
    stage.hosts["host1"].login("4", key=key, key_source=source)
    request = await stage.ask(make.kick(only=Filter(key=key)))
    assert [t.session for t in (request.plan.targets if request.plan else ())] == planned


async def test_an_old_process_at_a_new_terminal_is_no_new_login(stage: Stage) -> None:
    """A job that was there before the plan and takes a terminal is still one of the account's processes, and ends."""
    host = stage.hosts["host1"]
    job = make.process(900, "job", start="10")
    host.outside = (job,)
    asked = await stage.ask(make.kick(processes=True))
    terminal = {"source": "terminal", "identity": "pts/9:900:10", "leader": 900, "processes": (job,)}
    host.sessions["pts/9"] = make.session("pts/9", **terminal)
    host.outside = ()
    done = await stage.approve(asked)
    assert [a.step.spare for a in done.attempts if isinstance(a.step, EndAccount)] == [()]
    assert [(o.kind, o.result) for o in done.outcomes][-1] == ("account", Result.ENDED)


async def test_the_name_on_a_terminal_is_short(stage: Stage) -> None:
    """However long and odd someone's name in Slack is, the warning is one short printable line."""
    stage.people.odd["U0ALICE"] = make.person(
        "U0ALICE", name="\N{REGIONAL INDICATOR SYMBOL LETTER A}" * 100 + "\x1b[2J"
    )
    await stage.approve(await stage.ask(WARNED))
    texts = [text for _, text in stage.hosts["host1"].told]
    assert len(texts) == 2
    assert all(len(text) < 500 and "\x1b" not in text for text in texts)
