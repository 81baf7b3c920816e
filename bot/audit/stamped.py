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
    count, first, last, notes = 0, None, None, list[str]()
    for stamped, text in _with_texts(stamps, sealed):
        try:
            at, by = read(stamped.answer, text)
        except ValueError as error:
            raise BrokenTrail(
                stamped.seq, f"the time stamp of {stamped.place}: {error}", "time stamp changed"
            ) from error
        last = Proved(event=stamped.seq, at=at, by=by)
        first, count = first or last, count + 1
        notes += _told(last, text)
    if last and not last.by:
        notes.insert(0, NO_AUTHORITIES)
    if last and last.event < found.newest_checkpoint:
        notes.append(f"No time stamp stands for the events after {last.event} yet.")
    shown = (*found.notes, *notes[:MOST_NOTES])
    return found.model_copy(update={"stamps": count, "first_stamp": first, "last_stamp": last, "notes": shown})


def _with_texts(stamps: Iterable[Stamped], sealed: Iterable[Checkpoint]) -> Iterator[tuple[Stamped, str]]:
    """Both stand in the order of their events."""
    following = iter(sealed)
    checkpoint = next(following, None)
    for stamped in stamps:
        while checkpoint and checkpoint.seq < stamped.seq:
            checkpoint = next(following, None)
        if checkpoint is None or checkpoint.seq != stamped.seq:
            why = f"its checkpoint is missing, of which {stamped.place} gave a time stamp"
            raise BrokenTrail(stamped.seq, why, "checkpoint removed")
        yield stamped, checkpoint.text


def _told(proved: Proved, text: str) -> Iterator[str]:
    """A stamp that is far from what its checkpoint says of the time."""
    statement = checkpoints.read(text)
    said = datetime.fromisoformat(statement.at) if statement else proved.at
    if proved.at - said > LATE:
        late = spell((proved.at - said) // timedelta(hours=1) * 3600)
        yield f"The checkpoint of event {proved.event} was stamped {late} after the time that it gives itself."
    elif said - proved.at > EARLY:
        yield f"The checkpoint of event {proved.event} has a time after its time stamp: the bot's clock was ahead."
