"""Interactive elements inside blocks: gives them the ids that Slack gives, and finds the one that a person pressed.

Pure. What it gives ids to has been checked by `limits` before.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot.sandbox.nouns import Json, Noun

MENUS = {"static_select": "option", "overflow": "option", "radio_buttons": "option", "external_select": "option"}
MENUS |= {"multi_static_select": "options", "checkboxes": "options", "multi_external_select": "options"}
EXTERNAL = frozenset({"external_select", "multi_external_select"})
PICKERS = {"users_select": "user", "conversations_select": "conversation", "channels_select": "channel"}
PICKERS |= {"multi_users_select": "users", "multi_conversations_select": "conversations"}
PICKERS |= {"multi_channels_select": "channels", "datepicker": "date", "timepicker": "time"}
PICKERS |= {"datetimepicker": "date_time"}
TEXTS = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input", "rich_text_input"})
SHORTEST_QUERY = 3
INTERACTIVE = frozenset({"button", "workflow_button", "file_input", *MENUS, *PICKERS, *TEXTS})


class Place(Noun):
    """One interactive element and the block that holds it."""

    block: Json
    element: Json


Known = Mapping[str, Mapping[str, Json]]
"""The options that a person was offered on one screen, by action_id and value."""


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


def places(blocks: Iterable[Json], known: Known | None = None) -> Iterator[Place]:
    """Every interactive element; with what is `known`, an external menu has the options that were offered for it."""
    for block in blocks:
        held = [*block.get("elements", []), block.get("accessory"), block.get("element")]
        shown = (_offering(e, known or {}) for e in held if e and e.get("type") in INTERACTIVE)
        yield from (Place(block=block, element=element) for element in shown)


def _offering(element: Json, known: Known) -> Json:
    offered = known.get(element.get("action_id", ""), {}) if element["type"] in EXTERNAL else {}
    return {**element, "options": list(offered.values())} if offered else element


def find(
    blocks: Iterable[Json],
    action_id: str,
    block_id: str | None = None,
    value: Any = None,
    known: Known | None = None,
) -> Place:
    """The element with that action_id; `block_id` or `value` tells apart several in different blocks."""
    same = [p for p in places(blocks, known) if p.element["action_id"] == action_id]
    same = [p for p in same if block_id in {None, p.block["block_id"]}]
    exact = [p for p in same if p.element["type"] != "button" or value in {None, p.element.get("value")}]
    if not exact:
        raise NotThereError(f"there is no {action_id!r} to press here")
    return exact[0]


def options(element: Json) -> list[Json]:
    grouped = [option for group in element.get("option_groups", []) for option in group["options"]]
    return [*element.get("options", []), *grouped, *_chosen_before(element)]


def _chosen_before(element: Json) -> list[Json]:
    """An external menu shows what the app has chosen for the person, though it was never offered."""
    if element["type"] not in EXTERNAL:
        return []
    one = [element["initial_option"]] if "initial_option" in element else []
    return [*one, *element.get("initial_options", [])]


def check_query(element: Json, text: str) -> None:
    """Slack's client asks the app for options only for an external menu, and only if enough was typed."""
    if element["type"] not in EXTERNAL:
        raise NotThereError(f"{element['action_id']!r} does not ask the app for options")
    shortest = element.get("min_query_length", SHORTEST_QUERY)
    if len(text) < shortest:
        raise NotThereError(f"{element['action_id']!r} asks from {shortest} characters on")


def option(element: Json, value: str) -> Json:
    for candidate in options(element):
        if candidate["value"] == value:
            return candidate
    raise NotThereError(f"the menu has no option {value!r}")


def chosen(element: Json, value: Any) -> Json:
    """The state of one element after the person gave it `value`, in the words of Slack's payloads."""
    kind = element["type"]
    if kind in MENUS and kind.startswith(("multi_", "checkboxes")):
        return {"type": kind, "selected_options": _several(element, value)}
    if kind in MENUS:
        return {"type": kind, "selected_option": option(element, value) if value is not None else None}
    if kind in PICKERS:
        return {"type": kind, f"selected_{PICKERS[kind]}": value}
    return {"type": kind, "value": value}


def _several(element: Json, value: Any) -> list[Json]:
    chosen_values = [] if value is None else value
    if not isinstance(chosen_values, list | tuple):
        raise NotThereError("here a list of options is chosen")
    if len(chosen_values) > element.get("max_selected_items", len(chosen_values)):
        raise NotThereError(f"at most {element['max_selected_items']} can be chosen here")
    return [option(element, item) for item in chosen_values]


def words(value: Any) -> str:
    """All that a person can read in blocks, in order; for tests and search."""
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(words, value)))
    if not isinstance(value, dict):
        return ""
    own = value["text"] if isinstance(value.get("text"), str) else ""
    mentioned = [str(value[name]) for name in ("user_id", "usergroup_id", "channel_id") if name in value]
    return " ".join(filter(None, [own, *mentioned, *(words(v) for k, v in value.items() if k != "confirm")]))
