"""Second factors by RFC 6238: whose secret is whose, in a file of its own, and whether a code is that person's.

Enrolling never goes through Slack, whose word is what is doubted here. No secret or code stands in an error or a log.
"""

import base64
import binascii
import logging
import os
import re
import secrets
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from bot.borders import Match
from bot.errors import SecretsUnusable, SettingsError

log = logging.getLogger(__name__)

STEP = 30
"""Seconds for which a code is shown."""
DRIFT = 1
"""Steps by which the person's clock may be off, either way."""
DIGITS = 6
SECRET = 20
"""Bytes, as RFC 4226 recommends."""
SHORTEST = 16
LONGEST = 1_000_000
"""Bytes of the file."""
ISSUER = "Kickbot"
OTHERS = stat.S_IRWXO | stat.S_IWGRP
"""A group may read it: that is how systemd's credentials look, and a file that root made for the bot's user."""

_PERSON = re.compile(r"[UW][A-Z0-9]{2,20}")
_HEAD = "# Second factors of Kickbot: a Slack id and a secret in base32 each. Written by `kickbot second-factor`.\n"


class SecretFile:
    """The Authenticators of `borders.py`. It is read whenever it is asked, so that a change counts at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def enrolled(self) -> Mapping[str, str]:
        return {who: _fingerprint(secret) for who, secret in self._read().items()}

    def match(self, who: str, code: str, at: datetime) -> Match | None:
        secret = self._read().get(who)
        if secret is None:
            return None
        now, found = int(at.timestamp()) // STEP, None
        for step in range(max(now - DRIFT, 0), now + DRIFT + 1):  # each is tried, whichever it is
            found = step if _is_of(secret, code, step) else found
        return None if found is None else Match(step=found, fingerprint=_fingerprint(secret))

    # ------------------------------------------------------------------------------------------ whoever runs Kickbot

    def enrol(self, who: str, *, replace: bool = False) -> str:
        """A new secret for that person, written down; the otpauth:// address that their device takes it from.

        Raises SecretsUnusable, also for someone who has one already.
        """
        if not _PERSON.fullmatch(who):
            raise SecretsUnusable("a person is named by their Slack id, such as U0CAROL")
        known = self._read(may_be_missing=True)
        if who in known and not replace:
            raise SecretsUnusable(f"{who} has a second factor already: --replace makes a new one, and ends the old one")
        secret = secrets.token_bytes(SECRET)
        self._write({**known, who: secret})
        return _totp(secret).get_provisioning_uri(who, ISSUER)

    def remove(self, who: str) -> None:
        """From now on no code is theirs. Raises SecretsUnusable for someone who has none."""
        known = self._read()
        if who not in known:
            raise SecretsUnusable(f"{who} has no second factor")
        self._write({name: secret for name, secret in known.items() if name != who})

    # ------------------------------------------------------------------------------------------ the file

    def _read(self, *, may_be_missing: bool = False) -> dict[str, bytes]:
        try:
            return {who: _secret(who, text) for who, text in self._content().items()}
        except (OSError, SecretsUnusable) as error:
            if may_be_missing and isinstance(error, FileNotFoundError):
                return {}
            why = error.strerror if isinstance(error, OSError) else error
            log.warning("the file of second factors can't be used: %s: %s", self._path, why)
            raise SecretsUnusable(f"{self._path}: {why}") from None  # the cause might quote what is in it

    def _content(self) -> Mapping[str, object]:
        with self._path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & OTHERS:
                raise SecretsUnusable("others may read or write it; `chmod 600` takes that away")
            content = file.read(LONGEST + 1)
        try:
            return tomllib.loads(content.decode("ascii") if len(content) <= LONGEST else "too long")
        except ValueError:
            raise SecretsUnusable("it isn't a file of Slack ids and secrets") from None

    def _write(self, known: Mapping[str, bytes]) -> None:
        """Whole or not at all, as its owner had it."""
        text = _HEAD + "".join(f'{who} = "{base64.b32encode(known[who]).decode()}"\n' for who in sorted(known))
        try:
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    if self._path.exists():
                        before = self._path.stat()
                        os.fchown(descriptor, before.st_uid, before.st_gid)
                        os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
                    file.write(text)
                    file.flush()
                    os.fsync(descriptor)
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise SecretsUnusable(f"{self._path} can't be written ({error.strerror})") from error


def opened(path: Path | None) -> SecretFile | None:
    """The file, if it can be used. Raises SettingsError if it can't; None: none is named, so nobody has one."""
    if path is None:
        return None
    file = SecretFile(path)
    try:
        file.enrolled()
    except SecretsUnusable as error:
        raise SettingsError(f"second_factor.secrets: {error}") from error
    return file


def enrolled(path: Path | None) -> frozenset[str] | None:
    """Who has one, for showing only; None where that can't be read."""
    try:
        file = opened(path)
    except SettingsError:
        return None
    return frozenset(file.enrolled()) if file else frozenset()


def _secret(who: str, text: object) -> bytes:
    """Raises SecretsUnusable, which names the person and never the secret."""
    try:
        secret = base64.b32decode(text.replace(" ", "").upper()) if isinstance(text, str) else b""
    except binascii.Error:
        secret = b""
    if not _PERSON.fullmatch(who) or len(secret) < SHORTEST:
        raise SecretsUnusable(
            f"what stands for {who[:21]!r} is no secret of {SHORTEST} bytes or more in base32"
        ) from None
    return secret


def _fingerprint(secret: bytes) -> str:
    """16 hexadecimal digits that tell one secret from the next, and nothing of it: secrets are random and long."""
    return sha256(b"an authenticator of Kickbot\n" + secret).hexdigest()[:16]


def _is_of(secret: bytes, code: str, step: int) -> bool:
    """Compared in constant time by the library."""
    try:
        _totp(secret).verify(code.encode(), step * STEP)
    except InvalidToken:
        return False
    return True


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, DIGITS, SHA1(), STEP)  # noqa: S303 - what every authenticator takes; as an HMAC it is sound
