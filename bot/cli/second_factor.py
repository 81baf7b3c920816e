"""kickbot second-factor …: parses arguments and prints, nothing else."""

import click

from bot import settings
from bot.authenticators import SecretFile
from bot.cli.plainly import plainly, quietly, with_config
from bot.errors import SettingsError


@click.group("second-factor")
def second_factor() -> None:
    """Who has a second factor for approvals, where a rule says `second_factor = true`. Nothing of it goes to Slack.

    Run it as the user that runs Kickbot. What it changes counts at once.
    """


@second_factor.command()
@click.argument("person")
@click.option("--replace", is_flag=True, help="Also for someone who has one, which is worth nothing then.")
@with_config
def enrol(person: str, replace: bool, config: str | None) -> None:
    """Make a secret for PERSON, a Slack id such as U0CAROL, and print it once, as authenticators take it.

    Give it to that person yourself: whoever has it can make their codes.
    """
    with plainly(), quietly():
        click.echo(_file(config).enrol(person, replace=replace))


@second_factor.command("list")
@with_config
def list_(config: str | None) -> None:
    """The Slack ids of those who have one, and its fingerprint, as the trail names it."""
    with plainly(), quietly():
        for person, fingerprint in sorted(_file(config).enrolled().items()):
            click.echo(f"{person}  {fingerprint}")


@second_factor.command()
@click.argument("person")
@with_config
def remove(person: str, config: str | None) -> None:
    """Take away PERSON's: no code of theirs counts any more."""
    with plainly(), quietly():
        _file(config).remove(person)


def _file(config: str | None) -> SecretFile:
    path = settings.load(settings.find(config)).second_factors
    if path is None:
        raise SettingsError('second_factor: is missing; write [second_factor] and secrets = "second_factors.toml"')
    return SecretFile(path)
