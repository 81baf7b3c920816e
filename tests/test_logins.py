"""Login names as people type them: any quotes, any letters, and only where a host has such names."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import words
from bot.errors import CommandError
from bot.logins import PLATFORMS, as_typed, login
from bot.models import Audit, Kick, Listing, Unhold
from tests.test_commands import refused, typed

JURGEN = "jürgen müller"


# ------------------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize("user", ['"Jürgen Müller"', "Jürgen", '"audituser"', "d'artagnan", "王伟", "“audit user”"])
@pytest.mark.parametrize("hosts", ["host1", "host1,win1"])
def test_never_on_linux(user: str, hosts: str) -> None:
    """No name that Linux doesn't have is taken for a host with Linux, nor where only one of them has it."""
    assert refused("kick", f"{user} {hosts}").startswith("That is not a login name. It may hold letters, digits and `_")
    assert refused("sessions", f"{hosts} {user}").startswith("That is not a login name.")
    assert refused("unhold", f"{user} {hosts}").startswith("That is not a login name.")


HOSTILE = [
    *('"x; reboot"', '"$(id)"', '"`id`"', '"-rf"', '"<!channel>"', '"a*b"', '"a/b"', '"a|b"', '"a:b"', '"~"', '"a~b"'),
    *('""', '"  "', '"', '" .a"', "\ud800", '"alice', 'alice"', '"alice"x', "'alice smith'", '"a\tb"'),
    f'"{"x" * 101}"',
]


@pytest.mark.parametrize("user", HOSTILE)
def test_hostile_names(user: str) -> None:
    """Neither quotes nor Windows make a name of what is none."""
    assert refused("kick", f"{user} win1").isprintable()
    assert refused("sessions", f"win1 {user}").isprintable()


@pytest.mark.parametrize("mark", ["\N{RIGHT-TO-LEFT OVERRIDE}", "\N{ZERO WIDTH SPACE}", "\x1b"])
def test_invisible_in_quotes(mark: str) -> None:
    """An invisible character is named there too."""
    assert f"(U+{ord(mark):04X})" in refused("kick", f'"jürgen {mark}müller" win1')


@pytest.mark.parametrize("user", ["Everyone", '"everyone"', "“EVERYONE”", "EVERYONE"])
def test_nobody_is_everyone_by_a_slip(user: str) -> None:
    """All are meant only by the bare word in small letters, also where case means nothing."""
    assert (
        refused("kick", f"{user} win1") == "All are `everyone`, in small letters and without quotes. Nothing was done."
    )


def test_only_a_name_stands_in_quotes() -> None:
    """Neither hosts nor the command's own words do."""
    assert refused("kick", '"jane doe" "win1"')
    assert refused("kick", '"jane doe" win1 "force"')


# ------------------------------------------------------------------------------------------------ understood

QUOTES = ['"{}"', "“{}”", "„{}“", "”{}”", "« {} »", "«\N{NO-BREAK SPACE}{}\N{NO-BREAK SPACE}»", '" {} "']


@pytest.mark.parametrize("quotes", QUOTES)
def test_quotes(quotes: str) -> None:
    """A name with spaces stands in quotes, also in those that phones and languages make of them."""
    name = quotes.format("Jürgen Müller")

    assert typed("kick", f"{name} win1 force because x") == Kick(user=JURGEN, hosts=("win1",), force=True, reason="x")
    assert typed("sessions", f"win1 {name}") == Listing(hosts=("win1",), user=JURGEN)
    assert typed("unhold", f"{name} win1,win2") == Unhold(user=JURGEN, hosts=("win1", "win2"))
    assert typed("audit", name) == Audit(about=JURGEN)
    assert typed("kickbot", f"kick {name} win1") == Kick(user=JURGEN, hosts=("win1",))


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("Alice", "alice"),
        (r"CORP\Alice", r"corp\alice"),
        ("王伟", "王伟"),
        ("d'Artagnan", "d'artagnan"),
        ('"alice"', "alice"),
        (r'"CORP\Jürgen Müller"', r"corp\jürgen müller"),
        ('"Hans because"', "hans because"),
        (unicodedata.normalize("NFD", "Jürgen"), "jürgen"),
    ],
)
def test_windows_names(text: str, user: str) -> None:
    """As Windows has them: any letters, and any case for the same account, which is written small here."""
    assert typed("kick", f"{text} win1") == Kick(user=user, hosts=("win1",))


def test_the_case_counts_on_linux() -> None:
    """There Alice and alice are two; where both kinds are named, what was typed is meant."""
    assert typed("kick", "Alice host1") == Kick(user="Alice", hosts=("host1",))
    assert typed("kick", "Alice host1,win1") == Kick(user="Alice", hosts=("host1", "win1"))


def test_quotes_in_a_reason() -> None:
    """They are part of it."""
    assert typed("kick", 'alice win1 because he said "no') == Kick(user="alice", hosts=("win1",), reason='he said "no')


@given(st.text(max_size=30))
def test_what_is_shown_can_be_typed(text: str) -> None:
    """Whatever name a look shows and people can type: the words of a request are understood as the same again."""
    name = text.lower()
    if not PLATFORMS["windows"].fits(name) or login_or_nothing(name) != name:
        return
    kick = Kick(user=name, hosts=("win1",))

    assert typed("kick", words(kick).removeprefix("/kick ")) == kick
    assert login(as_typed(name), {"windows"}) == name


def login_or_nothing(name: str) -> str:
    try:
        return login(name, {"windows"})
    except CommandError:
        return ""
