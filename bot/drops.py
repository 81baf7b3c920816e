"""What hosts said is kept as long as kickbot.toml says; then two people may let it be dropped. Events stay for good.

One of those who may approve anything asks, another one approves: recorded, then done. A drop that was cut off is begun
again, which does no harm: what went is gone, and what has to stay stays.
"""

from datetime import datetime, timedelta
from functools import partial

from bot import events
from bot.borders import Lease, Origin, Trail
from bot.brake import Brake
from bot.durations import spell
from bot.errors import Conflict, Refused
from bot.events import Event
from bot.ledger import Ledger
from bot.models import RequestId
from bot.request import Request, known
from bot.rights import Rights
from bot.second_factors import SecondFactors
from bot.states import State

DECIDE = timedelta(hours=24)
"""For how long one person's word waits for the other's."""

FOR_EVER = "kickbot.toml has no `keep_bodies` below [audit]: what hosts said is kept for ever. Nothing was asked."


class Drops:
    """Refused by default: without `keep_bodies` nothing is ever dropped."""

    def __init__(
        self, trail: Trail, ledger: Ledger, rights: Rights, brake: Brake, second_factors: SecondFactors
    ) -> None:
        self._second_factors = second_factors
        self._trail = trail
        self._ledger = ledger
        self._rights = rights
        self._brake = brake

    async def ask(self, origin: Origin) -> Request:
        """The first of the two. Raises Refused for who may approve nothing, and where there is nothing to drop."""
        await self._rights.to_freeze(origin.who)
        await self._brake.demand_released()
        if not (keep := self._rights.policy.keep):
            raise Refused(FOR_EVER)
        await self._demand_no_other()
        now = await self._ledger.now()
        before = now - timedelta(seconds=keep)
        aged = await self._trail.aged(before)
        if not aged.bodies:
            raise Refused(f"There is nothing to drop: nothing that hosts said is kept for more than {spell(keep)} now.")
        asked = events.RetentionAsked(
            who=origin.who,
            key=origin.key,
            channel=origin.channel.id,
            home=self._rights.policy.incident_channel,
            before=before,
            up_to=aged.up_to,
            bodies=aged.bodies,
            size=aged.size,
            decide_by=now + DECIDE,
            approvers=await self._rights.others_to_freeze(origin.who),
        )
        return await self._ledger.begin(asked)

    async def approve(self, who: str, request_id: RequestId, code: str) -> Request:
        """The second one. Raises Refused, recorded."""
        return await self._ledger.decide(request_id, who, "drop", partial(self._judge, who, code))

    async def cancel(self, who: str, request_id: RequestId) -> Request:
        """It stays. Raises Refused, recorded."""
        return await self._ledger.decide(request_id, who, "cancel", partial(self._judge_cancel, who))

    async def drop(self, request: Request, lease: Lease) -> Request:
        """Approved: done now, or gone on with after a crash. While all acting is frozen the trail loses nothing."""
        await self._brake.demand_released()
        await self._trail.drop(request.id)
        return await self._ledger.record(request, events.Dropped(), lease)

    async def expire(self, request: Request, lease: Lease) -> Request:
        """Nobody decided in time."""
        try:
            return await self._ledger.record(request, events.Expired(), lease)
        except Conflict:  # somebody decided meanwhile
            return await self._ledger.load(request.id)

    # ------------------------------------------------------------------------------------------ what counts

    async def _judge(self, who: str, code: str, request: Request) -> Event | None:
        before = _demand_waiting(request)
        await self._brake.demand_released()
        if who == request.asker:
            raise Refused("You asked for this one, so you can't approve it.")
        await self._rights.to_freeze(who)
        if not await self._rights.may_freeze(request.asker):
            raise Refused("Whoever asked for this may approve nothing any more, so it can't be approved.")
        now, keep = await self._ledger.now(), self._rights.policy.keep
        if now >= known(request.decide_by):
            raise Refused("The time to decide is over. Ask again: `/kickbot retention`.")
        if not keep or before > now - timedelta(seconds=keep):
            raise Refused("kickbot.toml keeps them for longer by now. Nothing is dropped.")
        proof = await self._second_factors.proof(who, request, "drop", code)
        return events.RetentionApproved(**proof.model_dump(), who=who)

    async def _judge_cancel(self, who: str, request: Request) -> Event | None:
        _demand_waiting(request)
        if who != request.asker:
            await self._rights.to_freeze(who)
        return events.Cancelled(who=who)

    async def _demand_no_other(self) -> None:
        for number in await self._ledger.open_requests():
            if (await self._ledger.load(number)).retention is not None:
                raise Refused(f"Request {number} is about the same, and still open. Nothing was asked.")


def _demand_waiting(request: Request) -> datetime:
    """From before when it is about. Raises Refused once it doesn't wait any more."""
    if request.retention is None:
        raise Refused("This is not about what is kept.")
    if request.state is not State.TO_DROP:
        raise Refused(f"Request {request.id} is {request.state} already. Nothing was done by your click.")
    return request.retention.before
