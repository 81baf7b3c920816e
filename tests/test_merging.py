"""Several lists of hosts made one: whose word counts, and what is left out."""

import pytest

from bot.merging import Entry, found, merge, one_name_each
from bot.models import Host

OPEN, STRICT = (0,), (1,)


def entry(name: str, **said: object) -> Entry:
    return Entry.model_validate({"name": name, "address": name, **said})


def host(name: str, address: str = "10.0.0.1", **said: object) -> Host:
    return Host.model_validate({"name": name, "address": address, "source": "ansible", **said})


def left_out(*hosts: Host, rules: dict[str, tuple[int, ...]] | None = None) -> set[str]:
    named = {each.name: each for each in hosts}
    return {name for name, _ in one_name_each(named, {name: (rules or {}).get(name, OPEN) for name in named})}


@pytest.mark.parametrize(
    "bad",
    [
        entry("$(id)"),
        entry("-rf"),
        entry("web[1-2]"),
        entry("x" * 300),
        entry("web1", address="-oProxyCommand=id"),
        entry("web1", address="{{ lookup }}"),
        entry("web1", address=""),
        entry("web1", address="a b"),
        entry("web1", port=0),
        entry("web1", port=65536),
        entry("web1", user="root;id"),
        entry("web1", user="-l"),
    ],
)
def test_what_is_no_host_is_left_out_and_told(bad: Entry) -> None:
    """A name that nobody could type, or an address, a port, a login that is none."""
    seen = found("ansible", [bad, entry("web2")])

    assert [each.name for each in seen.entries] == ["web2"]
    assert len(seen.notes) == 1
    assert seen.notes[0].isprintable()


@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1", "::1", "fe80::1%eth0", "web_1.example", "a.b."])
def test_addresses(address: str) -> None:
    """Names and addresses of either kind stay as they are."""
    assert found("ansible", [entry("web1", address=address)]).entries[0].address == address


def test_groups_of_a_source_that_is_not_trusted_are_hints() -> None:
    """They can be typed, and choose no rule."""
    (hinted,) = found("ansible", [entry("web1", groups={"prod", "$(id)"})]).entries
    (believed,) = found("ansible", [entry("web1", groups={"prod"})], trusted=True).entries

    assert (set(hinted.groups), set(hinted.hints)) == (set(), {"prod"})
    assert (set(believed.groups), set(believed.hints)) == ({"prod"}, set())


def test_the_first_source_says_how_a_host_is_reached() -> None:
    """What others add are groups, and nothing else: not even a port where the first names none."""
    other = found("ansible", [entry("web1", address="6.6.6.6", port=2222, user="eve", groups={"lab", "prod"})])

    merged = merge([entry("web1", address="10.0.0.1", groups={"prod"})], [other])["web1"]

    assert (merged.address, merged.port, merged.user) == ("10.0.0.1", None, "")
    assert (set(merged.groups), set(merged.hints)) == ({"prod"}, {"lab"})


def test_a_machine_has_one_name_where_both_have_the_same_rules() -> None:
    """The first one, or that of kickbot.toml."""
    assert left_out(host("a"), host("b")) == {"b"}
    assert left_out(host("a"), host("b", source="kickbot.toml")) == {"a"}
    assert left_out(host("a", address="Web1"), host("b", address="web1")) == {"b"}


def test_a_machine_under_other_rules_has_no_name_at_all() -> None:
    """Nobody chooses the rule by the name that they type."""
    assert left_out(host("a"), host("b"), rules={"b": STRICT}) == {"a", "b"}


def test_a_second_name_does_not_change_the_rule_of_kickbot_toml() -> None:
    """A list from outside can't take a host away either."""
    assert left_out(host("a"), host("b", source="kickbot.toml"), rules={"a": STRICT}) == {"a"}


def test_two_names_in_kickbot_toml_under_other_rules_are_both_named() -> None:
    """Whoever wrote the file has to say which one it is."""
    own = host("a", source="kickbot.toml"), host("b", source="kickbot.toml")
    assert left_out(*own, rules={"b": STRICT}) == {"a", "b"}
    assert left_out(*own) == set()


def test_another_port_or_another_way_is_another_machine() -> None:
    """Private addresses stand behind several jump hosts."""
    east, west = (Host(name=name, address=name) for name in ("east", "west"))
    assert left_out(host("a"), host("b", port=2222)) == set()
    assert left_out(host("a", jump=east), host("b", jump=west)) == set()
    assert left_out(host("a", jump=east), host("b", jump=east)) == {"b"}
