"""The whole bot on sandbox hosts: stories that a real host can't be made to tell."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit import reading
from bot.lifecycle import replay
from bot.models import Result
from bot.request import Request
from bot.sandbox.cast import demo_workspace
from bot.sandbox.host_logins import Login
from bot.sandbox.host_server import Fault
from bot.sandbox.hosts import HostSpec, SandboxHost, SandboxHosts
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE
from tests.whole import APPROVE, CHANNEL, QUICK, bot_at_work, configure, parent_with_buttons, thread

SPEC = HostSpec("host1", (Login("audituser"), Login("audituser", terminal=False), Login("alice")))


class Scene:
    """One sandbox host, a workspace, and the bot's configuration."""

    def __init__(self, host: SandboxHost, slack: SandboxSlack, config: Path) -> None:
        self.host, self.slack, self.config = host, slack, config
        self.alice, self.carol = slack.as_("alice"), slack.as_("carol")

    def users(self) -> list[str]:
        return sorted(s.account.name for s in self.host.sessions() if s.account.name != "kickbot")

    def request(self, number: int = 1) -> Request:
        return replay(reading.show(self.config.parent / "kickbot.db", number))


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with SandboxHosts.start([SPEC]) as hosts, SandboxSlack.start(demo_workspace()) as slack:
        host = hosts.hosts["host1"]
        lines = [(host.name, host.address, host.port)]
        config = configure(tmp_path, lines, key=hosts.client_key, known_hosts=hosts.known_hosts)
        yield Scene(host, slack, config)


async def test_the_id_of_an_ended_session_that_bob_got_is_not_touched(scene: Scene) -> None:
    """Between asking and approving a session ends and bob gets its id: bob stays, and the thread says why."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        parent = await parent_with_buttons(scene.alice)
        taken = next(s.id for s in scene.host.sessions() if s.account.name == "audituser")
        await scene.host.reuse(taken, "bob")
        await scene.carol.click(parent, APPROVE)
        await scene.alice.sees("*After*", CHANNEL, seconds=PATIENCE)
        said = "\n".join(m.text for m in thread(scene.alice, parent))

    assert scene.users() == ["alice", "bob"]
    assert {o.result for o in scene.request().outcomes} == {Result.ALREADY_GONE, Result.ENDED}
    assert "another login of bob" in said


async def test_a_host_that_is_cut_off_before_anything_was_begun_is_waited_for(scene: Scene) -> None:
    """Every answer is cut right after the approval: the thread says so, and it goes on when the host is back."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        parent = await parent_with_buttons(scene.alice)
        scene.host.fault = Fault("cut", bytes=400)
        await scene.carol.click(parent, APPROVE)
        await scene.alice.sees("Nothing was begun there", CHANNEL, seconds=PATIENCE)
        assert "alice" in scene.users()
        assert "audituser" in scene.users()
        scene.host.fault = None
        await scene.alice.sees("audituser is off host1", CHANNEL, seconds=PATIENCE)


async def test_a_host_that_is_cut_off_in_the_middle_is_never_said_to_be_done(scene: Scene) -> None:
    """It was asked to end a session, and every look after that is cut: the thread says that nothing is known."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        parent = await parent_with_buttons(scene.alice)
        await scene.carol.click(parent, APPROVE)
        async with asyncio.timeout(PATIENCE):
            while not any(" end " in command for command in scene.host.commands):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.001)
        scene.host.fault = Fault("cut", bytes=400)
        await scene.alice.sees("Looking again every minute", CHANNEL, seconds=PATIENCE)
        said = thread(scene.alice, parent)[0].text

    assert "is off host1" not in said
    assert not scene.request().state.final


async def test_the_same_command_delivered_twice_is_one_request(scene: Scene) -> None:
    """Slack sends an envelope again: one request, one message, and still an answer."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        outcome = await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        assert outcome.delivery
        await scene.slack.socket.redeliver(outcome.delivery, retry_attempt=1)
        parent = await parent_with_buttons(scene.alice)
        await scene.carol.click(parent, APPROVE)
        await scene.alice.sees("*After*", CHANNEL, seconds=PATIENCE)

    asked = reading.list_requests(scene.config.parent / "kickbot.db")
    assert len(asked) == 1
