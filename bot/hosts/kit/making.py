"""The kit: what to install on a host, so that Kickbot's key runs Kickbot's own program there and nothing else. Pure."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files

import asyncssh
from asyncssh.public_key import SSHOpenSSHCertificate, decode_ssh_certificate, decode_ssh_public_key

from bot.errors import SettingsError
from bot.hosts.drivers.linux import KIT, KIT_PROGRAM
from bot.models import Value

PROGRAM = "/opt/kickbot-host/kickbot-host"
_LOGIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,63}\$?")


class Kit(Value):
    """login: Kickbot's there. keys: lines of authorized_keys. protected: logins that the host itself protects."""

    login: str
    keys: tuple[str, ...]
    protected: tuple[str, ...]

    @property
    def sudoers(self) -> str:
        return (
            f"# Kickbot: one program, without arguments.\n"
            f"Defaults!{PROGRAM} env_reset, !requiretty\n"
            f'{self.login} ALL=(root) NOPASSWD: {PROGRAM} ""\n'
        )

    @property
    def authorized_keys(self) -> str:
        return "".join(f"{line}\n" for line in self.keys)

    def script(self) -> str:
        """What a person reads, and root runs. Cut short, it does nothing."""
        return "".join(
            (
                f"#!/bin/sh\n# Kickbot's kit {KIT[:12]}, for the login {self.login}.\n",
                files(__package__).joinpath("install.sh").read_text(),
                f"login={self.login}\nprotected_logins='{' '.join(self.protected)}'\n",
                _function("the_sudoers", self.sudoers),
                _function("the_keys", self.authorized_keys),
                _function("the_program", KIT_PROGRAM.decode()),
                "\nmain\n",
            )
        )

    def tasks(self) -> str:
        """The same for Ansible. It sets the values that it needs first: JSON is YAML."""
        values = {
            "kickbot_login": self.login,
            "kickbot_protected": list(self.protected),
            "kickbot_sudoers": self.sudoers,
            "kickbot_keys": self.authorized_keys,
        }
        facts = f"- name: Kickbot's kit {KIT[:12]}\n  ansible.builtin.set_fact: {json.dumps(values)}\n\n"
        return facts + files(__package__).joinpath("tasks.yml").read_text()

    def files(self) -> dict[str, tuple[str, int]]:
        """Each file by its name, with its mode."""
        return {
            "install.sh": (self.script(), 0o755),
            "kickbot-host": (KIT_PROGRAM.decode(), 0o755),
            "authorized_keys": (self.authorized_keys, 0o644),
            "sudoers": (self.sudoers, 0o440),
            "tasks.yml": (self.tasks(), 0o644),
        }


def make(login: str, pairs: Sequence[asyncssh.SSHKeyPair], protected: Iterable[str]) -> Kit:
    """Raises SettingsError for a login or a name that could mean something else in one of these files."""
    if not _LOGIN.fullmatch(login) or login == "root":
        raise SettingsError(f"the kit needs a login of its own, and {login!r} is none")
    for name in protected:
        if not _NAME.fullmatch(name):
            raise SettingsError(f"protect.users: {name!r} can't be protected by the kit")
    return Kit(login=login, keys=tuple(key_lines(login, pairs)), protected=tuple(sorted(set(protected))))


def key_lines(login: str, pairs: Sequence[asyncssh.SSHKeyPair]) -> Iterator[str]:
    """Whom a certificate was issued to comes by who signed it, and every other key by itself; each once."""
    command = f'restrict,command="sudo -n -- {PROGRAM}"'
    certified = {pair.key_public_data for pair in pairs if pair.has_cert}
    lines: dict[str, None] = {}
    for pair in pairs:
        if pair.has_cert:
            certificate = decode_ssh_certificate(pair.public_data)
            if not isinstance(certificate, SSHOpenSSHCertificate):
                raise SettingsError("the kit needs certificates as OpenSSH has them")
            signer = certificate.signing_key
            lines[f'cert-authority,principals="{login}",{command} {_public(signer)} Kickbot'] = None
        elif pair.public_data not in certified:
            lines[f"{command} {_public(decode_ssh_public_key(pair.public_data))} Kickbot"] = None
    yield from lines


def _public(key: asyncssh.SSHKey) -> str:
    """The kind and the key, without a comment."""
    return " ".join(key.export_public_key().decode().split()[:2])


def _function(name: str, text: str) -> str:
    """A function of the shell that prints exactly this text, whatever stands in it."""
    mark = f"THE_END_OF_{name.upper()}"
    return f"\n{name}() {{\ncat <<'{mark}'\n{text}{mark}\n}}\n"
