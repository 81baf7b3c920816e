"""The terminals over HTTP, under /sandbox/terminals/: what appears there, as server-sent events."""

import json

from aiohttp import web

from bot.sandbox.nouns import Json
from bot.sandbox.terminals import Hosts, Terminal


class TerminalsApi:
    def __init__(self, hosts: Hosts | None) -> None:
        self.hosts = hosts

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/sandbox/terminals/{host}/{session}", self.follow)]

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Everything since the login, then what comes, and at last that the connection has ended."""
        wanted = (request.match_info["host"], request.match_info["session"])
        terminal = next((t for t in terminals(self.hosts) if (t.host, t.session) == wanted), None)
        if terminal is None:
            raise web.HTTPNotFound
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        async for text in terminal.follow():
            await response.write(_event("output", {"text": text}))
        await response.write(_event("closed", {}))
        return response


def terminals(hosts: Hosts | None) -> list[Terminal]:
    return list(hosts.terminals()) if hosts else []


def _event(kind: str, data: Json) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
