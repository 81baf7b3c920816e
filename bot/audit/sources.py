"""What a whole trail is read from, wherever it is: a SQLite file, a PostgreSQL database, an exported file."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol, Self

from bot.audit import checkpoints, lines
from bot.audit.anchors import Anchor, of_checkpoint
from bot.audit.examining import Fits, examine
from bot.audit.records import Verified
from bot.audit.stamped import Read, judged
from bot.borders import Checkpoint, Stamped
from bot.errors import BrokenTrail, TrailError
from bot.retention import Dropping

LONGEST = 64 * 1024 * 1024
"""Bytes of a line; what is longer is none that Kickbot wrote."""


class Source(Protocol):
    """One trail as it is at one moment, each part read as often as it is asked for. Failures raise TrailError."""

    def events(self) -> Iterator[tuple[bytes, str]]:
        """(bytes, hash) of each event, in the order in which they are stored."""
        ...

    def checkpoints(self) -> Iterator[Checkpoint]: ...

    def stamps(self) -> Iterator[Stamped]: ...

    def body(self, sha256: str) -> bytes | None:
        """An attachment's content as it is stored; None if it isn't there."""
        ...

    def dropped(self, request: int) -> Dropping | None:
        """By which word of two people the attachments of that request are gone; None if they are kept."""
        ...

    def check(self, found: Verified) -> Verified:
        """With what this kind of store alone can show. Raises BrokenTrail."""
        ...

    def newest(self) -> int:
        """The number of the newest event; 0 without any."""
        ...

    def channels(self) -> frozenset[str]:
        """Where Kickbot posted."""
        ...


class ExportedFile:
    """`kickbot audit export --format jsonl`. files: closes what was opened."""

    def __init__(self, path: Path, files: ExitStack) -> None:
        self._path = path
        self._files = files

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Self]:
        with ExitStack() as files:
            yield cls(path, files)

    def events(self) -> Iterator[tuple[bytes, str]]:
        return lines.events(self._lines())

    def checkpoints(self) -> Iterator[Checkpoint]:
        return lines.sealed(self._lines())

    def stamps(self) -> Iterator[Stamped]:
        return lines.stamps(self._lines())

    def body(self, sha256: str) -> bytes | None:  # noqa: ARG002 - an export has none
        return None

    def dropped(self, request: int) -> Dropping | None:  # noqa: ARG002 - where there are none, none is missed
        return None

    def check(self, found: Verified) -> Verified:
        return found.model_copy(update={"notes": (*found.notes, "An export holds no attachments: none was checked.")})

    def newest(self) -> int:
        return sum(1 for _ in self.events())

    def channels(self) -> frozenset[str]:
        return frozenset()

    def _lines(self) -> Iterator[bytes]:
        try:
            file = self._files.enter_context(self._path.open("rb"))
            while line := file.readline(LONGEST):
                yield line
        except OSError as error:
            raise TrailError(f"{self._path} can't be read: {error.strerror}") from error


def pushed(path: Path, fits: Fits | None) -> Iterator[Anchor]:
    """The checkpoints in a file to which they were pushed. What is no whole line is passed over: a crash leaves such.

    Raises BrokenTrail for one that isn't signed by a key that counts.
    """
    with ExportedFile.opened(path) as file:
        for checkpoint in file.checkpoints():
            if statement := checkpoints.read(checkpoint.text):
                if fits and not fits(checkpoint.text, checkpoint.signature):
                    why = f"its checkpoint in {path} isn't signed by a key that counts"
                    raise BrokenTrail(statement.seq, why, "checkpoint changed")
                yield of_checkpoint(statement, f"the checkpoint of event {statement.seq} in {path}")


def verified(
    source: Source,
    elsewhere: Iterable[Anchor] = (),
    fits: Fits | None = None,
    read: Read | None = None,
    *,
    events: Iterable[tuple[bytes, str]] | None = None,
) -> Verified:
    """Raises BrokenTrail with the first bad event, and what was done to it. read: None leaves the time stamps out.

    events: the source's own, where somebody looks at them as they pass.
    """
    passing = source.events() if events is None else events
    found = source.check(examine(passing, source.checkpoints(), elsewhere, fits))
    return judged(found, source.stamps(), source.checkpoints(), read) if read else found
