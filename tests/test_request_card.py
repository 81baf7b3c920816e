"""The parent message shows the present state, in the words of the storyboard; its buttons vanish with the decision."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bot.events import (
    Cancelled,
    Closed,
    Denied,
    Event,
    Expired,
    Lapsed,
    Refused,
    Verifying,
)
from bot.models import Kept, Result, Session
from bot.sandbox import elements
from bot.slack.content import telling
from bot.slack.content.blocks import Message
from bot.slack.content.request_card import card
from bot.slack.content.telling import Part
from bot.slack.content.tickets import APPROVE, CANCEL, DENY
from tests import make
from tests.fakes import FakeHosts
from tests.stories import Telling, check

# -- the parent ----------------------------------------------------------------------------------------


def test_the_parent_asks() -> None:
    """Who asks, whom, where, why, what ends and dies with it, what stays, who may approve, until when."""
    hosts = FakeHosts(host1=make.usual_logins())
    hosts["host1"].outside = (make.process(99, "nightly"),)
    said = Telling(hosts).planned().says(Part.PARENT)
    assert "⏳ *Kick audituser off host1?* · waiting for approval, until <!date^" in said
    assert "|13:45 UTC>" in said
    assert "<@U0ALICE> asks, because _INC-42_" in said
    assert "*Ends 2 sessions:* *7* (pts/3, from 203.0.113.10), *9* (sshd, no terminal, from 203.0.113.10)." in said
    assert "With them: vim, rsync, sftp-server." in said
    assert "*Stays:* 1 process of audituser outside its sessions on host1 (`nightly`). It would take" in said
    assert "<!subteam^S0LEADS> may approve: <@U0BOB> or <@U0CAROL>. Not <@U0ALICE>, who asked." in said


def buttons(message: Message) -> list[dict[str, Any]]:
    return [place.element for place in elements.places(message.blocks)]


def test_a_button_carries_the_request_and_the_plan_and_nothing_else() -> None:
    """Nothing that is done is read back out of Slack."""
    story = Telling().planned()
    shown = buttons(card(story.story))
    assert [b["action_id"] for b in shown] == [APPROVE, DENY, CANCEL]
    assert all(json.loads(b["value"]) == {"request": 1, "plan": story.plan.hash} for b in shown)


def test_the_buttons_vanish_once_it_is_decided() -> None:
    """Cancel stays until something was done; nothing stays after that."""
    story = Telling().planned().approved()
    assert [b["action_id"] for b in buttons(card(story.story))] == [CANCEL]
    story.tried()
    assert not buttons(card(story.story))


def test_the_parent_shows_how_far_it_is() -> None:
    """Counted from what was seen, never from an exit status."""
    story = Telling().planned().approved().tried()
    assert "▶️ *Kicking audituser off host1* · approved by <@U0CAROL>" in story.says(Part.NOW)
    assert "0 of 2 sessions ended" in story.says(Part.NOW)
    story.hosts["host1"].logout("7")
    story.look("acting")
    assert "1 of 2 sessions ended" in story.says(Part.NOW)


def test_a_host_that_stops_answering_is_named_and_looked_at_again() -> None:
    """Nobody reads that something ended while nobody knows."""
    story = Telling().planned().approved().tried(status="unknown", exit_status=None, command="")
    story.add(Verifying())
    story.look("after", host1="stopped answering")
    said = story.says(Part.NOW)
    assert "⛔ *host1 stopped answering.* What happened there is not known. Looking again every minute until" in said
    assert "0 of 2 sessions ended" in said


def test_both_ended() -> None:
    """For good."""
    story = Telling().planned().approved().tried(0).tried(1)
    story.hosts["host1"].logout("7", "9")
    story.closed(Result.ENDED, Result.GHOST, detail="logind still lists it")
    said = story.says(Part.NOW)
    assert "✅ *audituser is off host1* · 2 of 2 sessions ended · asked by <@U0ALICE>, approved by <@U0CAROL>" in said
    assert "· took 7 s" in said
    assert "*9* ghost: logind still lists it" in said


@pytest.mark.parametrize(
    ("results", "words"),
    [
        ((Result.ENDED, Result.SURVIVED), "⚠️ *1 of 2 sessions of audituser is still on host1* · asked by"),
        ((Result.ENDED, Result.RETURNED), "⚠️ *2 of 2 sessions ended, and audituser logged in again* · asked by"),
        (
            (Result.UNKNOWN, Result.SURVIVED),
            "⛔ *What became of 1 session of audituser on host1 is not known* · 0 of 2 sessions ended · asked by",
        ),
        ((Result.ALREADY_GONE, Result.ENDED), "✅ *audituser is off host1* · 1 of 2 sessions ended, 1 already gone"),
    ],
)
def test_what_is_less_than_ended_is_said_first(results: Sequence[Result], words: str) -> None:
    """The worst outcome is the headline."""
    said = Telling().planned().approved().closed(*results).says(Part.NOW)
    assert words in said


def test_off_is_only_said_if_nothing_was_left_alone() -> None:
    """A session that stays, or a new one, and the headline is more careful."""
    new = "New on host1, not part of the approval, left alone: session 15."
    said = Telling().planned().approved().closed(Result.ENDED, Result.ENDED, note=new).says(Part.NOW)
    assert "audituser is off" not in said
    assert "What was approved of audituser on host1 has ended" in said
    assert new in said


@pytest.mark.parametrize(
    ("user", "terminal", "off"), [("audituser", "pts/1", False), ("audituser", None, True), ("bob", "pts/1", True)]
)
def test_off_is_only_said_if_no_shell_stays_outside_of_the_sessions(user: str, terminal: str | None, off: bool) -> None:
    """Who still has a shell at a terminal under their own service manager is not off the host."""
    story = Telling().planned().approved()
    story.hosts["host1"].outside = (make.process(99, user=user, terminal=terminal),)
    said = story.closed(Result.ENDED, Result.ENDED).says(Part.NOW)
    assert ("audituser is off" in said) is off
    assert ("What was approved of audituser on host1 has ended" in said) is not off


def test_the_ends_without_an_act_are_different_words() -> None:
    """Denied, cancelled, expired and lapsed are four states; each says whom it was about, and where, everywhere."""
    stays, asked = " · audituser stays on host1", " · asked by <@U0ALICE>"
    on_call = Denied(who="U0BOB", plan_hash="", reason="he is on call")
    ends: list[tuple[Event, str]] = [
        (on_call, f"⛔ *Denied by <@U0BOB>:* _he is on call_{stays}{asked}"),
        (on_call.model_copy(update={"reason": ""}), f"⛔ *Denied by <@U0BOB>*{stays}{asked}"),
        (Cancelled(who="U0ALICE"), f"⛔ *Cancelled by <@U0ALICE>*{stays}\n"),
        (Cancelled(who="U0BOB"), f"⛔ *Cancelled by <@U0BOB>*{stays}{asked}"),
        (Expired(), f"|13:45 UTC>{stays}{asked}"),
    ]
    for event, words in ends:
        story = Telling().planned()
        story.add(event)
        assert words in story.says(Part.NOW)
        assert stays in story.says(Part.ASKER)
        assert stays in story.says(Part.NEWS)
    assert "⌛ *Expired:* nobody decided until" in story.says(Part.NOW)
    story = Telling().planned().approved()
    story.add(Lapsed(reason="nothing may start after 13:46 UTC."))
    assert "⌛ *Lapsed:* approved at" in story.says(Part.NOW)
    assert f"but nothing may start after 13:46 UTC{stays}{asked}, approved by <@U0CAROL>" in story.says(Part.NOW)


@pytest.mark.parametrize(
    ("command", "title"),
    [
        ({}, "*Kick audituser off host1?* · waiting"),
        ({"force": True}, "*Force audituser off host1?* (SIGKILL for what ignores the polite signals) · waiting"),
        ({"processes": True}, "*Kick audituser and every process of it off host1?* · waiting"),
    ],
)
def test_the_title_says_how_far_it_goes(command: dict[str, Any], title: str) -> None:
    """Nobody approves a SIGKILL as a kick."""
    assert title in Telling(**command).planned().says(Part.PARENT)


def test_the_owner_is_not_called_before_it_is_decided() -> None:
    """Everyone reads that the owner may not approve; a mention would warn them."""
    said = Telling().planned(owners=("U0DAVE", "U0ALICE")).says(Part.PARENT)
    assert "Not <@U0ALICE>, who asked, nor whose account it is." in said
    assert "U0DAVE" not in said


def test_hosts_without_the_user_are_named_in_the_question() -> None:
    """Folded, if they are many."""
    names = ("host1", *(f"web{n:02}" for n in range(1, 21)))
    hosts = FakeHosts(host1=make.usual_logins(), **dict.fromkeys(names[1:], ()))
    assert "Not logged in on web[01-20]." in Telling(hosts, names).planned().says(Part.PARENT)
    assert "Not logged in" not in Telling().planned().says(Part.PARENT)


def test_a_refusal_that_nobody_was_told_reaches_the_asker() -> None:
    """With the mentions that Kickbot's own sentence has."""
    story = Telling()
    story.add(Refused(reason="Only <!subteam^S0SRE> may ask on host1."))
    told = "⛔ *Refused:* Only <!subteam^S0SRE> may ask on host1. Nothing was done about audituser on host1."
    assert told in story.says(Part.ASKER)


def test_nothing_to_end_is_said_with_its_reason() -> None:
    """The note of the end is the news."""
    story = Telling(FakeHosts(host1=()))
    story.look("before")
    story.add(Closed(outcomes=(), note="audituser is not logged in on host1."))
    said = story.says(Part.PARENT)
    assert said.startswith(
        "\N{INFORMATION SOURCE}\N{VARIATION SELECTOR-16} *Nothing was done.* audituser is not logged"
    )
    assert " logged in on host1 · asked by <@U0ALICE>" in said


def test_nothing_to_end_where_nothing_is_known_is_no_success() -> None:
    """A host that can't be reached is a warning."""
    story = Telling()
    story.look("before", host1="did not answer")
    story.add(Closed(outcomes=(), note="host1 did not answer. Nothing is known about its sessions."))
    assert "⚠️ *Nothing was done.* host1 did not answer. Nothing is known about its sessions · asked by" in story.says(
        Part.PARENT
    )


def test_kept_sessions_and_lost_hosts_stand_in_the_question() -> None:
    """What an approval does not cover is said before it is given."""
    story = Telling(names=("host1", "host2"))
    made = make.plan(*story.look("before", host2="did not answer"), command=story.command)
    kept = Kept(host="host1", session="5", identity="x", why="it was not asked for")
    plan = made.model_copy(update={"kept": (kept,)})
    story.add(make.planned(plan, approvals=2, approvers=("U0BOB",), groups=("U0BOB",)))
    said = story.says(Part.PARENT)
    assert "session 5 on host1: it was not asked for." in said
    assert "host2 did not answer: nothing is known about its sessions, and nothing is done there." in said
    assert "It needs 2 approvals on each host." in said


def numbered(number: int) -> Session:
    return make.login(str(number), leader=10_000 + 10 * number, runs=("bash", f"job{number}"))


def test_many_sessions_are_counted_beyond_the_first_ones() -> None:
    """A hundred targets still fit."""
    story = Telling(FakeHosts(host1=[numbered(i) for i in range(100)])).planned()
    said = story.says(Part.PARENT)
    assert "*Ends 100 sessions:* " in said
    assert "and 92 more, listed below" in said
    assert "and 92 more." in said
    check(telling.words(Part.BEFORE, story.story, story.records[-1]))
