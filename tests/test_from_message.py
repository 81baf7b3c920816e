"""What a message gives to the form that is opened from it."""

from typing import Any

import pytest

from bot.slack.incoming.from_message import LONGEST_QUOTE, MOST_HOSTS, hosts_in, quote, user_in
from tests import make
from tests.stories import HOSTILE

INVENTORY = make.inventory("host1", "host2", *(f"web{n:02}" for n in range(1, 21)))


def said(text: Any) -> dict[str, Any]:
    return {"text": text}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("host1 is slow, and so is host2.", ("host1", "host2")),
        ("HOST1: host1", ("host1",)),
        ("(host1)/host2:22", ("host1", "host2")),
        ("web01.example.com is down", ("web01",)),
        ("see <http://web02.example.com|web02.example.com>", ("web02",)),
        ("host11 myhost1 host1x host1-old host1.example.org", ()),
        ("<@U0BOB> <!channel> <#C0INC|inc>", ()),
        ("", ()),
    ],
)
def test_hosts_are_found_as_words(text: str, hosts: tuple[str, ...]) -> None:
    """By name or address, each once; never as a part of another word."""
    assert hosts_in(said(text), INVENTORY) == hosts


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("host1: login of audituser, at night", "audituser"),
        ("audituser? (audituser)", "audituser"),
        ("Audituser audituser2 x-audituser", ""),
        ("audituser or bob", ""),
        ("carol", ""),
    ],
)
def test_one_login_name_is_found_as_a_word(text: str, user: str) -> None:
    """Of those who were seen there, as it is written; of two, nobody knows which one is meant."""
    assert user_in(said(text), ("audituser", "bob")) == user


def test_at_most_ten_hosts_are_taken() -> None:
    """The first ones."""
    text = " ".join(f"web{n:02}" for n in range(1, 21))
    assert len(hosts_in(said(text), INVENTORY)) == MOST_HOSTS


@pytest.mark.parametrize("message", [{}, said(None), said("x" * 1_000_000), said("<" * 100_000), said("a.-" * 90_000)])
def test_any_message_is_read(message: dict[str, Any]) -> None:
    """One without text, and a huge one, quickly."""
    assert hosts_in(message, INVENTORY) == ()
    assert len(quote(message)) <= LONGEST_QUOTE


def test_the_quote_is_plain_words_on_one_line() -> None:
    """Without Slack's markup, printable, and short."""
    text = "<@U0BOB|bob> saw\n<https://x.example/1|a login> in <#C0INC|inc> &lt;now&gt; <!subteam^S0SRE|@sre>\u202e"
    assert quote(said(text)) == "bob saw a login in inc <now> @sre\\u{202e}"
    assert quote(said(HOSTILE)).isprintable()
