"""Where a rule asks for a second factor nobody's yes counts without a code of their own: the ways around it first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot import second_factors
from bot.audit.sqlite import SqliteTrail
from bot.authenticators import STEP, SecretFile
from bot.errors import Conflict, Refused, SecretsUnusable, WrongCode
from bot.events import Approved, DecisionRefused, Event, Record
from bot.ledger import USED
from bot.models import Act, Unhold
from bot.policy import Policy
from bot.request import Request
from bot.second_factors import MOST_WRONG, NEEDED, NOT_A_CODE, WRONG
from bot.sentences import proved
from bot.states import State
from tests import make
from tests.codes import code, enrolled, wrong
from tests.fakes import START, FakeClock
from tests.make import APPROVER, ASKER, OTHER
from tests.stage import KICK, POLICY, Stage, allowing

ALL_ACTS = (Act.FORCE, Act.HOLD, Act.UNHOLD, Act.EVERYONE)


def demanding(policy: Policy = POLICY, **changes: object) -> Policy:
    """The same, whose rules ask for a code, and let U0DAVE approve too."""
    rules = (
        r.model_copy(update={"second_factor": True, "approve": (*r.approve, OTHER), **changes}) for r in policy.rules
    )
    return policy.model_copy(update={"rules": tuple(rules)})


class Coded(Stage):
    """A stage where Carol and Dave have a second factor, in a file. To each yes a code can be given."""

    def __init__(self, trail: SqliteTrail, clock: FakeClock, policy: Policy, file: SecretFile) -> None:
        self.authenticators = self.file = file
        super().__init__(trail, clock, policy)

    async def yes(self, request: Request, code: str = "", who: str = APPROVER) -> Request:
        return await self.workflow.approve(self.origin(who), request.id, request.plan_hash, code)

    async def refused(self, request: Request, code: str = "", who: str = APPROVER) -> str:
        """Why that yes doesn't count, and it doesn't."""
        with pytest.raises(Refused) as refusal:
            await self.yes(request, code, who)
        assert (await self.request(request.id)).decisions == request.decisions
        assert code == "" or code not in str(refusal.value)
        return str(refusal.value)

    async def held(self) -> Request:
        """The hold that is in force."""
        found = [await self.request(number) for number in await self.trail.open_requests()]
        return next(request for request in found if request.state is State.HELD)

    async def newest(self, request: Request) -> Event:
        return (await self.trail.read(request.id))[-1].event

    def code(self, who: str = APPROVER, steps: int = 0) -> str:
        """What that person's authenticator shows; steps: so many later."""
        return code(who, self.clock.now + timedelta(seconds=steps * STEP))

    def wrong(self, who: str = APPROVER) -> str:
        return wrong(who, self.clock.now)


@pytest.fixture
async def trail(tmp_path: Path, clock: FakeClock) -> AsyncIterator[SqliteTrail]:
    async with SqliteTrail.open(tmp_path / "kickbot.db", clock) as trail:
        yield trail


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def stage(trail: SqliteTrail, clock: FakeClock, tmp_path: Path) -> Coded:
    stage = Coded(trail, clock, demanding(allowing(*ALL_ACTS)), enrolled(tmp_path / "codes.toml", APPROVER, OTHER))
    stage.hosts["host1"].login("7")
    return stage


# ------------------------------------------------------------------------------------------------ around it


async def test_a_plain_click_counts_for_nothing(stage: Coded) -> None:
    """As an old message's button or a repeated payload brings it."""
    request = await stage.ask(KICK)

    assert await stage.refused(request) == NEEDED
    assert isinstance(await stage.newest(request), DecisionRefused)
    assert (await stage.workflow.drive(request.id)).state is State.PENDING
    assert not stage.hosts.acts


OTHER_DIGITS = ["".join(map(chr, range(first + 1, first + 7))) for first in (0x660, 0xFF10)]


@pytest.mark.parametrize(
    "text", ["12345", "1234567", "abcdef", *OTHER_DIGITS, "12345\n", "+12345", "1_2345", "9" * 10**5]
)
async def test_what_is_no_code_is_no_guess(stage: Coded, text: str) -> None:
    """Letters, other scripts' digits, too few, too many: refused before any secret is looked at."""
    request = await stage.ask(KICK)

    assert await stage.refused(request, text) == NOT_A_CODE
    assert (await stage.kinds(request.id))[-1] == "decision_refused"


async def test_codes_of_others_and_of_other_times_are_wrong(stage: Coded) -> None:
    """Dave's code in Carol's name, and Carol's own of a minute ago, and of a minute to come."""
    request = await stage.ask(KICK)

    for text in (stage.code(OTHER), stage.code(steps=-2), stage.code(steps=2)):
        assert await stage.refused(request, text) == WRONG
    assert (await stage.kinds(request.id))[-3:] == ["wrong_code"] * 3


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_right_code_counts_within_one_step(stage: Coded, steps: int) -> None:
    """And the trail says which step it was, and never the code."""
    request = await stage.ask(KICK)
    text = stage.code(steps=steps)

    done = await stage.wait(await stage.yes(request, text))

    approved = next(r.event for r in await stage.trail.read(request.id) if isinstance(r.event, Approved))
    assert approved.second_factor == int(START.timestamp()) // STEP + steps
    assert done.state is State.CLOSED
    assert stage.hosts["host1"].ended
    assert not any(f'"{text}"' in r.model_dump_json() for r in await stage.trail.read(request.id))


async def test_the_trail_says_which_authenticator_it_was(stage: Coded, tmp_path: Path) -> None:
    """So that someone who was enrolled anew, by whomever, is seen years later."""
    request = await stage.ask(KICK)
    await stage.yes(request, stage.code())
    file = SecretFile(tmp_path / "codes.toml")
    approved = next(r.event for r in await stage.trail.read(request.id) if isinstance(r.event, Approved))
    assert approved.authenticator == file.enrolled()[APPROVER]
    assert f"with a second factor ({approved.authenticator})" in proved(approved)

    file.enrol(APPROVER, replace=True)

    assert approved.authenticator != file.enrolled()[APPROVER]


async def test_a_code_counts_once_and_no_earlier_one_after_it(stage: Coded) -> None:
    """On another request, after a restart, however the clock was set; a later code does."""
    first, second = await stage.ask(KICK), await stage.ask(make.kick(reason="INC-43"))
    now, before, after = stage.code(), stage.code(steps=-1), stage.code(steps=1)
    await stage.yes(first, now)

    assert [await stage.refused(second, text) for text in (now, before)] == [USED, USED]
    stage.restart()
    assert [await stage.refused(second, text) for text in (now, before)] == [USED, USED]
    stage.clock.now -= timedelta(seconds=STEP)
    assert await stage.refused(second, now) == USED
    stage.clock.now += timedelta(seconds=STEP)
    assert (await stage.yes(second, after)).state is State.APPROVED


async def nothing(*_: object) -> Sequence[Record]:
    return ()


async def test_the_trail_itself_takes_a_code_once(stage: Coded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another replica that read it before the code was used, and writes afterwards, is refused there."""
    first, second = await stage.ask(KICK), await stage.ask(make.kick(reason="INC-43"))
    await stage.yes(first, stage.code())
    monkeypatch.setattr(stage.trail, "by", nothing)

    assert await stage.refused(second, stage.code()) == USED
    assert isinstance(await stage.newest(second), DecisionRefused)


async def test_an_approval_from_before_the_rule_asked_for_it_does_not_end_anything(stage: Coded) -> None:
    """Right before the act rights are judged by the rules as they are."""
    stage.policy, asks = allowing(*ALL_ACTS), stage.policy
    stage.restart()
    request = await stage.ask(KICK)
    await stage.yes(request)
    stage.policy = asks
    stage.restart()

    lapsed = await stage.wait(request)

    assert lapsed.state is State.LAPSED
    assert "without the code" in lapsed.reason
    assert not stage.hosts.acts


async def test_a_request_from_before_the_rule_asked_for_it_needs_one(stage: Coded) -> None:
    """And one that was planned under such a rule keeps needing it, should the rule be gone."""
    asks, before = stage.policy, allowing(*ALL_ACTS)
    stage.policy = before
    stage.restart()
    old = await stage.ask(KICK)
    stage.policy = asks
    stage.restart()
    assert await stage.refused(old) == NEEDED
    request = await stage.ask(KICK)
    stage.policy = before
    stage.restart()

    assert await stage.refused(request) == NEEDED


async def test_the_trail_takes_no_approval_without_it(stage: Coded) -> None:
    """Whatever a later release forgets to ask: the replay itself has no place for it."""
    request = await stage.ask(KICK)

    with pytest.raises(Conflict):
        await stage.workflow._ledger.record(request, make.approved(request.plan))


async def test_one_host_that_asks_for_it_asks_for_all(stage: Coded) -> None:
    """A request on hosts of two rules: the strictest holds, also for who may approve on the other one alone."""
    asks = stage.policy.rules[0].model_copy(update={"hosts": frozenset({"host1"}), "approve": (APPROVER,)})
    rest = asks.model_copy(update={"hosts": frozenset({"host2"}), "second_factor": False, "approve": (APPROVER, OTHER)})
    stage.policy = stage.policy.model_copy(update={"rules": (rest, asks)})
    stage.restart()
    stage.hosts["host2"].login("3")
    request = await stage.ask(make.kick("host1", "host2"))
    assert request.second_factor

    assert await stage.refused(request) == NEEDED
    assert await stage.refused(request, who=OTHER) == NEEDED
    assert (await stage.yes(request, stage.code(OTHER), OTHER)).approved_on("host2") == {OTHER}


async def test_who_has_none_is_told_whom_to_ask(stage: Coded) -> None:
    """Nothing that is typed helps; and where nobody has one, nothing is even asked."""
    request = await stage.ask(KICK)
    stage.file.remove(APPROVER)

    assert "kickbot second-factor enrol U0CAROL" in await stage.refused(request, "123456")
    assert (await stage.kinds(request.id))[-1] == "decision_refused"
    stage.file.remove(OTHER)
    with pytest.raises(Refused, match="nobody has one of those who may"):
        await stage.ask(KICK)


async def test_a_file_that_others_may_read_is_nobodys(stage: Coded, tmp_path: Path) -> None:
    """From that moment on, without a restart; the answer tells no path, and the log says why."""
    request = await stage.ask(KICK)
    (tmp_path / "codes.toml").chmod(0o644)

    with pytest.raises(SecretsUnusable) as refusal:
        await stage.yes(request, stage.code())
    assert "codes.toml" not in refusal.value.for_user()
    assert (await stage.request(request.id)).state is State.PENDING


async def test_no_rule_lets_anybody_act_alone_and_ask_for_a_code(stage: Coded) -> None:
    """An emergency would be the way around it."""
    stage.policy = demanding(stage.policy, emergency=True)
    stage.restart()

    with pytest.raises(Refused, match="No rule lets anybody act alone"):
        await stage.ask(make.kick(emergency=True, reason="INC-42"))


# ------------------------------------------------------------------------------------------------ guessing


async def test_after_five_wrong_codes_the_right_one_counts_no_more(stage: Coded) -> None:
    """For an hour, on any request, after a restart; the last of them says until when."""
    request, other = await stage.ask(KICK), await stage.ask(make.kick(reason="INC-43"))
    told = [await stage.refused(request, stage.wrong()) for _ in range(MOST_WRONG)]

    assert told[:-1] == [WRONG] * (MOST_WRONG - 1)
    assert "none counts until 14:28 UTC" in told[-1]
    stage.restart()
    assert await stage.refused(other, stage.code()) == told[-1]
    assert (await stage.yes(other, stage.code(OTHER), OTHER)).state is State.APPROVED  # it is about one person
    assert (await stage.kinds(request.id)).count("wrong_code") == MOST_WRONG


async def test_an_hour_later_codes_count_again(stage: Coded) -> None:
    """But for one guess more, as long as the others are within an hour."""
    request = await stage.ask(KICK)
    await stage.refused(request, stage.wrong())
    stage.clock.now += timedelta(minutes=10)
    for _ in range(MOST_WRONG - 1):
        await stage.refused(request, stage.wrong())
    stage.clock.now += timedelta(minutes=50, seconds=1)
    later = await stage.ask(KICK)

    assert "none counts until" in await stage.refused(later, stage.wrong())
    stage.clock.now += timedelta(hours=1)
    last = await stage.ask(KICK)
    assert (await stage.yes(last, stage.code())).state is State.APPROVED


async def test_many_at_once_are_no_more_guesses(stage: Coded) -> None:
    """A hundred forms sent in the same moment."""
    request = await stage.ask(KICK)
    text = stage.wrong()

    told = await asyncio.gather(*(stage.yes(request, text) for _ in range(100)), return_exceptions=True)

    assert sum(isinstance(one, WrongCode) for one in told) == MOST_WRONG
    assert (await stage.kinds(request.id)).count("wrong_code") == MOST_WRONG


async def test_who_may_not_approve_makes_no_guess(stage: Coded) -> None:
    """A stranger's try is refused before the code is looked at, and counts for nobody."""
    request = await stage.ask(KICK)

    await stage.refused(request, stage.wrong(), ASKER)
    await stage.refused(request, stage.wrong(), "U0EVE")
    assert "wrong_code" not in await stage.kinds(request.id)


# ------------------------------------------------------------------------------------------------ other words


async def test_no_says_nobody_needs_a_code(stage: Coded) -> None:
    """Deny, cancel and freeze work as ever, and so does a stop after the approval."""
    denied, cancelled, stopped = [await stage.ask(make.kick(reason=f"INC-{n}", warn=60 * n)) for n in range(3)]
    workflow, carol, dave = stage.workflow, stage.origin(APPROVER), stage.origin(OTHER)

    assert (await workflow.deny(carol, denied.id, denied.plan_hash)).state is State.DENIED
    assert (await workflow.cancel(stage.origin(ASKER), cancelled.id, cancelled.plan_hash)).state is State.CANCELLED
    await stage.yes(stopped, stage.code())
    assert (await workflow.cancel(dave, stopped.id, stopped.plan_hash)).state is State.CANCELLED
    assert (await workflow.freeze(carol, "wrong rule")).state is State.FROZEN


async def test_giving_back_a_hold_before_its_time_needs_one(stage: Coded) -> None:
    """Of the second person; the words of `/unhold` bring none."""
    kick = await stage.ask(make.kick(hold=3600))
    await stage.wait(await stage.yes(kick, stage.code()))
    hold = await stage.held()
    stage.clock.now += timedelta(minutes=2)
    await stage.workflow.unhold_one(stage.origin(ASKER), hold.id)

    assert await stage.workflow.asks_for_a_code(OTHER, hold.id)
    assert not await stage.workflow.asks_for_a_code(ASKER, hold.id)
    with pytest.raises(Refused, match="none came"):
        await stage.workflow.unhold_one(stage.origin(OTHER), hold.id)
    with pytest.raises(Refused, match="none came"):
        await stage.workflow.unhold(stage.origin(OTHER), Unhold(user="audituser", hosts=("host1",)))
    given = await stage.workflow.unhold_one(stage.origin(OTHER), hold.id, stage.code(OTHER))
    assert (given.unheld, given.decisions[0].second_factor) == (True, True)


async def test_a_word_to_give_back_from_before_the_rule_asked_for_it_is_none(stage: Coded) -> None:
    """Two approvals are needed; the first was given under another rule."""
    kick = await stage.ask(make.kick(hold=3600))
    await stage.wait(await stage.yes(kick, stage.code()))
    hold = await stage.held()
    stage.clock.now += timedelta(minutes=2)
    asks = demanding(stage.policy, approvals=2)
    stage.policy = demanding(asks, second_factor=False)
    stage.restart()
    await stage.workflow.unhold_one(stage.origin(ASKER), hold.id)
    await stage.workflow.unhold_one(stage.origin(APPROVER), hold.id)
    stage.policy = asks
    stage.restart()

    given = await stage.workflow.unhold_one(stage.origin(OTHER), hold.id, stage.code(OTHER))

    assert not given.unheld


async def test_what_is_kept_is_dropped_only_with_one(stage: Coded) -> None:
    """No rule speaks about it, so the strictest of all does."""
    year = 365 * 86_400
    stage.policy = stage.policy.model_copy(update={"keep": year})
    stage.restart()
    await stage.wait(await stage.yes(await stage.ask(KICK), stage.code()))
    stage.clock.now += timedelta(seconds=year + 60)
    asked = await stage.workflow.retention(stage.origin(OTHER))

    assert await stage.workflow.asks_for_a_code(APPROVER, asked.id)
    with pytest.raises(Refused, match="none came"):
        await stage.workflow.let_drop(stage.origin(APPROVER), asked.id)
    agreed = await stage.workflow.let_drop(stage.origin(APPROVER), asked.id, stage.code())
    assert (agreed.state, agreed.decisions[0].second_factor) == (State.DROPPING, True)


async def test_a_code_that_nobody_asked_for_is_not_looked_at(stage: Coded) -> None:
    """Nor recorded: under other rules an approval is as it was."""
    stage.policy = allowing(*ALL_ACTS)
    stage.restart()
    request = await stage.ask(KICK)

    approved = await stage.yes(request, stage.code())

    assert approved.decisions[0].second_factor is False
    assert not await stage.workflow.asks_for_a_code(APPROVER, request.id)


async def test_what_people_read_has_no_code_in_it() -> None:
    """The texts name no code, and none of them has a place for one."""
    texts = [text for name, text in vars(second_factors).items() if name.isupper() and isinstance(text, str)]

    assert len(texts) > 4
    assert not any("{code}" in text for text in texts)
