"""Kickbot's own workflow on booted hosts: the real trail, the real connections; only Slack's people are stand-ins.

It asks, approves as another person, and waits for the end, as the loop goes. Whether something really ended is for the
witness to say.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import TypeAdapter

from bot.audit.sqlite import SqliteTrail
from bot.borders import Origin
from bot.events import Attachment, Record, Signalled
from bot.execution import Timing
from bot.hosts.connections import SshHosts
from bot.lifecycle import advance, begin
from bot.models import (
    Act,
    Answer,
    EndAccount,
    EndSession,
    Host,
    HostUptime,
    Kick,
    Look,
    Outcome,
    RequestId,
    Snapshot,
    Step,
    Target,
    Unhold,
    Unreachable,
)
from bot.policy import Policy
from bot.request import Request
from bot.rights import Rights
from bot.workflow import Workflow
from tests import make
from tests.fakes import FakePeople
from tests.hosts.machines import Machine

T = TypeVar("T")

BOTS_ACCOUNT = "kickbot"
PROTECTED = "bob"
REASON = "INC-42"
SECONDS = 600.0  # only what hangs takes so long: two hundred sessions, on a machine that does much else

TIMING = Timing(act_window=10, rung=0.6, watch=0.6, poll=(0.1, 0.5))
"""Few looks: it is they that cost, with six hosts on two cores. None comes sooner than anything ends."""

_LOOK: TypeAdapter[Snapshot | Unreachable] = TypeAdapter(Look)


class Between:
    """The hosts, with something that happens on them at a stated moment. Both hooks run in a thread of their own.

    before_act: right before a step is sent; after_act: when its answer is there. seen_as: what a look becomes.
    """

    def __init__(self, hosts: SshHosts) -> None:
        self._hosts = hosts
        self.limits = hosts.limits
        self.before_act: Callable[[Step], object] = lambda _step: None
        self.after_act: Callable[[Step], object] = lambda _step: None
        self.seen_as: Callable[[Snapshot], Snapshot] = lambda look: look

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        async for look in self._hosts.look(hosts, groups=groups, account=account):
            yield self.seen_as(look) if isinstance(look, Snapshot) else look

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        await asyncio.to_thread(self.before_act, step)
        answer = await self._hosts.act(step, not_after=not_after)
        await asyncio.to_thread(self.after_act, step)
        return answer


class Kicked:
    """A request with all that the trail keeps of it: its looks, and the hosts' answers."""

    def __init__(
        self, request: Request, records: Sequence[Record], looks: Mapping[str, Snapshot | Unreachable]
    ) -> None:
        self.request, self.records = request, records
        self._looks = looks

    @property
    def results(self) -> dict[str, list[str]]:
        """What became of each session that was to be ended."""
        outcomes = self.request.outcomes
        hosts = self.request.command.hosts if self.request.command else ()
        return {host: [str(o.result) for o in outcomes if (o.host, o.kind) == (host, "session")] for host in hosts}

    @property
    def of_account(self) -> dict[str, list[str]]:
        """What became of the account's every process."""
        outcomes = self.request.outcomes
        hosts = self.request.command.hosts if self.request.command else ()
        return {host: [str(o.result) for o in outcomes if (o.host, o.kind) == (host, "account")] for host in hosts}

    @property
    def note(self) -> str:
        return self.request.reason

    def outcomes(self, machine: Machine) -> list[Outcome]:
        return [outcome for outcome in self.request.outcomes if outcome.host == machine.name]

    def targets(self, machine: Machine) -> tuple[Target, ...]:
        return self.request.plan.on(machine.name) if self.request.plan else ()

    def before(self, machine: Machine) -> Snapshot:
        """What the approvers could see."""
        return self._look(machine, self.request.before)

    def after(self, machine: Machine) -> Snapshot:
        """The newest look."""
        return self._look(machine, self.request.looks)

    def answers(self, machine: Machine) -> list[tuple[Step, Answer]]:
        """Each step that the host answered, in order."""
        events = [record.event for record in self.records]
        return [(e.step, e.answer) for e in events if isinstance(e, Signalled) and e.step.host == machine.name]

    def rungs(self, machine: Machine) -> list[str]:
        """What was tried against sessions and the account, in order: `terminate`, `account signal`."""
        steps = [step for step, _ in self.answers(machine)]
        spelled = {"end_session": "", "end_account": "account "}
        return [spelled[s.kind] + s.rung for s in steps if isinstance(s, EndSession | EndAccount)]

    def last_word(self, machine: Machine) -> str:
        """What the host answered when it was asked to show the account."""
        (said,) = (answer.output for step, answer in self.answers(machine) if step.kind == "show_account")
        return said

    def _look(self, machine: Machine, attachments: Sequence[Attachment]) -> Snapshot:
        (digest,) = (each.sha256 for each in attachments if each.host == machine.name)
        look = self._looks[digest]
        assert isinstance(look, Snapshot), look
        return look


class Kicks:
    """What people ask of it, on those machines, by the machines' names."""

    def __init__(self, trail: SqliteTrail, hosts: SshHosts, policy: Policy, timing: Timing) -> None:
        self.trail = trail
        self.hosts = Between(hosts)
        rights = Rights(policy, FakePeople({}))
        self.workflow = Workflow(trail=trail, hosts=self.hosts, rights=rights, timing=timing)
        self._faults = _Faults()
        self._asked = 0

    @classmethod
    @asynccontextmanager
    async def at_work(
        cls,
        machines: Sequence[Machine],
        folder: Path,
        timing: Timing = TIMING,
        policy: Policy | None = None,
        *,
        kit: bool = False,
    ) -> AsyncIterator[Self]:
        """The loop runs until the end. kit: the machines have it."""
        known_hosts = folder / "known_hosts"
        known_hosts.write_text("".join(machine.known_hosts.read_text() for machine in machines))
        named = {machine.name: Host(name=machine.name, address=machine.address, kit=kit) for machine in machines}
        hosts = SshHosts(named, [machines[0].identity], known_hosts, user=BOTS_ACCOUNT)
        async with SqliteTrail.open(folder / "kickbot.db") as trail:
            kicks = cls(trail, hosts, policy or allowing(machines), timing)
            running = asyncio.create_task(kicks.workflow.run())
            with kicks._faults:
                try:
                    yield kicks
                finally:
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)
                    await hosts.close()

    async def kick(self, user: str, *machines: Machine, **how: Any) -> Kicked:
        """Ask, approve, and wait for the end. how: see `ask`. Raises what the bot refuses with."""
        return await self.finish(await self.approve(await self.ask(user, *machines, **how)))

    async def ask(self, user: str, *machines: Machine, **how: Any) -> Request:
        """Ask; the request once it waits for its approval, or has ended already. how: fields of a Kick."""
        hosts = tuple(machine.name for machine in machines)
        command = Kick.model_validate({"user": user, "hosts": hosts, "reason": REASON, **how})
        asked = await self.workflow.ask(self._origin(make.ASKER), f"{user} {','.join(hosts)}", command)
        return await self.until(asked.id, lambda r: r.state != "asked", "to be planned")

    async def approve(self, request: Request, who: str = make.APPROVER) -> Request:
        """Nothing, if it has ended already."""
        if request.state.final:
            return request
        return await self.workflow.approve(self._origin(who), request.id, request.plan_hash)

    async def cancel(self, request: Request, who: str) -> Request:
        return await self.workflow.cancel(self._origin(who), request.id, request.plan_hash)

    async def unhold(self, user: str, machine: Machine) -> None:
        """One asks to give it back now, and another one agrees."""
        wanted = Unhold(user=user, hosts=(machine.name,), reason=REASON)
        for who in (make.ASKER, make.APPROVER):
            await self.workflow.unhold(self._origin(who), wanted)

    async def again(self, closed: Kicked, *, force: bool) -> Kicked:
        """The button for the next level, the approval, and the end."""
        old = closed.request
        asked = await self.workflow.again(self._origin(make.ASKER), old.id, old.plan_hash, force=force)
        planned = await self.until(asked.id, lambda r: r.state != "asked", "to be planned")
        return await self.finish(await self.approve(planned))

    async def finish(self, request: Request) -> Kicked:
        """Wait for the end."""
        return await self.told(await self.until(request.id, lambda r: r.state.final, "to end"))

    async def told(self, request: Request) -> Kicked:
        """What the trail tells of a request so far."""
        records = await self.trail.read(request.id)
        digests = {look.sha256 for record in records for look in record.event.attachments}
        looks = {digest: _LOOK.validate_json(await self.trail.body(digest)) for digest in digests}
        return Kicked(request, records, looks)

    async def until(self, request: RequestId, holds: Callable[[Request], bool], what: str) -> Request:
        """The request, as soon as it is so. Raises what went wrong in the loop meanwhile."""
        following = asyncio.create_task(self._follow(request, holds))
        fault = asyncio.create_task(self._faults.heard.wait())
        done, late = await asyncio.wait({following, fault}, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._faults.demand_none()
        if following not in done:
            kinds = [record.event.kind for record in await self.trail.read(request)]
            raise AssertionError(f"request {request} took more than {SECONDS} s {what}: {kinds}")
        return following.result()

    async def _follow(self, number: RequestId, holds: Callable[[Request], bool]) -> Request:
        request: Request | None = None
        async for record in self.trail.follow(number - 1):
            if record.request == number:
                request = begin(record) if request is None else advance(request, record)
                if holds(request):
                    return request
        raise AssertionError("the trail was closed")

    def _origin(self, who: str) -> Origin:
        self._asked += 1
        return Origin(who=who, channel=make.channel(), key=f"message-{self._asked}")


def allowing(machines: Iterable[Machine], *acts: Act, owners: Mapping[str, str] | None = None, **rule: Any) -> Policy:
    """A kick, `force`, `processes`, `hold` and `unhold` there, and those acts; `owners` alone own accounts."""
    allowed = frozenset({Act.KICK, Act.FORCE, Act.PROCESSES, Act.HOLD, Act.UNHOLD, *acts})
    made = make.rule(hosts=frozenset(machine.name for machine in machines), acts=allowed, **rule)
    owned = {account: frozenset({person}) for account, person in (owners or {}).items()}
    return make.policy(made, protected=frozenset({"root", BOTS_ACCOUNT, PROTECTED}), owners=owned)


class _Faults(logging.Handler):
    """Hears what the loop would only log, since it tries again later: a test should know at once."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard = asyncio.Event()
        self._faults: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            self._faults.append(record.exc_info[1])
            self.heard.set()

    def demand_none(self) -> None:
        for fault in self._faults:
            raise AssertionError("the loop met a fault in Kickbot") from fault

    def __enter__(self) -> Self:
        logging.getLogger("bot").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("bot").removeHandler(self)


def each(machines: Iterable[Machine], of: Callable[[Machine], T]) -> dict[str, T]:
    """Something of each machine, by name: two of these compared show which host is wrong."""
    return {machine.name: of(machine) for machine in machines}


def alike(machines: Iterable[Machine], value: T) -> dict[str, T]:
    """The same for each machine, by name."""
    return each(machines, lambda _: value)


async def at_each(machines: Iterable[Machine], do: Callable[[Machine], T]) -> dict[str, T]:
    """The same, done on all of them at once."""
    chosen = list(machines)
    done = await asyncio.gather(*(asyncio.to_thread(do, machine) for machine in chosen))
    return {machine.name: result for machine, result in zip(chosen, done, strict=True)}
