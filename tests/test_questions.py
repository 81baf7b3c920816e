"""What people may know about requests: what waits for them, what runs, what was; and what stays unseen."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.errors import LookupFailed, Refused
from bot.events import Record
from bot.models import Act, Person
from bot.policy import Policy
from bot.questions import FOUND, LATEST, Found, Page, Questions
from bot.rights import SHOWN, Rights
from bot.standing import SYSTEM, Allowed, Standing, standings
from bot.states import State
from tests import make
from tests.fakes import FakePeople, FakeSeconds
from tests.lives import PATIENCE
from tests.make import APPROVER, ASKER, OTHER, OWNER
from tests.scene import until
from tests.stage import KICK, POLICY, Stage, allowing

GUEST = "U0GUS"


def questions(stage: Stage, policy: Policy = POLICY) -> Questions:
    return Questions(stage.trail, Rights(policy, stage.people))


def numbers(found: Found) -> list[int]:
    return [known.request.id for known in found.known]


# -- one person's page ---------------------------------------------------------------------------------


async def test_a_request_waits_for_those_who_may_approve_it(stage: Stage) -> None:
    """Carol and Bob lead; Alice asked, and Dave and Gus may nothing."""
    request = await stage.ask(KICK)
    waits = {}
    for who in ("U0CAROL", "U0BOB", "U0ALICE", OTHER, GUEST):
        waits[who] = [k.request.id for k in (await questions(stage).page(who)).waiting]
    mine, none = [request.id], list[int]()
    assert waits == {"U0CAROL": mine, "U0BOB": mine, "U0ALICE": none, OTHER: none, GUEST: none}


async def test_the_owner_is_not_asked(stage: Stage) -> None:
    """What is about Bob's own account doesn't wait for Bob."""
    stage.hosts["host1"].login("21", "bob", 1003)
    await stage.ask(make.kick(user="bob", reason="INC-42"))
    assert not (await questions(stage).page("U0BOB")).waiting
    assert (await questions(stage).page("U0CAROL")).waiting


async def test_whoever_approved_already_is_not_asked_again(stage: Stage) -> None:
    """A request that needs two people waits for the other ones."""
    rule = POLICY.rules[0].model_copy(update={"approvals": 2})
    stage.policy = POLICY.model_copy(update={"rules": (rule,)})
    stage.restart()
    request = await stage.ask(KICK)
    await stage.workflow.approve(stage.origin("U0CAROL"), request.id, request.plan_hash)
    asked = questions(stage, stage.policy)
    assert not (await asked.page("U0CAROL")).waiting
    assert (await asked.page("U0BOB")).waiting


async def test_what_nobody_can_decide_any_more_waits_for_nobody(stage: Stage) -> None:
    """From the moment on at which it is too late, even before the expiry is recorded."""
    request = await stage.ask(KICK)
    stage.clock.now = request.decide_by or stage.clock.now
    assert not (await questions(stage).page("U0CAROL")).waiting


async def test_the_asker_has_the_request_among_the_own_ones(stage: Stage) -> None:
    """And nobody else has it there."""
    await stage.ask(KICK)
    assert (await questions(stage).page("U0ALICE")).yours
    assert not (await questions(stage).page("U0CAROL")).yours


async def test_who_may_stop_what_runs(stage: Stage) -> None:
    """The asker and those who could approve; who may only look sees it without."""
    policy = POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update={"look": ("S0SRE", OTHER)}),)})
    request = await stage.ask(make.kick(reason="INC-42", warn=300))
    await stage.approve(request)
    asked = questions(stage, policy)
    for who, stops in (("U0ALICE", True), ("U0CAROL", True), ("U0BOB", True), (OTHER, False)):
        page = await asked.page(who)
        assert [k.request.state for k in page.running] == [State.WARNED]
        assert (request.id in page.stoppable) is stops


async def test_the_newest_ten_of_those_that_concern_someone(stage: Stage) -> None:
    """Newest first, and without those that stand above."""
    ids = []
    for _ in range(LATEST + 2):
        request = await stage.ask(KICK)
        await stage.workflow.deny(stage.origin("U0CAROL"), request.id, request.plan_hash)
        ids.append(request.id)
    waiting = await stage.ask(KICK)
    page = await questions(stage).page("U0CAROL")
    assert [k.request.id for k in page.latest] == ids[: -LATEST - 1 : -1]
    assert [k.request.id for k in page.waiting] == [waiting.id]


async def test_a_reading_serves_several_people(stage: Stage) -> None:
    """What the trail told is read once; everyone's page is made of it."""
    await stage.ask(KICK)
    asked = questions(stage)
    reading = await asked.read()
    request = await stage.ask(KICK)
    assert request.id not in {k.request.id for k in (await asked.page("U0CAROL", reading)).waiting}
    assert (await asked.page("U0CAROL", reading)).at == reading.at


@pytest.mark.parametrize("who", [GUEST, "U0ZOE"])
async def test_who_is_no_full_member_reads_why(stage: Stage, who: str) -> None:
    """Not even what they asked is shown to them."""
    page = await questions(stage).page(who)
    assert page.refusal
    assert page == Page(at=page.at, refusal=page.refusal)


async def test_someone_who_can_not_be_looked_up_sees_nothing(stage: Stage) -> None:
    """And it works again as soon as Slack answers."""
    asked = questions(stage)
    stage.people.unknown = {"U0CAROL"}
    with pytest.raises(LookupFailed):
        await asked.page("U0CAROL")
    stage.people.unknown = set()
    assert (await asked.page("U0CAROL")).rights


async def test_a_group_that_can_not_be_read_gives_nothing_and_is_named(stage: Stage) -> None:
    """Nothing waits for someone whom only that group names, and it is read again next time."""
    await stage.ask(KICK)
    asked = questions(stage)
    stage.people.unknown = {"S0LEADS"}
    page = await asked.page("U0CAROL")
    assert page.unread == ("S0LEADS",)
    assert not page.waiting
    stage.people.unknown = set()
    assert (await asked.page("U0CAROL")).waiting


async def test_what_is_shown_is_read_again_after_a_minute() -> None:
    """Someone who leaves a group is shown without it then; a decision reads it anew each time anyway."""
    people, seconds = FakePeople({"S0SRE": {ASKER}, "S0LEADS": set()}), FakeSeconds()
    rights = Rights(POLICY, people, seconds)
    assert (await rights.viewer(ASKER)).members["S0SRE"] == {ASKER}
    people.groups["S0SRE"] = set()
    seconds.now += SHOWN - 1
    assert (await rights.viewer(ASKER)).members["S0SRE"] == {ASKER}
    seconds.now += 1
    assert not (await rights.viewer(ASKER)).members["S0SRE"]


# -- what was ------------------------------------------------------------------------------------------


async def test_what_someone_may_not_see_does_not_exist(stage: Stage) -> None:
    """The refusal is the same for a request of others and for one that there never was."""
    request = await stage.ask(KICK)
    asked = questions(stage)
    for number in (request.id, 10**17):
        with pytest.raises(Refused, match=f"There is no request {number} that you may see."):
            await asked.one(OTHER, number)
    assert not numbers(await asked.search(OTHER))
    assert not (await asked.page(OTHER)).latest


async def test_a_refused_click_shows_nothing(stage: Stage) -> None:
    """Nobody comes to see a request by clicking on it."""
    request = await stage.ask(KICK)
    with pytest.raises(Refused):
        await stage.workflow.approve(stage.origin(OTHER), request.id, request.plan_hash)
    with pytest.raises(Refused):
        await questions(stage).one(OTHER, request.id)


async def test_one_host_of_several_that_may_not_be_looked_at_hides_the_request(stage: Stage) -> None:
    """Who may look at host1 alone doesn't learn what was asked about host1 and host2."""
    both = await stage.ask(make.kick("host1", "host2", reason="INC-42"))
    rules = (make.rule(hosts={"host1"}, look=(OTHER,)), *POLICY.rules)
    asked = questions(stage, POLICY.model_copy(update={"rules": rules}))
    one = await stage.ask(KICK)
    assert numbers(await asked.search(OTHER)) == [one.id]
    with pytest.raises(Refused):
        await asked.one(OTHER, both.id)


async def test_who_asked_or_decided_still_sees_it(stage: Stage) -> None:
    """Also after the rules have changed and the hosts are none of their business."""
    request = await stage.approve(await stage.ask(KICK))
    asked = questions(stage, make.policy())
    assert (await asked.one("U0CAROL", request.id)).request.id == request.id
    assert numbers(await asked.search("U0ALICE")) == [request.id]
    with pytest.raises(Refused):
        await asked.one("U0BOB", request.id)


async def test_searches_by_name_host_person_and_time(stage: Stage) -> None:
    """A login name, a host, who asked or decided; and only what began lately."""
    first = await stage.approve(await stage.ask(KICK))
    stage.clock.now += timedelta(days=2)
    second = await stage.ask(make.kick("host2", user="alice", reason="INC-43"), "U0BOB")
    asked = questions(stage)
    assert numbers(await asked.search("U0CAROL")) == [second.id, first.id]
    assert numbers(await asked.search("U0CAROL", about="audituser")) == [first.id]
    assert numbers(await asked.search("U0CAROL", about="host2")) == [second.id]
    assert numbers(await asked.search("U0CAROL", person="U0BOB")) == [second.id]
    assert numbers(await asked.search("U0CAROL", person="U0CAROL")) == [first.id]
    assert numbers(await asked.search("U0CAROL", since=86400)) == [second.id]


async def test_a_search_gives_the_newest_and_says_that_there_are_more(stage: Stage) -> None:
    """Twenty at most, also where many others lie between that may not be seen."""
    for number in range(FOUND + 1):
        await stage.trail.append(None, make.asked(who="U0CAROL", key=f"c{number}"))
    for number in range(FOUND + 70):
        await stage.trail.append(None, make.asked(who="U0ALICE", key=f"a{number}"))
    found = await questions(stage, make.policy(make.rule(look=()))).search("U0CAROL")
    assert len(found.known) == FOUND
    assert found.more
    assert {k.request.asker for k in found.known} == {"U0CAROL"}


async def test_a_search_says_where_it_stopped(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies behind the newest ones that it looked through may hold more."""
    monkeypatch.setattr("bot.questions.SEARCHED", 30)
    await stage.trail.append(None, make.asked(who="U0CAROL", key="old"))
    for number in range(30):
        await stage.trail.append(None, make.asked(who="U0ALICE", key=f"a{number}"))
    asked = questions(stage, make.policy(make.rule(look=())))
    assert await asked.search("U0CAROL") == Found(known=(), cut=True)
    assert not (await asked.search("U0CAROL", about="host2")).cut


async def test_a_guest_searches_nothing(stage: Stage) -> None:
    """The reason is the same as everywhere."""
    await stage.ask(KICK)
    with pytest.raises(Refused, match="A guest can't use Kickbot"):
        await questions(stage).search(GUEST)
    with pytest.raises(Refused, match="A guest can't use Kickbot"):
        await questions(stage).one(GUEST, 1)


async def test_people_are_found_by_what_they_are_called(stage: Stage) -> None:
    """Among those who asked or decided what one may see, and nobody else."""
    await stage.approve(await stage.ask(KICK))
    asked = questions(stage)
    assert await asked.called("U0BOB", "Carol") == ("U0CAROL",)
    assert await asked.called("U0BOB", "bob") == ()
    assert await asked.called(OTHER, "carol") == ()


async def test_changes_are_told_from_now_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what was recorded before."""
    await stage.ask(KICK)
    followed: list[int] = []
    follow = stage.trail.follow

    def noted(since: int) -> AsyncIterator[Record]:
        followed.append(since)
        return follow(since)

    monkeypatch.setattr(stage.trail, "follow", noted)
    changes = questions(stage).changes()
    first = asyncio.ensure_future(anext(changes))
    await until(lambda: bool(followed))
    request = await stage.ask(KICK)
    async with asyncio.timeout(PATIENCE):
        assert (await first).seq == request.id


# -- rights --------------------------------------------------------------------------------------------

MEMBERS = {"S0SRE": frozenset({ASKER, OTHER}), "S0LEADS": frozenset({APPROVER, OWNER, ASKER})}


def standing_of(policy: Policy, who: str = ASKER, **changes: bool) -> tuple[Standing, ...]:
    person: Person = make.person(who, **changes)
    return standings(policy, person, MEMBERS)


def test_hosts_with_the_same_rights_are_told_once() -> None:
    """However many rules they stand in."""
    wide = make.rule(hosts={"a", "b"}, look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",))
    same = make.rule(hosts={"c"}, look=(ASKER,), ask=(ASKER,), approve=("S0LEADS", APPROVER))
    (standing,) = standing_of(make.policy(wide, same))
    kick = Allowed(levels=(Act.KICK,), ask=True, approve=True, approvers=(OWNER, APPROVER))
    assert standing == Standing(hosts=("a", "b", "c"), look=True, allowed=(kick,))


def test_hosts_without_any_right_are_left_out() -> None:
    """Who may do nothing reads nothing about hosts."""
    assert standing_of(make.policy(), "U0EVE") == ()
    assert standing_of(make.policy(), ASKER, guest=True) == ()


def test_levels_that_others_approve_stand_apart() -> None:
    """`force` under a rule of its own, with other people."""
    force = make.rule(acts={Act.FORCE}, approve=(OTHER,))
    (standing,) = standing_of(make.policy(make.rule(approve=(APPROVER, OTHER)), force))
    assert [(a.levels, a.approvers) for a in standing.allowed] == [
        ((Act.KICK,), (APPROVER, OTHER)),
        ((Act.FORCE,), (OTHER,)),
    ]


def test_accounts_with_rules_of_their_own_are_exceptions() -> None:
    """Login names that a rule names, and the accounts of the system where a rule is for any account."""
    own = make.rule(accounts={"deploy", "ci"}, approve=(OTHER,))
    anyone = make.rule(accounts="any")
    found = standing_of(make.policy(own, make.rule(), anyone))
    assert [standing.accounts for standing in found] == [(), ("ci", "deploy")]
    (people, system) = standing_of(make.policy(make.rule(), make.rule(accounts="any", approve=(OTHER,))))
    assert (people.accounts, system.accounts) == ((), (SYSTEM,))


async def test_a_page_tells_the_rights(stage: Stage) -> None:
    """As the rules and the groups are."""
    page = await questions(stage, allowing(Act.FORCE)).page("U0ALICE")
    (standing,) = page.rights
    assert standing.hosts == ("host1", "host2")
    assert standing.allowed[0].levels == (Act.KICK, Act.FORCE)
    assert standing.allowed[0].approvers == ("U0BOB", "U0CAROL")
