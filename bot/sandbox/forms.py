"""What a person's act on an element becomes in Slack's payloads: one action, or the state of a whole form. Pure."""

from collections.abc import Mapping
from typing import Any

from bot.sandbox import elements
from bot.sandbox.elements import NotThereError
from bot.sandbox.nouns import Json, View


def action(place: elements.Place, value: Any) -> Json:
    element = place.element
    kept: Json = {name: element[name] for name in ("text", "value", "style", "url", "placeholder") if name in element}
    pressed: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": place.block["block_id"]}
    pressed |= kept
    return pressed if element["type"] == "button" else pressed | elements.chosen(element, value)


def state(view: View, values: Mapping[str, Any], *, partly: bool = False) -> Json:
    """The state of a form; what is required and not filled in, Slack's client does not send."""
    filled: Json = {}
    for place in elements.places(view.blocks):
        element, block = place.element, place.block
        if element["type"] in {"button", "overflow"}:
            continue
        given = values.get(element["action_id"], values.get(block["block_id"], initial(element)))
        if not partly and given in (None, "", []) and block["type"] == "input" and not block.get("optional"):
            raise NotThereError(f"{block['label']['text']!r} has to be filled in")
        filled.setdefault(block["block_id"], {})[element["action_id"]] = elements.chosen(element, given)
    return filled


def initial(element: Json) -> Any:
    if "initial_option" in element:
        return element["initial_option"]["value"]
    if "initial_options" in element:
        return [option["value"] for option in element["initial_options"]]
    return next((value for name, value in element.items() if name.startswith("initial_")), None)
