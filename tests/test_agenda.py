"""When each request is due: the same as a look through all of them would say."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.agenda import SPARE, Agenda
from bot.models import RequestId
from tests.fakes import START

REQUESTS = st.integers(1, 5).map(RequestId)
MOMENTS = st.integers(0, 9).map(lambda minutes: START + timedelta(minutes=minutes))


@given(st.lists(st.tuples(REQUESTS, st.none() | MOMENTS)), MOMENTS)
def test_those_that_are_due_are_taken_once_and_the_earliest_first(
    puts: list[tuple[RequestId, datetime | None]], now: datetime
) -> None:
    """Each by the moment that was put last; the others stay."""
    agenda = Agenda()
    for request, due in puts:
        agenda.put(request, due)
    stands = {request: due for request, due in dict(puts).items() if due}

    assert agenda.earliest == min(stands.values(), default=None)
    assert agenda.take(now) == tuple(sorted((r for r in stands if stands[r] <= now), key=lambda r: (stands[r], r)))
    assert agenda.take(now) == ()
    assert agenda.earliest == min((due for due in stands.values() if due > now), default=None)


def test_a_moment_that_is_put_off_again_and_again_takes_no_room() -> None:
    """What counts no longer is thrown away, also if its time is far off."""
    agenda = Agenda()
    agenda.put(RequestId(2), START + timedelta(days=1))
    for seconds in range(10 * SPARE):
        agenda.put(RequestId(1), START + timedelta(seconds=seconds))
    assert len(agenda._earliest) <= 2 * 2 + SPARE
    assert agenda.take(START + timedelta(days=2)) == (1, 2)
