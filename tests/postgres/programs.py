"""Where the distribution keeps the server's programs. It needs no library, since the list of tiers asks for it."""

from pathlib import Path

INSTALLED = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """Where the newest release has its programs, or None."""
    found = sorted(INSTALLED.glob("*/bin/postgres"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None
