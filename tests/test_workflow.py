"""The story of a request, on a real SQLite trail, with hosts, people and time in memory."""

from datetime import timedelta

import pytest

from bot.errors import AlreadyRecorded, LookupFailed, Refused, TooLate
from bot.models import Kick, Listing, Person, RequestId, Result
from bot.states import State
from tests import make
from tests.stage import KICK, POLICY, Stage


async def test_an_approved_kick_ends_all_sessions_of_the_account_and_no_other(stage: Stage) -> None:
    """An approved kick ends each session of the account once, leaves alice's alone, and is closed with the outcomes."""
    asked = await stage.ask(KICK)
    done = await stage.approve(asked)
    assert done.state is State.CLOSED
    assert [o.result for o in done.outcomes] == [Result.ENDED, Result.ENDED]
    assert list(stage.hosts["host1"].sessions) == ["12"]
    assert len(stage.hosts["host1"].ended) == 2


@pytest.mark.parametrize("who", ["U0ALICE", "U0DAVE", "U0GUS", "U0ZOE"])
async def test_an_approval_that_does_not_count_is_refused_and_recorded(stage: Stage, who: str) -> None:
    """The asker, a stranger, a guest and a deactivated member can't approve, though some are in the group."""
    stage.people.groups["S0LEADS"] |= {"U0GUS", "U0ZOE"}
    asked = await stage.ask(KICK)
    with pytest.raises(Refused):
        await stage.approve(asked, who)
    assert (await stage.kinds(asked.id))[-1] == "decision_refused"
    assert (await stage.request(asked.id)).state is State.PENDING
    assert stage.hosts.acts == []


async def test_the_owner_of_the_account_can_not_decide(stage: Stage) -> None:
    """Bob owns the account bob: he can neither approve nor deny its end."""
    stage.hosts["host1"].login("20", "bob", 1003)
    asked = await stage.ask(make.kick(user="bob"))
    for decide in (stage.workflow.approve, stage.workflow.deny):
        with pytest.raises(Refused, match="your own account"):
            await decide(stage.origin("U0BOB"), asked.id, asked.plan_hash)
    assert (await stage.request(asked.id)).state is State.PENDING


async def test_a_second_approval_does_nothing_more(stage: Stage) -> None:
    """Who approves what is approved already is told by whom, and nothing is run again."""
    asked = await stage.ask(KICK)
    await stage.approve(asked, "U0CAROL")
    with pytest.raises(Refused, match="finished"):
        await stage.approve(asked, "U0BOB")
    assert len(stage.hosts.acts) == 2
    assert (await stage.kinds(asked.id))[-1] == "decision_refused"


async def test_a_late_approval_is_refused(stage: Stage) -> None:
    """After `expires` nobody can approve any more, whether the loop has noticed yet or not."""
    asked = await stage.ask(KICK)
    await stage.clock.sleep(901)
    with pytest.raises(Refused, match="too late"):
        await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    assert (await stage.workflow.drive(asked.id)).state is State.EXPIRED
    with pytest.raises(Refused, match="expired"):
        await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)


async def test_an_approval_of_another_plan_is_refused(stage: Stage) -> None:
    """The hash in the button must be the plan's own."""
    asked = await stage.ask(KICK)
    with pytest.raises(Refused, match="older state"):
        await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, "0" * 64)
    assert stage.hosts.acts == []


async def test_slack_that_can_not_say_who_is_in_the_group_means_no(stage: Stage) -> None:
    """A lookup that fails is a refusal, recorded like one."""
    asked = await stage.ask(KICK)
    stage.people.unknown.add("S0LEADS")
    with pytest.raises(LookupFailed):
        await stage.approve(asked)
    assert (await stage.kinds(asked.id))[-1] == "decision_refused"


async def test_a_right_lost_after_the_approval_stops_the_act(stage: Stage) -> None:
    """Rights are read again right before acting: an approver who left the group meanwhile doesn't count."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    stage.people.groups["S0LEADS"].discard("U0CAROL")
    assert (await stage.workflow.drive(asked.id)).state is State.LAPSED
    assert stage.hosts.acts == []


async def test_two_approvals_are_two_people(stage: Stage) -> None:
    """With `approvals = 2` the same person twice isn't enough, and two people are."""
    stage.policy = POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update={"approvals": 2}),)})
    stage.restart()
    asked = await stage.ask(KICK)
    assert (await stage.approve(asked, "U0CAROL")).state is State.PENDING
    with pytest.raises(Refused, match="already"):
        await stage.approve(asked, "U0CAROL")
    assert (await stage.approve(asked, "U0BOB")).state is State.CLOSED


async def test_nobody_is_asked_who_could_not_approve(stage: Stage) -> None:
    """With no possible approver but the asker the request isn't opened."""
    stage.people.groups["S0LEADS"] = {"U0ALICE"}
    with pytest.raises(Refused, match="Nobody could approve"):
        await stage.ask(KICK)


async def test_the_id_of_an_ended_session_that_another_login_took_is_not_touched(stage: Stage) -> None:
    """Between asking and approving session 7 ends and bob gets the id 7: bob stays, and the report says so."""
    asked = await stage.ask(KICK)
    host = stage.hosts["host1"]
    await stage.clock.sleep(5)
    host.login("7", "bob", 1003)
    done = await stage.approve(asked)
    assert [o.result for o in done.outcomes] == [Result.ALREADY_GONE, Result.ENDED]
    assert "another login of bob" in done.outcomes[0].detail
    assert sorted(host.sessions) == ["12", "7"]


async def test_a_new_login_of_the_account_is_reported_and_not_ended(stage: Stage) -> None:
    """A login after the plan isn't part of the approval."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].login("15")
    done = await stage.approve(asked)
    assert "15" in stage.hosts["host1"].sessions
    assert {o.result for o in done.outcomes} == {Result.RETURNED}
    assert "session 15" in done.reason


async def test_the_identity_is_compared_once_more_on_the_host(stage: Stage) -> None:
    """A session that is replaced between the look and the act is refused by the host itself."""
    asked = await stage.ask(KICK)
    host = stage.hosts["host1"]
    stage.hosts.before_act = lambda _step: None if stage.hosts.acts else host.login("7", "bob", 1003)
    done = await stage.approve(asked)
    assert host.sessions["7"].account.name == "bob"
    assert done.state is State.CLOSED
    assert [(a.step.target.session, a.status) for a in done.attempts] == [("7", "refused"), ("9", "done")]


async def test_a_session_that_survives_every_rung_is_reported_as_survived(stage: Stage) -> None:
    """Exit status 0 proves nothing: what is still there survived, after each rung was tried once."""
    stage.hosts["host1"].stubborn.add("7")
    asked = await stage.ask(KICK)
    done = await stage.approve(asked)
    assert [o.result for o in done.outcomes] == [Result.SURVIVED, Result.ENDED]
    assert [s.what for s in stage.hosts.acts if s.target.session == "7"] == ["terminate", "kill"]
    assert done.outcomes[0].lives_on


async def test_a_host_that_stops_answering_is_unknown_and_looked_at_again(stage: Stage) -> None:
    """A lost host is looked at again every minute for half an hour, and then closed as unknown, never as ended."""
    asked = await stage.ask(KICK)
    stage.hosts.before_act = lambda _step: setattr(stage.hosts["host1"], "lost", "did not answer within 10 s")
    waiting = await stage.approve(asked)
    assert waiting.state is State.VERIFYING
    while not waiting.state.final:
        assert waiting.due is not None
        stage.clock.now = max(waiting.due, stage.clock.now)
        waiting = await stage.workflow.drive(asked.id)
    assert {o.result for o in waiting.outcomes} == {Result.UNKNOWN}


async def test_a_lost_host_that_comes_back_is_judged_by_what_it_shows(stage: Stage) -> None:
    """The answers to both acts were lost with the host; when it is back both sessions are gone: ended."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].answers_get_lost = True
    done = await stage.approve(asked)
    assert {o.result for o in done.outcomes} == {Result.ENDED}
    assert len(stage.hosts["host1"].ended) == 2


async def test_a_reboot_ends_the_sessions_with_the_boot(stage: Stage) -> None:
    """Another boot id: what was there is gone, and the outcome says why."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].reboot()
    done = await stage.approve(asked)
    assert all("rebooted" in o.detail for o in done.outcomes)
    assert stage.hosts.acts == []


async def test_after_a_long_downtime_an_approved_request_lapses(stage: Stage) -> None:
    """Nothing starts after act_by, however long the bot was away."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    await stage.clock.sleep(901)
    stage.restart()
    assert (await stage.workflow.drive(asked.id)).state is State.LAPSED
    assert stage.hosts.acts == []


async def test_the_same_message_sent_twice_is_one_request(stage: Stage) -> None:
    """Slack may deliver a command twice: the second one is answered, not run."""
    origin = stage.origin("U0ALICE")
    first = await stage.workflow.ask(origin, "audituser host1", KICK)
    with pytest.raises(AlreadyRecorded) as second:
        await stage.workflow.ask(origin, "audituser host1", KICK)
    assert second.value.request == first.id


async def test_nothing_to_end_closes_the_request_and_says_so(stage: Stage) -> None:
    """An account that isn't logged in needs no approval."""
    done = await stage.ask(make.kick("host1", "host2", user="nobody1"))
    assert done.state is State.CLOSED
    assert done.reason == "nobody1 is not logged in on host[1-2]."


async def test_the_bots_own_login_and_root_are_never_asked_for(stage: Stage) -> None:
    """Protected accounts are refused before any host is looked at."""
    for user in ("root", "kickbot"):
        with pytest.raises(Refused, match="protected"):
            await stage.ask(make.kick(user=user))


async def test_uid_0_under_another_name_is_never_ended(stage: Stage) -> None:
    """Toor has uid 0: the look shows it, and the plan leaves it alone."""
    stage.hosts["host1"].login("30", "toor", 0)
    done = await stage.ask(make.kick(user="toor"))
    assert done.state is State.CLOSED
    assert "protected" in done.reason


async def test_a_listing_shows_only_hosts_that_the_person_may_look_at(stage: Stage) -> None:
    """A stranger gets a refusal, a member of the group a look; both leave an event."""
    listing = Listing(hosts=("host1",))
    seen = await stage.workflow.look(stage.origin("U0ALICE"), listing)
    refused = await stage.workflow.look(stage.origin("U0DAVE"), listing)
    assert [look.host for look in seen.looks] == ["host1"]
    assert refused.looks == ()
    assert refused.refused == ("Only <!subteam^S0SRE> may look at host1.",)


async def test_denied_cancelled_and_expired_are_three_different_ends(stage: Stage) -> None:
    """Each has its own state, and none of them acts."""
    denied, cancelled, expired = [await stage.ask(KICK) for _ in range(3)]
    await stage.workflow.deny(stage.origin("U0BOB"), denied.id, denied.plan_hash, "he is on call")
    with pytest.raises(Refused, match="can cancel"):
        await stage.workflow.cancel(stage.origin("U0BOB"), cancelled.id, cancelled.plan_hash)
    await stage.workflow.cancel(stage.origin("U0ALICE"), cancelled.id, cancelled.plan_hash)
    await stage.clock.sleep(901)
    await stage.workflow.drive(expired.id)
    states = [(await stage.request(r.id)).state for r in (denied, cancelled, expired)]
    assert states == [State.DENIED, State.CANCELLED, State.EXPIRED]
    assert stage.hosts.acts == []


async def test_one_request_over_two_hosts_is_one_plan_and_one_approval(stage: Stage) -> None:
    """Each target names its host, and each gets its outcome."""
    stage.hosts["host2"].login("3")
    asked = await stage.ask(make.kick("host1", "host2"))
    done = await stage.approve(asked)
    assert [(o.host, o.session, o.result) for o in done.outcomes] == [
        ("host1", "7", Result.ENDED),
        ("host1", "9", Result.ENDED),
        ("host2", "3", Result.ENDED),
    ]


async def test_only_the_session_that_was_named_is_ended(stage: Stage) -> None:
    """`session 9` leaves the account's other session, and the plan says that it stays."""
    asked = await stage.ask(make.kick(session="9"))
    assert asked.plan is not None
    assert [k.session for k in asked.plan.kept] == ["7"]
    await stage.approve(asked)
    assert sorted(stage.hosts["host1"].sessions) == ["12", "7"]


async def test_a_host_that_is_lost_for_a_moment_after_the_approval_is_waited_for(stage: Stage) -> None:
    """The only host can't be looked at right after the approval, and two minutes later it can: the act is done then."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].lost = "did not answer"
    waiting = await stage.approve(asked)
    assert waiting.state is State.APPROVED
    assert waiting.due is not None
    assert waiting.due > stage.clock.now
    stage.hosts["host1"].lost = ""
    stage.clock.now = waiting.due
    done = await stage.workflow.drive(asked.id)
    assert {o.result for o in done.outcomes} == {Result.ENDED}


async def test_a_host_that_never_comes_back_lapses_when_the_time_to_act_is_over(stage: Stage) -> None:
    """Nothing was begun there, and nothing will be: the request lapses, and says which host did not answer."""
    asked = await stage.ask(KICK)
    stage.hosts["host1"].lost = "did not answer"
    request = await stage.approve(asked)
    while not request.state.final:
        assert request.due is not None
        stage.clock.now = max(request.due, stage.clock.now)
        request = await stage.workflow.drive(asked.id)
    assert request.state is State.LAPSED
    assert "host1 did not answer" in request.reason
    assert stage.hosts.acts == []


async def test_a_slow_host_does_not_protect_the_others(stage: Stage) -> None:
    """One host takes longer to answer than an act may wait: the sessions on the other one end all the same."""
    stage.hosts["host2"].login("3")
    asked = await stage.ask(Kick(user="audituser", hosts=("host1", "host2")))
    stage.hosts["host2"].slow = 25
    done = await stage.approve(asked)
    assert {o.result for o in done.outcomes} == {Result.ENDED}


async def test_a_flood_of_refused_clicks_does_not_hold_up_an_approval(stage: Stage) -> None:
    """Strangers who click while an approver is looked up change nothing, so the approval isn't judged again."""
    asked = await stage.ask(KICK)
    clicks = 0
    real = stage.people.person

    async def person_and_a_stranger(id: str) -> Person:  # noqa: A002 - Slack's own word
        nonlocal clicks
        if id == "U0CAROL" and clicks < 20:
            clicks += 1
            with pytest.raises(Refused):
                await stage.workflow.approve(stage.origin("U0DAVE"), asked.id, asked.plan_hash)
        return await real(id)

    stage.people.person = person_and_a_stranger  # type: ignore[method-assign]
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    assert clicks == 1
    assert (await stage.request(asked.id)).state is State.APPROVED


async def test_a_clock_that_was_ahead_once_holds_nothing_up(stage: Stage) -> None:
    """An event from tomorrow is in the trail, and the clock was put right: a new request is driven at once."""
    stage.clock.now += timedelta(days=1)
    await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    stage.clock.now -= timedelta(days=1)
    done = await stage.approve(await stage.ask(KICK))
    assert done.state is State.CLOSED
    assert done.act_by is not None
    assert done.act_by < stage.clock.now + timedelta(hours=1)


async def test_a_rule_that_needs_a_second_approval_meanwhile_stops_the_act(stage: Stage) -> None:
    """Approved by one, then the rule was changed to two: the restarted bot does nothing, and says why."""
    asked = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), asked.id, asked.plan_hash)
    stage.policy = POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update={"approvals": 2}),)})
    stage.restart()
    done = await stage.workflow.drive(asked.id)
    assert done.state is State.LAPSED
    assert "needs 2 approvals" in done.reason


async def test_a_kick_that_arrives_too_late_is_not_asked(stage: Stage) -> None:
    """Longer after it was sent than its rule allows: nothing is recorded, and no host is looked at."""
    origin = stage.origin("U0ALICE").model_copy(update={"sent": stage.clock.now - timedelta(seconds=61)})
    with pytest.raises(TooLate, match="1 min old"):
        await stage.workflow.ask(origin, "audituser host1", KICK)
    assert await stage.trail.requests(limit=1) == ()
    assert stage.hosts.looks == 0


async def test_a_kick_that_arrives_just_in_time_is_asked(stage: Stage) -> None:
    """And so is one that Slack's clock dates into the future."""
    for seconds in (60, -30):
        sent = stage.clock.now - timedelta(seconds=seconds)
        origin = stage.origin("U0ALICE").model_copy(update={"sent": sent})
        assert (await stage.workflow.ask(origin, "audituser host1", KICK)).state is State.ASKED


async def test_what_was_asked_in_time_is_not_told_to_be_too_late(stage: Stage) -> None:
    """Slack may tell again, minutes later, of a message that a process before this one has recorded."""
    origin = stage.origin("U0ALICE").model_copy(update={"sent": stage.clock.now})
    asked = await stage.workflow.ask(origin, "audituser host1", KICK)
    stage.restart()
    await stage.clock.sleep(300)
    with pytest.raises(AlreadyRecorded, match=f"request {asked.id}"):
        await stage.workflow.ask(origin, "audituser host1", KICK)


async def test_who_may_not_ask_is_refused_however_late(stage: Stage) -> None:
    """That somebody tried is recorded, as ever."""
    origin = stage.origin("U0DAVE").model_copy(update={"sent": stage.clock.now - timedelta(hours=1)})
    with pytest.raises(Refused):
        await stage.workflow.ask(origin, "audituser host1", KICK)
    assert (await stage.kinds(RequestId(1))) == ["asked", "refused"]
