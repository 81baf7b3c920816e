"""Each error speaks to two people: one who waits for an answer, and one who reads the log."""

import pytest

from bot import errors
from bot.errors import KickbotError

ERRORS: list[tuple[KickbotError, str, str]] = [
    (errors.LookupFailed("S0LEADS", "ratelimited"), "S0LEADS: ratelimited", "the answer is no"),
    (errors.TrailError("disk full: /var/lib"), "disk full: /var/lib", "nothing was done"),
    (errors.Conflict("request 7 is approved"), "request 7 is approved", "nothing was done"),
    (errors.AlreadyRecorded(7), "already recorded as request 7", "This is request 7 already."),
    (errors.BrokenTrail(9, "hash"), "event 9: hash", "nothing was done"),
    (errors.CommandError("usage"), "usage", "usage"),
]


@pytest.mark.parametrize(("error", "log", "person"), ERRORS, ids=[type(e).__name__ for e, _, _ in ERRORS])
def test_two_readers(error: KickbotError, log: str, person: str) -> None:
    """The log says what happened; the person reads what it means for them, and no inner detail."""
    assert str(error) == log
    assert person in error.for_user()
    assert "/var" not in error.for_user()


def test_facts() -> None:
    """Errors carry their facts, not only text."""
    broken = errors.BrokenTrail(9, "hash")

    assert errors.LookupFailed("S0LEADS", "x").what == "S0LEADS"
    assert errors.AlreadyRecorded(7).request == 7
    assert (broken.sequence, broken.why) == (9, "hash")
