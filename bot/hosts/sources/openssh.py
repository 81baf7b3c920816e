"""OpenSSH's client configuration: which hosts it names, and how it reaches a host.

asyncssh reads it. HostName, Port, User, ProxyJump, IdentityFile and CertificateFile count; no command in it is run.
"""

import getpass
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from asyncssh.config import SSHClientConfig

from bot.hosts.sources.trouble import SourceTrouble
from bot.merging import Entry, Found, found, no_way
from bot.models import Host

MAX_JUMPS = 8
RUNS = ("exec", "localnetwork")
JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^@\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@\[\]:\s]+)(?::(?P<port>\d{1,5}))?/?"
)


class _Config(SSHClientConfig):
    """Also notes the names of its Host lines, and refuses conditions that would run something."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.names: dict[str, None] = {}

    def _host(self, option: str, args: list[str]) -> None:
        self.names.update(dict.fromkeys(name for arg in args for name in arg.split(",") if not set(name) & set("*?!")))
        self._match_host(option, args)

    def _match_val(self, match: str) -> object:
        if match in RUNS:
            self._error(f"Kickbot does not read a configuration with `Match {match}`")
        return super()._match_val(match)

    _handlers = {**SSHClientConfig._handlers, "host": ("Host", _host)}  # noqa: RUF012, SLF001 - as asyncssh has it


class OpenSsh:
    """Configuration files, with those that they include, as they are now; the first word in them counts.

    user: the login on jump hosts for which they name none.
    """

    def __init__(self, paths: Sequence[Path], user: str) -> None:
        self._paths, self._user = paths, user
        self._read: Callable[..., _Config] = lru_cache(maxsize=None)(self._parsed)

    def named(self) -> Found:
        """The concrete names of its Host lines. Raises SourceTrouble."""
        return found("ssh_config", [Entry(name=name, address=name) for name in self._read("").names])

    def reached(self, host: Host, *, port: int | None, user: str) -> Host:
        """As `ssh` would reach its address. port, user: where its own source says them. Raises SourceTrouble."""
        return self._reached(host, port, user, MAX_JUMPS) if self._paths else host

    def _reached(self, host: Host, port: int | None, user: str, jumps: int) -> Host:
        said = self._read(host.address, port, user)
        if said.get("ProxyCommand"):
            raise SourceTrouble("is reached by a ProxyCommand, and no command is run for a host")
        reached = host.model_copy(
            update={
                "address": str(said.get("Hostname") or host.address),
                "port": port or said.get("Port") or host.port,
                "user": user or said.get("User") or host.user,
                "keys": _files(said.get("IdentityFile")),
                "certificates": _files(said.get("CertificateFile")),
                "jump": host.jump,
            }
        )
        if why := no_way(host.address, None, "") or no_way(reached.address, reached.port, reached.user):
            raise SourceTrouble(why)
        jump = said.get("ProxyJump") if not host.jump else None
        return reached.model_copy(update={"jump": self._chain(str(jump), jumps)}) if jump else reached

    def _chain(self, text: str, jumps: int) -> Host:
        """`user@first,second:2222` -> the second, behind the first."""
        through: Host | None = None
        for part in text.split(","):
            shape = JUMP.fullmatch(part.strip())
            if not shape or not jumps:
                raise SourceTrouble(f"has a ProxyJump that {'leads in a circle' if shape else 'is none'}")
            name = shape["host"].strip("[]")
            jump = Host(name=name, address=name, user=self._user, jump=through, source="ssh_config")
            jumps -= 1
            through = self._reached(jump, int(shape["port"] or 0) or None, shape["user"] or "", jumps)
        assert through  # noqa: S101 - a text has at least one part
        return through

    def _parsed(self, address: str, port: int | None = None, user: str = "") -> _Config:
        try:
            config = _Config(None, False, False, False, getpass.getuser(), user or (), address, port or ())
            for path in self._paths:
                config.parse(path)
        except (OSError, ValueError, KeyError) as error:
            raise SourceTrouble(f"can't be read: {error}") from error
        return config


def _files(said: object) -> tuple[str, ...]:
    return tuple(str(Path(each).expanduser()) for each in said) if isinstance(said, list) else ()
