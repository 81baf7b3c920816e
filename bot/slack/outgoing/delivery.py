"""Brings one message into Slack exactly once, however often it is told to, and however Slack fails meanwhile.

Each message carries who it is as metadata (a file: in its name). Where it is not sure whether it was posted, Slack is
asked first, and a message that is found is adopted. It decides nothing about what is said.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from itertools import chain, islice, repeat
from time import monotonic
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient

from bot.borders import Posting, Postings, Sleep
from bot.errors import LeaseLost
from bot.events import Record
from bot.models import Moment, Value
from bot.slack.content.blocks import Message
from bot.slack.content.files import File
from bot.slack.outgoing.tempo import Tempo
from bot.slack.trouble import Impossible, Trouble, judge, retry_after
from bot.stopping import to_its_end

T = TypeVar("T")

log = logging.getLogger(__name__)

EVENT_TYPE = "kickbot"
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0)
REMEMBERED = 64
FEW = 3
"""Tries for what may also be done later, and must not hold up what can't."""
PAGE = 200
POSTS = (5, 5.0)
"""Messages in one channel, and in how many seconds: one a second, in short bursts."""
CHANGES = (50, 60.0)
"""The same for changes, wherever they are: https://docs.slack.dev/apis/web-api/rate-limits, tier 3."""
SKEW = timedelta(hours=1)
"""How far Slack's clock and the trail's may lie apart: a message is looked for from that long before its event."""

TRANSPORT = (aiohttp.ClientError, TimeoutError, OSError, SlackRequestError)


class Place(Value):
    """Where a message goes. thread: the ts of the parent; empty: into the channel itself."""

    channel: str
    thread: str = ""


Elsewhere = Callable[[], Awaitable[Place | None]]
"""Where a message goes that can't be posted at its place; it is asked only then."""


async def nowhere_else() -> Place | None:
    return None


class Tag(Value):
    """Who a message is. trail: the hash of its event."""

    request: int
    event: int
    part: str
    trail: str
    at: Moment

    @classmethod
    def of(cls, record: Record, part: str) -> "Tag":
        return cls(request=record.request, event=record.seq, part=part, trail=record.hash, at=record.at)

    @property
    def metadata(self) -> dict[str, Any]:
        return {"event_type": EVENT_TYPE, "event_payload": self.model_dump(mode="json", exclude={"at"})}

    def up_to(self, newest: Record) -> dict[str, Any]:
        """The same, with the newest event that the message shows."""
        shown = {"newest": newest.seq, "newest_trail": newest.hash}
        return {"event_type": EVENT_TYPE, "event_payload": {**self.metadata["event_payload"], **shown}}

    def is_on(self, message: dict[str, Any]) -> bool:
        """True for exactly this message, whatever it shows by now."""
        metadata = message.get("metadata") or {}
        found = (metadata.get("event_payload") or {}).items()
        return metadata.get("event_type") == EVENT_TYPE and self.metadata["event_payload"].items() <= found


class Delivery:
    """`client` must not repeat a call by itself after a lost answer: that would post twice.

    changes: those of everyone who changes messages with this token; None: nobody else does.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        postings: Postings,
        *,
        bot_user: str,
        changes: Tempo | None = None,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._postings = postings
        self._bot_user = bot_user
        self._sleep = sleep
        self._posts = Tempo(*POSTS, clock)
        self._changes = changes or Tempo(*CHANGES, clock)
        self._directs: dict[str, str] = {}
        self._adopted = deque[str](maxlen=REMEMBERED)

    async def post(
        self,
        tag: Tag,
        place: Place,
        message: Message,
        *,
        doubtful: bool,
        elsewhere: Elsewhere = nowhere_else,
        tries: int | None = None,
    ) -> Posting | None:
        """Where the message stands now. doubtful: it may be there already.

        What Slack does not take is posted as plain text; what can't be posted there goes to the place that `elsewhere`
        gives. None if even that failed, which is logged. tries: after so many it raises Impossible, and may be told to
        once more; without a number it insists.
        """
        if known := await self._postings.get(tag.event, tag.part):
            return known
        async for where in _places(place, elsewhere):
            for what in (message, message.plain) if message.blocks else (message,):
                send, find = partial(self._send, where, what, tag), partial(self._find, where, tag)
                try:
                    return await self._insist(send, find, doubtful=doubtful, tries=tries)
                except Impossible as error:
                    if error.may_heal:
                        raise
                    log.warning("request %s, %s of event %s: %s", tag.request, tag.part, tag.event, error)
                    if error.trouble is Trouble.PLACE:
                        break
        log.error("request %s: not posted anywhere: %s", tag.request, message.text)
        return None

    async def upload(
        self, tag: Tag, place: Place, file: File, *, doubtful: bool, elsewhere: Elsewhere = nowhere_else
    ) -> Posting | None:
        """The same for a file. Its content stands in the audit trail too, so a refusal is only logged."""
        if known := await self._postings.get(tag.event, tag.part):
            return known
        async for where in _places(place, elsewhere):
            send, find = partial(self._upload, where, file, tag), partial(self._find_file, where, tag, file)
            try:
                return await self._insist(send, find, doubtful=doubtful)
            except Impossible as error:
                log.warning("request %s, file %s: %s", tag.request, file.name, error)
                if error.trouble is not Trouble.PLACE:
                    break
        return None

    async def change(self, posting: Posting, tag: Tag, message: Message, newest: Record | None = None) -> None:
        """Show the newest state in a message that stands already. Raises Impossible if it can't be changed.

        newest: the event up to which that is; it stands beside the tag from then on.
        """
        for what in (message, message.plain):
            try:
                await self._insist(partial(self._update, posting, what, tag, newest), None, doubtful=False, tries=FEW)
            except Impossible as error:
                if error.trouble is Trouble.PLACE or error.may_heal:
                    raise
                log.warning("request %s: the message %s was not changed: %s", tag.request, posting.ts, error)
            else:
                return

    def was_there(self, posting: Posting) -> bool:
        """True if this message was found and not sent: it may show an older state."""
        return posting.ts in self._adopted

    @property
    def changes_left(self) -> int:
        """How many messages could be changed right now."""
        return self._changes.left()

    async def direct(self, person: str) -> Place:
        """The direct message with a person. Raises Impossible if there can't be one."""
        if person not in self._directs:
            self._directs[person] = await self._insist(partial(self._open, person), None, doubtful=False, tries=FEW)
        return Place(channel=self._directs[person])

    async def link(self, posting: Posting) -> str:
        """The address of a message; empty if Slack does not say."""
        try:
            return await self._insist(partial(self._permalink, posting), None, doubtful=False, tries=FEW)
        except Impossible as error:
            log.warning("no link to %s in %s: %s", posting.ts, posting.channel, error)
            return ""

    # ------------------------------------------------------------------------------------------ until it is done

    async def _put(self, tag: Tag, place: Place, ts: str) -> Posting:
        posting = Posting(event=tag.event, part=tag.part, channel=place.channel, ts=ts)
        await self._postings.put(posting)
        return posting

    async def _put_in_time(self, tag: Tag, place: Place, ts: str, undo: Callable[[], Awaitable[object]]) -> Posting:
        """A process that slept may have sent this long after another one did: then it takes its own away again."""
        try:
            return await self._put(tag, place, ts)
        except LeaseLost:
            stands = await self._noted(tag)
            if stands and stands.ts != ts:
                log.warning("request %s: %s of event %s was posted too late", tag.request, tag.part, tag.event)
                await self._take_away(ts, undo)
            raise

    async def _noted(self, tag: Tag) -> Posting | None:
        """Where the other one has posted it, which may be posting it at this very moment."""
        for pause in (*PAUSES[:3], 0.0):
            if stands := await self._postings.noted(tag.event, tag.part):
                return stands
            await self._sleep(pause)
        return None

    async def _insist(
        self,
        send: Callable[[], Awaitable[T]],
        find: Callable[[], Awaitable[T | None]] | None,
        *,
        doubtful: bool,
        tries: int | None = None,
    ) -> T:
        """Try until Slack answers. Whenever it isn't clear what became of a try, look before the next one."""
        trouble, code = Trouble.UNCLEAR, "no answer"
        for pause in islice(chain(PAUSES, repeat(60.0)), tries):
            try:
                if find and doubtful and (found := await find()):
                    return found
                return await send()
            except TRANSPORT as error:
                trouble, code = Trouble.UNCLEAR, repr(error)
            except SlackApiError as error:
                trouble, code = judge(error)
                if trouble in {Trouble.PLACE, Trouble.CONTENT}:
                    raise Impossible(trouble, code) from error
                pause = max(pause, retry_after(error))  # noqa: PLW2901 - Slack says how long
            doubtful = doubtful or trouble is Trouble.UNCLEAR
            log.warning("Slack said %s, trying again in %s s", code, pause)
            await self._sleep(pause)
        raise Impossible(trouble, code)

    async def _keep_to(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)

    # ------------------------------------------------------------------------------------------ single calls

    async def _send(self, place: Place, message: Message, tag: Tag) -> Posting:
        await self._keep_to(self._posts.next(place.channel))
        return await to_its_end(self._post(place, message, tag))

    async def _post(self, place: Place, message: Message, tag: Tag) -> Posting:
        answer = await self._client.chat_postMessage(
            channel=place.channel,
            thread_ts=place.thread or None,
            text=message.text,
            blocks=list(message.blocks) or None,
            metadata=tag.metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        ts = str(answer["ts"])
        return await self._put_in_time(tag, place, ts, partial(self._client.chat_delete, channel=place.channel, ts=ts))

    async def _update(self, posting: Posting, message: Message, tag: Tag, newest: Record | None) -> str:
        await self._keep_to(self._changes.next())
        answer = await self._client.chat_update(
            channel=posting.channel,
            ts=posting.ts,
            text=message.text,
            blocks=list(message.blocks),
            metadata=tag.up_to(newest) if newest else tag.metadata,
        )
        return str(answer["ts"])

    async def _upload(self, place: Place, file: File, tag: Tag) -> Posting:
        return await to_its_end(self._share(place, file, tag))

    async def _share(self, place: Place, file: File, tag: Tag) -> Posting:
        answer = await self._client.files_upload_v2(
            channel=place.channel,
            thread_ts=place.thread or None,
            filename=file.name,
            title=file.title,
            content=file.content.encode(),
        )
        file_id = str(answer["files"][0]["id"])
        return await self._put_in_time(tag, place, file_id, partial(self._client.files_delete, file=file_id))

    async def _take_away(self, ts: str, undo: Callable[[], Awaitable[object]]) -> None:
        try:
            await undo()
        except (*TRANSPORT, SlackApiError) as error:
            log.warning("%s stands there twice: %s", ts, error)

    async def _permalink(self, posting: Posting) -> str:
        answer = await self._client.chat_getPermalink(channel=posting.channel, message_ts=posting.ts)
        return str(answer.get("permalink") or "")

    async def _open(self, person: str) -> str:
        channel = (await self._client.conversations_open(users=[person])).get("channel")
        if not isinstance(channel, dict) or not channel.get("id"):
            raise aiohttp.ClientPayloadError(f"no direct message with {person}, and no reason")
        return str(channel["id"])

    # ------------------------------------------------------------------------------------------ looking first

    async def _find(self, place: Place, tag: Tag) -> Posting | None:
        """This very message, if Slack has it."""
        async for message in self._messages(place, tag):
            if tag.is_on(message):
                self._adopted.append(str(message["ts"]))
                return await self._put(tag, place, str(message["ts"]))
        return None

    async def _find_file(self, place: Place, tag: Tag, file: File) -> Posting | None:
        async for message in self._messages(place, tag):
            for shared in message.get("files", []):
                if shared.get("name") == file.name:
                    return await self._put(tag, place, str(shared["id"]))
        return None

    async def _messages(self, place: Place, tag: Tag) -> AsyncIterator[dict[str, Any]]:
        """Kickbot's own messages at that place since the event."""
        cursor: str | None = None
        since = f"{(tag.at - SKEW).timestamp():.6f}"
        while cursor != "":
            page: dict[str, Any] = {"limit": PAGE, "cursor": cursor, "include_all_metadata": True, "oldest": since}
            if place.thread:
                answer = await self._client.conversations_replies(channel=place.channel, ts=place.thread, **page)
            else:
                answer = await self._client.conversations_history(channel=place.channel, **page)
            for message in answer["messages"]:
                if message.get("user") == self._bot_user:
                    yield message
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""


async def _places(place: Place, elsewhere: Elsewhere) -> AsyncIterator[Place]:
    """Where it belongs, and where it goes otherwise."""
    yield place
    other = await elsewhere()
    if other and other != place:
        yield other
