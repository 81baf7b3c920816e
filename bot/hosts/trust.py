"""Whom SSH trusts, and as whom it comes: the known_hosts file and the bot's own keys. Nothing is trusted by default."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
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
            seen = _seen(self.path)
            if seen is None or seen != self._seen:
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


class NoKeys(KickbotError):  # noqa: N818 - says what happened
    """There is nothing to log in with."""


class Identity:
    """As whom the bot comes: the private keys in these files and their certificates, and those that an agent holds.

    certificates: beside KEY-cert.pub, which is read for each KEY. The files are read again when one of them has
    changed, as a certificate of some hours does. agent: its socket; it signs logins, and is never forwarded. Raises
    SettingsError for a key that can't be read, or needs a passphrase.
    """

    def __init__(self, keys: Sequence[Path | str], certificates: Sequence[str] = (), agent: str = "") -> None:
        self._keys, self._certificates, self._agent = [str(key) for key in keys], list(certificates), agent
        self._files = [Path(p) for key in self._keys for p in (key, f"{key}-cert.pub")] + [*map(Path, certificates)]
        self._seen = tuple(map(_seen, self._files))
        self._pairs = self._read()

    def of(self, host: Host) -> "Identity":
        """With which keys to come there: its own where they can be read, else these."""
        readable = []
        for key in host.keys:
            try:
                Identity([key], host.certificates)
                readable.append(key)
            except SettingsError as error:
                log.warning("%s: the key %s is left out (%s)", host.name, key, error)
        return Identity(readable, host.certificates) if readable else self

    @asynccontextmanager
    async def offered(self) -> AsyncIterator[Sequence[asyncssh.SSHKeyPair]]:
        """The keys for one login, within the block. Raises NoKeys."""
        async with AsyncExitStack() as open_agent:
            held: Sequence[asyncssh.SSHKeyPair] = ()
            if self._agent:
                agent = await open_agent.enter_async_context(asyncssh.SSHAgentClient(self._agent))
                try:
                    held = await agent.get_keys()
                except (OSError, ValueError) as error:
                    why = f"the agent at {self._agent} does not answer ({error})"
                    raise NoKeys(f"can't be logged in to: {why}") from error
            pairs = [*held, *self._current()]  # to asyncssh, a tuple would be a key and its certificate
            if not pairs:  # asyncssh would take whatever lies in ~/.ssh
                raise NoKeys("can't be logged in to: there is no key to do it with")
            yield pairs

    def _current(self) -> Sequence[asyncssh.SSHKeyPair]:
        """What was read last, where the files can't be read now: they are about to be replaced."""
        seen = tuple(map(_seen, self._files))
        if seen != self._seen:
            try:
                self._pairs, self._seen = self._read(), seen
            except SettingsError as error:
                log.warning("the keys stay as they were: %s", error)
        return self._pairs

    def _read(self) -> Sequence[asyncssh.SSHKeyPair]:
        beside = [path for path in self._files if path.name.endswith("-cert.pub") and path.exists()]
        try:
            asyncssh.load_certificates([str(path) for path in beside])  # load_keypairs passes over a broken one
            return tuple(asyncssh.load_keypairs(self._keys, certlist=self._certificates))
        except (OSError, ValueError) as error:  # ValueError: what asyncssh can't import
            raise SettingsError(f"ssh.keys: {error}") from error


def _seen(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
