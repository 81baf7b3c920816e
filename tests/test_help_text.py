"""The help: true, in the names of this workspace, and short."""

import pytest

from bot.commands import parse
from bot.slack.content.help_text import HELP, help_on, renamed
from tests import make
from tests.stories import check

NAMES = {"sessions": "/sessions", "kick": "/kick", "kickbot": "/kickbot"}
INVENTORY = make.with_windows(make.inventory("host1", *(f"web{n:02}" for n in range(1, 21))), "win1")


@pytest.mark.parametrize("topic", sorted(HELP))
def test_what_can_be_copied_is_understood(topic: str) -> None:
    """Each example, as it stands there, is a command and no help."""
    for example in HELP[topic].examples:
        command, _, text = example.removeprefix("/").partition(" ")
        assert parse(command, text, INVENTORY).kind != "help"


@pytest.mark.parametrize("topic", sorted(HELP))
def test_the_help_fits_on_two_screens_of_a_phone(topic: str) -> None:
    """About 45 characters in a line and 30 lines on a screen; an example is never wrapped twice."""
    wanted = HELP[topic]
    said = [wanted.does, *wanted.examples, *wanted.words, wanted.then]

    assert sum(-(-len(text) // 45) for text in said) + 4 < 45
    assert max(map(len, wanted.examples)) <= 45
    check(help_on(topic, NAMES))


def test_every_word_of_a_kick_is_explained() -> None:
    """Each in a line of its own; none that isn't there yet."""
    explained = [word.removeprefix("`").split("`")[0].split()[0] for word in HELP["kick"].words]

    assert explained == [
        "HOSTS",
        "everyone",
        "me",
        "session",
        "idle",
        "from",
        "key",
        "processes",
        "force",
        "warn",
        "hold",
        "emergency",
        "because",
    ]


def test_help_speaks_in_the_names_of_this_workspace() -> None:
    """In the examples too, where `/kick` is called `/logout`."""
    names = NAMES | {"kick": "/logout", "sessions": "/who"}
    for topic in HELP:
        said = check(help_on(topic, names))
        assert "/kick " not in said
        assert "/sessions" not in said
    assert "/logout audituser host1 because INC-42" in check(help_on("kick", names))
    assert renamed("`/kickbot kick`, `/kick`", names) == "`/kickbot kick`, `/logout`"
