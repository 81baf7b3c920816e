"""The audit trail in a real PostgreSQL: what every store does, and what two replicas see of each other."""

from tests.trail_behaviours import TrailBehaviours


class TestBehaviours(TrailBehaviours):
    """What every store does, in PostgreSQL."""
