"""What people read about idle sessions: in the listing, on the card and in the result, through real bolt."""

import json
from datetime import UTC, datetime

from bot.models import Terminal
from bot.sandbox import elements
from bot.sandbox.nouns import Message
from bot.slack.content.tickets import APPROVE
from tests import make
from tests.make import INCIDENT
from tests.slack_bot import Bot


def rest(bot: Bot, *names: str) -> None:
    """These sessions of host1 are idle, on a host whose clock is right."""
    host = bot.hosts["host1"]
    host.clock.now = datetime.now(UTC)
    for number, name in enumerate(names):
        host.sessions[name] = make.at_rest(host.sessions[name], tty=f"pts/{number}")


def use(bot: Bot, name: str) -> None:
    """A key on that session's terminal, just now."""
    session = bot.hosts["host1"].sessions[name]
    terminal = Terminal(name=session.terminals[0].name, since_key=2, since_output=2)
    bot.hosts["host1"].sessions[name] = session.model_copy(update={"terminals": (terminal,)})


async def listed(bot: Bot, words: str) -> str:
    await bot.sandbox.as_("alice").command(INCIDENT, "/sessions", words)
    seen = await bot.sandbox.as_("alice").sees("host1")
    return f"{seen.text}\n{elements.words(seen.blocks)}"


async def test_a_listing_shows_the_idle_ones_and_says_why_others_are_not(bot: Bot) -> None:
    """What runs there, and where nobody can know it."""
    rest(bot, "7", "12")
    session = bot.hosts["host1"].sessions["12"]
    tail = session.processes[1].model_copy(update={"name": "tail", "command": "tail -f log"})
    bot.hosts["host1"].sessions["12"] = session.model_copy(update={"processes": (tail,)})

    said = await listed(bot, "host1 idle 30m")

    assert "host1: 1 session of 1 person idle for 30 min" in said
    assert "7 · audituser" in said
    assert "not shown as idle on host1: session 12, tail is in the foreground of pts/1" in said
    assert "not shown as idle on host1: session 9, it has no terminal, so nobody knows whether it is idle" in said


async def test_a_host_with_a_wrong_clock_shows_nobody_as_idle(bot: Bot) -> None:
    """It says how wrong it is, once for all its sessions."""
    rest(bot, "7")
    bot.hosts["host1"].clock.now = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 9000, UTC)

    said = await listed(bot, "host1 idle 30m")

    assert "host1: no session idle for 30 min." in said
    assert "sessions 7, 9, 12, host1's clock is 2 h ahead: idle can't be judged" in said


async def test_who_works_again_is_said_to_stay(bot: Bot) -> None:
    """The card says that it may happen; the result names who stayed, offers no force, and calls it no survivor."""
    rest(bot, "7")
    alice, carol = bot.sandbox.as_("alice"), bot.sandbox.as_("carol")
    await alice.command(INCIDENT, "/kick", "audituser host1 idle 30m because INC-42")
    parent = await carol.sees("waiting for approval")
    assert isinstance(parent, Message)
    assert "Only what is still idle for 30 min then: a session that is used again stays." in said_by(parent)
    assert "session 9 on host1: it is not known to be idle: it has no terminal" in said_by(parent)

    use(bot, "7")
    await carol.click(parent, APPROVE)
    end = await alice.sees("Nothing was ended", "incidents")

    assert isinstance(end, Message)
    assert "0 of 1 session ended, 1 left alone · audituser stays on host1" in end.text
    assert "7 left alone: it was used again: a key on pts/0 2 s ago" in said_by(end).replace("*", "")
    assert "kickbot_force" not in json.dumps(end.blocks)
    assert "7" in bot.hosts["host1"].sessions


def said_by(message: Message) -> str:
    return f"{message.text}\n{elements.words(message.blocks)}"
