"""A source of hosts that can't be read, whole: nothing of it is believed."""

from pathlib import Path

from bot.errors import KickbotError

MAX_BYTES = 32 * 1024 * 1024
MAX_HOSTS = 10_000


class SourceTrouble(KickbotError):  # noqa: N818 - says what happened
    """Why: the rest of a sentence that begins with the source."""


def read(path: Path) -> bytes:
    """Raises SourceTrouble."""
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceTrouble(f"{path} can't be read ({error.strerror})") from error
    if len(content) > MAX_BYTES:
        raise SourceTrouble(f"{path} is larger than {MAX_BYTES} bytes")
    return content
