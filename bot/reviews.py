"""Reviews of emergencies: each is a request of its own, opened before its emergency ends, and ended by the second of
two people who could have approved it. It acts on no host.
"""

from contextlib import suppress
from functools import partial

from bot import events
from bot.borders import Lease
from bot.cleaning import clean, shorten
from bot.commands import MAX_REASON
from bot.errors import AlreadyRecorded, Refused
from bot.events import Event, ReviewOpened
from bot.inventory import fold
from bot.ledger import Ledger
from bot.models import RequestId
from bot.policy import REVIEWERS
from bot.request import Request, command_of, plan_of
from bot.rights import Rights, aims
from bot.states import State


class Reviews:
    """Opens them, reminds of them, and takes people's words."""

    def __init__(self, ledger: Ledger, rights: Rights) -> None:
        self._ledger = ledger
        self._rights = rights

    async def open(self, request: Request) -> None:
        """Before the event that ends an emergency, so that no crash leaves one without. Safe to enter again."""
        if not (request.emergency and request.permitted):
            return
        plan = plan_of(request)
        opened = ReviewOpened(
            key=f"review {request.id}-{request.plan_hash[:16]}",
            home=request.home,
            of=request.id,
            asker=request.asker,
            user=plan.user,
            hosts=plan.hosts,
            reason=command_of(request).reason,
            reviewers=request.approvers,
        )
        with suppress(AlreadyRecorded):
            await self._ledger.begin(opened)

    async def remind(self, request: Request, lease: Lease) -> Request:
        """Still open, as it was a day before."""
        said = {word.who for word in request.decisions}
        left = tuple(who for who in _about(request).reviewers if who not in said)
        return await self._ledger.record(request, events.Reminded(approvers=left), lease)

    async def word(self, who: str, number: RequestId, *, fine: bool, comment: str) -> Request:
        """What one person found. Raises Refused, recorded, and then it counts for nothing."""
        said = shorten(clean(" ".join(comment.split())), MAX_REASON)
        return await self._ledger.decide(number, who, "review", partial(self._word, who, fine, said))

    async def _word(self, who: str, fine: bool, comment: str, review: Request) -> Event:
        emergency = await self._reviewable(review)
        if who == emergency.asker:
            raise Refused("You acted alone there, so you can't review it.")
        if not comment:
            raise Refused("A review needs a word of what you found. Nothing was recorded as one.")
        self._demand_rules(emergency)
        hosts = await self._rights.to_approve(who, emergency, aims(plan_of(emergency)))
        have = await self._still_count(review, emergency)
        if all(who in have[host] for host in hosts):
            raise Refused("You reviewed this already. It needs another person too.")
        enough = all(len(have[h] | ({who} if h in hosts else set())) >= REVIEWERS for h in have)
        kind = events.Reviewed if enough else events.ReviewGiven
        return kind(who=who, fine=fine, comment=comment, hosts=hosts)

    def _demand_rules(self, emergency: Request) -> None:
        """Raises Refused, with what to do, where no rule says any more who could approve it: then nobody reviews it."""
        acts, rules = command_of(emergency).acts, self._rights.policy.rules_to_act
        without = [host for host, account in aims(plan_of(emergency)) if not rules(host, account, acts)]
        if without:
            raise Refused(
                f"No rule says any more who may approve this on {fold(dict.fromkeys(without))}, so nobody can review"
                " it. Give kickbot.toml one with `approve` for it again: then two of those people can."
            )

    async def _reviewable(self, review: Request) -> Request:
        """The emergency that it is about, which is over."""
        about = _about(review)
        if review.state is not State.REVIEW:
            raise Refused("This was reviewed already, by two people. Nothing was recorded as another review.")
        emergency = await self._ledger.load_afresh(about.of)
        if not emergency.state.final:
            raise Refused(f"Request {about.of} isn't over yet: review it when it is.")
        return emergency

    async def _still_count(self, review: Request, emergency: Request) -> dict[str, set[str]]:
        """For each host, who reviewed it and still could have approved it."""
        plan = plan_of(emergency)
        have: dict[str, set[str]] = {host: set() for host in plan.hosts}
        for word in review.decisions:
            with suppress(Refused):
                now = await self._rights.to_approve(word.who, emergency, aims(plan))
                for host in word.hosts & {*now}:
                    have[host].add(word.who)
        return have


def _about(review: Request) -> ReviewOpened:
    if review.review is None:
        raise Refused("This is no review.")
    return review.review
