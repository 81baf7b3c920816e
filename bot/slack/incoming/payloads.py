"""The shape of what Slack sends, as far as the listeners read it. What has another shape reaches none of them.

https://docs.slack.dev/reference/interaction-payloads
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

Json = dict[str, Any]

Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,500}$")]
"""An id, a time, a trigger: printable ASCII without spaces."""
Address = Annotated[str, StringConstraints(pattern=r"^[!-~]{0,500}$")]


class _Part(BaseModel):
    """Slack may send more than is read, any day."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Named(_Part):
    id: Word


class _Command(_Part):
    user_id: Word
    channel_id: Word
    command: Word
    trigger_id: Word
    text: str | None = None
    response_url: Address | None = None


class _Option(_Part):
    value: str


class _Action(_Part):
    action_id: Word
    action_ts: Word
    value: str | None = None
    selected_option: _Option | None = None


class _Container(_Part):
    channel_id: Word | None = None


class _State(_Part):
    value: str | None = None
    selected_option: _Option | None = None
    selected_options: tuple[_Option, ...] | None = None


class _Values(_Part):
    values: dict[str, dict[str, _State]]


class _Element(_Part):
    options: tuple[_Option, ...] | None = None


class _Block(_Part):
    block_id: str | None = None
    element: _Element | None = None


class _View(_Part):
    id: Word
    type: Word
    private_metadata: str = ""
    state: _Values | None = None
    blocks: tuple[_Block, ...] = ()


class _Modal(_View):
    state: _Values


class _Click(_Part):
    user: _Named
    trigger_id: Word
    actions: Annotated[tuple[_Action, ...], Field(min_length=1)]
    container: _Container
    channel: _Named | None = None
    view: _View | None = None
    response_url: Address | None = None


class _Form(_Part):
    user: _Named
    view: _Modal
    trigger_id: Word | None = None


class _Typing(_Part):
    user: _Named
    action_id: Word
    view: _View
    value: str | None = None


class _Message(_Part):
    text: str | None = None


class _OnMessage(_Part):
    user: _Named
    channel: _Named
    trigger_id: Word
    callback_id: Word
    message: _Message
    response_url: Address | None = None


class _Edited(_Part):
    ts: Word


class _Mention(_Part):
    channel: Word
    ts: Word
    user: Word | None = None
    bot_id: Word | None = None
    thread_ts: Word | None = None
    text: str | None = None
    edited: _Edited | None = None


class _Opened(_Part):
    user: Word
    tab: Word | None = None


_INTERACTIONS: dict[str, type[_Part]] = {
    "block_actions": _Click,
    "view_submission": _Form,
    "block_suggestion": _Typing,
    "message_action": _OnMessage,
}
_EVENTS: dict[str, type[_Part]] = {"app_mention": _Mention, "app_home_opened": _Opened}


class _Happened(_Part):
    type: Word


class _Event(_Part):
    event: _Happened


class _Whatever(_Part):
    """What bolt reads of everything, before anybody else does."""

    event: dict[str, Any] = {}


def unreadable(body: Json) -> str:
    """Why no listener can read it, in one line for the log; empty if it can be read, or nobody reads it."""
    try:
        _read(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"
    return ""


def _read(body: Json) -> None:
    _Whatever.model_validate(body)
    if "command" in body:
        _Command.model_validate(body)
        return
    kind = body.get("type")
    if kind == "event_callback":
        happened = _Event.model_validate(body).event
        _EVENTS.get(happened.type, _Part).model_validate(body["event"])
    elif isinstance(kind, str):
        _INTERACTIONS.get(kind, _Part).model_validate(body)
