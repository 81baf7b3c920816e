"""What the bot sends is checked against Slack's own published types, and one wrong block makes a run of tests fail."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from tests.observed import Watch
from tests.published import SCHEMA, Root, complaint

pytest_plugins = ["pytester"]

Json = dict[str, Any]
FOLDER = SCHEMA.parent
CONFTEST = Path(__file__).parent / "conftest.py"


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


HEADER = {"type": "header", "text": plain("host1: 3 sessions")}
DIVIDER = {"type": "divider"}
OPTION = {"text": plain("host1"), "value": "host1"}

RIGHT: dict[Root, Any] = {
    "Blocks": [HEADER, DIVIDER],
    "Modal": {"type": "modal", "title": plain("Deny"), "blocks": [HEADER]},
    "Home": {"type": "home", "blocks": [HEADER]},
    "Metadata": {"event_type": "kickbot", "event_payload": {"request": 1, "part": "parent"}},
}

WRONG: dict[str, tuple[Json, str]] = {
    "no such block": ({"type": "heading", "text": plain("x")}, "[0].type must be one of"),
    "no type": ({"text": plain("x")}, "[0] must contain ['type'] properties"),
    "a field is missing": ({"type": "header"}, "[0] must contain ['text'] properties"),
    "an unknown field": (HEADER | {"colour": "red"}, "[0] must not contain {'colour'} properties"),
    "markup in a heading": (
        {"type": "header", "text": {"type": "mrkdwn", "text": "x"}},
        "[0].text.type must be same as const definition: plain_text",
    ),
    "a text for an object": ({"type": "header", "text": "x"}, "[0].text must be object"),
    "too long": ({"type": "header", "text": plain("x" * 151)}, "[0].text.text must be shorter than or equal to 150"),
    "a wrong element": (
        {"type": "actions", "elements": [{"type": "plain_text_input", "action_id": "a"}]},
        "[0].elements[0].type must be one of",
    ),
    "an option deep inside": (
        {
            "type": "section",
            "text": plain("x"),
            "accessory": {"type": "static_select", "options": [OPTION | {"value": 7}]},
        },
        "[0].accessory.options[0].value must be string",
    ),
}


@pytest.mark.parametrize(("root", "value"), RIGHT.items())
def test_what_is_right_passes(root: Root, value: Any) -> None:
    """A message, a form, a Home view and a message's metadata."""
    assert complaint(root, value) == ""


@pytest.mark.parametrize("place", ["Blocks", "Modal", "Home"])
@pytest.mark.parametrize(("block", "said"), WRONG.values(), ids=WRONG.keys())
def test_one_wrong_block_is_named(place: Root, block: Json, said: str) -> None:
    """In a message, a form and on Home, among right ones, with its place and the rule."""
    blocks = [block, HEADER]
    value = blocks if place == "Blocks" else RIGHT[place] | {"blocks": blocks}

    assert f"{place}{'' if place == 'Blocks' else '.blocks'}{said}" in complaint(place, value)


@pytest.mark.parametrize(
    ("root", "change", "said"),
    [
        ("Modal", {"title": plain("x" * 25)}, "Modal.title.text must be shorter than or equal to 24 characters"),
        ("Modal", {"titel": plain("x")}, "Modal must not contain {'titel'} properties"),
        ("Modal", {"type": "home"}, "Modal.type must be same as const definition: modal"),
        ("Modal", {"blocks": [DIVIDER] * 101}, "Modal.blocks must contain less than or equal to 100 items"),
        ("Home", {"title": plain("x")}, "Home must not contain {'title'} properties"),
        ("Home", {"private_metadata": "x" * 3001}, "Home.private_metadata must be shorter than or equal to 3000"),
        ("Metadata", {"event_payload": {"a": None}}, "Metadata.event_payload.a cannot be validated"),
    ],
)
def test_what_stands_around_the_blocks_counts_too(root: Root, change: Json, said: str) -> None:
    """A view's own fields and a message's metadata."""
    assert said in complaint(root, RIGHT[root] | change)


def test_a_message_has_fifty_blocks_at_most() -> None:
    """A form and Home have a hundred."""
    assert complaint("Blocks", [DIVIDER] * 50) == ""
    assert "less than or equal to 50 items" in complaint("Blocks", [DIVIDER] * 51)


# -- every test is watched ---------------------------------------------------------------------


async def test_what_the_sandbox_takes_is_judged(client: AsyncWebClient, watch: Watch) -> None:
    """The sandbox takes an option's value of 150 characters, Slack's types no more than 75."""
    wide = OPTION | {"value": "x" * 76}
    menu = {"type": "section", "text": plain("x"), "accessory": {"type": "overflow", "options": [wide]}}
    await client.chat_postMessage(channel="C0INC4711", text="fallback", blocks=[menu])

    assert "Blocks[0].accessory.options[0].value must be shorter than or equal to 75 characters" in watch.take()[0]


async def test_what_the_sandbox_refuses_is_not_judged(client: AsyncWebClient, watch: Watch) -> None:
    """Nobody ever sees it."""
    before = watch.judged.copy()
    with pytest.raises(Exception, match="invalid_blocks"):
        await client.chat_postMessage(channel="C0INC4711", text="fallback", blocks=[{"type": "heading"}])

    assert watch.judged == before


def test_one_wrong_block_fails_the_test_that_sent_it(pytester: pytest.Pytester, watch: Watch) -> None:
    """The conftest of all tests sees to it, and says what is wrong; the next test is not blamed."""
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    pytester.makepyfile(
        """
        from bot.sandbox import limits

        def send(length):
            options = [{"text": {"type": "plain_text", "text": "x"}, "value": "x" * length}]
            menu = {"type": "actions", "elements": [{"type": "overflow", "options": options}]}
            limits.check_message("fallback", [menu], [])

        def test_wrong():
            send(76)

        def test_right():
            send(75)
        """
    )
    result = pytester.runpytest_inprocess("-o", "asyncio_default_fixture_loop_scope=function")
    watch.take()

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*ERROR at teardown of test_wrong*", "*against Slack's published types:*", "*value*75*"]
    )


# -- the copy of the types ---------------------------------------------------------------------


def test_the_note_names_what_the_types_were_made_from() -> None:
    """Names, versions and hashes in the note are those of the lock."""
    note = (FOLDER / "README.md").read_text(encoding="utf-8")
    locked = json.loads((FOLDER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"].items():
        package = locked[f"node_modules/{name}"]
        assert package["version"] == version
        assert re.search(rf"`{name}` +\| {version} +\| `{re.escape(package['integrity'])}`", note)


def test_every_length_that_is_checked_comes_from_slack() -> None:
    """A few of the lengths that stand only in the comments of Slack's types, so that a new version can't lose them."""
    defined = json.loads(SCHEMA.read_text(encoding="utf-8"))["definitions"]
    fields = {name: shape.get("properties", {}) for name, shape in defined.items()}

    assert fields["Button"]["value"]["maxLength"] == 2000
    assert fields["ActionsBlock"]["elements"]["maxItems"] == 25
    assert fields["MarkdownBlock"]["text"]["maxLength"] == 12000
    assert fields["TableBlock"]["rows"]["maxItems"] == 100
    assert fields["TableBlock"]["rows"]["items"]["maxItems"] == 20
    assert fields["SectionBlock"]["fields"]["items"]["allOf"][1]["properties"]["text"]["maxLength"] == 2000
    assert fields["ConfirmationDialog"]["text"]["allOf"][1]["properties"]["text"]["maxLength"] == 300
    assert fields["ManifestSlashCommand"]["command"]["maxLength"] == 32
