"""Puts the sandbox together on one loopback port: Slack's Web API, Socket Mode, the people's side and their page.

Never listens beyond this machine, and answers no request that another site made a browser send.
"""

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
from bot.sandbox.terminals import Hosts
from bot.sandbox.terminals_api import TerminalsApi
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
OWN_ONLY = "script-src 'self'; style-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types"
FRESH = {"Cache-Control": "no-cache"}
PAGE_HEADERS = {"Content-Security-Policy": f"{OWN_ONLY}; {POLICY}", **FRESH}
ASSETS = {"app.js": "text/javascript", "app.css": "text/css"}


class SandboxSlack:
    """A running sandbox. `api_url` is the base_url for slack_sdk, `page_url` the page for people."""

    def __init__(self, workspace: Workspace, hosts: Hosts | None = None) -> None:
        self.workspace = workspace
        self.socket = SocketMode(workspace)
        self.http = HttpDelivery(workspace)
        self.web_api = WebApi(workspace, self.socket.new_url)
        self.parts = Parts(workspace, self.socket, self.http, ResponseUrls(workspace, self.web_api), hosts)

    @classmethod
    @asynccontextmanager
    async def start(
        cls, workspace: Workspace, port: int = 0, hosts: Hosts | None = None
    ) -> AsyncIterator["SandboxSlack"]:
        """Listens on 127.0.0.1 (0: on any free port) until the block is left; shows the terminals of the hosts."""
        slack = cls(workspace, hosts)
        runner = web.AppRunner(slack.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        listeners = hosts.listeners if hosts else set()
        listeners.add(slack.terminals_changed)
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
            slack.parts.origin = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
            yield slack
        finally:
            listeners.discard(slack.terminals_changed)
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

    def terminals_changed(self) -> None:
        self.workspace.happen("terminals_changed")

    async def stop(self) -> None:
        for task in self.parts.events:
            task.cancel()
        await self.socket.close()

    def application(self) -> web.Application:
        app = web.Application(middlewares=[only_from_here], client_max_size=LARGEST)
        people = (PeopleApi(self.parts), TerminalsApi(self.parts.hosts))
        for part in (self.web_api, self.socket, self.parts.response_urls, *people):
            app.add_routes(part.routes())
        app.add_routes([web.get("/", page), web.get("/archives/{channel}/{message}", page)])
        app.add_routes([web.get("/page/{asset}", asset)])
        return app


async def page(_request: web.Request) -> web.StreamResponse:
    """The one page; only the bundle of this origin may run in it, and no text can become markup by a script."""
    return web.Response(body=_of_page("index.html"), content_type="text/html", charset="utf-8", headers=PAGE_HEADERS)


async def asset(request: web.Request) -> web.StreamResponse:
    """The page's bundle, made by page/make-page."""
    name = request.match_info["asset"]
    if name not in ASSETS:
        raise web.HTTPNotFound
    return web.Response(body=_of_page(name), content_type=ASSETS[name], charset="utf-8", headers=FRESH)


def _of_page(name: str) -> bytes:
    return (resources.files("bot.sandbox") / "page" / name).read_bytes()


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
