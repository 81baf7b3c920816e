"""What someone may have meant: offered for words, hosts, groups and users, never acted on."""

import pytest

from bot import planning
from bot.commands import parse
from bot.errors import CommandError
from bot.models import Listing, Session, Snapshot
from bot.nearest import did_you_mean, nearest
from bot.presence import meant
from bot.slack.content.fleet import listing
from tests import make
from tests.stories import HOSTILE, check, harmless, seen

INVENTORY = make.inventory("host1", "Web01", groups=("prod",))


def refused(command: str, text: str) -> str:
    with pytest.raises(CommandError) as error:
        parse(command, text, INVENTORY)
    return error.value.for_user()


def look(*sessions: Session) -> Snapshot:
    return make.snapshot(*(sessions or make.usual_logins()))


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("auditusr", "audituser"),
        ("AUDITUSER", "audituser"),
        ("ALICE", "Alice"),
        ("zzz", ""),
        ("", ""),
        ("a" * 9999, ""),
    ],
)
def test_the_nearest_of_some_names(word: str, near: str) -> None:
    """The name as it is known, whatever the case; nothing where nothing is like it."""
    assert nearest(word, ["audituser", "Alice", "bob"]) == near


def test_a_name_from_outside_is_never_markup() -> None:
    """Who is logged in may be called anything."""
    assert not set("<>") & set(did_you_mean(HOSTILE, [HOSTILE]))
    assert did_you_mean(HOSTILE, [HOSTILE]).count("`") == 2


@pytest.mark.parametrize(
    ("command", "text", "meant"),
    [
        ("kickbot", "sesions host1", "sessions"),
        ("kickbot", "kik audituser host1", "kick"),
        ("kickbot", "hlep", "help"),
        ("kick", "audituser host1 proceses", "processes"),
        ("kick", "audituser host1 forec because INC-42", "force"),
        ("kick", "audituser host1 becuase INC-42", "because"),
        ("kick", "audituser host1 force Becuse he left because of it", "because"),
        ("kick", "audituser host1 wran 5m", "warn"),
        ("sessions", "host1 form 203.0.113.0/24", "from"),
        ("sessions", "host1 audituser kye SHA256:x", "key"),
        ("kick", "audituser hots1", "host1"),
        ("sessions", "web01", "Web01"),
        ("sessions", "@pord", "@prod"),
        ("sessions", "prod", "@prod"),
    ],
)
def test_a_slip_is_answered_with_what_may_have_been_meant(command: str, text: str, meant: str) -> None:
    """Nothing is done on a guess: a reason behind a mistyped `because` is never lost."""
    assert f"Did you mean `{meant}`?" in refused(command, text)


def test_a_word_that_is_like_nothing_gets_no_guess() -> None:
    """The usage is all that helps then."""
    assert "Did you mean" not in refused("kick", "audituser host1 frobnicate")
    assert "Did you mean" not in refused("kickbot", "dance")


def test_a_user_whose_name_is_like_a_keyword_is_a_user() -> None:
    """`/sessions host1 form` asks for someone called form."""
    assert parse("sessions", "host1 form", INVENTORY) == Listing(hosts=("host1",), user="form")
    assert parse("sessions", "host1 form from 203.0.113.7", INVENTORY).kind == "listing"


# -- users ---------------------------------------------------------------------------------------------


def test_someone_similar_who_is_logged_in() -> None:
    """One for each look, each once; Kickbot's own connection is nobody's."""
    own = make.login("99", "auditusr1", own=True)

    assert meant("auditusr", [look(), look(), make.unreachable("host2")]) == ("audituser",)
    assert meant("auditusr", [look(own)]) == ()
    assert meant("nobody-like-this", [look()]) == ()


def test_nobody_else_is_meant_where_the_account_itself_is_at_work() -> None:
    """Also where it only runs something outside of any login, or on another one of the hosts."""
    outside = make.snapshot(*make.usual_logins(), outside=(make.process(900, user="auditusr", uid=1009),))

    assert meant("auditusr", [outside]) == ()
    assert meant("auditusr", [look(), outside]) == ()


def test_a_listing_offers_who_is_there() -> None:
    """Under a filter too; not where that user has sessions."""
    assert "host1: auditusr is not logged in.* Did you mean `audituser`?" in check(
        listing(seen(look(), user="auditusr"))
    )
    assert "Did you mean `audituser`?" in check(listing(seen(look(), user="auditusr", network="192.0.2.0/24")))
    assert "Did you mean" not in check(listing(seen(look(), user="audituser")))
    assert "Did you mean" not in check(listing(seen(look())))


def test_a_listing_that_offers_a_hostile_name_does_nothing() -> None:
    """Whoever is logged in there may be called anything."""
    harmless(listing(seen(look(make.login("7", HOSTILE)), user=HOSTILE[:-1])))


def test_a_kick_with_nothing_to_end_says_who_may_have_been_meant() -> None:
    """In the note with which it closes."""
    command = make.kick(user="auditusr")
    plan = planning.make(command, [look()], make.policy())

    why = planning.why_nothing(command, plan, [look()])

    assert not plan.targets
    assert why == "auditusr is not logged in on host1. Did you mean `audituser`?"


def test_a_kick_names_at_most_three() -> None:
    """Of twenty hosts with someone else on each."""
    looks = [make.snapshot(make.login("7", f"audituser{n}"), host=f"web{n:02}") for n in range(20)]
    command = make.kick(*(each.host for each in looks), user="auditusr")

    why = planning.why_nothing(command, planning.make(command, looks, make.policy()), looks)

    assert why.endswith("Did you mean `audituser0` or `audituser1` or `audituser2`?")
