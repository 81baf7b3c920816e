"""The sandbox's HTTP mode against an unmodified slack_bolt app behind aiohttp: what people see of its answers."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.nouns import Ephemeral, Message
from bot.sandbox.server import SandboxSlack
from tests.bolt_over_http import by, serving

CHANNEL = "C0INCIDENT"
Json = dict[str, Any]


@pytest.fixture
async def app(slack: SandboxSlack, client: AsyncWebClient) -> AsyncIterator[AsyncApp]:
    """Bolt with its own check of signatures, on a free port that the workspace knows."""
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)

    async with serving(slack, by(app)):
        yield app


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def form(title: str = "Deny") -> Json:
    reason = {"type": "plain_text_input", "action_id": "reason"}
    block = {"type": "input", "block_id": "why", "label": plain("Reason"), "element": reason}
    return {"type": "modal", "callback_id": "f", "title": plain(title), "submit": plain("Send"), "blocks": [block]}


async def asked(client: AsyncWebClient, slack: SandboxSlack) -> Message:
    button = {"type": "button", "action_id": "approve", "value": "r1", "text": plain("Approve")}
    await client.chat_postMessage(channel=CHANNEL, text="Kick?", blocks=[{"type": "actions", "elements": [button]}])
    shown = await slack.as_("bob").sees("Kick?")
    assert isinstance(shown, Message)
    return shown


async def test_an_app_with_another_secret_refuses(slack: SandboxSlack, app: AsyncApp) -> None:
    """The person sees that it failed."""
    slack.workspace.change_app(signing_secret="another")
    outcome = await slack.as_("alice").command(CHANNEL, "/kick", "bob host1")
    assert outcome.error == "dispatch_failed"


async def test_an_app_that_is_too_slow(slack: SandboxSlack, app: AsyncApp) -> None:
    """The person sees what Slack shows after three seconds; here after a part of one."""
    slack.workspace.ack_span = 0.1

    @app.command("/kick")
    async def slow(ack: Any) -> None:
        await asyncio.sleep(1)
        await ack()

    assert (await slack.as_("alice").command(CHANNEL, "/kick")).error == "operation_timeout"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/slack/events", "http://host.invalid/slack/events"])
async def test_an_app_that_is_not_there(slack: SandboxSlack, url: str) -> None:
    """Nothing is kept for it."""
    slack.workspace.ack_span = 0.3
    slack.workspace.change_app(request_url=url)
    outcome = await slack.as_("alice").command(CHANNEL, "/kick")
    assert outcome.error in {"dispatch_failed", "operation_timeout"}
    assert outcome.response is None


async def test_an_answer_that_is_no_json(slack: SandboxSlack) -> None:
    """It counts as no acknowledgement."""

    async def handle(_request: web.Request) -> web.Response:
        return web.Response(text="{", content_type="application/json")

    async with serving(slack, handle):
        outcome = await slack.as_("alice").command(CHANNEL, "/kick")

    assert (outcome.error, outcome.response) == ("dispatch_failed", None)


async def test_a_command_nobody_listens_to(slack: SandboxSlack, app: AsyncApp) -> None:
    """Bolt answers 404."""
    assert (await slack.as_("alice").command(CHANNEL, "/kick")).error == "dispatch_failed"


async def test_a_command_and_its_answer(slack: SandboxSlack, app: AsyncApp) -> None:
    """Every field arrives as in Socket Mode; a text in the acknowledgement is shown to the person alone."""
    bodies: list[Json] = []

    @app.command("/kick")
    async def kick(ack: Any, body: Json) -> None:
        bodies.append(body)
        await ack("On it")

    assert (await slack.as_("alice").command(CHANNEL, "/kick", "bob host1 because ä & <b>")).ok
    assert isinstance(await slack.as_("alice").sees("On it"), Ephemeral)
    assert bodies == [slack.http.deliveries[0].payload]
    assert bodies[0]["text"] == "bob host1 because ä & <b>"


async def test_a_click(slack: SandboxSlack, app: AsyncApp, client: AsyncWebClient) -> None:
    """One field of a form holds what Socket Mode's envelope would."""
    bodies: list[Json] = []

    @app.action("approve")
    async def approve(ack: Any, body: Json) -> None:
        await ack()
        bodies.append(body)

    assert (await slack.as_("carol").click(await asked(client, slack), "approve")).ok
    await slack.workspace.until(lambda: bodies)
    assert bodies == [slack.http.deliveries[-1].payload]


@pytest.mark.parametrize("action", ["errors", "update", "clear", None])
async def test_what_the_answer_to_a_form_does(
    slack: SandboxSlack, app: AsyncApp, client: AsyncWebClient, action: str | None
) -> None:
    """Errors keep it open, update changes it, clear and an empty answer close it."""

    @app.action("approve")
    async def open_form(ack: Any, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=form())

    @app.view("f")
    async def sent(ack: Any) -> None:
        more: Json = {"errors": {"why": "too short"}} if action == "errors" else {}
        more |= {"view": form("Again")} if action == "update" else {}
        await (ack(response_action=action, **more) if action else ack())

    carol = slack.as_("carol")
    await carol.click(await asked(client, slack), "approve")
    assert (await carol.submit(await carol.sees_modal(), {"reason": "x"})).ok

    title = carol.modal.content["title"]["text"] if carol.modal else None
    assert title == {"errors": "Deny", "update": "Again", "clear": None, None: None}[action]


async def test_an_event(slack: SandboxSlack, app: AsyncApp) -> None:
    """As JSON; the same once more says so in its headers, newly signed."""
    heard: list[Json] = []

    @app.event("app_home_opened")
    async def opened(event: Json, request: Any) -> None:
        heard.append({"user": event["user"], "again": request.headers.get("x-slack-retry-num")})

    await slack.as_("alice").open_home()
    await slack.workspace.until(lambda: heard and slack.http.deliveries[0].acked)
    again = await slack.http.redeliver(slack.http.deliveries[0], retry_attempt=1, retry_reason="http_timeout")
    assert again.acked
    await slack.workspace.until(lambda: len(heard) == 2)
    assert heard == [{"user": "U0ALICE", "again": None}, {"user": "U0ALICE", "again": ["1"]}]


async def test_the_page_says_that_the_app_is_there(slack: SandboxSlack, app: AsyncApp) -> None:
    """An address instead of connections."""
    assert len(slack.parts.way.connections) == 1
    slack.workspace.change_app(request_url="")
    assert len(slack.parts.way.connections) == 0
