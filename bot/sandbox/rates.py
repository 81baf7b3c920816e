"""Slack's rate limits as faults, for tests and demos that want them: `workspace.faults = Rates(workspace.clock)`.

Calls a minute by the tier of the method, https://docs.slack.dev/apis/web-api/rate-limits; Slack itself is a little more
generous, and lets short bursts of messages pass.
"""

import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any

from bot.sandbox.nouns import Fault

MINUTE = 60.0
TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
TIER = {
    "bots.info": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.join": 3,
    "conversations.list": 2,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4,
    "reactions.add": 3,
    "team.info": 3,
    "usergroups.list": 2,
    "usergroups.users.list": 2,
    "users.info": 4,
    "users.list": 2,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}
MESSAGES, SPAN = 5, 5.0
"""One message a second in each channel, counted over five seconds so that a short burst passes."""


class Rates:
    """A fault for each call beyond the limit; a refused call does not count."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    def __call__(self, method: str, args: Mapping[str, Any]) -> Fault | None:
        if method == "chat.postMessage":
            return self._counted((method, str(args.get("channel"))), MESSAGES, SPAN)
        if method in TIER:
            return self._counted((method, ""), TIERS[TIER[method]], MINUTE)
        return None

    def _counted(self, key: tuple[str, str], most: int, span: float) -> Fault | None:
        now, calls = self.clock(), self._calls[key]
        while calls and now - calls[0] >= span:
            calls.popleft()
        if len(calls) >= most:
            return Fault.rate_limited(math.ceil(span - (now - calls[0])))
        calls.append(now)
        return None
