"""Kickbot mentioned in a message: the same as a command, answered in its thread, and only once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.models import RequestId
from bot.sandbox.nouns import Ephemeral, Fault, Json, Message
from bot.sandbox.personas import Persona
from bot.sandbox.server import SandboxSlack
from bot.slack.incoming.mentions import behind_the_name
from tests.slack_bot import Bot, open_port, start

NAME = "<@U0KICKBOT>"


async def told(bot: Bot, who: str, words: str) -> Ephemeral:
    """What only this person sees."""
    persona = bot.sandbox.as_(who)
    return await bot.sandbox.workspace.until(lambda: _mine(persona, words))


def _mine(persona: Persona, words: str) -> Ephemeral | None:
    return next((e for e in persona.ephemerals() if words in e.text), None)


async def kinds(bot: Bot) -> list[str]:
    return [r.event.kind for number in range(1, 20) for r in await bot.trail.read(RequestId(number))]


async def tell_again(bot: Bot, message: Message, **changes: Any) -> None:
    """The event of a message, once more or in another shape."""
    happened: Json = {"type": "app_mention", "user": message.author, "text": message.text, "ts": message.ts}
    happened |= {"channel": message.channel, "event_ts": message.ts, **changes}
    bot.sandbox.as_("alice").parts.send_event("app_mention", happened)
    await asyncio.gather(*bot.sandbox.as_("alice").parts.events)
    await asyncio.sleep(0.2)


# -- answered ------------------------------------------------------------------------------------------


async def test_a_listing_stands_in_the_thread_for_all(bot: Bot) -> None:
    """Asked in a channel that may see evidence, under the message that asked."""
    asked = await bot.sandbox.as_("alice").say("incidents", f"{NAME} sessions host1")
    seen = await bot.sandbox.as_("bob").sees("host1: 3 sessions of 2 people", "incidents")
    assert isinstance(seen, Message)
    assert seen.thread_ts == asked.ts


async def test_a_question_in_a_thread_is_answered_in_that_thread(bot: Bot) -> None:
    """Not below the reply that asked, which Slack would not show."""
    first = await bot.sandbox.as_("bob").say("inc-4711", "who is on host1?")
    await bot.sandbox.as_("alice").say("inc-4711", f"{NAME} sessions host1 audituser", first.ts)
    seen = await bot.sandbox.as_("bob").sees("host1: 2 sessions of audituser", "inc-4711")
    assert seen.thread_ts == first.ts


async def test_a_listing_elsewhere_is_for_the_asker_alone(bot: Bot) -> None:
    """In its thread, if there is one already; else in the channel, where Slack shows it."""
    asked = await bot.sandbox.as_("alice").say("random", f"{NAME} sessions host1")
    assert (await told(bot, "alice", "host1: 3 sessions of 2 people")).thread_ts is None
    await bot.sandbox.as_("alice").say("random", f"{NAME} sessions host2", asked.ts)
    assert (await told(bot, "alice", "host2:")).thread_ts == asked.ts
    assert not [m for m in bot.sandbox.as_("alice").messages("random") if m.author == "U0KICKBOT"]


async def test_a_kick_becomes_a_request(bot: Bot) -> None:
    """As by the command: recorded as it was typed, decided by its buttons, the reason kept whole."""
    text = f"{NAME} kick audituser host1 because R&amp;D &lt;laptop&gt; stolen, see <https://x.example/1|x.example/1>"
    await bot.sandbox.as_("alice").say("incidents", text)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval", "incidents")
    assert "R&amp;D &lt;laptop&gt; stolen, see x.example/1" in parent.text
    (asked, *_) = await bot.trail.read(RequestId(1))
    assert asked.event.kind == "asked"
    assert asked.event.words == "@kickbot kick audituser host1 because R&D <laptop> stolen, see x.example/1"


@pytest.mark.parametrize("words", ["", "help", "`help`", ": help", "kick", "kick help"])
async def test_the_name_alone_or_help_explains(bot: Bot, words: str) -> None:
    """To the person alone."""
    await bot.sandbox.as_("alice").say("incidents", f"{NAME} {words}")
    assert await told(bot, "alice", "/kick USER HOSTS")


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("sesions host1", "Did you mean `sessions`?"),
        ("thanks!", "is not a word that `/kickbot` knows"),
        ("kick audituser hots1", "Did you mean `host1`?"),
        ("kick audituser host1 becuase INC-42", "Did you mean `because`?"),
    ],
)
async def test_a_mistake_is_answered_to_the_person_alone(bot: Bot, words: str, answer: str) -> None:
    """Nothing is done or recorded."""
    await bot.sandbox.as_("alice").say("incidents", f"{NAME} {words}")
    assert await told(bot, "alice", answer)
    assert not await kinds(bot)
    assert not bot.hosts.looks


async def test_whoever_may_not_look_is_refused(bot: Bot) -> None:
    """A mention gives no right that the command wouldn't give."""
    await bot.sandbox.as_("dave").say("incidents", f"{NAME} sessions host1")
    assert await told(bot, "dave", "may look at host1")
    assert not bot.hosts.looks


async def test_mentions_arrive_over_http_too(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Behind a load balancer."""
    async with open_port(sandbox) as http, start(sandbox, tmp_path, http=http):
        await sandbox.as_("alice").say("incidents", f"{NAME} sessions host1")
        assert await sandbox.as_("bob").sees("host1: 3 sessions of 2 people", "incidents")


# -- not answered, or not twice ------------------------------------------------------------------------


async def test_a_repeated_event_asks_once(bot: Bot) -> None:
    """Slack tells again what it believes lost: the same envelope, or the same event in a new one."""
    message = await bot.sandbox.as_("alice").say("incidents", f"{NAME} kick audituser host1 because INC-42")
    await bot.sandbox.as_("bob").sees("waiting for approval", "incidents")
    await bot.sandbox.socket.redeliver(bot.sandbox.socket.deliveries[-1])
    await tell_again(bot, message)
    assert (await kinds(bot)).count("asked") == 1
    assert len(bot.sandbox.as_("alice").ephemerals()) == 1


async def test_an_event_repeated_to_a_new_process_asks_once(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """The trail remembers what the process that stopped had asked."""
    async with start(sandbox, tmp_path) as bot:
        message = await sandbox.as_("alice").say("incidents", f"{NAME} kick audituser host1 because INC-42")
        await sandbox.as_("bob").sees("waiting for approval", "incidents")
    async with start(sandbox, tmp_path) as bot:
        await tell_again(bot, message)
        assert (await kinds(bot)).count("asked") == 1


@pytest.mark.parametrize("words", ["help", "thanks"])
async def test_a_repeated_event_is_explained_once(bot: Bot, words: str) -> None:
    """Where nothing is recorded, too."""
    message = await bot.sandbox.as_("alice").say("incidents", f"{NAME} {words}")
    await told(bot, "alice", "/kickbot")
    await tell_again(bot, message)
    assert len(bot.sandbox.as_("alice").ephemerals()) == 1


@pytest.mark.parametrize("fault", [Fault.dropped_after(), Fault.server_error(effect=True)])
async def test_an_answer_about_which_slack_says_nothing_is_not_posted_again(bot: Bot, fault: Fault) -> None:
    """It may well stand there."""
    bot.sandbox.workspace.faults = lambda method, _args: fault if method == "chat.postMessage" else None
    await bot.sandbox.as_("alice").say("incidents", f"{NAME} sessions host1")
    await bot.sandbox.as_("bob").sees("host1: 3 sessions of 2 people", "incidents")
    await asyncio.sleep(0.3)
    assert len([m for m in bot.sandbox.as_("bob").messages("incidents") if m.author == "U0KICKBOT"]) == 1


async def test_an_answer_whose_blocks_slack_refuses_comes_as_text(bot: Bot) -> None:
    """Nobody waits in vain because of an answer's looks."""
    fault = Fault.refused("invalid_blocks")
    bot.sandbox.workspace.faults = lambda _method, args: fault if args.get("blocks") else None
    await bot.sandbox.as_("alice").say("incidents", f"{NAME} sessions host1")
    seen = await bot.sandbox.as_("bob").sees("host1: 3 sessions of 2 people", "incidents")
    assert not any(block["type"] == "table" for block in seen.blocks)


@pytest.mark.parametrize(
    "text", [f"thanks {NAME}", f"ask {NAME} kick audituser host1", f"\N{LEFT DOUBLE QUOTATION MARK}{NAME} help"]
)
async def test_a_mention_in_passing_is_not_answered(bot: Bot, text: str) -> None:
    """Only a message that begins with the name is for Kickbot."""
    message = await bot.sandbox.as_("alice").say("incidents", text)
    await tell_again(bot, message)
    assert not bot.sandbox.workspace.ephemerals
    assert not await kinds(bot)


@pytest.mark.parametrize("by", [{"bot_id": "B0OTHER"}, {"user": "U0KICKBOT"}, {"user": None}])
async def test_a_bot_is_never_answered(bot: Bot, by: Json) -> None:
    """Another app, Kickbot itself, or nobody: two bots would talk for ever."""
    message = await bot.sandbox.as_("alice").say("incidents", "hello")
    await tell_again(bot, message, text=f"{NAME} sessions host1", **by)
    assert not bot.sandbox.workspace.ephemerals
    assert not bot.hosts.looks


async def test_an_edited_message_asks_for_nothing(bot: Bot) -> None:
    """What others have read already must not become another request; the person reads what to do."""
    message = await bot.sandbox.as_("alice").say("incidents", "hello")
    edited = {"user": "U0ALICE", "ts": "1700000000.000100"}
    await tell_again(bot, message, text=f"{NAME} kick audituser host1", edited=edited)
    assert await told(bot, "alice", "An edited message asks for nothing")
    assert not await kinds(bot)


# -- the text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{NAME} sessions host1", "sessions host1"),
        (f"  {NAME}\N{NO-BREAK SPACE}sessions host1", "sessions host1"),
        (f"{NAME}, sessions host1", "sessions host1"),
        ("<@U0KICKBOT|kickbot> sessions host1", "sessions host1"),
        (f"{NAME} ```sessions host1```", "sessions host1"),
        (f"{NAME} kick a b because `x` and `y`", "kick a b because `x` and `y`"),
        (f"{NAME} sessions <http://web01.example.com|web01.example.com>", "sessions web01.example.com"),
        (f"{NAME} sessions <!subteam^S0PROD|@prod>", "sessions @prod"),
        (f"{NAME} kick <mailto:x@y.z|x@y.z> h", "kick x@y.z h"),
        (f"{NAME} kick a b because <https://x.example/?a=1&amp;b=2>", "kick a b because https://x.example/?a=1&b=2"),
        (f"{NAME} kick a b because &amp;lt; <@U0BOB>", "kick a b because &lt; <@U0BOB>"),
        (NAME, ""),
        ("<@U0OTHER> sessions host1", None),
        ("sessions host1", None),
        ("", None),
    ],
)
def test_what_stands_behind_the_name(text: str, words: str | None) -> None:
    """As the person typed it, without what Slack made of it."""
    assert behind_the_name(text, "U0KICKBOT") == words


def test_without_a_name_nothing_is_for_kickbot() -> None:
    """Should Slack not have said who the bot is."""
    assert behind_the_name("<@> help", "") is None
