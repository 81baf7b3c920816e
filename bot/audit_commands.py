"""kickbot audit …: parses arguments and prints, nothing else."""

import sys
from pathlib import Path

import click

from bot import settings
from bot.audit import stored, telling
from bot.errors import BrokenTrail, SettingsError
from bot.plainly import FAILED, plainly, with_config


@click.group()
def audit() -> None:
    """Read the audit trail, also beside a running bot."""


@audit.command("list")
@click.argument("about", required=False)
@click.option("--limit", default=50, show_default=True, help="At most so many requests, the newest ones.")
@with_config
def list_(about: str | None, limit: int, config: str | None) -> None:
    """A line for each request; ABOUT a login name, a host or a Slack id."""
    with plainly():
        found = stored.list_requests(_database(config), about=about, limit=limit)
        for records in found:
            click.echo(telling.line(records))
        if not found and not about:
            click.echo("No requests yet.")
        elif not found:
            click.echo(f"no request is about {about}: name a login, a host or a Slack id", err=True)


@audit.command()
@click.argument("request", type=int)
@with_config
def show(request: int, config: str | None) -> None:
    """One request as a story: every event, with its time."""
    with plainly():
        click.echo(telling.story(stored.show(_database(config), request)))


@audit.command()
@with_config
def verify(config: str | None) -> None:
    """Check every event, its hash and its attachments; exit status 1 and the first bad event if one was changed."""
    with plainly():
        try:
            verified = stored.verify(_database(config))
        except BrokenTrail as broken:
            click.echo(f"BROKEN at {broken}", err=True)
            sys.exit(FAILED)
        click.echo(f"{verified.events} events and {verified.bodies} attachments fit together. Head: {verified.head}")


@audit.command()
@click.option("--to", metavar="URL", required=True, help="An empty PostgreSQL database: postgresql://…")
@with_config
def copy(to: str, config: str | None) -> None:
    """Move the trail of a SQLite file to PostgreSQL, hashes unchanged, while no bot runs. The file stays."""
    with plainly():
        path = _database(config)
        if not isinstance(path, Path):
            raise SettingsError("audit.database: this trail is in PostgreSQL already")
        try:
            copied = stored.copy(path, settings.postgres_url(to))
        except ValueError as error:
            raise SettingsError(f"--to: {error}") from error
        click.echo(f"{copied.events} events and {copied.bodies} attachments are there, and fit. Head: {copied.head}")
        click.echo(f'Now write into kickbot.toml, below [audit]: database = "{to}"')


@audit.command()
@with_config
def key(config: str | None) -> None:
    """The key that signs checkpoints: made if it isn't there. Prints its line for a file of allowed signers."""
    from bot.audit import signing  # noqa: PLC0415 - opens no library of SSH for the other commands

    with plainly():
        path = settings.load(settings.find(config)).signing_key
        if path is None:
            raise SettingsError('audit.key: write key = "checkpoints_ed25519" below [audit] first')
        click.echo(signing.Signer(path).allowed if path.exists() else signing.make(path), nl=False)


@audit.command()
@click.argument("event", type=int, required=False)
@click.option("--save", metavar="FILE", help="Write it to FILE, and its signature to FILE.sig.")
@with_config
def checkpoint(event: int | None, save: str | None, config: str | None) -> None:
    """The newest checkpoint, or the one of that EVENT: what to keep elsewhere."""
    with plainly():
        found = stored.checkpoint(_database(config), event)
        if save:
            Path(save).write_text(found.text)
            Path(f"{save}.sig").write_text(found.signature)
        click.echo(found.text + found.signature, nl=False)


def _database(config: str | None) -> Path | str:
    database = settings.load(settings.find(config)).database
    if isinstance(database, Path) and not database.exists():
        raise SettingsError(f"audit.database: there is no trail at {database} yet")
    return database
