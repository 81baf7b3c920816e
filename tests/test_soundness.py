"""Whether the rules hold together: each gap is found, is named by its place, and what is fine stays unsaid."""

import pytest

from bot.findings import Finding, lines, report
from bot.models import Act, Person
from bot.policy import Policy, Rule
from bot.rules.roster import Roster
from bot.rules.soundness import sound
from tests import make
from tests.make import APPROVER, ASKER, OTHER, OWNER

KNOWN = {ASKER: {"alice"}, APPROVER: {"carol"}, OTHER: {"dave"}, OWNER: {"audituser"}}
OWNERS = {login: frozenset({who}) for who, logins in KNOWN.items() for login in logins}


def policy(*rules: Rule, **changes: object) -> Policy:
    """Everyone's accounts are known."""
    return make.policy(*rules, **{"owners": OWNERS, **changes})


def roster(*odd: Person, groups: dict[str, set[str]] | None = None, missing: dict[str, str] | None = None) -> Roster:
    """Everyone was looked up and is a member, but for the odd ones."""
    people = {who: make.person(who) for who in KNOWN} | {person.id: person for person in odd}
    members = {name: frozenset(ids) for name, ids in (groups or {}).items()}
    return Roster(looked_up=True, people=people, members=members, missing=missing or {})


def found(rules: Policy, known: Roster | None = None, hosts: tuple[str, ...] = ("host1",)) -> list[Finding]:
    return [one for one in sound(rules, hosts, known or roster()) if one.level != "ok"]


def told(rules: Policy, known: Roster | None = None) -> list[tuple[str, str, str]]:
    return [(one.level, one.about, one.said) for one in found(rules, known)]


def test_rules_that_hold_together_are_said_to() -> None:
    """In one line, and nothing else."""
    (only,) = sound(policy(), ("host1",), roster())
    assert (only.level, only.said) == ("ok", "1 rule for 1 host: nothing is wrong with them")
    assert report([only]).ok


def test_hosts_without_a_rule() -> None:
    """Folded; a rule that names nobody is one."""
    assert [(one.level, one.about) for one in found(policy(), hosts=("host1", "web1", "web2"))] == [
        ("wrong", "web[1-2]")
    ]
    nobody = Rule(hosts=frozenset({"web1"}))
    assert found(policy(make.rule(), nobody), hosts=("host1", "web1")) == []


# ------------------------------------------------------------------------------------------- rules that never count


@pytest.mark.parametrize(
    "shadowed",
    [
        make.rule(),
        make.rule(ask=(OTHER,), approve=(ASKER, APPROVER)),
        make.rule(accounts=frozenset({"breakglass"})),
        make.rule(acts={Act.KICK, Act.LIMITS}),
    ],
    ids=["the same again", "other people", "a protected account", "all acts"],
)
def test_a_rule_that_never_counts(shadowed: Rule) -> None:
    """For each of its hosts, accounts and acts an earlier rule decides."""
    before = make.rule(accounts="any", acts={Act.KICK, Act.LIMITS})
    assert ("wrong", "rules[1]") in [(one.level, one.about) for one in found(policy(before, shadowed))]


@pytest.mark.parametrize(
    "counting",
    [
        make.rule(hosts={"host1", "host2"}),
        make.rule(acts={Act.FORCE}),
        make.rule(accounts="any"),
        make.rule(accounts=frozenset({"postgres"})),
    ],
    ids=["another host", "another act", "the system's accounts", "an account of the system by name"],
)
def test_a_rule_that_counts_somewhere(counting: Rule) -> None:
    """Another host, act or account is enough, whatever uid a named account has."""
    assert [one for one in found(policy(make.rule(), counting)) if "never counts: for each" in one.said] == []


def test_limits_are_about_whoever_is_there() -> None:
    """So a rule for limits below one for people's accounts never counts, even if it is about any account."""
    before, after = make.rule(acts={Act.LIMITS}), make.rule(acts={Act.LIMITS}, accounts="any")
    assert ("wrong", "rules[1]") in [(one.level, one.about) for one in found(policy(before, after))]


def test_a_part_that_never_counts_is_worth_knowing() -> None:
    """It is no fault: one rule for an act below another for all is written like that."""
    rest = make.rule(acts={Act.KICK, Act.FORCE}, look=(OTHER,))
    assert [(level, about) for level, about, _ in told(policy(make.rule(), rest))] == [
        ("note", "rules[1].look"),
        ("note", "rules[1].acts"),
    ]
    assert report(found(policy(make.rule(), rest))).ok


# ------------------------------------------------------------------------------------------------ people


def test_approvers_that_are_not_there() -> None:
    """Deactivated, a guest, unknown to Slack: by the place where they stand; in a group it is worth knowing."""
    zoe, gus = make.person("U0ZOE", deactivated=True), make.person("U0GUS", guest=True)
    rules = policy(make.rule(approve=("U0ZOE", "S0LEADS", "U0NOBODY", "S0GONE")))
    known = roster(zoe, gus, groups={"S0LEADS": {APPROVER, OTHER, "U0GUS"}}, missing={"U0NOBODY": "x", "S0GONE": "y"})

    said = [(level, about, text.partition(":")[0]) for level, about, text in told(rules, known) if about != "people"]

    assert said == [
        ("wrong", "rules[0].approve", "U0NOBODY"),
        ("wrong", "rules[0].approve", "S0GONE"),
        ("wrong", "rules[0].approve", "zoe (U0ZOE)"),
        ("note", "S0LEADS", "gus (U0GUS)"),
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (make.rule(approve=()), "it takes 1 person besides who asks to approve, and there is nobody"),
        (make.rule(approvals=3), "it takes 3 people besides who asks to approve, and there is only 2"),
        (make.rule(ask=(OTHER,), approve=(OTHER,)), "only dave (U0DAVE) may ask, and only dave (U0DAVE) may approve"),
        (make.rule(ask=(ASKER, OTHER), approvals=2), "where dave (U0DAVE) asks, too few are left to approve"),
        (make.rule(approve=("S0LEADS",)), "it takes 1 person besides who asks to approve, and there is nobody"),
        (make.rule(ask=("U0GUS",)), "nobody whom it lets ask is an active member"),
        (make.rule(ask=(ASKER, OTHER), emergency=True), "2 other people to review it, and where dave (U0DAVE) asks"),
    ],
    ids=["nobody", "two of three", "the same one", "one of them", "a group of guests", "no asker", "an emergency"],
)
def test_too_few_approvers(rule: Rule, said: str) -> None:
    """Other than any asker, and only those who can decide."""
    known = roster(make.person("U0GUS", guest=True), groups={"S0LEADS": {"U0GUS"}})
    assert said in "\n".join(
        text for level, about, text in told(policy(rule), known) if (level, about)[1] == "rules[0]"
    )


def test_too_few_for_two_rules_together() -> None:
    """A kick with force needs one whom both rules let approve; what is wrong with one alone is not said again."""
    kick, force = make.rule(approve=(APPROVER,)), make.rule(acts={Act.FORCE}, approve=(OTHER,))
    assert [about for level, about, _ in told(policy(kick, force)) if level == "wrong"] == ["rules[0] and rules[1]"]
    alone = kick.model_copy(update={"approve": ()})
    assert [about for level, about, _ in told(policy(alone, force)) if level == "wrong"] == ["rules[0]"]


def test_the_same_people_ask_and_approve() -> None:
    """Worth knowing: nobody else sees it first."""
    circle = make.rule(ask=(ASKER, APPROVER), approve=(ASKER, APPROVER))
    assert [(level, about) for level, about, text in told(policy(circle)) if "same people" in text] == [
        ("note", "rules[0]")
    ]


def test_one_person_under_two_ids_may_only_be_guessed() -> None:
    """By one name, or one account; it is never called wrong, since Slack tells no app."""
    twin = make.person("U0TWIN", name="Carol")
    rules = policy(make.rule(approve=(APPROVER, "U0TWIN", OTHER)), owners={**OWNERS, "carol": {APPROVER, "U0TWIN"}})
    said = [(level, text.partition(".")[0]) for level, about, text in told(rules, roster(twin)) if "and" in about]
    assert said == [("note", "have the same name in Slack"), ("note", "own the same account, carol")]


def test_accounts_that_nobody_owns() -> None:
    """Those that a rule names, and those of people whose accounts aren't known; protected ones never end.

    Who can't decide anything isn't asked about.
    """
    named = make.rule(accounts=frozenset({"deploy", "audituser", "breakglass"}), look=("S0GUESTS",))
    known = roster(make.person("U0GUS", guest=True), groups={"S0GUESTS": {"U0GUS"}})
    unowned, without = told(policy(named, owners={"audituser": frozenset({OWNER})}), known)
    assert "nobody owns deploy, so" in unowned[2]
    assert "no account is known of alice (U0ALICE), carol (U0CAROL), dave (U0DAVE)" in without[2]
    assert unowned[0] == without[0] == "note"


def test_without_slack_only_what_ids_tell_is_judged() -> None:
    """Groups are unknown, so nobody is too few; ids alone can be too few whoever they are."""
    in_groups = make.rule(ask=("S0SRE",), approve=("S0LEADS",))
    assert [level for level, about, _ in told(policy(in_groups), Roster())] == ["unknown"]
    assert report(found(policy(in_groups), Roster())).ok
    by_id = make.rule(ask=("S0SRE",), approve=(APPROVER,), approvals=2)
    assert ("wrong", "rules[0]") in [(level, about) for level, about, _ in told(policy(by_id), Roster())]


def test_findings_are_lines_that_nobody_can_write_into() -> None:
    """What stands in them came from Slack and from hosts."""
    made = report([Finding(part="policy", level="wrong", about="a\x1b[2J", said="b\nc", todo="d")])
    said = list(lines(made))
    assert said[0] == "policy"
    assert "\x1b" not in "".join(said)
    assert "\n" not in "".join(said)
    assert said[-1] == "1 wrong"
    assert not made.ok


def test_findings_of_a_part_stand_together_and_the_worst_last() -> None:
    """However they came."""
    found = [("a", "wrong"), ("b", "note"), ("a", "ok"), ("a", "unknown"), ("b", "ok"), ("a", "note")]
    made = report(Finding.model_validate({"part": p, "level": level, "about": "x", "said": "y"}) for p, level in found)
    words = [line.split()[0] for line in lines(made)]
    assert words[:-1] == ["a", "ok", "note", "?", "WRONG", "b", "ok", "note"]


@pytest.mark.parametrize(
    ("enrolled", "level"), [(frozenset[str](), "wrong"), ({APPROVER}, "note"), ({APPROVER, OTHER}, None)]
)
def test_approvers_without_a_second_factor(enrolled: frozenset[str], level: str | None) -> None:
    """They are named where a rule asks for one; too few who have one is a fault."""
    asks = policy(make.rule(approve=(APPROVER, OTHER), second_factor=True))
    known = roster().model_copy(update={"enrolled": enrolled})

    said = [(one.level, one.about, one.said, one.todo) for one in found(asks, known)]

    assert [(one[0], one[1]) for one in said] == ([(level, "rules[0].approve")] if level else [])
    assert all("dave (U0DAVE)" in one[2] and "second-factor enrol" in one[3] for one in said)
    assert found(policy(make.rule(approve=(APPROVER, OTHER))), known) == []


def test_where_nobody_can_say_who_has_a_second_factor_nobody_is_accused() -> None:
    """As for someone who may not read the file; it is said."""
    asks = policy(make.rule(second_factor=True))

    assert [(one.level, one.about) for one in found(asks)] == [("unknown", "second factors")]


def test_a_group_that_nobody_looked_up_may_have_enough() -> None:
    """Without Slack only ids that a rule names are known."""
    asks = policy(make.rule(ask=("S0SRE",), approve=("S0LEADS", APPROVER), second_factor=True))

    said = told(asks, Roster(enrolled=frozenset()))

    assert ("note", "rules[0].approve") in [(level, about) for level, about, _ in said]
    assert "wrong" not in [level for level, _, _ in said]
