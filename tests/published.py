"""What Slack's own published types say against blocks, forms, Home views, metadata and manifests: tests/schemas.

It knows no more than those types and the lengths in their comments; what else Slack refuses stands in `limits`.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import fastjsonschema

SCHEMA = Path(__file__).parent / "schemas" / "slack.json"
Root = Literal["Blocks", "Home", "Manifest", "Metadata", "Modal"]


def complaint(root: Root, value: Any) -> str:
    """What is wrong with it and where, of the first mistake; empty if nothing is."""
    try:
        _validate()({root: value})
    except fastjsonschema.JsonSchemaValueException as error:
        return f"{error.message.removeprefix('data.')}: {json.dumps(error.value, default=str)[:300]}"
    return ""


@cache
def _validate() -> Callable[[Any], Any]:
    """One validator for all roots: to make it takes half a second, once in a run."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    roots = {root: {"$ref": f"#/definitions/{root}"} for root in schema["definitions"]}
    made: Callable[[Any], Any] = fastjsonschema.compile({**schema, "properties": roots}, use_default=False)
    return made
