"""One call of the Web API: the workspace, the arguments, and what Slack answers when an argument is malformed."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.nouns import Json, SlackError
from bot.sandbox.workspace import Workspace


@dataclass(frozen=True)
class Call:
    """`origin`: this server's own http://host:port; `new_socket_url`: issues a single-use Socket Mode address."""

    workspace: Workspace
    args: Mapping[str, Any]
    origin: str
    new_socket_url: Callable[[], str]

    def need(self, name: str) -> str:
        """A required text argument."""
        if self.args.get(name) in (None, ""):
            raise SlackError("invalid_arguments", f"[ERROR] missing required field: {name}")
        return str(self.args[name])

    def text(self, name: str) -> str:
        return str(self.args.get(name) or "")

    def flag(self, name: str) -> bool:
        return str(self.args.get(name, "0")).lower() in {"1", "true"}

    def number(self, name: str, default: int, most: int = 1000) -> int:
        given = str(self.args.get(name) or default)
        if not given.isdecimal() or not 1 <= int(given) <= most:
            raise SlackError("invalid_limit")
        return int(given)

    def parsed(self, name: str, code: str = "invalid_arguments") -> Any:
        """An argument that is JSON, or JSON in a string (form bodies); None if it is absent."""
        given = self.args.get(name)
        if not isinstance(given, str):
            return given
        try:
            return json.loads(given) if given else None
        except ValueError as error:
            raise SlackError(code) from error

    def page(self, items: Sequence[Any], name: str, limit: int) -> Json:
        """One page of the items under `name`, and the cursor to the next."""
        start = _offset(self.text("cursor"))
        rest = start + limit < len(items)
        cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if rest else ""
        return {name: list(items[start : start + limit]), "response_metadata": {"next_cursor": cursor}}


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(number)
    except ValueError as error:
        raise SlackError("invalid_cursor") from error
    raise SlackError("invalid_cursor")
