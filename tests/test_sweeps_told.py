"""What people read of sweeps, through real bolt: one message where there is something to say, and else none."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import events
from bot.borders import Origin
from bot.errors import Refused
from bot.events import Event, Permitted
from bot.lifecycle import replay
from bot.models import Act, Idle, RequestId, Series, Swept
from bot.policy import Policy
from bot.sandbox import elements
from bot.sandbox.nouns import Message
from bot.sandbox.server import SandboxSlack
from bot.slack.content import sweeps
from bot.slack.content.lines import in_plain
from bot.slack.content.tickets import APPROVE, CANCEL, DENY
from bot.states import State
from bot.sweeping import Runs
from tests import make
from tests.fakes import FakeClock, FakeHosts
from tests.make import INCIDENT
from tests.slack_bot import POLICY, Bot, start
from tests.stories import check


def soon(action: str, **changes: Any) -> Series:
    """A sweep of which one run is due in a second."""
    return make.series(action=action, every=make.soon(datetime.now(UTC)), **changes)


def with_sweeps(*there: Series, **rule: Any) -> Policy:
    lets = {"acts": frozenset({Act.KICK, Act.EVERYONE}), "sweeps": "end", **rule}
    return POLICY.model_copy(update={"rules": (POLICY.rules[0].model_copy(update=lets),), "sweeps": there})


def resting(*sessions: str) -> FakeHosts:
    """Idle logins of audituser on host1, and nobody on host2."""
    clock = FakeClock()
    clock.now = datetime.now(UTC)
    logins = [make.at_rest(make.login(s, leader=1000 + 10 * n), tty=f"pts/{n}") for n, s in enumerate(sessions)]
    return FakeHosts(clock, host1=logins, host2=())


def said_by(message: Message) -> str:
    return f"{message.text}\n{elements.words(message.blocks)}"


def actions(message: Message) -> list[str]:
    return [place.element["action_id"] for place in elements.places(message.blocks)]


async def until_closed(bot: Bot) -> list[str]:
    """The kinds of events of the first run, once it has ended."""
    async with asyncio.timeout(60):
        async for record in bot.trail.follow(0):
            if record.request == 1 and record.event.kind in {"closed", "lapsed", "refused"}:
                break
    return [record.event.kind for record in await bot.trail.read(record.request)]


def messages(bot: Bot) -> list[Message]:
    return [m for m in bot.sandbox.workspace.messages.values() if not m.deleted]


def now(bot: Bot, message: Message) -> str:
    """What the same message says by now."""
    return next(m.text for m in messages(bot) if m.ts == message.ts)


# ------------------------------------------------------------------------------------------------ report


async def test_a_report_is_one_message(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """How many hosts, which sessions, whose, for how long; no button, no thread, nobody in person."""
    hosts = resting("7", "9")
    hosts["host2"].lost = "did not answer within 10 s"
    async with start(sandbox, tmp_path, hosts, with_sweeps(soon("report", hosts=("host1", "host2")))) as bot:
        message = await sandbox.as_("bob").sees("Sweep nightly", "incidents")
        assert isinstance(message, Message)
        await until_closed(bot)
        await asyncio.sleep(0.3)
        said = said_by(message)

        assert "2 hosts looked at: 1 with idle sessions, 1 did not answer. Nothing was ended." in said
        assert "7 audituser, no key for 1 h · 9 audituser, no key for 1 h" in said
        assert "*host2* did not answer within 10 s" in said
        assert (actions(message), len(messages(bot))) == ([], 1)
        assert "203.0.113.10" not in said


def test_a_long_report_is_cut_and_not_left_out() -> None:
    """What fits is shown, host by host; that there is more is said."""
    sweep = make.series(action="report")
    hosts = [f"host{number}" for number in range(40)]
    idle = [Idle(host=host, session=f"{n}", user=f"someone{n}", seconds=90_000) for host in hosts for n in range(9)]
    run = make.asked(who="kickbot", command=sweep.command, sweep=sweep.sweep)
    closed = events.Closed(outcomes=(), swept=Swept(idle=tuple(idle)))
    said = check(sweeps.report(replay(make.records(run, closed))))
    assert "*host0*: 0 someone0, no key for 25 h" in said
    assert "this message did not fit" in said


async def test_where_all_hosts_are_compliant_nobody_hears_of_it(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """But it is counted: in `/kickbot sweeps`, on the Home tab, and in `/audit`."""
    alice = sandbox.as_("alice")
    async with start(sandbox, tmp_path, resting(), with_sweeps(soon("report"))) as bot:
        await until_closed(bot)
        await alice.command("incidents", "/kickbot", "sweeps")
        listed = await alice.sees("Sweeps (1)")
        await alice.command("incidents", "/audit", "1")
        history = await alice.sees("Request 1")
        await alice.open_home()
        home = await alice.sees_home("Sweeps (1)")

        for words in (listed.text, elements.words(home.blocks)):
            assert "nightly" in words
            assert "reports what is idle for 30 min on host1" in words
            assert "1 host looked at: 1 compliant" in words
            assert "next run" in words
        assert "1 host looked at: 1 compliant" in history.text
        assert not [m for m in messages(bot) if m.channel == INCIDENT and m.metadata]


async def test_a_sweep_is_for_those_who_may_look_there(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Nobody else reads where it looks."""
    policy = with_sweeps(soon("report"), look=("U0BOB",))
    dave, bob = sandbox.as_("dave"), sandbox.as_("bob")
    async with start(sandbox, tmp_path, resting(), policy):
        await dave.command("incidents", "/kickbot", "sweeps")
        assert "No sweep runs on hosts that you may look at." in (await dave.sees("No sweep")).text
        await bob.command("incidents", "/kickbot", "sweeps")
        assert "nightly" in (await bob.sees("Sweeps (1)")).text


async def test_a_run_before_its_time_is_told_to_nobody(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """No message, and nothing among the latest requests; `/audit` says when it is due."""
    alice = sandbox.as_("alice")
    async with start(sandbox, tmp_path, resting("7"), with_sweeps(make.series(every=30 * 86_400))) as bot:
        async for _ in bot.trail.follow(0):
            break
        await alice.command("incidents", "/audit", "1")
        assert "due" in (await alice.sees("Request 1")).text
        await alice.open_home()
        assert "Latest" not in elements.words((await alice.sees_home("Sweeps (1)")).blocks)
        assert not [m for m in messages(bot) if m.channel == INCIDENT and m.metadata]


# ------------------------------------------------------------------------------------------------ propose


async def test_a_proposal_reads_like_a_request_of_nobody(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """The sweep asks; whoever may approves or denies, nobody cancels, and nobody is told as the asker."""
    async with start(sandbox, tmp_path, resting("7"), with_sweeps(soon("propose"))) as bot:
        carol = sandbox.as_("carol")
        asked = await carol.sees("waiting for approval", "incidents")
        assert isinstance(asked, Message)
        said = said_by(asked)

        assert "The sweep *nightly*: nobody has used these sessions for 30 min." in said
        assert "kickbot>" not in said
        assert "who asked" not in said
        assert actions(asked) == [APPROVE, DENY]

        await carol.click(asked, APPROVE)
        await carol.sees("*everyone is off host1*", "incidents")
        kinds = await until_closed(bot)
        await carol.sees("*After*", "incidents")

        assert "permitted" not in kinds
        assert "by the sweep *nightly*, approved by <@U0CAROL>" in now(bot, asked)
        assert not [m for m in messages(bot) if m.channel.startswith("D") and "kickbot" in m.channel.lower()]


async def test_nobody_cancels_a_proposal(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """Who may approve can deny; a click that was made up is answered."""
    async with start(sandbox, tmp_path, resting("7"), with_sweeps(soon("propose"))) as bot:
        await sandbox.as_("carol").sees("waiting for approval", "incidents")
        request = replay(await bot.trail.read(RequestId(1)))
        origin = Origin(who="U0CAROL", channel=make.channel(), key="k")
        with pytest.raises(Refused, match="can deny it"):
            await bot.workflow.cancel(origin, request.id, request.plan_hash)


# ------------------------------------------------------------------------------------------------ end


async def test_an_end_without_a_click_says_who_allowed_it(sandbox: SandboxSlack, tmp_path: Path) -> None:
    """The configuration did, in the message and in its thread; no approver is called, and it can be stopped."""
    async with start(sandbox, tmp_path, resting("7"), with_sweeps(soon("end", warn=3))) as bot:
        bob = sandbox.as_("bob")
        warned = await bob.sees("Ending at", "incidents")
        assert isinstance(warned, Message)
        assert "the configuration, without a click" in warned.text
        assert actions(warned) == [CANCEL]
        await bob.sees("The configuration lets this sweep end the plan", "incidents")
        await bob.sees("*After*", "incidents")
        kinds = await until_closed(bot)

        done = now(bot, warned)
        assert kinds[:4] == ["asked", "observed", "planned", "permitted"]
        assert "asked by the sweep *nightly*, approved by the configuration, without a click" in done
        assert not [m for m in messages(bot) if m.channel.startswith("D")]
        assert bot.hosts["host1"].sessions == {}


# ------------------------------------------------------------------------------------------------ as values


def planned(*more: Event, action: str = "end", approvals: int = 0) -> Any:
    one = make.series(action=action)
    plan = make.plan(make.snapshot(make.at_rest(make.session()), ahead=0))
    asked = make.asked(who="kickbot", channel="", command=one.command, sweep=one.sweep, not_before=make.START)
    return make.request(asked, make.observed("before"), make.planned(plan, approvals=approvals), *(e for e in more))


def test_the_list_of_sweeps_in_every_state() -> None:
    """One that never ran, one that waits for people, and more than can be shown."""
    one = make.series()
    assert "never ran yet · no next run yet" in in_plain(sweeps.in_one_line(Runs(series=one)))
    waiting = planned(action="propose", approvals=1)
    found = waiting.model_copy(update={"swept": Swept(compliant=("host1",))})
    assert found.state is State.PENDING
    assert "1 host looked at: 1 compliant (pending)" in in_plain(sweeps.in_one_line(Runs(series=one, last=found)))
    assert "and 5 more" in sweeps.listed([Runs(series=one)] * 25).text


def test_a_crash_before_it_was_permitted_shows_no_button() -> None:
    """Nobody is asked for what needs nobody."""
    request = planned()
    assert request.needs_nobody
    permitted = planned(Permitted(plan_hash=request.plan_hash, act_by=make.START))
    for each in (request, permitted):
        assert "the configuration" in in_plain(sweeps.approved(each))
