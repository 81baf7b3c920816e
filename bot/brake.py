"""The emergency brake: whoever may approve anything stops all acting at once; two of them together release it.

What a host was asked to do before is not taken back; nothing more is begun, by any process on the same trail.
"""

import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from bot import events
from bot.borders import Told, Trail
from bot.cleaning import clean, shorten
from bot.commands import MAX_REASON
from bot.errors import ActingFrozen, AlreadyRecorded, LookupFailed, Refused
from bot.events import Event
from bot.freezes import Freezes
from bot.ledger import Ledger
from bot.models import RequestId
from bot.policy import mention
from bot.request import Request
from bot.rights import Rights
from bot.states import State

log = logging.getLogger(__name__)

BEHIND = (
    "event {event} of request {request} was told in Slack and is not in the audit trail. Was an older backup restored,"
    " or another database taken? What it lacks may have been done: look at the hosts before you unfreeze"
)
TOGETHER = timedelta(minutes=15)
"""For how long the first of the two people who unfreeze is taken at their word."""


class Brake:
    """Refused by default: where the trail doesn't say, nothing acts."""

    def __init__(self, trail: Trail, ledger: Ledger, rights: Rights) -> None:
        self._trail = trail
        self._freezes = Freezes(trail)
        self._ledger = ledger
        self._rights = rights

    async def is_on(self) -> bool:
        """Every freeze counts that any process recorded until now. Raises TrailError."""
        return bool(await self._freezes.in_force())

    async def demand_released(self) -> None:
        """Raises ActingFrozen, which says since when, and how it goes on."""
        if frozen := await self._freezes.in_force():
            raise ActingFrozen(
                f"{_told(frozen[0])} Nothing was done. It goes on when two people unfreeze: `/kickbot unfreeze`."
            )

    async def freeze(self, frozen: events.Frozen) -> Request:
        """Raises Refused for someone who may approve nothing, and where it is frozen already."""
        await self._rights.to_freeze(frozen.who)
        if already := await self._freezes.in_force():
            raise Refused(f"{_told(already[0])} It stays so.")
        reason = shorten(clean(frozen.reason), MAX_REASON)
        return await self._ledger.begin(frozen.model_copy(update={"reason": reason}))

    async def compare(self, told: Sequence[Told], home: str) -> None:
        """Freezes, if what people were told last doesn't stand in the trail: then it went backwards, or is another one.

        told: the newest first. Once people released that freeze, the same is no reason for another one.
        """
        for one in told:
            if not any(r.seq == one.event and r.hash == one.hash for r in await self._trail.read(one.request)):
                log.error("event %s of request %s was told in Slack and isn't in the trail", one.event, one.request)
                reason = BEHIND.format(event=one.event, request=one.request)
                with suppress(AlreadyRecorded):
                    await self._ledger.begin(events.Frozen(key=f"not there: {one.hash}", home=home, reason=reason))
                return

    async def unfreeze(self, who: str, only: RequestId | None = None) -> Request:
        """The freeze as it stands now: the first one says so, the second one releases it. Raises Refused.

        only: the one that this person saw. If there are several, the one that is still in force is what counts.
        """
        frozen = [freeze for freeze in await self._freezes.in_force() if only in {None, freeze.id}]
        if not frozen:
            raise Refused("That freeze is over. Nothing was done by your click." if only else "Nothing is frozen.")
        now, refusals = list[Request](), list[Refused | LookupFailed]()
        for freeze in frozen:
            try:
                now.append(await self._ledger.decide(freeze.id, who, "unfreeze", partial(self._release, who)))
            except (Refused, LookupFailed) as refusal:
                refusals.append(refusal)
        if not now:
            raise refusals[0]
        return next((freeze for freeze in now if freeze.state is State.FROZEN), now[0])

    async def _release(self, who: str, freeze: Request) -> Event | None:
        if freeze.state is not State.FROZEN:
            return None  # somebody else's word came first, and was enough
        await self._rights.to_freeze(who)
        since = await self._ledger.now() - TOGETHER
        before = [decision.who for decision in freeze.decisions if decision.at >= since]
        if await self._another_one(who, before):
            return events.Unfrozen(who=who)
        if who in before:
            raise Refused("You unfroze this already. It needs another person too.")
        return events.UnfreezeAsked(who=who)

    async def _another_one(self, who: str, before: list[str]) -> bool:
        """Is there someone else among those who still may?"""
        for other in dict.fromkeys(before):
            if other != who and await self._rights.may_freeze(other):
                return True
        return False


def _told(freeze: Request) -> str:
    """`Bob has frozen all acting since 13:40 UTC: wrong rule deployed.`"""
    who = "Kickbot" if freeze.asker == events.BOT else mention(freeze.asker)
    return f"🧊 {who} has frozen all acting since {freeze.asked_at:%H:%M} UTC: {freeze.reason.rstrip('.')}."
