"""kickbot check: the examination, with a progress bar, as text or JSON."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot import settings
from bot.cli.plainly import FAILED, UNUSABLE, plainly, quietly, with_config
from bot.errors import SettingsError
from bot.findings import Finding, finding_in, lines, report

if TYPE_CHECKING:
    from bot.doctor.examination import Part

FIRST = "Mend that first: nothing else was looked at."

Advance = Callable[[str, int], None]
"""The name of the part that is examined, and by how many steps the bar goes on."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, without a progress bar.")
@click.option(
    "--manifest", type=Path, metavar="FILE", help="The app's manifest; else app_manifest.yml beside the code."
)
@with_config
def check(as_json: bool, manifest: Path | None, config: str | None) -> None:
    """Examine a whole installation, and change nothing: tokens, manifest, channels, rules, hosts, clocks, trail.

    Exit status 0: nothing is wrong. 1: something is, and what to do stands beside it. 2: kickbot.toml can't be read. It
    takes the environment of `kickbot run`; run it as the same user.
    """
    with plainly(), quietly():
        found, status = _examined(config, manifest, show=not as_json and sys.stderr.isatty())
        made = report(found)
        click.echo(made.model_dump_json(indent=2) if as_json else "\n".join(lines(made)))
        sys.exit(0 if made.ok else status)


def _examined(config: str | None, manifest: Path | None, *, show: bool) -> tuple[Sequence[Finding], int]:
    """What was found, and the exit status if anything is wrong with it."""
    from bot.doctor.examination import parts  # noqa: PLC0415 - opens the libraries of Slack and SSH

    try:
        loaded = settings.load(settings.find(config))
    except SettingsError as error:
        return [finding_in("settings")("wrong", "kickbot.toml", str(error), FIRST)], UNUSABLE

    async def every() -> list[Finding]:
        all_of_them = await parts(loaded, manifest)
        with _bar(sum(part.steps for part in all_of_them), show=show) as advance:
            return [one for part in all_of_them for one in await _of(part, advance)]

    return asyncio.run(every()), FAILED


async def _of(part: "Part", advance: Advance) -> list[Finding]:
    found: list[Finding] = []
    advance(part.name, 0)
    async for one in part.findings():
        found.append(one)
        advance(part.name, int(len(found) <= part.steps))
    advance(part.name, max(part.steps - len(found), 0))
    return found


@contextmanager
def _bar(steps: int, *, show: bool) -> Iterator[Advance]:
    if not show:
        yield lambda _name, _steps: None
        return
    with click.progressbar(length=steps, file=sys.stderr, show_eta=False) as bar:

        def advance(name: str, by: int) -> None:
            bar.label = f"{name:8}"
            bar.update(by)
            bar.render_progress()

        yield advance
