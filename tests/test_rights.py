"""The policy asked with what Slack says at that moment. A lookup that fails is never a yes."""

from collections.abc import Mapping

import pytest

from bot.errors import LookupFailed, Refused
from bot.models import Account, Person
from bot.policy import Policy, home
from bot.request import Request
from bot.rights import Rights, aims
from tests import make
from tests.fakes import FakeSeconds
from tests.make import APPROVER, ASKER, INCIDENT, OTHER, OWNER

AUDITUSER = make.account()
TEAM = {"S0SRE": frozenset({ASKER, APPROVER, OWNER}), "S0LEADS": frozenset({APPROVER, OWNER})}


class Directory:
    """People and groups in memory. Everyone is a member unless said otherwise; what `fails` is asked for raises."""

    def __init__(self, groups: Mapping[str, frozenset[str]] | None = None, *people: Person, fails: str = "") -> None:
        self._groups = groups or {}
        self._people = {person.id: person for person in people}
        self._fails = fails

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        self._fail(id)
        return self._people.get(id) or make.person(id)

    async def members(self, group: str) -> frozenset[str]:
        self._fail(group)
        return self._groups.get(group, frozenset())

    def _fail(self, what: str) -> None:
        if what == self._fails:
            raise LookupFailed(what, "ratelimited")


class Counting(Directory):
    """A directory that remembers which groups were read."""

    def __init__(self, groups: Mapping[str, frozenset[str]], *people: Person) -> None:
        super().__init__(groups, *people)
        self.read: list[str] = []

    async def members(self, group: str) -> frozenset[str]:
        self.read.append(group)
        return await super().members(group)


def rights(policy: Policy | None = None, directory: Directory | None = None) -> Rights:
    return Rights(policy or make.policy(), directory or Directory())


def two_hosts() -> tuple[Policy, Request]:
    """host1 is approved by APPROVER, host2 by OTHER, in one pending request."""
    policy = make.policy(make.rule(approve=(APPROVER,)), make.rule(hosts={"host2"}, approve=(OTHER,)))
    looks = (make.snapshot(make.session()), make.snapshot(make.session(), host="host2"))
    return policy, make.request(*make.pending(*looks))


# ------------------------------------------------------------------------------------------------ around the rights


@pytest.mark.parametrize("fails", [ASKER, "S0SRE"])
async def test_asker_or_group_cannot_be_looked_up(fails: str) -> None:
    """Who asks, or a group that the rules name, can't be looked up: that raises, for a look and for a kick."""
    asked = rights(make.policy(make.rule(look=(ASKER, "S0SRE"), ask=(ASKER, "S0SRE"))), Directory(fails=fails))

    with pytest.raises(LookupFailed):
        await asked.to_look(ASKER, ["host1"])
    with pytest.raises(LookupFailed):
        await asked.to_ask(ASKER, make.kick())
    with pytest.raises(LookupFailed):
        await asked.to_plan(ASKER, make.kick(), [("host1", AUDITUSER)])


@pytest.mark.parametrize("fails", [APPROVER, "S0LEADS"])
async def test_approver_or_group_cannot_be_looked_up(fails: str) -> None:
    """An approver, or a group, that can't be looked up: that raises, though the list names the approver too."""
    asked = rights(make.policy(make.rule(approve=(APPROVER, "S0LEADS"))), Directory(fails=fails))
    request = make.request(*make.pending())

    with pytest.raises(LookupFailed):
        await asked.to_approve(APPROVER, request, [("host1", AUDITUSER)])
    with pytest.raises(LookupFailed):
        await asked.to_plan(ASKER, make.kick(), [("host1", AUDITUSER)])


@pytest.mark.parametrize("who", [ASKER, OWNER, "U0MALLORY"])
async def test_wrong_person_approves(who: str) -> None:
    """The asker, the owner and a stranger to the rule don't approve, and are told why."""
    policy = make.policy(make.rule(approve=(ASKER, OWNER, APPROVER)))
    request = make.request(*make.pending())

    with pytest.raises(Refused) as refused:
        await rights(policy).to_approve(who, request, [("host1", AUDITUSER)])

    assert refused.value.for_user()


async def test_approver_was_deactivated() -> None:
    """An approver who was deactivated since the plan was made doesn't approve."""
    directory = Directory({}, make.person(APPROVER, deactivated=True))

    with pytest.raises(Refused, match="deactivated"):
        await rights(directory=directory).to_approve(APPROVER, make.request(*make.pending()), [("host1", AUDITUSER)])


async def test_one_host_refuses() -> None:
    """A kick of several hosts is refused as a whole when one of them has no rule."""
    with pytest.raises(Refused, match="host2"):
        await rights().to_ask(ASKER, make.kick("host1", "host2"))
    with pytest.raises(Refused, match="host2"):
        await rights().to_plan(ASKER, make.kick(), [("host1", AUDITUSER), ("host2", AUDITUSER)])


async def test_uid_shows_that_it_may_not_be() -> None:
    """A yes to the name alone is taken back once the host shows that it is root or no person's account."""
    await rights().to_ask(ASKER, make.kick())

    for uid in (0, 999):
        with pytest.raises(Refused):
            await rights().to_plan(ASKER, make.kick(), [("host1", make.account(uid=uid))])


async def test_reason_needed() -> None:
    """Where a rule wants a reason, a kick without one is refused before and after the look."""
    strict = rights(make.policy(make.rule(reason=True)))

    with pytest.raises(Refused, match="because"):
        await strict.to_ask(ASKER, make.kick())
    with pytest.raises(Refused, match="because"):
        await strict.to_plan(ASKER, make.kick(), [("host1", AUDITUSER)])
    await strict.to_ask(ASKER, make.kick(reason="INC-42"))


# ------------------------------------------------------------------------------------------------ nobody could approve


@pytest.mark.parametrize("approve", [(), (ASKER,), (OWNER,), (ASKER, OWNER), ("S0EMPTY",)])
async def test_nobody_could_approve(approve: tuple[str, ...]) -> None:
    """A request that nobody could approve is not asked at all: the asker and the owner don't count."""
    with pytest.raises(Refused, match="Nobody could approve"):
        await rights(make.policy(make.rule(approve=approve))).to_ask(ASKER, make.kick())


async def test_only_guests_could_approve() -> None:
    """Guests, bots and deactivated people in the list are no approvers."""
    directory = Directory({}, make.person(APPROVER, guest=True), make.person(OTHER, bot=True))

    with pytest.raises(Refused, match="Nobody could approve"):
        await rights(directory=directory).to_ask(ASKER, make.kick())


async def test_too_few_could_approve() -> None:
    """Two approvals need two people: the asker's own place in the list doesn't help."""
    policy = make.policy(make.rule(approve=(ASKER, APPROVER), approvals=2))

    with pytest.raises(Refused, match="needs 2 approvals"):
        await rights(policy).to_ask(ASKER, make.kick())


async def test_one_person_twice_in_the_list() -> None:
    """Someone listed by id and by two groups is one person, not two approvals."""
    policy = make.policy(make.rule(approve=(APPROVER, "S1", "S2"), approvals=2))
    directory = Directory({"S1": frozenset({APPROVER}), "S2": frozenset({APPROVER})})

    with pytest.raises(Refused, match="needs 2 approvals"):
        await rights(policy, directory).to_ask(ASKER, make.kick())


async def test_no_rule_to_decide() -> None:
    """Where no rule speaks about an account there is no rule to return."""
    with pytest.raises(Refused, match="No rule"):
        rights().rules("host2", AUDITUSER, make.kick().acts)


async def test_system_account_under_another_rule() -> None:
    """An account that may turn out to be no person's isn't refused early by the rule for people."""
    people_only = make.rule(reason=True, approve=())
    policy = make.policy(people_only, make.rule(accounts="any"))

    await rights(policy).to_ask(ASKER, make.kick(user="postgres"))


# ------------------------------------------------------------------------------------------------ several hosts


async def test_approval_counts_where_the_rule_allows() -> None:
    """Where hosts fall under different rules an approval counts for those whose rule allows that person."""
    policy, request = two_hosts()
    both = aims(request.plan) if request.plan else []

    assert await rights(policy).to_approve(APPROVER, request, both) == ("host1",)
    assert await rights(policy).to_approve(OTHER, request, both) == ("host2",)


@pytest.mark.parametrize("uids", [(1001, 999), (999, 1001)])
async def test_two_uids_under_one_name(uids: tuple[int, int]) -> None:
    """An approval counts for a host only if it would for each account of the plan there, in whatever order."""
    both = [("host1", Account(name="audituser", uid=uid)) for uid in uids]

    with pytest.raises(Refused):
        await rights().to_approve(APPROVER, make.request(*make.pending()), both)


async def test_look_at_several_hosts() -> None:
    """Each host gets a verdict of its own: a refusal for one keeps the others."""
    verdicts = await rights().to_look(ASKER, ["host1", "host2"])

    assert {host: bool(verdict) for host, verdict in verdicts.items()} == {"host1": True, "host2": False}


async def test_who_could_approve() -> None:
    """Those who could approve are named once, without the asker, the owner and people who are no members."""
    policy = make.policy(make.rule(approve=("S0LEADS", OTHER)), make.rule(hosts={"host2"}, approve=(OTHER,)))
    leads = frozenset({ASKER, OWNER, APPROVER, "U0GUEST"})
    directory = Directory({"S0LEADS": leads}, make.person("U0GUEST", guest=True))

    named = await rights(policy, directory).to_plan(
        ASKER, make.kick("host1", "host2"), [("host1", AUDITUSER), ("host2", AUDITUSER)]
    )

    assert named == (APPROVER, OTHER)


async def test_large_group() -> None:
    """Of a large group a few are looked up, and enough for the approvals even if the first ones are guests."""
    ids = [f"U{number:04}" for number in range(50)]
    guests = [make.person(i, guest=True) for i in ids[:20]]
    policy = make.policy(make.rule(approve=("S0ALL",), approvals=3))

    named = await rights(policy, Directory({"S0ALL": frozenset(ids)}, *guests)).to_plan(
        ASKER, make.kick(), [("host1", AUDITUSER)]
    )

    assert named == tuple(ids[20:25])


async def test_one_question_reads_each_group_once() -> None:
    """Slack allows some twenty group reads a minute: a kick of twenty hosts reads each group once, not once a host."""
    names = [f"host{number}" for number in range(20)]
    policy = make.policy(make.rule(hosts=set(names), ask=("S0SRE",), approve=("S0LEADS",)))
    directory = Counting({"S0SRE": frozenset({ASKER}), "S0LEADS": frozenset({APPROVER})})

    await rights(policy, directory).to_ask(ASKER, make.kick(*names))

    assert sorted(directory.read) == ["S0LEADS", "S0SRE"]


async def test_no_group_is_read_for_a_guest() -> None:
    """Who may do nothing anyway costs no group read."""
    directory = Counting({"S0SRE": frozenset({ASKER})}, make.person(ASKER, guest=True))

    await rights(make.policy(make.rule(look=("S0SRE",))), directory).to_look(ASKER, ["host1"])

    assert directory.read == []


async def test_a_rule_that_needs_more_people_by_now_stops_the_act() -> None:
    """The number of approvals is looked at again right before acting."""
    request = make.request(*make.approved_story())
    twice = make.policy(make.rule(approvals=2))

    await rights().still_hold(request, [("host1", AUDITUSER)])
    with pytest.raises(Refused, match="needs 2 approvals"):
        await rights(twice).still_hold(request, [("host1", AUDITUSER)])


async def test_group_is_read_afresh() -> None:
    """Someone who left the group after the plan was made doesn't approve any more."""
    policy = make.policy(make.rule(approve=("S0LEADS",)))
    request = make.request(*make.pending())
    target = [("host1", AUDITUSER)]

    assert await rights(policy, Directory({"S0LEADS": frozenset({APPROVER})})).to_approve(APPROVER, request, target)
    with pytest.raises(Refused):
        await rights(policy, Directory({"S0LEADS": frozenset({OTHER})})).to_approve(APPROVER, request, target)


async def test_a_yes_to_a_question_may_rest_on_what_was_just_read() -> None:
    """Many ask at the same time: Slack's few group reads a minute are shared for ten seconds, and then read anew."""
    clock, directory = FakeSeconds(), Counting(TEAM)
    asked = Rights(make.team_policy(), directory, clock)
    for _ in range(5):
        await asked.to_ask(ASKER, make.kick())
        await asked.to_plan(ASKER, make.kick(), [("host1", AUDITUSER)])
    assert sorted(directory.read) == ["S0LEADS", "S0SRE"]
    clock.now += 11
    await asked.to_ask(ASKER, make.kick())
    assert sorted(directory.read) == ["S0LEADS", "S0LEADS", "S0SRE", "S0SRE"]


async def test_a_no_is_remembered_for_a_few_seconds_only() -> None:
    """Who was just added to the group may ask; who is refused again and again uses up no group reads."""
    clock, directory = FakeSeconds(), Counting({**TEAM, "S0SRE": frozenset({OWNER})})
    asked = Rights(make.team_policy(), directory, clock)
    for _ in range(30):
        with pytest.raises(Refused):
            await asked.to_ask(ASKER, make.kick())
    assert len(directory.read) <= 2
    directory._groups = TEAM
    clock.now += 6
    assert await asked.to_ask(ASKER, make.kick())


async def test_a_decision_is_never_from_memory() -> None:
    """Who was taken out of the group a second ago approves nothing."""
    groups = dict(TEAM)
    asked = Rights(make.team_policy(), Directory(groups), FakeSeconds())
    await asked.to_ask(ASKER, make.kick())
    groups["S0LEADS"] -= {APPROVER}
    with pytest.raises(Refused):
        await asked.to_approve(APPROVER, make.request(*make.pending()), [("host1", AUDITUSER)])


async def test_home() -> None:
    """A request lives in its rule's channel; without a rule, where it was asked or with the incidents."""
    policy = make.policy(make.rule(channel="C0PROD"))
    rules = (await rights(policy).to_ask(ASKER, make.kick())).rules

    assert home(policy, rules, make.channel("C0RANDOM")) == "C0PROD"
    assert home(policy, (), make.channel("C0RANDOM")) == INCIDENT


def test_aims() -> None:
    """A plan's hosts and accounts are named once each."""
    look = make.snapshot(make.session("7"), make.session("8"))

    assert aims(make.plan(look)) == [("host1", AUDITUSER)]
