"""Whether the app's manifest is in step with the code; what the code uses is counted from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.doctor import manifest
from bot.doctor.manifest import EVENTS, OWN, examine
from bot.settings import Commands, SlackSection
from tests.test_manifest import trees

SLACK = SlackSection(incident_channel="C0INCIDENT")


def told(path: Path | None, slack: SlackSection = SLACK) -> list[tuple[str, str, str]]:
    return [(one.level, one.about, one.said) for one in examine(path, slack)]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A copy that may be changed."""
    copy = tmp_path / "mine.yml"
    copy.write_bytes(OWN.read_bytes())
    return copy


def change(path: Path, *way: Any, to: Any) -> None:
    """What stands there, or what a function makes of it."""
    whole = yaml.safe_load(path.read_bytes())
    inner = whole
    for step in way[:-1]:
        inner = inner[step]
    inner[way[-1]] = to(inner[way[-1]]) if callable(to) else to
    path.write_text(yaml.safe_dump(whole))


def test_our_own_is_in_step() -> None:
    """Beside the code it is found by itself."""
    ((level, about, _),) = told(None)
    assert (level, about) == ("ok", str(OWN))


def test_without_the_repository_it_has_to_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container: that is no fault."""
    monkeypatch.setattr(manifest, "OWN", tmp_path / "app_manifest.yml")
    ((level, _, said),) = told(None)
    assert (level, said) == ("unknown", "is not beside the code")


def test_the_events_are_those_to_which_the_code_listens() -> None:
    """Counted from its source."""
    assert {event for tree in trees() for event in _listened_to(tree)} == EVENTS


def _listened_to(tree: ast.AST) -> Iterator[str]:
    """`app.event("app_mention")(…)` -> app_mention."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="event"), args=[ast.Constant(value=str(event))]):
                yield event


@pytest.mark.parametrize(
    ("way", "to", "said"),
    [
        (("oauth_config", "scopes", "bot"), lambda scopes: scopes[1:], "lacks app_mentions:read"),
        (("settings", "event_subscriptions", "bot_events"), ["app_mention"], "lacks app_home_opened"),
        (("features", "shortcuts"), [], "lacks kickbot_kick"),
        (("features", "slash_commands"), lambda commands: commands[:-1], "lacks /kickbot, which is its name in"),
        (("features", "slash_commands", 0, "command"), "/who", "has /who, to which Kickbot does not listen"),
        (("settings", "interactivity", "is_enabled"), False, "is false, and has to be true"),
        (("settings", "socket_mode_enabled"), False, "is false, and has to be true"),
        (("features", "app_home", "home_tab_enabled"), False, "is false, and has to be true"),
        (("features", "app_home", "messages_tab_enabled"), False, "is false, and has to be true"),
        (("features", "slash_commands"), "none", "can't be read as a manifest"),
    ],
)
def test_what_is_out_of_step(mine: Path, way: tuple[Any, ...], to: Any, said: str) -> None:
    """Each piece by its own words; nothing else is called wrong."""
    change(mine, *way, to=to)
    (wrong,) = [text for level, _, text in told(mine) if level == "wrong"]
    assert wrong.startswith(said)


def test_what_is_more_than_is_needed(mine: Path) -> None:
    """A right that nobody needs is worth knowing."""
    change(mine, "oauth_config", "scopes", "bot", to=lambda scopes: [*scopes, "admin"])
    assert [(level, said) for level, _, said in told(mine) if level != "ok"] == [
        ("note", "has admin, which nothing uses")
    ]


def test_a_command_may_be_left_out(mine: Path) -> None:
    """All but the one that can't clash: it has all the others."""
    change(mine, "features", "slash_commands", to=lambda commands: [c for c in commands if c["command"] != "/kick"])
    assert [(level, said) for level, _, said in told(mine) if level != "ok"] == [
        ("note", "lacks /kick: people have to type /kickbot kick")
    ]


def test_commands_have_the_names_of_the_configuration(mine: Path) -> None:
    """A new name has to stand in both."""
    renamed = SLACK.model_copy(update={"commands": Commands(kick="/logout")})
    assert [said for level, _, said in told(mine, renamed) if level == "wrong"] == [
        "lacks /logout, which is its name in kickbot.toml (slack.commands.kick)",
        "has /kick, to which Kickbot does not listen",
    ]
    change(mine, "features", "slash_commands", 1, "command", to="/logout")
    assert [level for level, _, _ in told(mine, renamed)] == ["ok"]


@pytest.mark.parametrize("content", [b"\xff", b"- a", b"a: [", b"features: 7", b""])
def test_what_is_no_manifest(tmp_path: Path, content: bytes) -> None:
    """One line that says so."""
    (tmp_path / "m.yml").write_bytes(content)
    wrong = [said for level, _, said in told(tmp_path / "m.yml") if level == "wrong"]
    assert wrong
    assert "\n" not in "".join(wrong)


def test_one_that_is_not_there(tmp_path: Path) -> None:
    """It was named, so it is wrong."""
    ((level, _, said),) = told(tmp_path / "nowhere.yml")
    assert level == "wrong"
    assert "No such file" in said
