"""A stream of events where there are several replicas: one tells, and when it is gone another goes on."""

from bot.audit.postgres.trail import PostgresTrail
from tests.scene import until
from tests.test_streaming import Told, streamed
from tests.trail_behaviours import asked


async def test_one_replica_streams_and_the_other_goes_on(trail: PostgresTrail, other: PostgresTrail) -> None:
    """No event is told twice while both are there, and none is missing after the change."""
    await trail.append(None, asked("1"))
    async with Told.listening() as heard, streamed(other, heard.port):
        async with streamed(trail, heard.port):
            await until(lambda: heard.numbers() == [1])
            for number in range(2, 7):
                await (trail, other)[number % 2].append(None, asked(str(number)))
            await until(lambda: heard.numbers() == [1, 2, 3, 4, 5, 6])
        await trail._leases.release_all()
        await trail.append(None, asked("7"))
        await until(lambda: heard.numbers() == [1, 2, 3, 4, 5, 6, 7])
