"""Who may do what, explained: it says what `Rights` would decide, and names the rule that does."""

from collections.abc import Awaitable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import LookupFailed, Refused
from bot.models import FIRST_PERSON, Account, Act, Kick
from bot.policy import Policy, Rule
from bot.rights import Rights, _Question
from bot.rules.explained import told
from bot.rules.explaining import Opinion, Row, explain
from bot.rules.roster import Roster
from tests import make
from tests.fakes import FakePeople
from tests.make import APPROVER, ASKER, OTHER, OWNER

PEOPLE = (ASKER, APPROVER, OTHER, OWNER, "U0GUS")
GUS = make.person("U0GUS", guest=True)
GROUPS = {"S0SRE": frozenset({ASKER, APPROVER, OWNER}), "S0LEADS": frozenset({APPROVER, OWNER, "U0GUS"})}


def roster(groups: dict[str, frozenset[str]] | None = None) -> Roster:
    """Everyone was looked up."""
    people = {who: make.person(who) for who in PEOPLE} | {GUS.id: GUS}
    return Roster(looked_up=True, people=people, members=groups or GROUPS)


def row(policy: Policy, deed: str, who: str = "", known: Roster | None = None, user: str = "audituser") -> Row:
    """About a person's account, or whatever it is where that makes no difference."""
    explained = explain(policy, "host1", user, known or roster(), who)
    return next(row for row in explained[0].rows if row.deed == deed)


def lines(policy: Policy, who: str = "", known: Roster | None = None, user: str = "audituser") -> list[str]:
    known = known or roster()
    return list(told(explain(policy, "host1", user, known, who), policy, "host1", user, known))


def only(opinions: Sequence[Opinion]) -> Opinion:
    (opinion,) = opinions
    return opinion


# ------------------------------------------------------------------------------------------------ nobody by mistake


def test_without_a_rule_nobody_may() -> None:
    """And the words are those in which the policy refuses."""
    policy = make.policy(make.rule(hosts={"host2"}))
    assert row(policy, "look").nobody == "No rule says who may look at host1, so nobody may."
    assert row(policy, "kick").nobody == "No rule allows to kick audituser on host1, so nobody may."
    assert lines(policy)[0] == "host1 is named by no rule."


def test_who_may_act_alone_is_said() -> None:
    """Only where every rule that decides says so; nobody acts alone on limits."""
    lets = make.rule(acts={Act.KICK, Act.LIMITS}, emergency=True)
    alone = "    may ask: alice (U0ALICE), and act alone in an emergency"
    assert lines(make.policy(lets)).count(alone) == 1
    assert row(make.policy(lets), "limits").emergency is False
    assert row(make.policy(make.rule()), "kick").emergency is False
    both = make.policy(lets, make.rule(acts={Act.FORCE}))
    assert (row(both, "kick").emergency, row(both, "force").emergency) == (True, False)


def test_that_an_approval_needs_a_code_is_said() -> None:
    """Where any rule that decides says so; who may look needs none."""
    asks = make.policy(make.rule(second_factor=True), make.rule(acts={Act.FORCE}))
    said = [line for line in lines(asks) if line.endswith("1 person besides who asks, with a second factor")]
    assert len(said) == 2
    assert [row(asks, deed).second_factor for deed in ("look", "kick", "force")] == [False, True, True]
    assert not row(make.policy(make.rule()), "kick").second_factor


def test_a_protected_account_is_protected_from_everyone_whom_a_rule_names() -> None:
    """Although a rule fits it."""
    said = lines(make.policy(make.rule(accounts="any")), user="breakglass")
    assert '    may not ask: alice (U0ALICE): "breakglass is protected on host1: its sessions are never ended."' in said


def test_what_slack_does_not_say_is_a_no_to_everyone() -> None:
    """Also to whom a rule names by id: a group that has to be looked up and can't be stops the whole question."""
    policy = make.policy(make.rule(ask=(ASKER, "S0SRE"), approve=(APPROVER, "S0GONE")))
    missing = roster().model_copy(update={"missing": {"S0GONE": "no_such_subteam"}})
    said = lines(policy, known=missing)
    for verb in ("ask", "approve"):
        assert only(row(policy, "kick", known=missing).opinions[verb]).allowed is False
        told = "\"Slack doesn't say who S0GONE is, and what can't be looked up is a no.\""
        assert f"    may not {verb}: everyone: {told}" in said
    assert only(row(policy, "look", ASKER, missing).opinions["look"]).allowed is True


def test_a_group_that_nobody_was_asked_about_is_neither_yes_nor_no() -> None:
    """Whoever is in it may; one person may if they are in it; who is named by id needs no group."""
    policy = make.policy(make.rule(ask=("S0SRE",), approve=("S0LEADS", APPROVER)))
    unknown = Roster()

    assert row(policy, "kick", known=unknown).opinions["approve"] == (
        Opinion(person=APPROVER, allowed=True),
        Opinion(person="", allowed=None, groups=("S0LEADS",)),
    )
    assert only(row(policy, "kick", ASKER, unknown).opinions["ask"]).groups == ("S0SRE",)
    assert only(row(policy, "kick", ASKER, unknown).opinions["approve"]).allowed is None
    assert only(row(policy, "look", OTHER, unknown).opinions["look"]).allowed is False
    assert "    may approve: U0CAROL, whoever is in S0LEADS, 1 person besides who asks" in lines(policy, known=unknown)


# ------------------------------------------------------------------------------------------------ why, and which rule


def test_each_act_names_its_rules() -> None:
    """Two where a kick with force falls under two; the first that fits, not the first that names the host."""
    first = make.rule(accounts=frozenset({"postgres"}))
    second = make.rule()
    third = make.rule(acts={Act.FORCE}, ask=(OTHER,))
    policy = make.policy(first, second, third)

    assert row(policy, "look").rules == (0,)
    assert row(policy, "kick").rules == (1,)
    assert set(row(policy, "force").rules) == {1, 2}
    assert "  force: decided by rules[1] and rules[2]" in lines(policy)


def test_an_account_that_may_be_two_things_is_told_twice() -> None:
    """Of people, by the rule for people; of the system, by another one or none."""
    first, second = explain(make.policy(), "host1", "audituser", roster())
    assert first.accounts == ("a person's account",)
    assert second.accounts == ("an account of the system",)
    assert (first.rows[1].rules, second.rows[1].rules) == ((0,), ())


def test_one_persons_refusals_say_why() -> None:
    """The own account, a guest, someone whom the rule doesn't name, too few who could approve, no word `me`."""
    everyone = make.policy(make.rule(acts={Act.KICK, Act.EVERYONE}, ask=("S0SRE",), approve=("S0LEADS",)))
    said = "\n".join(lines(everyone, OWNER))
    assert "audituser is your own account, so you can't decide about it." in said
    assert "A guest can't use Kickbot" in "\n".join(lines(everyone, GUS.id))
    assert "Only S0SRE may ask on host1." in "\n".join(lines(everyone, OTHER))
    alone = only(row(everyone, "kick", APPROVER).opinions["ask"])  # the others are the owner and a guest
    assert alone.reason.startswith("Nobody could approve this on host1")
    among = next(row for row in explain(everyone, "host1", "everyone", roster(), ASKER)[0].rows if "every" in row.deed)
    assert "Add the word `me`" in only(among.opinions["ask"]).reason


def test_what_asking_takes_is_said() -> None:
    """A reason, and how many approvals."""
    policy = make.policy(make.rule(reason=True, approvals=2))
    assert "    may ask: alice (U0ALICE), with a reason (`because …`)" in lines(policy)
    assert "    may approve: carol (U0CAROL), dave (U0DAVE), 2 people besides who asks" in lines(policy)


# ------------------------------------------------------------------------------------------------ never a second logic

IDS = st.lists(st.sampled_from([*PEOPLE, *GROUPS]), max_size=3, unique=True).map(tuple)
RULES = st.lists(
    st.builds(
        Rule,
        hosts=st.just(frozenset({"host1"})),
        accounts=st.sampled_from(["people", "any", frozenset({"audituser"}), frozenset({"postgres"})]),
        acts=st.frozensets(st.sampled_from([Act.KICK, Act.FORCE, Act.HOLD, Act.PROCESSES]), min_size=1),
        look=IDS,
        ask=IDS,
        approve=IDS,
        approvals=st.integers(1, 2),
    ),
    max_size=3,
)
DEEDS = {
    "kick": Kick(user="audituser", hosts=("host1",), reason="INC-42"),
    "force": Kick(user="audituser", hosts=("host1",), reason="INC-42", force=True),
    "hold": Kick(user="audituser", hosts=("host1",), reason="INC-42", hold=60),
    "processes": Kick(user="audituser", hosts=("host1",), reason="INC-42", processes=True),
}


@given(rules=RULES, who=st.sampled_from(PEOPLE), missing=st.sampled_from([(), ("S0LEADS",), (APPROVER,)]))
@settings(max_examples=150)
async def test_it_says_what_the_rights_decide(rules: list[Rule], who: str, missing: tuple[str, ...]) -> None:
    """For any rules and people, looking, asking and approving: the same answer as a command or a click would get."""
    policy = make.policy().model_copy(update={"rules": tuple(rules)})
    people = FakePeople({name: set(ids) for name, ids in GROUPS.items()}, {GUS.id: GUS})
    people.unknown = set(missing)
    rights, aims = Rights(policy, people), [("host1", Account(name="audituser", uid=FIRST_PERSON))]
    known = roster().model_copy(update={"missing": dict.fromkeys(missing, "no answer")})
    rows = {row.deed: row for row in explain(policy, "host1", "audituser", known, who)[0].rows}

    assert _yes(rows["look"], "look") == await _may(_look(rights, who))
    for deed, command in DEEDS.items():
        assert _yes(rows[deed], "ask") == await _may(rights.to_plan(who, command, aims)), deed
        approves = rights._counted(who, command.acts, aims, "U0NOBODY", _Question(people))
        assert _yes(rows[deed], "approve") == await _may(approves), deed


async def _look(rights: Rights, who: str) -> None:
    if not (await rights.to_look(who, ["host1"]))["host1"]:
        raise Refused("no")


async def _may(question: Awaitable[object]) -> bool:
    try:
        await question
    except (Refused, LookupFailed):
        return False
    return True


def _yes(row: Row, verb: str) -> bool:
    return bool(row.opinions) and bool(only(row.opinions[verb]).allowed)
