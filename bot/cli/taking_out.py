"""kickbot audit copy | backup | export | report | checkpoint | key: what is taken out of the trail."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from bot import settings
from bot.audit import exporting, sources, stored, telling
from bot.audit.exporting import FORMS
from bot.audit.pairing import Pairing
from bot.audit.report.page import page
from bot.audit.report.selecting import Selecting, wanted
from bot.cli.plainly import plainly, with_config
from bot.cli.trail import About, database_of, me, told_if_broken
from bot.errors import SettingsError
from bot.events import Exported
from bot.models import RequestId


@click.command()
@click.option("--to", metavar="URL", required=True, help="An empty PostgreSQL database: postgresql://…")
@with_config
def copy(to: str, config: str | None) -> None:
    """Move the trail of a SQLite file to PostgreSQL, hashes unchanged, while no bot runs. The file stays."""
    with plainly():
        path = database_of(config)
        if not isinstance(path, Path):
            raise SettingsError("audit.database: this trail is in PostgreSQL already")
        try:
            copied = stored.copy(path, settings.postgres_url(to))
        except ValueError as error:
            raise SettingsError(f"--to: {error}") from error
        click.echo(f"{copied.events} events and {copied.bodies} attachments are there, and fit. Head: {copied.head}")
        click.echo(f'Now write into kickbot.toml, below [audit]: database = "{to}"')


@click.command()
@click.option("--to", metavar="FILE", required=True, help="A new file; nothing is overwritten.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the backup.")
@with_config
def backup(to: str, *, unrecorded: bool, config: str | None) -> None:
    """The whole trail of a SQLite file into a new one, beside a running bot; verified, with its head to note."""
    with plainly():
        about = About(None, config)
        database, fits = about.database, about.signers(None)
        with stored.opened(database) as source:
            newest = source.newest()
        if not unrecorded:
            stored.record(database, _taken_out("backup", newest))
        with told_if_broken():
            found = stored.back_up(database, Path(to), fits)
        for line in telling.verified(found, ()):
            click.echo(line)
        click.echo(f"Note its head elsewhere: kickbot audit verify --expect-head {found.events}:{found.head}")


@click.command()
@click.option("--format", "form", type=click.Choice(sorted(FORMS)), required=True, help="jsonl is what verify reads.")
@click.option("--out", metavar="FILE", help="A new file; else standard output.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the export.")
@with_config
def export(form: str, out: str | None, unrecorded: bool, config: str | None) -> None:
    """The whole trail for other tools: JSON lines, CSV, OCSF or CEF. The export itself is recorded in the trail."""
    with plainly():
        database = database_of(config)
        with stored.opened(database) as source:
            if not unrecorded:
                stored.record(database, _taken_out(form, source.newest()))
            with _written(out) as file:
                for line in exporting.export(source, form):
                    file.write(line)


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="REQUEST…|since …|channel …")
@click.option("--out", metavar="FILE", required=True, help="A new HTML file.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the report.")
@with_config
def report(words: tuple[str, ...], out: str, unrecorded: bool, config: str | None) -> None:
    """One HTML file about requests, for people who don't know Kickbot. The report itself is recorded in the trail."""
    with plainly():
        now = datetime.now(UTC)
        about = About(None, config)
        database, fits = about.database, about.signers(None)
        with stored.opened(database) as source:
            selecting, pairing = Selecting(wanted(words, now)), Pairing()
            passing = pairing.passing(selecting.passing(source.events()))
            with told_if_broken():
                seen = sources.verified(source, (), fits, about.stampers(None), events=passing)
            requests = selecting.found()
            found = seen.model_copy(update={"notes": (*seen.notes, *about.unstamped(seen))})
            taken = _taken_out("report", found.events, tuple(records[0].request for records in requests))
            if not unrecorded:
                stored.record(database, taken)
            with _written(out) as file:
                counted, by = pairing.counted(), taken.by
                pieces = page(requests, source.body, found, dropped=source.dropped, pairs=counted, by=by, now=now)
                for piece in pieces:
                    file.write(piece.encode())


@contextmanager
def _written(out: str | None) -> Iterator[BinaryIO]:
    """Standard output, or a new file for its owner alone."""
    if out is None:
        yield sys.stdout.buffer
        return
    try:
        Path(out).touch(mode=0o600, exist_ok=False)
        with Path(out).open("wb") as file:
            yield file
    except OSError as error:
        raise SettingsError(f"{out} can't be written: {error.strerror}") from error


@click.command()
@with_config
def key(config: str | None) -> None:
    """The key that signs checkpoints: made if it isn't there. Prints its line for a file of allowed signers."""
    from bot.audit import signing  # noqa: PLC0415 - opens no library of SSH for the other commands

    with plainly():
        path = settings.load(settings.find(config)).signing_key
        if path is None:
            raise SettingsError('audit.key: write key = "checkpoints_ed25519" below [audit] first')
        click.echo(signing.Signer(path).allowed if path.exists() else signing.make(path), nl=False)


@click.command()
@click.argument("event", type=int, required=False)
@click.option("--save", metavar="FILE", help="Write it to FILE, its signature to FILE.sig, its time stamp to FILE.tsr.")
@with_config
def checkpoint(event: int | None, save: str | None, config: str | None) -> None:
    """The newest checkpoint, or the one of that EVENT: what to keep elsewhere."""
    with plainly():
        found = stored.checkpoint(database_of(config), event)
        if save:
            Path(save).write_text(found.text)
            Path(f"{save}.sig").write_text(found.signature)
            for number, stamp in enumerate(stored.stamps(database_of(config), found.seq), 1):
                Path(f"{save}.tsr" if number == 1 else f"{save}.{number}.tsr").write_bytes(stamp.answer)
        click.echo(found.text + found.signature, nl=False)


def _taken_out(what: str, up_to: int, requests: tuple[RequestId, ...] = ()) -> Exported:
    return Exported(by=me(), what=what, requests=requests, up_to=up_to, read_at=datetime.now(UTC))
