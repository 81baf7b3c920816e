"""Two replicas on one database: one chain, one driver for each request, and each hears what the other records."""

import asyncio
from datetime import datetime
from typing import Any

import psycopg
import pytest

from bot.audit.postgres import leases, postings, reading
from bot.audit.postgres import trail as trails
from bot.audit.postgres.trail import PostgresTrail
from bot.borders import Lease
from bot.errors import AlreadyRecorded, Conflict, LeaseLost, TrailError
from bot.events import Cancelled, Record, Verifying
from bot.models import RequestId
from tests.fakes import FakeSeconds
from tests.scene import until
from tests.trail_behaviours import CLOSED, asked, take

WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def asked_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    """The rows that it gives, to whoever looks beside the replicas."""
    with psycopg.connect(url, autocommit=True, options="-c search_path=kickbot") as beside:
        return beside.execute(statement).fetchall()


def run_out(url: str) -> None:
    """The time of all leases is over at this moment."""
    assert asked_of(url, "UPDATE leases SET until = clock_timestamp() RETURNING request")


def ends(url: str) -> datetime:
    """Until when the only lease counts."""
    ((until,),) = asked_of(url, "SELECT until FROM leases")
    return datetime.fromisoformat(str(until))


async def claimed(trail: PostgresTrail, request: RequestId) -> Lease:
    lease = await trail.claim(request)
    assert lease
    return lease


# ------------------------------------------------------------------------------------------ one chain


async def test_one_chain(trail: PostgresTrail, other: PostgresTrail, url: str) -> None:
    """200 events from two replicas at once are one chain, and no follower of either misses or doubles one."""
    followers = [asyncio.create_task(take(replica, 200)) for replica in (trail, other)]

    async def append(replica: PostgresTrail, name: int) -> list[Record]:
        return [await replica.append(None, asked(f"{name}-{n}")) for n in range(25)]

    made = await asyncio.gather(*(append((trail, other)[name % 2], name) for name in range(8)))

    assert sorted(record.seq for each in made for record in each) == list(range(1, 201))
    assert [[record.seq for record in await follower] for follower in followers] == [list(range(1, 201))] * 2
    assert (await reading.verify(url)).events == 200


async def test_same_message_at_both(trail: PostgresTrail, other: PostgresTrail) -> None:
    """A message from Slack that reaches both replicas is recorded once, and the other one is told the request."""
    results = await asyncio.gather(
        *(replica.append(None, asked("same")) for replica in (trail, other)), return_exceptions=True
    )

    (record,) = (result for result in results if isinstance(result, Record))
    (refused,) = (result for result in results if isinstance(result, AlreadyRecorded))
    assert refused.request == record.request


async def test_decided_elsewhere(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Who decides on a state that another replica has changed is told so, and nothing is recorded."""
    request = (await trail.append(None, asked())).request
    await other.append(request, Cancelled(who="U1"), after=1)

    with pytest.raises(Conflict):
        await trail.append(request, Verifying(), after=1)
    assert len(await trail.read(request)) == 2


async def test_one_of_two_decides(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Of decisions at both replicas at the same moment exactly one is recorded."""
    request = (await trail.append(None, asked())).request
    tries = [replica.append(request, Cancelled(who="U1"), after=1) for replica in (trail, other) * 5]

    results = await asyncio.gather(*tries, return_exceptions=True)

    assert [type(result) for result in results if not isinstance(result, Record)] == [Conflict] * 9


async def test_heard_at_once(trail: PostgresTrail, other: PostgresTrail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A follower gets the other replica's event at once, and doesn't wait until it looks by itself."""
    monkeypatch.setattr(trails, "POLL", 3600)
    for n in range(10):
        follower = asyncio.create_task(take(other, 1, since=n))
        await asyncio.sleep(0.05)
        await trail.append(None, asked(f"{n}"))
        assert [record.seq for record in await follower] == [n + 1]


async def test_open_requests_of_both(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Each replica knows what the other one opened and closed."""
    first = (await trail.append(None, asked("a"))).request
    second = (await other.append(None, asked("b"))).request
    assert await trail.open_requests() == await other.open_requests() == (first, second)

    await other.append(first, CLOSED)
    assert await trail.open_requests() == (second,)


async def test_time_is_the_databases(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Both replicas have the same clock, and it is the one that stands in the events."""
    before = await trail.now()
    record = await other.append(None, asked())

    assert before < record.at < await trail.now()


# ------------------------------------------------------------------------------------------ leases


async def test_one_holder(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Of two replicas that claim a request at the same moment one gets it, and it stays with that one."""
    for n in range(10):
        request = (await trail.append(None, asked(f"{n}"))).request
        held = await asyncio.gather(*(replica.claim(request) for replica in (trail, other)))
        (lease,) = (lease for lease in held if lease)
        holder, loser = (trail, other) if lease.owner == trail.owner else (other, trail)

        assert await holder.claim(request) == lease
        assert await loser.claim(request) is None


async def test_released(trail: PostgresTrail, other: PostgresTrail) -> None:
    """A lease that was given back is free at once, and counts no longer."""
    request = (await trail.append(None, asked())).request
    lease = await claimed(trail, request)
    await trail.release(lease)

    assert (await claimed(other, request)).epoch == lease.epoch + 1
    with pytest.raises(LeaseLost):
        await trail.append(request, Verifying(), lease=lease)


async def test_taken_over(trail: PostgresTrail, other: PostgresTrail, url: str) -> None:
    """A lease that ran out may be claimed, and the first holder can record nothing any more."""
    request = (await trail.append(None, asked())).request
    lease = await claimed(trail, request)
    await trail.append(request, Verifying(), lease=lease)
    run_out(url)

    later = await claimed(other, request)

    assert later.epoch == lease.epoch + 1
    with pytest.raises(LeaseLost):
        await trail.append(request, CLOSED, lease=lease)
    assert (await other.append(request, CLOSED, lease=later)).seq == 3


async def test_ran_out(trail: PostgresTrail, url: str) -> None:
    """A lease that ran out doesn't count, though nobody took it."""
    request = (await trail.append(None, asked())).request
    lease = await claimed(trail, request)
    run_out(url)

    with pytest.raises(LeaseLost):
        await trail.append(request, Verifying(), lease=lease)


async def test_own_lease_again(trail: PostgresTrail, url: str) -> None:
    """Who claims its own lease after it ran out gets another one: the first doesn't come back to life."""
    request = (await trail.append(None, asked())).request
    lease = await claimed(trail, request)
    run_out(url)

    assert (await claimed(trail, request)).epoch == lease.epoch + 1
    with pytest.raises(LeaseLost):
        await trail.append(request, Verifying(), lease=lease)


async def test_renewed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held is renewed for as long as the process lives."""
    monkeypatch.setattr(leases, "RENEWED_EVERY", 0.05)
    async with PostgresTrail.open(url) as trail, PostgresTrail.open(url) as other:
        request = (await trail.append(None, asked())).request
        lease = await claimed(trail, request)
        for _ in range(3):
            before = ends(url)
            await until(lambda: ends(url) > before)  # noqa: B023 - in this turn

        assert await other.claim(request) is None
        assert (await trail.append(request, Verifying(), lease=lease)).seq == 2


async def test_stopped(url: str) -> None:
    """A replica that stops leaves its leases to the others at once."""
    async with PostgresTrail.open(url) as other:
        async with PostgresTrail.open(url) as trail:
            request = (await trail.append(None, asked())).request
            await claimed(trail, request)

        await claimed(other, request)


async def test_lease_of_another_request(trail: PostgresTrail) -> None:
    """A lease counts for its own request and its own holder only."""
    first, second = [(await trail.append(None, asked(key))).request for key in "ab"]
    lease = await claimed(trail, first)

    for wrong in (lease.model_copy(update={"epoch": 2}), lease.model_copy(update={"owner": "someone"})):
        with pytest.raises(LeaseLost):
            await trail.append(first, Verifying(), lease=wrong)
    with pytest.raises(LeaseLost):
        await trail.append(second, Verifying(), lease=lease)


@pytest.mark.parametrize("taken", [True, False])
async def test_lost_while_it_waited(trail: PostgresTrail, other: PostgresTrail, url: str, *, taken: bool) -> None:
    """An append that had its lease when it began to wait for the chain's lock, and lost it there, records nothing."""
    request = (await trail.append(None, asked())).request
    lease = await claimed(trail, request)
    async with await psycopg.AsyncConnection.connect(url) as someone:
        await someone.execute("SELECT * FROM kickbot.head FOR UPDATE")
        append = asyncio.create_task(trail.append(request, Verifying(), lease=lease))
        await until(lambda: bool(asked_of(url, WAITING)))
        run_out(url)
        if taken:
            await claimed(other, request)
        assert not append.done()
        await someone.rollback()

    with pytest.raises(LeaseLost):
        await append
    assert len(await trail.read(request)) == 1


# ------------------------------------------------------------------------------------------ the publisher's memory


async def test_one_publishes(
    trail: PostgresTrail, other: PostgresTrail, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One replica has the turn; when it ran out the other gets it, and the first may neither ask nor note anything."""
    monkeypatch.setattr(postings, "TRY_AGAIN", 0.05)
    first, second = trail.postings(), other.postings()
    await first.turn()
    turn = asyncio.create_task(second.turn())
    await asyncio.sleep(0.1)
    assert not turn.done()
    await first.advance(3)
    run_out(url)

    await turn

    assert await second.cursor() == 3
    for late in (first.get(1, "parent"), first.advance(4)):
        with pytest.raises(LeaseLost):
            await late
    assert await second.cursor() == 3


async def test_who_only_looks_needs_no_turn(trail: PostgresTrail, other: PostgresTrail) -> None:
    """Where a message stands can be asked by every replica."""
    await trail.postings().turn()

    assert await other.postings().get(1, "parent") is None


async def test_the_age_of_the_leases(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None while nothing is held; then since the last renewal, which a lost connection holds up."""
    clock = FakeSeconds()
    monkeypatch.setattr(leases, "RENEWED_EVERY", 1000)
    monkeypatch.setattr(leases, "monotonic", clock)
    async with PostgresTrail.open(url) as trail:
        assert trail.state().lease_age is None
        lease = await claimed(trail, (await trail.append(None, asked())).request)
        assert trail.state().leases == 1
        clock.now += 2
        assert trail.state().lease_age == 2

        async def broken(*_: object) -> None:
            raise TrailError("the database can't be reached")

        with monkeypatch.context() as cut:
            cut.setattr(trail.database.leases, "run", broken)
            with pytest.raises(TrailError):
                await trail._leases.renew()
        clock.now += 1
        assert trail.state().lease_age == 3

        await trail._leases.renew()
        assert trail.state().lease_age == 0
        await trail.release(lease)
        assert trail.state().lease_age is None
