"""kickbot audit …: parses arguments and prints, nothing else."""

import asyncio
import getpass
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

import click

from bot import settings
from bot.audit import chain, exporting, sources, stamped, stored, telling
from bot.audit.anchors import Anchor, expected, in_slack
from bot.audit.examining import Fits, examine
from bot.audit.exporting import FORMS
from bot.audit.pairing import Pairing
from bot.audit.records import Verified
from bot.audit.report.page import page
from bot.audit.report.selecting import Selecting, wanted
from bot.audit.sources import ExportedFile, Source, pushed
from bot.durations import seconds
from bot.errors import AlreadyRecorded, BrokenTrail, CommandError, SettingsError, TrailError
from bot.events import Exported, Read
from bot.models import RequestId
from bot.plainly import FAILED, plainly, with_config


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
        database = _database(config)
        found = stored.list_requests(database, about=about, reads=reads, limit=limit)
        _note(database, "list", about or "", len(found))
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
        database = _database(config)
        records = stored.show(database, request)
        _note(database, "show", str(request), 1)
        with stored.opened(database) as source:
            click.echo(telling.story(records, partial(stored.gone, source, request)))


@audit.command()
@click.argument("words", nargs=-1, metavar="[since 90d]")
@with_config
def pairs(words: tuple[str, ...], config: str | None) -> None:
    """Who approved for whom, how often, and who approve each other over and over. That you read it is recorded."""
    with plainly():
        database = _database(config)
        with stored.opened(database) as source:
            pairing = Pairing(_since(words))
            with _told_if_broken():
                for _ in chain.walk(pairing.passing(source.events())):
                    pass
        counted = pairing.counted()
        _note(database, "pairs", " ".join(words), sum(pair.times for pair in counted.pairs))
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
        about = _About(from_file, config)
        fits, read = about.signers(allowed_signers), about.stampers(stamp_authorities)
        elsewhere = [_expected(text) for text in expect_head]
        with about.opened() as source:
            troubles: tuple[str, ...] = ()
            if slack:
                found, troubles = about.slack(source.channels())
                elsewhere += found
            with _told_if_broken():
                elsewhere += [anchor for file in about.pushed(checkpoints) for anchor in pushed(Path(file), fits)]
                verified = sources.verified(source, elsewhere, fits, read)
        for line in telling.verified(verified, (*troubles, *about.unstamped(verified))):
            click.echo(line)


@contextmanager
def _told_if_broken() -> Iterator[None]:
    """The first bad event and what was done to it, on standard error, and exit status 1."""
    try:
        yield
    except BrokenTrail as broken:
        click.echo(f"BROKEN at {broken} [{broken.kind}]", err=True)
        sys.exit(FAILED)


class _About:
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
        return _in_place(self._known.database)

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
        heads, troubles = asyncio.run(app.told_in_slack(self._known, settings.reading_secrets(), there))
        return [in_slack(head) for head in heads], troubles

    @property
    def _known(self) -> settings.Settings:
        if self._settings is None:
            raise SettingsError("--slack needs the configuration: --config FILE")
        return self._settings


def _expected(text: str) -> Anchor:
    try:
        return expected(text)
    except ValueError as error:
        raise SettingsError(f"--expect-head: {text!r} is not SEQ:HASH, such as 318:a1b2c3d4…") from error


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can't be read: {error}") from error


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
@click.option("--to", metavar="FILE", required=True, help="A new file; nothing is overwritten.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the backup.")
@with_config
def backup(to: str, *, unrecorded: bool, config: str | None) -> None:
    """The whole trail of a SQLite file into a new one, beside a running bot; verified, with its head to note."""
    with plainly():
        about = _About(None, config)
        database, fits = about.database, about.signers(None)
        with stored.opened(database) as source:
            newest = source.newest()
        if not unrecorded:
            stored.record(database, _taken_out("backup", newest))
        with _told_if_broken():
            found = stored.back_up(database, Path(to), fits)
        for line in telling.verified(found, ()):
            click.echo(line)
        click.echo(f"Note its head elsewhere: kickbot audit verify --expect-head {found.events}:{found.head}")


@audit.command()
@click.option("--format", "form", type=click.Choice(sorted(FORMS)), required=True, help="jsonl is what verify reads.")
@click.option("--out", metavar="FILE", help="A new file; else standard output.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the export.")
@with_config
def export(form: str, out: str | None, unrecorded: bool, config: str | None) -> None:
    """The whole trail for other tools: JSON lines, CSV, OCSF or CEF. The export itself is recorded in the trail."""
    with plainly():
        database = _database(config)
        with stored.opened(database) as source:
            if not unrecorded:
                stored.record(database, _taken_out(form, source.newest()))
            with _written(out) as file:
                for line in exporting.export(source, form):
                    file.write(line)


@audit.command()
@click.argument("words", nargs=-1, required=True, metavar="REQUEST…|since …|channel …")
@click.option("--out", metavar="FILE", required=True, help="A new HTML file.")
@click.option("--unrecorded", is_flag=True, help="For a copy that can't be written: don't record the report.")
@with_config
def report(words: tuple[str, ...], out: str, unrecorded: bool, config: str | None) -> None:
    """One HTML file about requests, for people who don't know Kickbot. The report itself is recorded in the trail."""
    with plainly():
        now = datetime.now(UTC)
        about = _About(None, config)
        database, fits = about.database, about.signers(None)
        with stored.opened(database) as source:
            selecting, pairing = Selecting(wanted(words, now)), Pairing()
            passing = pairing.passing(selecting.passing(source.events()))
            with _told_if_broken():
                seen = examine(passing, source.checkpoints(), (), fits)
                requests, found = selecting.found(), source.check(seen)
            taken = _taken_out("report", found.events, tuple(records[0].request for records in requests))
            if not unrecorded:
                stored.record(database, taken)
            with _written(out) as file:
                counted, by = pairing.counted(), taken.by
                pieces = page(requests, source.body, found, dropped=source.dropped, pairs=counted, by=by, now=now)
                for piece in pieces:
                    file.write(piece.encode())


def _note(database: Path | str, what: str, about: str, requests: int) -> None:
    """Who read what. A trail that can't be written is read all the same, with a word about it."""
    try:
        stored.record(database, Read.of(what, about, requests, datetime.now(UTC), by=_me()))
    except AlreadyRecorded:
        return
    except TrailError as error:
        click.echo(f"this reading is not recorded: {error}", err=True)


def _me() -> str:
    return f"{getpass.getuser()} on {socket.gethostname()}"


def _taken_out(what: str, up_to: int, requests: tuple[RequestId, ...] = ()) -> Exported:
    return Exported(by=_me(), what=what, requests=requests, up_to=up_to, read_at=datetime.now(UTC))


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
@click.option("--save", metavar="FILE", help="Write it to FILE, its signature to FILE.sig, its time stamp to FILE.tsr.")
@with_config
def checkpoint(event: int | None, save: str | None, config: str | None) -> None:
    """The newest checkpoint, or the one of that EVENT: what to keep elsewhere."""
    with plainly():
        found = stored.checkpoint(_database(config), event)
        if save:
            Path(save).write_text(found.text)
            Path(f"{save}.sig").write_text(found.signature)
            for number, stamp in enumerate(stored.stamps(_database(config), found.seq), 1):
                Path(f"{save}.tsr" if number == 1 else f"{save}.{number}.tsr").write_bytes(stamp.answer)
        click.echo(found.text + found.signature, nl=False)


def _database(config: str | None) -> Path | str:
    return _in_place(settings.load(settings.find(config)).database)


def _in_place(database: Path | str) -> Path | str:
    if isinstance(database, Path) and not database.exists():
        raise SettingsError(f"audit.database: there is no trail at {database} yet")
    return database
