"""The form for a kick as a value: what it shows, and what is read from it when it comes back."""

from typing import Any

import pytest

from bot.errors import CommandError
from bot.models import Act, Kick
from bot.sandbox import elements, forms, limits
from bot.slack.content.kick_form import (
    HINTS,
    HOSTS,
    KEEP_OUT,
    LEVEL,
    REASON,
    SESSIONS,
    USER,
    WARN,
    Choice,
    Filled,
    Known,
    Shown,
    can_choose,
    choices,
    form,
)
from bot.slack.content.lines import line, told
from bot.slack.incoming.kick_filled import (
    ALL_OR_NOTHING,
    NONE_TICKED,
    Mistakes,
    as_it_stands,
    command,
    demands_reason,
    filled_in,
    strays,
)
from tests import make
from tests.published import complaint
from tests.stories import HOSTILE

INVENTORY = make.inventory("host1", "host2", "web01", "web02")
KNOWN = Known(channel="C0INCIDENT")
CHOSEN = Filled(hosts=("host1",), user="audituser")
TWO = (Choice(value="host1:7", text="session 7", about="pts/3"), Choice(value="host1:9", text="session 9", about="-"))


def shown(filled: Filled = CHOSEN, says: Shown | None = None, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """The form as Slack would send it back, once these fields were filled in."""
    view = form(KNOWN, filled, says or Shown(listed=TWO, turn="1"))
    limits.check_view(view, "modal")
    assert complaint("Modal", view) == ""
    state = forms.state(elements.identified(view["blocks"]), values or {}, partly=True)
    return {**view, "blocks": list(elements.identified(view["blocks"])), "state": {"values": state}}


def words(filled: Filled) -> str:
    return command(filled, INVENTORY)[0]


# -- what is read is what was shown --------------------------------------------------------------------


@pytest.mark.parametrize(
    "filled",
    [
        CHOSEN,
        Filled(hosts=("host1", "web[01-02]", "@prod"), user="audituser"),
        CHOSEN.model_copy(update={"processes": True, "force": True, "warn": "15m"}),
        CHOSEN.model_copy(update={"reason": "a\nb"}),
    ],
)
def test_what_is_filled_in_stays(filled: Filled) -> None:
    """Each version of the form shows what the one before it had."""
    block = f"{SESSIONS}:1"
    read = filled_in(shown(filled=filled))
    assert read == filled.model_copy(
        update={"ticked": ("host1:7", "host1:9"), "listed": ("host1:7", "host1:9"), "block": block}
    )


def test_an_empty_form_is_nothing_filled_in() -> None:
    """And carries only where it came from."""
    view = shown(filled=Filled(), says=Shown())
    assert filled_in(view) == Filled()
    assert Known.of(view) == KNOWN


def test_ticks_stay_where_the_sessions_do() -> None:
    """With the hints beside them, and none ticked may be no list of initial options."""
    says = Shown(listed=TWO, turn="1", hints=(line("audituser is not logged in on host2."),))
    view = shown(says=says, values={SESSIONS: ["host1:9"]})
    kept = as_it_stands(view, filled_in(view))
    assert [block["block_id"] for block in kept] == [HINTS, f"{SESSIONS}:1"]
    assert [o["value"] for o in kept[1]["element"]["initial_options"]] == ["host1:9"]
    view = shown(says=says, values={SESSIONS: []})
    assert "initial_options" not in as_it_stands(view, filled_in(view))[1]["element"]


def test_another_list_is_another_block() -> None:
    """Else Slack would carry the ticks of one list into the next."""
    first, second = (form(KNOWN, CHOSEN, Shown(listed=TWO, turn=turn)) for turn in ("1", "2"))
    assert {b.get("block_id") for b in first["blocks"]} & {b.get("block_id") for b in second["blocks"]} == {
        HOSTS,
        USER,
        LEVEL,
        WARN,
        KEEP_OUT,
        REASON,
    }


@pytest.mark.parametrize("metadata", ["", "x", "[]", "{}", '{"channel": 7}', '{"channel": "C0", "more": 1}'])
def test_a_form_of_nobody_is_refused(metadata: str) -> None:
    """What it carries was not written by Kickbot."""
    with pytest.raises(CommandError):
        Known.of({"private_metadata": metadata})


# -- what it shows -------------------------------------------------------------------------------------


def test_hostile_words_are_only_words() -> None:
    """In names, hints and reasons, and however long they are."""
    listed = (Choice(value="host1:7", text=HOSTILE * 9, about=HOSTILE * 9),)
    says = Shown(listed=listed, turn="1", hints=(line(HOSTILE),), trouble=(told(HOSTILE),), approvers=("U0BOB",))
    view = shown(filled=Filled(hosts=(HOSTILE,), user=HOSTILE, reason=HOSTILE * 100), says=says)
    texts = [e for b in view["blocks"] for e in (b.get("element", {}).get("options") or [])]
    assert {option["text"]["type"] for option in texts} == {"plain_text"}
    assert not any(option["text"]["emoji"] for option in texts)


def test_what_does_not_fit_into_the_form_is_left_out() -> None:
    """A choice that Slack would not carry back, and more hosts than it takes along."""
    shown(filled=Filled(hosts=("x" * 76, *(f"h{n}" for n in range(30))), user="x" * 76), says=Shown())


def test_up_to_ten_sessions_are_checkboxes() -> None:
    """Then a menu; beyond a hundred, or with an id too long, nothing can be chosen."""
    many = [Choice(value=f"host1:{n}", text=f"session {n}", about="-") for n in range(101)]
    kinds = {n: _kind(form(KNOWN, CHOSEN, Shown(listed=tuple(many[:n]), turn="1"))) for n in (0, 1, 10, 11, 100, 101)}
    assert kinds == {
        0: "",
        1: "checkboxes",
        10: "checkboxes",
        11: "multi_static_select",
        100: "multi_static_select",
        101: "",
    }
    assert not can_choose([Choice(value="h" * 80, text="x", about="-")])
    shown(says=Shown(listed=tuple(many[:100]), turn="1"))


def _kind(view: dict[str, Any]) -> str:
    found = (b["element"]["type"] for b in view["blocks"] if b.get("block_id", "").startswith(f"{SESSIONS}:"))
    return next(found, "")


def test_kickbots_own_connection_is_no_choice() -> None:
    """Nor is anyone else's session."""
    look = make.snapshot(make.login("1", own=True), make.login("7"), make.login("12", "alice"))
    assert [choice.value for choice in choices("audituser", (look, make.unreachable("host2")))] == ["host1:7"]


# -- as a command --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "typed"),
    [
        ({}, "audituser host1"),
        ({"ticked": ("host1:9", "host1:7")}, "audituser host1"),
        ({"ticked": ("host1:9",)}, "audituser host1 session 9"),
        ({"ticked": ("host1:9",), "listed": ()}, "audituser host1 session 9"),
        ({"hosts": ("host1", "web[01-02]")}, "audituser host1,web[01-02]"),
        ({"hosts": ("host1", "host2"), "ticked": ("host1:9",)}, "audituser host1,host2 session host1:9"),
        ({"processes": True, "force": True, "warn": "1h"}, "audituser host1 processes force warn 1h"),
        ({"reason": " INC-42\n laptop  because "}, "audituser host1 because INC-42 laptop because"),
        ({"reason": "\n "}, "audituser host1"),
    ],
)
def test_the_words_are_those_that_one_would_type(change: dict[str, Any], typed: str) -> None:
    """All sessions ticked means all, as without a word about them."""
    both = ("host1:7", "host1:9")
    assert words(CHOSEN.model_copy(update={"listed": both, "ticked": both, **change})) == typed


def test_a_full_form_is_understood() -> None:
    """As typing it would be."""
    filled = Filled(hosts=("host1",), user="audituser", force=True, warn="5m", reason="INC-42")
    assert command(filled, INVENTORY)[1] == Kick(
        user="audituser", hosts=("host1",), force=True, warn=300, reason="INC-42"
    )


def test_a_name_with_spaces() -> None:
    """Where a host has such names it is one, and is typed in quotes; on Linux it is none."""
    inventory = make.with_windows(INVENTORY, "win1")
    filled = Filled(hosts=("win1",), user="Jürgen Müller")

    assert command(filled, inventory) == ('"Jürgen Müller" win1', Kick(user="jürgen müller", hosts=("win1",)))
    with pytest.raises(Mistakes) as wrong:
        command(filled.model_copy(update={"hosts": ("win1", "host1")}), inventory)
    assert list(wrong.value.fields) == [USER]


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"hosts": ()}, HOSTS, "empty name"),
        ({"hosts": ("hots1",)}, HOSTS, "Did you mean `host1`?"),
        ({"hosts": ("host1 session 7",)}, HOSTS, "not a host name"),
        ({"hosts": ("host1", "web[01-02]" * 30)}, HOSTS, "too long"),
        ({"user": ""}, USER, "not a login name"),
        ({"user": "a b"}, USER, "not a login name"),
        ({"user": "help"}, USER, "one of the command's own"),
        ({"user": "because"}, USER, "one of the command's own"),
        ({"user": "everyone"}, USER, "not for a form"),
        ({"ticked": ()}, "block", NONE_TICKED),
        ({"ticked": ("x y",)}, "block", "not a session id"),
        ({"ticked": ("host1:7",), "processes": True}, "block", ALL_OR_NOTHING),
        ({"warn": "5m force"}, WARN, "one of the times"),
        ({"warn": "2m"}, WARN, "one of the times"),
        ({"hold": "2h force"}, KEEP_OUT, "one of the times"),
        ({"hold": "3h"}, KEEP_OUT, "one of the times"),
        ({"reason": "x" * 5_000}, REASON, "too long"),
    ],
)
def test_a_mistake_stands_at_its_field(change: dict[str, Any], field: str, said: str) -> None:
    """Whatever came back, and nothing is understood by half."""
    both = {"listed": ("host1:7", "host1:9"), "ticked": ("host1:7", "host1:9"), "block": "block"}
    with pytest.raises(Mistakes) as wrong:
        words(CHOSEN.model_copy(update=both | change))
    assert list(wrong.value.fields) == [field]
    assert said in wrong.value.fields[field]


def test_a_reason_is_demanded_where_the_deciding_rule_demands_it() -> None:
    """The first rule that fits, for people before the system's accounts; and one act's rule is enough."""
    lax, strict = make.rule(), make.rule(hosts={"host2"}, reason=True)
    force = make.rule(acts={Act.FORCE}, reason=True)
    policy = make.policy(lax, strict, force)
    assert demands_reason(policy, make.kick("host1")) == ""
    assert demands_reason(policy, make.kick("host1", "host2")) == "host2"
    assert demands_reason(policy, make.kick("host1", force=True)) == "host1"
    assert demands_reason(policy, make.kick("host9")) == ""


@pytest.mark.parametrize(
    ("ticked", "hosts", "stray"),
    [
        (("host1:7",), ("host1",), False),
        (("host1:7",), ("host2",), True),
        (("host1:7", "host2:9"), ("host1",), True),
        ((), ("host2",), False),
    ],
)
def test_a_session_that_is_ticked_on_another_host_is_seen(
    ticked: tuple[str, ...], hosts: tuple[str, ...], stray: bool
) -> None:
    """The hosts were changed, and the list still shows the sessions of the earlier choice: never another one's 7."""
    filled = Filled(hosts=hosts, user="audituser", ticked=ticked)
    assert strays(filled, make.kick(*hosts)) is stray
