"""`/audit` and its like -> what the trail tells about requests, for whoever asks and nobody else."""

from collections.abc import Awaitable

from bot.cleaning import quoted
from bot.durations import typed
from bot.errors import CommandError
from bot.estate import Estate
from bot.models import Audit, Holds, Reviews, Sweeps
from bot.nearest import did_you_mean
from bot.questions import Questions
from bot.slack.content import history, holds, reviews, sweeps
from bot.slack.content.blocks import Message
from bot.slack.content.lines import line
from bot.slack.incoming.answers import Reply, awaited, note
from bot.slack.outgoing.links import Links

READING = "Reading the audit trail …"


class Histories:
    """It changes nothing, no answer is ever for all, and who read what was is recorded."""

    def __init__(self, questions: Questions, links: Links, estate: Estate) -> None:
        self._questions = questions
        self._links = links
        self._estate = estate

    async def answer(self, reply: Reply, who: str, wanted: Audit | Holds | Reviews | Sweeps) -> None:
        """Raises CommandError for a name that nobody has, or several, and Refused for what `who` may not see."""
        await reply(await awaited(reply, self._read(who, wanted), note(line(READING))))

    def _read(self, who: str, wanted: Audit | Holds | Reviews | Sweeps) -> Awaitable[Message]:
        if isinstance(wanted, Holds):
            return self._holds(who)
        if isinstance(wanted, Reviews):
            return self._reviews(who)
        if isinstance(wanted, Sweeps):
            return self._sweeps(who)
        return self._one(who, wanted.request) if wanted.request is not None else self._several(who, wanted)

    async def _holds(self, who: str) -> Message:
        """The holds in force of which this person may know."""
        return holds.listed([known.request for known in await self._questions.held(who)])

    async def _reviews(self, who: str) -> Message:
        """The emergencies that wait for their review, of which this person may know."""
        found = await self._questions.reviews(who)
        return reviews.listed([known.request for known in found], await self._links.of(found))

    async def _sweeps(self, who: str) -> Message:
        """The sweeps of which this person may know."""
        return sweeps.listed(await self._questions.sweeps(who))

    async def _one(self, who: str, number: int) -> Message:
        known = await self._questions.one(who, number)
        await self._questions.note(who, str(number), 1)
        return history.story(known, (await self._links.of([known])).get(known.request.id, ""))

    async def _several(self, who: str, wanted: Audit) -> Message:
        if wanted.called:
            wanted = wanted.model_copy(update={"person": await self._person(who, wanted.called)})
        found = await self._questions.search(who, about=wanted.about, person=wanted.person, since=wanted.since)
        await self._questions.note(who, _words(wanted), len(found.known))
        links = await self._links.of(found.known)
        known = wanted.about in self._estate.inventory.hosts
        hint = "" if found.known or known else did_you_mean(wanted.about, self._estate.inventory.hosts)
        return history.requests(wanted, found, links, hint)

    async def _person(self, who: str, called: str) -> str:
        """The id of someone who is called like this."""
        people = await self._questions.called(who, called)
        if len(people) != 1:
            said = history.SEVERAL if people else history.NOBODY
            raise CommandError(said.format(name=quoted(called)))
        return people[0]


def _words(wanted: Audit) -> str:
    """What was asked for: `host1 since 24h`."""
    since = f"since {typed(wanted.since)}" if wanted.since else ""
    return " ".join(filter(None, (wanted.about, wanted.person, since)))
