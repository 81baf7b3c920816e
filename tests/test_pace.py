"""How much one person may ask in a minute."""

import pytest

from bot.errors import CommandError
from bot.slack.incoming.pace import MOST, WINDOW, Pace


def test_too_many_questions_of_one_person_are_refused_and_nobody_elses() -> None:
    """One question too many in a minute is refused; another person's is not, and a minute later it is fine again."""
    now = 100.0
    pace = Pace(lambda: now)
    for _ in range(MOST):
        pace.demand("U0DAVE")

    with pytest.raises(CommandError, match="in a minute"):
        pace.demand("U0DAVE")
    pace.demand("U0ALICE")
    now += WINDOW
    pace.demand("U0DAVE")
