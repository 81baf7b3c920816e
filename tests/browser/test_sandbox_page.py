"""The sandbox's page in a real Chromium: what is shown, what can be pressed, and that nobody's words become markup."""

from typing import Any

from playwright.async_api import Page, expect
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.server import SandboxSlack

CHANNEL = "C0INC4711"
HARMFUL = '<img src=x onerror="document.title=1"> <!channel>'
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


async def test_a_host_can_not_put_markup_into_the_page(client: AsyncWebClient, page: Page) -> None:
    """Every kind of block shows harmful words as words."""
    cell = {"type": "raw_text", "text": HARMFUL}
    words = {"type": "text", "text": HARMFUL}
    blocks: list[Json] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"{HARMFUL} <javascript:alert(1)|click>"}},
        {"type": "header", "text": plain(HARMFUL)},
        {"type": "context", "elements": [plain(HARMFUL)]},
        {"type": "markdown", "text": HARMFUL},
        {"type": "table", "rows": [[cell]]},
        {"type": "rich_text", "elements": [{"type": "rich_text_preformatted", "elements": [words]}]},
        {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain(HARMFUL)}]},
    ]
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)

    await expect(page.get_by_role("cell", name="onerror")).to_be_visible()

    assert await page.locator("article img").count() == 0
    assert await page.locator("article a").count() == 0
    assert await page.title() == "Sandbox Slack"


async def test_a_command_a_form_a_thread(slack: SandboxSlack, client: AsyncWebClient, page: Page) -> None:
    """A command typed, a button pressed, a form refused and sent, a reply read in the thread."""
    app = AsyncApp(client=client)
    question = {"type": "plain_text_input", "action_id": "r"}
    view: Json = {"type": "modal", "callback_id": "f", "title": plain("Deny it"), "submit": plain("Send")}
    view["blocks"] = [{"type": "input", "block_id": "why", "label": plain("Reason"), "element": question}]

    @app.command("/kick")
    async def kick(ack: Any, command: Json) -> None:
        await ack("only for you")
        deny = {"type": "button", "action_id": "deny", "text": plain("Deny…")}
        blocks = [{"type": "section", "text": plain(command["text"]), "accessory": deny}]
        await client.chat_postMessage(channel=CHANNEL, text="kick", blocks=blocks)

    @app.action("deny")
    async def deny(ack: Any, body: Json) -> None:
        await ack()
        where = body["message"]["ts"]
        await client.views_open(trigger_id=body["trigger_id"], view=view | {"private_metadata": where})

    @app.view("f")
    async def denied(ack: Any, view: Json) -> None:
        reason = view["state"]["values"]["why"]["r"]["value"]
        if len(reason) < 3:
            await ack(response_action="errors", errors={"why": "too short"})
            return
        await ack()
        await client.chat_postMessage(channel=CHANNEL, text=reason, thread_ts=view["private_metadata"])

    connection = AsyncSocketModeHandler(app, slack.app_token)
    await connection.connect_async()
    await page.get_by_label("Message or command").fill("/kick audituser host1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    await page.get_by_label("You are").select_option("Bob Smith")
    await expect(page.get_by_text("Only visible to you")).to_have_count(0)
    await page.get_by_role("button", name="Deny…").click()
    await page.get_by_label("Reason").fill("no")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("too short")).to_be_visible()
    await page.get_by_label("Reason").fill("he is on call")
    await page.get_by_role("button", name="Send").last.click()
    await page.get_by_role("button", name="1 reply").click()

    await expect(page.get_by_label("Thread messages").get_by_text("he is on call")).to_be_visible()
    await connection.close_async()


async def test_what_slack_would_not_do_is_said(page: Page) -> None:
    """Without a bot a command fails visibly."""
    await page.get_by_label("Message or command").fill("/kick audituser host1")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status")).to_contain_text("/kick failed with the error “dispatch_failed”")


async def test_a_phone_sees_it_all(client: AsyncWebClient, page: Page) -> None:
    """Nothing is wider than a small screen."""
    row = [{"type": "raw_text", "text": "203.0.113.10"}] * 9
    await page.set_viewport_size({"width": 360, "height": 700})
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "table", "rows": [row]}])
    await expect(page.get_by_role("cell").first).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
