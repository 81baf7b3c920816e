"""The incident report: nothing that people or hosts wrote becomes markup, and everything that happened stands in it."""

import asyncio
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bot.audit import reading
from bot.audit.report.emergencies import emergencies
from bot.audit.report.html import table, tag
from bot.audit.report.selecting import wanted
from bot.errors import CommandError
from bot.events import Entry, Event, Exported, Permitted, Record, Reviewed, ReviewGiven, ReviewOpened
from bot.lifecycle import replay
from bot.models import RequestId
from tests import make, reports
from tests.test_audit_commands import Left, configured
from tests.test_reading import edit

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


@pytest.fixture
def left(tmp_path: Path) -> Left:
    left = configured(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path, known_hosts=tmp_path)
    asyncio.run(reports.record(left.database, tmp_path / "checkpoints"))
    return left


def made(left: Left, *words: str) -> str:
    out = left.folder / f"{len(list(left.folder.iterdir()))}.html"
    done = left.audit("report", *words, "--out", str(out))
    assert done.exit_code == 0, done.stderr
    return out.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """What a browser would see."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_that_was_written_becomes_markup(left: Left) -> None:
    """Process titles, outputs, reasons, troubles: all of it is text, and its control characters are shown."""
    page = made(left, "1")

    reader = Reader(page)
    assert not {"script", "img", "iframe", "object", "link", "a", "form"} & set(reader.tags)
    assert not any(name.startswith("on") or name in {"src", "href"} for name in reader.attributes)
    assert "default-src 'none'" in page
    assert "\x1b" not in page
    assert reader.text.count("<script>document.title='owned'</script>") >= 4


def test_text_stays_text_wherever_it_stands() -> None:
    """In an element, in an attribute, in a cell."""
    assert tag("p", "<b>&\"'") == "<p>&lt;b&gt;&amp;&quot;&#x27;</p>"
    assert tag("p", class_='"><b>') == '<p class="&quot;&gt;&lt;b&gt;"></p>'
    assert "<i>" not in table(("<i>",), [("<i>",)])
    assert tag("p", tag("b", "x")) == "<p><b>x</b></p>"
    assert table(("a",), []) == ""


def test_everything_that_happened_stands_in_it(left: Left) -> None:
    """Who, when, what was run with its answer, the sessions before and after, every hash, and how to verify it."""
    text = Reader(made(left, "1")).text
    with reading.opened(left.database) as source:
        hashes = [hash_ for _, hash_ in source.events()]

    for told in (
        "Report of 1 request",
        "1 checkpoint signed by a key that counts fits, up to event 20",
        "U0CAROL",
        "approved the plan",
        "loginctl terminate-session",
        "Sessions before: host1",
        "Sessions after: host1",
        "No complete answer",
        "host1: session 7 ended",
        "2026-11-20 13:31:05",
        "How to verify this",
        *hashes[:10],
    ):
        assert told in text, told
    assert hashes[12] not in text


def test_a_report_is_recorded(left: Left) -> None:
    """Who made it, and about which requests."""
    made(left, "1", "11")
    with reading.opened(left.database) as source:
        *_, (content, _) = source.events()

    event = Entry.model_validate_json(content).event
    assert isinstance(event, Exported)
    assert (event.what, event.requests, event.up_to) == ("report", (1, 11), 20)


def test_a_broken_trail_gives_no_report(left: Left) -> None:
    """Nobody shows what was changed as if it were so."""
    edit(left.database, "UPDATE events SET bytes = replace(bytes, 'INC-42', 'INC-43') WHERE seq = 11")

    done = left.audit("report", "1", "--out", str(left.folder / "out.html"))

    assert done.exit_code == 1
    assert "BROKEN at event 11" in done.stderr
    assert not (left.folder / "out.html").exists()


def test_a_body_that_is_gone_breaks_the_trail_and_not_the_page(left: Left) -> None:
    """It is verify that says so."""
    edit(left.database, "DELETE FROM bodies")

    assert left.audit("report", "1", "--out", str(left.folder / "out.html")).exit_code == 1


@pytest.mark.parametrize("words", [[], ["since"], ["since", "soon"], ["channel"], ["hello"], ["-1"], ["٣"]])
def test_what_is_no_request_is_not_guessed(words: list[str]) -> None:
    """A slip is no empty report."""
    with pytest.raises(CommandError, match="say which requests: 42 57, since 24h, or channel C0PROD"):
        wanted(words, NOW)


def test_requests_are_chosen_by_number_time_and_channel(left: Left) -> None:
    """What began then or later, what lives there; a request that isn't there is said."""
    assert "Report of 2 requests" in made(left, "channel", "C0INCIDENT")
    assert "Report of 0 requests" in made(left, "channel", "C0ELSEWHERE")
    assert "Report of 0 requests" in made(left, "since", "1s")
    assert "there is no request 2 in the trail" in left.audit("report", "2", "--out", "x").stderr


# -- emergencies -----------------------------------------------------------------------------------------


def story_of_an_emergency(*words: Event) -> list[list[Record]]:
    """One that nobody approved, and its review with those words."""
    plan = make.plan()
    asked = make.asked(command=make.kick(reason="<b>INC-42", emergency=True))
    permitted = Permitted(who=make.ASKER, plan_hash=plan.hash, act_by=make.START, emergency=True)
    planned = make.planned(plan, approvals=0)
    alone = make.records(asked, make.observed("before", make.snapshot(make.session())), planned, permitted)
    opened = ReviewOpened(
        key="r", home="C1", of=RequestId(1), asker=make.ASKER, user="audituser", hosts=("host1",), reason="<b>INC-42"
    )
    return [alone, make.records(opened, *words, request=10)]


def test_emergencies_are_counted_with_what_people_found() -> None:
    """Nobody's words become markup; without an emergency nothing is said."""
    good = ReviewGiven(who="U0BOB", fine=True, comment="<i>seen", hosts=("host1",))
    bad = Reviewed(who="U0CAROL", fine=False, comment="he was on call", hosts=("host1",))

    def told(*words: Event) -> str:
        return Reader("".join(emergencies([replay(r) for r in story_of_an_emergency(*words)]))).text

    assert "1 request that nobody approved; 0 reviewed, 0 of them not fine." in told(good)
    assert "U0BOB reviewed: fine: <i>seen; waits for its review." in told(good)
    over = told(good, bad)
    assert "1 request that nobody approved; 1 reviewed, 1 of them not fine." in over
    assert "Request 1, asked by U0ALICE: <b>INC-42." in over
    assert "U0CAROL reviewed: not fine: he was on call." in over
    assert list(emergencies([replay(make.records(make.asked()))])) == []


def test_the_report_of_an_emergency_has_its_review() -> None:
    """Whoever names its number means both; a hold of it isn't meant."""
    alone, review = story_of_an_emergency()
    only = wanted(["1"], NOW)
    assert only.means(alone[0])
    assert only.means(review[0])
    assert not wanted(["2"], NOW).means(review[0])
