"""Whatever people type and click, and whatever changes meanwhile: no session ends without enough other people's word.

Random rules, people and stories against the workflow on a real trail; what may happen is judged by `judge.py`, which
was written apart from the policy. KICKBOT_STORIES says how many stories; `make chaos` plays 20,000.
"""

import os
import random
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.audit.sqlite import SqliteTrail
from bot.errors import ActingFrozen, KickbotError, NotNow
from bot.events import ReviewOpened
from bot.models import Kick, Step
from bot.policy import Policy
from bot.request import Request
from bot.states import State
from tests import codes, judge, make
from tests.fakes import FakeClock
from tests.stage import Stage

PARTS = 4
STORIES = int(os.environ.get("KICKBOT_STORIES", "200"))
PEOPLE = ("U0ALICE", "U0BOB", "U0CAROL", "U0DAVE")
GROUPS = ("S0SRE", "S0LEADS")
HOSTS = ("host1", "host2")
MEANWHILE = ("wait", "join", "leave", "hide", "tell", "stranger", "rules", "login")
ENROLLED = ("U0ALICE", "U0CAROL", "U0DAVE")
"""Who has a second factor."""
ACTS = frozenset({"kick", "force", "processes", "everyone"})
ACCOUNTS = {"audituser": 1001, "alice": 1002, "postgres": 101, "root": 0, "breakglass": 1003}


class Killed(BaseException):
    """The process is gone."""


@dataclass(frozen=True)
class Move:
    """One thing that someone does, or that happens. which: of the requests until now, from the newest."""

    kind: str
    who: str = ""
    which: int = 0
    what: Any = None


class Author:
    """Makes up worlds and stories; the same number always tells the same one."""

    def __init__(self, number: int) -> None:
        self.random = random.Random(number)

    def world(self) -> judge.World:
        return judge.World(
            laws=self.laws(),
            groups={group: frozenset(self.some(PEOPLE)) for group in GROUPS},
            owners={user: frozenset(self.some(PEOPLE, 1)) for user in ("audituser", "alice") if self.rarely()},
            strangers=frozenset(self.some(PEOPLE, 1)) if self.rarely() else frozenset(),
        )

    def laws(self) -> tuple[judge.Law, ...]:
        return tuple(self.law() for _ in range(self.random.randint(1, 3)))

    def law(self) -> judge.Law:
        proof = self.rarely()
        return judge.Law(
            hosts=frozenset(self.hosts()),
            accounts=self.one("people", "people", "any", frozenset({"audituser"}), frozenset({"alice", "root"})),
            acts=self.one(ACTS, ACTS, frozenset({"kick"}), frozenset({"everyone", "force"})),
            ask=self.listed(),
            approve=self.listed(),
            approvals=self.one(1, 1, 1, 2, 3),
            max_sessions=self.random.randint(1, 3),
            emergency=not self.rarely() and not proof,
            second_factor=proof,
        )

    def story(self) -> list[Move]:
        return [move for _ in range(self.random.randint(2, 6)) for move in self.scene()]

    def scene(self) -> list[Move]:
        """What people often do, with something that happens meanwhile; or only something that happens."""
        if self.rarely():
            return [self.move()]
        meanwhile = [self.move() for _ in range(self.random.randint(0, 2))]
        asked = self.ask()
        word = "review" if asked.what.emergency else "approve"
        words = [Move(word, self.person(), what=self.code()) for _ in range(self.random.randint(1, 4))]
        return [asked, *meanwhile, *words, Move("wait", what=310)]

    def move(self) -> Move:
        which, rest = self.random.randint(0, 2), ("restart", "die", "lose", "withstand")
        kind = self.one(
            "ask", "approve", "deny", "cancel", "again", "review", "freeze", "unfreeze", "unfreeze", *MEANWHILE, *rest
        )
        what = {
            "wait": self.one(5, 310, 310, 1000),
            "rules": self.laws(),
            "login": (self.one(*HOSTS), self.one(*ACCOUNTS)),
            "approve": self.code(),
        }
        return self.ask() if kind == "ask" else Move(kind, self.person(), which, what.get(kind, self.one(*GROUPS)))

    def ask(self) -> Move:
        user = self.one(*["audituser", "alice", "everyone"] * 4, "postgres", "root", "breakglass")
        said = {"force": self.rarely(), "processes": self.rarely() and user != "everyone", "me": not self.rarely()}
        said |= {"emergency": self.one(True, False), "reason": "" if self.rarely() else "INC-42"}
        return Move("ask", self.person(), what=make.kick(*self.hosts(), user=user, warn=self.one(0, 0, 300), **said))

    def code(self) -> str:
        """What is typed into the form, if one is asked for."""
        return str(self.one(*["own"] * 6, "none", "another's", "old"))

    def hosts(self) -> tuple[str, ...]:
        return tuple(self.one(["host1"], ["host2"], HOSTS, HOSTS))

    def listed(self) -> tuple[str, ...]:
        return tuple(self.one(PEOPLE, PEOPLE, GROUPS, self.some((*PEOPLE, *GROUPS))))

    def person(self) -> str:
        return str(self.one(*PEOPLE))

    def some(self, of: Sequence[str], most: int = 3) -> list[str]:
        return self.random.sample(of, self.random.randint(0, most))

    def one(self, *of: Any) -> Any:
        return self.random.choice(of)

    def rarely(self) -> bool:
        return self.random.random() < 0.2


def policy_of(world: judge.World) -> Policy:
    """The same world for the bot."""
    rules = [
        make.rule(**{name: getattr(law, name) for name in law.__dataclass_fields__}, expires=judge.PATIENCE)
        for law in world.laws
    ]
    return make.policy(*rules, owners=dict(world.owners), protected=judge.PROTECTED)


class Theatre:
    """The workflow on its stage, and a judge who watches the hosts."""

    def __init__(self, trail: SqliteTrail, clock: FakeClock, world: judge.World) -> None:
        self.clock = clock
        self.stage = Stage(trail, clock, policy_of(world))
        self.stage.authenticators = codes.enrolled(trail.database.path.with_name("codes.toml"), *ENROLLED)
        self.stage.restart()
        self.told = world
        self.hidden: set[str] = set()
        self.asked: list[tuple[Request, judge.Asked]] = []
        self.freeze = judge.Freeze()
        self.logins: dict[str, tuple[str, str]] = {}
        self.ended = 0
        self.ended_alone = 0
        self.ended_proved = 0
        self.words: dict[int, list[tuple[str, judge.World]]] = {}
        self.reviewed = 0
        self.dies = False
        self.stage.hosts.before_act = self._before_act
        self.set(world)
        for host in HOSTS:
            for user in ("audituser", "audituser", "alice", "alice", "breakglass"):
                self.login(host, user)

    @property
    def world(self) -> judge.World:
        seen = self.told
        for group in self.hidden:
            seen = judge.without(seen, group)
        return seen

    def set(self, world: judge.World) -> None:
        self.told = world
        self.stage.people.groups = {group: set(members) for group, members in world.groups.items()}
        self.stage.people.odd = {who: make.person(who, guest=True) for who in world.strangers}

    def login(self, host: str, user: str) -> None:
        made = self.stage.hosts[host].login(f"{len(self.logins) + 1}", user, ACCOUNTS[user])
        self.logins[made.identity] = (host, user)

    def _before_act(self, _step: Step) -> None:
        if self.dies:
            self.dies = False
            raise Killed

    async def play(self, move: Move) -> None:
        """One move, and then everything that is due."""
        with suppress(KickbotError):
            await getattr(self, f"_{move.kind}")(move)
        for request, asked in self.asked:
            await self.drive(request, asked)

    async def drive(self, request: Request, asked: judge.Asked) -> None:
        """As far as it goes, by processes that may die; the judge looks at what is gone afterwards."""
        before = {host: len(self.stage.hosts[host].ended) for host in HOSTS}
        for _ in range(3):
            begun = self.clock.now
            try:
                driven = await self.stage.workflow.drive(request.id)
                asked.sessions = len(driven.plan.sessions) if driven.plan else 0
                break
            except Killed:
                self.stage.restart()
            except (ActingFrozen, NotNow, KickbotError):
                break
        for host, gone in before.items():
            for identity in self.stage.hosts[host].ended[gone:]:
                self.ended += 1
                self.ended_alone += asked.alone
                there, user = self.logins[identity]
                laws = self.world.deciding(host, user, ACCOUNTS[user], asked.acts) or []
                self.ended_proved += any(law.second_factor for law in laws)
                assert there == host
                assert identity in asked.there, f"{user} on {host} came after the plan"
                assert not self.freeze.on, "all acting is frozen"
                assert not (why := asked.why_not(self.world, begun, host, user, ACCOUNTS[user])), (why, host, user)

    def _chosen(self, which: int) -> tuple[Request, judge.Asked]:
        if not self.asked:
            raise NotNow("nothing was asked yet", 1)
        return self.asked[max(len(self.asked) - 1 - which, 0)]

    async def _current(self, which: int) -> tuple[Request, judge.Asked]:
        request, asked = self._chosen(which)
        return await self.stage.request(request.id), asked

    def _remember(self, request: Request, kick: Kick, who: str) -> None:
        there = frozenset(s.identity for host in HOSTS for s in self.stage.hosts[host].sessions.values())
        acts = frozenset(str(act) for act in kick.acts)
        alone = kick.emergency and bool(kick.reason)
        self.asked.append((request, judge.Asked(who, acts, kick.warn, self.clock.now, there, alone)))

    async def _ask(self, move: Move) -> None:
        self._remember(await self.stage.ask_only(move.what, move.who), move.what, move.who)

    async def _again(self, move: Move) -> None:
        closed, _ = await self._current(move.which)
        asked = await self.stage.workflow.again(self.stage.origin(move.who), closed.id, closed.plan_hash, force=True)
        assert isinstance(asked.command, Kick)
        self._remember(asked, asked.command, move.who)

    async def _approve(self, move: Move) -> None:
        request, asked = await self._current(move.which)
        shown, now = codes.code(move.who, self.clock.now), self.clock.now
        another = next(who for who in PEOPLE if who != move.who)
        given = {
            "none": "",
            "another's": codes.code(another, now),
            "old": codes.code(move.who, now - timedelta(hours=1)),
        }
        code = given.get(move.what, shown)
        asked.clicks.append((move.who, now, self.world, code == shown and move.who in ENROLLED))
        await self.stage.workflow.approve(self.stage.origin(move.who), request.id, request.plan_hash, code)

    async def _deny(self, move: Move) -> None:
        request, asked = await self._current(move.which)
        await self.stage.workflow.deny(self.stage.origin(move.who), request.id, request.plan_hash)
        asked.over = True

    async def _cancel(self, move: Move) -> None:
        request, asked = await self._current(move.which)
        await self.stage.workflow.cancel(self.stage.origin(move.who), request.id, request.plan_hash)
        asked.over = True

    async def _review(self, move: Move) -> None:
        """Of the newest reviews one; the judge looks whether it may be over."""
        found = [r for r in await self.reviews() if r.state is State.REVIEW] or await self.reviews()
        if not found:
            raise NotNow("nothing is to be reviewed", 1)
        review = found[max(len(found) - 1 - move.which, 0)]
        assert review.review is not None
        words = self.words.setdefault(review.id, [])
        words.append((move.who, self.world))
        over = await self.stage.workflow.review(self.stage.origin(move.who), review.id, fine=True, comment="seen")
        if over.state is State.REVIEWED:
            self.reviewed += 1
            request, asked = next((r, a) for r, a in self.asked if r.id == review.review.of)
            plan = (await self.stage.request(request.id)).plan
            assert plan is not None
            aims = [(t.host, t.account.name, t.account.uid) for t in plan.targets]
            assert asked.is_reviewed(words, self.world, aims), "reviewed by too few"

    async def reviews(self) -> list[Request]:
        begun = await self.stage.trail.requests(limit=100)
        numbers = sorted(r[0].request for r in begun if isinstance(r[0].event, ReviewOpened))
        return [await self.stage.request(number) for number in numbers]

    async def closing(self) -> None:
        """Whoever acted alone has exactly one review, once it is over; nobody else has one."""
        opened = [review.review.of for review in await self.reviews() if review.review]
        assert len(set(opened)) == len(opened), "two reviews of one emergency"
        for request, asked in self.asked:
            now = await self.stage.request(request.id)
            assert asked.alone or request.id not in opened
            assert not (now.permitted and now.state.final) or request.id in opened, "an emergency without a review"

    async def _freeze(self, move: Move) -> None:
        await self.stage.workflow.freeze(self.stage.origin(move.who), "wrong rule")
        assert self.world.approves_something(move.who)
        self.freeze.begin()

    async def _unfreeze(self, move: Move) -> None:
        self.freeze.release(move.who, self.world, self.clock.now)
        await self.stage.workflow.unfreeze(self.stage.origin(move.who))

    async def _wait(self, move: Move) -> None:
        self.clock.now += timedelta(seconds=move.what)

    async def _join(self, move: Move) -> None:
        members = {**self.told.groups, move.what: self.told.groups[move.what] | {move.who}}
        self.set(replace(self.told, groups=members))

    async def _leave(self, move: Move) -> None:
        members = {**self.told.groups, move.what: self.told.groups[move.what] - {move.who}}
        self.set(replace(self.told, groups=members))

    async def _hide(self, move: Move) -> None:
        self.hidden.add(move.what)
        self.stage.people.unknown.add(move.what)

    async def _tell(self, move: Move) -> None:
        self.hidden.discard(move.what)
        self.stage.people.unknown.discard(move.what)

    async def _stranger(self, move: Move) -> None:
        self.set(replace(self.told, strangers=self.told.strangers ^ {move.who}))

    async def _rules(self, move: Move) -> None:
        self.set(replace(self.told, laws=move.what))
        self.stage.policy = policy_of(self.told)
        self.stage.restart()

    async def _login(self, move: Move) -> None:
        self.login(*move.what)

    async def _restart(self, _move: Move) -> None:
        self.stage.restart()

    async def _die(self, _move: Move) -> None:
        self.dies = True

    async def _lose(self, _move: Move) -> None:
        for host in HOSTS:
            self.stage.hosts[host].answers_get_lost ^= True

    async def _withstand(self, _move: Move) -> None:
        for host in HOSTS:
            self.stage.hosts[host].stubborn |= set(self.stage.hosts[host].sessions)
            self.stage.hosts[host].ended_by = {"force", "kill"}


async def played(world: judge.World, moves: list[Move]) -> Theatre:
    with tempfile.TemporaryDirectory() as folder:
        clock = FakeClock()
        async with SqliteTrail.open(Path(folder) / "kickbot.db", clock) as trail:
            theatre = Theatre(trail, clock, world)
            for move in moves:
                await theatre.play(move)
            await theatre.closing()
            return theatre


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_story_ends_a_session_without_enough_other_people(part: int) -> None:
    """Whatever is typed, clicked and changed, restarted and lost: the judge finds nothing gone that had to stay."""
    ended = alone = 0
    for number in range(part, STORIES, PARTS):
        author = Author(number)
        world, story = author.world(), author.story()
        try:
            theatre = await played(world, story)
        except AssertionError as found:
            raise AssertionError(f"story {number}: {found}\n{world}\n{story}") from found
        ended += theatre.ended
        alone += theatre.ended_alone

    assert ended > STORIES / PARTS / 10
    assert alone > STORIES / PARTS / 50


GENEROUS = judge.Law(
    hosts=frozenset(HOSTS),
    accounts="people",
    acts=frozenset({"kick", "everyone"}),
    ask=PEOPLE,
    approve=PEOPLE,
    approvals=1,
    max_sessions=1,
)
PLAIN = judge.World(laws=(GENEROUS,), groups={group: frozenset() for group in GROUPS}, owners={})


async def test_what_enough_people_said_ends() -> None:
    """The judge has something to judge: one other person for a kick, one more for everyone above the limit."""
    moves = [
        Move("ask", "U0ALICE", what=make.kick("host1")),
        Move("approve", "U0CAROL"),
        Move("ask", "U0ALICE", what=make.kick("host2", user="everyone", me=True)),
        Move("approve", "U0CAROL"),
        Move("approve", "U0DAVE"),
    ]

    ended = [(await played(PLAIN, moves[:so_far])).ended for so_far in range(1, len(moves) + 1)]

    assert ended == [0, 2, 2, 2, 6]


async def test_in_an_emergency_one_person_is_enough() -> None:
    """Where the rule says so; and two others, each once, end its review."""
    moves = [
        Move("ask", "U0ALICE", what=make.kick("host1", emergency=True, reason="INC-42")),
        *(Move("review", who) for who in ("U0ALICE", "U0BOB", "U0BOB", "U0CAROL")),
    ]
    lets = replace(PLAIN, laws=(replace(GENEROUS, emergency=True),))
    told = [await played(lets, moves[:so_far]) for so_far in range(1, len(moves) + 1)]

    assert [(theatre.ended_alone, theatre.reviewed) for theatre in told] == [(2, 0), (2, 0), (2, 0), (2, 0), (2, 1)]
    assert (await played(PLAIN, moves)).ended == 0


async def test_the_judge_objects_to_emergencies() -> None:
    """A workflow that asked no rule, one that went above a limit, and one review of the asker's own."""
    begun = FakeClock().now
    asked = judge.Asked("U0ALICE", frozenset({"kick", "everyone"}), 0, begun, frozenset(), alone=True)
    lets = replace(PLAIN, laws=(replace(GENEROUS, emergency=True),))

    assert asked.why_not(lets, begun, "host1", "audituser", 1001) == ""
    assert "not every rule" in asked.why_not(PLAIN, begun, "host1", "audituser", 1001)
    asked.sessions = 2
    assert "more sessions" in asked.why_not(lets, begun, "host1", "audituser", 1001)
    aims = [("host1", "audituser", 1001)]
    assert not asked.is_reviewed([("U0ALICE", lets), ("U0BOB", lets)], lets, aims)
    assert not asked.is_reviewed([("U0BOB", lets), ("U0BOB", lets)], lets, aims)
    assert asked.is_reviewed([("U0BOB", lets), ("U0CAROL", lets)], lets, aims)


async def test_the_judge_objects() -> None:
    """A workflow that let the asker approve would be found out."""
    asked = judge.Asked("U0ALICE", frozenset({"kick"}), 0, FakeClock().now, frozenset())
    asked.clicks.append(("U0ALICE", FakeClock().now, PLAIN, True))

    assert asked.why_not(PLAIN, FakeClock().now, "host1", "audituser", 1001) == "0 of 1 approvals"


async def test_the_judge_objects_to_approvals_without_a_code() -> None:
    """A workflow that took a click for an approval would be found out, and so would one that let anybody act alone."""
    asks = replace(PLAIN, laws=(replace(GENEROUS, second_factor=True, emergency=True),))
    asked = judge.Asked("U0ALICE", frozenset({"kick"}), 0, FakeClock().now, frozenset())
    asked.clicks.append(("U0CAROL", FakeClock().now, asks, False))

    assert asked.why_not(asks, FakeClock().now, "host1", "audituser", 1001) == "0 of 1 approvals"
    asked.clicks.append(("U0CAROL", FakeClock().now, asks, True))
    assert asked.why_not(asks, FakeClock().now, "host1", "audituser", 1001) == ""
    asked.alone = True
    assert "not every rule" in asked.why_not(asks, FakeClock().now, "host1", "audituser", 1001)


async def test_only_codes_end_what_a_rule_asks_them_for() -> None:
    """And with one something ends, so that the judge has something to judge."""
    asks = replace(PLAIN, laws=(replace(GENEROUS, second_factor=True),))
    ask = Move("ask", "U0ALICE", what=make.kick("host1"))
    words = [
        *(Move("approve", "U0CAROL", what=kind) for kind in ("none", "another's", "old")),
        Move("approve", "U0BOB"),  # who has no second factor
    ]
    told = [await played(asks, [ask, *words, *more]) for more in ((), (Move("approve", "U0CAROL"),))]

    assert [theatre.ended_proved for theatre in told] == [0, 2]
