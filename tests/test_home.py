"""The Home view as a value: what it says, what Slack takes, and that nothing which people wrote becomes markup."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot.events import Event
from bot.inventory import Inventory
from bot.lifecycle import replay
from bot.models import Act, Host, Result
from bot.questions import Known, Page
from bot.sandbox import elements, limits
from bot.slack.content.home import MOST_RIGHTS, bare, home, in_words, shown
from bot.slack.content.lines import in_plain, line
from bot.slack.incoming.answers import note
from bot.standing import SYSTEM, Allowed, Standing
from tests import make
from tests.make import START
from tests.stories import HOSTILE, Telling

HOSTS = {"web01": {"prod", "web"}, "web02": {"prod", "web"}, "app01": {"prod"}, "db1": set[str]()}
INVENTORY = Inventory(
    hosts={name: Host(name=name, address=name, groups=frozenset(groups)) for name, groups in HOSTS.items()}
)
KICK = (Act.KICK,)


def known(*story: Event, number: int = 1) -> Known:
    records = make.records(*story, request=number)
    return Known(request=replay(records), records=tuple(records))


def ended(*results: Result) -> Known:
    told = Telling().planned().approved().closed(*results)
    return Known(request=told.story.request, records=tuple(told.records))


def shows(page: Page, **more: Any) -> str:
    """All that it says; Slack would take it."""
    view = home(page, INVENTORY, more.pop("links", {}), more.pop("note", None))
    limits.check_view(view, "home")
    return elements.words(view["blocks"])


def standing(*hosts: str, look: bool = True, accounts: Sequence[str] = (), allowed: Sequence[Allowed] = ()) -> str:
    wanted = Standing(hosts=hosts, look=look, accounts=tuple(accounts), allowed=tuple(allowed))
    return in_plain(in_words(wanted, INVENTORY))


def allowed(*approvers: str, levels: tuple[Act, ...] = KICK, ask: bool = True, approve: bool = False) -> Allowed:
    return Allowed(levels=levels, ask=ask, approve=approve, approvers=approvers)


# -- rights in words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "where"),
    [
        (("web01", "web02"), "@web"),
        (("web01", "web02", "app01"), "@prod"),
        (("web02",), "web02"),
        (("web01", "db1"), "db1,web01"),
        (tuple(HOSTS), "every host"),
    ],
)
def test_hosts_are_named_as_shortly_as_possible(hosts: tuple[str, ...], where: str) -> None:
    """By the group that has exactly these, or folded."""
    assert standing(*hosts) == f"On {where} you may only look."


def test_rights_are_told_in_words() -> None:
    """What one may, and who approves."""
    assert standing("db1", allowed=[allowed("U1")]) == "On db1 you may look and ask; <@U1> approves."
    assert standing("db1", allowed=[allowed("U1", "U2")]).endswith("; <@U1> and <@U2> approve.")
    many = [f"U{number}" for number in range(5)]
    assert standing("db1", allowed=[allowed(*many)]).endswith("; <@U0>, <@U1> and 3 others approve.")
    assert standing("db1", allowed=[allowed()]).endswith("you may look and ask; nobody else could approve.")
    assert standing("db1", look=False, allowed=[allowed(ask=False, approve=True)]) == "On db1 you may approve."
    both = allowed("U1", approve=True)
    assert standing("db1", allowed=[both]) == "On db1 you may look, ask and approve; <@U1> approves."


def test_levels_beyond_a_kick_are_told() -> None:
    """Beside the kick where the same holds, else in a sentence of their own."""
    same = allowed("U1", levels=(Act.KICK, Act.FORCE))
    assert standing("db1", allowed=[same]) == "On db1 you may look and ask (also force); <@U1> approves."
    other = allowed("U2", levels=(Act.FORCE, Act.PROCESSES))
    told = "On db1 you may look and ask; <@U1> approves. For force and processes you may ask; <@U2> approves."
    assert standing("db1", allowed=[allowed("U1"), other]) == told
    none = allowed("U2", levels=(Act.FORCE,), ask=False)
    assert standing("db1", allowed=[allowed("U1"), none]) == "On db1 you may look and ask; <@U1> approves."


def test_exceptions_name_their_accounts() -> None:
    """Login names, and the accounts of the system."""
    one = standing("db1", look=False, accounts=("deploy", SYSTEM), allowed=[allowed("U1")])
    assert one == "On db1, for deploy and accounts of the system, you may ask; <@U1> approves."


def test_many_rights_are_cut_with_a_note() -> None:
    """A hundred hosts, each with rights of its own."""
    rights = tuple(Standing(hosts=(f"h{n}",), look=True, allowed=()) for n in range(MOST_RIGHTS + 85))
    assert "and 85 more lines." in shows(Page(at=START, rights=rights))


# -- requests ------------------------------------------------------------------------------------------


def test_what_waits_names_who_why_and_until_when() -> None:
    """And what would end, with which levels beyond a kick; its number tells it from another one."""
    command = make.kick(reason="INC-42", force=True, processes=True)
    _, looked, planned = make.pending()
    waiting = known(make.asked(command=command), looked, planned, number=43)
    words = " ".join(shows(Page(at=START, waiting=(waiting,))).split())
    first = "audituser off host1 (processes, force) · 1 session · because INC-42 · asked by U0ALICE · until"
    assert first in words
    assert "request 43" in words


def test_no_evidence_stands_on_the_page() -> None:
    """Where a session came from and what runs in it is only for those channels that may see it."""
    told = Telling().planned().approved().closed(Result.SURVIVED, Result.ENDED, detail="pid 4242, from 203.0.113.10")
    page = Page(at=START, latest=(Known(request=told.story.request, records=tuple(told.records)),))
    words = shows(page)
    assert "203.0.113.10" not in words
    assert "4242" not in words
    assert "⚠️ 1 survived, 1 ended" in words


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ((Result.ENDED, Result.ENDED), "✅ 2 ended"),
        ((Result.ENDED, Result.SURVIVED), "⚠️ 1 ended, 1 survived"),
        ((Result.UNKNOWN, Result.SURVIVED), "⛔ 1 unknown, 1 survived"),
    ],
)
def test_the_worst_outcome_has_the_mark(results: tuple[Result, ...], told: str) -> None:
    """No success is claimed where something lives on."""
    assert told in shows(Page(at=START, latest=(ended(*results),)))


def test_what_people_wrote_is_only_words() -> None:
    """A reason with markup stays the characters that it is, on every part of the page."""
    command = make.kick(reason=HOSTILE)
    story = (make.asked(command=command), *make.pending()[1:])
    one = known(*story)
    page = Page(at=START, waiting=(one,), yours=(one,), running=(one,), latest=(one,))
    view = home(page, INVENTORY, {})
    limits.check_view(view, "home")
    mentioned = [e["user_id"] for e in _elements(view["blocks"]) if e.get("type") == "user"]
    assert "U0EVE" not in mentioned
    assert not [e for e in _elements(view["blocks"]) if e.get("type") in {"broadcast", "link"}]


def _elements(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for item in value for found in _elements(item)]
    if not isinstance(value, dict):
        return []
    return [value, *(found for item in value.values() for found in _elements(item))]


def test_two_hundred_of_each_fit() -> None:
    """With long reasons and an answer on top; only what is shown is looked up."""
    command = make.kick(reason="x" * 1000)
    story = (make.asked(command=command), *make.pending()[1:])
    many = tuple(known(*story, number=number) for number in range(1, 201))
    page = Page(
        at=START,
        waiting=many,
        yours=many,
        running=many,
        stoppable=frozenset(one.request.id for one in many),
        latest=many[:10],
    )
    links = {one.request.id: f"https://example.slack.com/archives/C0/p{one.request.id}" for one in many}
    words = shows(page, links=links, note=note(line("You approved request 2.")))
    assert words.startswith("You approved request 2.")
    assert "and 180 more requests" in words
    assert len(shown(page)) < 50


def test_where_nothing_can_be_read_the_words_and_refresh_remain() -> None:
    """Slack takes that too."""
    view = bare(note(line("Reading …")))
    limits.check_view(view, "home")
    assert elements.words(view["blocks"]) == "Reading … Refresh"
