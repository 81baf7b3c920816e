"""The people's side of the sandbox over HTTP, as its page uses it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import SandboxSlack

CHANNEL = "C0INCIDENT"
Json = dict[str, Any]


@pytest.fixture
async def browser(slack: SandboxSlack) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(slack.page_url) as session:
        yield session


async def post(browser: aiohttp.ClientSession, path: str, **body: Any) -> tuple[int, Json]:
    async with browser.post(f"/sandbox/{path}", json=body) as answer:
        return answer.status, await answer.json()


async def state(browser: aiohttp.ClientSession) -> Json:
    async with browser.get("/sandbox/state") as answer:
        return dict(await answer.json())


async def test_the_state_shows_who_and_what_is_there(
    slack: SandboxSlack, client: AsyncWebClient, browser: aiohttp.ClientSession
) -> None:
    """People, groups, channels, messages and ephemerals, and no token."""
    await client.chat_postMessage(channel=CHANNEL, text="hello")
    await client.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="only you")

    shown = await state(browser)

    assert [message["text"] for message in shown["messages"]] == ["hello"]
    assert [(e["reader"], e["text"]) for e in shown["ephemerals"]] == [("U0ALICE", "only you")]
    assert {group["handle"] for group in shown["groups"]} == {"sre", "sre-leads"}
    assert shown["last"] == len(slack.workspace.happenings)
    assert slack.bot_token not in json.dumps(shown)


async def test_events_come_from_the_last_one_seen(
    client: AsyncWebClient, slack: SandboxSlack, browser: aiohttp.ClientSession
) -> None:
    """A page that comes back gets what it missed, and nothing twice."""
    for text in ("one", "two"):
        await client.chat_postMessage(channel=CHANNEL, text=text)
    seen = slack.workspace.happenings[1].number

    async with browser.get("/sandbox/events", headers={"Last-Event-ID": str(seen)}) as stream:
        event = await stream.content.readuntil(b"\n\n")

    assert event.startswith(f"id: {seen + 1}\nevent: message_posted\n".encode())
    assert json.loads(event.split(b"data: ")[1])["details"]["message"]["text"] == "two"


async def test_a_person_writes(slack: SandboxSlack, browser: aiohttp.ClientSession) -> None:
    """A message is posted in the person's name."""
    status, _ = await post(browser, "message", user="U0ALICE", channel=CHANNEL, text="hello")

    assert status == 200
    assert [(m.author, m.text) for m in slack.as_("bob").messages("incidents")] == [("U0ALICE", "hello")]


async def test_a_command_without_a_bot_fails_as_in_slack(browser: aiohttp.ClientSession) -> None:
    """The page gets Slack's code."""
    status, answer = await post(browser, "command", user="U0ALICE", channel=CHANNEL, command="/kick", text="a b")

    assert (status, answer["ok"], answer["error"]) == (200, False, "dispatch_failed")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("command", {"user": "U0NONE", "channel": CHANNEL, "command": "/kick"}, 409),
        ("command", {"user": "U0ZOE", "channel": CHANNEL, "command": "/kick"}, 409),
        ("command", {"user": "U0ALICE", "channel": "C0NONE", "command": "/kick"}, 409),
        ("command", {"user": "U0ALICE"}, 400),
        ("click", {"user": "U0ALICE", "channel": CHANNEL, "ts": "1.1", "action_id": "approve"}, 409),
        ("submit", {"user": "U0ALICE", "view_id": "V0NONE"}, 409),
        ("message", {"user": "U0ALICE", "channel": CHANNEL, "text": "x", "as": "U0BOB"}, 400),
        ("suggest", {"user": "U0ALICE", "view_id": "V0NONE", "action_id": "who", "text": "x"}, 409),
        ("shortcut", {"user": "U0ALICE", "callback_id": "nothing"}, 409),
        ("shortcut", {"user": "U0ALICE", "callback_id": "kickbot_kick", "channel": CHANNEL, "ts": "1.1"}, 409),
    ],
)
async def test_what_can_not_be_done_is_refused(
    browser: aiohttp.ClientSession, path: str, body: Json, status: int
) -> None:
    """Unknown people, channels, messages, forms and fields."""
    answered, answer = await post(browser, path, **body)

    assert (answered, answer["ok"]) == (status, False)


async def test_a_click_needs_the_button(client: AsyncWebClient, browser: aiohttp.ClientSession) -> None:
    """A button that the message doesn't have can't be pressed; one that it has is sent on."""
    button = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}}
    blocks = [{"type": "actions", "elements": [button]}]
    posted = await client.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)
    place = {"user": "U0BOB", "channel": CHANNEL, "ts": posted["ts"]}

    assert (await post(browser, "click", **place, action_id="deny"))[0] == 409
    assert (await post(browser, "click", **place, action_id="approve"))[1]["error"] == "dispatch_failed"


async def test_a_form_is_filled_in_or_closed(
    slack: SandboxSlack, client: AsyncWebClient, browser: aiohttp.ClientSession
) -> None:
    """Closing takes it off the screen."""
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Deny"}, "blocks": []}
    opened = await client.views_open(trigger_id=slack.workspace.new_trigger("U0ALICE"), view=view)
    view_id = opened["view"]["id"]
    assert (await state(browser))["modals"]["U0ALICE"]["id"] == view_id

    assert (await post(browser, "submit", user="U0BOB", view_id=view_id, close=True))[0] == 409
    assert (await post(browser, "submit", user="U0ALICE", view_id=view_id, close=True))[0] == 200

    assert (await state(browser))["modals"] == {}


async def test_options_are_asked_for(
    slack: SandboxSlack, client: AsyncWebClient, browser: aiohttp.ClientSession
) -> None:
    """The page gets what the app acknowledges, or Slack's code."""
    menu = {"type": "external_select", "action_id": "who", "min_query_length": 0}
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "Who?"}, "accessory": menu}
    view = {"type": "modal", "title": {"type": "plain_text", "text": "Kick"}, "blocks": [block]}
    opened = await client.views_open(trigger_id=slack.workspace.new_trigger("U0ALICE"), view=view)
    typed = {"user": "U0ALICE", "view_id": opened["view"]["id"], "action_id": "who", "text": "a"}
    offered = {"options": [{"text": {"type": "plain_text", "text": "alice"}, "value": "1"}]}

    assert (await post(browser, "suggest", **typed))[1]["error"] == "dispatch_failed"
    async with browser.ws_connect(slack.socket.new_url(slack.page_url.rstrip("/"))) as socket:
        await socket.receive_json()
        asking = asyncio.ensure_future(post(browser, "suggest", **typed))
        envelope = await socket.receive_json()
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": offered})
        status, answer = await asking
    chosen = {"user": "U0ALICE", "view_id": opened["view"]["id"], "action_id": "who"}

    assert (status, answer["ok"], answer["response"]) == (200, True, offered)
    assert (await post(browser, "click", **chosen, value="1"))[0] == 200
    assert (await post(browser, "click", **chosen, value="2"))[0] == 409


async def test_shortcuts_are_shown_and_chosen(slack: SandboxSlack, browser: aiohttp.ClientSession) -> None:
    """The page knows those of the app; what is chosen is sent on."""
    said = await slack.as_("bob").say("incidents", "hello")
    place = {"user": "U0ALICE", "channel": CHANNEL, "ts": said.ts}

    assert (await state(browser))["app"]["shortcuts"] == [
        {"callback_id": "kickbot_kick", "name": "Kick someone off…", "type": "message"}
    ]
    assert (await post(browser, "shortcut", **place, callback_id="kickbot_kick"))[1]["error"] == "dispatch_failed"
    assert slack.socket.deliveries[0].payload["message"]["text"] == "hello"


async def test_without_hosts_there_are_no_terminals(browser: aiohttp.ClientSession) -> None:
    """The page shows none, and none can be followed."""
    assert (await state(browser))["terminals"] == []
    async with browser.get("/sandbox/terminals/host1/3") as missing:
        assert missing.status == 404


async def test_a_file_is_an_attachment_of_plain_text(client: AsyncWebClient, browser: aiohttp.ClientSession) -> None:
    """What a host printed can't run in the browser."""
    done = await client.files_upload_v2(channel=CHANNEL, filename="a.html", content="<script>alert(1)</script>")

    async with browser.get(f"/sandbox/files/{done['file']['id']}") as answer:
        assert await answer.text() == "<script>alert(1)</script>"

    assert answer.content_type == "text/plain"
    assert answer.headers["Content-Disposition"] == "attachment"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    async with browser.get("/sandbox/files/F0NONE") as missing:
        assert missing.status == 404
