"""Watches all that the sandbox takes from the app in a run of tests, and judges it by Slack's own types as well.

Every message, form and Home view passes one of the sandbox's checks, whichever way it comes: a call, a response_url, an
acknowledgement. What a check refuses is not judged: Slack would not show it either.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import pytest

from bot.sandbox import limits
from tests.published import Root, complaint


class Watch:
    """judged: how many of each kind so far.

    It judges when it is asked, never while the sandbox takes something: the first judgement takes more than a second on
    a busy machine, and in the event loop that would be the app's lateness.
    """

    def __init__(self) -> None:
        self.judged: Counter[Root] = Counter()
        self._taken_in: list[tuple[Root, Any]] = []

    def judge(self, root: Root, value: Any) -> None:
        self.judged[root] += 1
        self._taken_in.append((root, value))

    def forget(self) -> None:
        """For tests that take in more than can be kept; other tests judge the same kinds of messages."""
        self._taken_in = []

    def take(self) -> list[str]:
        """One line for each complaint about what came since the last time."""
        taken_in, self._taken_in = self._taken_in, []
        return [said for root, value in taken_in if (said := complaint(root, value))]


class CheckMessage(Protocol):
    def __call__(
        self, text: str, blocks: Sequence[Any], attachments: Sequence[Any], *, bounded: bool = True
    ) -> None: ...


@contextmanager
def watching() -> Iterator[Watch]:
    """The sandbox's checks hand on what they let pass, while the block runs."""
    watch = Watch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "check_message", _messages(limits.check_message, watch))
        patch.setattr(limits, "check_view", _views(limits.check_view, watch))
        patch.setattr(limits, "check_metadata", _metadata(limits.check_metadata, watch))
        yield watch


def _messages(check: CheckMessage, watch: Watch) -> CheckMessage:
    def checked(text: str, blocks: Sequence[Any], attachments: Sequence[Any], *, bounded: bool = True) -> None:
        check(text, blocks, attachments, bounded=bounded)
        watch.judge("Blocks", blocks)
        for attachment in attachments:
            watch.judge("Blocks", attachment.get("blocks", []))

    return checked


def _views(check: Any, watch: Watch) -> Any:
    def checked(view: Any, kind: str) -> None:
        check(view, kind)
        watch.judge("Home" if kind == "home" else "Modal", view)

    return checked


def _metadata(check: Any, watch: Watch) -> Any:
    def checked(metadata: Any) -> None:
        check(metadata)
        watch.judge("Metadata", metadata)

    return checked
