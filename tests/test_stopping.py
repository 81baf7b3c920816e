"""SIGTERM to the real process: what is in the middle is finished and recorded, the rest is left to the next start."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.audit import reading
from bot.errors import TrailError
from bot.models import Result
from bot.sandbox import nouns
from bot.sandbox.host_server import Fault
from bot.states import State
from bot.stopping import STOPS_WITHIN, together
from tests.lives import PATIENCE, Running, running
from tests.scene import Scene, until
from tests.whole import APPROVE, CHANNEL, parent_with_buttons

UNHURRIED = STOPS_WITHIN + 15
"""Seconds until a stop must be over: on a busy machine the last steps take their time too."""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Scene.set(tmp_path) as scene:
        yield scene


async def stop(bot: Running) -> float:
    """Seconds that it took. A second SIGTERM comes in the middle, as impatient people send it."""
    started = time.monotonic()
    bot.process.send_signal(signal.SIGTERM)
    await asyncio.sleep(0.2)
    if bot.process.returncode is None:
        bot.process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(bot.process.wait(), UNHURRIED)
    assert bot.process.returncode == 0
    return time.monotonic() - started


async def closes_well(scene: Scene) -> None:
    """The next start brings it to its end, and nothing was done or told twice."""
    async with running(scene.config, scene.slack):
        await scene.told()
    assert scene.request().state is State.CLOSED
    assert {outcome.result for outcome in scene.request().outcomes} <= {Result.ENDED, Result.ALREADY_GONE}
    assert scene.said_twice() == []
    assert reading.verify(Path(scene.database)).events > 0


async def test_a_stop_stays_one_when_a_part_fails_at_that_moment() -> None:
    """Whoever works in rounds would begin another one, without end."""

    async def fails_when_it_is_stopped() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise TrailError("the audit trail is closed") from None

    working = asyncio.create_task(together(fails_when_it_is_stopped(), fails_when_it_is_stopped()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_of_what_works_together_one_that_fails_ends_the_other() -> None:
    """Its error is raised as it is."""

    async def fails() -> None:
        raise TrailError("away")

    ended = asyncio.Event()

    async def goes_on() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(TrailError, match="away"):
        await together(goes_on(), fails())
    assert ended.is_set()


async def test_an_act_in_the_middle_is_answered_and_recorded_and_the_next_one_is_not_begun(scene: Scene) -> None:
    """SIGTERM while the host is ending the first of two sessions: its answer stands in the trail, then it stops."""
    async with running(scene.config, scene.slack) as bot:
        parent = await scene.asked()
        scene.host.fault = Fault("slow", seconds=2, only="end")
        await scene.carol.click(parent, APPROVE)
        await until(lambda: bool(scene.ends()))
        await stop(bot)

    assert (scene.kinds().count("ending"), scene.kinds().count("signalled")) == (1, 1)
    assert scene.kinds()[-1] == "signalled"
    scene.host.fault = None
    await closes_well(scene)
    assert len(scene.ends()) == len(set(scene.ends()))


async def test_an_act_that_takes_too_long_is_left_to_the_next_start(scene: Scene) -> None:
    """The host takes a minute: the bot is gone within its bound, and the next start settles what became of it."""
    async with running(scene.config, scene.slack) as bot:
        parent = await scene.asked()
        scene.host.fault = Fault("slow", seconds=60, only="end")
        await scene.carol.click(parent, APPROVE)
        await until(lambda: bool(scene.ends()))
        await stop(bot)

    assert scene.kinds()[-1] == "ending"
    scene.host.fault = None
    await closes_well(scene)
    assert "No answer came." in str([record.event for record in scene.records()])


async def test_a_look_in_the_middle_is_given_up(scene: Scene) -> None:
    """The host takes a minute to show who is there: the bot doesn't wait for that, and the next start looks again."""
    async with running(scene.config, scene.slack) as bot:
        scene.host.fault = Fault("slow", seconds=60)
        await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        await until(lambda: bool(scene.host.commands))
        took = await stop(bot)

    assert took < STOPS_WITHIN
    assert scene.kinds() == ["asked"]
    scene.host.fault = None
    async with running(scene.config, scene.slack):
        await parent_with_buttons(scene.alice, PATIENCE)


@pytest.mark.parametrize("method", ["chat.postMessage", "files.completeUploadExternal"])
@pytest.mark.parametrize("seconds", [2, 60])
async def test_a_posting_in_the_middle_is_finished_and_remembered(scene: Scene, method: str, seconds: int) -> None:
    """Slack is slow with a message or a file: it is waited for; if it takes too long, the next start looks first."""
    calls: list[str] = []

    def slow(called: str, _args: object) -> nouns.Fault | None:
        calls.extend([called] if called == method else [])
        return nouns.Fault.slow(seconds) if called == method else None

    async with running(scene.config, scene.slack) as bot:
        scene.slack.workspace.faults = slow
        await scene.alice.command(CHANNEL, "/kick", "audituser host1 because INC-42")
        if method != "chat.postMessage":
            await scene.carol.click(await parent_with_buttons(scene.alice, PATIENCE), APPROVE)
        await until(lambda: bool(calls))
        before = len(scene.slack.workspace.messages)
        await stop(bot)

    assert len(calls) == 1
    assert len(scene.slack.workspace.messages) == before + (seconds == 2)
    scene.slack.workspace.faults = lambda _method, _args: None
    if method == "chat.postMessage":
        async with running(scene.config, scene.slack):
            await scene.carol.click(await parent_with_buttons(scene.alice, PATIENCE), APPROVE)
            await scene.alice.sees("*After*", CHANNEL, seconds=PATIENCE)
    await closes_well(scene)


HANGS = """
import asyncio, time
from bot import stopping

async def main():
    stopped = stopping.on_signals()
    print("ready", flush=True)
    await stopped.wait()
    await asyncio.to_thread(time.sleep, 600)

stopping.STOPS_WITHIN = 0.5
asyncio.run(main())
"""


def test_a_process_that_can_not_stop_is_ended() -> None:
    """Something hangs in a thread, for which Python would wait for ever: it is gone all the same, and says so."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "the next start goes on from the trail" in said
