"""The configured hosts. Names that eat memory or run something first."""

import ast
import inspect
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot import inventory
from bot.errors import CommandError
from bot.inventory import MAX_RANGE, MAX_TEXT, Inventory, expand, fold
from bot.models import Host
from tests import make

INVENTORY = make.inventory("host1", "web01", "web02", "web10")


def refused(text: str) -> str:
    with pytest.raises(CommandError) as error:
        INVENTORY.select(text)
    return str(error.value)


# ------------------------------------------------------------------------------------------------ hostile names


@pytest.mark.parametrize(
    "text",
    [
        "web[1-999999999]",
        "web[1-10000]",
        "web[1-9999,1-9999]",
        "a[0-999]b[0-999]",
        "x" + "[1-2]" * 14,
        "web[0000001-2]",
        "a99999999",
        "web[1-99999]x[1-99999]",
    ],
)
def test_range_without_end(text: str) -> None:
    """A range that would make too many names is refused before it is expanded."""
    started = time.process_time()

    message = refused(text)

    assert "too large" in message
    assert time.process_time() - started < 1


def test_largest_range() -> None:
    """A range of nearly the largest size is expanded at once; its unknown names are refused."""
    assert len(expand(f"web[1-{MAX_RANGE - 2}]")) == MAX_RANGE - 2
    assert "There is no host `web1`." in refused(f"web[1-{MAX_RANGE - 2}]")


@pytest.mark.parametrize("text", ["x" * (MAX_TEXT + 1), "host1," * 50, "@" + "x" * MAX_TEXT, "[" * 300, "," * 300])
def test_long_text(text: str) -> None:
    """Text that is too long is refused before it is parsed."""
    assert "too long" in refused(text)


@pytest.mark.parametrize(
    "text", ["$(id)", "-rf", "`id`", "a b", "a/b", "..", ".", "a;b", "a:b", "%h", "a\nb", "é", "@"]
)
def test_no_name(text: str) -> None:
    """What is no host name is refused, and comes back on one line without backticks of its own."""
    message = refused(text)

    assert message.isprintable()
    assert message.count("`") % 2 == 0


@pytest.mark.parametrize("text", ["web-", "web.", "web[1-2]-", "web[1-2]."])
def test_name_with_a_loose_end(text: str) -> None:
    """A name ends with a letter or a digit, in a range too."""
    with pytest.raises(CommandError, match="ends with a letter or a digit"):
        expand(text)


@pytest.mark.parametrize("text", ["@a", "@PROD", "@pro", "@prod,@a", "@a;touch${IFS}x", "@prod:x", "@@prod", "@*"])
def test_no_group(text: str) -> None:
    """A group that isn't configured is refused: an unknown group is never nobody, and never everyone."""
    assert "group" in refused(text)


def test_one_unknown_among_known() -> None:
    """One unknown host refuses the whole list."""
    assert "There is no host `web03`." in refused("host1,web01,web03")


@pytest.mark.parametrize("name", ["-rf", "a b", "", "web[1-2]", "@prod", "web-", "$(id)", "a\n"])
def test_name_that_nobody_could_type(name: str) -> None:
    """An inventory refuses a host whose name is none."""
    with pytest.raises(ValidationError):
        Inventory(hosts={name: Host(name=name, address="x")})


@given(st.text(alphabet="aw01[]-,@.9", max_size=60))
def test_whatever_is_typed(text: str) -> None:
    """Whatever is typed gives configured names, each once, or a CommandError."""
    refusal = ""
    try:
        names = INVENTORY.select(text)
    except CommandError as error:
        names, refusal = (), error.for_user()

    assert bool(names) is not bool(refusal)
    assert refusal.isprintable()
    assert len(set(names)) == len(names)
    assert set(names) <= set(INVENTORY.hosts)


def test_node_sets_have_no_group_source() -> None:
    """Besides the text being checked first, every NodeSet is made without a group source: it would run a shell."""
    tree = ast.parse(inspect.getsource(inventory))
    made = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).startswith("NodeSet")]

    assert made
    for call in made:
        assert "resolver=RESOLVER_NOGROUP" in [ast.unparse(keyword) for keyword in call.keywords]


# ------------------------------------------------------------------------------------------------ ranges


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("host1", ("host1",)),
        ("web[01-03]", ("web01", "web02", "web03")),
        ("web[1,3]", ("web1", "web3")),
        ("web[08-10,12].example", ("web08.example", "web09.example", "web10.example", "web12.example")),
        ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1", "r2n2")),
    ],
)
def test_expand(text: str, names: tuple[str, ...]) -> None:
    """A range is its names, with the leading zeros that were typed."""
    assert expand(text) == names


def test_select_in_order() -> None:
    """Hosts come in the order in which they were typed, each once; a group in the order of the configuration."""
    assert INVENTORY.select("web02,web[01-02],host1") == ("web02", "web01", "host1")
    assert INVENTORY.select("web10,@prod") == ("web10", "host1", "web01", "web02")


def test_comma_in_a_range() -> None:
    """A comma inside brackets belongs to the range."""
    assert INVENTORY.select("web[01,10],host1") == ("web01", "web10", "host1")


def test_groups() -> None:
    """A group is the hosts that name it; all groups are known."""
    hosts = {"a": Host(name="a", address="a", groups=frozenset({"x", "y"})), "b": Host(name="b", address="b")}

    inventory = Inventory(hosts=hosts)

    assert inventory.groups == {"x", "y"}
    assert inventory.select("@x") == ("a",)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_fold_and_expand(numbers: set[int]) -> None:
    """What `fold` makes of names, `expand` makes of it again."""
    names = {f"web{number:03}" for number in numbers}

    folded = fold(names)

    if len(folded) <= MAX_TEXT:
        assert set(expand(folded)) == names


@pytest.mark.parametrize(
    ("names", "folded"),
    [(["web02", "web01", "web03"], "web[01-03]"), (["host1"], "host1"), (["a1", "b"], "a1,b"), ([], "")],
)
def test_fold(names: list[str], folded: str) -> None:
    """Names fold to their shortest form."""
    assert fold(names) == folded
