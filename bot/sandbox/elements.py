"""Interactive elements inside blocks: gives them the ids that Slack gives, and finds the one that a person pressed.

Pure. What it gives ids to has been checked by `limits` before.
"""

import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from bot.sandbox.nouns import Json, Noun

MENUS = {"static_select": "option", "overflow": "option", "radio_buttons": "option", "external_select": "option"}
MENUS |= {"multi_static_select": "options", "checkboxes": "options", "multi_external_select": "options"}
PICKERS = {"users_select": "user", "conversations_select": "conversation", "channels_select": "channel"}
PICKERS |= {"multi_users_select": "users", "multi_conversations_select": "conversations"}
PICKERS |= {"multi_channels_select": "channels", "datepicker": "date", "timepicker": "time"}
PICKERS |= {"datetimepicker": "date_time"}
TEXTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input"})
INTERACTIVE = frozenset({"button", "workflow_button", "file_input", *MENUS, *PICKERS, *TEXTS})


class Place(Noun):
    """One interactive element and the block that holds it."""

    block: Json
    element: Json


class NotThereError(LookupError):
    """The person can't press or choose that: it is not on their screen."""


def identified(blocks: Iterable[Json]) -> tuple[Json, ...]:
    """The same blocks, with a block_id and an action_id wherever the app gave none."""
    return tuple({"block_id": secrets.token_hex(3), **_with_action_ids(block)} for block in blocks)


def _with_action_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_action_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    filled = {key: _with_action_ids(item) for key, item in value.items()}
    return {"action_id": secrets.token_hex(3), **filled} if value.get("type") in INTERACTIVE else filled


def places(blocks: Iterable[Json]) -> Iterator[Place]:
    for block in blocks:
        held = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        yield from (Place(block=block, element=e) for e in held if e and e.get("type") in INTERACTIVE)


def find(blocks: Iterable[Json], action_id: str, block_id: str | None = None, value: str | None = None) -> Place:
    """The element with that action_id; `block_id` or `value` tells apart several in different blocks."""
    same = [p for p in places(blocks) if p.element["action_id"] == action_id]
    same = [p for p in same if block_id in {None, p.block["block_id"]}]
    exact = [p for p in same if p.element["type"] != "button" or value in {None, p.element.get("value")}]
    if not exact:
        raise NotThereError(f"there is no {action_id!r} to press here")
    return exact[0]


def options(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped]


def option(element: Json, value: str) -> Json:
    for candidate in options(element):
        if candidate["value"] == value:
            return candidate
    raise NotThereError(f"the menu has no option {value!r}")


def chosen(element: Json, value: Any) -> Json:
    """The state of one element after the person gave it `value`, in the words of Slack's payloads."""
    kind = element["type"]
    if kind in MENUS and kind.startswith(("multi_", "checkboxes")):
        return {"type": kind, "selected_options": [option(element, item) for item in value or []]}
    if kind in MENUS:
        return {"type": kind, "selected_option": option(element, value) if value is not None else None}
    if kind in PICKERS:
        return {"type": kind, f"selected_{PICKERS[kind]}": value}
    return {"type": kind, "value": value}


def words(value: Any) -> str:
    """All that a person can read in blocks, in order; for tests and search."""
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(words, value)))
    if not isinstance(value, dict):
        return ""
    own = value["text"] if isinstance(value.get("text"), str) else ""
    mentioned = [str(value[name]) for name in ("user_id", "usergroup_id", "channel_id") if name in value]
    return " ".join(filter(None, [own, *mentioned, *(words(v) for k, v in value.items() if k != "confirm")]))
