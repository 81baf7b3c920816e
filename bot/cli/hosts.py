"""kickbot hosts list | check | trust | kit."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.plainly import FAILED, plainly, quietly, with_config
from bot.cli.surveyed import surveyed
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.kits import Tries
    from bot.settings import Settings
    from bot.survey import Survey


@click.group()
def hosts() -> None:
    """Which hosts there are, whether Kickbot gets through to them, and whose keys it trusts."""


@hosts.command("list")
@click.argument("names", metavar="HOSTS", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_config
def list_(names: str | None, as_json: bool, config: str | None) -> None:
    """A line for each host: its address, groups, rules, and who named it. A group in brackets chooses no rule."""
    from bot import rollcall  # noqa: PLC0415 - opens no library of SSH for the other commands

    with plainly():
        _, found, chosen = _chosen(config, names)
        lines = rollcall.listed(found, chosen)
        click.echo(rollcall.as_json(lines) if as_json else "\n".join(rollcall.as_table(rollcall.list_rows(lines))))


@hosts.command("check")
@click.argument("names", metavar="HOSTS", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--deep", is_flag=True, help="Ask for acts too, as of another boot: the host has to refuse each.")
@with_config
def check(names: str | None, as_json: bool, deep: bool, config: str | None) -> None:
    """Log in, use sudo and look, as the bot would; exit status 1 if that fails on any host. Shows no sessions."""
    from bot import rollcall  # noqa: PLC0415 - opens no library of SSH for the other commands

    async def every() -> list[rollcall.Check]:
        found = []
        async for each in rollcall.checked(loaded, there, chosen, deep=deep):
            found.append(each)
            if not as_json:
                click.echo(rollcall.check_row(each))
        return found

    with plainly(), quietly():
        loaded, there, chosen = _chosen(config, names)
        loaded.check_files()
        found = asyncio.run(every())
        if as_json:
            click.echo(rollcall.as_json(found))
        sys.exit(0 if all(each.ok for each in found) else FAILED)


@hosts.command("trust")
@click.argument("names", metavar="HOSTS")
@click.option("--replace", is_flag=True, help="Also where another key is recorded for the host.")
@with_config
def trust(names: str, replace: bool, config: str | None) -> None:
    """Show the fingerprint of the key that each host shows, ask, and write it into known_hosts."""
    from bot import rollcall  # noqa: PLC0415 - opens no library of SSH for the other commands

    async def every() -> bool:
        told = rollcall.trusted(loaded, found, chosen, click.confirm, replace=replace)
        return all([ok async for ok in _echoed(told)])

    with plainly(), quietly():
        if not sys.stdin.isatty():
            raise SettingsError("hosts trust asks a person, on a terminal")
        loaded, found, chosen = _chosen(config, names)
        sys.exit(0 if asyncio.run(every()) else FAILED)


@hosts.command("kit")
@click.argument("names", metavar="HOSTS")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write its files there.")
@click.option("--ansible", is_flag=True, help="Print the Ansible tasks instead; --to writes the program beside them.")
@click.option("--verify", is_flag=True, help="Try, with the bot's key, all that has to be refused.")
@with_config
def kit(names: str, folder: Path | None, ansible: bool, verify: bool, config: str | None) -> None:
    """Print what root installs on a host, so that the bot's key runs Kickbot's own program there and nothing else."""
    from bot import kits  # noqa: PLC0415 - opens no library of SSH for the other commands

    async def every() -> list[bool]:
        return [await _verified(kits.tried(loaded, found, name), name) for name in chosen]

    with plainly(), quietly():
        loaded, found, chosen = _chosen(config, names)
        loaded.check_files()
        if verify:
            sys.exit(0 if all(asyncio.run(every())) else FAILED)
        made = asyncio.run(kits.made(loaded, found, chosen))
        if folder:
            click.echo("\n".join(map(str, kits.write(made, folder))))
        else:
            click.echo(made.tasks() if ansible else made.script(), nl=False)


async def _verified(tries: "Tries", name: str) -> bool:
    """A line for each try, and one for the host. True if all were refused."""
    done = []
    async for one in tries:
        done.append(one)
        click.echo(f"ALLOWED  {one.what}: {one.allowed}" if one.allowed else f"refused  {one.what}")
    refused = sum(not one.allowed for one in done)
    click.echo(f"{name}: {refused} of {len(done)} were refused")
    return refused == len(done)


async def _echoed(told: AsyncIterator[tuple[bool, str]]) -> AsyncIterator[bool]:
    async for ok, words in told:
        click.echo(words)
        yield ok


def _chosen(config: str | None, names: str | None) -> "tuple[Settings, Survey, tuple[str, ...]]":
    """The settings, the hosts, and those of them that are meant."""
    loaded, found = surveyed(config)
    return loaded, found, found.inventory.select(names) if names else tuple(found.inventory.hosts)
