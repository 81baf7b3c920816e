"""People's decisions about a request: who may make which, in which state, and what someone reads whose click is late.

The first valid one wins. What doesn't count is recorded too, and changes nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from bot import events
from bot.brake import Brake
from bot.cleaning import clean, shorten
from bot.commands import MAX_REASON
from bot.errors import Refused
from bot.events import Action, Event
from bot.ledger import Ledger
from bot.models import RequestId
from bot.policy import mention
from bot.request import Request, command_of, known, plan_of
from bot.reviews import Reviews
from bot.rights import Rights, aims
from bot.second_factors import SecondFactors
from bot.states import State

DECIDABLE: dict[str, frozenset[State]] = {
    "approve": frozenset({State.PENDING}),
    "deny": frozenset({State.PENDING}),
    "cancel": frozenset({State.PENDING, State.APPROVED, State.WARNED}),
}


class Decisions:
    """Each method raises Refused, recorded, and then nothing was decided."""

    def __init__(
        self, ledger: Ledger, rights: Rights, brake: Brake, reviews: Reviews, second_factors: SecondFactors
    ) -> None:
        self._second_factors = second_factors
        self._ledger = ledger
        self._reviews = reviews
        self._rights = rights
        self._brake = brake

    async def approve(self, who: str, request_id: RequestId, plan_hash: str, code: str) -> Request:
        """A second person says yes."""
        return await self._decide(who, request_id, "approve", plan_hash, partial(self._approval, who, code))

    async def deny(self, who: str, request_id: RequestId, plan_hash: str, reason: str) -> Request:
        """Someone who may approve says no."""
        return await self._decide(who, request_id, "deny", plan_hash, partial(self._denial, who, reason))

    async def cancel(self, who: str, request_id: RequestId, plan_hash: str) -> Request:
        """The asker takes it back; once it is approved, whoever may approve can stop it too."""
        return await self._decide(who, request_id, "cancel", plan_hash, partial(self._cancellation, who))

    async def _decide(
        self,
        who: str,
        request_id: RequestId,
        action: Action,
        plan_hash: str,
        decision: Callable[[Request], Awaitable[Event]],
    ) -> Request:
        async def judge(request: Request) -> Event:
            await self._demand_open(request, plan_hash, action)
            return await decision(request)

        return await self._ledger.decide(request_id, who, action, judge)

    async def _demand_open(self, request: Request, plan_hash: str, action: str) -> None:
        if request.state.final or request.state not in DECIDABLE[action]:
            raise Refused(_stands(request))
        if request.plan_hash != plan_hash:
            raise Refused("This button belongs to an older state of the request. Nothing was done by your click.")
        if request.state is State.PENDING and await self._ledger.now() >= known(request.decide_by):
            raise Refused(f"Nobody decided until {known(request.decide_by):%H:%M} UTC: it is too late. Ask again.")

    async def _approval(self, who: str, code: str, request: Request) -> Event:
        if request.emergency or request.needs_nobody:
            raise Refused("Nobody has to approve this. Nothing was done by your click.")
        await self._brake.demand_released()
        plan = plan_of(request)
        counted = await self._counted(who, request)
        if all(who in request.approved_on(host) for host in counted):
            raise Refused("You approved this already. It needs another person too.")
        needed = self._rights.approvals_needed(request, aims(plan))
        have = {h: request.approved_on(h) | ({who} if h in counted else frozenset()) for h in plan.hosts}
        proof = await self._second_factors.proof(who, request, "approve", code)
        return events.Approved(
            **proof.model_dump(),
            who=who,
            plan_hash=request.plan_hash,
            hosts=counted,
            complete=all(len(have[host]) >= number for host, number in needed.items()),
            act_by=await self._ledger.now() + timedelta(seconds=command_of(request).warn + request.act_within),
        )

    async def _counted(self, who: str, request: Request) -> tuple[str, ...]:
        """The hosts for which this person may decide. Raises Refused, which names who can."""
        try:
            return await self._rights.to_approve(who, request, aims(plan_of(request)))
        except Refused as refusal:
            others = " or ".join(mention(i) for i in request.approvers if i != who)
            raise Refused(f"{refusal} {others} can." if others else str(refusal)) from refusal

    async def _denial(self, who: str, reason: str, request: Request) -> Event:
        await self._counted(who, request)
        return events.Denied(who=who, plan_hash=request.plan_hash, reason=shorten(clean(reason), MAX_REASON))

    async def _cancellation(self, who: str, request: Request) -> Event:
        if request.sweep and request.state is State.PENDING:
            raise Refused("A sweep asked for this, so nobody can cancel it. Who may approve it can deny it.")
        if who != request.asker and request.state is State.PENDING:
            raise Refused(f"Only <@{request.asker}>, who asked, can cancel this. Who may approve it can deny it.")
        if who != request.asker:
            await self._counted(who, request)
        await self._reviews.open(request)
        return events.Cancelled(who=who)


def _stands(request: Request) -> str:
    """What someone reads who clicks on a request that is decided."""
    at = f"{request.at:%H:%M} UTC"
    by = "Nobody had to approve this" if request.permitted else f"<@{request.ended_by}> approved this already"
    told = {
        State.APPROVED: f"{by}.",
        State.WARNED: f"{by}, and the user was told.",
        State.ACTING: f"{by}, and it is being done.",
        State.VERIFYING: f"{by}, and it is done.",
        State.DENIED: f"<@{request.ended_by}> denied this at {at}.",
        State.CANCELLED: f"<@{request.ended_by}> cancelled this at {at}.",
        State.EXPIRED: f"This expired at {at}: nobody had decided in time.",
        State.LAPSED: f"This lapsed at {at}: it was approved, and nothing was done.",
        State.CLOSED: f"This was finished at {at}.",
        State.REFUSED: "This was refused.",
        State.ASKED: "This isn't planned yet.",
    }
    return f"{told.get(request.state, 'This can not be decided.')} Nothing was done by your click."
