"""Holds that are in force: each is a request of its own, opened when an account was kept out on one host, and ended
when it was given back. It is due at its time, again and again until a look shows that it is over.

The host's own timer gives back too: whoever comes second finds that it is done, and says by whom.
"""

from contextlib import suppress
from datetime import timedelta

from bot import events
from bot.acts import Acts
from bot.borders import Hosts, Lease
from bot.brake import Brake
from bot.cleaning import without_mentions
from bot.errors import AlreadyRecorded, NotNow
from bot.ledger import Ledger
from bot.models import Answer, Ended, HostUptime, Release, ShowHold, Snapshot, Target, Unreachable
from bot.request import Attempt, Request, held_of

WINDOW = 20.0
"""Seconds that a host has to begin giving back, from the look before it."""
PAUSE, LONGEST_PAUSE = 60.0, 3600.0
"""Seconds between tries: a minute at first, then ever more."""


class Holds:
    """Opens them and gives them back."""

    def __init__(self, ledger: Ledger, hosts: Hosts, brake: Brake, acts: Acts) -> None:
        self._ledger = ledger
        self._hosts = hosts
        self._brake = brake
        self._acts = acts

    async def remember(self, request: Request) -> None:
        """Each hold of this request that is in force, or may be, lives by itself from here on. Safe to enter again."""
        for host in dict.fromkeys(target.host for target in request.plan.holds) if request.plan else ():
            if tried := _in_force(request.holds_tried(host)):
                with suppress(AlreadyRecorded):
                    await self._ledger.begin(_held(request, tried))

    async def give_back(self, request: Request, lease: Lease) -> Request:
        """Held, and its time has come: give back, and look. Raises NotNow while that can't be done."""
        for attempt in request.unanswered:  # its deadline on the host is over, and a second try is as good as one
            request = await self._acts.settle(request, attempt, lease)
        await self._brake.demand_released()
        look = await self._reach(request, lease)
        answer = await self._release(request, look, lease)
        if answer.status == "unknown":
            return await self._ledger.load(request.id)  # it is due after its time
        request = await self._ledger.load(request.id)
        if answer.ended is None or answer.ended.now in {"failed", "busy"}:
            raise await self._not_yet(request, _why(answer), lease)
        shown = await self._show(request, look)
        if shown.after is None or shown.after.record == held_of(request).id:
            raise await self._not_yet(request, "it isn't known yet whether it was given back", lease)
        return await self._ledger.record(request, _released(answer.ended, shown), lease)

    async def _reach(self, request: Request, lease: Lease) -> Snapshot:
        target = held_of(request).target
        async for look in self._hosts.look([target.host]):
            if isinstance(look, Unreachable):
                raise await self._not_yet(request, f"{look.host} {look.reason}", lease)
            return look
        raise await self._not_yet(request, f"{target.host} was not looked at", lease)

    async def _release(self, request: Request, look: Snapshot, lease: Lease) -> Answer:
        held = held_of(request)
        step = Release(target=_now(held.target, look), id=held.id, attempt=1 + len(request.attempts))
        not_after = HostUptime(look.uptime + int(WINDOW * 100))
        answer_by = await self._ledger.now() + timedelta(seconds=WINDOW)
        ending = events.Ending(step=step, not_after=not_after, answer_by=answer_by)
        return await self._acts.carry_out(request, ending, lease)

    async def _show(self, request: Request, look: Snapshot) -> Answer:
        """The fresh look that proves it; it changes nothing, so it needs no intent."""
        held = held_of(request)
        step = ShowHold(target=_now(held.target, look), id=held.id)
        return await self._hosts.act(step, not_after=HostUptime(look.uptime + int(2 * WINDOW * 100)))

    async def _not_yet(self, request: Request, why: str, lease: Lease) -> NotNow:
        """Said once, however often it is tried."""
        if not request.overdue:
            await self._ledger.record(request, events.Overdue(reason=without_mentions(why)), lease)
        return NotNow(why, min(PAUSE * 2 ** min(len(request.attempts), 6), LONGEST_PAUSE))


def _in_force(tried: tuple[Attempt, ...]) -> Attempt | None:
    """The try that held, or one of which nobody knows."""
    return next((a for a in tried if a.status == "done"), next((a for a in tried if a.status == "unknown"), None))


def _held(request: Request, tried: Attempt) -> events.Held:
    return events.Held(
        key=f"hold {request.hold_id} on {tried.step.host}",
        home=request.home,
        of=request.id,
        id=request.hold_id,
        target=tried.step.target,
        until=request.hold_until or request.at,
        before=tried.before,
        reason=request.command.reason if request.command else "",
    )


def _now(target: Target, look: Snapshot) -> Target:
    """A hold outlives a reboot and a new host key. A machine that was built anew knows no hold of that id."""
    return target.model_copy(update={"boot": look.boot, "host_key": look.host_key})


def _why(answer: Answer) -> str:
    said = answer.output or answer.refusal or "no answer"
    return f"the host could not give it back: {said}"


def _released(ended: Ended, shown: Answer) -> events.Released:
    return events.Released(how=ended.how or "unknown", by=ended.by, after=shown.after)
