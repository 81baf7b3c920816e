"""TLS to where checkpoints and events go: the other side's certificate is always checked, by name and authority."""

import asyncio
import ssl
from pathlib import Path

from bot.errors import SettingsError
from bot.models import Value


class Tls(Value):
    """authorities: a file of certificates that count, in place of the machine's. certificate: the bot's own, with its
    key in the same file, for those who ask for one.
    """

    authorities: Path | None = None
    certificate: Path | None = None

    async def context(self) -> ssl.SSLContext:
        """Read anew for each connection: certificates are renewed while the bot runs. Raises OSError."""
        return await asyncio.to_thread(self._context)

    def check(self) -> None:
        """Raises SettingsError for files that can't be used."""
        try:
            self._context()
        except OSError as error:
            files = " and ".join(str(file) for file in (self.authorities, self.certificate) if file)
            raise SettingsError(
                f"audit.tls_authorities, audit.tls_certificate: {files} can't be used: {error}"
            ) from error

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate:
            # without a word here, a key with a passphrase would ask for it on the terminal
            context.load_cert_chain(self.certificate, password="")
        return context
