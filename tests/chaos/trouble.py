"""Slack and hosts that fail at five calls in a hundred, in every way that they know."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import Answer, EndSession, HostLimits, HostUptime, Snapshot, Step, Unreachable
from tests.chaos.slack_apart import SlackApart
from tests.fakes import FakeHost

OFTEN = 0.05
TIMES = 3
"""How often a client that only reads asks, as bolt's own handlers of retries let it."""


class NearSlack(AsyncWebClient):
    """The sandbox without a network between: each call may fail, be refused for now, or lose its answer.

    reads: calls are made again, as the bot's client for reading does.
    """

    def __init__(self, slack: SlackApart, chance: Random, *, reads: bool = False) -> None:
        super().__init__(token=slack.bot_token, base_url="http://127.0.0.1/api/")
        self._slack, self._chance, self._times = slack, chance, TIMES if reads else 1
        self.troubled = 0

    async def api_call(self, api_method: str, **kwargs: Any) -> Any:
        for _ in range(self._times - 1):
            try:
                return await super().api_call(api_method, **kwargs)
            except (SlackApiError, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1)
        return await super().api_call(api_method, **kwargs)

    async def _request(self, *, http_verb: str, api_url: str, req_args: dict[str, Any]) -> dict[str, Any]:
        plain = {**(req_args.get("params") or {}), **(req_args.get("data") or {})}
        args = {**{name: str(value) for name, value in plain.items()}, **(req_args.get("json") or {})}
        return await self._troubled(lambda: self._carry_out(api_url.rpartition("/")[2], args))

    async def _upload_file(self, *, url: str, data: bytes, **_: Any) -> Any:
        def receive() -> dict[str, Any]:
            status = self._slack.receive(url.rpartition("/")[2], data)
            return {"status_code": status, "data": {"ok": True}, "headers": {}}

        answer = await self._troubled(receive)
        return _Uploaded(answer["status_code"])

    def _carry_out(self, method: str, args: Mapping[str, Any]) -> dict[str, Any]:
        return {"status_code": 200, "data": self._slack.call(method, args), "headers": {}}

    async def _troubled(self, carry_out: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self._chance.random() >= OFTEN:
            return dict(carry_out())
        self.troubled += 1
        match self._chance.choice(("refused", "failed", "silent", "lost", "too many", "done and failed")):
            case "too many":
                return _answer(429, "ratelimited", {"Retry-After": "7"})
            case "refused":
                return _answer(200, "service_unavailable")
            case "failed":
                return _answer(500, "internal_error")
            case "silent":
                raise TimeoutError
            case "done and failed":
                carry_out()
                return _answer(500, "internal_error")
            case _:
                carry_out()
                raise aiohttp.ServerDisconnectedError


class _Uploaded:
    def __init__(self, status: int) -> None:
        self.status, self.body = status, "OK"


def _answer(status: int, error: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"status_code": status, "data": {"ok": False, "error": error}, "headers": dict(headers or {})}


class TroubledHosts:
    """Hosts that don't answer, act and lose the answer, or refuse.

    acted: what was asked of a host, without its deadline. again: what was asked once more in the very same words.
    ghosts: sessions that stay listed without a process.
    """

    def __init__(self, hosts: Mapping[str, FakeHost], chance: Random) -> None:
        self._hosts, self._chance = hosts, chance
        self.troubled = 0
        self.again = 0
        self.acted: set[int] = set()
        self.ghosts: set[str] = set()

    def _is_troubled(self) -> bool:
        troubled = self._chance.random() < OFTEN
        self.troubled += troubled
        return troubled

    async def look(
        self, hosts: Sequence[str], *, groups: Sequence[str] = (), account: str = ""
    ) -> AsyncIterator[Snapshot | Unreachable]:
        for name in hosts:
            await asyncio.sleep(0.05)
            lost = self._is_troubled()
            yield (
                Unreachable(host=name, reason="did not answer within 10 s") if lost else self._hosts[name].look(account)
            )

    async def limits(self, hosts: Sequence[str]) -> AsyncIterator[HostLimits | Unreachable]:
        for name in hosts:
            yield self._hosts[name].show_limits()

    async def act(self, step: Step, *, not_after: HostUptime) -> Answer:
        words = hash(step.model_dump_json())
        self.again += words in self.acted
        self.acted.add(words)
        await asyncio.sleep(0.05)
        trouble = self._chance.choice(("silent", "lost", "refused")) if self._is_troubled() else ""
        if trouble == "silent":
            return Answer(status="unknown", output="did not answer")
        if trouble == "refused":
            return Answer(status="refused", refusal="forbidden")
        answer = self._act(step, not_after)
        return Answer(status="unknown", output="the connection was lost") if trouble else answer

    def _act(self, step: Step, not_after: HostUptime) -> Answer:
        host = self._hosts[step.host]
        session = host.sessions.get(step.target.session) if isinstance(step, EndSession) else None
        answer = host.act(step, not_after)
        if session and session.id in self.ghosts and answer.status == "done":
            host.sessions[session.id] = session.model_copy(update={"processes": (), "terminals": ()})
        return answer
