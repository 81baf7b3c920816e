"""The listing under a filter, with keys and owners."""

from typing import Any

from bot.models import Session, Snapshot
from bot.slack.content.fleet import listing
from tests.fakes import FakeHosts
from tests.make import login
from tests.stories import HOSTILE, check, harmless, seen

KEY = "SHA256:3fQ8aZkLmNopQrStUvWxYz0123456789abcdefghijk"
OTHER = "SHA256:ZZZ8aZkLmNopQrStUvWxYz0123456789abcdefghijk"


def look(*sessions: Session) -> Snapshot:
    return FakeHosts(host1=sessions)["host1"].snapshot()


def keyed(id: str = "7", user: str = "audituser", **changes: Any) -> Session:  # noqa: A002 - the session's own word
    return login(id, user, **{"leader": 100 * int(id), "key": KEY, "key_source": "journal", **changes})


def test_a_key_is_short_in_the_table_and_whole_below_it() -> None:
    """To be copied for `key SHA256:…`."""
    said = check(listing(seen(look(keyed(), keyed("9"), keyed("11", key=OTHER), login("12")))))
    assert "203.0.113.10, key 3fQ8aZkLmNop… · pts/3" in said
    assert f"Sessions 7, 9: key `{KEY}`" in said
    assert f"Session 11: key `{OTHER}`" in said


def test_a_certificate_stands_for_its_key() -> None:
    """By its id; what the session's own environment says is marked as such."""
    said = check(listing(seen(look(keyed(certificate="alice@corp", key_source="environment")))))
    assert "203.0.113.10, certificate alice@corp (by its environment)" in said
    assert f"key `{KEY}`, certificate `alice@corp` (by the session's own environment, which its user can write)" in said


def test_a_filter_shows_what_fits_and_names_itself() -> None:
    """Sessions whose key nobody knows are left out, and counted."""
    host = look(keyed(), keyed("9", key=OTHER), login("12"))
    said = check(listing(seen(host, user="audituser", key=KEY)))
    assert "host1: 1 session of audituser with that key" in said
    assert "9 · audituser" not in said
    assert "host1: the key of 1 more session isn't known: it is not shown" in said


def test_nothing_under_a_filter_is_not_nobody() -> None:
    """The heading names the filter."""
    host = look(keyed(), login("9", remote=""))
    said = check(listing(seen(host, user="audituser", key="SHA256:other")))
    assert "host1: no session of audituser with that key." in said
    said = check(listing(seen(host, network="198.51.100.0/24")))
    assert "host1: no session from 198.51.100.0/24." in said
    assert "the address of 1 more session isn't known" in said


def test_owners_are_named_below_the_table() -> None:
    """Only of the accounts that are shown; by name, since a listing must not call the people that it lists."""
    owners = {"bob": ("Bob",), "deploy": ("Bob", "Carol")}
    said = check(listing(seen(look(keyed(user="bob"), keyed("9", "deploy")), owners=owners)))
    assert "The account bob belongs to Bob, deploy belongs to Bob and Carol." in said
    assert "<@" not in said
    said = check(listing(seen(look(keyed(user="bob"), keyed("9", "deploy")), owners=owners, user="bob")))
    assert "deploy" not in said


def test_many_keys_are_cut_and_say_so() -> None:
    """Two hundred people with a key each."""
    sessions = [keyed(str(n), key=f"SHA256:{n:043d}") for n in range(200)]
    said = check(listing(seen(look(*sessions))))
    assert "180 more keys did not fit here: name a user to see fewer." in said


def test_hostile_keys_do_nothing() -> None:
    """A certificate's id is whatever someone wrote."""
    harmless(listing(seen(look(keyed(key=HOSTILE, certificate=HOSTILE, user=HOSTILE)), owners={HOSTILE: (HOSTILE,)})))
