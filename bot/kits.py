"""`kickbot hosts kit`: what to install on a host, and whether its key can really do nothing else there."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bot.errors import SettingsError
from bot.hosts.connections import SshHosts
from bot.hosts.kit import making
from bot.hosts.kit.making import Kit
from bot.hosts.kit.trying import Thief, Tried, as_root
from bot.hosts.trust import Identity
from bot.models import Snapshot
from bot.settings import Settings
from bot.survey import Survey

Tries = AsyncIterator[Tried]


async def made(settings: Settings, survey: Survey, names: Sequence[str]) -> Kit:
    """The kit for these hosts, if it is the same for all of them. Raises SettingsError."""
    usual = Identity(settings.ssh_keys, agent=settings.agent)
    protected = settings.protect.users or ()
    kits: dict[Kit, str] = {}
    for name in names:
        host = survey.inventory.hosts[name]
        if host.platform != "linux":
            raise SettingsError(f"{name} is no Linux host, and there is no kit for others")
        async with usual.of(host).offered() as pairs:
            kits.setdefault(making.make(host.user, pairs, protected), name)
    if len(kits) > 1:
        one, other, *_ = kits.values()
        raise SettingsError(f"{one} and {other} need kits that differ, in the login or the key: ask for one at a time")
    return next(iter(kits))


def write(kit: Kit, folder: Path) -> list[Path]:
    """Its files, in a folder that is made if it isn't there. Raises SettingsError."""
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (text, mode) in kit.files().items():
            path = folder / name
            path.unlink(missing_ok=True)  # a link is not followed
            path.write_text(text, encoding="utf-8")
            path.chmod(mode)
            paths.append(path)
    except OSError as error:
        raise SettingsError(f"{error.filename or folder} can't be written ({error.strerror})") from error
    return paths


async def tried(settings: Settings, survey: Survey, name: str) -> Tries:
    """Every try on a host. Raises SettingsError where it isn't configured to have the kit, or can't be looked at."""
    host = survey.inventory.hosts[name]
    if not host.kit:
        raise SettingsError(f"{name} is asked without the kit: write it into `kit` under [ssh] first")
    both = {each.name: each for each in (host, as_root(host))}
    known_hosts = settings.path(settings.ssh.known_hosts)
    hosts = SshHosts(both, settings.ssh_keys, known_hosts, agent=settings.agent)
    try:
        (look,) = [look async for look in hosts.look([name])]
        if not isinstance(look, Snapshot):
            raise SettingsError(f"{name} {look.reason}")
        async for one in Thief(hosts, host, look).everything():
            yield one
    finally:
        await hosts.close()
