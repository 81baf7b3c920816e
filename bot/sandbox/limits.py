"""What Slack refuses: checks texts, blocks, attachments, metadata and views, and says why in Slack's own words.

Pure: each check returns nothing or raises SlackError with the code that Slack's Web API answers.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from bot.sandbox import block_elements, block_kit
from bot.sandbox.elements import INTERACTIVE
from bot.sandbox.nouns import Json, SlackError

TEXT = 40_000  # https://docs.slack.dev/reference/methods/chat.postMessage: Slack cuts it there; here it is refused
MESSAGE_BLOCKS = 50
ATTACHMENTS = 100
MARKDOWN_IN_ALL = 12_000
TABLE_CELLS_IN_ALL = 10_000
SIZE_IN_ALL = 13_200  # undocumented; measured by others, github.com/slackapi/bolt-js issues 2509 and 2867
METADATA_SIZE = 8_000  # "metadata_too_large" has no documented number; this is on the safe side

Blocks = TypeAdapter(list[block_kit.InMessage])
Suggestions = TypeAdapter(block_elements.Suggestions)
Views: TypeAdapter[block_kit.Modal | block_kit.Home] = TypeAdapter(block_kit.AnyView)

WORDS = {
    "missing": "missing required field: {field}",
    "extra_forbidden": "invalid additional property: {field}",
    "string_too_long": "must be less than {max_length_plus_one} characters",
    "string_too_short": "must be more than {min_length_minus_one} characters",
    "too_long": "no more than {max_length} items allowed",
    "too_short": "no less than {min_length} items allowed",
    "union_tag_invalid": "unsupported type: {tag}",
    "union_tag_not_found": "missing required field: type",
    "string_type": "must provide a string",
    "list_type": "must provide an array",
    "bool_type": "must provide a boolean",
    "int_type": "must provide an integer",
    "model_type": "must provide an object",
    "model_attributes_type": "must provide an object",
    "dict_type": "must provide an object",
    "literal_error": "must be one of: {expected}",
}


def check_message(text: str, blocks: Sequence[Any], attachments: Sequence[Any], *, bounded: bool = True) -> None:
    """All about the content of one message; `bounded`: the size of all blocks counts (not for a response_url)."""
    if not text.strip() and not blocks and not attachments:
        raise SlackError("no_text")
    if len(text) > TEXT:
        raise SlackError("msg_too_long")
    check_blocks(blocks)
    check_attachments(attachments)
    _check_tables([*blocks, *(block for attachment in attachments for block in attachment.get("blocks", []))])
    if bounded and sum(len(json.dumps(b, separators=(",", ":"))) for b in blocks if b["type"] != "table") > SIZE_IN_ALL:
        raise SlackError("msg_blocks_too_long")


def check_blocks(blocks: Any, code: str = "invalid_blocks", pointer: str = "/blocks") -> None:
    if not isinstance(blocks, list | tuple) or not all(isinstance(block, dict) for block in blocks):
        raise SlackError(f"{code}_format")
    problems = _problems(Blocks, blocks, pointer) or [*_repeated_ids(blocks, pointer), *_sums(blocks, pointer)]
    if len(blocks) > MESSAGE_BLOCKS:
        problems.insert(0, f"no more than {MESSAGE_BLOCKS} items allowed [json-pointer:{pointer}]")
    _refuse(code, problems)


def check_attachments(attachments: Any) -> None:
    if not isinstance(attachments, list | tuple) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for number, attachment in enumerate(attachments):
        check_blocks(attachment.get("blocks", []), pointer=f"/attachments/{number}/blocks")


def check_metadata(metadata: Any) -> None:
    """{event_type, event_payload}, whose values are plain, or objects and lists of plain values."""
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise SlackError("invalid_metadata_format")
    if set(metadata) - {"event_type", "event_payload", "entities"} or not isinstance(
        metadata.get("event_payload"), dict
    ):
        raise SlackError("invalid_metadata_format")
    if not metadata["event_type"].replace("_", "").replace("-", "").replace(".", "").replace(":", "").isalnum():
        raise SlackError("invalid_metadata_format")
    if any(value is None for value in metadata["event_payload"].values()):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_SIZE:
        raise SlackError("metadata_too_large")


def check_view(view: Any, kind: str) -> None:
    """`kind`: modal or home. Slack calls every mistake in a view invalid_arguments."""
    if not isinstance(view, dict):
        raise SlackError("invalid_arguments", "[ERROR] must provide an object [json-pointer:/view]")
    problems = _problems(Views, view, "/view")
    if not problems and view["type"] != kind:
        problems = [f"must be of type: {kind} [json-pointer:/view/type]"]
    _refuse("invalid_arguments", problems or _repeated_ids(view["blocks"], "/view/blocks"))


def check_suggestions(answer: Any) -> None:
    """What an app answers when a person types into an external menu."""
    if not isinstance(answer, dict):
        raise SlackError("invalid_options", "[ERROR] must provide an object")
    _refuse("invalid_options", _problems(Suggestions, answer, ""))


def _refuse(code: str, problems: Sequence[str]) -> None:
    if problems:
        facts = {"errors": list(problems)} if code == "invalid_blocks" else {}
        raise SlackError(code, *(f"[ERROR] {problem}" for problem in problems), **facts)


def _check_tables(blocks: Sequence[Json]) -> None:
    if sum(block["type"] == "table" for block in blocks) > 1:
        raise SlackError("invalid_attachments", "[ERROR] only_one_table_allowed")


# -- from pydantic's findings to Slack's words --------------------------------------------------


def _problems(adapter: TypeAdapter[Any], value: Any, pointer: str) -> list[str]:
    nulls = [f"must not be null [json-pointer:{pointer}{path}]" for path in _nulls(value, "")]
    try:
        adapter.validate_python(list(value) if isinstance(value, tuple) else value)
    except ValidationError as error:
        return nulls or [_problem(value, detail, pointer) for detail in error.errors()]
    return nulls


def _problem(value: Any, detail: ErrorDetails, pointer: str) -> str:
    kind, context = detail["type"], dict(detail.get("ctx", {}))
    path = _path(value, detail["loc"][:-1] if kind in {"missing", "extra_forbidden"} else detail["loc"])
    path += {"text_too_long": "/text", "union_tag_invalid": "/type"}.get(kind, "")
    context |= {"field": detail["loc"][-1] if detail["loc"] else ""}
    context |= {"max_length_plus_one": context.get("max_length", 0) + 1}
    context |= {"min_length_minus_one": context.get("min_length", 1) - 1}
    said = WORDS[kind].format(**context) if kind in WORDS else detail["msg"]
    return f"{said} [json-pointer:{pointer}{path}]"


def _path(value: Any, location: Sequence[int | str]) -> str:
    """The JSON pointer to a finding: pydantic's location also names the union members, which are not in the data."""
    path = ""
    for step in location:
        inside = isinstance(value, list | tuple) and isinstance(step, int)
        if inside or (isinstance(value, dict) and step in value):
            value, path = value[step], f"{path}/{step}"
    return path


def _nulls(value: Any, path: str) -> Iterator[str]:
    """Slack takes a missing field, not null; only a table's column_settings may skip a column so."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in pairs:
        if item is None:
            yield f"{path}/{key}"
        elif key != "column_settings":
            yield from _nulls(item, f"{path}/{key}")


def _repeated_ids(blocks: Sequence[Json], pointer: str) -> list[str]:
    """A block_id is unique in its message or view, an action_id in its block."""
    named = Counter(block["block_id"] for block in blocks if "block_id" in block)
    repeated = [f"block_id {name!r} already exists [json-pointer:{pointer}]" for name, n in named.items() if n > 1]
    for number, block in enumerate(blocks):
        actions = Counter(e["action_id"] for e in _elements(block) if "action_id" in e)
        path = f"{pointer}/{number}/elements"
        repeated += [f"action_id {name!r} already exists [json-pointer:{path}]" for name, n in actions.items() if n > 1]
    return repeated


def _elements(block: Json) -> list[Json]:
    return [element for element in block.get("elements", []) if element.get("type") in INTERACTIVE]


def _sums(blocks: Sequence[Json], pointer: str) -> list[str]:
    problems = []
    if sum(len(block["text"]) for block in blocks if block["type"] == "markdown") > MARKDOWN_IN_ALL:
        problems.append(f"must be less than {MARKDOWN_IN_ALL + 1} characters in all markdown blocks")
    if sum(_letters(block["rows"]) for block in blocks if block["type"] == "table") > TABLE_CELLS_IN_ALL:
        problems.append(f"must be less than {TABLE_CELLS_IN_ALL + 1} characters in all cells")
    return [f"{problem} [json-pointer:{pointer}]" for problem in problems]


def _letters(value: Any) -> int:
    if isinstance(value, list):
        return sum(_letters(item) for item in value)
    if not isinstance(value, dict):
        return 0
    own = len(value["text"]) if isinstance(value.get("text"), str) else 0
    return own + sum(_letters(item) for item in value.values())
