"""From a line of kickbot.toml to the place, or the collector, that it names."""

from pathlib import Path
from urllib.parse import urlsplit

from bot.audit.places.buckets import BucketPlace, Credentials
from bot.audit.places.collecting import SyslogPlace
from bot.audit.places.collectors import Collector
from bot.audit.places.files import FilePlace
from bot.audit.places.interface import Place
from bot.audit.places.stamping import StampPlace
from bot.audit.places.tls import Tls
from bot.audit.stamps import Authorities
from bot.errors import SettingsError
from bot.models import Value


class Access(Value):
    """With what the bot shows who it is, and whom it believes. stamp_authorities: a file of their certificates."""

    tls: Tls = Tls()
    credentials: Credentials = Credentials()
    stamp_authorities: Path | None = None


def place(name: str, access: Access) -> Place:
    """Raises SettingsError for certificates that can't be used."""
    scheme = name.partition(":")[0]
    match scheme:
        case "file":
            return FilePlace(name)
        case "https":
            access.tls.check()
            return BucketPlace(name, access.credentials, access.tls)
        case "tsp+https" | "tsp+http":
            if access.stamp_authorities is None:
                raise SettingsError(f"audit.stamp_authorities: is missing, so no stamp of {name} would count")
            access.tls.check()
            return StampPlace(name, Authorities(access.stamp_authorities), access.tls)
        case _:
            return SyslogPlace(name, collector(name, access))


def collector(name: str, access: Access) -> Collector:
    """Of `…+tcp://host:port` or `…+tls://host:port`. Raises SettingsError as `place` does."""
    address = urlsplit(name)
    secret = address.scheme.endswith("+tls")
    if secret:
        access.tls.check()
    return Collector(address.hostname or "", address.port or 0, access.tls if secret else None)
