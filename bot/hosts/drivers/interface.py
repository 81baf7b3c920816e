"""The role of a driver: what to run on a host, and what its answer means.

Pure: a driver never connects, waits or remembers. The connection makes the nonce.
"""

from collections.abc import Sequence
from typing import Protocol

from bot.errors import KickbotError
from bot.models import Answer, Host, HostLimits, HostUptime, Snapshot, Step, Value


class Call(Value):
    """One command on a host. argv: its arguments. stdin: what it reads. nonce: what its answer must carry."""

    argv: tuple[str, ...]
    stdin: bytes
    nonce: str


class NotForThisDriver(KickbotError):  # noqa: N818 - says what happened
    """A step names a session or a rung that this driver never made: nothing was sent to the host."""


class Driver(Protocol):
    """One platform. Every method is pure."""

    def look(self, host: Host, *, nonce: str, groups: Sequence[str] = (), account: str = "") -> Call:
        """The call that lists a host's logins and changes nothing. host.user: the login that runs it.

        groups: names of groups there, to be told who is in them. account: a login name, to be told whose it is there.
        """
        ...

    def limits(self, host: Host, *, nonce: str) -> Call:
        """The call that shows what a host does by itself about idle people, and changes nothing."""
        ...

    def command(self, step: Step, *, host: Host, not_after: HostUptime, nonce: str) -> Call:
        """The call that carries out a step if the host still has exactly that target and is not past `not_after`.

        Raises NotForThisDriver.
        """
        ...

    def parse_look(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> Snapshot:
        """What a complete answer to `look` says. Raises IncompleteAnswer for any other."""
        ...

    def parse_limits(self, answer: bytes, *, host: str, host_key: str, nonce: str) -> HostLimits:
        """What a complete answer to `limits` says. Raises IncompleteAnswer for any other."""
        ...

    def parse_answer(self, answer: bytes, *, step: Step, nonce: str) -> Answer:
        """What a complete answer to the `command` of that step says. Raises IncompleteAnswer for any other."""
        ...
