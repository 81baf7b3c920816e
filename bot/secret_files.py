"""Secrets from files: where NAME_FILE says, or among systemd's credentials. It never tells what is in one."""

import os
from pathlib import Path

from bot.errors import SettingsError

LONGEST = 4096


def read(name: str) -> str:
    """The secret that the environment variable of that name would hold; empty where no file is named.

    Raises SettingsError for a file that can't be used, and where more than one place holds the secret.
    """
    places = _places(name)
    if not places:
        return ""
    if len(places) > 1 or os.environ.get(name):
        held = " and ".join([*([name] if os.environ.get(name) else []), *places])
        raise SettingsError(f"{name} is set more than once, by {held}: leave one of them")
    ((place, path),) = places.items()
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST + 1)
        text = content.decode("ascii").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SettingsError(f"{place}: {path} can't be read ({error.strerror})") from error
    except UnicodeDecodeError:
        raise SettingsError(f"{place}: {path} holds no token") from None  # the error would quote it
    if not text or len(content) > LONGEST:
        raise SettingsError(f"{place}: {path} {'is empty' if not text else 'is too long for a token'}")
    return text


def _places(name: str) -> dict[str, Path]:
    """The files that hold it, by what names them."""
    found = {}
    if path := os.environ.get(f"{name}_FILE"):
        found[f"{name}_FILE"] = Path(path)
    if folder := os.environ.get("CREDENTIALS_DIRECTORY"):
        credential = Path(folder) / name.lower()
        if credential.exists():
            found[f"the credential {name.lower()}"] = credential
    return found
