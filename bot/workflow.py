"""START HERE 2: the story of a request. The only file that knows the order of the steps; it talks to no edge directly.

    ask -> look -> plan -> approve -> (warn, wait) -> [look -> intent -> act -> answer]* -> look -> judge -> closed
    a sweep's run -> look -> report, or plan -> approve by people, or by the configuration -> the same

Each step reads the request as the trail tells it, does one thing, and records it; each is safe to enter again after a
crash. It never posts: the publisher follows the trail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from pydantic import Field

from bot import commands, events, idleness, lifecycle, outcomes, planning, sweeping, trials
from bot.acts import Acts
from bot.borders import Hosts, Lease, Sleep, Told, Trail
from bot.brake import Brake
from bot.cleaning import clean, shorten
from bot.decisions import Decisions
from bot.durations import spell
from bot.errors import Conflict, HeldElsewhere, LookupFailed, NotNow, Refused, TooLate
from bot.events import Attachment
from bot.holds import Holds
from bot.inventory import fold
from bot.ledger import Ledger
from bot.lifecycle import Request, State, command_of, kick_of, known, limit_of, plan_of
from bot.loop import Loop
from bot.models import (
    Act,
    Asking,
    Hold,
    HostLimits,
    HostUptime,
    Kick,
    Limits,
    LimitsLooks,
    Listing,
    Looks,
    Moment,
    Plan,
    RequestId,
    SetLimit,
    ShowAccount,
    Snapshot,
    Step,
    Swept,
    Unhold,
    Unreachable,
    Value,
    Warn,
    by_host,
)
from bot.policy import Channel, Rule, approvals_needed, home, in_time, limit_passed
from bot.rights import Rights, aims
from bot.stopping import together
from bot.sweeps import Sweeps
from bot.unholds import Unholds

HOSTS_AT_ONCE = 10
"""Hosts of one request on which something is being done at the same moment."""

WARNED_REASON, WARNED_NAME = 200, 60
"""Characters of the reason, and of the asker's name, that stand on a user's terminal."""

UNFREEZE_LATE = 60.0
"""Seconds after which a word to unfreeze that arrives counts for nothing."""
CLOCKS_APART = timedelta(minutes=5)
"""By so much Slack's clock and the trail's may differ."""
SLACK_PAUSE = 300.0
"""Seconds after which a sweep is tried again for which Slack did not say who may approve."""


class Origin(Value):
    """Where something came from: who, in which channel, and a key that names this very message from Slack.

    sent: when, at the earliest; None where no time is too late.
    """

    who: str
    channel: Channel
    key: str
    sent: Moment | None = None


class Seen(Value):
    """The answer to a listing. refused: a sentence for each host that this person may not look at.

    owners: whose the accounts are that are logged in there, as far as the configuration says: login name -> names.
    busy: host -> the identity of each session that isn't idle for as long as was asked, and why.
    """

    listing: Listing
    looks: Looks
    refused: tuple[str, ...] = ()
    owners: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    busy: dict[str, dict[str, str]] = Field(default_factory=dict)

    @property
    def shown(self) -> Looks:
        """The looks without the sessions that aren't idle."""
        return tuple(self._narrowed(look) if isinstance(look, Snapshot) else look for look in self.looks)

    def _narrowed(self, look: Snapshot) -> Snapshot:
        busy = self.busy.get(look.host)
        if not busy:
            return look
        return look.model_copy(update={"sessions": tuple(s for s in look.sessions if s.identity not in busy)})


class SeenLimits(Value):
    """The answer to `/limits`, as Seen."""

    looks: LimitsLooks
    refused: tuple[str, ...] = ()


class Timing(Value):
    """Seconds. act_window: how long a host may take to start an act. rung: how long a try may take to show an effect.

    watch: how long the hosts are watched after the last try. poll: the pauses between looks; the last one repeats.
    """

    act_window: float = 20
    rung: float = 3
    watch: float = 20
    poll: tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 1, 2, 5)


class Workflow:
    """Carries requests from the question to the proof."""

    def __init__(
        self,
        *,
        trail: Trail,
        hosts: Hosts,
        rights: Rights,
        timing: Timing = Timing(),  # noqa: B008 - frozen
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ledger = Ledger(trail)
        self._hosts = hosts
        self._rights = rights
        self._brake = Brake(trail, self._ledger, rights)
        self._decisions = Decisions(self._ledger, rights, self._brake)
        self._unholds = Unholds(self._ledger, rights)
        self._acts = Acts(self._ledger, hosts, self._brake)
        self._holds = Holds(self._ledger, hosts, self._brake, self._acts)
        self._sweeps = Sweeps(self._ledger, rights.policy)
        self._timing = timing
        self._sleep = sleep
        self._last_seen: dict[str, frozenset[str]] = {}
        self._loop = Loop(self._ledger, self.drive)

    async def compare(self, told: Sequence[Told]) -> None:
        """Before it runs. told: the newest first; a trail that lacks some of it acts only after a word of people."""
        await self._brake.compare(told, self._rights.policy.incident_channel)

    async def run(self) -> None:
        """Carry on with every open request, and with each new one, until cancelled."""
        await together(self._loop.run(), self._sweeps.keep())

    # ------------------------------------------------------------------------------------------ what people do

    async def look(self, origin: Origin, listing: Listing) -> Seen:
        """`/sessions`: the hosts that this person may look at, and a refusal for each other one."""
        allowed, refused = await self._may_look(origin.who, listing.hosts)
        looks = await self._look_at(allowed, compared=listing.only.idle > 0) if allowed else ()
        looked = events.Looked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            hosts=listing.hosts,
            user=listing.user,
            looks=_attached(looks),
        )
        await self._ledger.begin(looked)
        busy = {look.host: self._busy(look, listing.only.idle) for look in looks if isinstance(look, Snapshot)}
        return Seen(listing=listing, looks=looks, refused=refused, owners=await self._owners(looks), busy=busy)

    async def limits(self, origin: Origin, wanted: Limits) -> SeenLimits:
        """`/limits`: the same for what the hosts do by themselves about idle people."""
        allowed, refused = await self._may_look(origin.who, wanted.hosts)
        looks = await self._limits_at(allowed) if allowed else ()
        looked = events.Looked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            hosts=wanted.hosts,
            what="limits",
            looks=_attached(looks),
        )
        await self._ledger.begin(looked)
        return SeenLimits(looks=looks, refused=refused)

    async def _may_look(self, who: str, hosts: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        """The hosts at which this person may look, and why not at the others."""
        verdicts = await self._rights.to_look(who, hosts)
        refused = dict.fromkeys(verdict.reason for verdict in verdicts.values() if not verdict)
        return [host for host, verdict in verdicts.items() if verdict], tuple(refused)

    def _busy(self, look: Snapshot, seconds: int) -> dict[str, str]:
        """The sessions that aren't idle for so long, and why."""
        sense = self._rights.policy.sense_to_look(look.host)
        why = {s.identity: idleness.why_busy(look, s, seconds, sense) for s in look.sessions if seconds}
        return {identity: used for identity, used in why.items() if used}

    async def logged_in(self, who: str, hosts: Sequence[str]) -> tuple[str, ...]:
        """The accounts that were there when a host was last looked at; only on hosts that this person may look at."""
        verdicts = await self._rights.to_look(who, hosts)
        return tuple(sorted({user for host in hosts if verdicts[host] for user in self._last_seen.get(host, ())}))

    async def could_approve(self, who: str, command: Kick) -> tuple[str, ...]:
        """Some who could approve this, asked now. Raises Refused where nobody could, or this person may not ask."""
        return (await self._rights.to_ask(who, command)).approvers

    async def ask(self, origin: Origin, words: str, command: Asking) -> Request:
        """`/kick`: records the question, and lets the loop look and plan.

        Raises Refused, recorded; TooLate, unrecorded, for what was sent longer ago than a rule allows.
        """
        refusal: Refused | LookupFailed | None = None
        rules: tuple[Rule, ...] = ()
        try:
            await self._brake.demand_released()
            rules = (await self._rights.to_ask(origin.who, command)).rules
        except (Refused, LookupFailed) as error:
            refusal = error
        await self._demand_in_time(origin, rules)
        asked = events.Asked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            home=home(self._rights.policy, rules, origin.channel),
            words=clean(words),
            command=command,
        )
        request = await self._ledger.begin(asked)
        if refusal:
            await self._ledger.record(request, events.Refused(reason=refusal.for_user(), told=True))
            raise refusal
        return request

    async def _demand_in_time(self, origin: Origin, rules: Sequence[Rule]) -> None:
        """Slack may tell again of what was asked in time: that is no new question, and not too late."""
        age = await self._age(origin)
        if origin.sent and not in_time(rules, age):
            await self._ledger.demand_new(origin.key, origin.who, origin.sent - CLOCKS_APART)
            raise TooLate(age)

    async def _age(self, origin: Origin) -> float:
        """Seconds since it was sent."""
        return (await self._ledger.now() - origin.sent).total_seconds() if origin.sent else 0

    async def again(self, origin: Origin, request_id: RequestId, plan_hash: str, *, force: bool) -> Request:
        """The next step after a closed request, as a new one: force what survived, or end what came back.

        It is asked by whoever clicks, and needs its own approval. Raises Refused.
        """
        closed = await self._ledger.load_afresh(request_id)
        command = planning.again(closed, force=force) if closed.plan_hash == plan_hash else None
        if command is None:
            raise Refused(f"Request {request_id} left nothing for a next step. Nothing was asked.")
        return await self.ask(origin, f"after request {request_id}: {commands.words(command)}", command)

    async def approve(self, origin: Origin, request_id: RequestId, plan_hash: str) -> Request:
        """A second person says yes. Raises Refused, recorded, and then nothing is done."""
        return await self._decisions.approve(origin.who, request_id, plan_hash)

    async def deny(self, origin: Origin, request_id: RequestId, plan_hash: str, reason: str = "") -> Request:
        """Someone who may approve says no. Raises Refused, recorded."""
        return await self._decisions.deny(origin.who, request_id, plan_hash, reason)

    async def cancel(self, origin: Origin, request_id: RequestId, plan_hash: str) -> Request:
        """The asker takes it back; once it is approved, an approver may stop it too. Raises Refused, recorded."""
        return await self._decisions.cancel(origin.who, request_id, plan_hash)

    async def freeze(self, origin: Origin, reason: str) -> Request:
        """`/kickbot freeze`: nothing more is begun on any host, by any replica. Raises Refused."""
        home = self._rights.policy.incident_channel
        return await self._brake.freeze(
            events.Frozen(who=origin.who, key=origin.key, channel=origin.channel.id, home=home, reason=reason)
        )

    async def unfreeze(self, origin: Origin, only: RequestId | None = None) -> Request:
        """The second person who says so releases the brake. Raises Refused, recorded; TooLate, unrecorded.

        only: the freeze on which this person clicked; without it, whatever is frozen.
        """
        if (age := await self._age(origin)) > UNFREEZE_LATE:
            raise TooLate(age)
        return await self._brake.unfreeze(origin.who, only)

    async def unhold(self, origin: Origin, wanted: Unhold) -> tuple[tuple[Request, ...], tuple[str, ...]]:
        """`/unhold`: the first person asks, and enough others agree; and why not on the other hosts.

        Raises Refused, recorded, where it counts on none; TooLate, unrecorded.
        """
        await self._demand_in_time(origin, self._rights.policy.rules)
        return await self._unholds.every(origin.who, wanted)

    async def unhold_one(self, origin: Origin, request_id: RequestId) -> Request:
        """The same by the button under one hold."""
        return await self._unholds.one(origin.who, request_id)

    # ------------------------------------------------------------------------------------------ driving

    async def drive(self, request_id: RequestId) -> Request:
        """Take a request as far as it can go now: one step after the other, until it waits for someone or has ended.

        Raises HeldElsewhere while another process drives it, LeaseLost if another one took it over meanwhile, and
        ActingFrozen where the next thing would be to act.
        """
        lease = await self._ledger.claim(request_id)
        if lease is None:
            raise HeldElsewhere(f"another Kickbot drives request {request_id}")
        try:
            request = await self._ledger.load_afresh(request_id)
            while request.due is not None and request.due <= await self._ledger.now():
                step = self._STEPS[request.state]
                request = await step(self, request, lease)
            return request
        finally:
            await self._ledger.release(lease)

    async def prepare(self, request: Request, lease: Lease) -> Request:
        """Asked: look, and say exactly what would be done."""
        if request.sweep is not None:
            return await self.sweep(request, lease)
        command = command_of(request)
        try:
            await self._rights.to_ask(request.asker, command)
        except (Refused, LookupFailed) as refusal:
            return await self._ledger.record(request, events.Refused(reason=refusal.for_user()), lease)
        made = self._plan_limit if isinstance(command, SetLimit) else self._plan_kick
        request, plan, nothing = await made(request, lease)
        if not plan.everything:
            return await self._ledger.record(request, events.Closed(outcomes=(), note=nothing), lease)
        try:
            approvers = await self._rights.to_plan(request.asker, command, aims(plan), sessions=len(plan.sessions))
        except (Refused, LookupFailed) as refusal:
            return await self._ledger.record(request, events.Refused(reason=refusal.for_user()), lease)
        return await self._ledger.record(request, await self._planned(command, plan, approvers), lease)

    async def sweep(self, request: Request, lease: Lease) -> Request:
        """A sweep's run whose time has come: look, and report; or plan what people approve, or the configuration."""
        command, reports = kick_of(request), request.sweep is not None and request.sweep.action == "report"
        if not reports:
            await self._brake.demand_released()
        if why := await self._sweeps.why_not(request):
            return await self._ledger.record(request, events.Closed(outcomes=(), note=why), lease)
        policy = self._rights.policy
        groups = () if reports else policy.spare_groups(command.hosts)
        looks = await self._look_at(command.hosts, compared=True, groups=groups)
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="before"), lease)
        plan = None if reports else planning.make(command, looks, policy, asker=request.asker)
        swept = sweeping.found(command, looks, policy, plan)
        event = await self._swept(request, plan, swept) if plan and plan.targets else None
        return await self._ledger.record(request, event or events.Closed(outcomes=(), swept=swept), lease)

    async def _swept(self, request: Request, plan: Plan, swept: Swept) -> events.Planned | events.Closed:
        """The plan, for people or for the configuration to approve; closed, if nobody could."""
        command = kick_of(request)
        try:
            if self._needs_nobody(request, plan):
                return (await self._planned(command, plan, (), swept)).model_copy(update={"approvals": 0, "groups": ()})
            approvers = await self._rights.to_plan(request.asker, command, aims(plan), sessions=len(plan.sessions))
        except Refused as refusal:
            return events.Closed(outcomes=(), note=refusal.for_user(), swept=swept)
        except LookupFailed as failed:
            raise NotNow(str(failed), SLACK_PAUSE) from failed
        return await self._planned(command, plan, approvers, swept)

    def _needs_nobody(self, request: Request, plan: Plan) -> bool:
        """Does the configuration let this sweep end all of it without a click? Otherwise it proposes."""
        if request.sweep is None or request.sweep.action != "end":
            return False
        try:
            self._rights.demand_permitted(kick_of(request), aims(plan), len(plan.sessions))
        except Refused:
            return False
        return True

    async def _planned(
        self, command: Asking, plan: Plan, approvers: tuple[str, ...], swept: Swept | None = None
    ) -> events.Planned:
        owners = self._rights.policy.owners
        whose = {name: tuple(sorted(owners[name])) for name in plan.people if name in owners}
        rules = [rule for host, account in aims(plan) for rule in self._rights.rules(host, account, command.acts)]
        return events.Planned(
            plan=plan,
            plan_hash=plan.hash,
            decide_by=await self._ledger.now() + timedelta(seconds=min(r.expires for r in rules)),
            act_within=min(r.act_by for r in rules),
            approvals=approvals_needed(rules, command.acts, len(plan.sessions)),
            limit=limit_passed(rules, command.acts, len(plan.sessions)),
            approvers=approvers,
            groups=tuple(dict.fromkeys(i for r in rules for i in r.approve)),
            owners=tuple(sorted({who for people in whose.values() for who in people})),
            whose=whose,
            then=tuple(dict.fromkeys(i for r in rules for i in r.then)),
            may_hold=self._rights.policy.allows(aims(plan), Act.HOLD),
            swept=swept,
        )

    async def _plan_kick(self, request: Request, lease: Lease) -> tuple[Request, Plan, str]:
        """The looks, recorded, the plan, and why there is nothing in it."""
        command = kick_of(request)
        groups = self._rights.policy.spare_groups(command.hosts) if command.is_of_everyone else ()
        account = command.user if command.hold else ""
        looks = await self._look_at(command.hosts, compared=command.only.idle > 0, groups=groups, account=account)
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="before"), lease)
        first = await self._ledger.load(command.after) if command.after else None
        plan = planning.make(command, looks, self._rights.policy, first=first, asker=request.asker)
        return request, plan, planning.why_nothing(command, plan, looks)

    async def _plan_limit(self, request: Request, lease: Lease) -> tuple[Request, Plan, str]:
        """The same for a limit that is to be set."""
        command = limit_of(request)
        looks = await self._limits_at(command.hosts)
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="before"), lease)
        plan = trials.make(command, looks)
        return request, plan, trials.why_nothing(plan)

    async def hurry(self, request: Request, lease: Lease) -> Request:
        """Pending: those who may decide are reminded once, and then the time is over."""
        if await self._ledger.now() >= known(request.decide_by):
            return await self._ledger.record(request, events.Expired(), lease)
        if request.needs_nobody:
            return await self.permit(request, lease)
        able = await self._rights.to_remind(request, aims(plan_of(request)))
        try:
            return await self._ledger.record(request, events.Reminded(then=request.then, approvers=able), lease)
        except Conflict:  # somebody decided meanwhile
            return await self._ledger.load(request.id)

    async def permit(self, request: Request, lease: Lease) -> Request:
        """A sweep that the configuration lets end without a click; `act` asks the configuration once more."""
        act_by = await self._ledger.now() + timedelta(seconds=command_of(request).warn + request.act_within)
        permitted = events.Permitted(plan_hash=request.plan_hash, act_by=act_by)
        return await self._ledger.record(request, permitted, lease)

    async def act(self, request: Request, lease: Lease) -> Request:
        """Approved: on each host one look, then one try for each target, until nothing approved is left to do."""
        if request.unanswered:
            return await self.settle(request, lease)
        if why := await self._too_late(request):
            return await self._stop(request, why, lease)
        await self._brake.demand_released()
        if why := await self._right_lost(request):
            return await self._stop(request, why, lease)
        if request.to_warn:
            return await self.warn(request, lease)
        # Every host is waited for, whatever happens on another one: no try may run on behind a second drive.
        few = asyncio.Semaphore(HOSTS_AT_ONCE)
        work = (self._act_on(request, host, lease, few) for host in request.hosts)
        ends = await asyncio.gather(*work, return_exceptions=True)
        for error in (end for end in ends if isinstance(end, BaseException)):
            raise error
        request = await self._ledger.load(request.id)
        if any(ends) or request.waiting_for:
            return request
        return await self._ledger.record(request, events.Verifying(), lease)

    async def _act_on(self, request: Request, host: str, lease: Lease, few: asyncio.Semaphore) -> bool:
        """One host, look after look, without waiting for the others; True if `act` must be entered again for it."""
        while True:
            async with few:
                if not await self._look_and_try(request, host, lease):
                    return False
            request = await self._ledger.load(request.id)
            if any(a.step.host == host for a in request.unanswered) or not await self._in_force(request):
                return True

    async def _look_and_try(self, request: Request, host: str, lease: Lease) -> bool:
        """One look and what it asks for; True if the host is to be looked at again."""
        if isinstance(request.command, SetLimit):
            return await self._look_and_set(request, host, lease)
        (look,) = await self._look_at([host], compared=command_of(request).only.idle > 0)
        looked_at = await self._ledger.now()
        await self._ledger.record(request, events.Observed(looks=_attached([look]), phase="acting"), lease)
        return isinstance(look, Snapshot) and await self._try_each(request, look, looked_at, lease)

    async def _look_and_set(self, request: Request, host: str, lease: Lease) -> bool:
        """The same for a limit: one step to a look."""
        (look,) = await self._limits_at([host])
        looked_at = await self._ledger.now()
        request = await self._ledger.record(request, events.Observed(looks=_attached([look]), phase="acting"), lease)
        if isinstance(look, Unreachable):
            return False
        step = trials.next_step(await self._ledger.load(request.id), look, await self._whose(request))
        if step is not None:
            await self._take(request, step, look, looked_at, lease)
        return step is not None

    async def _try_each(self, request: Request, look: Snapshot, looked_at: datetime, lease: Lease) -> bool:
        """Everything that is to be tried after this look; then give the tries a moment to show."""
        tried = False
        while step := planning.next_step(await self._ledger.load(request.id), [look], looked_at):
            if not await self._take(request, step, look, looked_at, lease):
                return True
            if isinstance(step, Hold):
                await self._remember(request)
            tried = tried or not isinstance(step, ShowAccount)
        if tried:
            await self._watch(await self._ledger.load(request.id), [look.host], self._timing.rung)
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
        looks = await self._look_at(request.hosts)
        looked_at = await self._ledger.now()
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="warning"), lease)
        act_at = looked_at + timedelta(seconds=command_of(request).warn)
        text = await self._warning(request, act_at)
        seen = by_host(looks)
        while step := planning.next_warning(request, looks, text=text, act_at=act_at):
            look = seen[step.host]
            if not isinstance(look, Snapshot) or not await self._take(request, step, look, looked_at, lease):
                return await self._ledger.load(request.id)
            request = await self._ledger.load(request.id)
        told = (a.step.act_at for a in request.attempts if isinstance(a.step, Warn))
        return await self._ledger.record(request, events.Warned(act_at=max([act_at, *told])), lease)

    async def settle(self, request: Request, lease: Lease) -> Request:
        """An intent without its answer: wait until it can't start on its host any more. Never repeat blindly."""
        looks = by_host(await self._look_at([a.step.host for a in request.unanswered]))
        for attempt in request.unanswered:
            await self._sleep(_seconds_until_over(attempt, looks[attempt.step.host]))
            request = await self._acts.settle(request, attempt, lease)
        return request

    async def verify(self, request: Request, lease: Lease) -> Request:
        """Nothing is left to do: watch until the targets are gone or the time is up, then judge what is seen."""
        if isinstance(request.command, SetLimit):
            return await self._verify_limit(request, lease)
        await self._remember(request)
        looks = await self._watch(request, request.hosts, self._timing.watch)
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="after"), lease)
        if request.lost and await self._ledger.now() < known(request.give_up_at):
            return request
        closed = events.Closed(outcomes=outcomes.judge(request, looks), note=outcomes.note(request, looks))
        return await self._ledger.record(request, closed, lease)

    async def _verify_limit(self, request: Request, lease: Lease) -> Request:
        """The same for a limit: whatever is still on trial is taken back by its host."""
        until = await self._ledger.now() + timedelta(seconds=trials.TRIAL + self._timing.watch)
        looks = await self._limits_at(request.hosts)
        while trials.is_pending(request, looks) and await self._ledger.now() < until:
            await self._sleep(self._timing.poll[-1])
            looks = await self._limits_at(request.hosts)
        request = await self._ledger.record(request, events.Observed(looks=_attached(looks), phase="after"), lease)
        if request.lost and await self._ledger.now() < known(request.give_up_at):
            return request
        return await self._ledger.record(request, events.Closed(outcomes=trials.judge(request, looks)), lease)

    async def _remember(self, request: Request) -> None:
        """What was held lives on by itself, also if Kickbot died since."""
        await self._holds.remember(await self._ledger.load(request.id))

    async def give_back(self, request: Request, lease: Lease) -> Request:
        """Held, and its time has come."""
        return await self._holds.give_back(request, lease)

    _STEPS: dict[State, Callable[["Workflow", Request, Lease], Awaitable[Request]]] = {  # noqa: RUF012 - never changed
        State.ASKED: prepare,
        State.PENDING: hurry,
        State.APPROVED: act,
        State.WARNED: act,
        State.ACTING: act,
        State.VERIFYING: verify,
        State.HELD: give_back,
    }

    # ------------------------------------------------------------------------------------------ small pieces

    async def _in_force(self, request: Request) -> bool:
        """May anything be begun for it now? What becomes of it otherwise, `act` says."""
        return not (await self._too_late(request) or await self._brake.is_on() or await self._right_lost(request))

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
            return await self._ledger.record(request, events.Lapsed(reason=why), lease)
        return await self._ledger.record(request, events.Verifying(reason=why), lease)

    async def _look_at(
        self, hosts: Sequence[str], *, compared: bool = False, groups: Sequence[str] = (), account: str = ""
    ) -> Looks:
        """One look for each host, in the order of the hosts.

        compared: with how far its clock is from the trail's. groups: with who is in these Unix groups. account: with
        whose that login name is.
        """
        seen: dict[str, Snapshot | Unreachable] = {}
        async for look in self._hosts.look(tuple(dict.fromkeys(hosts)), groups=groups, account=account):
            seen[look.host] = await self._compared(look) if compared else look
        for look in seen.values():
            if isinstance(look, Snapshot):
                self._last_seen[look.host] = frozenset(s.account.name for s in look.sessions if not s.own)
        return tuple(seen[host] for host in dict.fromkeys(hosts))

    async def _limits_at(self, hosts: Sequence[str]) -> LimitsLooks:
        seen = {look.host: look async for look in self._hosts.limits(tuple(dict.fromkeys(hosts)))}
        return tuple(seen[host] for host in dict.fromkeys(hosts))

    async def _compared(self, look: Snapshot | Unreachable) -> Snapshot | Unreachable:
        if isinstance(look, Unreachable):
            return look
        return look.model_copy(update={"ahead": round((look.time - await self._ledger.now()).total_seconds())})

    async def _watch(self, request: Request, hosts: Sequence[str], seconds: float) -> Looks:
        """Look again, quickly first, until no target is left there or the time is up: the last looks."""
        until, polls = await self._ledger.now() + timedelta(seconds=seconds), iter(self._timing.poll)
        pause = next(polls)
        while True:
            looks = await self._look_at(hosts, compared=command_of(request).only.idle > 0)
            if await self._ledger.now() >= until or not planning.awaited(request, looks):
                return looks
            await self._sleep(pause)
            pause = next(polls, pause)

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

    async def _owners(self, looks: Looks) -> dict[str, tuple[str, ...]]:
        """By name and not as mentions: a listing must not call the people that it lists."""
        known = self._rights.policy.owners
        accounts = {s.account.name for look in looks if isinstance(look, Snapshot) for s in look.sessions}
        return {
            account: tuple([await self._rights.name(who) or who for who in sorted(known[account])])
            for account in sorted(accounts & known.keys())
        }

    async def _seconds_left(self, request: Request) -> float:
        return (known(request.act_by) - await self._ledger.now()).total_seconds()


def _attached(looks: Sequence[Snapshot | HostLimits | Unreachable]) -> tuple[Attachment, ...]:
    return tuple(Attachment.of(look) for look in looks)


def _seconds_until_over(attempt: lifecycle.Attempt, look: Snapshot | Unreachable) -> float:
    """Until the host's own uptime is past the deadline of an act: only then it can't start any more."""
    if not isinstance(look, Snapshot) or look.boot != attempt.step.target.boot:
        return 0
    return max(attempt.not_after - look.uptime + 1, 0) / 100
