"""What is told of many hosts while they are at work: how many are done, who is waited for, who went first."""

from typing import Any

import pytest

from bot.events import Closed, Judged, Verifying
from bot.models import Hold, Outcome, Result
from bot.slack.content import telling, tickets
from bot.slack.content.telling import Part, parts
from bot.states import State
from tests import make
from tests.fakes import FakeHosts
from tests.make import INCIDENT
from tests.stories import HOSTILE, NOW, Telling, harmless

WEBS = tuple(f"web{n}" for n in range(1, 7))


def fleet(**planned: Any) -> Telling:
    """Six hosts with one login of audituser each, approved. planned: more of the plan's event."""
    hosts = FakeHosts(**{name: [make.login("7")] for name in WEBS})
    story = Telling(hosts, WEBS).planned()
    last = story.records.pop()
    story.add(last.event.model_copy(update=planned))
    return story


def judged(story: Telling, *hosts: str, result: Result = Result.ENDED, detail: str = "") -> None:
    """Tried there, looked at, and judged."""
    targets = [target for target in story.plan.targets if target.host in hosts]
    for target in targets:
        story.did(make.step(target), command="loginctl terminate-session 7", exit_status=0)
        if result is Result.ENDED:
            story.hosts[target.host].logout("7")
    looks = tuple(story.hosts[name].snapshot() for name in hosts)
    story.seen[story.add(make.observed("acting", *looks)).seq] = looks
    ends = tuple(Outcome(host=t.host, session="7", identity=t.identity, result=result, detail=detail) for t in targets)
    story.add(Judged(hosts=hosts, outcomes=ends))


def lost(story: Telling, *hosts: str, why: str = "did not answer within 10 s") -> None:
    looks = tuple(make.unreachable(name, why) for name in hosts)
    story.seen[story.add(make.observed("acting", *looks)).seq] = looks


def test_how_many_hosts_are_done_and_who_is_waited_for() -> None:
    """Those that say the same are one line, however many they are."""
    story = fleet().approved()
    judged(story, "web1", "web2", "web3")
    lost(story, "web4", "web5")

    said = story.says(Part.NOW)

    assert "3 of 6 hosts done, 3 of 6 sessions ended" in said
    assert "web[4-5] did not answer within 10 s." in said
    assert "Nothing was begun there: trying again until" in said
    assert said.count("did not answer within 10 s") == 2  # as rich text, and as plain text


def test_the_thread_tells_what_is_done_so_far() -> None:
    """With who is waited for; all of it comes at the end."""
    story = fleet().approved()
    lost(story, "web4", "web5")
    judged(story, "web1", "web2", "web3")

    assert parts(story.story, story.records[-1], INCIDENT) == (Part.NOW, Part.SO_FAR)
    said = story.says(Part.SO_FAR)

    assert "*So far*, 3 of 6 hosts done. Since the last word, on web1, web2, web3:" in said
    assert "*3 sessions* ended within" in said
    assert "Waiting for web[4-5]." in said


def test_whom_it_can_not_reach_any_more_is_waited_for_in_another_way() -> None:
    """Something was tried on web4, so nobody knows what happened there; on web5 nothing was."""
    story = fleet().approved()
    story.did(make.step(story.plan.targets[3]), status="unknown")
    lost(story, "web4", "web5")
    said = story.says(Part.NOW)
    assert "*web4 did not answer within 10 s.* What happened there is not known." in said
    assert "*web5 did not answer within 10 s.* Nothing was begun there: trying again until" in said


def test_the_card_names_who_goes_first() -> None:
    """Before people decide, and while it is alone."""
    story = fleet(canaries=WEBS)
    assert "*web1* goes first, alone. The 5 other hosts follow only if that goes well." in story.says(Part.NOW)
    story.approved()
    assert "· web1 goes first" in story.says(Part.NOW)
    lost(story, "web1")
    assert "· web2 goes first" in story.says(Part.NOW)
    judged(story, "web2")
    assert "goes first" not in story.says(Part.NOW)


def test_that_it_went_well_is_told() -> None:
    """And that the others follow."""
    story = fleet(canaries=WEBS).approved()
    judged(story, "web1")
    said = story.says(Part.SO_FAR)
    assert "*web1 went first*:" in said
    assert "It went well: the 5 other hosts follow now." in said


def test_that_everything_was_gone_there_is_no_news() -> None:
    """The next one goes first; a fleet of which everything is gone sends no message for each host."""
    story = fleet(canaries=WEBS).approved()
    judged(story, "web1", result=Result.ALREADY_GONE)
    assert parts(story.story, story.records[-1], INCIDENT) == (Part.NOW,)


@pytest.mark.parametrize("result", [Result.SURVIVED, Result.UNKNOWN, Result.RETURNED])
def test_that_it_went_wrong_is_told_with_what_people_can_do(result: Result) -> None:
    """Nothing is begun elsewhere; at the end the rest can be asked for again by a button."""
    story = fleet(canaries=WEBS).approved()
    judged(story, "web1", result=result)
    said = story.says(Part.SO_FAR)
    assert "It went wrong, so nothing is begun on the 5 other hosts. Look at web1;" in said

    story.add(Verifying(reason="web1 went first and went wrong (1 of 1 session survived)"))
    ends = [Outcome(host="web1", session="7", identity=story.plan.targets[0].identity, result=result)]
    ends += [
        Outcome(host=t.host, session="7", identity=t.identity, result=Result.LEFT, detail="nothing was begun")
        for t in story.plan.targets[1:]
    ]
    story.add(Closed(outcomes=tuple(ends)))
    over = story.says(Part.NOW)

    assert " · nothing was done on web[2-6]" in over
    assert "Nothing more was begun: web1 went first and went wrong" in over
    assert "Ask again for the rest" in over
    assert tickets.AGAIN in tickets.actions(story.story.request)


def test_hosts_that_were_never_reached_are_the_headline() -> None:
    """What ended elsewhere is no reason for a check mark."""
    story = fleet().approved()
    judged(story, "web1", "web2", "web3", "web4")
    lost(story, "web5", "web6")
    story.add(Verifying(reason="web[5-6] did not answer until 14:01 UTC"))
    ends = [(Result.ENDED, "")] * 4 + [(Result.LEFT, "nothing was begun, and it did not answer")] * 2
    story.closed_each(ends)

    said = story.says(Part.NOW)

    assert "⚠️ *Nothing was done on web[5-6]* · 4 of 6 sessions ended, 2 left alone" in said
    assert "Ask again for the rest" in said
    assert story.story.request.state is State.CLOSED


def test_two_hundred_hosts_fit_into_each_message() -> None:
    """Whatever each of them says."""
    names = tuple(f"db-{n * 7}" for n in range(200))
    hosts = FakeHosts(**{name: [make.login("7")] for name in names})
    story = Telling(hosts, names).planned().approved()
    for number, name in enumerate(names[100:]):
        lost(story, name, why=f"ended the connection ({number} {HOSTILE})")
    judged(story, *names[:100])
    for part in (Part.NOW, Part.SO_FAR):
        harmless(telling.words(part, story.story, story.records[-1]))
        story.says(part)
    assert "and 92 more hosts." in story.says(Part.NOW)
    assert story.records[0].at > NOW


def test_what_a_host_said_of_a_hold_calls_nobody() -> None:
    """It stands in the reply as text."""
    hosts = FakeHosts(**{name: [make.login("7")] for name in WEBS})
    story = Telling(hosts, WEBS, hold=3600)
    for name in WEBS:
        hosts[name].accounts = {"audituser": make.account()}
    story.planned().approved()
    assert story.plan.holds
    step = Hold(target=story.plan.holds[0], id="1-x", until=NOW, there=NOW)
    story.did(step, status="refused", refusal="unable", output=HOSTILE)
    judged(story, "web1", result=Result.SURVIVED)
    harmless(telling.words(Part.SO_FAR, story.story, story.records[-1]))
    assert "not held on web1" in story.says(Part.SO_FAR)
