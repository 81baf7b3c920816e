"""The form that asks for a code of one's second factor, and what is said where someone guesses. Pure."""

from typing import Any, Literal

from bot.events import Record, WrongCode
from bot.slack.content.blocks import Message, compose, paragraph, plain_text
from bot.slack.content.deny_form import Deciding
from bot.slack.content.lines import When, Who, bold, line
from bot.slack.content.proof import mark
from bot.slack.content.story import short
from bot.slack.content.tickets import APPROVE, DROP, UNHOLD

CODE_FORM = "kickbot_code_form"
CODE, _FIELD = "code", "code"
LONGEST_CODE = 7
"""With the space that authenticators show in the middle."""
LONGEST_READ = 100

_TITLES = {APPROVE: "Approve", UNHOLD: "Give back", DROP: "Approve"}


class Saying(Deciding):
    """action: the button that was clicked."""

    action: Literal["kickbot_approve", "kickbot_unhold", "kickbot_drop"]


def code_form(known: Saying) -> dict[str, Any]:
    """known: what comes back with the code."""
    plan = f" the plan {short(known.ticket.plan)} of" if known.action == APPROVE else ""
    said = f"It is for{plan} request {known.ticket.request}. Each code counts once."
    field = {"type": "plain_text_input", "action_id": _FIELD, "max_length": LONGEST_CODE}
    return {
        "type": "modal",
        "callback_id": CODE_FORM,
        "title": plain_text(_TITLES[known.action]),
        "submit": plain_text(_TITLES[known.action]),
        "close": plain_text("Back"),
        "private_metadata": known.model_dump_json(exclude_defaults=True),
        "blocks": [
            {
                "type": "input",
                "block_id": CODE,
                "label": plain_text("The code of your authenticator"),
                "element": field,
            },
            {"type": "context", "elements": [plain_text(said)]},
        ],
    }


def code_given(view: dict[str, Any]) -> str:
    """What was typed, without spaces; empty if nothing was."""
    said = view["state"]["values"].get(CODE, {}).get(_FIELD, {}).get("value") or ""
    return "".join(str(said)[:LONGEST_READ].split())


def guessed(record: Record) -> Message:
    """So many wrong codes that somebody else may sit at that Slack account."""
    event = record.event
    until = event.barred_until if isinstance(event, WrongCode) else None
    bar = line(" No code of theirs counts until ", When(moment=until or record.at), ".")
    words = line("⚠️ ", bold("Too many wrong codes"), " of ", Who(id=event.who), ": someone may be guessing.", bar)
    more = line(
        "If it wasn't them, someone else uses that Slack account: ", bold("/kickbot freeze"), " stops all acting."
    )
    return compose(paragraph(words, more, needed=True), mark(record))
