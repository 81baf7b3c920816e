"""The form behind `Deny…`: why not. Pure."""

from typing import Any

DENY_FORM = "kickbot_deny_form"
_BLOCK, _FIELD = "why", "reason"
LONGEST_REASON = 500


def deny_form(plan: str, known: str) -> dict[str, Any]:
    """plan: its short hash. known: what comes back with the answer, JSON of at most 3,000 characters."""
    field = {"type": "plain_text_input", "action_id": _FIELD, "multiline": True, "max_length": LONGEST_REASON}
    return {
        "type": "modal",
        "callback_id": DENY_FORM,
        "title": _plain("Deny"),
        "submit": _plain("Deny"),
        "close": _plain("Back"),
        "private_metadata": known,
        "blocks": [
            {"type": "input", "block_id": _BLOCK, "label": _plain("Why not?"), "element": field, "optional": True},
            {
                "type": "context",
                "elements": [_plain(f"This denies the plan {plan}. Everyone in the thread reads why.")],
            },
        ],
    }


def reason_given(view: dict[str, Any]) -> str:
    """What was typed, on one line; empty if nothing was."""
    said = view["state"]["values"].get(_BLOCK, {}).get(_FIELD, {}).get("value") or ""
    return " ".join(str(said).split())


def _plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}
