"""Whom SSH trusts, and as whom it comes: the known_hosts file and the bot's own keys. Nothing is trusted by default."""

from collections.abc import Sequence
from pathlib import Path

import asyncssh

from bot.errors import KickbotError, SettingsError
from bot.models import Host

SSH_PORT = 22


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

    def why_not(self, host: Host, shown: str) -> str:
        """Why a host that shows the key with this fingerprint is not trusted, and where its key should be."""
        port = None if host.port == SSH_PORT else host.port
        place = f"[{host.address}]:{port}" if port else host.address
        keys, authorities = self._parsed.match(host.address, "", port)[:2]
        if expected := [key.get_fingerprint() for key in (*keys, *authorities)]:
            recorded = " or ".join(dict.fromkeys(expected))
            return f"shows another host key, {shown}, than {recorded}, which {self.path} has for {place}"
        return f"shows an unknown host key, {shown}: {self.path} has none for {place}"


class Visitor(asyncssh.SSHClient):
    """Trusts nobody by itself; remembers the fingerprint of the key that was shown and is not trusted."""

    shown: str | None = None

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
        self.shown = key.get_fingerprint()
        return False


def read_keys(paths: Sequence[Path]) -> list[asyncssh.SSHKeyPair]:
    """The private keys in these files. Raises SettingsError for one that can't be read, or needs a passphrase."""
    try:
        return list(asyncssh.load_keypairs([str(path) for path in paths]))
    except (OSError, asyncssh.KeyImportError) as error:
        raise SettingsError(f"ssh.keys: {error}") from error
