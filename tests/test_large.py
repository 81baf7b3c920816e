"""Two hundred sessions and thousands of processes: folded, within Slack's limits, and whole in a file."""

import time
from collections.abc import Iterator

import pytest

from bot.events import Verifying
from bot.models import Process, Result
from bot.slack.content import trees
from bot.slack.content.telling import Part
from tests import make
from tests.fakes import FakeHosts
from tests.make import process
from tests.stories import Telling, many

PARTS = (Part.NOW, Part.BEFORE, Part.RUN, Part.AFTER, Part.NEWS, Part.ASKER)


def kicked(number: int = 200, survivors: int = 13) -> Telling:
    """Each session was tried; a few survive."""
    story = Telling(many(number), processes=True).planned().approved()
    for n in range(number):
        story.tried(n, command=f"loginctl terminate-session {n}")
    story.hosts["host1"].logout(*(str(n) for n in range(survivors, number)))
    story.look("acting")
    return story.judged()


def test_outcomes_that_are_alike_are_one_line_and_each_stands_in_the_file() -> None:
    """187 ended; each of the 13 that did not has its line."""
    story = kicked()
    said = story.says(Part.AFTER)
    assert "*187 sessions* ended within " in said
    assert ": 13, 14, 15, 16, 17, 18, 19, 20 and 179 more" in said
    assert said.count("survived") == 2 * 13
    [file] = story.files(Part.AFTER)
    assert file.name == "kickbot-1-408-after-outcomes.txt"
    assert len([text for text in file.content.splitlines() if " ended within " in text]) == 187


def test_tries_that_are_alike_are_one_line_and_each_stands_in_the_file() -> None:
    """With what the looks after them saw."""
    story = kicked()
    said = story.says(Part.RUN)
    assert "200 tries (0, 1, 2, 3, 4, 5, 6, 7 and 192 more)" in said
    assert "the looks after it no longer saw 187 of them" in said
    [file] = story.files(Part.RUN)
    assert "session 199: loginctl terminate-session 199 → exit status 0;" in file.content
    assert len(file.content.splitlines()) == 200


def test_who_was_there_before_is_whole_in_a_file() -> None:
    """The table takes a hundred rows, and a message a few trees."""
    story = Telling(many(200)).planned()
    said = story.says(Part.BEFORE)
    assert "101 more sessions did not fit here" in said
    assert "What ends with 188 more sessions stands in the file." in said
    [file] = story.files(Part.BEFORE)
    assert "199 · audituser" in file.content
    assert "11992 job" in file.content


@pytest.mark.parametrize("result", list(Result))
def test_any_end_of_many_sessions_fits(result: Result) -> None:
    """In every message, also where each has its own detail."""
    story = Telling(many(200)).planned().approved()
    results = [result] * 200
    story.closed(*results, detail="x" * 200, lives_on=(process(1, command="y" * 500),) * 50)
    started = time.process_time()
    for part in PARTS:
        assert story.says(part)
        story.files(part)
    assert time.process_time() - started < 20


def test_different_details_are_cut_with_a_note() -> None:
    """Nobody reads two hundred lines in a chat; nothing is cut in silence."""
    story = Telling(many(200)).planned().approved()
    story.add(Verifying())
    story.look("after")
    story.closed_each([(Result.ALREADY_GONE, f"its id {n} now belongs to someone") for n in range(200)])
    assert "and 170 more lines, in the thread's file." in story.says(Part.NOW)
    assert "and 170 more lines, in the thread's file." in story.says(Part.AFTER)
    [file] = story.files(Part.AFTER)
    assert "its id 199 now belongs to someone" in file.content


def test_twenty_survivors_are_each_named() -> None:
    """With what lives on in them, as far as there is room."""
    story = Telling(many(20)).planned().approved()
    alive = [process(n, "python", command=f"python {'x' * 500}") for n in range(50)]
    story.closed(*[Result.SURVIVED] * 20, detail="it is active", lives_on=tuple(alive))
    said = story.says(Part.NOW)
    assert all(f"*{n}* is still there" in said for n in range(20))
    assert said.count("and 49 more") == 2 * 20


def test_many_hosts_are_cut_with_a_note() -> None:
    """A hundred hosts are more than a message has room for; the file has them all."""
    names = [f"web{n:03}" for n in range(100)]
    hosts = FakeHosts(**{name: [make.login("7")] for name in names})
    story = Telling(hosts, names=names, processes=True).planned().approved()
    for name in names:
        story.hosts[name].logout("7")
    story.judged()
    for part in PARTS:
        assert story.says(part)
    assert "of this message did not fit into Slack" in story.says(Part.AFTER)
    [whole, *_] = story.files(Part.AFTER)
    assert all(f"Nothing of audituser is left on {name}." in whole.content for name in names)


def test_new_and_untouched_sessions_are_folded_too() -> None:
    """Someone logs in a hundred times meanwhile."""
    hosts = FakeHosts(host1=[*make.usual_logins(), *(make.login(f"2{n}", "bob", leader=9_000 + n) for n in range(50))])
    story = Telling(hosts).planned().approved().tried(0).tried(1)
    for n in range(100):
        story.hosts["host1"].login(f"3{n}")
    said = story.judged().says(Part.AFTER)
    assert "= *51 sessions* untouched: 12 alice, 20 bob" in said
    assert "+ *100 sessions* new since then: 30 audituser" in said
    [file] = story.files(Part.AFTER)
    assert "+ 399 audituser, new since then" in file.content


# -- trees ---------------------------------------------------------------------------------------------


def crowd(number: int) -> Iterator[Process]:
    yield process(1_000, "sshd")
    yield process(1_001, "make", parent=1_000)
    yield from (process(2_000 + n, "cc", parent=1_001, command="cc -O2 all.c") for n in range(number))


def test_two_thousand_processes_of_a_session_are_folded() -> None:
    """One line for all that is alike; the file has each."""
    story = Telling(FakeHosts(host1=[make.login("7", processes=tuple(crowd(2_000)))])).planned()
    said = story.says(Part.BEFORE)
    assert "2000 cc -O2 all.c (and 1999 more like it)" in said
    different = [p.model_copy(update={"command": f"cc {p.pid}.c"}) for p in crowd(2_000)]
    story = Telling(FakeHosts(host1=[make.login("7", processes=tuple(different))])).planned()
    assert "characters]" in story.says(Part.BEFORE)
    [file] = story.files(Part.BEFORE)
    assert "    3999 cc 3999.c" in file.content


def test_a_chain_of_thousands_and_a_ring_are_shown() -> None:
    """Whoever forks cleverly neither breaks the picture nor hides from it."""
    chain = [process(n, "x", parent=n - 1) for n in range(10, 5_010)]
    assert len(trees.whole(chain).splitlines()) == 5_000
    ring = [process(1, "a", parent=2), process(2, "b", parent=1), process(3, "c", parent=3), process(4, "d", parent=2)]
    assert sorted(text.split()[1] for text in trees.tree(ring).splitlines()) == ["a", "b", "c", "d"]
