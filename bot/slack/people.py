"""Who is who in Slack: people, user groups and channels, read afresh at each question.

Whatever goes wrong means no: a failure raises LookupFailed, and a channel that can't be read is one the bot isn't in.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import LookupFailed
from bot.models import Person
from bot.policy import Channel, mention
from bot.slack.trouble import CALL_FAILED, code_of

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds until a lookup has failed."""

FAILURES = (*CALL_FAILED, OSError, ValidationError)
"""The same, for who reads the answer too."""

Answer = TypeVar("Answer")


class _Said(BaseModel):
    """What is read of Slack's answers. A value of another kind than expected fails; other fields don't matter."""

    model_config = ConfigDict(extra="ignore", strict=True)


class _Profile(_Said):
    display_name: str = ""
    real_name: str = ""


class _Enterprise(_Said):
    teams: list[str] = []


class _User(_Said):
    """users.info, https://docs.slack.dev/reference/objects/user-object: a flag that isn't there is not set."""

    id: str
    team_id: str = ""
    name: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    profile: _Profile = _Profile()
    enterprise_user: _Enterprise = _Enterprise()

    def person(self, team: str) -> Person:
        teams = {self.team_id, *self.enterprise_user.teams} - {""}
        return Person(
            id=self.id,
            name=self.profile.display_name or self.profile.real_name or self.name or self.id,
            deactivated=self.deleted,
            bot=self.is_bot,
            guest=self.is_restricted or self.is_ultra_restricted,
            stranger=self.is_stranger or bool(teams and team not in teams),
        )


class _Members(_Said):
    users: list[str]


class Conversation(_Said):
    """conversations.info. A direct message has neither a name nor members, and gets no evidence."""

    id: str
    name: str = ""
    is_im: bool = False
    is_member: bool | None = None
    is_archived: bool = False
    is_shared: bool = False
    is_ext_shared: bool = False
    is_org_shared: bool = False
    is_pending_ext_shared: bool = False

    def channel(self) -> Channel:
        shared = self.is_shared or self.is_ext_shared or self.is_org_shared or self.is_pending_ext_shared
        member = not self.is_im if self.is_member is None else self.is_member
        return Channel(id=self.id, name=self.name, member=member and not self.is_archived, shared=shared)


class SlackPeople:
    """People of `borders.py`. team: the workspace that the bot belongs to; everyone else is a stranger."""

    def __init__(self, client: AsyncWebClient, team: str, *, patience: float = PATIENCE) -> None:
        self._client = client
        self._team = team
        self._patience = patience

    async def person(self, id: str) -> Person:  # noqa: A002 - Slack's own word
        async def read() -> Person:
            user = _User.model_validate((await self._client.users_info(user=id)).get("user"))
            _demand_same(id, user.id)
            return user.person(self._team)

        return await self._ask(id, read)

    async def members(self, group: str) -> frozenset[str]:
        async def read() -> frozenset[str]:
            answer = await self._client.usergroups_users_list(usergroup=group)
            return frozenset(_Members.model_validate(answer.data).users)

        return await self._ask(group, read)

    async def channel(self, id: str) -> Channel:  # noqa: A002 - Slack's own word
        """A channel; if Slack doesn't say, one that the bot isn't in, so that evidence goes elsewhere."""
        try:
            return await self.known_channel(id)
        except LookupFailed as error:
            log.info("channel %s: %s", id, error)
            return Channel(id=id)

    async def known_channel(self, id: str) -> Channel:  # noqa: A002 - Slack's own word
        """The same for who wants to know why Slack doesn't say. Raises LookupFailed."""

        async def read() -> Channel:
            found = Conversation.model_validate((await self._client.conversations_info(channel=id)).get("channel"))
            _demand_same(id, found.id)
            return found.channel()

        return await self._ask(id, read)

    async def _ask(self, what: str, read: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            async with asyncio.timeout(self._patience):
                return await read()
        except FAILURES as error:
            raise LookupFailed(mention(what), _short(error)) from error


def _demand_same(asked: str, answered: str) -> None:
    """Slack must speak about the one that was asked about."""
    if asked != answered:
        raise aiohttp.ClientPayloadError(f"asked about {asked}, got {answered}")


def _short(error: Any) -> str:
    """One line for the log."""
    if isinstance(error, SlackApiError) and (code := code_of(error)):
        return f"Slack says {code}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
