"""A stream of events where there are several replicas: one tells, and when it is gone another goes on."""

from contextlib import AsyncExitStack

from bot.audit.postgres.trail import PostgresTrail
from tests.scene import until
from tests.test_notary import until_remembered
from tests.test_streaming import Told, remembered_as, streamed
from tests.trail_behaviours import asked


async def test_one_replica_streams_and_the_other_goes_on(trail: PostgresTrail, other: PostgresTrail) -> None:
    """No event is told twice while both are there, and none is missing after the change."""
    await trail.append(None, asked("1"))
    async with Told.listening() as heard, AsyncExitStack() as first:
        await first.enter_async_context(streamed(trail, heard.port))
        await until(lambda: heard.numbers() == [1])
        async with streamed(other, heard.port):
            for number in range(2, 7):
                await (trail, other)[number % 2].append(None, asked(str(number)))
            await until(lambda: heard.numbers() == [1, 2, 3, 4, 5, 6])
            await until_remembered(trail, 6, remembered_as(heard.port))
            await first.aclose()
            await trail._leases.release_all()
            await trail.append(None, asked("7"))
            await until(lambda: heard.numbers() == [1, 2, 3, 4, 5, 6, 7])
