"""What people read when everyone goes: how much it is, who stays and why, and how it ended, through real bolt."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.models import Act, Result
from bot.policy import Policy
from bot.sandbox import elements
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.sentences import sentence
from bot.slack.content import decided
from bot.slack.content.lines import in_plain
from bot.slack.content.telling import Part
from bot.slack.content.tickets import APPROVE, DENY
from tests import make
from tests.fakes import FakeHosts
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.stories import Telling

RULE = POLICY.rules[0].model_copy(
    update={"acts": frozenset({Act.KICK, Act.EVERYONE}), "max_sessions": 2, "spare_groups": ("oncall",)}
)
MAINTENANCE = Policy.model_validate(
    {**POLICY.model_dump(), "rules": [RULE], "owners": {"alice": {"U0ALICE"}, "dora": {"U0DAVE"}}}
)


@pytest.fixture
async def bot(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    """Where a rule allows maintenance, with a limit of two sessions; carl is on call."""
    async with start(sandbox, tmp_path, policy=MAINTENANCE) as running:
        host = running.hosts["host1"]
        host.login("3", "carl", 1003)
        host.login("4", "dora", 1004)
        host.groups = {"1001": (), "1002": (), "1003": ("oncall",), "1004": ()}
        yield running


def said_by(message: Message) -> str:
    return f"{message.text}\n{elements.words(message.blocks)}"


async def asked(bot: Bot, words: str = "everyone host1 because kernel update") -> Message:
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", words)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval")
    assert isinstance(parent, Message)
    return parent


async def test_the_number_of_sessions_and_people_stands_right_above_the_buttons(bot: Bot) -> None:
    """In bold; and why it takes one approval more."""
    parent = await asked(bot)
    said = said_by(parent)
    buttons = next(n for n, block in enumerate(parent.blocks) if block["type"] == "actions")

    assert "*Kick everyone off host1?*" in said
    assert "*3 sessions of 2 people.*" in said
    assert elements.words(parent.blocks[buttons - 1 : buttons]).strip() == "3 sessions of 2 people."
    assert "It needs 2 approvals on each host, one of them as it ends more than 2 sessions." in said


async def test_who_stays_is_named_with_the_reason(bot: Bot) -> None:
    """The asker, and who is on call."""
    said = said_by(await asked(bot))
    assert "session 12 of alice on host1: it is of whoever asked; with the word me it would end too." in bare(said)
    assert "session 3 of carl on host1: the account is in the group oncall." in said
    assert "7 (audituser, pts/3" in bare(said)


async def test_it_ends_and_says_so_in_words_that_read_well(bot: Bot) -> None:
    """From the first approval to the proof in the thread."""
    parent = await asked(bot)
    carol, bob = bot.sandbox.as_("carol"), bot.sandbox.as_("bob")
    await carol.click(parent, APPROVE)
    await bob.click(parent, APPROVE)
    end = await bob.sees("has ended", "incidents")
    after = await bob.sees("After", "incidents")

    assert isinstance(end, Message)
    assert "What was approved on host1 has ended · 3 of 3 sessions ended" in bare(said_by(end))
    assert "Left on host1: sessions 12, 3." in said_by(after)  # type: ignore[arg-type]
    assert set(bot.hosts["host1"].sessions) == {"3", "12"}


async def test_an_owner_is_told_in_person(bot: Bot) -> None:
    """Of their own sessions alone, where everyone goes."""
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("bob").click(parent, APPROVE)
    told = await bot.sandbox.as_("dave").sees("Your session of dora on host1 was ended")
    assert "kernel update" in told.text


async def test_denied_it_reads_well_too(bot: Bot) -> None:
    """Everyone stays."""
    parent = await asked(bot)
    assert DENY in str(parent.blocks)
    await bot.sandbox.as_("alice").click(parent, "kickbot_cancel")
    end = await bot.sandbox.as_("bob").sees("everyone stays on host1", "incidents")
    assert isinstance(end, Message)


async def test_a_form_is_not_for_everyone(bot: Bot) -> None:
    """Where the asker's account isn't known, the answer tells the word that is missing."""
    await bot.sandbox.as_("bob").command(INCIDENT, "/kick", "everyone host1")
    refused = await bot.sandbox.as_("bob").sees("Add the word")
    assert "your own sessions could be among them" in refused.text


def bare(text: str) -> str:
    return text.replace("*", "").replace("`", "")


# ------------------------------------------------------------------------------------------------ in other ends


def story(**command: Any) -> Telling:
    """A request about three people's sessions, approved."""
    hosts = FakeHosts(host1=[make.login(str(n), f"user{n}", uid=1000 + n, leader=100 * n) for n in (1, 2, 3)])
    rule = make.rule(acts=frozenset({Act.KICK, Act.EVERYONE, Act.FORCE}))
    return Telling(hosts, user="everyone", policy=Policy(rules=(rule,)), **command).planned().approved()


def test_who_survives_who_is_back_and_who_is_not_known() -> None:
    """The worst is the headline; none of them speaks of an account called everyone."""
    kept = story().closed(Result.ENDED, Result.SURVIVED, Result.ENDED).says(Part.NOW)
    assert "*1 of 3 sessions is still on host1*" in kept
    back = story().closed(Result.ENDED, Result.RETURNED, Result.ENDED).says(Part.NOW)
    assert "3 of 3 sessions ended, and user2 logged in again" in back
    lost = story().closed(Result.ENDED, Result.UNKNOWN, Result.UNKNOWN).says(Part.NOW)
    assert "What became of 2 sessions on host1 is not known" in lost


def test_who_could_not_be_told() -> None:
    """Nobody, and not an account of that name."""
    told = story(warn=300)
    told.look("warning")
    for number in range(3):
        told.told(number, untold=("no terminal",), command="write", exit_status=0)
    assert "Nobody could be told on any terminal" in told.warned().says(Part.NOW)


def test_who_approves_reads_how_much_it_is() -> None:
    """In the answer to the click, and in the sentence that the trail has of the plan."""
    request = story().story.request
    assert "3 sessions of 3 people on host1 end now" in in_plain(decided.approved(request))
    planned = next(r.event for r in story().records if r.event.kind == "planned")
    assert "end 3 sessions of everyone (3 accounts)" in str(sentence(planned))
