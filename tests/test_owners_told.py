"""The owner of ended sessions is told in person: who, where, why, and never any evidence."""

from typing import Any

import pytest

from bot.models import Act, Hold, Result
from bot.policy import Policy
from bot.slack.content import telling
from tests.make import INCIDENT
from tests.slack_bot import POLICY
from tests.stories import NOW, Telling, check

OWNER = "owner:U0DAVE"


def closed(*results: Result, owners: tuple[str, ...] = ("U0DAVE",), **command: Any) -> Telling:
    return Telling(**command).planned(owners=owners).approved().tried(0).closed(*results)


def told(story: Telling) -> list[str]:
    """The owners for whom there is a message."""
    return [p for p in telling.parts(story.story, story.records[-1], INCIDENT) if p.startswith("owner:")]


def test_the_owner_reads_who_where_and_why() -> None:
    """And whom to ask; no address and no command line."""
    story = closed(Result.ENDED, Result.GHOST)
    assert told(story) == [OWNER]
    said = check(telling.words(OWNER, story.story, story.records[-1]))
    assert "Your sessions of audituser on host1 were ended at <!date^" in said
    assert ": asked by <@U0ALICE>, approved by <@U0CAROL>, because _INC-42_. Questions: ask them." in said
    assert "203.0.113.10" not in said
    assert "vim" not in said
    assert telling.in_person(OWNER, story.story) == "U0DAVE"


def test_one_session_is_one_session() -> None:
    """Only what was really ended is counted."""
    story = closed(Result.ENDED, Result.ALREADY_GONE)
    said = check(telling.words(OWNER, story.story, story.records[-1]))
    assert "Your session of audituser on host1 was ended" in said


@pytest.mark.parametrize("result", [Result.ALREADY_GONE, Result.SURVIVED, Result.UNKNOWN])
def test_where_nothing_was_really_ended_nobody_is_told(result: Result) -> None:
    """Nor while nobody knows."""
    assert not told(closed(result, result))


def test_who_asked_or_approved_knows_already() -> None:
    """Each other owner has a message of their own."""
    story = closed(Result.ENDED, Result.RETURNED, owners=("U0ALICE", "U0CAROL", "U0DAVE", "U0BOB", "U0DAVE"))
    assert told(story) == [OWNER, "owner:U0BOB"]
    assert not told(closed(Result.ENDED, Result.ENDED, owners=()))


def test_where_everyone_goes_each_reads_of_their_own() -> None:
    """Whose session was left alone isn't told that it was ended."""
    rule = POLICY.rules[0].model_copy(update={"acts": frozenset({Act.KICK, Act.EVERYONE})})
    policy, whose = Policy(rules=(rule,)), {"audituser": ("U0DAVE",), "alice": ("U0BOB",)}
    story = Telling(user="everyone", policy=policy, me=True).planned(owners=("U0BOB", "U0DAVE"), whose=whose).approved()
    story.closed(*(Result.LEFT if t.account.name == "alice" else Result.ENDED for t in story.plan.targets))

    assert told(story) == [OWNER]
    assert "Your sessions of audituser on host1 were ended" in check(
        telling.words(OWNER, story.story, story.records[-1])
    )


def test_an_owner_reads_until_when_the_account_is_held() -> None:
    """Also where nothing of it was logged in."""
    story = Telling(hold=7200).planned(owners=("U0DAVE",)).approved()
    held = Hold(target=story.plan.holds[0], id="2-x", until=NOW, there=NOW)
    story.did(held).closed(*(Result.ALREADY_GONE for _ in story.plan.targets))

    assert told(story) == [OWNER]
    said = check(telling.words(OWNER, story.story, story.records[-1]))
    assert "audituser on host1 is kept from logging in until <!date^" in said
    assert "ended" not in said


def test_an_account_without_sessions_has_an_owner_too() -> None:
    """Then it is about processes."""
    story = closed(Result.ALREADY_GONE, Result.ALREADY_GONE, Result.ENDED, processes=True)
    said = check(telling.words(OWNER, story.story, story.records[-1]))
    assert "Your processes of audituser on host1 were ended" in said
