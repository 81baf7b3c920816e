"""Many hosts in one message: those about which the same is said stand under one heading, and none is left out."""

import pytest

from bot.models import Result
from bot.slack.content.fleet import listing
from bot.slack.content.telling import Part
from tests import make
from tests.fakes import FakeHosts
from tests.stories import Telling, check, seen

NAMES = [f"web{number:02}" for number in range(1, 21)]


def fleet(*odd: str) -> FakeHosts:
    """One login of audituser on each of twenty hosts; nobody on the odd ones."""
    there = {name: () if name in odd else [make.login("7")] for name in NAMES}
    return FakeHosts(None, **there)


def test_hosts_where_nobody_is_stand_in_one_line() -> None:
    """Nineteen quiet hosts are one heading, and the one where someone is has its own."""
    hosts = fleet(*NAMES[1:])
    said = check(listing(seen(*(hosts[name].snapshot() for name in NAMES))))
    assert "*web[02-20]: nobody is logged in.*" in said
    assert "*web01: 1 session of 1 person*" in said


def test_hosts_with_as_many_sessions_say_on_each() -> None:
    """Equal numbers are no sum: one line says that it speaks of each host."""
    hosts = fleet()
    said = check(listing(seen(*(hosts[name].snapshot() for name in NAMES))))
    assert "*web[01-20]: 1 session of 1 person on each*" in said


def test_hosts_that_did_not_answer_stand_together() -> None:
    """Each is named, by its range."""
    looks = [make.unreachable(name, "did not answer") for name in NAMES[:3]]
    said = check(listing(seen(*looks)))
    assert "*web[01-03] did not answer.* Nothing is known about its sessions." in said


def test_the_same_end_on_twenty_hosts_is_told_once() -> None:
    """The difference has one heading for all of them, with how many ended; the file has each."""
    story = Telling(fleet(), NAMES).planned().approved()
    for name in NAMES:
        story.hosts[name].logout("7")
    story = story.closed(*[Result.ENDED] * 20)
    said = story.says(Part.AFTER)
    assert "*web[01-20]*:" in said
    assert "*20 sessions* ended" in said
    assert "Nothing of audituser is left on web[01-20]." in said
    assert said.count("Nothing of audituser is left") == 2  # the text, and the blocks
    assert "web17" in "".join(file.content for file in story.files(Part.AFTER))


def test_a_host_that_ended_otherwise_has_its_own_lines() -> None:
    """One survivor among nineteen is not folded away."""
    story = Telling(fleet(), NAMES).planned().approved()
    for name in NAMES[1:]:
        story.hosts[name].logout("7")
    said = story.closed(Result.SURVIVED, *[Result.ENDED] * 19).says(Part.AFTER)
    assert "*web[02-20]*:" in said
    assert "*web01*:" in said
    assert "Left of audituser on web01: session 7." in said


@pytest.mark.parametrize("ended", [0, 12])
def test_progress_names_the_hosts(ended: int) -> None:
    """While it runs, the request shows where sessions have ended and where not yet."""
    story = Telling(fleet(), NAMES).planned().approved()
    for name in NAMES[:ended]:
        story.hosts[name].logout("7")
    story.look("acting")
    said = story.says(Part.NOW)
    assert f"{ended} of 20 sessions ended" in said
    assert ("web[01-12]: 1 of 1 ended · web[13-20]: 0 of 1 ended" in said) is (ended == 12)
    assert ("web[01-20]: 0 of 1 ended" in said) is (ended == 0)
