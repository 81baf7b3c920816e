"""The map of the house: which part of `bot` may import which, and which library belongs to whom. Imports go down only.

Read from the source of every file, so that an import inside a function counts too. A new part, or a new way, is drawn
into the map first.
"""

import ast
import graphlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parent

# ------------------------------------------------------------------------------------------------ the map

CORE = {
    "agenda",
    "findings",
    "forewarning",
    "bounds",
    "canary",
    "canonical",
    "errors",
    "cleaning",
    "counting",
    "durations",
    "idleness",
    "models",
    "nearest",
    "events",
    "inventory",
    "merging",
    "estate",
    "commands",
    "policy",
    "states",
    "request",
    "lifecycle",
    "logins",
    "limits",
    "presence",
    "retention",
    "rules",
    "sparing",
    "sweeping",
    "planning",
    "outcomes",
    "pairs",
    "sentences",
    "standing",
    "trials",
}

SLACK = {"slack", "slack.content", "slack.outgoing", "slack.incoming"}

# part -> the parts that it may import, besides itself
MAP: dict[str, set[str]] = {
    "core": set(),
    "borders": {"core"},
    "shapes": {"core"},
    "secret_files": {"core"},
    "credentials": {"core", "secret_files"},
    "settings": {"core", "shapes"},
    "stopping": set(),
    # the story
    "ledger": {"core", "borders"},
    "loop": {"core", "ledger"},
    "rights": {"core", "borders"},
    "freezes": {"core", "borders"},
    "brake": {"core", "borders", "freezes", "ledger", "rights"},
    "allowance": {"core", "ledger"},
    "reviews": {"core", "borders", "ledger", "rights"},
    "second_factors": {"borders", "core", "ledger", "rights"},
    "decisions": {"core", "ledger", "rights", "brake", "reviews", "second_factors"},
    "acts": {"core", "borders", "stopping", "brake", "ledger"},
    "holds": {"core", "borders", "brake", "ledger", "acts"},
    "unholds": {"core", "ledger", "rights", "second_factors"},
    "drops": {"core", "borders", "brake", "ledger", "rights", "second_factors"},
    "sweeps": {"core", "ledger"},
    "questions": {"core", "borders", "ledger", "rights"},
    "looking": {"core", "borders", "ledger"},
    "listings": {"core", "borders", "ledger", "looking", "rights"},
    "preparing": {"core", "borders", "allowance", "brake", "ledger", "looking", "rights", "sweeps"},
    "execution": {"core", "borders", "acts", "brake", "holds", "ledger", "looking", "reviews", "rights", "sweeps"},
    "workflow": {
        *{"core", "borders", "stopping", "execution", "ledger", "loop", "rights", "brake", "decisions", "unholds"},
        *{"allowance", "drops", "listings", "looking", "preparing", "reviews", "second_factors", "sweeps"},
    },
    # the edges: none knows another
    "web_server": {"core"},
    "authenticators": {"core", "borders"},
    "hosts": {"core", "borders"},
    "audit": {"core", "borders", "stopping"},
    "slack": {"core", "borders", "web_server"},
    "slack.content": {"core"},
    "slack.outgoing": {"core", "borders", "stopping", "freezes", "slack", "slack.content"},
    "slack.incoming": {
        "core",
        "borders",
        "stopping",
        "listings",
        "looking",
        "workflow",
        "questions",
        "slack",
        "slack.content",
        "slack.outgoing",
    },
    "sandbox": set(),
    # which hosts there are
    "survey": {"core", "settings", "hosts"},
    "rollcall": {"core", "settings", "hosts", "survey"},
    "kits": {"core", "settings", "hosts", "survey"},
    # what the rules say
    "rules.expectations": {"core", "settings", "shapes", "rights"},
    "rules.lookups": {"core", "borders"},
    # how it does
    "health": {"core", "borders"},
    "vitals": {"core", "borders", "health", "web_server"},
    "supervisor": set(),
    # what joins the parts
    "access": {"core", "settings", "credentials", "audit"},
    "app": {
        *{"core", "borders", "access", "credentials", "settings", "stopping", "rights"},
        *{"questions", "execution", "workflow", "hosts", "audit", "survey"},
        *{"web_server", "vitals", "supervisor", "authenticators", *SLACK},
    },
    "demo": {"core", "credentials", "settings", "app", "sandbox"},
    "doctor": {
        *{"core", "access", "credentials", "settings", "audit", "hosts"},
        *{"survey", "rollcall", "rules.lookups", "slack", "slack.incoming"},
        "authenticators",
    },
    "cli": {
        *{"core", "credentials", "settings", "survey", "rollcall"},
        *{"kits", "rules.expectations", "rules.lookups", "audit", "doctor"},
        *{"app", "demo", "authenticators"},
    },
    "__main__": {"cli"},
}

# file -> a part that it alone may import besides those of the map, and why
DOORS: dict[tuple[str, str], str] = {
    ("bot.slack.content.fleet", "listings"): "shows the answer to a listing",
    ("bot.slack.content.listing", "listings"): "shows it host by host",
    ("bot.slack.content.home", "questions"): "shows one person's page",
    ("bot.slack.content.history", "questions"): "shows the answers to `/audit`",
    ("bot.slack.outgoing.links", "questions"): "finds where the requests of an answer stand",
}

CONNECTION = {f"bot.slack.{name}" for name in ("connect", "http_mode", "people", "socket_mode", "tokens", "trouble")}
CONNECTION |= {"bot.slack.signatures"}

# library -> the only parts that import it
LIBRARIES: dict[str, set[str]] = {
    "ClusterShell": {"bot.inventory", "bot.hosts.sources"},
    "rfc8785": {"bot.canonical"},
    "asyncssh": {"bot.hosts", "bot.sandbox", "bot.audit.signing"},
    "sqlite_utils": {"bot.audit"},
    "sqlite3": {"bot.audit"},
    "psycopg": {"bot.audit.postgres"},
    "slack_bolt": {"bot.slack.incoming", *CONNECTION},
    "slack_sdk": {"bot.slack.incoming", "bot.slack.outgoing", *CONNECTION},
    "aiohttp": {
        "bot.slack.incoming",
        "bot.slack.outgoing",
        *CONNECTION,
        "bot.web_server",
        "bot.sandbox",
        "bot.audit.places.https",
    },
    "cryptography": {"bot.audit.places.tls", "bot.audit.stamps", "bot.authenticators"},
    "yaml": {"bot.doctor.manifest"},
    "pydantic_settings": {"bot.credentials"},
    "click": {"bot.cli", "bot.demo"},
    "pydantic": {"bot"},
    "pydantic_core": {"bot.sandbox"},
}

# All that the core takes from Python itself: nothing that waits, reads a clock, the environment, a file or the network.
PURE = {"collections", "datetime", "difflib", "enum", "fnmatch", "functools", "hashlib", "itertools", "re", "typing"}
PURE |= {"fractions", "heapq", "ipaddress", "json", "unicodedata"}

CLOCKS = {"now", "utcnow", "today", "fromtimestamp"}
BUILTINS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}


# ------------------------------------------------------------------------------------------------ reading it


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of `bot`, by its full name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imported(module: str) -> Iterator[str]:
    """The full names of the modules that it imports, anywhere in the file."""
    for node in ast.walk(modules()[module]):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(source), level=0):
                yield from (full if (full := f"{source}.{a.name}") in modules() else source for a in node.names)
            case ast.ImportFrom():
                yield f"relative import in line {node.lineno}"


def part(module: str) -> str:
    """The part of the house in which a module of `bot` stands; a part of a part, where the map has it."""
    name, inner = [*module.split(".")[1:], "", ""][:2]
    if f"{name}.{inner}" in MAP:
        return f"{name}.{inner}"
    return "core" if name in CORE else name or "bot"


def inside(module: str, owners: set[str]) -> bool:
    return any(module == owner or module.startswith(f"{owner}.") for owner in owners)


MODULES = [name for name in modules() if name != "bot"]
CORE_MODULES = [name for name in MODULES if part(name) == "core"]
CONTENT_MODULES = [name for name in MODULES if part(name) == "slack.content"]


# ------------------------------------------------------------------------------------------------ holding it


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module: str) -> None:
    """A module imports only what the map allows to its part, and its own part."""
    here = part(module)
    allowed = MAP.get(here, set()) | {here, "bot"} | {to for file, to in DOORS if file == module}

    wrong = [name for name in imported(module) if inside(name, {"bot"}) and part(name) not in allowed]

    assert here in MAP
    assert wrong == []


@pytest.mark.parametrize("module", MODULES)
def test_libraries_have_one_home(module: str) -> None:
    """A library that isn't Python's own is imported by the part that it belongs to, and by no other."""
    foreign = {name.split(".")[0] for name in imported(module)} - {"bot"}

    wrong = [
        name
        for name in foreign
        if (name in LIBRARIES or name not in sys.stdlib_module_names) and not inside(module, LIBRARIES.get(name, set()))
    ]

    assert wrong == []


@pytest.mark.parametrize("module", [*CORE_MODULES, *CONTENT_MODULES])
def test_core_and_content_are_pure(module: str) -> None:
    """They take nothing from Python that waits or looks outside, await nothing, and call no clock."""
    own = {name.split(".")[0] for name in imported(module)} & set(sys.stdlib_module_names)
    nodes = list(ast.walk(modules()[module]))

    assert own <= (PURE if module in CORE_MODULES else PURE | {"logging"})
    assert not any(isinstance(n, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith) for n in nodes)
    assert {n.attr for n in nodes if isinstance(n, ast.Attribute)} & CLOCKS == set()
    assert {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)} & BUILTINS == set()


def test_nothing_turns_in_a_circle() -> None:
    """No module imports itself through others."""
    graph = {name: {other for other in imported(name) if other in modules()} - {"bot"} for name in MODULES}

    list(graphlib.TopologicalSorter(graph).static_order())


def test_map_is_of_this_house() -> None:
    """The map names no part that isn't there, and no door that nobody uses."""
    parts = {part(name) for name in MODULES}
    used = {(name, part(other)) for name in MODULES for other in imported(name) if inside(other, {"bot"})}

    assert set(MAP) <= parts
    assert {f"bot.{name}" for name in CORE} <= set(MODULES)
    assert set(DOORS) <= used


def test_map_has_one_way() -> None:
    """The map itself leads down only: no part may import one that may import it."""
    list(graphlib.TopologicalSorter(MAP).static_order())


def test_sandbox_is_loaded_for_the_demo_alone() -> None:
    """`kickbot run` never loads the sandbox: the command line imports the demo only where it shows it."""
    top = [node for node in modules()["bot.cli.main"].body if isinstance(node, ast.Import | ast.ImportFrom)]

    assert not any(alias.name in {"demo", "bot.demo"} for node in top for alias in node.names)
    assert "bot.demo" in imported("bot.cli.main")
