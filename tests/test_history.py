"""The answers to `/audit`: the words, what Slack takes, and through unmodified bolt who reads which."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.events import DecisionRefused, Denied, Refused
from bot.lifecycle import replay
from bot.models import Audit, RequestId, Result
from bot.questions import Found, Known
from bot.sandbox.nouns import Ephemeral
from bot.sandbox.server import SandboxSlack
from bot.slack.content import history
from bot.slack.content.tickets import APPROVE
from tests import make
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.stories import HOSTILE, Telling, check, harmless, many


def known(told: Telling) -> Known:
    return Known(request=told.story.request, records=tuple(told.records))


def whole() -> Telling:
    return Telling().planned().approved().tried().closed(Result.ENDED, Result.SURVIVED)


# -- one request ---------------------------------------------------------------------------------------


def test_a_request_is_told_as_a_story() -> None:
    """Who did what and when, one sentence for each event, and how each target ended."""
    message = history.story(known(whole()), "https://example.slack.com/archives/C0/p1")
    said = check(message)
    for words in (
        "Request 1",
        "*audituser off host1*, asked by <@U0ALICE>, approved by <@U0CAROL>, because _INC-42_",
        "⚠️ 1 ended, 1 survived",
        "<@U0ALICE> asked in <#C0INCIDENT>: audituser host1",
        "looked at 1 host before the plan",
        ": end 2 sessions of audituser; 1 approval by ",
        "then 15 min to act",
        "<@U0CAROL> approved the plan ",
        "asks host1 to end session 7 of audituser (terminate, attempt 1), not after ",
        "host1 ran loginctl terminate-session 7, exit status 0, which proves no end",
        "host1: session 7 ended",
        "host1: session 9 survived",
        "`kickbot audit show 1`",
    ):
        assert words in message.text
    assert "2026-11-20" in said


def test_a_story_has_no_evidence() -> None:
    """Addresses and what hosts said stay in the thread and on the machine."""
    told = Telling().planned().approved().tried(output="login from 203.0.113.10").closed(*[Result.ENDED] * 2)
    assert "203.0.113.10" not in check(history.story(known(told)))


def test_kickbots_own_sentences_keep_their_mentions() -> None:
    """A refusal names people and groups; what people wrote stays words."""
    told = Telling(reason=HOSTILE)
    told.add(Refused(reason="Only <!subteam^S0SRE> may ask on host1."))
    message = history.story(known(told))
    harmless(message)
    assert "refused: Only <!subteam^S0SRE> may ask on host1." in message.text
    denied = Telling().planned()
    denied.add(DecisionRefused(who="U0ALICE", action="approve", reason="You asked for this one."))
    denied.add(Denied(who="U0CAROL", plan_hash=denied.plan.hash, reason=HOSTILE))
    harmless(history.story(known(denied)))


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    """A kick of two hundred sessions fits, and says what it leaves out."""
    told = Telling(many(200)).planned().approved()
    for number in range(200):
        told.tried(number)
    told.closed(*[Result.ENDED] * 200)
    message = history.story(known(told))
    said = check(message)
    assert "asked in" in said
    assert "events between them are not shown: `kickbot audit show 1` has all." in said
    assert "and 180 more targets" in said
    assert said.index("asked in") < said.index("are not shown") < said.index("nothing is left to do")


# -- several -------------------------------------------------------------------------------------------


def test_requests_stand_in_a_line_each() -> None:
    """When, whom and where, how it ended, who asked and who approved, and a link."""
    links = {RequestId(1): "https://example.slack.com/archives/C0/p1"}
    message = history.requests(Audit(about="host1", since=86400), Found(known=(known(whole()),)), links)
    check(message)
    assert "*1 request* about host1 in the last 24 h:" in message.text
    line = (
        " · *audituser off host1* · ⚠️ 1 ended, 1 survived · asked by <@U0ALICE>, approved by <@U0CAROL>"
        " · <https://example.slack.com/archives/C0/p1|request 1>"
    )
    assert line in message.text


def test_twenty_requests_fit() -> None:
    """Each with its link, and with what is longest about it."""
    hosts = [f"host-with-a-long-name-{number}.example.com" for number in range(0, 60, 2)]
    records = make.records(make.asked(command=make.kick(*hosts, reason="x" * 1000)))
    one = Known(request=replay(records), records=tuple(records))
    links = {one.request.id: f"https://example.slack.com/archives/C0INCIDENT/p{'1' * 16}"}
    message = history.requests(Audit(), Found(known=(one,) * 20, more=True), links)
    check(message)
    assert message.text.count("request 1>") == 20
    assert "the newest 20 requests" in message.text


def test_nothing_found_says_so() -> None:
    """With what may have been meant, and how far was looked."""
    message = history.requests(Audit(about="hots1"), Found(known=(), cut=True), {}, " Did you mean `host1`?")
    assert message.text == (
        "There is no request about hots1 that you may see. Did you mean `host1`?"
        " Only the newest 400 requests were looked through."
    )


# -- through bolt --------------------------------------------------------------------------------------


async def kicked(bot: Bot) -> None:
    """Alice asks, Carol approves, and audituser is off host1."""
    sandbox: SandboxSlack = bot.sandbox
    await sandbox.as_("alice").command(INCIDENT, "/kick", "audituser host1 because INC-42")
    parent = await sandbox.as_("carol").sees("waiting for approval", "incidents")
    await sandbox.as_("carol").click(parent, APPROVE)
    await sandbox.as_("alice").sees("audituser is off host1", "incidents")
    await sandbox.as_("alice").sees("audituser is off host1", "@kickbot")  # the last message of all


async def answer(bot: Bot, who: str, words: str, text: str, command: str = "/audit") -> Ephemeral:
    """What this person alone reads after typing that."""
    await bot.sandbox.as_(who).command(INCIDENT, command, text)
    person = bot.sandbox.as_(who)
    return await bot.sandbox.workspace.until(lambda: next((e for e in person.ephemerals() if words in e.text), None))


async def test_one_request_for_who_may_see_it(bot: Bot) -> None:
    """Bob may look at host1; he alone reads the story, also in a channel that may see evidence."""
    await kicked(bot)
    before = len(bot.sandbox.workspace.messages)
    shown = await answer(bot, "bob", "*audituser off host1*, asked by <@U0ALICE>, approved by <@U0CAROL>", "1")
    assert f"/archives/{INCIDENT}/p" in shown.text
    assert "host1: session 7 ended" in shown.text
    assert "203.0.113.10" not in shown.text
    assert len(bot.sandbox.workspace.messages) == before


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("/audit", ""),
        ("/audit", "audituser"),
        ("/audit", "host1 since 24h"),
        ("/audit", "<@U0CAROL>"),
        ("/audit", "U0ALICE"),
        ("/audit", "@carol"),
        ("/kickbot", "audit host1"),
    ],
)
async def test_requests_about_someone_or_somewhere(bot: Bot, command: str, text: str) -> None:
    """A login name, a host, whoever asked or approved; under both names."""
    await kicked(bot)
    shown = await answer(bot, "bob", "*1 request*", text, command)
    assert "*audituser off host1* · ✅ 2 ended · asked by <@U0ALICE>, approved by <@U0CAROL>" in shown.text
    assert "|request 1>" in shown.text


@pytest.mark.parametrize("text", ["1", "999999", "999999999999999999"])
async def test_what_someone_may_not_see_is_not_there(bot: Bot, text: str) -> None:
    """Dave is told the same about Alice's request as about one that there never was."""
    await kicked(bot)
    await answer(bot, "dave", f"There is no request {text} that you may see.", text)
    await answer(bot, "dave", "There is no request about host1 that you may see.", "host1")


@pytest.mark.parametrize(
    ("who", "text", "words"),
    [
        ("gus", "1", "A guest can't use Kickbot"),
        ("gus", "", "A guest can't use Kickbot"),
        ("bob", "help", "You alone see the answer"),
        ("bob", "host1 please", "`please` is not a word that `/audit` knows."),
        ("bob", "hots1", "There is no request about hots1 that you may see. Did you mean `host1`?"),
        ("bob", "host2", "There is no request about host2 that you may see."),
        ("bob", "@nobody", "Nobody called `nobody` asked or decided"),
        ("bob", "since 1s", "There is no request in the last 1 s that you may see."),
    ],
)
async def test_what_else_may_be_answered(bot: Bot, who: str, text: str, words: str) -> None:
    """A guest, help, a slip of the hand, and what there is nothing about."""
    await kicked(bot)
    bot.trail._clock = lambda now=bot.trail._clock: now() + timedelta(seconds=5)  # type: ignore[misc]
    await answer(bot, who, words, text)


async def test_two_people_of_one_name_are_told_apart_by_their_ids(bot: Bot) -> None:
    """Names are only for reading: nobody is taken for another one."""
    await kicked(bot)
    bot.sandbox.workspace.change_person("U0CAROL", name="alice", real_name="alice", display_name="alice")
    await answer(bot, "bob", "Several people are called `alice`: name one by the Slack id.", "@alice")


async def test_whoever_may_ask_but_not_look_does_not_read_who_is_there(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """A slip in the name finds nobody; who is really logged in there stands in the thread, and not in the answers."""
    rules = tuple(rule.model_copy(update={"look": ("U0BOB",)}) for rule in POLICY.rules)
    async with start(sandbox, tmp_path, policy=POLICY.model_copy(update={"rules": rules})) as bot:
        await sandbox.as_("alice").command(INCIDENT, "/kick", "audituse host1 because x")
        alone = await sandbox.as_("alice").sees("there was nothing to end", "@kickbot")
        story = await answer(bot, "alice", "Request 1", "1")
        for said in (alone.text, story.text):
            assert "audituser" not in said.replace("audituse ", "")
