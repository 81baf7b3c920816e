"""What people ask about requests: what waits for them, what runs, what was. It changes nothing and decides nothing.

That someone read what was leaves one small event.

Everyone is shown what they asked or decided themselves, and what is about hosts that they may look at.
"""

import logging
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta

from bot import policy, sweeping
from bot.borders import Trail
from bot.errors import AlreadyRecorded, Refused, TrailError
from bot.events import BOT, Closed, Frozen, Looked, Read, Record, RetentionAsked
from bot.ledger import from_now_on
from bot.lifecycle import replay
from bot.models import Moment, RequestId, Series, Value
from bot.pairs import EachOther, Pairs
from bot.request import Request
from bot.retention import Dropping
from bot.rights import Rights, Viewer, aims
from bot.standing import Standing, standings
from bot.states import State
from bot.sweeping import Runs

LATEST = 10
"""Requests on a page."""
RECENT = 100
"""The newest requests, among which those of a page are looked for."""
FOUND = 20
SEARCHED = 400
"""The newest requests, among which a search looks."""

LOOKED_BACK = 5
"""Runs of a sweep, among which the last one that looked is looked for."""

WAITING = frozenset({State.PENDING, State.TO_DROP})
RUNNING = frozenset({State.APPROVED, State.WARNED, State.ACTING, State.VERIFYING})

log = logging.getLogger(__name__)


class Known(Value):
    """A request with its events, oldest first. dropped: by whose word what its hosts said isn't kept any more.

    each_other: who of its people approve each other over and over, among the newest requests that may be seen.
    """

    request: Request
    records: tuple[Record, ...]
    dropped: Dropping | None = None
    each_other: tuple[EachOther, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """What it was asked about."""
        first, command = self.records[0].event, self.request.command
        return first.hosts if isinstance(first, Looked) else command.hosts if command else self.request.hosts

    @property
    def without_what_was_seen(self) -> "Known":
        """For whoever asked, and may not look there: a note may name who is logged in."""
        return self.model_copy(update={"records": tuple(map(_bare, self.records))})

    @property
    def people(self) -> frozenset[str]:
        """Who asked and who decided, of a review also who may; a click that was refused decided nothing."""
        request = self.request
        words = [*request.decisions, *([request.unhold_asked] if request.unhold_asked else [])]
        about = [request.review.asker, *request.review.reviewers] if request.review else []
        return frozenset({request.asker, request.ended_by, *(word.who for word in words), *about} - {"", BOT})


class Reading(Value):
    """What the trail told at one moment: the open requests, oldest first, and the newest ones, newest first.

    sweeps: each that is configured, in that order.
    """

    at: Moment
    open: tuple[Known, ...]
    recent: tuple[Known, ...]
    sweeps: tuple[Runs, ...] = ()


class Page(Value):
    """What concerns one person. refusal: why there is nothing here for them; empty for a full member.

    waiting: what this person may approve now. yours: what this person asked, waiting for others. stoppable: the
    requests that run and that this person may stop, as far as their state allows it. held: the holds in force.
    sweeps: those on hosts that this person may look at.
    reviews: the emergencies that wait for their review. reviewable: those of them that may be this person's to review.
    frozen: the freezes in force, and whether this person is one of those who may release them. unread: groups that
    Slack didn't tell about, so that what hangs on them is missing.
    """

    at: Moment
    refusal: str = ""
    waiting: tuple[Known, ...] = ()
    yours: tuple[Known, ...] = ()
    running: tuple[Known, ...] = ()
    stoppable: frozenset[RequestId] = frozenset()
    latest: tuple[Known, ...] = ()
    held: tuple[Known, ...] = ()
    reviews: tuple[Known, ...] = ()
    reviewable: frozenset[RequestId] = frozenset()
    sweeps: tuple[Runs, ...] = ()
    frozen: tuple[Known, ...] = ()
    may_freeze: bool = False
    rights: tuple[Standing, ...] = ()
    unread: tuple[str, ...] = ()


class Found(Value):
    """The answer to a search, newest first. more: there are more. cut: only the newest were looked through."""

    known: tuple[Known, ...]
    more: bool = False
    cut: bool = False


class Questions:
    """Each question raises LookupFailed if Slack doesn't say who asks, and TrailError if the trail can't be read."""

    def __init__(self, trail: Trail, rights: Rights) -> None:
        self._trail = trail
        self._rights = rights

    async def changes(self) -> AsyncIterator[Record]:
        """Each new record from now on. It never ends."""
        async for record in self._trail.follow(await from_now_on(self._trail)):
            yield record

    # ------------------------------------------------------------------------------------------ one person's page

    async def read(self) -> Reading:
        """What every page is made of: it may serve several people."""
        at = await self._trail.now()
        numbers = await self._trail.open_requests()
        found = tuple(_replayed([await self._trail.read(number) for number in numbers]))
        recent = await self._trail.requests(listings=False, limit=RECENT)
        sweeps = [await self._runs(series, found) for series in self._rights.policy.sweeps]
        return Reading(at=at, open=found, recent=tuple(_replayed(recent)), sweeps=tuple(sweeps))

    async def _runs(self, series: Series, found: Sequence[Known]) -> Runs:
        waiting = [k.request for k in found if sweeping.is_waiting(k.request)]
        ours = [run for run in waiting if sweeping.series_of(run, self._rights.policy) == series]
        ahead = max(ours, key=lambda run: run.not_before or run.at, default=None)
        return Runs(series=series, next=ahead, last=await self._last(ahead))

    async def _last(self, run: Request | None) -> Request | None:
        """The newest run before this one that looked."""
        for _ in range(LOOKED_BACK):
            if run is None or run.follows is None:
                return None
            known = next(_replayed([await self._trail.read(run.follows)]), None)
            run = known.request if known else None
            if run is not None and run.swept is not None:
                return run
        return None

    async def page(self, who: str, reading: Reading | None = None) -> Page:
        """Everything that concerns this person now, or at the moment of that reading."""
        viewer = await self._rights.viewer(who)
        reading = reading or await self.read()
        if not viewer.person.is_member:
            return Page(at=reading.at, refusal=policy.not_a_member(viewer.person))
        waiting = [k for k in reading.open if self._waits(k, viewer, reading.at)]
        yours = [k for k in reading.open if k.request.state in WAITING and k.request.asker == who]
        running = [k for k in reading.open if k.request.state in RUNNING and self._shows(k, viewer)]
        frozen = [k for k in reading.open if k.request.state is State.FROZEN]
        held, reviews = self._held(reading, viewer), self._reviews(reading, viewer)
        apart = {k.request.id for k in (*waiting, *yours, *running, *frozen, *held, *reviews)}
        told = (k for k in reading.recent if k.request.id not in apart and not sweeping.is_silent(k.request))
        others = [k for k in told if self._shows(k, viewer)]
        return Page(
            at=reading.at,
            waiting=tuple(waiting),
            yours=tuple(yours),
            running=tuple(running),
            stoppable=frozenset(k.request.id for k in running if self._stops(k, viewer)),
            latest=tuple(others[:LATEST]),
            held=held,
            reviews=reviews,
            reviewable=_reviewable(reviews, who),
            sweeps=self._sweeps(reading, viewer),
            frozen=tuple(frozen),
            may_freeze=self._may_freeze(viewer),
            rights=standings(self._rights.policy, viewer.person, viewer.members),
            unread=viewer.unread,
        )

    def _held(self, reading: Reading, viewer: Viewer) -> tuple[Known, ...]:
        return tuple(k for k in reading.open if k.request.state is State.HELD and self._shows(k, viewer))

    async def held(self, who: str) -> tuple[Known, ...]:
        """The holds in force of which this person may know. Raises Refused for someone who may know of none."""
        viewer = await self._member(who)
        return self._held(await self.read(), viewer)

    def _reviews(self, reading: Reading, viewer: Viewer) -> tuple[Known, ...]:
        return tuple(k for k in reading.open if k.request.state is State.REVIEW and self._shows(k, viewer))

    async def reviews(self, who: str) -> tuple[Known, ...]:
        """The open reviews of which this person may know. Raises Refused for someone who may know of none."""
        viewer = await self._member(who)
        return self._reviews(await self.read(), viewer)

    def _sweeps(self, reading: Reading, viewer: Viewer) -> tuple[Runs, ...]:
        return tuple(runs for runs in reading.sweeps if self._looks_at(runs.series.command.hosts, viewer))

    async def sweeps(self, who: str) -> tuple[Runs, ...]:
        """The sweeps of which this person may know. Raises Refused for someone who may know of none."""
        viewer = await self._member(who)
        return self._sweeps(await self.read(), viewer)

    def _waits(self, known: Known, viewer: Viewer, now: Moment) -> bool:
        """May this person's approval count for any host for which it doesn't yet, and is there time?"""
        request = known.request
        if request.decide_by is None or now >= request.decide_by:
            return False
        if request.state is State.TO_DROP:
            return viewer.person.id != request.asker and self._may_freeze(viewer)
        if request.state is not State.PENDING:
            return False
        return any(viewer.person.id not in request.approved_on(host) for host in self._decides(request, viewer))

    def _may_freeze(self, viewer: Viewer) -> bool:
        return bool(policy.may_freeze(self._rights.policy, viewer.person, viewer.members))

    def _stops(self, known: Known, viewer: Viewer) -> bool:
        return viewer.person.id == known.request.asker or bool(self._decides(known.request, viewer))

    def _decides(self, request: Request, viewer: Viewer) -> list[str]:
        """The hosts for which this person may decide about it."""
        if request.plan is None or request.command is None:
            return []
        acts, rules = request.command.acts, self._rights.policy
        verdicts = policy.may_decide(
            rules, aims(request.plan), acts, viewer.person, viewer.members, asker=request.asker
        )
        return [host for host, verdict in verdicts.items() if verdict]

    def _shows(self, known: Known, viewer: Viewer) -> bool:
        """May this person know about that request?"""
        if not viewer.person.is_member:
            return False
        everyones = isinstance(known.records[0].event, Frozen | RetentionAsked)
        return everyones or viewer.person.id in known.people or self._may_look(known, viewer)

    def _may_look(self, known: Known, viewer: Viewer) -> bool:
        return self._looks_at(known.hosts, viewer)

    def _looks_at(self, hosts: Sequence[str], viewer: Viewer) -> bool:
        looks = [policy.may_look(self._rights.policy, host, viewer.person, viewer.members) for host in hosts]
        return bool(looks) and all(looks)

    # ------------------------------------------------------------------------------------------ what was

    async def one(self, who: str, number: int) -> Known:
        """That request. Raises Refused, in the same words if there is none and if this person may not know of it."""
        viewer = await self._member(who)
        known = next(_replayed([await self._trail.read(RequestId(number))]), None)
        if known is None or not self._shows(known, viewer):
            raise Refused(f"There is no request {number} that you may see.")
        dropped = await self._trail.dropped(known.request.id)
        each_other = await self._each_other(known, viewer)
        known = known.model_copy(update={"dropped": dropped, "each_other": each_other})
        return known if self._may_look(known, viewer) else known.without_what_was_seen

    async def _each_other(self, known: Known, viewer: Viewer) -> tuple[EachOther, ...]:
        """Among the newest requests of which this person may know."""
        pairs = Pairs()
        for one in reversed(list(_replayed(await self._trail.requests(listings=False, limit=RECENT)))):
            for record in one.records if self._shows(one, viewer) else ():
                pairs.see(record)
        return tuple(found for found in pairs.counted().each_other if found.people <= known.people)

    async def search(self, who: str, *, about: str = "", person: str = "", since: int = 0) -> Found:
        """The newest requests that this person may know of. Raises Refused for someone who may know of none.

        about: only of this login name or host. person: only those that this person asked or decided. since: only of so
        many seconds; 0 for all.
        """
        viewer = await self._member(who)
        begin = await self._trail.now() - timedelta(seconds=since) if since else None
        limit, seen, read = FOUND, list[Known](), FOUND
        while read >= limit and len(seen) <= FOUND and limit < SEARCHED:
            limit = min(4 * limit, SEARCHED)
            records = await self._trail.requests(about=about or None, since=begin, listings=False, limit=limit)
            read = len(records)
            seen = [k for k in _replayed(records) if self._shows(k, viewer) and (not person or person in k.people)]
        more = len(seen) > FOUND
        return Found(known=tuple(seen[:FOUND]), more=more, cut=not more and read >= limit)

    async def called(self, who: str, name: str) -> tuple[str, ...]:
        """The ids of people of that name who asked or decided one of the newest requests that `who` may know of."""
        viewer = await self._member(who)
        recent = _replayed(await self._trail.requests(listings=False, limit=RECENT))
        people = sorted({person for known in recent if self._shows(known, viewer) for person in known.people})
        names = await self._rights.called(people)
        return tuple(person for person, known_as in names.items() if known_as.casefold() == name.casefold())

    async def note(self, who: str, about: str, requests: int) -> None:
        """That this person read so many of them. What can't be recorded is read all the same: it may tell why."""
        try:
            await self._trail.append(None, Read.of("audit", about, requests, await self._trail.now(), who=who))
        except AlreadyRecorded:
            return
        except TrailError as error:
            log.warning("that %s read %s requests is not recorded: %s", who, requests, error)

    async def _member(self, who: str) -> Viewer:
        viewer = await self._rights.viewer(who)
        if not viewer.person.is_member:
            raise Refused(policy.not_a_member(viewer.person))
        return viewer


def _replayed(requests: Iterable[Sequence[Record]]) -> Iterator[Known]:
    """Requests from their events. One whose events can't follow each other is left out, and logged."""
    for records in filter(None, requests):
        try:
            yield Known(request=replay(records), records=tuple(records))
        except TrailError as error:
            log.error("request %s is not shown: %s", records[0].request, error)  # noqa: TRY400


def _bare(record: Record) -> Record:
    if not isinstance(record.event, Closed):
        return record
    event = record.event.model_copy(update={"note": ""})
    return record.model_copy(update={"entry": record.entry.model_copy(update={"event": event})})


def _reviewable(reviews: Sequence[Known], who: str) -> frozenset[RequestId]:
    """Whoever acted alone doesn't review it."""
    return frozenset(k.request.id for k in reviews if k.request.review and k.request.review.asker != who)
