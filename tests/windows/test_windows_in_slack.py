"""The whole bot, a sandbox workspace and a Windows host: what people read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.cast import demo_workspace
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE
from tests.whole import APPROVE, CHANNEL, QUICK, bot_at_work, configure, parent_with_buttons, thread
from tests.windows.openssh import Machine, listening
from tests.windows.scenes import ALICE, BOB, DAY, HOUR, Win
from tests.windows.standin import Program


class Scene:
    """Alice asks, Carol approves."""

    def __init__(self, machine: Machine, slack: SandboxSlack) -> None:
        self.machine = machine
        self.alice, self.carol = slack.as_("alice"), slack.as_("carol")


@pytest.fixture
async def scene(program: Program, tmp_path: Path) -> AsyncIterator[Scene]:
    win = Win().session(3, "audituser", ALICE, domain="WIN1")
    win.session(5, "Max Mustermann", BOB, state=4, station="", disconnected=2 * HOUR, ago=DAY)
    machine = Machine(program, tmp_path, win, lambda: datetime.now(UTC))
    async with listening(machine) as (port, key, known_hosts), SandboxSlack.start(demo_workspace()) as slack:
        config = configure(tmp_path, [("win1", "127.0.0.1", port)], key=key, known_hosts=known_hosts)
        config.write_text(config.read_text() + 'platform = "windows"\n')
        async with bot_at_work(slack, config, QUICK):
            yield Scene(machine, slack)


async def test_a_listing(scene: Scene) -> None:
    """The same words as for any host, and nothing of logind."""
    await scene.alice.command(CHANNEL, "/sessions", "win1")
    answer = await scene.alice.sees("win1: 2 sessions of 2 people", CHANNEL, seconds=PATIENCE)

    said = str(answer.blocks)
    assert r"corp\\max mustermann" in said
    assert "5 (disconnected)" in said
    assert "logind" not in said


async def test_a_kick(scene: Scene) -> None:
    """Asked, approved, logged off, and proven in the thread."""
    await scene.alice.command(CHANNEL, "/kick", "audituser win1 because INC-42")
    parent = await parent_with_buttons(scene.alice, PATIENCE)
    await scene.carol.click(parent, APPROVE)
    await scene.alice.sees("audituser is off win1", CHANNEL, seconds=PATIENCE)
    await scene.alice.sees("*After*", CHANNEL, seconds=PATIENCE)

    said = "\n".join(m.text for m in thread(scene.alice, parent))
    assert "WTSLogoffSession 3" in said
    assert "logind" not in said
    assert scene.machine.session_ids() == [5]
