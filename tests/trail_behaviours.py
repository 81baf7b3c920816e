"""What every audit store does, whatever it keeps the trail in. The tests of each store inherit it."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from bot.audit import stored
from bot.borders import Checkpoint, End, Stamped, Store, Trail
from bot.canonical import digest
from bot.errors import AlreadyRecorded, Conflict, TrailError
from bot.events import (
    Asked,
    Attachment,
    Cancelled,
    Closed,
    DecisionRefused,
    Dropped,
    Looked,
    Observed,
    Read,
    Record,
    RetentionApproved,
    RetentionAsked,
    UnholdApproved,
    Verifying,
    WrongCode,
)
from bot.models import RequestId, Unreachable
from tests import make
from tests.lives import PATIENCE

CLOSED = Closed(outcomes=())
LIES: list[dict[str, object]] = [{"content": b"else"}, {"size": 1}, {"sha256": digest(b"else")}, {"content": None}]


def asked(key: str = "k1") -> Asked:
    return make.asked(key=key, words="al w1")


def observed(*hosts: str) -> Observed:
    return make.observed("before", *(make.snapshot(host=host, host_key="SHA256:x", raw="é" * 9) for host in hosts))


async def take(trail: Trail, number: int, since: int = 0) -> list[Record]:
    """The first records that a follower gets."""
    records = []
    async with asyncio.timeout(PATIENCE):
        async for record in trail.follow(since):
            records.append(record)
            if len(records) == number:
                break
    return records


def stamps(trail: Store) -> list[Stamped]:
    """As whoever verifies the trail reads them, beside the bot."""
    database = trail.database  # type: ignore[attr-defined]
    with stored.opened(getattr(database, "path", None) or database.url) as source:
        return list(source.stamps())


async def looked_at(trail: Trail, key: str, *hosts: str, ends: bool = True) -> RequestId:
    """A request that saw these hosts, and has ended, or not."""
    request = (await trail.append(None, asked(key))).request
    await trail.append(request, observed(*hosts))
    if ends:
        await trail.append(request, CLOSED)
    return request


async def to_drop(trail: Trail, key: str = "drop", who: str = "U0ALICE") -> RequestId:
    """Somebody asks that whatever stands in the trail until now is dropped."""
    now = await trail.now()
    aged = await trail.aged(now + timedelta(days=1))
    event = RetentionAsked(who=who, key=key, channel="C1", home="C1", before=now, decide_by=now, **aged.model_dump())
    return (await trail.append(None, event)).request


async def dropped(trail: Trail) -> RequestId:
    """And somebody else agrees, and it is done."""
    request = await to_drop(trail)
    await trail.append(request, RetentionApproved(who="U0CAROL"))
    await trail.drop(request)
    await trail.append(request, Dropped())
    return request


async def kept(trail: Trail, *hosts: str) -> list[str]:
    """Of which of these hosts the trail still has what they said."""
    there = []
    for host in hosts:
        try:
            await trail.body(observed(host).looks[0].sha256)
            there.append(host)
        except TrailError:
            continue
    return there


class TrailBehaviours:
    """The fixture `trail` is an empty one, open for a bot at work; `opening` opens it, for tests that close it too."""

    async def test_what_one_person_did(self, trail: Store) -> None:
        """In whatever request, of those kinds, since then, in order; and nothing of anybody else."""
        first, second = [(await trail.append(None, asked(key))).request for key in ("k1", "k2")]
        await trail.append(first, WrongCode(who="U2", action="approve"))
        since = await trail.now()
        wanted = [await trail.append(r, WrongCode(who="U2", action="approve")) for r in (second, first)]
        await trail.append(first, WrongCode(who="U3", action="approve"))
        await trail.append(first, DecisionRefused(who="U2", action="approve", reason="late"))
        wanted.append(await trail.append(first, Cancelled(who="U2")))

        assert list(await trail.by("U2", ["wrong_code", "cancelled"], since)) == wanted
        assert await trail.by("U2", ["wrong_code"], await trail.now() + timedelta(hours=1)) == ()

    async def test_a_code_is_taken_once(self, trail: Store) -> None:
        """Whatever it was given for: the trail refuses the second event that names it, and takes those without one."""
        first, second = [(await trail.append(None, asked(key))).request for key in ("k1", "k2")]
        once = UnholdApproved(who="U2", complete=True, second_factor=7, key="code of U2 at 7")
        await trail.append(first, once)

        with pytest.raises(AlreadyRecorded):
            await trail.append(second, once)
        for request in (first, second):
            await trail.append(request, UnholdApproved(who="U2", complete=True))

    async def test_after_conflict(self, trail: Trail) -> None:
        """Who decides on an old state is told so, and nothing is recorded."""
        first = await trail.append(None, asked())
        await trail.append(first.request, Cancelled(who="U1"), after=first.seq)

        with pytest.raises(Conflict):
            await trail.append(first.request, Verifying(), after=first.seq)
        assert len(await trail.read(first.request)) == 2

    async def test_one_of_many_decides(self, trail: Trail) -> None:
        """Of twenty decisions on the same state exactly one is recorded."""
        request = (await trail.append(None, asked())).request
        tries = [trail.append(request, Cancelled(who=f"U{n}"), after=1) for n in range(20)]

        results = await asyncio.gather(*tries, return_exceptions=True)

        assert [type(r) for r in results if not isinstance(r, Record)] == [Conflict] * 19
        assert len(await trail.read(request)) == 2

    async def test_after_counts_only_the_request(self, trail: Trail) -> None:
        """Events of other requests are no conflict."""
        first = await trail.append(None, asked("k1"))
        await trail.append(None, asked("k2"))

        assert (await trail.append(first.request, CLOSED, after=1)).seq == 3

    async def test_unknown_request(self, trail: Trail) -> None:
        """Nothing can be appended to a request that doesn't exist."""
        with pytest.raises(TrailError, match="no request 5"):
            await trail.append(RequestId(5), CLOSED)

    async def test_key_twice(self, trail: Trail) -> None:
        """A message from Slack that was recorded is not recorded again, and its request is named."""
        await trail.append(None, asked("other"))
        first = await trail.append(None, asked("same"))

        with pytest.raises(AlreadyRecorded) as caught:
            await trail.append(None, Looked(who="U1", key="same", channel="C1", hosts=("w1",), looks=()))
        assert caught.value.request == first.request

    async def test_body_missing(self, trail: Trail) -> None:
        """A digest without content is an error."""
        with pytest.raises(TrailError, match="isn't in the trail"):
            await trail.body(digest(b"nothing"))

    @pytest.mark.parametrize("change", LIES)
    async def test_attachment_that_lies(self, trail: Trail, change: dict[str, object]) -> None:
        """An attachment without its content, or with another, is refused, and its event with it."""
        request = (await trail.append(None, asked())).request
        good = Attachment.of(Unreachable(host="w1", reason="no route"))
        event = Observed(looks=(good, good.model_copy(update=change)), phase="before")
        if "content" in change and change["content"] is None:
            event = Observed(looks=(good.model_copy(update=change),), phase="before")

        with pytest.raises(TrailError):
            await trail.append(request, event)
        assert len(await trail.read(request)) == 1
        with pytest.raises(TrailError, match="isn't in the trail"):
            await trail.body(good.sha256)

    async def test_attachment_again(self, trail: Trail) -> None:
        """An attachment that was read back can be recorded again: its content is there."""
        request = (await trail.append(None, asked())).request
        first = await trail.append(request, observed("w1"))

        await trail.append(request, first.event)

        assert [r.event for r in await trail.read(request)][1:] == [first.event] * 2

    async def test_looked_keeps_no_content(self, trail: Trail) -> None:
        """A listing leaves its digest and nothing else."""
        looks = observed("w1").looks
        await trail.append(None, Looked(who="U1", key="k", channel="C1", hosts=("w1",), looks=looks))

        with pytest.raises(TrailError):
            await trail.body(looks[0].sha256)

    async def test_read_unknown(self, trail: Trail) -> None:
        """A request that doesn't exist has no events, however large its number."""
        for number in (1, 0, -1, 2**63, 10**40):
            assert await trail.read(RequestId(number)) == ()

    async def test_open_requests(self, trail: Trail) -> None:
        """Open is what has no final event, and a click that was refused afterwards opens nothing again."""
        first, second, third = [(await trail.append(None, asked(key))).request for key in "abc"]
        await trail.append(None, Looked(who="U1", key="k", channel="C1", hosts=("w1",), looks=()))
        await trail.append(second, Cancelled(who="U1"))
        await trail.append(second, DecisionRefused(who="U2", action="approve", reason="late"))
        await trail.append(third, Verifying())

        assert await trail.open_requests() == (first, third)

    async def test_follow_never_misses_or_doubles(self, trail: Trail) -> None:
        """Followers that join at any moment get every event once and in order, while others append."""
        followers = []
        for n in range(150):
            if n % 30 == 0:
                followers.append(asyncio.create_task(take(trail, 150 - n, since=n)))
            await asyncio.gather(*(trail.append(None, asked(f"{n}-{m}")) for m in range(3)), asyncio.sleep(0))
        tails = [asyncio.create_task(take(trail, 450 - since, since)) for since in (0, 200, 449)]

        for since, follower in zip((0, 30, 60, 90, 120), followers, strict=True):
            assert [r.seq for r in await follower] == list(range(since + 1, 151))
        for since, tail in zip((0, 200, 449), tails, strict=True):
            assert [r.seq for r in await tail] == list(range(since + 1, 451))

    async def test_follow_never_misses_what_is_recorded_while_it_reads(self, trail: Trail) -> None:
        """An event that comes between an empty read and the wait that follows it is seen."""
        follower = asyncio.create_task(take(trail, 1))
        append = asyncio.create_task(trail.append(None, asked()))
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - the read and the append are both done before the loop hears of either

        assert [await append] == await follower

    async def test_cancelled_append_wakes_followers(self, trail: Trail) -> None:
        """An append whose task was cancelled meanwhile is either not recorded or seen by every follower."""
        follower = asyncio.create_task(take(trail, 1))
        await asyncio.sleep(0.02)
        append = asyncio.create_task(trail.append(None, asked()))
        await asyncio.sleep(0)
        append.cancel()
        with pytest.raises(asyncio.CancelledError):
            await append

        if await trail.read(RequestId(1)):
            assert [r.seq for r in await follower] == [1]
        else:
            follower.cancel()

    async def test_body(self, trail: Trail) -> None:
        """The content of an attachment is given back by its digest, and stands in no record."""
        event = observed("w1", "w1", "w2")
        request = (await trail.append(None, asked())).request

        record = await trail.append(request, event)

        assert await trail.body(event.looks[0].sha256) == event.looks[0].content
        assert [look.content for look in record.event.attachments] == [None] * 3
        assert (await trail.read(request))[1] == record

    async def test_four_tasks_one_chain(self, trail: Trail) -> None:
        """Four tasks that append at once leave one chain, and each gets its own record."""

        async def task(name: int) -> list[Record]:
            return [await trail.append(None, asked(f"{name}-{n}")) for n in range(25)]

        results = await asyncio.gather(*map(task, range(4)))

        made = sorted((record for result in results for record in result), key=lambda record: record.seq)
        assert [record.seq for record in made] == list(range(1, 101))
        assert await take(trail, 100) == made

    async def test_requests(self, trail: Trail) -> None:
        """A search gives the newest requests first, whole; of one name, and without listings."""
        first = (await trail.append(None, asked("a"))).request
        listing = Looked(who="U1", key="b", channel="C1", hosts=("w3",), looks=())
        second = (await trail.append(None, listing)).request
        third = (await trail.append(None, asked("c"))).request
        await trail.append(first, CLOSED)

        async def numbers(limit: int = 9, about: str | None = None, *, listings: bool = True) -> list[tuple[int, int]]:
            found = await trail.requests(about=about, listings=listings, limit=limit)
            return [(records[0].request, len(records)) for records in found]

        assert await numbers() == [(third, 1), (second, 1), (first, 2)]
        assert await numbers(2) == [(third, 1), (second, 1)]
        assert await numbers(2, listings=False) == [(third, 1), (first, 2)]
        assert await numbers(about="w3") == [(second, 1)]
        assert await trail.requests(since=await trail.now() + timedelta(days=1), limit=9) == ()

    async def test_closed(self, opening: AbstractAsyncContextManager[Trail]) -> None:
        """A trail that was closed says so, to followers too."""
        async with opening as trail:
            following = asyncio.create_task(take(trail, 1))
            await asyncio.sleep(0.05)

        with pytest.raises(TrailError, match="closed"):
            await trail.append(None, asked())
        with pytest.raises(TrailError, match="closed"):
            await following

    async def test_text_that_is_hard_to_keep(self, trail: Trail) -> None:
        """Any character comes back as it was, the character 0 and those beyond the first plane too."""
        hard = "a\x00b \\u0000 é 🦊 \u2028 \x7f"
        request = (await trail.append(None, make.asked(key="k", words=hard))).request

        (record,) = await trail.read(request)

        assert isinstance(record.event, Asked)
        assert record.event.words == hard

    async def test_state(self, trail: Store) -> None:
        """It counts what it recorded; an event that came too late is no failure of the store."""
        assert (trail.state().recorded, trail.state().recorded_age) == (0, None)
        first = await trail.append(None, asked())
        await trail.append(first.request, Cancelled(who="U1"), after=first.seq)
        with pytest.raises(Conflict):
            await trail.append(first.request, Verifying(), after=first.seq)

        state = trail.state()

        assert (state.recorded, state.failed, state.failed_age) == (2, 0, None)
        assert state.recorded_age is not None
        assert state.recorded_age >= 0

    # -------------------------------------------------------------------------------------- checkpoints

    async def test_checkpoints_stay_as_they_were_put(self, trail: Store) -> None:
        """One that is there stays; they come back in the order of their events."""
        memory = trail.checkpoints()
        first, other = Checkpoint(seq=5, text="a", signature="b"), Checkpoint(seq=5, text="c", signature="d")
        second = Checkpoint(seq=9, text="e", signature="f")
        for checkpoint in (first, other, second):
            await memory.put(checkpoint)

        assert await memory.newest() == second
        assert await memory.after(0) == (first, second)
        assert await memory.after(5) == (second,)

    async def test_the_end_names_the_trail(self, trail: Store) -> None:
        """By its first event's hash."""
        memory = trail.checkpoints()
        assert await memory.end() is None
        first = await trail.append(None, asked())
        newest = await trail.append(first.request, CLOSED)

        assert await memory.end() == End(trail=first.hash, seq=2, hash=newest.hash)
        assert [await memory.hash_of(seq) for seq in (1, 2, 3)] == [first.hash, newest.hash, None]

    async def test_what_a_place_was_told_never_goes_back(self, trail: Store) -> None:
        """Each place has its own."""
        memory = trail.checkpoints()
        assert await memory.cursor("file:/a") is None
        await memory.turn()
        for seq in (5, 3):
            await memory.advance("file:/a", seq)

        assert [await memory.cursor(place) for place in ("file:/a", "file:/b")] == [5, None]

    async def test_a_time_stamp_stays_as_it_was_kept(self, trail: Store) -> None:
        """One for each place and event; the first one stays."""
        memory = trail.checkpoints()
        first = Stamped(seq=5, place="tsp+https://a/", answer=b"\0a")
        for stamped in (first, first.model_copy(update={"answer": b"b"}), Stamped(seq=2, place="b", answer=b"c")):
            await memory.keep(stamped)

        assert await asyncio.to_thread(stamps, trail) == [Stamped(seq=2, place="b", answer=b"c"), first]

    # -- what two people let be dropped

    async def test_nothing_is_dropped_unless_two_people_agreed(self, trail: Trail) -> None:
        """Not for a request that isn't about it, nor for one that nobody approved, nor by one person alone."""
        seen = await looked_at(trail, "a", "w1")
        asked_only = await to_drop(trail)
        alone = await to_drop(trail, "alone", "U0MALLORY")
        await trail.append(alone, RetentionApproved(who="U0MALLORY"))

        for request in (seen, asked_only, alone, RequestId(999)):
            with pytest.raises(TrailError, match="nobody agreed"):
                await trail.drop(request)

        assert await kept(trail, "w1") == ["w1"]
        assert await trail.dropped(seen) is None

    async def test_what_open_and_newer_requests_need_stays(self, trail: Trail) -> None:
        """Of what was seen, only that goes which no request needs that was open then, or began afterwards."""
        old = await looked_at(trail, "old", "w1", "w2", "w3", "w4")
        still_open = await looked_at(trail, "open", "w2", ends=False)
        request = await to_drop(trail)
        newer = await looked_at(trail, "newer", "w3")
        await trail.append(still_open, CLOSED)
        await trail.append(request, RetentionApproved(who="U0CAROL"))

        await trail.drop(request)

        assert await kept(trail, "w1", "w2", "w3", "w4") == ["w2", "w3"]
        by = await trail.dropped(old)
        assert by is not None
        assert (by.request, by.asker, by.approver) == (request, "U0ALICE", "U0CAROL")
        assert await trail.dropped(still_open) is None
        assert await trail.dropped(newer) is None

    async def test_what_is_asked_is_what_could_be_dropped(self, trail: Trail) -> None:
        """How much it is, counted once; nothing before the moment, nothing that is gone already."""
        begin = await trail.now()
        await looked_at(trail, "a", "w1", "w2")
        await looked_at(trail, "b", "w2")
        later = begin + timedelta(days=1)
        size = sum(observed(host).looks[0].size for host in ("w1", "w2"))

        assert (await trail.aged(begin - timedelta(days=1))).bodies == 0
        aged = await trail.aged(later)
        assert (aged.up_to, aged.bodies, aged.size) == (6, 2, size)
        await dropped(trail)
        assert (await trail.aged(later)).bodies == 0

    async def test_dropped_again_does_no_harm(self, trail: Trail) -> None:
        """As after a crash; and a host that says the same later is kept again."""
        old = await looked_at(trail, "a", "w1")
        request = await dropped(trail)
        again = await looked_at(trail, "b", "w1")

        await trail.drop(request)

        assert await kept(trail, "w1") == ["w1"]
        assert [await trail.dropped(number) is not None for number in (old, again)] == [True, False]

    async def test_more_than_goes_at_once(self, trail: Trail, monkeypatch: pytest.MonkeyPatch) -> None:
        """Bit by bit, until all of it is gone."""
        monkeypatch.setattr("bot.retention.BATCH", 2)
        hosts = [f"w{number}" for number in range(1, 8)]
        await looked_at(trail, "a", *hosts)

        await dropped(trail)

        assert await kept(trail, *hosts) == []

    async def test_who_reads_does_not_fill_the_list(self, trail: Trail) -> None:
        """Reads stand in no list, and the same one twice is one."""
        now = await trail.now()
        read = Read(key="r1", by="al on w1", what="list", requests=3, read_at=now)
        await trail.append(None, asked("a"))
        await trail.append(None, read)

        with pytest.raises(AlreadyRecorded):
            await trail.append(None, read)

        assert [records[0].event.kind for records in await trail.requests(limit=9)] == ["asked"]
