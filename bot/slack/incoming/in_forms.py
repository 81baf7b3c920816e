"""What is said to a form that was sent: a refusal at a field if it is known in time, else as a message."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from bot.errors import KickbotError, LookupFailed, TooLate
from bot.slack.content.lines import Line
from bot.slack.incoming.answers import Reply, note
from bot.slack.incoming.intake import Directory

Ack = Callable[..., Awaitable[Any]]

ACKNOWLEDGE = 2.0
"""Seconds within which a refusal can still stand in the form: Slack waits for three."""
NAMING = 0.5
"""Seconds beyond that for the names in it."""

_PERSON = re.compile(r"<@([UW][A-Z0-9]+)>")
_GROUP = re.compile(r"<!subteam\^(S[A-Z0-9]+)>")


async def acknowledged(
    ack: Ack,
    work: Awaitable[Line],
    reply: Reply,
    field: str,
    people: Directory,
    refused: Callable[[], None] = lambda: None,
) -> None:
    """The form closes with the answer, or stays with the refusal. refused: called before it is told there."""
    working = asyncio.ensure_future(work)
    finished, _ = await asyncio.wait({working}, timeout=ACKNOWLEDGE)
    if finished and (refusal := _refusal(working)):
        refused()
        await ack(response_action="errors", errors={field: await _named(refusal.for_user(), people)})
        return
    await ack()
    await reply(note(await working))


def bare(text: str) -> str:
    """One of Kickbot's own sentences without markup."""
    return _GROUP.sub(r"the user group \1", text).replace("`", "")


def _refusal(working: asyncio.Future[Line]) -> KickbotError | None:
    """Why nothing was done, on purpose. Not that it came too late: then nobody looks at the form any more."""
    error = working.exception()
    return error if isinstance(error, KickbotError) and not isinstance(error, TooLate) else None


async def _named(text: str, people: Directory) -> str:
    """As plain text, which is all that a field's error can be: people by their names."""
    found = set(_PERSON.findall(text))
    reading = {who: asyncio.ensure_future(_name(who, people)) for who in found}
    finished, _ = await asyncio.wait(reading.values(), timeout=NAMING) if reading else (set(), set())
    names = {who: task.result() for who, task in reading.items() if task in finished}
    return bare(_PERSON.sub(lambda match: names.get(match[1], match[1]), text))


async def _name(who: str, people: Directory) -> str:
    try:
        return (await people.person(who)).name
    except LookupFailed:
        return who
