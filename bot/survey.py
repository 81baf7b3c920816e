"""Reads what [inventory] names, and makes the hosts and the rules of it: at the start, and again while the bot runs.

It is all or nothing: a reading that fails, or that the rules don't fit, changes nothing and is told in the log.
"""

import asyncio
import logging
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bot.errors import SettingsError
from bot.estate import Estate
from bot.hosts.sources import ansible, clustershell
from bot.hosts.sources.openssh import OpenSsh
from bot.hosts.sources.trouble import SourceTrouble, read
from bot.inventory import Inventory
from bot.merging import OWN, Found, merge, one_name_each
from bot.models import Host, Value
from bot.policy import Policy
from bot.settings import InventorySection, Settings

log = logging.getLogger(__name__)


class Survey(Value):
    """What there is. notes: which hosts and groups were left out, and why."""

    inventory: Inventory
    policy: Policy
    notes: tuple[str, ...] = ()


async def survey(settings: Settings) -> Survey:
    """Raises SettingsError for a source that can't be read, and for rules about hosts that aren't there."""
    files = [settings.path(section.ssh_config) for section in settings.sources if section.ssh_config]
    ssh = OpenSsh(files, settings.ssh.user)
    others: list[Found] = []
    for number, section in enumerate(settings.sources):
        try:
            others += await _found(section, settings, ssh)
        except SourceTrouble as trouble:
            raise SettingsError(f"inventory[{number}]: {trouble}") from trouble
    return await asyncio.to_thread(_joined, settings, others, ssh)


async def again(settings: Settings, estate: Estate, told: tuple[str, ...] = ()) -> None:
    """Survey again on each SIGHUP, and as often as [inventory] says. Never ends, where that names anything.

    told: the notes that are in the log already.
    """
    if not settings.sources:
        return
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked.set)
    every = min(section.every for section in settings.sources)
    try:
        while True:
            try:
                async with asyncio.timeout(every):
                    await asked.wait()
            except TimeoutError:
                pass
            asked.clear()
            told = await _once_more(settings, estate, told)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGHUP)


def tell(notes: tuple[str, ...]) -> None:
    """Into the log, what was left out."""
    for note in notes:
        log.warning("inventory: %s", note)


async def _once_more(settings: Settings, estate: Estate, told: tuple[str, ...]) -> tuple[str, ...]:
    """One reading, and its notes."""
    try:
        seen = await survey(settings)
    except SettingsError as error:
        log.error("the inventory stays as it was: %s", error)  # noqa: TRY400 - says all that there is to say
        return told
    except Exception:
        log.exception("the inventory stays as it was: it could not be read")
        return told
    tell(tuple(note for note in seen.notes if note not in told))
    if (seen.inventory, seen.policy) != (estate.inventory, estate.policy):
        came, went = (
            len(a.hosts.keys() - b.hosts.keys())
            for a, b in ((seen.inventory, estate.inventory), (estate.inventory, seen.inventory))
        )
        log.info("the inventory was read again: %d hosts, %d new, %d gone", len(seen.inventory.hosts), came, went)
        estate.replace(seen.inventory, seen.policy)
    return seen.notes


async def _found(section: InventorySection, settings: Settings, ssh: OpenSsh) -> list[Found]:
    """What the sources of a section say. Raises SourceTrouble, which names the source."""
    found = []
    if section.ssh_config:
        with _told_of("ssh_config"):
            found.append(await asyncio.to_thread(ssh.named))
    if section.ansible:
        with _told_of("ansible"):
            content = await asyncio.to_thread(read, settings.path(section.ansible))
            found.append(await asyncio.to_thread(ansible.parse, content, "ansible", trusted=section.trusted))
    if section.ansible_command:
        with _told_of("ansible_command"):
            content = await ansible.run(section.ansible_command, settings.folder)
            found.append(await asyncio.to_thread(ansible.parse, content, "ansible", trusted=section.trusted))
    if section.groups:
        with _told_of("groups"):
            paths = [path for pattern in section.groups for path in _matching(settings.path(pattern))]
            found.append(await asyncio.to_thread(clustershell.parse, paths, trusted=section.trusted))
    return found


@contextmanager
def _told_of(source: str) -> Iterator[None]:
    try:
        yield
    except SourceTrouble as trouble:
        raise SourceTrouble(f"{source} {trouble}") from trouble


def _matching(pattern: Path) -> list[Path]:
    """The files of a pattern such as `groups.d/*.cfg`; what has no star in it has to be there."""
    return sorted(pattern.parent.glob(pattern.name)) or [pattern]


def _joined(settings: Settings, others: Sequence[Found], ssh: OpenSsh) -> Survey:
    notes = [f"{each.source}: {note}" for each in others for note in each.notes]
    hosts: dict[str, Host] = {}
    for name, entry in merge(settings.entries(), others).items():
        try:
            hosts[name] = ssh.reached(settings.host(entry), port=entry.port, user=entry.user)
        except SourceTrouble as trouble:
            notes.append(_left_out(entry.source, name, str(trouble)))
    hosts = settings.equipped(hosts)
    rules = settings.policy(Inventory(hosts=hosts)).rules
    ruled = {name: tuple(n for n, rule in enumerate(rules) if name in rule.hosts) for name in hosts}
    left_out = [_left_out(hosts.pop(name).source, name, why) for name, why in [*one_name_each(hosts, ruled)]]
    inventory = Inventory(hosts=hosts)
    try:
        return Survey(inventory=inventory, policy=settings.policy(inventory), notes=(*notes, *left_out))
    except SettingsError as error:
        raise SettingsError(f"{error} {'; '.join(left_out)}") from error


def _left_out(source: str, name: str, why: str) -> str:
    """For the log. Raises SettingsError for a host of kickbot.toml: it is not left out in silence."""
    if source == OWN:
        raise SettingsError(f"hosts: {name}: {why}")
    return f"{source}: {name} is left out: {why}"
