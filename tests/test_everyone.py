"""Everyone goes, for maintenance: but never the bot, a protected account, a spared group, or the asker by mistake."""

from typing import Any

import pytest

from bot.errors import Refused
from bot.models import Act, Filter, Kick
from bot.policy import Policy, Rule
from bot.request import Request
from tests import make
from tests.stage import POLICY, Stage

EVERYONE = make.kick(user="everyone", reason="INC-42")
OWNERS = {"alice": {"U0ALICE"}, "bob": {"U0BOB"}}


def allowing(*rules: dict[str, Any], **changes: Any) -> Policy:
    """The stage's policy, whose rules allow everyone; Alice's and Bob's accounts are known."""
    changed = [_rule(change) for change in rules or ({},)]
    values = {"rules": changed, "owners": OWNERS, "protected": {"root", "kickbot", "breakglass"}}
    return Policy.model_validate({**POLICY.model_dump(), **values, **changes})


def _rule(changes: dict[str, Any]) -> Rule:
    return Rule.model_validate({**POLICY.rules[0].model_dump(), "acts": {Act.KICK, Act.EVERYONE}, **changes})


def at(stage: Stage, policy: Policy | None = None) -> None:
    stage.policy = policy or allowing()
    stage.restart()


def planned(request: Request) -> tuple[list[str], dict[str, str]]:
    """Which sessions would end, and why each other one stays."""
    assert request.plan is not None, request.reason
    return [t.session for t in request.plan.targets], {k.session: k.why for k in request.plan.kept}


# ------------------------------------------------------------------------------------------------ who never goes


async def test_a_rule_that_allows_a_kick_allows_no_maintenance(stage: Stage) -> None:
    """`everyone` is an act of its own."""
    at(stage, allowing({"acts": {Act.KICK}}))
    with pytest.raises(Refused, match="No rule allows to kick everyone on host1"):
        await stage.ask(EVERYONE)


async def test_the_bot_and_protected_accounts_stay(stage: Stage) -> None:
    """Its connection, root by any name, and who is protected: whatever a rule says, and named with the reason."""
    at(stage, allowing({"accounts": "any"}))
    host = stage.hosts["host1"]
    host.login("1", "ops", 1010, own=True)
    host.login("2", "root", 0)
    host.login("3", "toor", 0)
    host.login("4", "breakglass", 1011)
    host.login("5", "www", 33)

    ends, stays = planned(await stage.ask(EVERYONE))

    assert ends == ["7", "9", "5"]
    assert stays["1"] == "it is Kickbot's own connection"
    assert {stays[s] for s in "234"} == {"the account is protected"}


async def test_accounts_that_no_rule_allows_stay(stage: Stage) -> None:
    """Account by account, as for a kick: system accounts unless a rule speaks of them."""
    at(stage, allowing({"accounts": {"audituser"}}))
    stage.hosts["host1"].login("5", "www", 33)

    ends, stays = planned(await stage.ask(EVERYONE))

    assert ends == ["7", "9"]
    assert stays == {"12": "no rule allows to end it", "5": "no rule allows to end it"}


async def test_the_askers_own_sessions_stay(stage: Stage) -> None:
    """Unless they say the word."""
    at(stage)
    ends, stays = planned(await stage.ask(EVERYONE))
    assert ends == ["7", "9"]
    assert "with the word `me`" in stays["12"]

    ends, stays = planned(await stage.ask(EVERYONE.model_copy(update={"me": True})))
    assert (ends, stays) == (["7", "9", "12"], {})


async def test_who_has_no_known_account_must_say_that_their_own_may_go(stage: Stage) -> None:
    """Nobody could tell which are theirs: refused before any host is looked at."""
    at(stage, allowing(owners={"bob": {"U0BOB"}}))
    with pytest.raises(Refused, match="Add the word `me`"):
        await stage.ask(EVERYONE)
    assert stage.hosts.looks == 0

    ends, _ = planned(await stage.ask(EVERYONE.model_copy(update={"me": True})))
    assert ends == ["7", "9", "12"]


async def test_members_of_a_spared_group_stay(stage: Stage) -> None:
    """By what their host says of each account; of whom it says nothing stays too."""
    at(stage, allowing({"spare_groups": ("oncall", "dba")}))
    host = stage.hosts["host1"]
    host.groups = {"1001": ("dba",), "1002": (), "1003": ("wheel",)}
    host.login("3", "carl", 1003)
    host.login("4", "dora", 1004)

    ends, stays = planned(await stage.ask(EVERYONE))

    assert stage.hosts.asked_for == ("dba", "oncall")
    assert ends == ["3"]
    assert stays["7"] == stays["9"] == "the account is in the group dba"
    assert stays["4"] == "the host didn't tell whether the account is in the group dba or oncall"


async def test_groups_are_only_asked_about_for_everyone(stage: Stage) -> None:
    """Not for the kick of one account."""
    at(stage, allowing({"spare_groups": ("oncall",)}))
    await stage.ask(make.kick(reason="INC-42"))
    assert stage.hosts.asked_for == ()


async def test_filters_hold_for_everyone(stage: Stage) -> None:
    """`everyone host1 idle 1h`: who works stays."""
    at(stage)
    host = stage.hosts["host1"]
    host.sessions["7"] = make.at_rest(host.sessions["7"], 7200)

    ends, stays = planned(await stage.ask(EVERYONE.model_copy(update={"only": Filter(idle=3600)})))

    assert ends == ["7"]
    assert "not known to be idle" in stays["9"]


async def test_nobody_to_end_is_no_request(stage: Stage) -> None:
    """It says who stays, and why."""
    at(stage)
    stage.hosts["host1"].logout("7", "9")
    assert "Session 12 of alice on host1 stays" in (await stage.ask(EVERYONE)).reason
    stage.hosts["host1"].logout("12")
    assert (await stage.ask(EVERYONE)).reason == "Nobody is logged in on host1."


# ------------------------------------------------------------------------------------------------ who decides


async def test_an_owner_does_not_approve_it(stage: Stage) -> None:
    """Whoever has a session among them can't, and is not named as one who could."""
    at(stage)
    stage.hosts["host1"].login("4", "bob", 1004)
    request = await stage.ask(EVERYONE)

    assert request.approvers == ("U0CAROL",)
    with pytest.raises(Refused, match=r"bob is your own account, .* Who has no session on host1 has to"):
        await stage.approve(request, "U0BOB")


async def test_it_is_not_asked_where_only_owners_could_approve(stage: Stage) -> None:
    """Each of two accounts has another owner, and nobody else may: then nobody can."""
    at(stage, allowing(owners={**OWNERS, "audituser": {"U0CAROL"}}))
    stage.hosts["host1"].login("4", "bob", 1004)
    request = await stage.ask(EVERYONE)
    assert request.state == "refused"
    assert "Nobody could approve this on host1" in request.reason


@pytest.mark.parametrize(("most", "needed", "limit"), [(2, 1, 0), (1, 2, 1)])
async def test_above_the_limit_it_takes_one_more(stage: Stage, most: int, needed: int, limit: int) -> None:
    """`max_sessions`: counted over the whole plan."""
    at(stage, allowing({"max_sessions": most}))
    request = await stage.ask(EVERYONE)
    assert (request.approvals_needed, request.limit) == (needed, limit)

    approved = await stage.approve(request)
    assert approved.state == ("closed" if needed == 1 else "pending")
    if needed > 1:
        assert stage.hosts.acts == []
        assert (await stage.approve(request, "U0BOB")).state == "closed"


async def test_a_kick_of_one_account_has_no_such_limit(stage: Stage) -> None:
    """It is about maintenance."""
    at(stage, allowing({"max_sessions": 1}))
    assert (await stage.ask(make.kick(reason="INC-42"))).approvals_needed == 1


async def test_a_limit_that_was_lowered_after_the_approval_counts(stage: Stage) -> None:
    """Right before acting the rules are looked at again."""
    at(stage)
    request = await stage.ask(EVERYONE)
    await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
    at(stage, allowing({"max_sessions": 1}))

    assert (await stage.workflow.drive(request.id)).state == "lapsed"
    assert stage.hosts.acts == []


# ------------------------------------------------------------------------------------------------ how it ends


async def test_exactly_the_planned_sessions_end(stage: Stage) -> None:
    """Who came after the plan stays, and is named."""
    at(stage)
    request = await stage.ask(EVERYONE)
    stage.hosts["host1"].login("20", "eve", 1009)

    done = await stage.wait(await stage.approve(request))

    assert {o.session: str(o.result) for o in done.outcomes} == {"7": "ended", "9": "ended"}
    assert set(stage.hosts["host1"].sessions) == {"12", "20"}
    assert "left alone: session 20 of eve" in done.reason


async def test_who_comes_back_is_told_by_the_account(stage: Stage) -> None:
    """A new login of someone else is no return of those who went."""
    at(stage)
    stage.hosts["host1"].login("4", "carl", 1004)
    request = await stage.ask(EVERYONE)

    def back(step: Any) -> None:
        if step.target.session == "4":
            stage.hosts["host1"].login("21", "carl", 1004)

    stage.hosts.before_act = back
    done = await stage.wait(await stage.approve(request))

    assert {o.session: str(o.result) for o in done.outcomes} == {"7": "ended", "9": "ended", "4": "returned"}


async def test_all_are_warned(stage: Stage) -> None:
    """In words that fit every one of them."""
    at(stage)
    await stage.approve(await stage.ask(EVERYONE.model_copy(update={"warn": 300})))
    texts = {text for _, text in stage.hosts["host1"].told}
    assert len(texts) == 1
    assert "has every session here ended at" in texts.pop()


def test_what_everyone_takes() -> None:
    """A kick of everyone needs both acts of a rule."""
    assert Kick(user="everyone", hosts=("host1",)).acts == {Act.KICK, Act.EVERYONE}
