"""kickbot run | demo | audit: parses arguments and prints, nothing else."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from bot import __version__, settings
from bot.audit import stored, telling
from bot.errors import BrokenTrail, KickbotError, SettingsError

FAILED = 1
UNUSABLE = 2

with_config = click.option(
    "--config", metavar="FILE", help="The configuration; else KICKBOT_CONFIG, else kickbot.toml."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kickbot")
def main() -> None:
    """See who is logged in on a host, end exactly those sessions, and prove that they are gone."""


@main.command()
@with_config
def run(config: str | None) -> None:
    """Run the bot in the foreground, until SIGTERM.

    Secrets come from the environment: SLACK_BOT_TOKEN, with SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET
    (HTTP mode), and SLACK_API_URL for another Slack.
    """
    from bot import app  # noqa: PLC0415 - opens no library of Slack or SSH for the other commands

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("bot").setLevel(logging.INFO)
    with _plainly():
        found = settings.load(settings.find(config))
        asyncio.run(app.run(found, settings.secrets(found.slack.mode)))


@main.command()
@click.option("--play", is_flag=True, help="Play one story and print it, without a browser.")
@click.option("--port", default=0, help="The port of the page; a free one if not given.")
def demo(play: bool, port: int) -> None:
    """A Slack workspace, two hosts and the bot, all on this machine."""
    from bot import demo as show  # noqa: PLC0415 - the demo alone needs the sandbox

    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    with _plainly(), suppress(KeyboardInterrupt):  # Ctrl-C is how it ends
        asyncio.run(show.play() if play else show.open_page(port))


@main.group()
def audit() -> None:
    """Read the audit trail, also beside a running bot."""


@audit.command("list")
@click.argument("about", required=False)
@click.option("--limit", default=50, show_default=True, help="At most so many requests, the newest ones.")
@with_config
def audit_list(about: str | None, limit: int, config: str | None) -> None:
    """A line for each request; ABOUT a login name, a host or a Slack id."""
    with _plainly():
        found = stored.list_requests(_database(config), about=about, limit=limit)
        for records in found:
            click.echo(telling.line(records))
        if not found and not about:
            click.echo("No requests yet.")
        elif not found:
            click.echo(f"no request is about {about}: name a login, a host or a Slack id", err=True)


@audit.command("show")
@click.argument("request", type=int)
@with_config
def audit_show(request: int, config: str | None) -> None:
    """One request as a story: every event, with its time."""
    with _plainly():
        click.echo(telling.story(stored.show(_database(config), request)))


@audit.command("verify")
@with_config
def audit_verify(config: str | None) -> None:
    """Check every event, its hash and its attachments; exit status 1 and the first bad event if one was changed."""
    with _plainly():
        try:
            verified = stored.verify(_database(config))
        except BrokenTrail as broken:
            click.echo(f"BROKEN at {broken}", err=True)
            sys.exit(FAILED)
        click.echo(f"{verified.events} events and {verified.bodies} attachments fit together. Head: {verified.head}")


@audit.command("copy")
@click.option("--to", metavar="URL", required=True, help="An empty PostgreSQL database: postgresql://…")
@with_config
def audit_copy(to: str, config: str | None) -> None:
    """Move the trail of a SQLite file to PostgreSQL, hashes unchanged, while no bot runs. The file stays."""
    with _plainly():
        path = _database(config)
        if not isinstance(path, Path):
            raise SettingsError("audit.database: this trail is in PostgreSQL already")
        try:
            copied = stored.copy(path, settings.postgres_url(to))
        except ValueError as error:
            raise SettingsError(f"--to: {error}") from error
        click.echo(f"{copied.events} events and {copied.bodies} attachments are there, and fit. Head: {copied.head}")
        click.echo(f'Now write into kickbot.toml, below [audit]: database = "{to}"')


def _database(config: str | None) -> Path | str:
    database = settings.load(settings.find(config)).database
    if isinstance(database, Path) and not database.exists():
        raise SettingsError(f"audit.database: there is no trail at {database} yet")
    return database


@contextmanager
def _plainly() -> Iterator[None]:
    """What Kickbot raises on purpose is one line for a person, and exit status 2."""
    try:
        yield
    except* KickbotError as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        click.echo(f"kickbot: {first}", err=True)
        sys.exit(UNUSABLE)
