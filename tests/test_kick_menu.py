"""The menu under a listing: each choice is a command, and only what may be kicked is a choice."""

import json
from typing import Any

from bot import commands
from bot.models import Filter, Kick, Listing, Snapshot, Unreachable
from bot.slack.content.blocks import Message
from bot.slack.content.fleet import listing
from bot.slack.content.kick_menu import MENU, MOST, menu
from tests import make
from tests.fakes import FakeHosts
from tests.stories import HOSTILE, check, harmless, seen

POLICY = make.policy()
ALL = Listing(hosts=("host1",))


def look(*sessions: Any, host: str = "host1") -> Snapshot:
    return FakeHosts(**{host: sessions})[host].snapshot()


def select(*looks: Snapshot | Unreachable, wanted: Listing = ALL) -> dict[str, Any]:
    """The menu's element; empty if there is none."""
    found = menu(looks, wanted, POLICY)
    return dict(found[0].block["elements"][0]) if found else {}


def choices(element: dict[str, Any]) -> list[tuple[str, str]]:
    return [(option["text"]["text"], option["value"]) for option in element.get("options", [])]


def test_users_and_sessions_are_choices() -> None:
    """Somebody's only session needs no choice of its own."""
    assert choices(select(look(*make.usual_logins()))) == [
        ("audituser, 2 sessions", "audituser host1"),
        ("session 7, audituser", "audituser host1 session 7"),
        ("session 9, audituser", "audituser host1 session 9"),
        ("alice", "alice host1"),
    ]


def test_each_choice_is_a_command() -> None:
    """Which is understood as if it had been typed."""
    for _, value in choices(select(look(*make.usual_logins()))):
        assert isinstance(commands.parse("kick", value, make.inventory()), Kick)


def test_a_name_with_spaces() -> None:
    """It stands in quotes in the words, as it would be typed."""
    (choice,) = choices(select(look(make.login("7", "max mustermann", uid=1003), host="win1")))
    inventory = make.with_windows(make.inventory(), "win1")

    assert choice == ("max mustermann", '"max mustermann" win1')
    assert commands.parse("kick", choice[1], inventory) == Kick(user="max mustermann", hosts=("win1",))


def test_several_hosts_are_groups() -> None:
    """Those where nobody is, or that don't answer, have none."""
    hosts = (
        look(*make.usual_logins()),
        look(host="host2"),
        make.unreachable("host3"),
        look(make.login("7"), host="host4"),
    )
    groups = select(*hosts)["option_groups"]
    assert [(g["label"]["text"], len(g["options"])) for g in groups] == [("host1", 4), ("host4", 1)]
    assert groups[1]["options"][0]["value"] == "audituser host4"


def test_who_is_never_kicked_is_no_choice() -> None:
    """Kickbot's own connection, root by its uid, and the protected accounts."""
    own, root = make.login("1", "kickbot", own=True), make.login("2", "toor", uid=0)
    assert select(look(own, root, make.login("3", "breakglass"))) == {}
    assert select(look()) == {}
    assert select(make.unreachable()) == {}


def test_under_a_filter_only_what_it_shows_is_a_choice() -> None:
    """And nobody's other sessions along with it."""
    here = look(make.login("7"), make.login("9", remote="198.51.100.4"), make.login("12", "alice"))
    wanted = Listing(hosts=("host1",), only=Filter(network="198.51.100.0/24"))
    assert choices(select(here, wanted=wanted)) == [("session 9, audituser", "audituser host1 session 9")]
    assert choices(select(here, wanted=Listing(hosts=("host1",), user="alice"))) == [("alice", "alice host1")]


def test_a_choice_that_slack_would_not_carry_is_left_out() -> None:
    """A name that is too long; typing it still works."""
    assert choices(select(look(make.login("7", "u" * 70), make.login("12", "alice")))) == [("alice", "alice host1")]


def test_a_full_host_is_bounded() -> None:
    """A hundred choices at most, and a listing with its menu is still one message of Slack's size."""
    crowd = [look(*(make.login(str(n), f"user{n}") for n in range(90)), host=host) for host in ("host1", "host2")]
    numbers = [len(group["options"]) for group in select(*crowd)["option_groups"]]
    assert 20 < min(numbers) <= sum(numbers) - min(numbers) <= MOST
    said = with_menu(*crowd)
    check(said)
    assert MENU in json.dumps(said.blocks)


def test_the_menu_stands_right_below_the_table() -> None:
    """Before the small print."""
    kinds = [block["type"] for block in with_menu(look(*make.usual_logins())).blocks]
    assert kinds[: kinds.index("actions") + 1] == ["rich_text", "table", "actions"]


def test_hostile_names_do_nothing() -> None:
    """What a host wrote is plain text."""
    harmless(with_menu(look(make.login("7", HOSTILE), make.login("9", HOSTILE))))


def with_menu(*looks: Snapshot) -> Message:
    answer = seen(*looks)
    return listing(answer, menu=menu(answer.looks, answer.listing, POLICY))
