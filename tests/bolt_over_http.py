"""An unmodified slack_bolt app behind aiohttp, at the request URL of the sandbox's app."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp

from bot.sandbox.server import SandboxSlack

Handle = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(slack: SandboxSlack, handle: Handle) -> AsyncIterator[None]:
    """The app's one address, on a free port."""
    application = web.Application()
    application.add_routes([web.post("/slack/events", handle)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.workspace.change_app(request_url=f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events")
    yield
    await runner.cleanup()


def by(app: AsyncApp) -> Handle:
    """Whatever comes is the app's affair."""

    async def handle(request: web.Request) -> web.Response:
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))

    return handle
