"""An approved request is carried out, and proved: on each host look, try, look again, until nothing approved is left.

    approved -> (warn, wait) -> [look -> intent -> act -> answer]* -> look -> judge -> closed

Each step reads the request as the trail tells it, does one thing, and records it; each is safe to enter again after a
crash.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from bot import canary, events, forewarning, outcomes, planning, trials
from bot.acts import Acts
from bot.borders import Hosts, Lease, Sleep
from bot.brake import Brake
from bot.cleaning import clean, shorten
from bot.durations import spell
from bot.errors import Refused
from bot.holds import Holds
from bot.inventory import fold
from bot.ledger import Ledger
from bot.looking import POLL, Looking, attached
from bot.models import (
    Hold,
    HostLimits,
    HostUptime,
    LimitsLooks,
    SetLimit,
    ShowAccount,
    Snapshot,
    Step,
    Unreachable,
    Value,
    Warn,
    by_host,
)
from bot.request import Attempt, Request, command_of, known, plan_of
from bot.reviews import Reviews
from bot.rights import Rights, aims
from bot.states import State
from bot.sweeps import Sweeps

HOSTS_AT_ONCE = 10
"""Hosts of one request on which something is being done at the same moment."""

WARNED_REASON, WARNED_NAME = 200, 60
"""Characters of the reason, and of the asker's name, that stand on a user's terminal."""


class Timing(Value):
    """Seconds. act_window: how long a host may take to start an act. rung: how long a try may take to show an effect.

    watch: how long the hosts are watched after the last try. tell: between what is told of hosts that are done, while
    others are not. poll: the pauses between looks; the last one repeats.
    """

    act_window: float = 20
    rung: float = 3
    watch: float = 20
    tell: float = 10
    poll: tuple[float, ...] = POLL


class Execution:
    """What is done to hosts once it may be: an act right after its intent, and never one without a fresh look."""

    def __init__(
        self,
        ledger: Ledger,
        hosts: Hosts,
        rights: Rights,
        brake: Brake,
        *,
        reviews: Reviews,
        sweeps: Sweeps,
        looking: Looking,
        timing: Timing,
        sleep: Sleep,
    ) -> None:
        self._ledger = ledger
        self._rights = rights
        self._brake = brake
        self._acts = Acts(ledger, hosts, brake)
        self._holds = Holds(ledger, hosts, brake, self._acts)
        self._reviews = reviews
        self._sweeps = sweeps
        self._looking = looking
        self._timing = timing
        self._sleep = sleep

    async def act(self, request: Request, lease: Lease) -> Request:
        """Approved: on each host one look, then one try for each target, until nothing approved is left to do."""
        if request.unanswered:
            return await self.settle(request, lease)
        if why := canary.went_wrong(request) or await self._too_late(request):
            return await self._stop(request, why, lease)
        await self._brake.demand_released()
        if why := await self._right_lost(request):
            return await self._stop(request, why, lease)
        if request.to_warn:
            return await self.warn(request, lease)
        if canary.goes_first(request):
            return await self._one_first(request, lease)
        return await self._all_others(request, lease)

    async def _one_first(self, request: Request, lease: Lease) -> Request:
        """One host alone, the first that answers. How its targets ended is recorded: the next round goes by that."""
        tried = set[str]()
        while (host := canary.goes_first(request)) and host not in tried:
            tried.add(host)
            again = await self._act_on(request, host, lease, asyncio.Semaphore())
            request = await self._ledger.load(request.id)
            if again:
                return request
            if host not in request.lost or host in request.begun:
                return await self._judge(request, [host], lease)
        return request

    async def _all_others(self, request: Request, lease: Lease) -> Request:
        """Every host on which something is left to do; what is told of those that are done waits for no other one."""
        left, now = [host for host in request.hosts if host not in request.judged], await self._ledger.now()
        hosts = [host for host in left if not request.gives_time(host, now)]
        few, done = asyncio.Semaphore(HOSTS_AT_ONCE), list[str]()

        async def work(host: str) -> bool:
            again = await self._act_on(request, host, lease, few)
            done.extend([] if again else [host])
            return again

        # Every host is waited for, whatever happens on another one: no try may run on behind a second drive.
        working = asyncio.gather(*map(work, hosts), return_exceptions=True)
        try:
            while not (await asyncio.wait([working], timeout=self._timing.tell))[0]:
                await self._tell_of(request, done, lease)
        finally:
            if not working.done():
                working.cancel()
                await asyncio.wait([working])
        ends = working.result()
        for error in (end for end in ends if isinstance(end, BaseException)):
            raise error
        request = await self._ledger.load(request.id)
        if hosts == left and not any(ends) and not request.waiting_for:
            return await self._ledger.record(request, events.Verifying(), lease)
        await self._tell_of(request, done, lease)
        return await self._ledger.load(request.id)

    async def _tell_of(self, request: Request, done: Sequence[str], lease: Lease) -> None:
        request = await self._ledger.load(request.id)
        if through := [host for host in done if host not in request.judged and host not in request.lost]:
            await self._judge(request, through, lease)

    async def _act_on(self, request: Request, host: str, lease: Lease, few: asyncio.Semaphore) -> bool:
        """One host, look after look, without waiting for the others; True if `act` must be entered again for it."""
        while True:
            async with few:
                begun = await self._ledger.now()
                if not await self._in_force(request):
                    return True
                again = await self._look_and_try(request, host, lease)
            request = await self._ledger.load(request.id)
            if not again:
                return request.gives_time(host, begun)
            if any(a.step.host == host for a in request.unanswered):
                return True

    async def _look_and_try(self, request: Request, host: str, lease: Lease) -> bool:
        """One look and what it asks for; True if the host is to be looked at again."""
        if isinstance(request.command, SetLimit):
            return await self._look_and_set(request, host, lease)
        (look,) = await self._looking.at([host], compared=command_of(request).only.idle > 0)
        looked_at = await self._ledger.now()
        await self._ledger.record(request, events.Observed(looks=attached([look]), phase="acting"), lease)
        return isinstance(look, Snapshot) and await self._try_each(request, look, looked_at, lease)

    async def _look_and_set(self, request: Request, host: str, lease: Lease) -> bool:
        """The same for a limit: one step to a look."""
        (look,) = await self._looking.limits([host])
        looked_at = await self._ledger.now()
        request = await self._ledger.record(request, events.Observed(looks=attached([look]), phase="acting"), lease)
        if isinstance(look, Unreachable):
            return False
        step = trials.next_step(await self._ledger.load(request.id), look, await self._whose(request))
        if step is not None:
            await self._take(request, step, look, looked_at, lease)
        return step is not None

    async def _try_each(self, request: Request, look: Snapshot, looked_at: datetime, lease: Lease) -> bool:
        """Everything that is to be tried after this look; then give the tries a moment to show.

        Whoever couldn't be told with the others is told now, and has as much time as they had.
        """
        if not await self._tell_each(await self._ledger.load(request.id), [look], looked_at, lease):
            return True
        tried = False
        while step := planning.next_step(await self._ledger.load(request.id), [look], looked_at):
            if not await self._take(request, step, look, looked_at, lease):
                return True
            if isinstance(step, Hold):
                await self._remember(request)
            tried = tried or not isinstance(step, ShowAccount)
        if tried:
            await self._looking.watch(await self._ledger.load(request.id), [look.host], self._timing.rung)
        return tried

    async def _take(
        self, request: Request, step: Step, look: Snapshot | HostLimits, looked_at: datetime, lease: Lease
    ) -> bool:
        """Do it, once its deadline is known. False: not now (frozen, or an old look), or no answer came."""
        window = min(self._timing.act_window, await self._seconds_left(request))
        if await self._brake.is_on() or await self._ledger.now() >= looked_at + timedelta(seconds=window / 2):
            return False  # the next round takes a new look
        not_after = HostUptime(look.uptime + int(window * 100))
        answer_by = looked_at + timedelta(seconds=window)
        ending = events.Ending(step=step, not_after=not_after, answer_by=answer_by)
        return (await self._acts.carry_out(request, ending, lease)).status != "unknown"  # else `settle` comes next

    async def warn(self, request: Request, lease: Lease) -> Request:
        """Approved with a warning: tell each session, once. Nothing ends before the latest time that was told."""
        looks = await self._looking.at(request.hosts)
        looked_at = await self._ledger.now()
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="warning"), lease)
        if not await self._tell_each(request, looks, looked_at, lease):
            return await self._ledger.load(request.id)
        request = await self._ledger.load(request.id)
        act_at = looked_at + timedelta(seconds=command_of(request).warn)
        told = (a.step.act_at for a in request.attempts if isinstance(a.step, Warn))
        return await self._ledger.record(request, events.Warned(act_at=max([act_at, *told])), lease)

    async def _tell_each(self, request: Request, looks: planning.Looks, looked_at: datetime, lease: Lease) -> bool:
        """Tell each session that is still to be told. False: not all of them now, or no answer came."""
        act_at = looked_at + timedelta(seconds=command_of(request).warn)
        targets, seen = forewarning.to_tell(request, looks, act_at), by_host(looks)
        text = await self._warning(request, act_at) if targets else ""
        for target in targets:
            look, attempt = seen[target.host], 1 + len(request.warnings(target))
            step = Warn(target=target, text=text, act_at=act_at, attempt=attempt)
            if not isinstance(look, Snapshot) or not await self._take(request, step, look, looked_at, lease):
                return False
        return True

    async def settle(self, request: Request, lease: Lease) -> Request:
        """An intent without its answer: wait until it can't start on its host any more. Never repeat blindly."""
        looks = by_host(await self._looking.at([a.step.host for a in request.unanswered]))
        for attempt in request.unanswered:
            await self._sleep(_seconds_until_over(attempt, looks[attempt.step.host]))
            request = await self._acts.settle(request, attempt, lease)
        return request

    async def verify(self, request: Request, lease: Lease) -> Request:
        """Nothing is left to do: watch until the targets are gone or the time is up, then judge what is seen."""
        await self._remember(request)
        looks, closed = await self._watched(request, request.hosts)
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="after"), lease)
        if request.lost - {*request.undone} and await self._ledger.now() < known(request.give_up_at):
            return request
        await self._reviews.open(request)
        return await self._ledger.record(request, closed, lease)

    async def _judge(self, request: Request, hosts: Sequence[str], lease: Lease) -> Request:
        """The same on some hosts where nothing is left to do, while it is on others. One that is lost may come back."""
        looks, closed = await self._watched(request, hosts)
        request = await self._ledger.record(request, events.Observed(looks=attached(looks), phase="acting"), lease)
        through = tuple(host for host in hosts if host in request.begun or host not in request.lost)
        ends = tuple(outcome for outcome in closed.outcomes if outcome.host in through)
        judged = events.Judged(hosts=through, outcomes=ends)
        return await self._ledger.record(request, judged, lease) if through else request

    async def _watched(
        self, request: Request, hosts: Sequence[str]
    ) -> tuple[Sequence[Snapshot | HostLimits | Unreachable], events.Closed]:
        """The looks at these hosts once they show an end, or the time is up; and how all would have ended by them."""
        if isinstance(request.command, SetLimit):
            limits = await self._limits_watched(request, hosts)
            return limits, events.Closed(outcomes=trials.judge(request, limits))
        looks = await self._looking.watch(request, hosts, self._timing.watch)
        return looks, events.Closed(outcomes=outcomes.judge(request, looks), note=outcomes.note(request, looks))

    async def _limits_watched(self, request: Request, hosts: Sequence[str]) -> LimitsLooks:
        """Whatever is still on trial is taken back by its host."""
        until = await self._ledger.now() + timedelta(seconds=trials.TRIAL + self._timing.watch)
        looks = await self._looking.limits(hosts)
        while trials.is_pending(request, looks) and await self._ledger.now() < until:
            await self._sleep(self._timing.poll[-1])
            looks = await self._looking.limits(hosts)
        return looks

    async def _remember(self, request: Request) -> None:
        """What was held lives on by itself, also if Kickbot died since."""
        await self._holds.remember(await self._ledger.load(request.id))

    async def give_back(self, request: Request, lease: Lease) -> Request:
        """Held, and its time has come."""
        return await self._holds.give_back(request, lease)

    # ------------------------------------------------------------------------------------------ small pieces

    async def _in_force(self, request: Request) -> bool:
        """May anything be begun for it now? What becomes of it otherwise, `act` says, and reads people anew."""
        if await self._too_late(request) or await self._brake.is_on():
            return False
        try:
            await self._rights.held_just_now(request, aims(plan_of(request)))
        except Refused:
            return False
        return True

    async def _too_late(self, request: Request) -> str:
        """Why nothing may start any more by the clock; empty while there is time."""
        if request.permitted and await self._sweeps.is_quiet(request):
            return "the quiet time of the sweep has begun"
        if await self._seconds_left(request) > 0:
            return ""
        until = f"{known(request.act_by):%H:%M} UTC"
        lost = request.waiting_for
        return f"{fold(lost)} did not answer until {until}" if lost else f"nothing may start after {until}"

    async def _right_lost(self, request: Request) -> str:
        """Why the approval counts no longer; empty while every right is in force."""
        try:
            await self._rights.still_hold(request, aims(plan_of(request)))
        except Refused as refusal:
            return refusal.for_user()
        return ""

    async def _stop(self, request: Request, why: str, lease: Lease) -> Request:
        if request.state in {State.APPROVED, State.WARNED}:
            await self._reviews.open(request)
            return await self._ledger.record(request, events.Lapsed(reason=why), lease)
        return await self._ledger.record(request, events.Verifying(reason=why), lease)

    async def _whose(self, request: Request) -> str:
        """What stands in the file on the host: `request 42: asked by Alice, approved by Carol`."""
        asker, *approvers = [
            shorten(clean(await self._rights.name(who)), WARNED_NAME) or who
            for who in (request.asker, *(decision.who for decision in request.decisions))
        ]
        return f"request {request.id}: asked by {asker}, approved by {' and '.join(approvers)}"

    async def _warning(self, request: Request, act_at: datetime) -> str:
        """What the user reads on the terminal: who, when and why, in one line."""
        command = command_of(request)
        because = f", because {shorten(command.reason, WARNED_REASON)}" if command.reason and not request.sweep else ""
        named = f"the sweep {request.sweep.name}" if request.sweep else await self._rights.name(request.asker)
        who = shorten(clean(named), WARNED_NAME) or "someone on call"
        whose = "every session here" if command.is_of_everyone else f"this session of {command.user}"
        when = f"at {act_at:%H:%M:%S} UTC, in {spell(command.warn)}{', if it is idle then' * bool(command.only.idle)}"
        return clean(f"Kickbot: {who} has {whose} ended {when}{because}. Save your work now.")

    async def _seconds_left(self, request: Request) -> float:
        return (known(request.act_by) - await self._ledger.now()).total_seconds()


def _seconds_until_over(attempt: Attempt, look: Snapshot | Unreachable) -> float:
    """Until the host's own uptime is past the deadline of an act: only then it can't start any more."""
    if not isinstance(look, Snapshot) or look.boot != attempt.step.target.boot:
        return 0
    return max(attempt.not_after - look.uptime + 1, 0) / 100
