"""A warning before the act: the parent counts down, the thread says who was told, and it can be stopped."""

from typing import Any

from bot.events import Cancelled, Lapsed
from bot.sandbox import elements
from bot.slack.content import telling
from bot.slack.content.request_card import card
from bot.slack.content.telling import Part
from bot.slack.content.tickets import CANCEL
from tests.make import INCIDENT
from tests.stories import Telling, many

TOLD: dict[str, Any] = {"told": ("pts/3",), "command": "write", "exit_status": 0}
NO_TERMINAL: dict[str, Any] = {"untold": ("no terminal",), "command": "write", "exit_status": 0}


def approved(**changes: Any) -> Telling:
    story = Telling(warn=300, **changes).planned().approved()
    story.look("warning")
    return story


def test_the_parent_says_who_was_told_and_until_when_it_can_be_stopped() -> None:
    """The words on the terminal, the time in the reader's zone, who approved, and a button to stop."""
    story = approved().told(0, **TOLD).told(1, **NO_TERMINAL).warned()
    said = story.says(Part.NOW)
    assert "📣 *audituser was told on pts/3*: _Kickbot: alice has this session of audituser ended" in said
    assert " Ending at <!date^1795181700^{time_secs}|13:35:00 UTC>." in said
    assert "Approved by <@U0CAROL>" in said
    assert "Session 9 has no terminal to tell." in said
    [button] = [place.element for place in elements.places(card(story.story).blocks)]
    assert (button["action_id"], button["text"]["text"]) == (CANCEL, "Stop")


def test_it_can_be_cancelled_while_people_are_being_told() -> None:
    """Before anyone waits for the time, the button is still called Cancel."""
    story = approved().told(0, **TOLD)
    assert "Kicking audituser off host1" in story.says(Part.NOW)
    [button] = [place.element for place in elements.places(card(story.story).blocks)]
    assert (button["action_id"], button["text"]["text"]) == (CANCEL, "Cancel")


def test_the_thread_tells_each_session_and_terminal_with_its_reason() -> None:
    """Told, stopped, without a terminal, refused by the host, and never reached."""
    story = approved(hosts=many(6)).told(0, told=("pts/0", "pts/10"), untold=("pts/11: it is stopped",))
    story.told(1, **NO_TERMINAL | {"untold": ()})
    story.told(2, status="refused", refusal="changed").told(3, status="unknown").told(4, untold=("logind is silent",))
    story.hosts["host1"].logout("5")
    story.look("warning")
    said = story.warned().says(Part.WARNING)
    assert "*Warned*: _Kickbot: alice has this session" in said
    assert "Session 0 was told on pts/0, pts/10." in said
    assert "Session 0 was not told on pts/11: it is stopped." in said
    assert "Session 1 has no terminal to tell." in said
    assert "Session 2 was not told: the host did not run it: the session was another one by then" in said
    assert "Session 3 was not told: no complete answer, so nobody knows whether it ran." in said
    assert "Session 4 was not told: logind is silent." in said
    assert "Session 5 was not told: gone by then." in said
    assert "event " in said


def test_a_host_that_did_not_answer_told_nobody() -> None:
    """Its sessions are named with the reason."""
    story = Telling(warn=300).planned().approved()
    story.look("warning", host1="did not answer within 10 s")
    said = story.warned().says(Part.NOW)
    assert "*audituser could not be told on any terminal*." in said
    assert "Sessions 7, 9 were not told: host1 did not answer within 10 s." in said


def test_a_warning_that_was_stopped_ended_nothing() -> None:
    """Another word than cancelled, and the asker hears of it if someone else stopped it."""
    story = approved().told(0, **TOLD).told(1, **NO_TERMINAL).warned()
    record = story.add(Cancelled(who="U0CAROL"))
    assert (
        "⛔ *Stopped by <@U0CAROL>:* nothing was ended · audituser stays on host1 · asked by <@U0ALICE>"
        in story.says(Part.NOW)
    )
    assert "<@U0CAROL> stopped it: nothing was ended." in story.says(Part.DECISION)
    assert telling.parts(story.story, record, INCIDENT) == (Part.NOW, Part.DECISION, Part.ASKER)
    assert not list(elements.places(card(story.story).blocks))


def test_who_was_told_is_said_even_if_the_warning_was_broken_off() -> None:
    """Cancelled or lapsed while people were being told: the thread has who was."""
    for end in (Cancelled(who="U0ALICE"), Lapsed(reason="nothing may start after 13:46 UTC")):
        story = approved().told(0, **TOLD)
        record = story.add(end)
        assert telling.parts(story.story, record, INCIDENT)[0] == Part.WARNING
        assert "Session 7 was told on pts/3." in story.says(Part.WARNING)
        assert "Session 9 was not told: nobody got to it." in story.says(Part.WARNING)
    assert "and nothing was ended · audituser stays on host1" in story.says(Part.NOW)


def test_many_warnings_are_folded_and_whole_in_a_file() -> None:
    """Two hundred terminals are one message."""
    story = approved(hosts=many(200))
    for number in range(200):
        story.told(number, told=(f"pts/{number}",))
    said = story.warned().says(Part.WARNING)
    assert "and 180 more of them, all in the file." in said
    [file] = story.files(Part.WARNING)
    assert "Session 199 was told on pts/199." in file.content
    assert "and 192 more" in story.says(Part.NOW)


def test_who_is_told_later_has_a_word_of_their_own_in_the_thread() -> None:
    """The host was away when the others were told: the parent and the thread say when it ends there."""
    story = Telling(warn=300).planned().approved()
    story.look("warning", host1="did not answer within 10 s")
    story.warned()
    assert "Warned when it is back in time, else left alone." in story.says(Part.NOW)
    story.look("acting")
    story.told(0, **TOLD)
    assert "Ending at <!date^1795181700^{time_secs}|13:35:00 UTC>." in story.says(Part.NOW)
    record = story.add(Cancelled(who="U0ALICE"))
    assert telling.parts(story.story, record, INCIDENT)[0] == Part.WARNING
    said = story.says(Part.WARNING)
    assert "*Warned later*: _Kickbot: alice has this session" in said
    assert "Session 7 was told on pts/3." in said
    assert "9" not in said.partition("Session 7")[2].partition("event")[0]


def test_while_others_are_ended_the_parent_names_who_was_warned_later() -> None:
    """With the moment of their end."""
    story = approved(hosts=many(2)).told(0, **TOLD).warned()
    story.tried(0).look("acting")
    story.told(1, **TOLD)
    assert "Warned later on host1: ending there at " in story.says(Part.NOW)
