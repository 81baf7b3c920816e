"""The trail that a command of `kickbot audit` is about: where it is, and whose signatures count."""

import asyncio
import getpass
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click

from bot import credentials, settings
from bot.audit import stamped, stored
from bot.audit.anchors import Anchor, in_slack
from bot.audit.examining import Fits
from bot.audit.records import Verified
from bot.audit.sources import ExportedFile, Source
from bot.cli.plainly import FAILED
from bot.errors import AlreadyRecorded, BrokenTrail, SettingsError, TrailError
from bot.events import Read


def database_of(config: str | None) -> Path | str:
    return in_place(settings.load(settings.find(config)).database)


def in_place(database: Path | str) -> Path | str:
    if isinstance(database, Path) and not database.exists():
        raise SettingsError(f"audit.database: there is no trail at {database} yet")
    return database


class About:
    """Which trail, and what is known about it. Of an export, only what the options say."""

    def __init__(self, export: str | None, config: str | None) -> None:
        self._export = export
        self._settings = None if export and config is None else settings.load(settings.find(config))

    def opened(self) -> AbstractContextManager[Source]:
        if self._export:
            return ExportedFile.opened(Path(self._export))
        return stored.opened(self.database)

    @property
    def database(self) -> Path | str:
        return in_place(self._known.database)

    def signers(self, allowed: str | None) -> Fits | None:
        """Whether a signature counts; None if nobody said whose do."""
        from bot.audit import signing  # noqa: PLC0415 - opens no library of SSH for the other commands

        key = self._settings.signing_key if self._settings else None
        if allowed:
            return signing.Signers(_text(allowed)).fits
        return signing.Signers(signing.public(key)).fits if key else None

    def stampers(self, authorities: str | None) -> stamped.Read:
        """What a time stamp proves; nobody's word counts if nobody was named."""
        from bot.audit import stamps  # noqa: PLC0415 - opens no library of certificates for the other commands

        configured = self._settings.stamp_authorities if self._settings else None
        path = Path(authorities) if authorities else configured
        return partial(stamps.read, authorities=stamps.Authorities(path) if path else None)

    def unstamped(self, found: Verified) -> tuple[str, ...]:
        """What is missing if the bot asks for time stamps."""
        asked = self._settings.audit.push if self._settings and not self._export else ()
        places = [place for place in asked if place.startswith("tsp+")]
        missing = bool(places and found.checkpoints and not found.stamps)
        return (f"There is no time stamp, though checkpoints go to {places[0]}.",) if missing else ()

    def pushed(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """With the files to which the bot pushes, where they can be read from here."""
        places = self._settings.audit.push if self._settings and not self._export else ()
        own = ["/" + place.removeprefix("file:").lstrip("/") for place in places if place.startswith("file:")]
        return (*files, *(path for path in own if Path(path).is_file()))

    def slack(self, channels: frozenset[str]) -> tuple[list[Anchor], tuple[str, ...]]:
        from bot import app  # noqa: PLC0415 - opens no library of Slack for the other commands

        there = {channel for channel in channels if not channel.startswith("D")}
        heads, troubles = asyncio.run(app.told_in_slack(self._known, credentials.reading_secrets(), there))
        return [in_slack(head) for head in heads], troubles

    @property
    def _known(self) -> settings.Settings:
        if self._settings is None:
            raise SettingsError("--slack needs the configuration: --config FILE")
        return self._settings


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error


@contextmanager
def told_if_broken() -> Iterator[None]:
    """The first bad event and what was done to it, on standard error, and exit status 1."""
    try:
        yield
    except BrokenTrail as broken:
        click.echo(f"BROKEN at {broken} [{broken.kind}]", err=True)
        sys.exit(FAILED)


def note_reading(database: Path | str, what: str, about: str, requests: int) -> None:
    """Who read what. A trail that can't be written is read all the same, with a word about it."""
    try:
        stored.record(database, Read.of(what, about, requests, datetime.now(UTC), by=me()))
    except AlreadyRecorded:
        return
    except TrailError as error:
        click.echo(f"this reading is not recorded: {error}", err=True)


def me() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}"
