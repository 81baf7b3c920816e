"""Whose an account is, and in which groups it is, by the script's C# run for real."""

import pytest

from bot.models import Account
from tests.windows.asked import Ask
from tests.windows.scenes import ALICE, BOB, NETBIOS, OPS, UMLAUT, Win

ONCALL = "S-1-5-21-1004336348-1177238915-682003330-2000"
GROUP = ("group", "oncall", ONCALL, "")
NOBODY_IN_IT = {"1104": (), "1003": ()}


def alice() -> Win:
    return Win().session(3, "alice", ALICE)


def test_by_the_token(ask: Ask) -> None:
    """A process of theirs shows each group by which they came in, also through another group or a domain."""
    host = alice()
    host.rows += [GROUP, ("token", 3_003, f"S-1-1-0,{ONCALL}")]

    assert ask(host).look(groups=["oncall"]).groups == {"1104": ("oncall",), "1003": ()}


def test_by_the_groups_own_list(ask: Ask) -> None:
    """Whom the group took up after they logged on is in it too."""
    host = alice()
    host.rows.append(("group", "oncall", ONCALL, f"{BOB},{ALICE}"))

    assert ask(host).look(groups=["oncall", "admins"]).groups == {"1104": ("oncall",), "1003": ()}


def test_no_such_group(ask: Ask) -> None:
    """A group that the host doesn't know has nobody in it."""
    assert ask(alice()).look(groups=["oncall"]).groups == NOBODY_IN_IT


def test_nobody_asked(ask: Ask) -> None:
    """Without a question nothing is said."""
    assert ask(alice()).look().groups == {}


@pytest.mark.parametrize("function", ["LookupAccountName", "NetLocalGroupGetMembers"])
def test_windows_does_not_say(ask: Ask, function: str) -> None:
    """Where Windows doesn't tell of a group, nothing is known of anybody; the look stands."""
    host = alice()
    host.rows += [GROUP, ("token", 3_003, ONCALL), ("fail", function, 5)]
    look = ask(host).look(groups=["oncall"])

    assert (look.groups, [s.id for s in look.sessions]) == ({}, ["3", "ssh-9000"])


def test_no_token_is_shown(ask: Ask) -> None:
    """Of whom no process shows its token, nothing is known; one that does is enough."""
    host = alice()
    host.rows += [GROUP, ("denied", 3_003), ("token", 3_004, ONCALL), ("denied", 9_000), ("token", 9_100, "denied")]

    assert ask(host).look(groups=["oncall"]).groups == {"1104": ("oncall",)}


NO_TOKEN = [("denied", pid) for pid in (3_003, 3_004, 9_000, 9_100)]
IN_IT = ("inside", r"CORP\alice", "Users,OnCall")


def test_no_token_but_a_name(ask: Ask) -> None:
    """Where no token is shown, Windows is asked in which of the machine's own groups the account is."""
    host = alice()
    host.rows += [GROUP, IN_IT, *NO_TOKEN]

    assert ask(host).look(groups=["oncall"]).groups == {"1104": ("oncall",)}


def test_groups_of_a_domain_take_a_token(ask: Ask) -> None:
    """By a name Windows tells nothing of a domain's groups: then nothing is known."""
    host = alice()
    host.rows += [(*GROUP, 2), IN_IT, *NO_TOKEN]

    assert ask(host).look(groups=["oncall"]).groups == {}


def test_two_with_the_same_number(ask: Ask) -> None:
    """Numbers are told apart by SIDs alone: of two accounts with the same last number, neither is known."""
    host = alice().session(4, "al", "S-1-5-21-7-7-7-1104", domain="WIN1")
    host.rows.append(GROUP)

    assert ask(host).look(groups=["oncall"]).groups == {"1003": ()}


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("jörg müller", Account(name="jörg müller", uid=1107, sid=UMLAUT)),
        (r"corp\kickbot", Account(name=r"corp\kickbot", uid=1003, sid=OPS)),
        (r"corp\erika", Account(name=r"corp\erika", uid=1105, sid=BOB)),
        ("erika", None),
        ("oncall", None),
        ("nobody", None),
    ],
)
def test_whose_a_name_is(ask: Ask, asked: str, found: Account | None) -> None:
    """A bare name is one of the machine's own; a group is nobody."""
    host = Win().account("Jörg Müller", UMLAUT).account("Erika", BOB, domain=NETBIOS)
    host.rows.append(GROUP)

    assert ask(host).look(asked).asked_for == found
