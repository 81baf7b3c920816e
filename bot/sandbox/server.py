"""Puts the sandbox together on one loopback port: Slack's Web API, Socket Mode, the people's side and their page.

Never listens beyond this machine, and answers no request that another site made a browser send.
"""

import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from urllib.parse import urlsplit

from aiohttp import web

from bot.sandbox.http_delivery import HttpDelivery
from bot.sandbox.people_api import PeopleApi
from bot.sandbox.personas import Parts, Persona
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.socket_mode import SocketMode
from bot.sandbox.web_api import WebApi
from bot.sandbox.workspace import Workspace

LOOPBACK = "127.0.0.1"
OWN_NAMES = frozenset({LOOPBACK, "localhost"})
LARGEST = 50 * 1024 * 1024
POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class SandboxSlack:
    """A running sandbox. `api_url` is the base_url for slack_sdk, `page_url` the page for people."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.socket = SocketMode(workspace)
        self.http = HttpDelivery(workspace)
        self.web_api = WebApi(workspace, self.socket.new_url)
        self.parts = Parts(workspace, self.socket, self.http, ResponseUrls(workspace, self.web_api))

    @classmethod
    @asynccontextmanager
    async def start(cls, workspace: Workspace, port: int = 0) -> AsyncIterator["SandboxSlack"]:
        """Listens on 127.0.0.1 (0: on any free port) until the block is left."""
        slack = cls(workspace)
        runner = web.AppRunner(slack.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
            slack.parts.origin = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
            yield slack
        finally:
            await slack.stop()
            await runner.cleanup()

    @property
    def api_url(self) -> str:
        return f"{self.parts.origin}/api/"

    @property
    def page_url(self) -> str:
        return f"{self.parts.origin}/"

    @property
    def bot_token(self) -> str:
        return self.workspace.app.bot_token

    @property
    def app_token(self) -> str:
        return self.workspace.app.app_token

    @property
    def signing_secret(self) -> str:
        return self.workspace.app.signing_secret

    def as_(self, name: str) -> Persona:
        """The person with that name or id."""
        user = next((p.id for p in self.workspace.people.values() if name in {p.id, p.name}), name)
        return Persona(self.parts, self.workspace.person(user).id)

    async def stop(self) -> None:
        for task in self.parts.events:
            task.cancel()
        await self.socket.close()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[only_from_here], client_max_size=LARGEST)
        for part in (self.web_api, self.socket, self.parts.response_urls, PeopleApi(self.parts)):
            app.add_routes(part.routes())
        app.add_routes([web.get("/", page), web.get("/archives/{channel}/{message}", page)])
        return app


async def page(_request: web.Request) -> web.StreamResponse:
    """The one page; only its own script may run in it, named by its digest."""
    text = (resources.files("bot.sandbox") / "page" / "index.html").read_text(encoding="utf-8")
    script = text.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'; style-src 'unsafe-inline'; connect-src 'self'; {POLICY}"
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": allowed})


@web.middleware
async def only_from_here(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuses names that were rebound to this address (Host), and other sites' requests (Origin, Sec-Fetch-Site)."""
    if not is_own(request):
        return web.Response(status=403, text="the sandbox answers only its own page and programs on this machine")
    response = await handler(request)
    if not response.prepared:
        response.headers.extend({name: HEADERS[name] for name in HEADERS if name not in response.headers})
    return response


def is_own(request: web.Request) -> bool:
    host = urlsplit(f"//{request.host}")
    if host.hostname not in OWN_NAMES:
        return False
    if request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        return False
    return request.headers.get("Origin", f"http://{request.host}") == f"http://{request.host}"
