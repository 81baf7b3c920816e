"""How much one person may ask for: hosts in a request, requests and hosts in an hour, counted from the trail."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.errors import NotNow, Refused
from bot.request import Request
from bot.rights import Rights
from bot.states import State
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakeHosts
from tests.stage import POLICY, Stage

WEBS = tuple(f"web{n}" for n in range(1, 7))
HOUR = 3600


def at(stage: Stage, **changes: Any) -> None:
    """One login of audituser on each of six hosts. changes: of the one rule about them."""
    stage.hosts = FakeHosts(stage.clock, **dict.fromkeys(WEBS, ()))
    for name in WEBS:
        stage.hosts[name].login("7")
    rule = POLICY.rules[0].model_copy(update={"hosts": frozenset(WEBS), **changes})
    stage.policy = POLICY.model_copy(update={"rules": (rule,)})
    stage.restart()


def another_replica(stage: Stage) -> Workflow:
    """It knows nothing but the trail."""
    rights = Rights(stage.policy, stage.people)
    return Workflow(trail=stage.trail, hosts=stage.hosts, rights=rights, sleep=stage.clock.sleep)


async def ask(stage: Stage, *hosts: str, who: str = "U0ALICE", **command: Any) -> Request:
    return await stage.ask(make.kick(*hosts, **command), who)


# ------------------------------------------------------------------------------------------------ ways around it


async def test_two_requests_at_once_on_two_replicas(stage: Stage) -> None:
    """Both are asked before either is recorded, as far as they know: the second one is refused at its plan."""
    at(stage, requests_per_hour=1)
    one, other = stage.workflow, another_replica(stage)
    real, counted, both = stage.trail.requests, list[int](), asyncio.Event()

    async def before_either_is_recorded(**wanted: Any) -> Any:
        found = await real(**wanted)
        counted.append(len(found))
        if len(counted) == 2:
            both.set()
        await both.wait()
        return found

    stage.trail.requests = before_either_is_recorded  # type: ignore[method-assign]
    asked = await asyncio.gather(
        one.ask(stage.origin("U0ALICE"), "", make.kick("web1")),
        other.ask(stage.origin("U0ALICE"), "", make.kick("web2")),
    )

    planned = [await replica.drive(r.id) for replica, r in zip((other, one), reversed(asked), strict=True)]

    assert counted[:2] == [0, 0]
    assert sorted(request.state for request in planned) == ["pending", "refused"]
    assert next(r for r in planned if r.state is State.REFUSED).id == max(r.id for r in asked)


async def test_the_same_person_through_a_group_and_by_name(stage: Stage) -> None:
    """Who asks is counted, however the rule names them."""
    at(stage, requests_per_hour=1, ask=("S0SRE", "U0ALICE"))
    await ask(stage, "web1")
    stage.people.groups["S0SRE"].discard("U0ALICE")
    with pytest.raises(Refused, match="requests_per_hour = 1"):
        await ask(stage, "web2")


async def test_another_person_has_an_hour_of_their_own(stage: Stage) -> None:
    """What alice asked for is not held against carol."""
    at(stage, requests_per_hour=1, hosts_per_hour=1)
    await ask(stage, "web1")
    assert (await ask(stage, "web2", who="U0CAROL")).state is State.PENDING


async def test_a_restart_forgets_nothing(stage: Stage) -> None:
    """Only the trail remembers."""
    at(stage, requests_per_hour=1)
    await ask(stage, "web1")
    stage.restart()
    with pytest.raises(Refused, match="requests_per_hour"):
        await ask(stage, "web2")


@pytest.mark.parametrize("how", ["cancelled", "denied", "expired"])
async def test_what_came_to_nothing_was_asked_all_the_same(stage: Stage, how: str) -> None:
    """Nobody gets around it by taking back what others were called for."""
    at(stage, requests_per_hour=1)
    request = await ask(stage, "web1")
    if how == "cancelled":
        await stage.workflow.cancel(stage.origin("U0ALICE"), request.id, request.plan_hash)
    if how == "denied":
        await stage.workflow.deny(stage.origin("U0CAROL"), request.id, request.plan_hash)
    if how == "expired":
        await stage.wait(request)
    with pytest.raises(Refused, match="requests_per_hour"):
        await ask(stage, "web2")


async def test_what_was_refused_does_not_count(stage: Stage) -> None:
    """Else a refusal would lead to the next one for ever."""
    at(stage, requests_per_hour=1)
    await ask(stage, "web1")
    for _ in range(2):
        with pytest.raises(Refused):
            await ask(stage, "web2")
    await stage.clock.sleep(HOUR + 1)
    assert (await ask(stage, "web2")).state is State.PENDING


async def test_the_same_message_told_again_is_no_second_request(stage: Stage) -> None:
    """Slack may tell of it twice: the answer is that it was asked already."""
    at(stage, requests_per_hour=1)
    origin = stage.origin("U0ALICE")
    first = await stage.workflow.ask(origin, "", make.kick("web1"))
    with pytest.raises(Exception, match=f"already recorded as request {first.id}"):
        await stage.workflow.ask(origin, "", make.kick("web1"))


async def test_another_rule_about_the_same_hosts_is_no_way_around(stage: Stage) -> None:
    """A rule counts what was asked for on its hosts, by whichever rule."""
    at(stage, requests_per_hour=1)
    rule = stage.policy.rules[0]
    free = rule.model_copy(update={"accounts": frozenset({"deploy"}), "requests_per_hour": None})
    stage.policy = stage.policy.model_copy(update={"rules": (free, rule)})
    stage.restart()
    stage.hosts["web1"].login("9", "deploy", 1009)
    await ask(stage, "web1", user="deploy")
    with pytest.raises(Refused, match="requests_per_hour"):
        await ask(stage, "web2")


# ------------------------------------------------------------------------------------------------ hosts in a request


async def test_more_hosts_than_a_request_may_have_are_refused(stage: Stage) -> None:
    """By the plan: the hosts where somebody is, and not those that were looked through."""
    at(stage, max_hosts=3)
    for name in WEBS[3:]:
        stage.hosts[name].logout("7")
    assert (await ask(stage, *WEBS)).state is State.PENDING

    stage.hosts["web4"].login("7")
    refused = await ask(stage, *WEBS)

    assert refused.state is State.REFUSED
    assert refused.reason == "A rule there allows 3 hosts in one request (`max_hosts = 3`). Ask for fewer."


async def test_or_they_need_one_approval_more(stage: Stage) -> None:
    """With `above = "approval"`; two people have to say yes, and it acts only then."""
    at(stage, max_hosts=3, above="approval")
    request = await ask(stage, *WEBS[:4])
    assert (request.approvals_needed, request.above) == (2, "it is about more than 3 hosts")
    assert (await stage.approve(request)).state is State.PENDING
    assert stage.hosts.acts == []
    assert (await stage.approve(request, "U0BOB")).state is State.CLOSED


async def test_nobody_is_asked_where_too_few_could_approve_that(stage: Stage) -> None:
    """One approval more than there are people."""
    at(stage, max_hosts=3, above="approval", approve=("U0CAROL",))
    refused = await ask(stage, *WEBS[:4])
    assert refused.state is State.REFUSED
    assert "needs 2 approvals" in refused.reason


@pytest.mark.parametrize("above", ["no", "approval"])
async def test_a_bound_that_was_lowered_after_the_approval_counts(stage: Stage, above: str) -> None:
    """Right before acting the rules are looked at again."""
    at(stage)
    request = await ask(stage, *WEBS[:4])
    await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
    hosts = stage.hosts
    at(stage, max_hosts=3, above=above)
    stage.hosts = hosts
    stage.restart()

    assert (await stage.workflow.drive(request.id)).state is State.LAPSED
    assert stage.hosts.acts == []


# ------------------------------------------------------------------------------------------------ in an hour


async def test_a_refusal_says_which_bound_and_when_it_is_free_again(stage: Stage) -> None:
    """The oldest of the two requests has to be an hour old."""
    at(stage, requests_per_hour=2)
    first = await ask(stage, "web1")
    await stage.clock.sleep(600)
    await ask(stage, "web2")
    await stage.clock.sleep(60)
    with pytest.raises(Refused) as refused:
        await ask(stage, "web3")
    free = first.asked_at + timedelta(hours=1)
    assert str(refused.value) == (
        "A rule there allows one person 2 requests in an hour (`requests_per_hour = 2`)."
        f" It will be free again at {free:%H:%M:%S} UTC."
    )
    stage.clock.now = free
    with pytest.raises(Refused):
        await ask(stage, "web3")
    stage.clock.now = free + timedelta(seconds=1)
    assert (await ask(stage, "web3")).state is State.PENDING


async def test_hosts_in_an_hour_are_counted_by_the_plans(stage: Stage) -> None:
    """Each once: three hosts, then one of them again and a fourth; a fifth would be too many."""
    at(stage, hosts_per_hour=4)
    first = await ask(stage, "web1", "web2", "web3")
    await stage.clock.sleep(60)
    assert (await ask(stage, "web3", "web4")).state is State.PENDING
    assert (await ask(stage, "web4")).state is State.PENDING

    free = f"It will be free again at {first.asked_at + timedelta(hours=1):%H:%M:%S} UTC."
    with pytest.raises(Refused, match=free):
        await ask(stage, "web5")
    several = await ask(stage, "web4", "web5")
    assert several.state is State.REFUSED
    assert several.reason == f"A rule there allows one person 4 hosts in an hour (`hosts_per_hour = 4`). {free}"


async def test_what_never_fits_into_an_hour_says_so(stage: Stage) -> None:
    """However long somebody waits."""
    at(stage, hosts_per_hour=2)
    refused = await ask(stage, "web1", "web2", "web3")
    assert refused.reason == (
        "A rule there allows one person 2 hosts in an hour (`hosts_per_hour = 2`). Ask for fewer."
    )


async def test_one_more_in_an_hour_needs_one_approval_more(stage: Stage) -> None:
    """Where the rule says so; what came before stays as it is."""
    at(stage, requests_per_hour=1, above="approval")
    assert (await ask(stage, "web1")).approvals_needed == 1
    second = await ask(stage, "web2")
    assert (second.approvals_needed, second.above) == (2, "1 request of one person came within the hour before it")
    assert (await stage.approve(second)).state is State.PENDING
    assert (await stage.approve(second, "U0BOB")).state is State.CLOSED


async def test_a_request_waits_for_the_plan_of_an_earlier_one_that_may_take_all(stage: Stage) -> None:
    """Six hosts are named, and somebody is on one of them only: the later request is not refused for the other five."""
    at(stage, hosts_per_hour=2)
    for name in WEBS[1:]:
        stage.hosts[name].logout("7")
    first = await stage.ask_only(make.kick(*WEBS))
    second = await stage.ask_only(make.kick("web6", user="bob"))
    stage.hosts["web6"].login("8", "bob", 1003)

    with pytest.raises(NotNow):
        await stage.workflow.drive(second.id)
    assert (await stage.workflow.drive(first.id)).hosts == ("web1",)

    assert (await stage.workflow.drive(second.id)).state is State.PENDING


async def test_it_does_not_wait_for_ever(stage: Stage) -> None:
    """After five minutes what may be taken counts as taken."""
    at(stage, hosts_per_hour=2)
    await stage.ask_only(make.kick(*WEBS))
    second = await stage.ask_only(make.kick("web6"))
    await stage.clock.sleep(301)
    assert (await stage.workflow.drive(second.id)).state is State.REFUSED


async def test_a_bound_of_other_hosts_is_not_touched(stage: Stage) -> None:
    """What was asked for elsewhere doesn't count."""
    at(stage, requests_per_hour=1)
    rule = stage.policy.rules[0]
    rules = (
        rule.model_copy(update={"hosts": frozenset(WEBS[:3])}),
        rule.model_copy(update={"hosts": frozenset(WEBS[3:])}),
    )
    stage.policy = stage.policy.model_copy(update={"rules": rules})
    stage.restart()
    await ask(stage, "web1")
    assert (await ask(stage, "web4")).state is State.PENDING
