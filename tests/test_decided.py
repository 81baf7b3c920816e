"""Whoever decides reads which request it was, and what happens now."""

from typing import Any

import pytest

from bot.events import Cancelled
from bot.slack.content import decided
from bot.slack.content.lines import in_plain
from tests import make
from tests.fakes import FakeHosts
from tests.stories import Telling


@pytest.mark.parametrize(
    ("command", "what"),
    [
        ({}, "2 sessions of audituser on host1 end now"),
        ({"session": "7"}, "1 session of audituser on host1 ends now"),
        ({"processes": True}, "2 sessions and every process of audituser on host1 end now"),
        ({"warn": 300}, "audituser is told now, 2 sessions of audituser on host1 end 5 min later"),
    ],
)
def test_whoever_approves_reads_what_ends(command: dict[str, Any], what: str) -> None:
    """And where the result will be."""
    said = in_plain(decided.approved(Telling(**command).planned().approved().story.request))
    assert said == f"You approved request 1: {what}, and the result will stand in its message."


def test_an_account_without_a_session_ends_by_its_processes() -> None:
    """There is nobody to tell before."""
    hosts = FakeHosts(host1=())
    hosts["host1"].outside = (make.process(99, "nightly"),)
    story = Telling(hosts, processes=True, warn=300).planned().approved().story
    assert "every process of audituser on host1 ends now" in in_plain(decided.approved(story.request))


def test_an_approval_that_is_not_enough_says_so() -> None:
    """Nothing ends yet."""
    story = Telling().planned()
    story.add(make.approved(story.plan, complete=False))
    assert in_plain(decided.approved(story.story.request)) == "You approved request 1. It needs another approval too."


def test_cancelled_and_stopped_are_two_words() -> None:
    """Once the user was told, something was stopped."""
    story = Telling().planned()
    story.add(Cancelled(who="U0ALICE"))
    assert in_plain(decided.cancelled(story.story.request)) == "You cancelled request 1. Nothing was done."
    story = Telling(warn=300).planned().approved().told(0, told=("pts/3",)).warned()
    story.add(Cancelled(who="U0ALICE"))
    assert in_plain(decided.cancelled(story.story.request)) == "You stopped request 1. Nothing was ended."
