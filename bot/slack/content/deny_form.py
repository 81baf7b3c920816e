"""The form behind `Deny…`: why not. Pure."""

from typing import Any

from bot.slack.content.blocks import plain_text
from bot.slack.content.carried import Carried
from bot.slack.content.tickets import Ticket

DENY_FORM = "kickbot_deny_form"
_BLOCK, _FIELD = "why", "reason"
LONGEST_REASON = 500


class Deciding(Carried):
    """ticket: that of the button. home: it was clicked on a Home tab."""

    ticket: Ticket
    home: bool = False


def deny_form(plan: str, known: Deciding) -> dict[str, Any]:
    """plan: its short hash. known: what comes back with the answer."""
    field = {"type": "plain_text_input", "action_id": _FIELD, "multiline": True, "max_length": LONGEST_REASON}
    return {
        "type": "modal",
        "callback_id": DENY_FORM,
        "title": plain_text("Deny"),
        "submit": plain_text("Deny"),
        "close": plain_text("Back"),
        "private_metadata": known.model_dump_json(exclude_defaults=True),
        "blocks": [
            {"type": "input", "block_id": _BLOCK, "label": plain_text("Why not?"), "element": field, "optional": True},
            {
                "type": "context",
                "elements": [plain_text(f"This denies the plan {plan}. Everyone in the thread reads why.")],
            },
        ],
    }


def reason_given(view: dict[str, Any]) -> str:
    """What was typed, on one line; empty if nothing was."""
    said = view["state"]["values"].get(_BLOCK, {}).get(_FIELD, {}).get("value") or ""
    return " ".join(str(said).split())
