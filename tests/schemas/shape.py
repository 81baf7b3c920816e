"""Shapes the generator's raw schema (stdin) into slack.json (stdout): small, with lengths, and with clear complaints.

Lengths are not in Slack's types but in their comments: "Maximum length for this field is 75 characters."
"""

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

Json = dict[str, Any]

ROOTS = ("Blocks", "Home", "Manifest", "Metadata", "Modal")
TEXTS = ("PlainTextElement", "MrkdwnElement", "TextObject")
KEYWORDS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems"), "number": ("minimum", "maximum")}

LINK = re.compile(r"\{@link[^}]*\}")
SENTENCE = re.compile(r"(?<=\.)\s+")
LEAST = re.compile(r"(?:minimum|min\b|between)\D*(\d+)", re.IGNORECASE)
MOST = re.compile(r"(?:maximum|max\b|limit|up to|between `?\d+`? and)\D*([\d,]*\d)", re.IGNORECASE)


def main() -> None:
    definitions = json.load(sys.stdin)["definitions"]
    shaped = {name: shape(schema, definitions) for name, schema in definitions.items()}
    reached = {name: shaped[name] for name in sorted(closure(ROOTS, shaped))}
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": reached}
    sys.stdout.write(json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n")


def shape(node: Any, definitions: Json) -> Any:
    """The same schema with the bounds of its comments, without the comments, its unions told apart by `type`."""
    if isinstance(node, list):
        return [shape(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    said = node.get("description")
    kept = {key: value for key, value in node.items() if not (key == "description" and isinstance(value, str))}
    shaped = {key: shape(value, definitions) for key, value in told_apart(kept, definitions).items()}
    return bounded(shaped, said) if isinstance(said, str) else shaped


# -- lengths -------------------------------------------------------------------------------------


def bounded(node: Json, comment: str) -> Json:
    """`comment` bounds the value itself; a sentence about "each" bounds the items of an array."""
    for sentence in SENTENCE.split(LINK.sub("", " ".join(comment.split()))):
        bounds = [int(found[1].replace(",", "")) if (found := p.search(sentence)) else None for p in (LEAST, MOST)]
        if "items" in node and re.search(r"\beach (?:row|item)\b", sentence, re.IGNORECASE):
            node = {**node, "items": narrowed(node["items"], *bounds)}
        else:
            node = narrowed(node, *bounds)
    return node


def narrowed(node: Json, least: int | None, most: int | None) -> Json:
    """Bounds are of characters, items or a value, by the node's type; of a text object, those of its text."""
    if is_text(node) and (least, most) != (None, None):
        return {"allOf": [node, {"properties": {"text": narrowed({"type": "string"}, least, most)}}]}
    names = KEYWORDS.get(str(node.get("type")), ())
    return node | {name: bound for name, bound in zip(names, (least, most), strict=False) if bound is not None}


def is_text(node: Json) -> bool:
    """A text object, or the union of both kinds of them."""
    told = node.get("properties", {}).get("type", {}).get("enum")
    return named(node.get("$ref", "")) in TEXTS or told == ["mrkdwn", "plain_text"]


# -- unions --------------------------------------------------------------------------------------


def told_apart(node: Json, definitions: Json) -> Json:
    """A union whose members each have a `type` of their own becomes one branch for each of them."""
    branches: defaultdict[str, list[Json]] = defaultdict(list)
    for member in node.get("anyOf", []):
        for kind in kinds(member, definitions):
            branches[kind] += [member] if member not in branches[kind] else []
    if len(branches) < 2 or "" in branches:
        return node
    chosen = [{"if": has_type(kind), "then": any_of(branches[kind])} for kind in sorted(branches)]
    one_of_them = {"type": "object", "required": ["type"], "properties": {"type": {"enum": sorted(branches)}}}
    return {key: value for key, value in node.items() if key != "anyOf"} | one_of_them | {"allOf": chosen}


def kinds(member: Json, definitions: Json) -> Iterator[str]:
    """The values of `type` that a member takes; empty if it is not told by one."""
    if "$ref" in member:
        yield from kinds(definitions[named(member["$ref"])], definitions)
    elif "anyOf" in member:
        for inner in member["anyOf"]:
            yield from kinds(inner, definitions)
    else:
        yield member.get("properties", {}).get("type", {}).get("const", "")


def has_type(kind: str) -> Json:
    return {"properties": {"type": {"const": kind}}, "required": ["type"]}


def any_of(members: list[Json]) -> Json:
    return members[0] if len(members) == 1 else {"anyOf": members}


# -- what is needed ------------------------------------------------------------------------------


def closure(names: Any, definitions: Json) -> set[str]:
    """Those definitions and all that they refer to."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += map(named, re.findall(r'"(#/definitions/[^"]+)"', json.dumps(definitions[name])))
    return found


def named(reference: str) -> str:
    return unquote(reference.removeprefix("#/definitions/"))


if __name__ == "__main__":
    main()
