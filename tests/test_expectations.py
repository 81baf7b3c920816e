"""A file of what the rules are meant to say: judged as a command or a click would be, with the people it makes up."""

from pathlib import Path
from typing import Any

import pytest

from bot.errors import SettingsError
from bot.models import Act
from bot.policy import Policy
from bot.rules.expectations import Expectations, failures, load
from tests import make
from tests.make import OWNER

POLICY = make.team_policy(owners={"audituser": frozenset({OWNER})})
GROUPS = {"S0SRE": ["U0ALICE", "U0BOB", "U0GUS"], "S0LEADS": ["U0BOB", "U0CAROL"]}


def case(**changes: Any) -> dict[str, Any]:
    """Alice may ask to kick audituser off host1."""
    usual = {"who": "U0ALICE", "may": "ask", "user": "audituser", "host": "host1", "expect": "yes"}
    return {**usual, **changes}


async def unlike(*cases: dict[str, Any], policy: Policy = POLICY, **changes: Any) -> list[str]:
    """Why each case is not as expected that isn't."""
    file = {"groups": GROUPS, "people": {"U0GUS": "guest"}, "cases": cases, **changes}
    found = await failures(Expectations.model_validate(file), policy, make.inventory("host1", "host2"))
    return [f"{one.place}: {one.why}" for one in found]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"who": "U0DAVE"}, "no: Only S0SRE may ask on host1. (by rules[0] on host1)"),
        ({"who": "U0GUS"}, "no: A guest can't use Kickbot"),
        ({"who": "U0BOB", "may": "approve"}, "no: audituser is your own account"),
        ({"who": "U0CAROL", "may": "approve", "asker": "U0CAROL"}, "no: You asked for this one"),
        ({"who": "U0DAVE", "may": "look"}, "no: Only S0SRE may look at host1."),
        ({"act": "force"}, "no: No rule"),
        ({"act": "unhold"}, "no: No rule"),
        ({"act": "limits"}, "no: No rule"),
        ({"act": "everyone"}, "no: No rule"),
        ({"user": "postgres", "uid": 26}, "no: No rule"),
        ({"expect": "no"}, "expected no, and it is yes (by rules[0] on host1)"),
        ({"may": "look", "expect": "no"}, "expected no, and it is yes (by rules[0] on host1)"),
        ({"who": "U0CAROL", "may": "approve", "expect": "no"}, "expected no, and it is yes"),
    ],
)
async def test_what_is_not_as_expected_fails_with_the_reason(changes: dict[str, Any], said: str) -> None:
    """Each kind of question, with the rule that decides; what is as expected says nothing."""
    (why,) = await unlike(case(**changes))
    assert said in why
    right = {"yes": "no", "no": "yes"}[changes.get("expect", "yes")]
    assert await unlike(case(**{**changes, "expect": right})) == []


async def test_every_act_that_a_rule_allows() -> None:
    """Also those whose second person is asked in another way."""
    rule = POLICY.rules[0].model_copy(update={"acts": frozenset(Act)})
    every = [
        case(act=act, may=may, who=who) for act in Act for may, who in (("ask", "U0ALICE"), ("approve", "U0CAROL"))
    ]
    assert await unlike(*every, policy=POLICY.model_copy(update={"rules": (rule,)})) == []


async def test_nobody_is_asked_what_nobody_could_approve() -> None:
    """As with the real command: a group without anyone else is too few."""
    (why,) = await unlike(case(), groups={**GROUPS, "S0LEADS": ["U0ALICE", "U0BOB"]})
    assert "no: Nobody could approve this on host1" in why


async def test_each_host_of_a_case_has_to_be_as_expected() -> None:
    """The first one that isn't is named."""
    policy = POLICY.model_copy(update={"rules": (make.rule(hosts={"host1"}, ask=("S0SRE",)),)})
    assert await unlike(case(), policy=policy) == []
    (why,) = await unlike(case(host="host[1-2]"), policy=policy)
    assert "cases[0]" in why
    assert "on host2" in why


@pytest.mark.parametrize("expect", ["yes", "no"])
@pytest.mark.parametrize("may", ["look", "ask", "approve"])
async def test_a_group_that_the_file_does_not_know_is_no_answer(may: str, expect: str) -> None:
    """Neither a yes nor a no: a test that passes by a slip in an id would prove nothing."""
    (why,) = await unlike(case(who="U0DAVE", may=may, expect=expect), groups={})
    assert "the file doesn't say who is in it: write it under [groups]" in why


async def test_a_host_that_is_not_there_is_no_answer_either() -> None:
    """It stops the test, with its place."""
    with pytest.raises(SettingsError, match=r"cases\[1\].host: There is no host `hots1`. Did you mean `host1`"):
        await unlike(case(), case(host="hots1", expect="no"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cases: is missing"),
        ("cases = []", "cases: "),
        ('cases = [{ who = "alice", may = "look", host = "h", expect = "yes" }]', "cases[0].who: 'alice' is not"),
        ('cases = [{ who = "U0A", may = "lock", host = "h", expect = "yes" }]', "cases[0].may: "),
        ('cases = [{ who = "U0A", may = "ask", host = "h", expect = "yes" }]', "cases[0]: names no user"),
        ('cases = [{ who = "U0A", may = "look", hots = "h", expect = "yes" }]', "cases[0].host: is missing"),
        ('cases = [{ who = "U0A", may = "look", host = "h", expect = true }]', "cases[0].expect: "),
        ('groups = { sre = [] }\ncases = [{ who = "U0A", may = "look", host = "h", expect = "no" }]', "groups"),
        ("cases", "is not TOML"),
    ],
)
def test_a_slip_in_the_file_is_named_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    """And no file with nothing in it passes."""
    (tmp_path / "tests.toml").write_text(text)
    with pytest.raises(SettingsError) as stopped:
        load(tmp_path / "tests.toml")
    assert said in str(stopped.value)
    assert "\n" not in str(stopped.value)


async def test_a_file_is_about_rights_and_not_about_who_carries_what() -> None:
    """Where a rule asks for a second factor the people of the file are taken to have one."""
    rules = tuple(rule.model_copy(update={"second_factor": True}) for rule in POLICY.rules)
    asks = POLICY.model_copy(update={"rules": rules})

    assert await unlike(case(), case(who="U0CAROL", may="approve"), policy=asks) == []
