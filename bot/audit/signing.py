"""The key that signs checkpoints, and whose signatures count. It alone of the audit trail imports asyncssh.

The signatures are OpenSSH's own (SSHSIG, PROTOCOL.sshsig), by an Ed25519 key, so that
`ssh-keygen -Y verify` checks them.
"""

import base64
import binascii
import hashlib
from pathlib import Path

import asyncssh
from asyncssh.public_key import decode_ssh_public_key
from asyncssh.sshsig import import_allowed_signers

from bot.audit.checkpoints import NAMESPACE, PRINCIPAL
from bot.errors import SettingsError

_KIND = "ssh-ed25519"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
_MOST_KEYS = 100
"""Strangers' keys of which it is remembered that they don't count."""


def _string(content: bytes) -> bytes:
    """A string of RFC 4251."""
    return len(content).to_bytes(4, "big") + content


# A signature: its start, the public key, the namespace, nothing, the hash's name, the key's signature.
_START = b"SSHSIG\0\0\0\1\0\0\0\x33"
_KEY = slice(len(_START), len(_START) + 0x33)
_AS = _string(NAMESPACE.encode()) + _string(b"") + _string(b"sha512")
_SIGNED = _KEY.stop + len(_AS)


class Signer:
    """Raises SettingsError for a file that holds no such key."""

    def __init__(self, path: Path) -> None:
        try:
            self._key = asyncssh.read_private_key(path)
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise SettingsError(f"audit.key: {path} can't be used: {error}") from error
        if self._key.get_algorithm() != _KIND:
            raise SettingsError(f"audit.key: {path} is no Ed25519 key: `kickbot audit key` makes one")

    @property
    def allowed(self) -> str:
        """The line of an allowed_signers file."""
        return _allowed(self._key)

    def sign(self, text: str) -> str:
        """The armored signature."""
        return asyncssh.create_sshsig(self._key, text.encode(), namespace=NAMESPACE).decode()


class Signers:
    """Whose signatures count. allowed: an allowed_signers file's content. Raises SettingsError for one that isn't."""

    def __init__(self, allowed: str) -> None:
        try:
            self._allowed = import_allowed_signers(allowed)
            self._keys: dict[bytes, asyncssh.SSHKey | None] = {}
        except ValueError as error:
            raise SettingsError(f"that is no list of allowed signers: {error}") from error

    def fits(self, text: str, signature: str) -> bool:
        """True if one of them signed exactly this text as a checkpoint."""
        blob = _blob(signature)
        if not blob.startswith(_START) or blob[_KEY.stop : _SIGNED] != _AS:
            return False
        key = self._key(blob[_KEY])
        signed = b"SSHSIG" + _AS + _string(hashlib.sha512(text.encode()).digest())
        return key is not None and bool(key.verify(signed, blob[_SIGNED + 4 :]))

    def _key(self, blob: bytes) -> asyncssh.SSHKey | None:
        """That public key, if it is one of theirs."""
        if blob not in self._keys and len(self._keys) < _MOST_KEYS:
            self._keys[blob] = self._find(blob)
        return self._keys.get(blob)

    def _find(self, blob: bytes) -> asyncssh.SSHKey | None:
        try:
            key = decode_ssh_public_key(blob)
        except asyncssh.KeyImportError:
            return None
        return key if self._allowed.validate(key, PRINCIPAL, NAMESPACE) else None


def make(path: Path) -> str:
    """A new key in that file, its public half beside it; the line for allowed_signers. Raises SettingsError."""
    key = asyncssh.generate_private_key(_KIND, comment=PRINCIPAL)
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(key.export_private_key())
        public_path(path).write_bytes(key.export_public_key())
    except OSError as error:
        raise SettingsError(f"audit.key: {path} can't be made: {error.strerror}") from error
    return _allowed(key)


def public(path: Path) -> str:
    """The line for allowed_signers, from the public half of a key. Raises SettingsError."""
    try:
        return _allowed(asyncssh.read_public_key(public_path(path)))
    except (OSError, asyncssh.KeyImportError) as error:
        raise SettingsError(f"audit.key: {public_path(path)} can't be used: {error}") from error


def public_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.pub")


def _allowed(key: asyncssh.SSHKey) -> str:
    kind, blob = key.export_public_key().decode().split()[:2]
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {kind} {blob}\n'


def _blob(signature: str) -> bytes:
    """What is in the armor; nothing for what isn't one."""
    if not (signature.startswith(_BEGIN) and signature.endswith(_END)):
        return b""
    try:
        return base64.b64decode(signature[len(_BEGIN) : -len(_END)].replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        return b""
