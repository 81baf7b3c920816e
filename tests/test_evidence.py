"""The replies in the thread: what was there, what was run, what is left."""

import pytest

from bot.models import Result
from bot.sandbox.nouns import SlackError
from bot.slack.content.blocks import Message
from bot.slack.content.telling import Part
from tests import make
from tests.stories import Telling, check

# -- the replies ---------------------------------------------------------------------------------------


def test_before_shows_everyone_and_what_dies() -> None:
    """The table, the tree of each target, and where it stands in the trail."""
    said = Telling().planned().says(Part.BEFORE)
    assert "*Before*: *host1: 3 sessions of 2 people*" in said
    assert "1070 sshd\n  1071 bash\n    1072 vim\n      1073 rsync" in said
    assert "event 3, trail 0000 0000…" in said
    assert "12 · alice" in said


def test_a_short_answer_stands_in_the_message_and_a_long_one_in_a_file() -> None:
    """Whole and masked, named by request, event and part."""
    story = Telling().planned()
    assert "KICKBOT look" in story.says(Part.BEFORE)
    assert not story.files(Part.BEFORE)
    story.hosts["host1"].raw = "x" * 3_001
    longer = Telling(story.hosts).planned()
    [file] = longer.files(Part.BEFORE)
    assert file.name == "kickbot-1-3-before-host1.txt"
    assert file.content == "x" * 3_001


def test_what_was_run_tells_command_status_and_what_was_seen() -> None:
    """Also where no answer came, and where the host refused."""
    story = Telling().planned().approved().tried(0)
    story.look("acting")
    story.hosts["host1"].logout("7")
    story.tried(1, status="refused", refusal="changed", command="", exit_status=None)
    story.look("acting")
    story.tried(1, status="unknown", command="", exit_status=None)
    story.closed(Result.ENDED, Result.UNKNOWN)
    said = story.says(Part.RUN)
    assert "`loginctl terminate-session 7` → exit status 0; the look after it, 1 s later, still saw the session" in said
    assert "the host did not run it: the session was another one by then" in said
    assert "no complete answer, so nobody knows whether it ran" in said


def test_after_is_the_difference() -> None:
    """What ended, who is untouched, who is new, what is left."""
    story = Telling().planned().approved().tried(0).tried(1)
    host = story.hosts["host1"]
    host.logout("7", "9")
    host.login("15")
    host.outside = (make.process(99, "nightly"),)
    said = story.closed(Result.ENDED, Result.RETURNED, detail="x").says(Part.AFTER)
    assert "\N{MINUS SIGN} *7* ended" in said
    assert "\N{MINUS SIGN} *9* ended" in said
    assert "= *12* alice, untouched" in said
    assert "+ *15* audituser, new since then" in said
    assert "Left of audituser on host1: session 15, 1 process outside its sessions (`nightly`)." in said


def test_after_with_nothing_left() -> None:
    """One plain sentence."""
    story = Telling().planned().approved().tried(0).tried(1)
    story.hosts["host1"].logout("7", "9")
    said = story.closed(Result.ENDED, Result.ENDED).says(Part.AFTER)
    assert "Nothing of audituser is left on host1." in said


def test_the_sandbox_would_refuse_what_slack_refuses() -> None:
    """The check of these tests is a check."""
    with pytest.raises(SlackError):
        check(Message(text="x", blocks=({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}},)))
