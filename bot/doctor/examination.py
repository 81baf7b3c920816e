"""The order in which an installation is examined. It changes nothing, and goes on after whatever is wrong."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bot import authenticators
from bot.counting import count
from bot.doctor import manifest, of_places, of_trail, on_hosts
from bot.doctor.in_slack import InSlack
from bot.errors import SettingsError
from bot.findings import Finding, finding_in
from bot.rules.soundness import sound
from bot.settings import Settings
from bot.survey import Survey, survey

finding = finding_in("settings")

AND_THEN = "Mend it first: channels, rules and hosts were not looked at."

NO_FILE = "Put it there, or name the right one in kickbot.toml; the user that runs Kickbot has to read it."


@dataclass(frozen=True)
class Part:
    """steps: about how many findings it will have; for a progress bar."""

    name: str
    steps: int
    findings: Callable[[], AsyncIterator[Finding]]


async def parts(settings: Settings, file: Path | None) -> list[Part]:
    """What is to be examined, in its order. file: the manifest, if not the one beside the code."""
    slack, there = InSlack(settings.slack), list[Part]()
    try:
        surveyed = await survey(settings)
        there, first = [*_surveyed(settings, slack, surveyed)], _settings(settings, surveyed)
    except SettingsError as error:
        first = [finding("wrong", "hosts and rules", str(error), AND_THEN)]
    return [
        Part("settings", len(first), lambda: _each(first)),
        Part("tokens", 2, slack.tokens),
        Part("manifest", 1, lambda: _each(manifest.examine(file, settings.slack))),
        Part("clocks", 1, lambda: _each(slack.time)),
        *there,
        Part("trail", 3, lambda: of_trail.examine(settings)),
        Part("places", of_places.count_of(settings), lambda: of_places.examine(settings)),
    ]


def _surveyed(settings: Settings, slack: InSlack, found: Survey) -> Iterator[Part]:
    """What can be looked at where hosts and rules are known."""
    hosts = tuple(found.inventory.hosts)

    async def rules() -> AsyncIterator[Finding]:
        roster = await slack.roster(found.policy)
        enrolled = authenticators.enrolled(settings.second_factors)
        for one in sound(found.policy, hosts, roster.model_copy(update={"enrolled": enrolled})):
            yield one

    yield Part("channels", 1 + len(settings.rules), lambda: slack.channels(found.policy))
    yield Part("policy", 1, rules)
    yield Part("hosts", len(hosts), lambda: on_hosts.examine(settings, found))


def _settings(settings: Settings, found: Survey) -> list[Finding]:
    there = [finding("note", "inventory", note, "Is that meant so?") for note in found.notes]
    try:
        settings.check_files()
        authenticators.opened(settings.second_factors)
    except SettingsError as error:
        return [finding("wrong", "files", str(error), NO_FILE), *there]
    said = f"{count(len(found.inventory.hosts), 'host')}, {count(len(found.policy.rules), 'rule')}, every file is there"
    return [finding("ok", "kickbot.toml", said), *there]


async def _each(findings: Iterator[Finding] | list[Finding]) -> AsyncIterator[Finding]:
    for one in findings:
        yield one
