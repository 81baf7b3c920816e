"""Many requests of every kind, on a workflow and a publisher as they are, while Slack and the hosts fail."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import count
from random import Random

from bot.borders import Origin, Store
from bot.errors import LookupFailed, Refused
from bot.events import FINAL
from bot.models import Act, Kick, RequestId
from bot.policy import Policy
from bot.request import Request
from bot.rights import Rights
from bot.slack.outgoing.publisher import Publisher
from bot.slack.people import SlackPeople
from bot.workflow import Workflow
from tests import make
from tests.chaos.slack_apart import SlackApart
from tests.chaos.trouble import NearSlack, TroubledHosts
from tests.chaos.virtual import LoopClock
from tests.fakes import FakeHost
from tests.make import INCIDENT

HOSTS = tuple(f"host{number}" for number in range(1, 21))
AT_ONCE = 40
"""Requests that are open at the same moment."""


def policy(channels: tuple[str, ...]) -> Policy:
    rule = make.rule(
        hosts=set(HOSTS), acts={Act.KICK, Act.FORCE}, look=("S0SRE",), ask=("S0SRE",), approve=("S0LEADS",)
    )
    return Policy(rules=(rule,), incident_channel=INCIDENT, channels=channels)


class Crowd:
    """People who ask, decide, log out and come back. kinds: how many of each kind were asked.

    stood: how the requests ended, by the event that ended them. newest: the last event.
    """

    def __init__(self, store: Store, slack: SlackApart, clock: LoopClock, channels: tuple[str, ...], seed: int) -> None:
        chance = Random(seed)
        self.hosts = {name: FakeHost(name, clock) for name in HOSTS}  # type: ignore[arg-type]
        self.troubled = TroubledHosts(self.hosts, chance)
        self.reads, self.posts = NearSlack(slack, chance, reads=True), NearSlack(slack, chance)
        rights = Rights(policy(channels), SlackPeople(self.reads, "T0SANDBOX"))
        self.workflow = Workflow(trail=store, hosts=self.troubled, rights=rights)
        self.publisher = Publisher(
            client=self.posts,
            trail=store,
            postings=store.postings(),
            incident_channel=INCIDENT,
            bot_user="U0KICKBOT",
            clock=clock.seconds,
        )
        self.kinds, self.stood = Counter[str](), Counter[str]()
        self.newest = 0
        self._store, self._channels, self._keys = store, channels, count()
        self._kinds: dict[RequestId, list[str]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def follow(self) -> None:
        """What the trail says, for those who wait for it. Never ends."""
        async for record in self._store.follow(0):
            async with self._news:
                self.newest = record.seq
                self._kinds[record.request].append(record.event.kind)
                if record.event.kind in FINAL:
                    self.stood[record.event.kind] += 1
                self._news.notify_all()

    async def ask(self, number: int) -> None:
        """One request, from the logins to its end."""
        kind = KINDS[number % len(KINDS)]
        self.kinds[kind.__name__] += 1
        story = _Story(self, number)
        with suppress(Refused, LookupFailed):  # recorded as such; what can't be looked up is a no
            await kind(story)
        if story.request:
            await self.comes_to(story.request.id, *FINAL)
            self._kinds.pop(story.request.id, None)
        story.leave()

    async def comes_to(self, request: RequestId, *kinds: str) -> bool:
        """Until one of these events stands there, or the request has ended without it: then False."""
        async with self._news:
            await self._news.wait_for(lambda: {*self._kinds[request]} & {*kinds, *FINAL})
            return bool({*self._kinds[request]} & {*kinds})

    def origin(self, who: str, number: int) -> Origin:
        here = make.channel(self._channels[number % len(self._channels)])
        return Origin(who=who, channel=here, key=f"key-{next(self._keys)}")


class _Story:
    """One request of the crowd: on its own account, so that none meets another."""

    def __init__(self, crowd: Crowd, number: int) -> None:
        self.crowd, self.number = crowd, number
        self.user = f"user{number}"
        self.request: Request | None = None
        self.on: list[FakeHost] = []

    def login(self, *, hosts: int = 1) -> list[str]:
        """The ids of new logins, one on each of so many hosts."""
        self.on = [self.crowd.hosts[HOSTS[(self.number + next_) % len(HOSTS)]] for next_ in range(hosts)]
        return [self._login(host, "a") for host in self.on]

    def _login(self, host: FakeHost, which: str) -> str:
        return host.login(f"{self.number}{which}", self.user, uid=2000 + self.number).id

    def come_back(self) -> None:
        for host in self.on:
            self._login(host, "b")

    def leave(self) -> None:
        """The account's sessions are gone from every host, however the request ended."""
        for host in self.on:
            host.logout(*[id_ for id_, session in host.sessions.items() if session.account.name == self.user])
            host.stubborn -= {f"{self.number}a"}

    async def planned(self, **changes: object) -> bool:
        """Asked; True once it waits for a decision."""
        names = [host.name for host in self.on] or [HOSTS[self.number % len(HOSTS)]]
        command = Kick.model_validate({"user": self.user, "hosts": names, "reason": "INC-42", **changes})
        origin = self.crowd.origin("U0ALICE", self.number)
        self.request = await self.crowd.workflow.ask(origin, f"{self.user} {','.join(names)}", command)
        return await self.crowd.comes_to(self.request.id, "planned")

    async def decide(self, decide: Callable[..., Awaitable[Request]], who: str = "U0CAROL") -> None:
        """Again and again while Slack does not say who that is."""
        assert self.request is not None
        stands = [r for r in await self.crowd._store.read(self.request.id) if r.event.kind == "planned"]
        plan_hash = getattr(stands[0].event, "plan_hash", "")
        for _ in range(5):
            try:
                await decide(self.crowd.origin(who, self.number), self.request.id, plan_hash)
            except LookupFailed:
                await asyncio.sleep(1)
            else:
                return

    async def approved(self, **changes: object) -> None:
        if await self.planned(**changes):
            await self.decide(self.crowd.workflow.approve)


# ------------------------------------------------------------------------------------------ the kinds of requests


async def kicked(story: _Story) -> None:
    story.login()
    await story.approved()


async def on_three_hosts(story: _Story) -> None:
    story.login(hosts=3)
    await story.approved()


async def denied(story: _Story) -> None:
    story.login()
    if await story.planned():
        await story.decide(story.crowd.workflow.deny)


async def expired(story: _Story) -> None:
    story.login()
    await story.planned()


async def cancelled(story: _Story) -> None:
    story.login()
    if await story.planned():
        await story.decide(story.crowd.workflow.cancel, "U0ALICE")


async def ghosts(story: _Story) -> None:
    ids = story.login()
    story.crowd.troubled.ghosts.update(ids)
    for host in story.on:
        host.stubborn.update(ids)
    await story.approved()
    if story.request:
        await story.crowd.comes_to(story.request.id)
    story.crowd.troubled.ghosts.difference_update(ids)


async def survivors(story: _Story) -> None:
    ids = story.login()
    for host in story.on:
        host.stubborn.update(ids)
    await story.approved()


async def forced(story: _Story) -> None:
    ids = story.login()
    for host in story.on:
        host.stubborn.update(ids)
        host.ended_by.add("force")
    await story.approved(force=True)


async def warned(story: _Story) -> None:
    story.login()
    await story.approved(warn=60)


async def warned_and_stopped(story: _Story) -> None:
    story.login()
    await story.approved(warn=60)
    if story.request and await story.crowd.comes_to(story.request.id, "warned"):
        await story.decide(story.crowd.workflow.cancel, "U0ALICE")


async def gone_before_the_approval(story: _Story) -> None:
    ids = story.login()
    if await story.planned():
        story.on[0].logout(*ids)
        await story.decide(story.crowd.workflow.approve)


async def nobody_there(story: _Story) -> None:
    await story.planned()


async def returned(story: _Story) -> None:
    story.login()
    await story.approved()
    if story.request and await story.crowd.comes_to(story.request.id, "signalled"):
        story.come_back()


async def not_allowed(story: _Story) -> None:
    story.login()
    command = make.kick(story.on[0].name, user=story.user)
    await story.crowd.workflow.ask(story.crowd.origin("U0DAVE", story.number), story.user, command)


KINDS = (
    *([kicked] * 6),
    on_three_hosts,
    denied,
    expired,
    cancelled,
    ghosts,
    survivors,
    forced,
    warned,
    warned_and_stopped,
    gone_before_the_approval,
    nobody_there,
    returned,
    not_allowed,
    kicked,
)
