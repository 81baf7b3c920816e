"""The fence on the host: who slept (SIGSTOP, a paused machine) ends nothing late, whatever slept: the bot or sshd."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from bot.audit import reading
from bot.events import Record, Signalled, Verifying
from bot.hosts.connections import SshHosts
from bot.lifecycle import replay
from bot.models import EndSession, Host, HostUptime, Result, Snapshot
from bot.request import Request
from bot.sandbox.server import SandboxSlack
from bot.states import State
from tests import make
from tests.dying_bot import Life
from tests.hosts.kicking import BOTS_ACCOUNT
from tests.hosts.logins import Login, Logins
from tests.hosts.looking import uptime
from tests.hosts.machines import Machine
from tests.lives import PATIENCE, bot
from tests.whole import APPROVE, CHANNEL, add_to_rule, parent_with_buttons

ASLEEP = "T"


def asleep_before_the_act(config: Path) -> Life:
    """It stops itself right before the first act."""
    fate = config.parent / "fate"
    fate.touch()
    return Life(config.parent / "passed", fate, "act #1, before", signal.SIGSTOP)


def allow_seconds_to_act(config: Path) -> None:
    add_to_rule(config, 'act_by = "3s"')


def state(pid: int) -> str:
    """As the kernel names it: T is stopped."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if line.startswith("State:")).split()[1]


async def until_past(machine: Machine, deadline: HostUptime) -> None:
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(uptime, machine) <= deadline:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.1)


def records(config: Path) -> Sequence[Record]:
    return reading.show(config.parent / "kickbot.db", 1)


def request_of(config: Path) -> Request:
    return replay(records(config))


def answers(config: Path) -> list[tuple[str, str | None]]:
    """What the host said to each try, in order."""
    events = [record.event for record in records(config)]
    return [(e.answer.status, e.answer.refusal) for e in events if isinstance(e, Signalled)]


async def slept_over_its_deadline(config: Path, slack: SandboxSlack, machine: Machine, login: Login, pid: int) -> None:
    """Asked and approved; the bot stops itself between the intent and the act, and wakes up when it is too late."""
    alice, carol = slack.as_("alice"), slack.as_("carol")
    await alice.command(CHANNEL, "/kick", f"audituser {machine.name} because INC-42")
    await carol.click(await parent_with_buttons(alice, PATIENCE), APPROVE)
    async with asyncio.timeout(PATIENCE):
        while state(pid) != ASLEEP:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    (attempt,) = request_of(config).unanswered
    await until_past(machine, HostUptime(attempt.not_after))
    assert login.alive
    os.kill(pid, signal.SIGCONT)


async def test_a_bot_that_slept_ends_nothing_late_and_tries_anew(
    config: Path, slack: SandboxSlack, machine: Machine, logins: Logins
) -> None:
    """The late act is refused by the host; the approval is still in force: a fresh look, and a second try ends it."""
    login = logins.terminal(machine, "audituser")
    async with bot(config, slack, asleep_before_the_act(config)) as process:
        assert process.pid
        await slept_over_its_deadline(config, slack, machine, login, process.pid)
        await slack.as_("alice").sees("*After*", CHANNEL, seconds=PATIENCE)

    assert answers(config)[0] == ("refused", "late")
    assert answers(config)[1][0] == "done"
    kinds = [record.event.kind for record in records(config)]
    first = kinds.index("signalled")
    assert "observed" in kinds[first : kinds.index("ending", first)]
    assert [outcome.result for outcome in request_of(config).outcomes] == [Result.ENDED]
    login.wait_end()


async def test_a_bot_that_slept_longer_than_the_approval_ends_nothing(
    config: Path, slack: SandboxSlack, machine: Machine, logins: Logins
) -> None:
    """The time to act is over when it wakes up: the late act is refused, no other one follows, and it is told why."""
    allow_seconds_to_act(config)
    login = logins.terminal(machine, "audituser")
    async with bot(config, slack, asleep_before_the_act(config)) as process:
        assert process.pid
        await slept_over_its_deadline(config, slack, machine, login, process.pid)
        after = await slack.as_("alice").sees("*After*", CHANNEL, seconds=PATIENCE)

    assert answers(config) == [("refused", "late")]
    assert request_of(config).state is State.CLOSED
    assert [outcome.result for outcome in request_of(config).outcomes] == [Result.SURVIVED]
    (verifying,) = (record.event for record in records(config) if isinstance(record.event, Verifying))
    assert verifying.reason.startswith("nothing may start after")
    assert "survived" in after.text
    assert login.alive


async def test_an_sshd_that_slept_ends_nothing_late(machine: Machine, logins: Logins, tmp_path: Path) -> None:
    """The act was sent in time, and lay in a connection whose sshd was stopped: the script sees that it is late."""
    login = logins.terminal(machine, "audituser")
    known = tmp_path / "known"
    known.write_text(machine.known_hosts.read_text())
    host = Host(name=machine.name, address=machine.address)
    hosts = SshHosts({machine.name: host}, [machine.identity], known, user=BOTS_ACCOUNT)
    try:
        (look,) = [look async for look in hosts.look([machine.name])]
        assert isinstance(look, Snapshot)
        (session,) = look.of("audituser")
        step = make.step(make.target(look, session), "terminate")
        assert isinstance(step, EndSession)
        deadline = HostUptime(uptime(machine) + 100)

        machine.run("pkill", "-STOP", "-u", BOTS_ACCOUNT)
        sent = asyncio.create_task(hosts.act(step, not_after=deadline))
        await until_past(machine, deadline)
        assert not sent.done()
        machine.run("pkill", "-CONT", "-u", BOTS_ACCOUNT)
        answer = await asyncio.wait_for(sent, PATIENCE)
        assert (answer.status, answer.refusal) == ("refused", "late")
        assert login.alive

        in_time = await hosts.act(step, not_after=HostUptime(uptime(machine) + 2000))
        assert in_time.status == "done"
        login.wait_end()
    finally:
        await hosts.close()
