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

    await expect(page.get_by_role("columnheader", name="onerror")).to_be_visible()

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
    await expect(page.get_by_role("columnheader").first).to_be_visible()

    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_a_press_while_scrolled_up_is_one_click(client: AsyncWebClient, page: Page) -> None:
    """Between the press and the release of a button nothing moves, so the click goes where it was meant to."""
    for number in range(30):
        await client.chat_postMessage(channel=CHANNEL, text=f"message {number}")
    row = {"type": "actions", "elements": [{"type": "button", "action_id": "a", "text": plain("Approve")}]}
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[row])
    await client.chat_postMessage(channel=CHANNEL, text="the newest")
    await expect(page.get_by_text("the newest")).to_be_visible()
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    messages = page.get_by_role("log", name="Messages")
    await messages.evaluate("box => box.scrollBy(0, -60)")

    box = await page.get_by_role("button", name="Approve").bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await page.mouse.down()
    await page.wait_for_timeout(200)
    async with page.expect_response("**/sandbox/click"):
        await page.mouse.up()

    assert [url.rsplit("/", 1)[1] for url in posts] == ["click"]


async def test_the_newest_message_stays_in_sight(client: AsyncWebClient, page: Page) -> None:
    """While the newest message is in sight, another one comes into sight, and so does one that grows."""
    for number in range(30):
        await client.chat_postMessage(channel=CHANNEL, text=f"message {number}")
    newest = await client.chat_postMessage(channel=CHANNEL, text="the newest")
    await expect(page.get_by_text("the newest")).to_be_in_viewport()

    await client.chat_update(channel=CHANNEL, ts=newest["ts"], text="more\n" * 20 + "the end")

    await expect(page.get_by_text("the end")).to_be_in_viewport()


async def test_an_unknown_command_stays_in_the_line(page: Page) -> None:
    """It is said in Slack's words, and can be corrected."""
    line = page.get_by_label("Message or command")
    await line.fill("/sesions host1")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status")).to_have_text(
        "/sesions is not a valid command. In Slack, all messages that start with "
        'the "/" character are interpreted as commands.'
    )
    await expect(line).to_have_value("/sesions host1")


async def test_nothing_can_be_written_to_the_app(page: Page) -> None:
    """Its messages are read only, as its manifest has it."""
    await page.get_by_role("button", name="kickbot", exact=True).click()

    await expect(page.get_by_text("Sending messages to this app has been turned off.")).to_be_visible()
    await expect(page.get_by_label("Message or command")).to_have_count(0)


async def test_an_unsent_line_is_kept(page: Page) -> None:
    """What was typed is there again after a look at another channel and at Home."""
    line = page.get_by_label("Message or command")
    await line.fill("half a thought")
    await page.get_by_role("button", name="random").click()
    await expect(line).to_have_value("")
    await page.get_by_role("button", name="kickbot Home").click()
    await page.get_by_role("button", name="inc-4711").click()

    await expect(line).to_have_value("half a thought")


async def test_the_first_row_of_a_table_are_its_heads(client: AsyncWebClient, page: Page) -> None:
    """A screen reader says the head of the column with each cell."""
    rows = [[{"type": "raw_text", "text": text} for text in row] for row in (("User", "Host"), ("bob", "host2"))]
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "table", "rows": rows}])

    await expect(page.get_by_role("columnheader")).to_have_text(["User", "Host"])
    await expect(page.locator("th[scope=col]")).to_have_count(2)
    await expect(page.get_by_role("cell")).to_have_text(["bob", "host2"])
