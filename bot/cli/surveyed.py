"""What the commands know of the hosts: the settings and the survey. What was left out stands on standard error."""

import asyncio
from typing import TYPE_CHECKING

import click

from bot import settings

if TYPE_CHECKING:
    from bot.survey import Survey


def surveyed(config: str | None) -> "tuple[settings.Settings, Survey]":
    """Raises SettingsError."""
    from bot.survey import survey  # noqa: PLC0415 - reads with the library of SSH

    loaded = settings.load(settings.find(config))
    found = asyncio.run(survey(loaded))
    for note in found.notes:
        click.echo(note, err=True)
    return loaded, found
