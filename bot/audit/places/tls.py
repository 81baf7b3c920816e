"""TLS to where checkpoints and events go: the other side's certificate is always checked, by name and authority."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from bot.errors import SettingsError
from bot.models import Value

T = TypeVar("T")


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

    def certificate_ends(self) -> datetime | None:
        """When the bot's own counts no more. Raises OSError, ValueError."""
        if self.certificate is None:
            return None
        return x509.load_pem_x509_certificates(self.certificate.read_bytes())[0].not_valid_after_utc

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authorities)
        if self.certificate:
            # without a word here, a key with a passphrase would ask for it on the terminal
            context.load_cert_chain(self.certificate, password="")
        return context


class Secured:
    """One connection. OpenSSL's steps are taken one by one: asyncio's streams, and `unwrap`, take the other side's no,
    which in TLS 1.3 comes after the handshake, for a good-bye.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext, host: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname=host)

    async def shake_hands(self) -> None:
        """Raises OSError, here and below."""
        await self._step(self._tls.do_handshake)

    async def write(self, content: bytes) -> None:
        await self._step(partial(self._tls.write, content))

    async def say_good_bye(self) -> None:
        """Returns when the other side has closed too: with TLS's own good-bye, or the end of the connection."""
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        await self._flush()
        with suppress(ssl.SSLZeroReturnError, ssl.SSLEOFError):
            while await self._step(partial(self._tls.read, 1024)):
                pass

    async def _step(self, step: Callable[[], T]) -> T:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await self._flush()
                if content := await self._reader.read(65536):
                    self._in.write(content)
                else:
                    self._in.write_eof()
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        self._writer.write(self._out.read())
        await self._writer.drain()
