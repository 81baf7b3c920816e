"""The Home tab through unmodified bolt: what people see there, what they click there, and how it stays fresh."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.lifecycle import replay
from bot.models import RequestId
from bot.sandbox import elements
from bot.sandbox.nouns import Fault, View
from bot.sandbox.server import SandboxSlack
from bot.slack.content.home import OPEN, REFRESH
from bot.slack.content.tickets import APPROVE, CANCEL, DENY
from bot.slack.incoming import home_tab
from bot.states import State
from tests import make
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start

KICK = "audituser host1 because INC-42"


async def asked(bot: Bot, words: str = KICK) -> None:
    """Alice asks, and the request waits in its channel, with the first reply in its thread."""
    await bot.sandbox.as_("alice").command(INCIDENT, "/kick", words)
    await bot.sandbox.as_("bob").sees("waiting for approval", "incidents")
    await bot.sandbox.as_("bob").sees("*Before", "incidents")


async def opened(bot: Bot, who: str, words: str) -> View:
    """This person's Home tab, just opened, once these words stand there."""
    await bot.sandbox.as_(who).open_home()
    return await bot.sandbox.as_(who).sees_home(words)


def actions(view: View) -> list[str]:
    return [place.element["action_id"] for place in elements.places(view.blocks)]


def published(bot: Bot, who: str) -> int:
    """How often this person's Home tab was shown."""
    return sum(call["ok"] and call["args"]["user_id"] == who for call in bot.sandbox.workspace.calls("views.publish"))


# -- what stands there ---------------------------------------------------------------------------------


async def test_who_may_approve_sees_what_waits_with_its_buttons(bot: Bot) -> None:
    """Bob sees the question, its buttons, the way to its thread, and his rights."""
    await asked(bot)
    view = await opened(bot, "bob", "Waiting for you (1)")
    words = elements.words(view.blocks)
    assert "audituser off host1  ·  2 sessions  ·  because  INC-42  ·  asked by  U0ALICE  ·  until " in words
    assert "request 1" in words
    assert actions(view) == [APPROVE, DENY, OPEN, REFRESH]
    assert "On every host you may look, ask and approve ;  U0CAROL  approves" in words
    assert "203.0.113.10" not in json.dumps(view.blocks)


async def test_the_link_leads_to_the_request(bot: Bot) -> None:
    """Open leads to the message of the request, and its click is acknowledged and nothing else."""
    await asked(bot)
    view = await opened(bot, "bob", "Waiting for you (1)")
    button = next(p.element for p in elements.places(view.blocks) if p.element["action_id"] == OPEN)
    parent = await bot.sandbox.as_("bob").sees("waiting for approval", "incidents")
    assert button["url"].endswith(f"/archives/{INCIDENT}/p{parent.ts.replace('.', '')}")
    assert (await bot.sandbox.as_("bob").click(view, OPEN)).ok


async def test_the_asker_has_no_approve(bot: Bot) -> None:
    """Alice sees her own request with Cancel alone, and who can approve it."""
    await asked(bot)
    view = await opened(bot, "alice", "Yours, waiting for others (1)")
    assert "Waiting for you (0) : nothing." in elements.words(view.blocks)
    assert actions(view) == [CANCEL, OPEN, REFRESH]


async def test_a_guest_reads_why_there_is_nothing(bot: Bot) -> None:
    """Gus is told that only full members can use Kickbot, and sees no request."""
    await asked(bot)
    view = await opened(bot, "gus", "A guest can't use Kickbot: only full members of this workspace can.")
    assert "audituser" not in elements.words(view.blocks)
    assert actions(view) == [REFRESH]


async def test_whom_no_rule_names_reads_so(bot: Bot) -> None:
    """Dave stands in no group, and sees no request of others."""
    await asked(bot)
    view = await opened(bot, "dave", "No rule names you")
    assert "audituser" not in elements.words(view.blocks)


async def test_the_other_tab_publishes_nothing(bot: Bot) -> None:
    """Slack tells of the Messages tab too."""
    happened = {"type": "app_home_opened", "user": "U0BOB", "channel": "D0BOB", "tab": "messages"}
    bot.sandbox.as_("bob").parts.send_event("app_home_opened", happened)
    await opened(bot, "carol", "Waiting for you (0)")
    assert bot.sandbox.as_("bob").home is None


# -- what is clicked there -----------------------------------------------------------------------------


async def test_an_approval_on_the_home_tab_counts_and_is_answered_there(bot: Bot) -> None:
    """Bob approves there; the answer stands on top, and then the request stands under Latest with its outcome."""
    await asked(bot)
    view = await opened(bot, "bob", "Waiting for you (1)")
    assert (await bot.sandbox.as_("bob").click(view, APPROVE)).ok
    view = await bot.sandbox.as_("bob").sees_home("You approved request")
    assert elements.words(view.blocks[:1]).startswith("You approved request")
    await bot.sandbox.as_("alice").sees("audituser is off host1", "incidents")
    view = await bot.sandbox.as_("bob").sees_home("✅ 2 ended")
    words = elements.words(view.blocks)
    assert words.index("Latest") < words.index("✅ 2 ended")
    assert "Waiting for you (0)" in words
    assert not bot.sandbox.as_("bob").ephemerals()


async def test_a_refusal_on_the_home_tab_is_answered_there(bot: Bot) -> None:
    """Bob lost his right since the page was shown: he reads why, and nothing is done."""
    await asked(bot)
    view = await opened(bot, "bob", "Waiting for you (1)")
    bot.sandbox.workspace.change_group("S0LEADS", members=("U0CAROL",))
    await bot.sandbox.as_("bob").click(view, APPROVE)
    view = await bot.sandbox.as_("bob").sees_home("You are not among them.")
    assert elements.words(view.blocks[:1]).startswith("Only  S0LEADS  may approve on host1.")
    assert replay(await bot.trail.read(RequestId(1))).state is State.PENDING
    assert not bot.hosts.acts


async def test_deny_opens_the_form_and_its_answer_stands_on_the_home_tab(bot: Bot) -> None:
    """The same form as everywhere."""
    await asked(bot)
    view, bob = await opened(bot, "bob", "Waiting for you (1)"), bot.sandbox.as_("bob")
    await bob.click(view, DENY)
    await bob.submit(await bob.sees_modal(), {"reason": "talk to him first"})
    await bob.sees_home("You denied request")
    view = await bob.sees_home("⛔ denied  by  U0BOB")
    assert actions(view) == [REFRESH]
    assert replay(await bot.trail.read(RequestId(1))).state is State.DENIED


async def test_the_asker_cancels_on_the_home_tab(bot: Bot) -> None:
    """Alice takes her request back there."""
    await asked(bot)
    view = await opened(bot, "alice", "Yours, waiting for others (1)")
    await bot.sandbox.as_("alice").click(view, CANCEL)
    await bot.sandbox.as_("alice").sees_home("You cancelled request")
    assert replay(await bot.trail.read(RequestId(1))).state is State.CANCELLED


async def test_a_warned_request_can_be_stopped_there(bot: Bot) -> None:
    """While the user is warned, the request stands under Running, with Stop for those who may."""
    await asked(bot, "audituser host1 warn 5m because INC-42")
    view = await opened(bot, "carol", "Waiting for you (1)")
    await bot.sandbox.as_("carol").click(view, APPROVE)
    view = await bot.sandbox.as_("carol").sees_home("📣 the user was told , ending at")
    assert "Running (1)" in elements.words(view.blocks)
    await bot.sandbox.as_("carol").click(view, CANCEL)
    await bot.sandbox.as_("carol").sees_home("You stopped request")
    assert replay(await bot.trail.read(RequestId(1))).state is State.CANCELLED


async def test_refresh_reads_again_and_takes_the_answer_away(bot: Bot) -> None:
    """What someone did before is not told for ever."""
    await asked(bot)
    view, carol = await opened(bot, "carol", "Waiting for you (1)"), bot.sandbox.as_("carol")
    await carol.click(view, APPROVE)
    view = await carol.sees_home("You approved request")
    await carol.click(view, REFRESH)
    await bot.sandbox.workspace.until(lambda: carol.home if "You approved" not in words_of(carol.home) else None)


def words_of(view: View | None) -> str:
    return elements.words(view.blocks) if view else ""


# -- staying fresh -------------------------------------------------------------------------------------


async def test_it_is_shown_anew_when_another_approves(bot: Bot) -> None:
    """Bob has it open; Carol approves in the channel, and Bob's page changes by itself."""
    await asked(bot)
    await opened(bot, "bob", "Waiting for you (1)")
    parent = await bot.sandbox.as_("carol").sees("waiting for approval", "incidents")
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    view = await bot.sandbox.as_("bob").sees_home("✅ 2 ended")
    assert "Waiting for you (0)" in elements.words(view.blocks)
    assert bot.sandbox.as_("carol").home is None


async def test_many_changes_are_shown_together(bot: Bot) -> None:
    """A whole kick changes a request six times and more; the page is shown anew a few times."""
    await opened(bot, "bob", "Waiting for you (0)")
    await asked(bot)
    parent = await bot.sandbox.as_("carol").sees("waiting for approval", "incidents")
    await bot.sandbox.as_("carol").click(parent, APPROVE)
    await bot.sandbox.as_("bob").sees_home("✅ 2 ended")
    assert published(bot, "U0BOB") <= 4


async def test_a_page_that_slack_refuses_is_logged_and_dropped(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the bot nor the next page suffers from one that was not taken."""

    def broken(method: str, _args: Mapping[str, Any]) -> Fault | None:
        return Fault.server_error() if method == "views.publish" else None

    bot.sandbox.workspace.faults = broken
    await bot.sandbox.as_("bob").open_home()
    await bot.sandbox.workspace.until(lambda: "was not shown" in caplog.text)
    bot.sandbox.workspace.faults = lambda _method, _args: None
    await opened(bot, "bob", "Waiting for you (0)")


async def test_who_can_not_be_looked_up_reads_so(bot: Bot) -> None:
    """When Slack doesn't say who opens the page, nothing is shown but that; the next time may succeed."""
    bot.sandbox.workspace.faults = lambda method, _: Fault.refused("fatal_error") if method == "users.info" else None
    view = await opened(bot, "bob", "Slack could not say who  U0BOB  is")
    bot.sandbox.workspace.faults = lambda _method, _args: None
    await bot.sandbox.as_("bob").click(view, REFRESH)
    await bot.sandbox.as_("bob").sees_home("Waiting for you (0)")


async def test_a_group_that_can_not_be_read_is_named(bot: Bot) -> None:
    """What hangs on the group is missing, and the page says so."""

    def leads(method: str, args: Mapping[str, Any]) -> Fault | None:
        unread = method == "usergroups.users.list" and args["usergroup"] == "S0LEADS"
        return Fault.refused("no_such_subteam") if unread else None

    bot.sandbox.workspace.faults = leads
    view = await opened(bot, "bob", "Slack did not say who is in  S0LEADS : what that would allow")
    assert "you may look and ask" in elements.words(view.blocks)


async def test_slow_lookups_are_told_at_once(bot: Bot) -> None:
    """Whoever opens the page for the first time doesn't look at nothing for seconds."""
    bot.sandbox.workspace.faults = lambda method, _: Fault.slow(2) if method == "users.info" else None
    await opened(bot, "bob", home_tab.READING)
    await bot.sandbox.as_("bob").sees_home("Waiting for you (0)")


async def test_groups_are_read_once_for_many_pages(bot: Bot) -> None:
    """Slack allows some twenty group reads a minute, and decisions need them."""
    await asked(bot)
    before = len(bot.sandbox.workspace.calls("usergroups.users.list"))
    for who in ("alice", "bob", "carol"):
        await opened(bot, who, "Your rights")
    assert len(bot.sandbox.workspace.calls("usergroups.users.list")) - before == 2


async def test_whoever_opens_it_all_the_time_is_not_served_each_time(bot: Bot) -> None:
    """One person can't use up what Slack allows everyone."""
    for _ in range(30):
        await bot.sandbox.as_("bob").open_home()
    await bot.sandbox.as_("bob").sees_home("Waiting for you (0)")
    await opened(bot, "carol", "Waiting for you (0)")
    await asyncio.sleep(0.5)
    assert published(bot, "U0BOB") <= 20


async def test_two_hundred_open_requests_fit(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Slack takes the page, and it says how many more there are."""
    async with start(sandbox, tmp_path, policy=POLICY) as bot:
        for number in range(200):
            question, *rest = make.pending(decide_by=make.START.replace(year=2099))
            record = await bot.trail.append(None, question.model_copy(update={"key": f"k{number}", "who": "U0ALICE"}))
            for event in rest:
                await bot.trail.append(record.request, event)
        await sandbox.as_("bob").open_home()
        view = await sandbox.as_("bob").sees_home("Waiting for you (200)")
        assert "and 180 more requests, in their channels." in elements.words(view.blocks)
        assert len(view.blocks) <= 100
