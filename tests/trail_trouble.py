"""What people see while the trail can't record, and afterwards: the same for every store and every trouble."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

from bot.audit import stored
from bot.models import Result
from bot.sandbox.host_server import Fault
from bot.states import State
from tests.lives import PATIENCE
from tests.scene import Scene, until
from tests.whole import APPROVE, CHANNEL, QUICK, bot_at_work, parent_with_buttons

Trouble = Callable[[], AbstractContextManager[object]]

TOLD = "so nothing was done. Try again in a minute"


async def no_record_no_act(scene: Scene, trouble: Trouble) -> None:
    """Who asks and who approves meanwhile reads what to do, and no host is touched; then it goes on by itself."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        parent = await scene.asked()
        await scene.alice.sees("*Before*", CHANNEL, seconds=PATIENCE)
        commands = len(scene.host.commands)
        with trouble():
            await scene.carol.click(parent, APPROVE)
            await scene.carol.sees(TOLD, CHANNEL, seconds=PATIENCE)
            await scene.alice.command(CHANNEL, "/kick", "alice host1 because INC-43")
            await scene.alice.sees(TOLD, CHANNEL, seconds=PATIENCE)
            assert len(scene.host.commands) == commands
            assert scene.users() == ["alice", "audituser", "audituser"]

        await scene.carol.click(parent, APPROVE)
        await scene.told()
        await scene.alice.command(CHANNEL, "/kick", "alice host1 because INC-44")
        again = await parent_with_buttons(scene.alice, PATIENCE)
        await scene.carol.click(again, APPROVE)
        await scene.alice.sees("alice is off host1", CHANNEL, seconds=PATIENCE)

    assert scene.users() == []
    assert len(await asyncio.to_thread(_asked, scene)) == 2
    assert (await asyncio.to_thread(stored.verify, scene.location)).events > 0


async def an_answer_that_can_not_be_recorded(scene: Scene, trouble: Trouble) -> None:
    """The trail breaks while a host ends a session: when it is back, a look tells what became of it, and it goes on."""
    async with bot_at_work(scene.slack, scene.config, QUICK):
        parent = await scene.asked()
        scene.host.fault = Fault("slow", seconds=1, only="end")
        await scene.carol.click(parent, APPROVE)
        await until(lambda: bool(scene.ends()))
        with trouble():
            scene.host.fault = None
            await asyncio.sleep(3)
            assert len(scene.ends()) == 1
        await scene.told()

    request = await asyncio.to_thread(scene.request)
    assert request.state is State.CLOSED
    assert {outcome.result for outcome in request.outcomes} == {Result.ENDED}
    done = [(a.step.target, a.step.what) for a in request.attempts if a.status == "done"]
    assert len(done) == len(set(done))
    assert len(scene.ends()) == len(set(scene.ends())) <= len(request.attempts)
    assert scene.said_twice() == []


def _asked(scene: Scene) -> list[object]:
    found = stored.list_requests(scene.location, about=None, limit=10)
    return [records for records in found if records[0].event.kind == "asked"]
