"""What the sandbox refuses in messages, metadata and views, and that it says so in Slack's words."""

from typing import Any

import pytest

from bot.sandbox import limits
from bot.sandbox.nouns import SlackError
from tests.observed import Watch

Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "words", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(**changes: Any) -> Json:
    return {"type": "button", "action_id": "approve", "text": plain("Approve"), **changes}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(**changes: Any) -> Json:
    return {"text": plain("One"), "value": "1", **changes}


def menu(kind: str = "static_select", **changes: Any) -> Json:
    return {"type": kind, "action_id": "pick", "options": [option()], **changes}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def table(*rows: list[Json], **more: Any) -> Json:
    return {"type": "table", "rows": list(rows), **more}


def rich(*parts: Json) -> Json:
    return {"type": "rich_text", "elements": list(parts)}


def preformatted(*texts: str) -> Json:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text} for text in texts]}


def confirm(**changes: Any) -> Json:
    texts = {"title": plain("Sure?"), "text": plain("Really?"), "confirm": plain("Yes"), "deny": plain("No")}
    return {**texts, **changes}


def modal(*blocks: Json, **changes: Any) -> Json:
    return {"type": "modal", "title": plain("Deny"), "submit": plain("Deny"), "blocks": list(blocks), **changes}


def question(element: Json | None = None, **changes: Any) -> Json:
    element = element or {"type": "plain_text_input", "action_id": "reason"}
    return {"type": "input", "label": plain("Reason"), "element": element, **changes}


def refusal(*blocks: Any, text: str = "fallback") -> SlackError:
    with pytest.raises(SlackError) as caught:
        limits.check_message(text, list(blocks), [])
    return caught.value


REFUSED = {
    "section over 3000": (section("x" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    "section empty": (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    "section with nothing": ({"type": "section"}, "missing required field: text or fields [json-pointer:/blocks/0]"),
    "section with a bare string": (
        {"type": "section", "text": "hi"},
        "must provide an object [json-pointer:/blocks/0/text]",
    ),
    "11 fields": (
        {"type": "section", "fields": [mrkdwn("x")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
    ),
    "field over 2000": (
        {"type": "section", "fields": [mrkdwn("x" * 2001)]},
        "must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]",
    ),
    "header over 150": (
        {"type": "header", "text": plain("x" * 151)},
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]",
    ),
    "11 context elements": (
        {"type": "context", "elements": [mrkdwn("x")] * 11},
        "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "26 buttons": (
        actions(*(button(action_id=f"a{n}") for n in range(26))),
        "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
    ),
    "button text over 75": (
        actions(button(text=plain("x" * 76))),
        "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
    ),
    "button value over 2000": (
        actions(button(value="x" * 2001)),
        "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
    ),
    "button url over 3000": (
        actions(button(url="https://" + "x" * 3000)),
        "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
    ),
    "button with mrkdwn": (
        actions(button(text=mrkdwn("x"))),
        "must be one of: 'plain_text' [json-pointer:/blocks/0/elements/0/text/type]",
    ),
    "button in a made-up style": (
        actions(button(style="green")),
        "must be one of: 'primary' or 'danger' [json-pointer:/blocks/0/elements/0/style]",
    ),
    "action_id over 255": (
        actions(button(action_id="x" * 256)),
        "must be less than 256 characters [json-pointer:/blocks/0/elements/0/action_id]",
    ),
    "null instead of nothing": (
        actions(button(style=None)),
        "must not be null [json-pointer:/blocks/0/elements/0/style]",
    ),
    "unknown block": ({"type": "tabel"}, "unsupported type: tabel [json-pointer:/blocks/0/type]"),
    "block without type": ({}, "missing required field: type [json-pointer:/blocks/0]"),
    "unknown field": (
        section(colour="red"),
        "invalid additional property: colour [json-pointer:/blocks/0]",
    ),
    "element in the wrong block": (
        actions({"type": "plain_text_input", "action_id": "a"}),
        "unsupported type: plain_text_input [json-pointer:/blocks/0/elements/0/type]",
    ),
    "actions without elements": ({"type": "actions"}, "missing required field: elements [json-pointer:/blocks/0]"),
    "markdown over 12000": (
        {"type": "markdown", "text": "x" * 12001},
        "must be less than 12001 characters [json-pointer:/blocks/0/text]",
    ),
    "101 rows": (table(*[[cell()]] * 101), "no more than 100 items allowed [json-pointer:/blocks/0/rows]"),
    "21 cells": (table([cell()] * 21), "no more than 20 items allowed [json-pointer:/blocks/0/rows/0]"),
    "empty cell": (table([cell("")]), "must be more than 0 characters [json-pointer:/blocks/0/rows/0/0/text]"),
    "cell of mrkdwn": (table([mrkdwn("x")]), "unsupported type: mrkdwn [json-pointer:/blocks/0/rows/0/0/type]"),
    "cells over 10000 in all": (
        table(*[[cell("x" * 500)]] * 21),
        "must be less than 10001 characters in all cells [json-pointer:/blocks]",
    ),
    "empty rich text": (
        rich(preformatted("")),
        "must be more than 0 characters [json-pointer:/blocks/0/elements/0/elements/0/text]",
    ),
    "rich text outside of a section": (
        rich({"type": "text", "text": "x"}),
        "unsupported type: text [json-pointer:/blocks/0/elements/0/type]",
    ),
    "confirm text over 300": (
        actions(button(confirm=confirm(text=plain("x" * 301)))),
        "must be less than 301 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
    ),
    "101 options": (
        section(accessory=menu(options=[option(value=str(n)) for n in range(101)])),
        "no more than 100 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
    "option text over 75": (
        section(accessory=menu(options=[option(text=plain("x" * 76))])),
        "must be less than 76 characters [json-pointer:/blocks/0/accessory/options/0/text/text]",
    ),
    "option value over 150": (
        section(accessory=menu(options=[option(value="x" * 151)])),
        "must be less than 151 characters [json-pointer:/blocks/0/accessory/options/0/value]",
    ),
    "menu without options": (
        section(accessory={"type": "static_select", "action_id": "a"}),
        "must provide exactly one of: options, option_groups [json-pointer:/blocks/0/accessory]",
    ),
    "overflow of six": (
        section(accessory=menu("overflow", options=[option(value=str(n)) for n in range(6)])),
        "no more than 5 items allowed [json-pointer:/blocks/0/accessory/options]",
    ),
}


@pytest.mark.parametrize(("block", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_one_bad_block_is_refused_where_it_is_bad(block: Json, said: str) -> None:
    """Slack names the rule and points at the place."""
    error = refusal(block)

    assert error.error == "invalid_blocks"
    assert error.to_slack()["response_metadata"]["messages"] == [f"[ERROR] {said}"]


TAKEN = {
    "section at its limits": section("x" * 3000, block_id="b" * 255),
    "ten fields": {"type": "section", "fields": [mrkdwn("x" * 900)] * 10},
    "header": {"type": "header", "text": plain("x" * 150)},
    "divider": {"type": "divider"},
    "context": {"type": "context", "elements": [mrkdwn("a"), plain("b")] * 5},
    "25 buttons": actions(*(button(action_id=f"a{n}", style="primary") for n in range(25))),
    "button with all": actions(button(value="x" * 2000, url="https://x.test", confirm=confirm(style="danger"))),
    "menus": actions(menu(), menu("overflow", action_id="more"), menu("radio_buttons", action_id="one")),
    "grouped menu": section(
        accessory={
            "type": "static_select",
            "action_id": "a",
            "option_groups": [{"label": plain("host1"), "options": [option()]}],
        }
    ),
    "multi menu": section(accessory=menu("multi_static_select", max_selected_items=3)),
    "table": table([cell()] * 20, *[[cell()] * 20] * 99),
    "table of rich text": table([rich({"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]})]),
    "rich text": rich(
        preformatted("ps -ef\n<!channel>"),
        {"type": "rich_text_quote", "elements": [{"type": "user", "user_id": "U0BOB"}]},
        {"type": "rich_text_list", "style": "ordered", "elements": []},
        {
            "type": "rich_text_section",
            "elements": [
                {"type": "text", "text": "bold", "style": {"bold": True}},
                {"type": "link", "url": "https://x.test", "text": "there"},
                {"type": "usergroup", "usergroup_id": "S0SRE"},
                {"type": "date", "timestamp": 1700000000, "format": "{time}", "fallback": "now"},
                {"type": "emoji", "name": "wave"},
            ],
        },
    ),
    "markdown": {"type": "markdown", "text": "x" * 12000},
    "input": question(hint=plain("why"), optional=True),
}


@pytest.mark.parametrize("block", TAKEN.values(), ids=TAKEN.keys())
def test_what_slack_takes_is_taken(block: Json) -> None:
    """A block within its limits passes, up to the last character."""
    limits.check_message("fallback", [block], [])


def test_a_table_may_skip_a_column(watch: Watch) -> None:
    """In the sandbox; Slack's published types know no null there, so a message of the bot may not."""
    limits.check_message("fallback", [table([cell(), cell()], column_settings=[None, {"align": "right"}])], [])

    assert "column_settings[0] must be object" in watch.take()[0]


def test_the_51st_block_is_one_too_many() -> None:
    """A message has 50 blocks at most."""
    limits.check_message("fallback", [{"type": "divider"}] * 50, [])

    error = refusal(*[{"type": "divider"}] * 51)

    assert error.messages == ("[ERROR] no more than 50 items allowed [json-pointer:/blocks]",)


def test_only_one_table_in_a_message() -> None:
    """Slack has a code of its own for the second table."""
    error = refusal(table([cell()]), table([cell()]))

    assert (error.error, error.messages) == ("invalid_attachments", ("[ERROR] only_one_table_allowed",))


def test_many_good_blocks_can_be_too_long_together() -> None:
    """Slack bounds the size of all blocks of a message, but not those of a response_url."""
    blocks = [section("x" * 2900)] * 5

    assert refusal(*blocks).error == "msg_blocks_too_long"
    limits.check_message("fallback", blocks, [], bounded=False)


def test_a_block_id_is_unique_in_its_message() -> None:
    """The second block with the same block_id is refused."""
    error = refusal(section(block_id="b"), section(block_id="b"))

    assert error.messages == ("[ERROR] block_id 'b' already exists [json-pointer:/blocks]",)


def test_an_action_id_is_unique_in_its_block_only() -> None:
    """The same button may stand in every row of a list, not twice in one row."""
    limits.check_message("fallback", [actions(button()), actions(button())], [])

    error = refusal(actions(button(), button()))

    assert error.messages == ("[ERROR] action_id 'approve' already exists [json-pointer:/blocks/0/elements]",)


@pytest.mark.parametrize("blocks", ["[]", {"type": "divider"}, ["divider"]])
def test_blocks_must_be_a_list_of_objects(blocks: Any) -> None:
    """Anything else is a format error, before the rules of blocks are looked at."""
    with pytest.raises(SlackError, match="invalid_blocks_format"):
        limits.check_message("fallback", blocks, [])


def test_a_message_says_something() -> None:
    """No text, no blocks, no attachments: no message."""
    with pytest.raises(SlackError, match="no_text"):
        limits.check_message(" ", [], [])


def test_a_text_over_40000_is_refused() -> None:
    """Where Slack would cut silently, the sandbox says so."""
    limits.check_message("x" * 40_000, [], [])

    with pytest.raises(SlackError, match="msg_too_long"):
        limits.check_message("x" * 40_001, [], [])


def test_blocks_inside_attachments_are_checked_too() -> None:
    """An attachment is no way around the limits."""
    with pytest.raises(SlackError) as caught:
        limits.check_message("fallback", [], [{"color": "#ff0000", "blocks": [section("x" * 3001)]}])

    assert caught.value.messages[0].endswith("[json-pointer:/attachments/0/blocks/0/text/text]")
    with pytest.raises(SlackError, match="too_many_attachments"):
        limits.check_message("fallback", [], [{}] * 101)


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ("text", "invalid_metadata_format"),
        ({"event_type": "x"}, "invalid_metadata_format"),
        ({"event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "no spaces", "event_payload": {}}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {}, "more": 1}, "invalid_metadata_format"),
        ({"event_type": "x", "event_payload": {"a": None}}, "invalid_metadata_schema"),
        ({"event_type": "x", "event_payload": {"a": "x" * 8000}}, "metadata_too_large"),
    ],
)
def test_metadata_has_a_type_and_a_payload(metadata: Any, code: str) -> None:
    """Each mistake in metadata has its own code."""
    with pytest.raises(SlackError, match=code):
        limits.check_metadata(metadata)


def test_good_metadata_passes() -> None:
    """Text, numbers, objects and lists of objects are fine."""
    payload = {"n": 1, "of": {"b": "c"}, "hosts": [{"name": "a"}]}
    limits.check_metadata({"event_type": "kickbot.event", "event_payload": payload})


def test_metadata_may_have_a_list_of_texts(watch: Watch) -> None:
    """In the sandbox; Slack's published types know lists of objects only, so a message of the bot may not."""
    limits.check_metadata({"event_type": "kickbot.event", "event_payload": {"hosts": ["a"]}})

    assert "event_payload.hosts cannot be validated" in watch.take()[0]


VIEWS = {
    "title over 24": (modal(title=plain("x" * 25)), "must be less than 25 characters [json-pointer:/view/title/text]"),
    "no title": ({"type": "modal", "blocks": []}, "missing required field: title [json-pointer:/view]"),
    "101 blocks": (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/view/blocks]"),
    "private_metadata over 3000": (
        modal(private_metadata="x" * 3001),
        "must be less than 3001 characters [json-pointer:/view/private_metadata]",
    ),
    "callback_id over 255": (
        modal(callback_id="x" * 256),
        "must be less than 256 characters [json-pointer:/view/callback_id]",
    ),
    "a question without submit": (
        {"type": "modal", "title": plain("Deny"), "blocks": [question()]},
        "missing required field: submit [json-pointer:/view]",
    ),
    "a table": (modal(table([cell()])), "unsupported type: table [json-pointer:/view/blocks/0/type]"),
    "a home": ({"type": "home", "blocks": []}, "must be of type: modal [json-pointer:/view/type]"),
    "no view at all": ("modal", "must provide an object [json-pointer:/view]"),
}


@pytest.mark.parametrize(("view", "said"), VIEWS.values(), ids=VIEWS.keys())
def test_a_bad_modal_is_refused_as_invalid_arguments(view: Any, said: str) -> None:
    """Slack has one code for all mistakes in views, and explains."""
    with pytest.raises(SlackError) as caught:
        limits.check_view(view, "modal")

    assert (caught.value.error, caught.value.messages) == ("invalid_arguments", (f"[ERROR] {said}",))


def test_a_home_has_no_title() -> None:
    """A Home tab with a modal's fields is refused; a plain one passes with 100 blocks."""
    limits.check_view({"type": "home", "blocks": [{"type": "divider"}] * 100}, "home")

    with pytest.raises(SlackError) as caught:
        limits.check_view({"type": "home", "title": plain("x"), "blocks": []}, "home")

    assert caught.value.messages == ("[ERROR] invalid additional property: title [json-pointer:/view]",)
