"""Whom SSH trusts, and as whom it comes: the known_hosts file and the bot's own keys. Nothing is trusted by default."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import asyncssh

from bot.errors import KickbotError, SettingsError
from bot.models import Host

SSH_PORT = 22

log = logging.getLogger(__name__)


class NoKnownHosts(KickbotError):  # noqa: N818 - says what happened
    """The known_hosts file can't be read: no host is trusted."""


class KnownHosts:
    """The known_hosts file, parsed again only when it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._parsed = asyncssh.SSHKnownHosts()

    def load(self) -> asyncssh.SSHKnownHosts:
        """Raises NoKnownHosts."""
        try:
            status = self.path.stat()
            seen = (status.st_mtime_ns, status.st_size, status.st_ino)
            if seen != self._seen:
                self._parsed = asyncssh.import_known_hosts(self.path.read_text())
                self._seen = seen
        except (OSError, ValueError) as error:
            raise NoKnownHosts(f"can't be trusted: {self.path} can't be read ({error})") from error
        return self._parsed

    def recorded(self, host: Host) -> Sequence[str]:
        """The fingerprints of the keys and the authorities that are trusted for a host."""
        port = None if host.port == SSH_PORT else host.port
        keys, authorities = self._parsed.match(host.address, "", port)[:2]
        return tuple(dict.fromkeys(key.get_fingerprint() for key in (*keys, *authorities)))

    def why_not(self, host: Host, shown: str, *, authority: bool = False) -> str:
        """Why a host that shows the key with this fingerprint is not trusted, and where its key should be.

        authority: it is the key of who signed the host's certificate.
        """
        place = place_of(host)
        if authority:
            return f"shows a certificate of an unknown authority, {shown}: {self.path} has no such one for {place}"
        if expected := self.recorded(host):
            recorded = " or ".join(expected)
            return f"shows another host key, {shown}, than {recorded}, which {self.path} has for {place}"
        return f"shows an unknown host key, {shown}: {self.path} has none for {place}"


def place_of(host: Host) -> str:
    """How known_hosts names a host."""
    return host.address if host.port == SSH_PORT else f"[{host.address}]:{host.port}"


class Visitor(asyncssh.SSHClient):
    """Trusts nobody by itself; remembers the key that was shown and is not trusted.

    held: what this connection goes through, until it is lost.
    """

    def __init__(self) -> None:
        self.key: asyncssh.SSHKey | None = None
        self.authority = False
        self.held = ExitStack()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.held.close()

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.key = key
        return False

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.key, self.authority = key, True
        return False


def keys_of(host: Host, usual: Sequence[asyncssh.SSHKeyPair]) -> Sequence[asyncssh.SSHKeyPair]:
    """With which keys to come there: its own where they can be read, else the usual ones."""
    found: list[asyncssh.SSHKeyPair] = []
    for key in host.keys:
        try:
            found += asyncssh.load_keypairs([key], certlist=list(host.certificates))
        except (OSError, ValueError) as error:
            log.warning("%s: the key %s is left out (%s)", host.name, key, error)
    return found or usual


def read_keys(paths: Sequence[Path]) -> list[asyncssh.SSHKeyPair]:
    """The private keys in these files. Raises SettingsError for one that can't be read, or needs a passphrase."""
    try:
        return list(asyncssh.load_keypairs([str(path) for path in paths]))
    except (OSError, asyncssh.KeyImportError) as error:
        raise SettingsError(f"ssh.keys: {error}") from error
