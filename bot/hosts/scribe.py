"""Writes known_hosts: the key of a host that a person has compared and confirmed. It never replaces one unasked."""

import os
import tempfile
from pathlib import Path

import asyncssh

from bot.errors import KickbotError
from bot.hosts.trust import place_of
from bot.models import Host


class CannotWrite(KickbotError):  # noqa: N818 - says what happened
    """known_hosts stays as it was."""


def write(path: Path, host: Host, key: asyncssh.SSHKey) -> None:
    """Record this key, and take away the others that are recorded for the host. Raises CannotWrite.

    A line that names other hosts too, or an authority, is never taken away.
    """
    path = path.resolve()
    try:
        before = path.read_text() if path.exists() else ""
        lines = [line for line in before.splitlines() if not _is_of(line, host)]
        lines.append(f"{place_of(host)} {key.export_public_key().decode().strip()}")
        _replace(path, "\n".join(lines) + "\n")
    except (OSError, ValueError) as error:
        raise CannotWrite(f"{path} can't be written ({error})") from error


def _is_of(line: str, host: Host) -> bool:
    """True for a line with a key of that host alone. Raises CannotWrite for one that names others too."""
    if not line.strip() or line.lstrip().startswith(("#", "@")):
        return False
    if not asyncssh.import_known_hosts(line).match(place_of(host), "", None)[0]:
        return False
    names = line.split(maxsplit=1)[0]
    if any(mark in names for mark in ",*?"):
        raise CannotWrite(f"known_hosts: the line for {names} names other hosts too: change it by hand")
    return True


def _replace(path: Path, text: str) -> None:
    """All of it or nothing, with the owner and the mode that the file had."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".known_hosts-", delete=False) as made:
        new = Path(made.name)
        try:
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
            if path.exists():
                status = path.stat()
                os.fchmod(made.fileno(), status.st_mode & 0o777)
                if (status.st_uid, status.st_gid) != (os.getuid(), os.getgid()):
                    os.fchown(made.fileno(), status.st_uid, status.st_gid)
            new.replace(path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
