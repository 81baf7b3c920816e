"""What `/sessions` says of more hosts than anybody reads one by one: folded, and with nobody left out."""

from collections.abc import Sequence
from string import ascii_lowercase

import pytest

from bot.listings import Seen
from bot.models import Snapshot, Unreachable
from bot.slack.content import fleet
from bot.slack.content.blocks import Button, Message
from tests import make
from tests.fakes import FakeHosts
from tests.stories import HOSTILE, check, harmless, seen

NAMES = [f"web{number:03}" for number in range(1, 201)]
STOP = Button(text="Stop", action="stop", value="1")


def looks(*users: Sequence[str], lost: dict[str, str] | None = None) -> list[Snapshot | Unreachable]:
    """One look at each of 200 hosts, in their order: who is logged in there, and which of them did not answer."""
    there = dict(zip(NAMES, users, strict=False))
    hosts = FakeHosts(**{n: [make.login(str(i), u) for i, u in enumerate(there.get(n, ()), 7)] for n in NAMES})
    lost = lost or {}
    return [make.unreachable(n, lost[n]) if n in lost else hosts[n].snapshot() for n in NAMES]


def partly(*answered: Snapshot | Unreachable, awaited: Sequence[str]) -> Seen:
    """As far as it has come."""
    listing = seen(*looks()).listing
    return Seen(listing=listing, looks=answered, awaited=tuple(awaited))


def progress(found: Seen) -> str:
    return check(fleet.listing(found, fleet.progress(found, "U0ALICE", STOP)))


def text(message: Message) -> str:
    """Slack would take it; what it says."""
    check(message)
    return message.text


def test_the_sum_stands_first_and_quiet_hosts_in_one_line() -> None:
    """Three sessions of two people on two of two hundred hosts, and the rest as one range."""
    said = text(fleet.listing(seen(*looks(["alice"], ["alice", "bob"]))))
    assert said.startswith("*web[001-200]: 3 sessions of 2 people on 2 of 200 hosts*")
    assert "web[003-200]: nobody is logged in." in said
    assert "web001 · 7 · alice" in said


def test_hosts_without_an_answer_are_counted_and_named() -> None:
    """Alike ones under one range, and the others beside them."""
    lost = dict.fromkeys(NAMES[100:103], "did not answer within 10 s") | {"web200": "shows another host key"}
    said = text(fleet.listing(seen(*looks(["alice"], lost=lost))))
    assert "*4 of 200 hosts gave no answer.* Nothing is known about their sessions:" in said
    assert "• web[101-103] did not answer within 10 s\n• web200 shows another host key" in said
    assert "web[002-100,104-199]: nobody is logged in." in said


def test_no_host_is_left_out_however_many_reasons_there_are() -> None:
    """Forty reasons don't fit: the hosts of the last ones are named together, and the file has the reasons."""
    message = fleet.listing(found := seen(*looks(lost={name: f"fails with {name}" for name in NAMES[:40]})))
    assert "• web019 fails with web019\n• web[020-040] gave none, for 21 other reasons" in text(message)
    assert message.cut
    assert "web040 fails with web040" in fleet.whole(found)


def test_many_sessions_are_told_by_person() -> None:
    """Whoever is on most hosts first, with where, how often and from where; each session stands in the file."""
    message = fleet.listing(found := seen(*looks(*[["audituser"]] * 30, ["alice", "alice"])))
    said = text(message)
    assert "*web[001-200]: 32 sessions of 2 people on 31 of 200 hosts*" in said
    assert "audituser · 30 · 30 · web[001-030] · 203.0.113.10\nalice · 2 · 1 · web031 · 203.0.113.10" in said
    assert "pts/3" not in said
    assert message.cut
    assert fleet.whole(found).count("· audituser ·") == 30


def test_one_person_is_searched_on_all_hosts() -> None:
    """Where that account is, session by session, and how many hosts know nothing of it or gave no answer."""
    lost = {"web200": "did not answer"}
    said = text(fleet.listing(seen(*looks(["audituser"], ["audituser", "bob"], ["bob"], lost=lost), user="audituser")))
    assert said.startswith("*web[001-200]: 2 sessions of audituser on 2 of 200 hosts*")
    assert "*1 of 200 hosts gave no answer.*" in said
    assert "web[003-199]: audituser is not logged in." in said
    assert "web002 · 7 · audituser" in said
    assert "· bob ·" not in said


def test_nobody_found_is_not_nobody_there() -> None:
    """It counts only the hosts that answered, and offers the name that may have been meant."""
    lost = dict.fromkeys(NAMES[150:], "did not answer")
    said = text(fleet.listing(seen(*looks(["audituser"], lost=lost), user="audituer")))
    assert "audituer is not logged in on any of the 150 hosts that answered.* Did you mean `audituser`?" in said
    assert "*50 of 200 hosts gave no answer.*" in said


def test_when_no_host_answers_nothing_is_said_of_people() -> None:
    """Only that nothing is known."""
    said = text(fleet.listing(seen(*looks(lost=dict.fromkeys(NAMES, "did not answer")))))
    assert "*200 of 200 hosts gave no answer.* Nothing is known about their sessions:" in said
    assert "nobody" not in said


def test_hundreds_of_people_fit_into_slack() -> None:
    """The rest is counted, and stands in the file."""
    message = fleet.listing(found := seen(*looks(*[[f"user{n}"] for n in range(200)])))
    assert "101 more people did not fit here." in text(message)
    assert message.cut
    assert "user199" in fleet.whole(found)


def test_few_hosts_look_as_ever() -> None:
    """Twenty hosts have a heading each, and no sum."""
    said = text(fleet.listing(seen(*looks(["alice"])[:20])))
    assert "*web001: 1 session of 1 person*" in said
    assert "of 20 hosts" not in said


def test_what_hosts_say_does_nothing() -> None:
    """Not in a reason, nor as a name."""
    harmless(fleet.listing(seen(*looks([HOSTILE] * 25, lost={"web200": HOSTILE}))))


# -- while it goes on ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("done", "boxes"), [(0, 0), (9, 0), (10, 1), (143, 14), (199, 19)])
def test_progress_in_words_and_boxes(done: int, boxes: int) -> None:
    """A box is full only when that share has really answered."""
    said = progress(partly(*looks()[:done], awaited=NAMES[done:]))
    assert f"Looking at web[001-200]*: {done} of 200 hosts so far" in said
    assert "■" * boxes + "□" * (20 - boxes) in said
    assert "Asked by <@U0ALICE>, who can stop it." in said


def test_hosts_that_were_overtaken_are_named() -> None:
    """Those that were asked long before others that have answered; not the ones that had no turn, or just had one."""
    silent = {"web007", "web008", "web090"}
    answered = [look for look in looks()[:100] if look.host not in silent]
    said = progress(partly(*answered, awaited=[*sorted(silent), *NAMES[100:]]))
    assert "Still waiting for *web[007-008]*." in said


def test_the_last_ones_are_all_named() -> None:
    """However they stand in the order."""
    said = progress(partly(*looks()[:-3], awaited=NAMES[-3:]))
    assert "Still waiting for *web[198-200]*." in said


def test_what_has_come_stands_below() -> None:
    """With the sum so far; what is still awaited is told neither as gone wrong nor as empty."""
    said = progress(partly(*looks(["alice"], lost={"web002": "fails"})[:50], awaited=NAMES[50:]))
    assert "*1 session of 1 person on 1 of 200 hosts*" in said
    assert "*1 of 200 hosts gave no answer.*" in said
    assert "alice · 1 · 1 · web001" in said
    assert "nobody" not in said


def test_before_the_first_session_is_seen_it_says_so() -> None:
    """Of the hosts that answered."""
    said = progress(partly(*looks()[:50], awaited=NAMES[50:]))
    assert "*nobody is logged in on any of the 50 hosts that answered.*" in said


def test_hosts_of_all_kinds_are_a_number_in_a_heading() -> None:
    """Their names would be longer than what is said of them."""
    names = [f"{letter}{number}" for number, letter in enumerate(ascii_lowercase)]
    said = text(fleet.listing(seen(*(make.snapshot(host=name) for name in names))))
    assert said.startswith("*26 hosts: nobody is logged in on any of the 26 hosts that answered.*")
