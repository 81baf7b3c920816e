"""Who may look, ask and approve. The ways around the policy first: each must end in a no."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import policy as rules
from bot.models import Account, Act, Person
from bot.policy import Policy, Rule, Verdict
from tests import make
from tests.make import APPROVER, ASKER, INCIDENT, OTHER, OWNER

KICK = frozenset({Act.KICK})
NOBODY: Mapping[str, frozenset[str]] = {}

NOT_MEMBERS = [{"deactivated": True}, {"bot": True}, {"guest": True}, {"stranger": True}]


def approve(
    policy: Policy,
    who: str | Person = APPROVER,
    *,
    account: Account | None = None,
    acts: frozenset[Act] = KICK,
    members: Mapping[str, frozenset[str]] = NOBODY,
    host: str = "host1",
) -> Verdict:
    """May this person approve what ASKER asked for?"""
    person = make.person(who) if isinstance(who, str) else who
    return rules.may_approve(policy, host, account or make.account(), acts, person, members, asker=ASKER)


def ask(
    policy: Policy,
    who: str = ASKER,
    *,
    account: Account | None = None,
    acts: frozenset[Act] = KICK,
    host: str = "host1",
) -> Verdict:
    return rules.may_ask(policy, host, account or make.account(), acts, make.person(who), NOBODY)


# ------------------------------------------------------------------------------------------------ around the policy


def test_no_rules() -> None:
    """Without a rule nobody may do anything."""
    empty = Policy()
    approver = make.person()

    assert not rules.may_look(empty, "host1", approver, NOBODY)
    assert not ask(empty)
    assert not approve(empty)


def test_absent_lists() -> None:
    """A rule that names nobody allows nobody anything: an empty list never means everyone."""
    silent = make.policy(make.rule(look=(), ask=(), approve=()))

    assert not rules.may_look(silent, "host1", make.person(), NOBODY)
    assert not ask(silent)
    assert not approve(silent)


def test_asker_approves() -> None:
    """The asker is in the approve list and still doesn't approve what they asked for."""
    verdict = approve(make.policy(make.rule(approve=(ASKER, APPROVER))), ASKER)

    assert not verdict
    assert "You asked" in verdict.reason


def test_asker_approves_through_a_group() -> None:
    """The asker is in the group of approvers and still doesn't approve what they asked for."""
    verdict = approve(make.policy(make.rule(approve=("S0LEADS",))), ASKER, members={"S0LEADS": frozenset({ASKER})})

    assert not verdict


def test_owner_approves() -> None:
    """Whose account it is doesn't approve the end of its sessions, listed or not."""
    listed = make.policy(make.rule(approve=(OWNER, APPROVER)))
    grouped = make.policy(make.rule(approve=("S0LEADS",)))

    assert "your own account" in approve(listed, OWNER).reason
    assert not approve(grouped, OWNER, members={"S0LEADS": frozenset({OWNER})})


def test_owner_of_another_account_approves() -> None:
    """Owning some other account takes no right away."""
    assert approve(make.policy(make.rule(approve=(OWNER,))), OWNER, account=make.account("alice"))


@pytest.mark.parametrize("changes", NOT_MEMBERS, ids=lambda c: next(iter(c)))
def test_not_a_member(changes: dict[str, bool]) -> None:
    """A deactivated account, a bot, a guest and a stranger may nothing, though every list names them."""
    policy = make.policy(make.rule(look=(APPROVER,), ask=(APPROVER,), approve=(APPROVER,)))
    person = make.person(APPROVER, **changes)

    assert not rules.may_look(policy, "host1", person, NOBODY)
    assert not rules.may_ask(policy, "host1", make.account(), KICK, person, NOBODY)
    assert not perhaps_ask(policy, "host1", "audituser", KICK, person, NOBODY)
    assert not approve(policy, person)


def perhaps_ask(
    policy: Policy, host: str, user: str, acts: frozenset[Act], person: Person, members: Mapping[str, frozenset[str]]
) -> bool:
    """The early answer: no only if no uid could give a yes."""
    return any(rules.may_ask(policy, host, a, acts, person, members) for a in rules.supposed(policy, host, user))


def test_name_in_the_list() -> None:
    """Ids decide: a display name that equals a listed id is worth nothing."""
    impostor = Person(id="U0MALLORY", name=APPROVER)

    assert not approve(make.policy(), impostor)


def test_group_that_was_not_read() -> None:
    """A group that Slack didn't tell has nobody in it."""
    assert not approve(make.policy(make.rule(approve=("S0LEADS",))), members=NOBODY)


def test_empty_group() -> None:
    """A group without members allows nobody."""
    assert not approve(make.policy(make.rule(approve=("S0LEADS",))), members={"S0LEADS": frozenset()})


def test_person_with_the_id_of_a_group() -> None:
    """Someone whose id would equal a listed group's id is not thereby in that group."""
    assert not approve(make.policy(make.rule(approve=("S0LEADS",))), "S0LEADS", members={"S0LEADS": frozenset()})


def test_listed_for_something_else() -> None:
    """Who may look or ask doesn't thereby approve, and who may approve doesn't thereby ask."""
    policy = make.policy(make.rule(look=(OTHER,), ask=(OTHER,), approve=(APPROVER,)))

    assert not approve(policy, OTHER)
    assert not ask(policy, APPROVER)


def test_first_rule_that_fits_decides() -> None:
    """A later rule gives nobody what the first one that fits keeps back."""
    policy = make.policy(make.rule(ask=(), approve=()), make.rule(approve=(APPROVER,)))

    assert not ask(policy)
    assert not approve(policy)


def test_first_rule_that_does_not_fit() -> None:
    """A rule about other hosts, accounts or acts is passed over."""
    others = (make.rule(hosts={"host2"}), make.rule(accounts={"alice"}), make.rule(acts={Act.HOLD}))
    policy = make.policy(*(r.model_copy(update={"ask": (), "approve": ()}) for r in others), make.rule())

    assert ask(policy)
    assert approve(policy)


@pytest.mark.parametrize("acts", [{Act.FORCE}, {Act.KICK, Act.FORCE}, {Act.KICK, Act.EVERYONE}])
def test_act_that_the_rule_does_not_name(acts: set[Act]) -> None:
    """A rule allows only the acts that it names, and all of the asked ones must be among them."""
    assert not ask(make.policy(), acts=frozenset(acts))
    assert not approve(make.policy(), acts=frozenset(acts))


BOTH = frozenset({Act.KICK, Act.FORCE})


@pytest.mark.parametrize("lists", [{"ask": (OTHER,)}, {"ask": ()}])
def test_acts_of_two_rules_to_ask(lists: dict[str, Any]) -> None:
    """Where each act has a rule of its own, whoever asks for both must be named by both."""
    kick, force = make.rule(acts={Act.KICK}), make.rule(acts={Act.FORCE})

    assert ask(make.policy(kick, force), acts=BOTH)
    assert not ask(make.policy(kick, force.model_copy(update=lists)), acts=BOTH)
    assert not ask(make.policy(kick.model_copy(update=lists), force), acts=BOTH)


@pytest.mark.parametrize("approve_", [(OTHER,), ()])
def test_acts_of_two_rules_to_approve(approve_: tuple[str, ...]) -> None:
    """And so must whoever approves."""
    kick, force = make.rule(acts={Act.KICK}), make.rule(acts={Act.FORCE}, approve=approve_)

    assert not approve(make.policy(kick, force), acts=BOTH)
    assert not approve(make.policy(make.rule(acts={Act.KICK}, approve=approve_), make.rule(acts=BOTH)), acts=BOTH)


def test_a_word_more_never_needs_less() -> None:
    """A later rule that allows more acts doesn't set aside the first one: adding `force` saves no approval."""
    policy = make.policy(make.rule(approvals=2), make.rule(acts=BOTH, approvals=1))

    assert [r.approvals for r in policy.rules_to_act("host1", make.account(), BOTH)] == [1, 2]


@pytest.mark.parametrize("uid", [1, 998, 65534, 61184])
def test_processes_of_the_system(uid: int) -> None:
    """Every process of one of the system's accounts would be its services: `processes` is refused for them."""
    policy = make.policy(make.rule(accounts="any", acts={Act.KICK, Act.PROCESSES}))

    refused = ask(policy, account=make.account("deploy", uid), acts=frozenset({Act.KICK, Act.PROCESSES}))

    assert "an account of the system" in refused.reason
    assert ask(policy, account=make.account("deploy", uid))


@pytest.mark.parametrize("name", ["root", "breakglass"])
def test_protected_name(name: str) -> None:
    """A protected login is never ended, whoever asks and whatever its uid is."""
    policy = make.policy(make.rule(accounts="any"))

    assert "protected" in ask(policy, account=Account(name=name, uid=1001)).reason


def test_root_under_any_name() -> None:
    """Uid 0 is protected under any name, even if a rule names it."""
    policy = make.policy(make.rule(accounts={"toor"}))

    assert "protected" in ask(policy, account=Account(name="toor", uid=0)).reason


# ------------------------------------------------------------------------------------------------ which accounts


@pytest.mark.parametrize(("uid", "people"), [(0, False), (999, False), (1000, True), (65533, True), (65534, False)])
def test_people(uid: int, people: bool) -> None:
    """`people` are the uids from 1000 on, but not nobody's."""
    assert Rule(hosts=frozenset({"host1"})).fits(Account(name="x", uid=uid), KICK) is people


@pytest.mark.parametrize(("uid", "allowed"), [(0, False), (999, True), (1000, True), (65534, True)])
def test_any_account(uid: int, allowed: bool) -> None:
    """`any` is every account but root."""
    assert bool(ask(make.policy(make.rule(accounts="any")), account=Account(name="x", uid=uid))) is allowed


@pytest.mark.parametrize(("name", "allowed"), [("postgres", True), ("postgresql", False), ("Postgres", False)])
def test_listed_accounts(name: str, allowed: bool) -> None:
    """A list of logins is exactly those logins, whatever their uid is."""
    policy = make.policy(make.rule(accounts={"postgres"}))

    assert bool(ask(policy, account=Account(name=name, uid=999))) is allowed
    assert bool(ask(policy, account=Account(name=name, uid=1001))) is allowed


# ------------------------------------------------------------------------------------------------ asking and looking


def test_perhaps_ask_for_a_system_account() -> None:
    """Before the uid is known it is a no only if no uid could give a yes."""
    person = make.person(ASKER)
    policy = make.policy(make.rule(ask=()), make.rule(accounts="any"))

    assert perhaps_ask(policy, "host1", "postgres", KICK, person, NOBODY)
    assert not perhaps_ask(make.policy(), "host1", "breakglass", KICK, person, NOBODY)
    assert not perhaps_ask(make.policy(), "host2", "audituser", KICK, person, NOBODY)


def test_look_is_chosen_by_the_host_alone() -> None:
    """A listing shows every account, so the first rule about the host decides, whatever its accounts and acts are."""
    narrow = make.rule(accounts={"alice"}, acts={Act.HOLD}, look=(OTHER,))
    policy = make.policy(narrow, make.rule(look=(ASKER,)))

    assert rules.may_look(policy, "host1", make.person(OTHER), NOBODY)
    assert "Only <@U0DAVE> may look at host1" in rules.may_look(policy, "host1", make.person(ASKER), NOBODY).reason


def test_look_that_the_first_rule_keeps_back() -> None:
    """A first rule about the host without `look` lets nobody look, whatever the later ones say."""
    policy = make.policy(make.rule(look=()), make.rule())

    assert "the rule names nobody" in rules.may_look(policy, "host1", make.person(ASKER), NOBODY).reason


def test_refusals_say_who_may() -> None:
    """A refusal names the people and groups who may."""
    policy = make.policy(make.rule(ask=("S0SRE", OTHER)))

    assert ask(policy).reason == "Only <!subteam^S0SRE> and <@U0DAVE> may ask on host1."


def test_yes_through_a_group() -> None:
    """Someone in a listed group may what the list allows."""
    policy = make.policy(make.rule(approve=("S0LEADS",)))

    assert approve(policy, members={"S0LEADS": frozenset({APPROVER})})
    assert rules.YES.reason == ""


def test_groups_to_read() -> None:
    """Only groups that the lists in question of rules about those hosts name are read."""
    policy = make.policy(
        make.rule(look=("S1",), ask=("S2", ASKER), approve=("S3",)), make.rule(hosts={"host2"}, look=("S4",))
    )

    assert policy.groups(["host1"], "look") == {"S1"}
    assert policy.groups(["host1"], "ask", "approve") == {"S2", "S3"}
    assert policy.groups(["host3"], "look", "ask", "approve") == frozenset()


# ------------------------------------------------------------------------------------------------ channels


@pytest.mark.parametrize("changes", [{"member": False}, {"shared": True}])
def test_channel_that_others_read(changes: dict[str, bool]) -> None:
    """Evidence is never shown where the bot isn't a member or another company reads, though the channel is named."""
    policy = make.policy(channels=(INCIDENT, "#*"))

    assert not rules.may_show(policy, make.channel(INCIDENT, **changes))


def test_channel_where_only_the_bot_is_missing() -> None:
    """A named channel could show evidence once the bot is in it; one that isn't named, or is shared, never could."""
    policy = make.policy(channels=("#inc-*",))

    assert rules.could_show(policy, make.channel(INCIDENT, member=False))
    assert rules.could_show(policy, make.channel("C0X", name="inc-42", member=False))
    assert not rules.could_show(policy, make.channel("C0RANDOM", member=False))
    assert not rules.could_show(policy, make.channel(INCIDENT, member=False, shared=True))
    assert not rules.could_show(make.policy(channels=("#*",)), make.channel(INCIDENT, shared=True))
    assert not rules.could_show(Policy(), make.channel("C0PROD"))


def test_places_for_evidence() -> None:
    """As the configuration names them, each once."""
    policy = make.policy(make.rule(channel="C0RULE"), make.rule(channel="C0RULE"), channels=("C0OPS", "#inc-*"))

    assert rules.places(policy) == (INCIDENT, "C0OPS", "#inc-*", "C0RULE")
    assert rules.places(Policy()) == ()


def test_channel_that_nobody_named() -> None:
    """A channel that isn't named shows nothing; nor does a nameless one (a direct message)."""
    policy = make.policy(channels=("#inc-*",))

    assert not rules.may_show(policy, make.channel("C0RANDOM"))
    assert not rules.may_show(policy, make.channel("D0DIRECT", name=""))


def test_name_that_looks_like_an_id() -> None:
    """A channel named like a listed channel's id shows nothing."""
    assert not rules.may_show(make.policy(channels=("C0PROD",)), make.channel("C0EVIL", name="C0PROD"))


def test_no_incident_channel() -> None:
    """A policy without channels shows nothing anywhere, not even in a channel without an id."""
    assert not rules.may_show(Policy(), make.channel("C0PROD"))


@pytest.mark.parametrize(
    ("id", "name"), [(INCIDENT, "incidents"), ("C0OPS", "ops"), ("C0X", "inc-42"), ("C0RULE", "prod")]
)
def test_channels_that_may_see_evidence(id: str, name: str) -> None:  # noqa: A002 - Slack's own word
    """The incident channel, listed ids, names that fit a pattern and the rules' channels may see evidence."""
    policy = make.policy(make.rule(channel="C0RULE"), channels=("C0OPS", "#inc-*"))

    assert rules.may_show(policy, make.channel(id, name=name))


def test_home() -> None:
    """A request lives in its rule's channel, else where it was asked if that may see evidence, else with incidents."""
    policy = make.policy(channels=("C0OPS",))

    assert rules.home(policy, [make.rule(), make.rule(channel="C0RULE")], make.channel("C0OPS")) == "C0RULE"
    assert rules.home(policy, [make.rule()], make.channel("C0OPS")) == "C0OPS"
    assert rules.home(policy, [], make.channel("C0RANDOM")) == INCIDENT


# ------------------------------------------------------------------------------------------------ whatever the policy

IDS = ["U1", "U2", "U3", "W4"]
GROUPS = ["S1", "S2"]
NAMES = ["alice", "postgres", "root", "toor"]

listed = st.lists(st.sampled_from(IDS + GROUPS), max_size=3).map(tuple)
some_rules = st.builds(
    Rule,
    hosts=st.frozensets(st.sampled_from(["host1", "host2"])),
    accounts=st.sampled_from(["people", "any"]) | st.frozensets(st.sampled_from(NAMES)),
    acts=st.frozensets(st.sampled_from([Act.KICK, Act.FORCE]), min_size=1),
    look=listed,
    ask=listed,
    approve=listed,
)
policies = st.builds(
    Policy,
    rules=st.lists(some_rules, max_size=4).map(tuple),
    owners=st.dictionaries(st.sampled_from(NAMES), st.frozensets(st.sampled_from(IDS))),
)
people = st.builds(
    Person,
    id=st.sampled_from(IDS),
    name=st.just("x"),
    **dict.fromkeys(("deactivated", "bot", "guest", "stranger"), st.sampled_from([False, False, False, True])),
)
memberships = st.dictionaries(st.sampled_from(GROUPS), st.frozensets(st.sampled_from(IDS)))
accounts = st.builds(Account, name=st.sampled_from(NAMES), uid=st.sampled_from([0, 999, 1000, 65534]))
some_acts = st.frozensets(st.sampled_from([Act.KICK, Act.FORCE]), min_size=1)


@given(policies, people, memberships, accounts, some_acts, st.sampled_from(IDS))
def test_whoever_approves(
    policy: Policy,
    person: Person,
    members: dict[str, frozenset[str]],
    account: Account,
    acts: frozenset[Act],
    asker: str,
) -> None:
    """Whatever the policy, an approver is a member, named by the first rule that fits, and not the asker or the owner.

    And everyone whom `candidates` names as possible approvers is one, if a member, and nobody else is.
    """
    verdict = rules.may_approve(policy, "host1", account, acts, person, members, asker=asker)

    decide = policy.rules_to_act("host1", account, acts)
    able = rules.candidates(policy, decide, [account.name], members, asker=asker) if decide else frozenset()
    assert bool(verdict) is (person.is_member and person.id in able)
    assert bool(verdict) is not bool(verdict.reason)
    if verdict:
        assert person.id != asker
        assert person.id not in policy.owners.get(account.name, frozenset())
        assert decide
        for rule in decide:
            assert person.id in rule.approve or any(person.id in members.get(i, ()) for i in rule.approve)


@given(policies, people, memberships, accounts, some_acts)
def test_whoever_asks(
    policy: Policy, person: Person, members: dict[str, frozenset[str]], account: Account, acts: frozenset[Act]
) -> None:
    """Whatever the policy, nobody asks about root or a protected login, and the early answer refuses no later yes."""
    verdict = rules.may_ask(policy, "host1", account, acts, person, members)

    early = perhaps_ask(policy, "host1", account.name, acts, person, members)
    if verdict:
        assert person.is_member
        assert account.uid != 0
        assert account.name not in policy.protected
        assert early


@given(policies, people, memberships, accounts, some_acts)
def test_empty_lists(
    policy: Policy, person: Person, members: dict[str, frozenset[str]], account: Account, acts: frozenset[Act]
) -> None:
    """Whatever else the policy says, no verdict is a yes when its lists are empty."""
    silent = policy.model_copy(
        update={"rules": tuple(r.model_copy(update={"look": (), "ask": (), "approve": ()}) for r in policy.rules)}
    )

    assert not rules.may_look(silent, "host1", person, members)
    assert not rules.may_ask(silent, "host1", account, acts, person, members)
    assert not rules.may_approve(silent, "host1", account, acts, person, members, asker="U0")


# ------------------------------------------------------------------------------------------------ too late


def test_the_shortest_time_holds() -> None:
    """What one of several rules finds too old is too old."""
    short, long = make.rule(late=30), make.rule(late=300)

    assert rules.in_time([short, long], 30)
    assert not rules.in_time([short, long], 31)
    assert rules.in_time([long], 300)
