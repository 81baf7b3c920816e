"""What is told about survivors, whole accounts and the next level: by what was seen, never by an exit status."""

import json
from typing import Any

import pytest

from bot.models import Answer, EndAccount, Process, Result, Rung
from bot.sandbox import elements
from bot.slack.content.request_card import card
from bot.slack.content.telling import Part
from bot.slack.content.tickets import AGAIN, FORCE
from tests import make
from tests.fakes import FakeHosts
from tests.make import process
from tests.stories import Telling

NOBODY_LEFT = "    PID TTY          TIME CMD\n"


def clickable(story: Telling) -> list[dict[str, Any]]:
    return [place.element for place in elements.places(card(story.story).blocks)]


def stubborn(state: str = "active", *more: Process, **command: Any) -> Telling:
    """9 ended; in 7 a process is left."""
    story = Telling(**command).planned().approved().tried(0).tried(1)
    host = story.hosts["host1"]
    host.logout("9")
    train = process(4242, "python", command="python train.py")
    left = host.sessions["7"].model_copy(update={"state": state, "processes": (train, *more)})
    host.sessions["7"] = left
    return story.judged()


# -- survivors -----------------------------------------------------------------------------------------


def test_a_survivor_is_named_with_what_it_withstood() -> None:
    """By pid and command line."""
    said = stubborn().says(Part.NOW)
    assert "⚠️ *1 of 2 sessions of audituser is still on host1* · asked by" in said
    assert "*7* ignores the polite signals (pid 4242, `python train.py`)" in said
    assert "Wait two minutes" not in said


def test_a_slow_survivor_is_told_with_its_time() -> None:
    """Where the host itself needs its time there are no signals: it is said how long was waited."""
    hosts = FakeHosts(host1=make.usual_logins())
    slow = hosts["host1"].sessions["7"].model_copy(update={"ladder": (Rung(name="logoff", takes=180),)})
    hosts["host1"].sessions["7"] = slow
    said = Telling(hosts).planned().approved().tried(command="WTSLogoffSession 7").judged().says(Part.NOW)
    assert "*7* has not ended within 3 min (pid " in said


def test_a_closing_session_may_still_be_ended_by_systemd() -> None:
    """It takes about 90 s: the reader is told how to look again, and what else can be done."""
    look = "Wait two minutes and look again with `/sessions host1 audituser`"
    assert f"{look}, or ask to force it." in stubborn("closing").says(Part.NOW)
    assert f"{look}.\n" in stubborn("closing", force=True).says(Part.NOW)


def test_sigkill_is_only_blamed_where_it_was_sent() -> None:
    """Approved to be forced, but the last rung never ran: it has not outlived it."""
    assert "outlived even SIGKILL" not in stubborn(force=True).says(Part.NOW)
    story = Telling(force=True).planned().approved()
    story.did(make.step(story.plan.sessions[0], rung="force"), exit_status=0, command="kill")
    assert "*7* outlived even SIGKILL" in story.judged().says(Part.NOW)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "nothing was tried"), ({"status": "refused", "refusal": "late"}, "no try is known to have run")],
)
def test_nobody_ignored_what_was_never_sent(answer: dict[str, Any] | None, words: str) -> None:
    """Without a try that ran, it is only still there."""
    story = Telling().planned().approved()
    if answer:
        story.did(make.step(story.plan.sessions[0]), **answer)
    assert f"*7* is still there, {words}" in story.judged().says(Part.NOW)


# -- the next level ------------------------------------------------------------------------------------


def test_what_survived_can_be_forced_next() -> None:
    """One button, with the request and the plan; none where force was asked for already."""
    story = stubborn()
    [button] = clickable(story)
    assert (button["action_id"], button["text"]["text"]) == (FORCE, "Ask to force it…")
    assert json.loads(button["value"]) == {"request": 1, "plan": story.plan.hash}
    assert not clickable(stubborn(force=True))


def test_what_came_back_can_be_asked_for_again() -> None:
    """But not while something survived: that comes first."""
    story = Telling().planned().approved().tried(0).tried(1).closed(Result.ENDED, Result.RETURNED)
    assert [b["action_id"] for b in clickable(story)] == [AGAIN]
    story = Telling().planned().approved().tried(0).tried(1).closed(Result.SURVIVED, Result.RETURNED)
    assert [b["action_id"] for b in clickable(story)] == [FORCE]
    assert not clickable(Telling().planned().approved().tried(0).tried(1).closed(Result.ENDED, Result.UNKNOWN))


# -- whole accounts ------------------------------------------------------------------------------------


def cleared() -> Telling:
    """Every process of audituser ended."""
    story = Telling(processes=True).planned().approved().tried(0).tried(1)
    story.hosts["host1"].logout("7", "9")
    story.look("acting")
    story.tried_account()
    story.look("acting")
    return story


def test_an_account_that_is_gone_is_said_to_be_gone() -> None:
    """Sessions are counted as ever; the account has its own words."""
    said = cleared().shown(NOBODY_LEFT).judged().says(Part.NOW)
    assert "✅ *audituser is off host1* · 2 of 2 sessions ended, and nothing of audituser is left on host1" in said


def test_what_is_left_of_an_account_is_counted() -> None:
    """Never "nothing is left" beside it."""
    story = cleared()
    story.hosts["host1"].outside = tuple(process(n, "worker") for n in (81, 82, 83))
    story.judged()
    said = story.says(Part.NOW)
    assert "⚠️ *3 processes of audituser are still on host1* · 2 of 2 sessions ended" in said
    assert "*3 processes of audituser* on host1 ignore the polite signals (pid 81, `worker`; pid 82" in said
    assert "nothing of audituser" not in said
    assert "! *3 processes of audituser* still there" in story.says(Part.AFTER)


def test_survivors_of_both_kinds_are_both_counted() -> None:
    """A session and the account that it belongs to."""
    said = stubborn(processes=True).says(Part.NOW)
    assert "*1 of 2 sessions of audituser is still on host1, and 1 process of audituser is there*" in said


def test_progress_counts_sessions_and_what_is_left_of_the_account() -> None:
    """The account is no third session."""
    story = Telling(processes=True).planned().approved().tried(0)
    story.hosts["host1"].logout("7")
    story.look("acting")
    assert "1 of 2 sessions ended, 2 processes of audituser still there …" in story.says(Part.NOW)


def test_the_account_has_the_last_word() -> None:
    """`ps -u` in After, not among what was run; a header and nothing else is said to be the proof."""
    story = cleared().shown(f"{NOBODY_LEFT}\nUID USER\n1002 alice").judged()
    said = story.says(Part.AFTER)
    assert "The account's last word: `ps -u audituser` on host1. A header and nothing else" in said
    assert "PID TTY" in said
    run = story.says(Part.RUN)
    assert "ps -u" not in run
    assert "*host1*, every process of audituser: `loginctl terminate-user audituser` → exit status 0;" in run
    assert "saw no process of audituser any more." in run


@pytest.mark.parametrize(
    "output", ["    PID TTY\n   4242 pts/3\n", "error: user name does not exist", "", "4242 pts/3\nPID\n 1 x"]
)
def test_only_a_bare_header_is_a_proof(output: str) -> None:
    """A process below it, an error, or nothing at all is none."""
    assert "nothing else" not in cleared().shown(output).judged().says(Part.AFTER)


def test_a_last_word_that_is_missing_is_said_to_be_missing() -> None:
    """Nobody takes its absence for a proof."""
    said = cleared().shown("", status="unknown").judged().says(Part.AFTER)
    assert "The account's last word is missing: no complete answer" in said


def test_a_refused_account_says_why() -> None:
    """The host would have ended more than was approved."""
    story = Telling(processes=True).planned().approved()
    account = EndAccount(target=story.plan.accounts[0], rung="terminate")
    story.did(account, status="refused", refusal="changed")
    assert "it would have ended more than was approved" in story.judged().says(Part.RUN)
    assert Answer(status="refused", refusal="changed")


def test_a_reused_pid_is_reported() -> None:
    """A start-ticks mismatch is a refusal with its own words."""
    story = Telling().planned().approved().tried(0, status="refused", refusal="changed", command="")
    said = story.judged().says(Part.RUN)
    assert "its leader's pid now belongs to another process, or it began at another time" in said
