"""Setting a limit, as it is told in Slack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import trials
from bot.models import Act, SetLimit
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content.request_card import card
from bot.slack.content.story import tell
from bot.slack.content.tickets import APPROVE, DENY
from tests import make
from tests.make import INCIDENT
from tests.slack_bot import Bot, start
from tests.stage import allowing
from tests.stories import check

WORDS = "host1 set idle 15m because INC-42"


@pytest.fixture
async def bot(sandbox: SandboxSlack, tmp_path: Path) -> AsyncIterator[Bot]:
    async with start(sandbox, tmp_path, policy=allowing(Act.LIMITS)) as running:
        yield running


async def asked(bot: Bot) -> Message:
    await bot.sandbox.as_("alice").command(INCIDENT, "/limits", WORDS)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval")
    assert isinstance(parent, Message)
    return parent


async def test_the_card_says_what_it_would_mean(bot: Bot) -> None:
    """What is closed, what stays, and how nobody is cut off."""
    parent = await asked(bot)
    assert "Set the limit idle 15 min on host1?" in parent.text
    assert "close shells and file transfers in which nothing is sent or received for 15 min" in parent.text
    assert "sessions that are open now, and Kickbot's own login" in parent.text
    assert "INC-42" in parent.text
    await bot.sandbox.as_("bob").sees("sshd ends nobody for being idle")


async def test_before_and_after_stand_in_the_thread(bot: Bot) -> None:
    """A second person approves; what was run, and what the host does from now on."""
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("The limit idle 15 min is set on host1", "incidents")
    await bot.sandbox.as_("alice").sees("host1: an idle shell is closed after 15 min")
    ran = await bot.sandbox.as_("alice").sees("set on trial: `write the drop-in` → exit status 0.")
    assert "keep, over a fresh login: `keep` → exit status 0." in ran.text
    assert bot.hosts["host1"].kept


async def test_why_it_is_not_set_is_told_in_the_words_of_sshd(bot: Bot) -> None:
    """In the parent, and in the thread."""
    bot.hosts["host1"].unable = "sshd does not accept it: Bad configuration option: Nonsense"
    parent = await asked(bot)
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("alice").sees("is not set on host1", "incidents")
    await bot.sandbox.as_("alice").sees("It said:")
    shown = bot.sandbox.workspace.message(parent.channel, parent.ts)
    assert "sshd does not accept it: Bad configuration option: Nonsense" in shown.text


async def test_a_host_calls_nobody_by_what_its_sshd_says(bot: Bot) -> None:
    """Why nothing can be set is a sentence of Kickbot's, with the words of the host in it."""
    bot.hosts["host1"].limits = {"sshd": "", "notes": ("sshd does not tell its settings: <@U0EVE> <!subteam^S0LEADS>",)}
    await bot.sandbox.as_("alice").command(INCIDENT, "/limits", WORDS)
    said = await bot.sandbox.as_("alice").sees("Nothing was set", "incidents")
    assert "sshd does not tell its settings" in said.text
    assert "<@U0EVE>" not in said.text
    assert "<!subteam^" not in said.text


def test_every_host_is_told_where_it_can_not_be_set() -> None:
    """Alike ones together, and that there are more is said: nobody approves less than they think."""
    command = SetLimit(hosts=("web1",), limit="idle", seconds=900)
    old = [make.limits(host=f"web{number:02}", channels=None) for number in range(2, 40)]
    lost = [make.unreachable(f"db{number}", f"refuses connections at 192.0.2.{number} port 22") for number in range(30)]
    plan = trials.make(command, (make.limits(host="web1", channels=()), *old, *lost))
    said = check(card(tell(make.records(make.asked(command=command), make.planned(plan)))))
    assert "Not on web[02-39]: its sshd is too old" in said
    assert "Not on db0: it refuses connections" in said
    assert "and 11 more lines" in said


async def test_a_denied_one_touches_nothing(bot: Bot) -> None:
    """Whose word counts, says so under the message."""
    parent = await asked(bot)
    await bot.sandbox.as_("bob").click(parent, DENY)
    await bot.sandbox.as_("bob").submit(await bot.sandbox.as_("bob").sees_modal(), {"reason": "not now"})
    await bot.sandbox.as_("alice").sees("the limit idle 15 min on host1 was not touched", "incidents")
    assert bot.hosts.acts == []
