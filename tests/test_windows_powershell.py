"""The PowerShell of the Windows driver, which these tests can't run: it is at least parsed, by a grammar of its own."""

import base64
from collections.abc import Iterator

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from bot.hosts.drivers import windows
from bot.models import Host

HOST = Host(name="win1", address="win1.example.com", user="kickbot", platform="windows")
PARSER = Parser(Language(tree_sitter_powershell.language()))
SCRIPT = windows.script(("look", "00ff", ""))
COMMAND = base64.b64decode(windows.COMMAND[-1]).decode("utf-16-le")


def mistakes(text: str) -> list[str]:
    """What is no PowerShell in it."""
    tree = PARSER.parse(text.encode())
    return [f"{node.type}: {node.text!r:.80}" for node in nodes(tree.root_node) if node.is_error or node.is_missing]


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


@pytest.mark.parametrize("text", [SCRIPT, COMMAND], ids=["the script", "what reads and runs it"])
def test_it_is_powershell(text: str) -> None:
    """Every brace closes, and every word stands where the language has one."""
    assert mistakes(text) == []


SLIPS = {
    "a brace": SCRIPT.replace("} catch {", "} catch", 1),
    "a bracket": SCRIPT.replace(".Split([char]0)", ".Split([char]0", 1),
    "a quote": SCRIPT.replace("'Stop'", "'Stop", 1),
}


@pytest.mark.parametrize("text", SLIPS.values(), ids=SLIPS)
def test_a_slip_would_be_found(text: str) -> None:
    """A brace, a bracket or a quote too few is a mistake."""
    assert mistakes(text)


def test_the_script_by_its_name() -> None:
    """The script reads itself as $kickbot, and whoever runs it calls it so: a hold leaves it on the machine."""
    assert "$kickbot = " in COMMAND
    assert ", $kickbot)" in SCRIPT
