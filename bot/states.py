"""Where a request can stand. Pure."""

from enum import StrEnum


class State(StrEnum):
    """Where a request stands."""

    ASKED = "asked"
    PENDING = "pending"
    APPROVED = "approved"
    WARNED = "warned"
    ACTING = "acting"
    VERIFYING = "verifying"
    FROZEN = "frozen"
    HELD = "held"
    REVIEW = "to be reviewed"
    TO_DROP = "waiting for approval to drop"
    DROPPING = "dropping"
    REFUSED = "refused"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LAPSED = "lapsed"
    CLOSED = "closed"
    LOOKED = "looked"
    EXPORTED = "exported"
    UNFROZEN = "unfrozen"
    RELEASED = "released"
    REVIEWED = "reviewed"
    DROPPED = "dropped"
    READ = "read"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset(
    {
        State.REFUSED,
        State.DENIED,
        State.CANCELLED,
        State.EXPIRED,
        State.LAPSED,
        State.CLOSED,
        State.LOOKED,
        State.EXPORTED,
        State.UNFROZEN,
        State.RELEASED,
        State.REVIEWED,
        State.DROPPED,
        State.READ,
    }
)
