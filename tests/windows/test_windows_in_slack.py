"""The whole bot, a sandbox workspace and a Windows host: what people read."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.sandbox.cast import demo_workspace
from bot.sandbox.nouns import Message
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
        rule = config.read_text().replace("[[rules]]", '[[rules]]\nacts = ["kick", "hold"]')
        config.write_text(rule + 'platform = "windows"\n')
        async with bot_at_work(slack, config, QUICK):
            yield Scene(machine, slack)


async def approved(scene: Scene, text: str) -> Message:
    """A kick that Alice asked for and Carol approved."""
    await scene.alice.command(CHANNEL, "/kick", text)
    parent = await parent_with_buttons(scene.alice, PATIENCE)
    await scene.carol.click(parent, APPROVE)
    return parent


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
    parent = await approved(scene, "audituser win1 because INC-42")
    await scene.alice.sees("audituser is off win1", CHANNEL, seconds=PATIENCE)
    await scene.alice.sees("*After*", CHANNEL, seconds=PATIENCE)

    said = "\n".join(m.text for m in thread(scene.alice, parent))
    assert "WTSLogoffSession 3" in said
    assert "logind" not in said
    assert scene.machine.session_ids() == [5]


async def test_a_warning(scene: Scene) -> None:
    """It stands on the desktop first, and who could not be told is named."""
    parent = await approved(scene, "audituser win1 warn 1s because INC-42")
    await scene.alice.sees("audituser is off win1", CHANNEL, seconds=PATIENCE)

    message, end = scene.machine.done
    assert message.startswith("message 3 7 30 0 Kickbot: ")
    assert end == "logoff 3 0"
    assert "RDP-Tcp#3" in "\n".join(m.text for m in thread(scene.alice, parent))


async def test_a_name_with_spaces(scene: Scene) -> None:
    """Typed on a phone, whose quotes are its own, and in any case; the card says it as it can be typed again."""
    await approved(scene, r"“CORP\Max Mustermann” win1 idle 1h because INC-42")
    await scene.alice.sees(r"corp\max mustermann is off win1", CHANNEL, seconds=PATIENCE)

    assert scene.machine.session_ids() == [3]


async def test_a_hold(scene: Scene) -> None:
    """Kept out first, and then logged off; `/kickbot holds` lists it, in the words for every host."""
    await approved(scene, "audituser win1 hold 2h because INC-42")
    await scene.alice.sees("audituser is off win1", CHANNEL, seconds=PATIENCE)
    hold = await scene.alice.sees("audituser is kept out of win1", CHANNEL, seconds=PATIENCE)
    await scene.alice.sees("Before: the account is known on the host itself, no expiry.", CHANNEL, seconds=PATIENCE)
    await scene.alice.command(CHANNEL, "/kickbot", "holds")
    await scene.alice.sees("Held accounts (1)", CHANNEL, seconds=PATIENCE)

    assert "the account has expired for that time" in hold.text
    assert scene.machine.done[:2] == ["expires audituser 172800", "logoff 3 0"]
