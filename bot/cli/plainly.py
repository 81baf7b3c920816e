"""What the commands of the command line share: the option for the configuration, and errors as one line."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bot.errors import KickbotError

FAILED = 1
UNUSABLE = 2

with_config = click.option(
    "--config", metavar="FILE", help="The configuration; else KICKBOT_CONFIG, else kickbot.toml."
)


@contextmanager
def plainly() -> Iterator[None]:
    """What Kickbot raises on purpose is one line for a person, and exit status 2."""
    try:
        yield
    except* KickbotError as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        click.echo(f"kickbot: {first}", err=True)
        sys.exit(UNUSABLE)


@contextmanager
def quietly() -> Iterator[None]:
    """What the log would say stands in what is printed."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
