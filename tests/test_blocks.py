"""Text is text, messages keep to Slack's limits, and listings say who is there and what isn't known."""

import json
from types import SimpleNamespace

import pytest

from bot.events import Denied
from bot.models import Result
from bot.slack.content import blocks, telling
from bot.slack.content.blocks import MOST_BLOCKS, compose, paragraph
from bot.slack.content.fleet import listing
from bot.slack.content.lines import bold, code, in_mrkdwn, italic, line, told
from bot.slack.content.mrkdwn import escape
from bot.slack.content.telling import Part
from tests import make
from tests.fakes import FakeHosts
from tests.make import login, process
from tests.stories import HOSTILE, Telling, check, harmless, seen

# -- text is text --------------------------------------------------------------------------------------


def test_what_people_and_hosts_write_is_never_markup() -> None:
    """Escaped in every style; a code span can't be broken out of."""
    for style in (bold, italic, code):
        shown = in_mrkdwn(line("a ", style(HOSTILE)))
        assert "<" not in shown
        assert ">" not in shown
    assert in_mrkdwn(line(code("a`b`"))).count("`") == 2
    assert escape("<&>") == "&lt;&amp;&gt;"


def test_kickbots_own_sentences_keep_their_mentions_and_nothing_else() -> None:
    """A mention of everyone, or a link, stays text even there."""
    said = told("Only <!subteam^S0LEADS> and <@U0BOB> may, in `a<b`: <!channel> <!here> <http://x|y> <@bob> <#C1>")
    assert in_mrkdwn(said) == (
        "Only <!subteam^S0LEADS> and <@U0BOB> may, in `a&lt;b`: "
        "&lt;!channel&gt; &lt;!here&gt; &lt;http://x|y&gt; &lt;@bob&gt; &lt;#C1&gt;"
    )


def test_a_message_is_cut_and_says_so() -> None:
    """Never over Slack's limits, whatever it is made of."""
    message = compose(*(paragraph(line("x" * 5_000)) for _ in range(200)))
    assert "more parts of this message did not fit" in check(message)


def test_a_message_of_thousands_of_parts_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part twice at most: what a request says of 3,000 hosts must not hold up everything else for minutes."""
    measured = []

    def counted(value: object) -> str:
        measured.append(value)
        return json.dumps(value)

    monkeypatch.setattr(blocks, "json", SimpleNamespace(dumps=counted))
    message = compose(*(paragraph(line(f"host{number}")) for number in range(500)))
    assert len(message.blocks) == MOST_BLOCKS
    assert len(measured) < 1_200


# -- /sessions -----------------------------------------------------------------------------------------


def test_a_listing_says_who_is_there() -> None:
    """The storyboard's table and its heading."""
    said = check(listing(seen(FakeHosts(host1=make.usual_logins())["host1"].snapshot())))
    assert "host1: 3 sessions of 2 people" in said
    assert "7 · audituser · 203.0.113.10 · pts/3 · 13:10, 18 min · 12 min / 3 s · rsync" in said
    assert "9 · audituser · 203.0.113.10 · none · 13:10, 18 min · \N{EN DASH} · sftp-server" in said
    assert "systemd 252, up 41 days · seen 13:28:00" in said


def test_a_listing_of_nobody_and_of_nothing_known_are_different_sentences() -> None:
    """An empty list is only ever said from a complete answer."""
    lost = make.unreachable("host2", "did not answer within 10 s (connection timed out)")
    said = check(listing(seen(FakeHosts(host1=())["host1"].snapshot(), lost)))
    assert "host1: nobody is logged in." in said
    assert "host2 did not answer within 10 s (connection timed out).* Nothing is known about its sessions." in said


def test_a_shell_outside_of_every_session_is_not_nobody() -> None:
    """Who left a shell at a terminal under their own service manager is still there, and it is said first."""
    host = FakeHosts(host1=())["host1"]
    host.outside = (
        *(process(70, terminal="pts/1"), process(71, "vim", terminal="pts/1"), process(72, "nightly")),
        process(80, "job", user="bob"),
    )
    heading = "host1: no login session, but 2 processes of audituser at a terminal (pts/1)."

    said = check(listing(seen(host.snapshot())))
    assert heading in said
    assert "outside of any login: 3 processes of audituser, 1 of bob" in said
    said = check(listing(seen(host.snapshot(), user="audituser")))
    assert heading in said
    assert "outside of any login: 3 processes of audituser" in said
    assert "bob" not in said
    said = check(listing(seen(host.snapshot(), user="bob")))
    assert "host1: bob is not logged in." in said
    assert "outside of any login: 1 process of bob" in said
    assert "outside" not in check(listing(seen(host.snapshot(), user="alice")))


def test_many_outside_of_every_session_are_counted() -> None:
    """However many people and terminals there are, a few are named and the others counted."""
    host = FakeHosts(host1=())["host1"]
    host.outside = tuple(process(n, user=f"user{n}" + "x" * 1_000, terminal=f"pts/{n}") for n in range(1_000))
    said = check(listing(seen(host.snapshot())))
    assert "pts/7 and 992 more)." in said
    assert said.count("and 992 more") >= 3
    assert len(said) < 8_000


def test_a_listing_of_one_user_and_of_several_hosts() -> None:
    """Only that user's sessions; the host is a column."""
    hosts = FakeHosts(host1=make.usual_logins(), host2=[login("3")])
    said = check(listing(seen(hosts["host1"].snapshot(), hosts["host2"].snapshot(), user="audituser")))
    assert "host1: 2 sessions of audituser" in said
    assert "host2: 1 session of audituser" in said
    assert "host2 · 3 · audituser" in said
    assert "alice" not in said


def test_a_listing_names_what_is_special() -> None:
    """A login that logind does not know, one that is closing, what could not be seen, and the bot itself left out."""
    listed = [
        login("1", "kickbot", own=True),
        login("2", source="sshd", state="unlisted"),
        login("3", state="closing", processes=()),
    ]
    look = (
        FakeHosts(host1=listed)["host1"].snapshot().model_copy(update={"notes": ("ps was cut",), "lingering": ("bob",)})
    )
    said = check(listing(seen(look, refused=("Only <!subteam^S0SRE> may look at db1.",))))
    assert "1 · kickbot" not in said
    assert "Kickbot's own connection, session 1, is left out" in said
    assert "2 (logind does not know it)" in said
    assert "3 (closing)" in said
    assert "no process left" in said
    assert "ps was cut" in said
    assert "services run on after the last logout of: bob" in said
    assert "Only <!subteam^S0SRE> may look at db1." in said


@pytest.mark.parametrize("number", [99, 100, 101, 2_000])
def test_a_long_listing_is_cut_and_says_so(number: int) -> None:
    """At most a hundred rows with the heading."""
    listed = [login(str(i), remote="2001:db8:ffff:ffff:ffff:ffff:ffff:ffff") for i in range(number)]
    said = check(listing(seen(FakeHosts(host1=listed)["host1"].snapshot())))
    assert f"{number} sessions" in said
    assert ("did not fit here" in said) == (number > 99)


@pytest.mark.parametrize("text", [HOSTILE, "x" * 100_000, "\N{PILE OF POO}" * 30_000, "```" * 50, " "])
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    """In every place where a host's or a person's words stand."""
    hostile = login(
        "7",
        service=text,
        remote=text,
        processes=(process(1, text[:200] or "x", command=text), process(2, "x", parent=1, command=text)),
        state=text[:100],
    )
    hosts = FakeHosts(host1=[hostile])
    host = hosts["host1"]
    host.raw = text
    host.outside = (process(77, text[:100] or "x", command=text),)
    harmless(listing(seen(host.snapshot().model_copy(update={"notes": (text,), "system": text}))))
    story = Telling(hosts, reason=text[:1000]).planned()
    for part in (Part.PARENT, Part.BEFORE, Part.NEWS, Part.ASKER):
        harmless(telling.words(part, story.story, story.records[-1]))
    story.approved().tried(command=text, output=text).closed(
        Result.SURVIVED, detail=text, note=text, lives_on=hostile.processes
    )
    for part in (Part.NOW, Part.DECISION, Part.RUN, Part.AFTER, Part.NEWS, Part.ASKER):
        harmless(telling.words(part, story.story, story.records[-1]))
    denied = Telling(hosts).planned()
    denied.add(Denied(who="U0CAROL", plan_hash=denied.plan.hash, reason=text))
    for part in (Part.NOW, Part.DECISION, Part.NEWS, Part.ASKER):
        harmless(telling.words(part, denied.story, denied.records[-1]))
