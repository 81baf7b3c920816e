"""What is suggested while someone types into the form, to whom, and how often Slack is asked for it."""

import asyncio

import pytest

from bot.errors import LookupFailed
from bot.estate import Estate
from bot.inventory import Inventory
from bot.models import Host, Listing, Person
from bot.policy import Channel
from bot.slack.incoming import suggestions
from bot.slack.incoming.suggestions import FRESH, Suggestions, hosts_like, users_like
from tests import make
from tests.fakes import FakeSeconds
from tests.stage import Stage
from tests.test_commands import HOSTILE

WEB = Inventory(
    hosts={
        **{f"web{n:02}": Host(name=f"web{n:02}", address="-", groups=frozenset({"prod", "web"})) for n in range(1, 21)},
        "db1": Host(name="db1", address="-", groups=frozenset({"prod"})),
    }
)


class People:
    """Everyone is a full member but Gus; slow or failing, if a test says so."""

    def __init__(self) -> None:
        self.asked = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self.fails = False

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        self.asked += 1
        await self.answers.wait()
        if self.fails:
            raise LookupFailed(id, "no answer")
        return make.person(id, guest=id == "U0GUS")

    async def channel(self, id: str) -> Channel:  # noqa: A002 - Slack's own word
        return make.channel(id)


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def clock() -> FakeSeconds:
    return FakeSeconds()


@pytest.fixture
async def menus(stage: Stage, people: People, clock: FakeSeconds) -> Suggestions:
    """After a look of Alice at host1."""
    await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    estate = Estate(make.inventory("host1", "host2"), make.team_policy())
    return Suggestions(stage.workflow, people, estate, clock=clock)


async def users(menus: Suggestions, who: str = "U0ALICE", hosts: str = "host1", typed: str = "") -> list[str]:
    return [option["value"] for option in await menus.users(who, hosts, typed)]


# -- what fits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("", ["@prod", "@web", "web[01-20]", "web01"]),
        ("web", ["@web", "web[01-20]", "web01"]),
        ("WEB1", ["web[10-19]", "web10"]),
        ("B1", ["web[10-19]", "web10"]),
        ("web20", ["web20"]),
        ("@p", ["@prod"]),
        ("@prod", ["@prod"]),
        ("web[01-03]", ["web[01-03]"]),
        ("db1,web01", ["db1,web01"]),
        ("nothing", []),
    ],
)
def test_hosts_are_found_by_any_part_of_their_name(typed: str, first: list[str]) -> None:
    """Groups, then ranges, then names; and whatever else one could type."""
    found = [value for value, _ in hosts_like(typed, WEB)]
    assert found[: len(first)] == first
    assert bool(found) == bool(first)
    assert len(found) == len(set(found))


def test_groups_and_ranges_say_how_many_hosts_they_are() -> None:
    """So that nobody takes the whole fleet by a slip."""
    said = dict(hosts_like("", WEB))
    assert (said["@prod"], said["web[01-20]"], said["db1"]) == ("@prod (21 hosts)", "web[01-20] (20 hosts)", "db1")
    assert dict(hosts_like("web[01-03]", WEB)) == {"web[01-03]": "web[01-03] (3 hosts)"}


@pytest.mark.parametrize("typed", HOSTILE)
def test_hostile_words_suggest_nothing(typed: str) -> None:
    """Nothing that one could not type is ever a choice."""
    assert all(value in WEB.hosts or value[0] in "@w" for value, _ in hosts_like(typed, WEB))


def test_users_are_found_by_any_part_of_their_name() -> None:
    """Those that begin so come first, what was typed last; and only what can be a login name."""
    assert users_like("ali", ["malice", "alice", "bob"], {"linux"}) == ["alice", "malice", "ali"]
    assert users_like("", ["bob", "x y", "<!channel>"], {"linux"}) == ["bob"]
    assert users_like("a b", ["bob"], {"linux"}) == []
    assert users_like("x", ["bob", "x y", "<!channel>"], {"windows"}) == ["x y", "x"]
    assert users_like('"Jane Doe"', ["bob"], {"windows"}) == ["jane doe"]


# -- to whom -------------------------------------------------------------------------------------------


async def test_only_who_may_look_is_told_who_is_logged_in(menus: Suggestions) -> None:
    """Dave is in no group that may; a guest is told no host either."""
    assert await users(menus) == ["alice", "audituser"]
    assert await users(menus, "U0DAVE") == []
    assert await users(menus, "U0GUS", typed="bob") == []
    assert await menus.hosts("U0GUS", "") == []
    assert await menus.hosts("U0DAVE", "")


@pytest.mark.parametrize("hosts", ["", "nowhere", "x y", "host2"])
async def test_nobody_is_known_where_nobody_looked(menus: Suggestions, hosts: str) -> None:
    """Nor on hosts that aren't any; what is typed can be chosen all the same."""
    assert await users(menus, hosts=hosts, typed="bob") == ["bob"]


# -- how often -----------------------------------------------------------------------------------------


async def test_slack_is_asked_once_in_half_a_minute(menus: Suggestions, people: People, clock: FakeSeconds) -> None:
    """However fast someone types; then again."""
    for typed in ("", "a", "al", "ali"):
        await menus.hosts("U0ALICE", typed)
    assert people.asked == 1
    clock.now += FRESH + 1
    await menus.hosts("U0ALICE", "")
    assert people.asked == 2


async def test_a_look_makes_known_who_is_there_at_once(menus: Suggestions, stage: Stage) -> None:
    """Whoever has just looked is not told the names of half a minute ago."""
    assert await users(menus) == ["alice", "audituser"]
    stage.hosts["host1"].login("20", "eve", 1009)
    await stage.workflow.look(stage.origin("U0ALICE"), Listing(hosts=("host1",)))
    assert await users(menus) == ["alice", "audituser"]
    menus.forget("U0ALICE")
    assert await users(menus) == ["alice", "audituser", "eve"]


async def test_when_slack_fails_nothing_is_suggested(menus: Suggestions, people: People) -> None:
    """Who can't be looked up is nobody."""
    people.fails = True
    assert await menus.hosts("U0ALICE", "") == []
    assert await users(menus, typed="bob") == []


async def test_when_slack_is_slow_the_menu_comes_in_time(
    menus: Suggestions, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty at first; the answer is not lost, and the next letter finds it."""
    people.answers.clear()
    with monkeypatch.context() as hurried:
        hurried.setattr(suggestions, "PATIENCE", 0.05)
        assert await menus.hosts("U0ALICE", "") == []
    people.answers.set()
    assert await menus.hosts("U0ALICE", "h")
    assert people.asked == 1
