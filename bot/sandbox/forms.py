"""What a person's act on an element becomes in Slack's payloads: one action, or the state of a whole form. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox import elements
from bot.sandbox.elements import Known, NotThereError, Place
from bot.sandbox.nouns import Json

STATELESS = frozenset({"button", "workflow_button", "overflow"})
KEPT = ("text", "value", "style", "url", "initial_option", "initial_options")
"""What an action repeats of its element."""


def action(place: Place, value: Any) -> Json:
    element = place.element
    kept: Json = {name: element[name] for name in KEPT if name in element}
    kept |= {"placeholder": element["placeholder"]} if _asks(element) else {}
    pressed: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": place.block["block_id"]}
    pressed |= kept
    return pressed if element["type"] == "button" else pressed | elements.chosen(element, value)


def state(
    blocks: Iterable[Json], values: Mapping[str, Any], known: Known | None = None, *, partly: bool = False
) -> Json:
    """The state of a form, from `values` by action_id, by block_id, or as {block_id: {action_id: value}}.

    What is required and not filled in, Slack's client does not send, unless only a part is asked for.
    """
    filled: Json = {}
    for place in elements.places(blocks, known):
        element, block = place.element, place.block
        if element["type"] in STATELESS:
            continue
        given = _given(place, values)
        if not partly and given in (None, "", []) and block["type"] == "input" and not block.get("optional"):
            raise NotThereError(f"{block['label']['text']!r} has to be filled in")
        filled.setdefault(block["block_id"], {})[element["action_id"]] = elements.chosen(element, given)
    return filled


def acted(filled: Json, place: Place, value: Any) -> Json:
    """The same state after a person's act on one element, which Slack sends along with that act."""
    element, block_id = place.element, place.block["block_id"]
    if element["type"] in STATELESS:
        return filled
    return filled | {block_id: {**filled.get(block_id, {}), element["action_id"]: elements.chosen(element, value)}}


def initial(element: Json) -> Any:
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    return next((value for name, value in element.items() if name.startswith("initial_")), None)


def _given(place: Place, values: Mapping[str, Any]) -> Any:
    action_id = place.element["action_id"]
    if action_id in values:
        return values[action_id]
    in_block = values.get(place.block["block_id"], initial(place.element))
    return in_block.get(action_id, initial(place.element)) if isinstance(in_block, dict) else in_block


def _asks(element: Json) -> bool:
    return "placeholder" in element and element["type"] not in elements.TEXTS
