"""kickbot audit list | show | pairs | verify; the others stand in `taking_out`."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import click

from bot.audit import chain, sources, stored, telling
from bot.audit.anchors import Anchor, expected
from bot.audit.pairing import Pairing
from bot.audit.sources import pushed
from bot.cli.plainly import plainly, with_config
from bot.cli.taking_out import backup, checkpoint, copy, export, key, report
from bot.cli.trail import About, database_of, note_reading, told_if_broken
from bot.durations import seconds
from bot.errors import CommandError, SettingsError


@click.group()
def audit() -> None:
    """Read the audit trail, also beside a running bot."""


@audit.command("list")
@click.argument("about", required=False)
@click.option("--limit", default=50, show_default=True, help="At most so many requests, the newest ones.")
@click.option("--reads", is_flag=True, help="With those who read the trail, which are left out else.")
@with_config
def list_(about: str | None, limit: int, *, reads: bool, config: str | None) -> None:
    """A line for each request; ABOUT a login name, a host or a Slack id. That you read it is recorded."""
    with plainly():
        database = database_of(config)
        found = stored.list_requests(database, about=about, reads=reads, limit=limit)
        note_reading(database, "list", about or "", len(found))
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
    """One request as a story: every event, with its time. That you read it is recorded."""
    with plainly():
        database = database_of(config)
        records = stored.show(database, request)
        note_reading(database, "show", str(request), 1)
        with stored.opened(database) as source:
            click.echo(telling.story(records, partial(stored.gone, source, request)))


@audit.command()
@click.argument("words", nargs=-1, metavar="[since 90d]")
@with_config
def pairs(words: tuple[str, ...], config: str | None) -> None:
    """Who approved for whom, how often, and who approve each other over and over. That you read it is recorded."""
    with plainly():
        database = database_of(config)
        with stored.opened(database) as source:
            pairing = Pairing(_since(words))
            with told_if_broken():
                for _ in chain.walk(pairing.passing(source.events())):
                    pass
        counted = pairing.counted()
        note_reading(database, "pairs", " ".join(words), sum(pair.times for pair in counted.pairs))
        for line in telling.pairs(counted):
            click.echo(line)
        if not counted.pairs:
            click.echo("Nobody approved anything.")


def _since(words: tuple[str, ...]) -> datetime | None:
    if not words:
        return None
    length = seconds(words[-1]) if len(words) == 2 and words[0] == "since" else None  # noqa: PLR2004 - and how long
    if length is None:
        raise CommandError(f"{' '.join(words)!r} is not understood: since 90d")
    return datetime.now(UTC) - timedelta(seconds=length)


@audit.command()
@click.option("--from-file", metavar="EXPORT", help="An export in JSON lines, instead of the database.")
@click.option("--expect-head", metavar="SEQ:HASH", multiple=True, help="A head that was noted elsewhere.")
@click.option("--checkpoints", metavar="FILE", multiple=True, help="Checkpoints that were pushed to another place.")
@click.option("--allowed-signers", metavar="FILE", help="Whose signatures count; else the public half of audit.key.")
@click.option("--stamp-authorities", metavar="FILE", help="Whose time stamps count; else audit.stamp_authorities.")
@click.option("--slack", is_flag=True, help="The heads in Kickbot's messages too; needs SLACK_BOT_TOKEN.")
@with_config
def verify(
    from_file: str | None,
    expect_head: tuple[str, ...],
    checkpoints: tuple[str, ...],
    allowed_signers: str | None,
    stamp_authorities: str | None,
    slack: bool,
    config: str | None,
) -> None:
    """Check every event, hash, attachment, checkpoint and time stamp, and heads that were kept elsewhere.

    Exit status 0: everything that was given fits. 1: it doesn't; the first bad event, and what was done to it, stand
    on standard error. 2: it could not be checked.
    """
    with plainly():
        about = About(from_file, config)
        fits, read = about.signers(allowed_signers), about.stampers(stamp_authorities)
        elsewhere = [_expected(text) for text in expect_head]
        with about.opened() as source:
            troubles: tuple[str, ...] = ()
            if slack:
                found, troubles = about.slack(source.channels())
                elsewhere += found
            with told_if_broken():
                elsewhere += [anchor for file in about.pushed(checkpoints) for anchor in pushed(Path(file), fits)]
                verified = sources.verified(source, elsewhere, fits, read)
        for line in telling.verified(verified, (*troubles, *about.unstamped(verified))):
            click.echo(line)


def _expected(text: str) -> Anchor:
    try:
        return expected(text)
    except ValueError as error:
        raise SettingsError(f"--expect-head: {text!r} is not SEQ:HASH, such as 318:a1b2c3d4…") from error


for _command in (copy, backup, export, report, key, checkpoint):
    audit.add_command(_command)
