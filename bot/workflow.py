"""START HERE 2: the story of a request. The only file that knows the order of the steps; it talks to no edge directly.

    ask -> look -> plan -> approve -> carry it out, see `execution.py` -> look -> judge -> closed
    a sweep's run -> look -> report, or plan -> approve by people, or by the configuration -> the same

Each step reads the request as the trail tells it, does one thing, and records it; each is safe to enter again after a
crash. It never posts: the publisher follows the trail.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from bot import commands, events, planning
from bot.allowance import Allowance
from bot.borders import Hosts, Lease, Origin, Sleep, Told, Trail
from bot.brake import Brake
from bot.cleaning import clean
from bot.decisions import Decisions
from bot.drops import Drops
from bot.errors import Conflict, HeldElsewhere, LookupFailed, Refused, TooLate
from bot.execution import Execution, Timing
from bot.ledger import Ledger
from bot.listings import Listings, Seen, SeenLimits
from bot.looking import Looking, Onlooker
from bot.loop import Loop
from bot.models import Asking, Kick, Limits, Listing, RequestId, Unhold
from bot.policy import Rule, home, in_time
from bot.preparing import Preparing
from bot.request import Request, command_of, known, plan_of
from bot.reviews import Reviews
from bot.rights import Rights, aims
from bot.second_factors import SecondFactors
from bot.states import State
from bot.stopping import together
from bot.sweeps import Sweeps
from bot.unholds import Unholds

UNFREEZE_LATE = 60.0
"""Seconds after which a word to unfreeze that arrives counts for nothing."""
CLOCKS_APART = timedelta(minutes=5)
"""By so much Slack's clock and the trail's may differ."""


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
        self._rights = rights
        self._brake = Brake(trail, self._ledger, rights)
        self._reviews = Reviews(self._ledger, rights)
        self._second_factors = SecondFactors(self._ledger, rights)
        self._decisions = Decisions(self._ledger, rights, self._brake, self._reviews, self._second_factors)
        self._unholds = Unholds(self._ledger, rights, self._second_factors)
        self._drops = Drops(trail, self._ledger, rights, self._brake, self._second_factors)
        self._sweeps = Sweeps(self._ledger, lambda: rights.policy)
        self._looking = Looking(self._ledger, hosts, poll=timing.poll, sleep=sleep)
        self._listings = Listings(self._ledger, self._looking, rights)
        self._allowance = Allowance(self._ledger)
        self._preparing = Preparing(self._ledger, self._looking, rights, self._brake, self._sweeps, self._allowance)
        self._execution = Execution(
            self._ledger,
            hosts,
            rights,
            self._brake,
            reviews=self._reviews,
            sweeps=self._sweeps,
            looking=self._looking,
            timing=timing,
            sleep=sleep,
        )
        self._loop = Loop(self._ledger, self.drive)

    async def compare(self, told: Sequence[Told]) -> None:
        """Before it runs. told: the newest first; a trail that lacks some of it acts only after a word of people."""
        await self._brake.compare(told, self._rights.policy.incident_channel)

    async def run(self) -> None:
        """Carry on with every open request, and with each new one, until cancelled."""
        await together(self._loop.run(), self._sweeps.keep())

    # ------------------------------------------------------------------------------------------ what people do

    async def look(self, origin: Origin, listing: Listing, onlooker: Onlooker | None = None) -> Seen:
        """`/sessions`: the hosts that this person may look at, and a refusal for each other one.

        onlooker: sees meanwhile what has come, and may end the look before its time.
        """
        return await self._listings.sessions(origin, listing, onlooker)

    def so_far(self, listing: Listing, onlooker: Onlooker) -> Seen:
        """What has come of a look that still goes on."""
        return self._listings.so_far(listing, onlooker)

    async def limits(self, origin: Origin, wanted: Limits) -> SeenLimits:
        """`/limits`: the same for what the hosts do by themselves about idle people."""
        return await self._listings.limits(origin, wanted)

    async def logged_in(self, who: str, hosts: Sequence[str]) -> tuple[str, ...]:
        """The accounts that were there when a host was last looked at; only on hosts that this person may look at."""
        return await self._listings.logged_in(who, hosts)

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
            await self._allowance.demand_asking(origin.who, command, rules)
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

    async def asks_for_a_code(self, who: str, request_id: RequestId) -> bool:
        """Would this person's yes to it, whatever it is about, count only with a code? Asked before a form is opened.

        It decides nothing: whoever judges the yes asks again.
        """
        return self._second_factors.are_asked_of(who, await self._ledger.load_afresh(request_id))

    async def approve(self, origin: Origin, request_id: RequestId, plan_hash: str, code: str = "") -> Request:
        """A second person says yes. Raises Refused, recorded, and then nothing is done.

        code: of their second factor; empty: none came.
        """
        return await self._decisions.approve(origin.who, request_id, plan_hash, code)

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

    async def unhold_one(self, origin: Origin, request_id: RequestId, code: str = "") -> Request:
        """The same by the button under one hold. code: as of `approve`."""
        return await self._unholds.one(origin.who, request_id, code=code)

    async def review(self, origin: Origin, request_id: RequestId, *, fine: bool, comment: str) -> Request:
        """One of two people who could have approved an emergency says what they found. Raises Refused, recorded."""
        return await self._reviews.word(origin.who, request_id, fine=fine, comment=comment)

    async def retention(self, origin: Origin) -> Request:
        """`/kickbot retention`: someone asks to drop what hosts said long ago. Raises Refused."""
        return await self._drops.ask(origin)

    async def let_drop(self, origin: Origin, request_id: RequestId, code: str = "") -> Request:
        """Someone else agrees. Raises Refused, recorded. code: as of `approve`."""
        return await self._drops.approve(origin.who, request_id, code)

    async def keep(self, origin: Origin, request_id: RequestId) -> Request:
        """It is not dropped after all. Raises Refused, recorded."""
        return await self._drops.cancel(origin.who, request_id)

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
        return await self._preparing.prepare(request, lease)

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
        """A sweep, or an emergency, that the configuration lets end without a click; `act` asks it once more."""
        act_by = await self._ledger.now() + timedelta(seconds=command_of(request).warn + request.act_within)
        who = request.asker if request.emergency else events.BOT
        permitted = events.Permitted(who=who, plan_hash=request.plan_hash, act_by=act_by, emergency=request.emergency)
        return await self._ledger.record(request, permitted, lease)

    async def act(self, request: Request, lease: Lease) -> Request:
        """Approved: whatever is left to do on its hosts, until it is done or may not be done any more."""
        return await self._execution.act(request, lease)

    async def verify(self, request: Request, lease: Lease) -> Request:
        """Nothing is left to do: watch, and judge what is seen."""
        return await self._execution.verify(request, lease)

    async def give_back(self, request: Request, lease: Lease) -> Request:
        """Held, and its time has come."""
        return await self._execution.give_back(request, lease)

    async def remind(self, request: Request, lease: Lease) -> Request:
        """An emergency that nobody has reviewed, or one person alone."""
        return await self._reviews.remind(request, lease)

    async def drop(self, request: Request, lease: Lease) -> Request:
        """Two people agreed."""
        return await self._drops.drop(request, lease)

    async def drop_nothing(self, request: Request, lease: Lease) -> Request:
        """They didn't, in time."""
        return await self._drops.expire(request, lease)

    _STEPS: dict[State, Callable[["Workflow", Request, Lease], Awaitable[Request]]] = {  # noqa: RUF012 - never changed
        State.ASKED: prepare,
        State.PENDING: hurry,
        State.APPROVED: act,
        State.WARNED: act,
        State.ACTING: act,
        State.VERIFYING: verify,
        State.HELD: give_back,
        State.REVIEW: remind,
        State.TO_DROP: drop_nothing,
        State.DROPPING: drop,
    }
