"""What two people agreed to drop: the content of attachments, never an event. Pure.

Attachments go by requests: those of a request that had ended by then, unless a request that had not needs the same.
"""

from collections.abc import Sequence

from bot.events import BOT, Record, RetentionApproved, RetentionAsked
from bot.models import Moment, RequestId, Value

BATCH = 200
"""Attachments that go in one transaction: between two of them events are recorded."""


class Dropping(Value):
    """request: the one that two people agreed to, at that moment. up_to: what ended by this event may go."""

    request: RequestId
    up_to: int
    asker: str
    approver: str
    at: Moment

    @property
    def told(self) -> str:
        """`dropped by request 57, asked by U0ALICE, approved by U0CAROL, on 2026-11-30`"""
        people = f"asked by {self.asker}, approved by {self.approver}"
        return f"dropped by request {self.request}, {people}, on {self.at:%Y-%m-%d}"


def agreed(records: Sequence[Record]) -> Dropping | None:
    """What the records of one request let be dropped; None unless one asked and somebody else approved."""
    opening = records[0] if records else None
    approved = next((r for r in records if isinstance(r.event, RetentionApproved)), None)
    if opening is None or approved is None or not isinstance(opening.event, RetentionAsked):
        return None
    asker, approver = opening.event.who, approved.event.who
    if asker == approver or BOT in {asker, approver}:
        return None
    up_to = min(opening.event.up_to, opening.seq - 1)
    return Dropping(request=opening.request, up_to=up_to, asker=asker, approver=approver, at=approved.at)


def covering(agreements: Sequence[Dropping], ended: int | None) -> Dropping | None:
    """The first one that is about a request which ended with that event; None if there is none, or it is open."""
    return next((each for each in agreements if ended is not None and ended <= each.up_to), None)
