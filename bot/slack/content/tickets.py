"""The buttons under a request, and what a click on one brings back. Pure.

Each carries the request and the plan that was shown, and nothing else; the one that opens a form carries its words.
"""

import json
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError

from bot import commands, planning
from bot.errors import CommandError
from bot.inventory import fold
from bot.models import Value
from bot.request import Request
from bot.slack.content.blocks import Button, Part, buttons
from bot.slack.content.kick_form import LONGEST_HOSTS, MOST_HOSTS
from bot.states import State

APPROVE, DENY, CANCEL = "kickbot_approve", "kickbot_deny", "kickbot_cancel"
FORCE, AGAIN, HOLD = "kickbot_force", "kickbot_again", "kickbot_hold"
UNFREEZE = "kickbot_unfreeze"
UNHOLD = "kickbot_unhold"
REVIEW = "kickbot_review"
DROP, KEEP = "kickbot_drop", "kickbot_keep"

LAST_REQUEST = 2**63 - 1
"""The trail's stores take no larger number."""

NOT_OURS = "This button isn't one that Kickbot knows. Nothing was done by your click."

_WORDS = {
    APPROVE: ("Approve", "primary"),
    DENY: ("Deny…", "danger"),
    CANCEL: ("Cancel", ""),
    FORCE: ("Ask to force it…", ""),
    AGAIN: ("Ask again", ""),
    HOLD: ("Hold account…", ""),
    UNFREEZE: ("Unfreeze", ""),
    UNHOLD: ("Give back", ""),
    REVIEW: ("Review…", "primary"),
    DROP: ("Approve", "danger"),
    KEEP: ("Cancel", ""),
}


class Ticket(Value):
    """What a button carries: the request, and the hash of its plan."""

    request: Annotated[int, Field(ge=1, le=LAST_REQUEST)]
    plan: str

    @classmethod
    def read(cls, value: str | None) -> Self:
        """Raises CommandError for what nobody of Kickbot wrote."""
        try:
            return cls.model_validate_json(value or "")
        except ValidationError as error:
            raise CommandError(NOT_OURS) from error


def actions(request: Request) -> tuple[str, ...]:
    """What can be clicked in the state in which the request is."""
    match request.state:
        case State.PENDING if request.needs_nobody:
            return ()
        case State.PENDING:
            return (APPROVE, DENY) if request.sweep else (APPROVE, DENY, CANCEL)
        case State.APPROVED | State.WARNED:
            return (CANCEL,)
        case State.FROZEN:
            return (UNFREEZE,)
        case State.TO_DROP:
            return (DROP, KEEP)
        case State.HELD:
            return () if request.unheld else (UNHOLD,)
        case State.REVIEW:
            return (REVIEW,)
        case State.CLOSED | State.EXPIRED | State.LAPSED:
            return (*_next_level(request), *_hold(request))
        case _:
            return ()


def _next_level(request: Request) -> tuple[str, ...]:
    """What can be asked next: to force what survived, to end what came back, or the same once more, or for the rest."""
    force = planning.again(request, force=True) is not None
    again = planning.again(request, force=False) is not None and (not force or bool(request.undone))
    return (*([FORCE] if force else []), *([AGAIN] if again else []))


def _hold(request: Request) -> tuple[str, ...]:
    """That the account can't log in again; the form that opens takes so many hosts."""
    kick = planning.to_hold(request)
    takes = kick and len(kick.hosts) <= MOST_HOSTS and len(fold(kick.hosts)) <= LONGEST_HOSTS
    return (HOLD,) if takes else ()


def row(request: Request) -> list[Part]:
    """The row of buttons, or nothing."""
    shown = [button(request, action) for action in actions(request)]
    return [buttons(*shown)] if shown else []


def decisions_row(request: Request) -> list[Part]:
    """The buttons for whoever may approve, away from the request itself."""
    return [buttons(button(request, APPROVE), button(request, DENY))]


def button(request: Request, action: str) -> Button:
    """One of them."""
    text, style = _WORDS[action]
    if action == APPROVE and request.second_factor:
        text = "Approve…"
    if action == CANCEL and request.state is State.WARNED:
        text = "Stop"
    if action == AGAIN and request.undone:
        text = "Ask again for the rest"
    return Button(text=text, action=action, value=_value(request, action), style=style)


def _value(request: Request, action: str) -> str:
    """The ticket; for a form that is still to be filled, the words that it begins with."""
    if action == HOLD and (kick := planning.to_hold(request)):
        return commands.words(kick).removeprefix("/kick ")
    return Ticket(request=request.id, plan=request.plan_hash).model_dump_json()


# -------------------------------------------------------------------------------------------- a click


def channel_of(body: dict[str, Any]) -> str:
    """Where the clicked message stands."""
    return str((body.get("channel") or body.get("container", {})).get("id") or body["container"].get("channel_id", ""))


def key_of(body: dict[str, Any]) -> str:
    """The same for the same click, however often Slack sends it."""
    action = body["actions"][0]
    return ":".join(
        map(str, (body["user"]["id"], action.get("action_id"), action.get("action_ts"), body["trigger_id"]))
    )


def came_from_home(body: dict[str, Any]) -> bool:
    """True for a click on a Home tab, and for what is sent from a form that was opened there."""
    view = body.get("view") or {}
    if view.get("type") == "home":
        return True
    try:
        return bool(json.loads(view.get("private_metadata") or "{}").get("home"))
    except (ValueError, TypeError, AttributeError, RecursionError):  # nobody of Kickbot wrote it
        return False
