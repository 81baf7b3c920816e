"""Giving back a hold before its time: one person asks, as many others as the rule says agree. It acts on no host.

Whoever asks again counts for nothing; the first word counts as long as the rule's request would wait.
"""

from datetime import timedelta
from functools import partial

from bot import events
from bot.errors import LookupFailed, Refused
from bot.events import Event
from bot.inventory import fold
from bot.ledger import Ledger
from bot.models import RequestId, Unhold
from bot.policy import mention
from bot.request import Request, held_of
from bot.rights import Rights
from bot.second_factors import SecondFactors
from bot.states import State


class Unholds:
    """Each method raises Refused, recorded, and then nothing was decided."""

    def __init__(self, ledger: Ledger, rights: Rights, second_factors: SecondFactors) -> None:
        self._second_factors = second_factors
        self._ledger = ledger
        self._rights = rights

    async def every(self, who: str, wanted: Unhold) -> tuple[tuple[Request, ...], tuple[str, ...]]:
        """The holds of that account on those hosts, as they stand after this person's word; and why not the others."""
        found = [hold for hold in await self._in_force() if _is_meant(hold, wanted)]
        if not found:
            raise Refused(f"Kickbot holds no {wanted.user} on {fold(wanted.hosts)}.")
        now, refusals = list[Request](), dict[str, Refused | LookupFailed]()
        for hold in found:
            try:
                now.append(await self.one(who, hold.id, wanted.reason))
            except (Refused, LookupFailed) as refusal:
                refusals[held_of(hold).target.host] = refusal
        if not now:
            raise next(iter(refusals.values()))
        return tuple(now), tuple(f"Not on {host}: {refusal.for_user()}" for host, refusal in refusals.items())

    async def one(self, who: str, number: RequestId, reason: str = "", code: str = "") -> Request:
        """One hold, as it stands after this person's word."""
        return await self._ledger.decide(number, who, "unhold", partial(self._word, who, reason, code))

    async def _in_force(self) -> list[Request]:
        """What is a hold stays one, so only those are read afresh."""
        open_ = [await self._ledger.load(number) for number in await self._ledger.open_requests()]
        holds = [await self._ledger.load_afresh(request.id) for request in open_ if request.held is not None]
        return [hold for hold in holds if hold.state is State.HELD]

    async def _word(self, who: str, reason: str, code: str, hold: Request) -> Event:
        target = held_of(hold).target
        if hold.state is not State.HELD:
            raise Refused("This hold is over.")
        if hold.unheld:
            raise Refused("This is being given back already.")
        asked = hold.unhold_asked
        waits = self._rights.unhold_waits(target)
        if asked is None or asked.at < await self._ledger.now() - timedelta(seconds=waits):
            await self._rights.to_ask_unhold(who, target, reason)
            return events.UnholdAsked(who=who, reason=reason)
        if who == asked.who or any(who == word.who for word in hold.decisions):
            raise Refused("You said so already. It needs another person too.")
        needed = await self._rights.to_approve_unhold(who, target, asked.who)
        await self._demand_asker(asked.who, hold)
        agreed = 1 + await self._still_agree(hold, asked.who)
        proof = await self._second_factors.proof(who, hold, "unhold", code)
        return events.UnholdApproved(**proof.model_dump(), who=who, complete=agreed >= needed)

    async def _demand_asker(self, asker: str, hold: Request) -> None:
        """Raises Refused where whoever asked has lost the right to since then."""
        try:
            await self._rights.to_ask_unhold(asker, held_of(hold).target, hold.reason)
        except Refused as refusal:
            raise Refused(f"{mention(asker)} asked for this, and may not any more: {refusal}") from refusal

    async def _still_agree(self, hold: Request, asker: str) -> int:
        """How many of those who agreed before still may, and did it as it is asked for now."""
        agreed, proved = 0, self._rights.second_factor_demanded(hold)
        for word in hold.decisions:
            if proved and not word.second_factor:
                continue
            try:
                await self._rights.to_approve_unhold(word.who, held_of(hold).target, asker)
            except Refused:
                continue
            agreed += 1
        return agreed


def _is_meant(hold: Request, wanted: Unhold) -> bool:
    target = held_of(hold).target
    return target.account.name == wanted.user and target.host in wanted.hosts
