"""Getting around on the sandbox's page: with a keyboard only, on a phone, by links, shortcuts and the first minute."""

from typing import Any

from playwright.async_api import Page, expect
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.installation import Shortcut
from bot.sandbox.server import SandboxSlack

CHANNEL = "C0INC4711"
Json = dict[str, Any]


async def test_all_of_it_with_a_keyboard(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """A command is completed and sent, a thread opened from its message and closed, a channel gone to."""

    @app.command("/kick")
    async def _kick(ack: Any, command: Json) -> None:
        await ack()
        parent = await client.chat_postMessage(channel=CHANNEL, text=f"asked: {command['text']}")
        await client.chat_postMessage(channel=CHANNEL, text="the evidence", thread_ts=parent["ts"])

    line = page.get_by_label("Message or command")
    await line.focus()
    await page.keyboard.type("/ki")
    await expect(page.get_by_role("listbox", name="Commands").get_by_role("option").first).to_have_text("/kick")
    await page.keyboard.press("Tab")
    await page.keyboard.type("bob host1")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("asked: bob host1")).to_be_visible()
    await page.keyboard.press("ArrowUp")
    await expect(line).to_have_value("/kick bob host1")
    replies = page.get_by_role("button", name="1 reply")
    await expect(replies).to_be_visible()
    for _ in range(10):
        await page.keyboard.press("Shift+Tab")
        if await replies.evaluate("it => it === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log", name="Thread messages").get_by_text("the evidence")).to_be_visible()
    await expect(page.get_by_label("Reply")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("log", name="Thread messages")).to_have_count(0)
    await expect(replies).to_be_focused()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("rand")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", name="random")).to_be_visible()
    await expect(line).to_be_focused()


async def test_the_message_line_has_the_focus(page: Page) -> None:
    """From the start, after a look for a place, and by the skip link, which comes first."""
    line = page.get_by_label("Message or command")
    await expect(line).to_be_focused()
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Where to")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(line).to_be_focused()
    await page.evaluate("document.activeElement.blur()")
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await expect(line).to_be_focused()

    skip = page.get_by_role("link", name="Skip to the message line")
    await skip.focus()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(line).to_be_focused()


async def test_arrows_move_between_messages(client: AsyncWebClient, page: Page) -> None:
    """From the newest message up, and back down."""
    for text in ("first", "second", "third"):
        await client.chat_postMessage(channel=CHANNEL, text=text)
    articles = page.get_by_role("log", name="Messages").get_by_role("article")
    await expect(articles).to_have_count(3)
    await articles.last.focus()

    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("ArrowUp")
    await expect(articles.first).to_be_focused()
    await page.keyboard.press("ArrowDown")

    await expect(articles.nth(1)).to_be_focused()


async def test_a_phone_shows_one_pane_at_a_time(client: AsyncWebClient, page: Page) -> None:
    """The thread takes the screen, and two steps back lead to the channels; nothing is wider than the screen."""
    await page.set_viewport_size({"width": 360, "height": 700})
    parent = await client.chat_postMessage(channel=CHANNEL, text="a-long-word" * 20)
    await client.chat_postMessage(channel=CHANNEL, text="the evidence", thread_ts=parent["ts"])

    await page.get_by_role("button", name="1 reply").click()
    await expect(page.get_by_role("log", name="Thread messages").get_by_text("the evidence")).to_be_visible()
    await expect(page.get_by_label("Message or command")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.get_by_role("button", name="Back").click()
    await expect(page.get_by_label("Message or command")).to_be_visible()
    await page.get_by_role("button", name="Back").click()

    await expect(page.get_by_role("navigation", name="Channels")).to_be_visible()
    await expect(page.get_by_label("Message or command")).to_have_count(0)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_a_wide_table_says_that_it_scrolls(client: AsyncWebClient, page: Page) -> None:
    """A table that is wider than its pane can be scrolled with the keyboard, and says so; a small one does not."""
    wide = [{"type": "raw_text", "text": "203.0.113.10"}] * 20
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "table", "rows": [wide[:2]]}])
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "table", "rows": [wide]}])

    scrolled = page.get_by_role("region", name="Table, scrolls sideways")
    await expect(scrolled).to_have_count(1)
    await scrolled.focus()
    await page.keyboard.press("ArrowRight")
    await page.wait_for_function("box => box.scrollLeft > 0", arg=await scrolled.element_handle())


async def test_a_shortcut_of_a_message(slack: SandboxSlack, app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """More actions has the app's shortcuts; the app gets the message that it was pressed on."""
    slack.workspace.change_app(shortcuts=(Shortcut(callback_id="k", name="Kick them", type="message"),))

    @app.shortcut("k")
    async def _kick(ack: Any, shortcut: Json) -> None:
        await ack()
        await client.chat_postMessage(channel=CHANNEL, text=f"about: {shortcut['message']['text']}")

    await client.chat_postMessage(channel=CHANNEL, text="someone is on host1")
    message = page.get_by_role("article").filter(has_text="someone is on host1")
    await message.hover()
    await message.get_by_role("button", name="More actions").click()
    await page.get_by_role("menuitem", name="Kick them").click()

    await expect(page.get_by_text("about: someone is on host1")).to_be_visible()


async def test_a_link_to_a_message_is_opened_in_the_page(
    client: AsyncWebClient, page: Page, slack: SandboxSlack
) -> None:
    """A link or a button of this origin to a reply opens the thread that it is in, and loads no other page."""
    parent = await client.chat_postMessage(channel=CHANNEL, text="the parent")
    reply = await client.chat_postMessage(channel=CHANNEL, text="the reply", thread_ts=parent["ts"])
    link = await client.chat_getPermalink(channel=CHANNEL, message_ts=reply["ts"])
    await client.chat_postMessage(channel="C0RANDOM", text=f"see <{link['permalink']}|there>")
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go there"}}
    blocks = [{"type": "actions", "elements": [{**button, "url": link["permalink"]}]}]
    await client.chat_postMessage(channel="C0RANDOM", text="x", blocks=blocks)
    await page.get_by_role("button", name="random").click()
    await page.evaluate("window.same = true")

    await page.get_by_role("link", name="there").click()

    await expect(page.get_by_role("log", name="Thread messages").get_by_text("the reply")).to_be_visible()
    await expect(page.get_by_role("heading", name="inc-4711")).to_be_visible()
    assert await page.evaluate("window.same")
    await page.get_by_role("button", name="random").click()
    await page.get_by_role("button", name="Go there").click()
    await expect(page.get_by_role("log", name="Thread messages").get_by_text("the reply")).to_be_visible()
    await page.goto(link["permalink"])
    await expect(page.get_by_role("log", name="Thread messages").get_by_text("the reply")).to_be_visible()


async def test_a_file_is_shown_as_text(client: AsyncWebClient, page: Page) -> None:
    """What a host printed is read below the name of its file, mark for mark."""
    harmful = "<script>document.title = 1</script>\n# *x*"
    await client.files_upload_v2(channel=CHANNEL, content=harmful, filename="before.txt", title="Before: host1")

    await page.get_by_text("Before: host1").click()

    await expect(page.locator("details pre")).to_have_text(harmful)
    assert await page.title() == "Sandbox Slack"


async def test_words_are_shown_as_they_are(client: AsyncWebClient, page: Page) -> None:
    """Times, hashes, brackets and dollars are no marks: nothing of them is lost."""
    words = "# 12:30:45 $x$ [a]: b ![c](d) 2*3*4 a_b_c &amp;lt;"
    await client.chat_postMessage(channel=CHANNEL, text=f"{words} *bold*")

    shown = page.get_by_role("log", name="Messages").get_by_role("article")
    await expect(shown).to_contain_text(f"{words.replace('&amp;', '&')} bold")


async def test_the_first_minute_ticks_itself(app: AsyncApp, page: Page) -> None:
    """A step is done for the asking, ticked when it was done, and the panel can be sent away for good."""

    @app.command("/sessions")
    async def _sessions(ack: Any, command: Json) -> None:
        await ack(f"{command['text']}: nobody")

    guide = page.get_by_role("complementary", name="First minute")
    await expect(guide.get_by_role("img", name="done")).to_have_count(0)
    await guide.get_by_role("button", name="Do it for me").click()
    await expect(page.get_by_text("host1: nobody")).to_be_visible()
    await expect(guide.get_by_role("img", name="done")).to_have_count(1)
    await guide.get_by_role("button", name="Dismiss the first minute").click()
    await page.reload()

    await expect(page.get_by_role("heading", name="inc-4711")).to_be_visible()
    await expect(guide).to_have_count(0)


async def test_the_first_minute_is_done_by_its_button(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """Each step does what it says, as the person that it names; then it says what could be next."""
    pressed: list[str] = []
    approve = {"type": "button", "action_id": "kickbot_approve", "text": {"type": "plain_text", "text": "Approve"}}

    @app.command("/sessions")
    async def _sessions(ack: Any) -> None:
        await ack("host1: nobody")

    @app.command("/kick")
    async def _kick(ack: Any, command: Json) -> None:
        await ack()
        pressed.append(f"{command['user_name']}: {command['text']}")
        blocks = [{"type": "actions", "elements": [approve]}]
        parent = await client.chat_postMessage(channel=CHANNEL, text="kick?", blocks=blocks)
        await client.files_upload_v2(channel=CHANNEL, content="x", filename="a.txt", thread_ts=parent["ts"])

    @app.action("kickbot_approve")
    async def _approve(ack: Any, body: Json) -> None:
        await ack()
        pressed.append(f"{body['user']['name']}: approve")
        if "warn" in pressed[-2]:
            await client.chat_postMessage(channel=CHANNEL, text="audituser was told on pts/3")

    guide = page.get_by_role("complementary", name="First minute")
    for number in range(1, 9):
        await guide.get_by_role("button", name="Do it for me").click()
        await expect(guide.get_by_role("img", name="done")).to_have_count(number)

    await expect(guide).to_contain_text("Next: /kick bob host2 (ignores the polite signals: ask to force it)")
    assert pressed == [
        "alice: audituser host1 because INC-42",
        "alice: approve",
        "carol: approve",
        "bob: audituser host2 warn 1m",
        "carol: approve",
    ]


async def test_a_low_window_scrolls_its_sidebar(page: Page) -> None:
    """Every place and every step of the first minute can be reached, and none lies under another."""
    await page.set_viewport_size({"width": 780, "height": 437})
    places = page.get_by_role("navigation", name="Channels").get_by_role("button")
    steps = page.get_by_role("complementary", name="First minute").get_by_role("listitem")
    for reached in [*await places.all(), *await steps.all()]:
        await reached.click(trial=True, timeout=2_000)
        await expect(reached).to_be_in_viewport(ratio=1)


async def test_the_menu_of_a_message_covers_no_words_on_a_phone(client: AsyncWebClient, page: Page) -> None:
    """The first line leaves room for it."""
    await page.set_viewport_size({"width": 390, "height": 844})
    await client.chat_postMessage(channel=CHANNEL, text="word " * 40)
    message = page.get_by_role("article")
    more = await message.get_by_role("button", name="More actions").bounding_box()
    words = await message.get_by_text("word word").bounding_box()

    assert more is not None
    assert words is not None
    assert more["y"] + more["height"] <= words["y"]
