"""kickbot policy explain | check | test."""

import asyncio
import sys
from pathlib import Path

import click

from bot import authenticators, credentials
from bot.cleaning import clean
from bot.cli.plainly import FAILED, plainly, with_config
from bot.cli.surveyed import surveyed
from bot.counting import count
from bot.errors import CommandError
from bot.findings import lines, report
from bot.inventory import Inventory
from bot.logins import login
from bot.models import EVERYONE
from bot.policy import Policy
from bot.rules.expectations import failures, load
from bot.rules.explained import told
from bot.rules.explaining import explain as explained
from bot.rules.lookups import roster_of
from bot.rules.roster import Roster
from bot.rules.soundness import sound

NOT_LOOKED_UP = "Groups were not looked up, since SLACK_BOT_TOKEN is not set: who is in them is not known here."


@click.group()
def policy() -> None:
    """What the rules say, whether they can be right, and whether they say what you expect."""


@policy.command()
@click.argument("user")
@click.argument("host")
@click.argument("words", nargs=-1, metavar="[as PERSON]")
@with_config
def explain(user: str, host: str, words: tuple[str, ...], config: str | None) -> None:
    """Who may look, ask and approve about USER's sessions on HOST, which rules decide, and why not.

    USER: a login name, or everyone. PERSON: a Slack id; what this person may do. With SLACK_BOT_TOKEN in the
    environment groups are looked up.
    """
    with plainly():
        person = _person(words)
        _, found = surveyed(config)
        name = _host(found.inventory, host)
        about = user if user == EVERYONE else login(user, found.inventory.platforms((name,)))
        roster = asyncio.run(_roster(found.policy, *filter(None, [person])))
        if not roster.looked_up:
            click.echo(NOT_LOOKED_UP)
        answer = explained(found.policy, name, about, roster, person)
        for line in told(answer, found.policy, name, about, roster):
            click.echo(clean(line))


@policy.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_config
def check(as_json: bool, config: str | None) -> None:
    """Hosts without a rule, rules that never count, approvers that aren't there or too few, and the like.

    Exit status 1 if anything is wrong. With SLACK_BOT_TOKEN in the environment people and groups are looked up.
    """
    with plainly():
        loaded, found = surveyed(config)
        enrolled = authenticators.enrolled(loaded.second_factors)
        roster = asyncio.run(_roster(found.policy)).model_copy(update={"enrolled": enrolled})
        made = report(sound(found.policy, tuple(found.inventory.hosts), roster))
        click.echo(made.model_dump_json(indent=2) if as_json else "\n".join(lines(made)))
        sys.exit(0 if made.ok else FAILED)


@policy.command()
@click.argument("file", type=Path)
@with_config
def test(file: Path, config: str | None) -> None:
    """Put the cases of FILE to the rules, with the people that it makes up; exit status 1 if one isn't as expected."""
    with plainly():
        expected = load(file)
        _, found = surveyed(config)
        failed = asyncio.run(failures(expected, found.policy, found.inventory))
        for one in failed:
            click.echo(f"{one.place}: {one.words}: {one.why}")
        click.echo(f"{count(len(expected.cases), 'case')}, {len(failed)} not as expected")
        sys.exit(FAILED if failed else 0)


def _person(words: tuple[str, ...]) -> str:
    match words:
        case ():
            return ""
        case ("as", who) if who[0] in "UW" and who.isalnum() and who.isupper():
            return who
    raise CommandError("after HOST stands nothing or `as PERSON`, a Slack id such as U0ALICE")


def _host(inventory: Inventory, text: str) -> str:
    names = inventory.select(text)
    if len(names) > 1:
        raise CommandError(f"{text} is {len(names)} hosts: explain is about one at a time")
    return names[0]


async def _roster(rules: Policy, *others: str) -> Roster:
    """Everyone is taken for a member, and nobody knows who is in a group, where there is no token."""
    if not credentials.secrets_as_they_are().slack_bot_token.get_secret_value():
        return Roster()
    from bot import app  # noqa: PLC0415 - opens no library of Slack for the other commands

    return await roster_of(rules, await app.people_in_slack(credentials.reading_secrets()), *others)
