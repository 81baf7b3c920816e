"""What the time stamps of a trail prove, once its chain and its checkpoints fit. Pure.

A stamp is about one checkpoint, and so about every event up to that one: all of it existed before the stamp's time.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

from bot.audit import checkpoints
from bot.audit.records import Proved, Verified
from bot.borders import Checkpoint, Stamped
from bot.durations import spell
from bot.errors import BrokenTrail

Read = Callable[[bytes, str], tuple[datetime, str]]
"""(answer, text of a checkpoint): when it was stamped, and by whom, empty where nobody said whose stamps count.

Raises ValueError for an answer that proves nothing of that text.
"""

LATE, EARLY = timedelta(hours=1), timedelta(minutes=1)
"""From a checkpoint's own time to that of its stamp; beyond it an auditor should know."""
MOST_NOTES = 10

NO_AUTHORITIES = "Nobody said whose time stamps count, so who signed them was not checked: --stamp-authorities FILE."


def judged(found: Verified, stamps: Iterable[Stamped], sealed: Iterable[Checkpoint], read: Read) -> Verified:
    """With what the stamps prove. Raises BrokenTrail for the first that doesn't fit."""
    count, first, last, far = 0, None, None, list[str]()
    for stamped, checkpoint, oldest in _covered(stamps, sealed):
        try:
            at, by = read(stamped.answer, checkpoint.text)
        except ValueError as error:
            why = f"the time stamp of {stamped.place}: {error}"
            raise BrokenTrail(stamped.seq, why, "time stamp changed") from error
        last = Proved(event=stamped.seq, at=at, by=by)
        first, count = first or last, count + 1
        if len(far) < MOST_NOTES:
            far += _far(last, oldest)
    notes = (*found.notes, *far, *_notes(last, found.newest_checkpoint))
    return found.model_copy(update={"stamps": count, "first_stamp": first, "last_stamp": last, "notes": notes})


def _notes(last: Proved | None, newest: int) -> Iterator[str]:
    if last and not last.by:
        yield NO_AUTHORITIES
    if last and last.event < newest:
        yield f"No time stamp stands for the events after {last.event} yet."


def _covered(
    stamps: Iterable[Stamped], sealed: Iterable[Checkpoint]
) -> Iterator[tuple[Stamped, Checkpoint, Checkpoint]]:
    """Each stamp with its checkpoint, and the oldest one that no stamp before it stood for. Both come in order."""
    following, covered = iter(sealed), 0
    checkpoint = oldest = next(following, None)
    for stamped in stamps:
        while checkpoint and checkpoint.seq < stamped.seq:
            checkpoint = next(following, None)
            oldest = checkpoint if oldest and oldest.seq <= covered else oldest
        if checkpoint is None or oldest is None or checkpoint.seq != stamped.seq:
            why = f"its checkpoint is missing, of which {stamped.place} gave a time stamp"
            raise BrokenTrail(stamped.seq, why, "checkpoint removed")
        yield stamped, checkpoint, oldest
        covered = stamped.seq


def _far(proved: Proved, oldest: Checkpoint) -> Iterator[str]:
    """Where a stamp is far from what the checkpoints for which it is the first say of the time."""
    statement = checkpoints.read(oldest.text)
    said = datetime.fromisoformat(statement.at) if statement else proved.at
    if proved.at - said > LATE:
        late = spell((proved.at - said) // timedelta(hours=1) * 3600)
        yield (
            f"The checkpoint of event {oldest.seq} says {said:%Y-%m-%d %H:%M} UTC, which is {late} before the first"
            f" time stamp that stands for it, that of event {proved.event}: until then there is only the bot's word."
        )
    elif said - proved.at > EARLY:
        yield f"The checkpoint of event {oldest.seq} has a time after its time stamp: the bot's clock was ahead."
