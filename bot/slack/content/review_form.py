"""The form behind `Review…`: what someone found who could have approved an emergency. Pure."""

from typing import Any

from bot.slack.content.blocks import plain_text
from bot.slack.content.deny_form import Deciding

REVIEW_FORM = "kickbot_review_form"
_VERDICT, _COMMENT = "verdict", "comment"
FINE, NOT_FINE = "fine", "not_fine"
LONGEST_COMMENT = 500


def review_form(known: Deciding) -> dict[str, Any]:
    """known: what comes back with the answer."""
    options = [_option(FINE, "fine"), _option(NOT_FINE, "not fine")]
    verdict = {"type": "radio_buttons", "action_id": _VERDICT, "options": options}
    comment = {"type": "plain_text_input", "action_id": _COMMENT, "multiline": True, "max_length": LONGEST_COMMENT}
    return {
        "type": "modal",
        "callback_id": REVIEW_FORM,
        "title": plain_text("Review"),
        "submit": plain_text("Send"),
        "close": plain_text("Back"),
        "private_metadata": known.model_dump_json(exclude_defaults=True),
        "blocks": [
            {"type": "input", "block_id": _VERDICT, "label": plain_text("Was it right?"), "element": verdict},
            {"type": "input", "block_id": _COMMENT, "label": plain_text("What did you find?"), "element": comment},
        ],
    }


def review_given(view: dict[str, Any]) -> tuple[bool, str]:
    """Whether it was fine, which is said and never left to a default, and the comment."""
    values = view["state"]["values"]
    chosen = (values.get(_VERDICT, {}).get(_VERDICT, {}).get("selected_option") or {}).get("value")
    return chosen == FINE, str(values.get(_COMMENT, {}).get(_COMMENT, {}).get("value") or "")


def _option(value: str, text: str) -> dict[str, Any]:
    return {"text": plain_text(text), "value": value}
