"""Forms on the sandbox's page: menus that ask the app, what is kept over an update, what is said at a field."""

from collections.abc import Callable
from typing import Any

from playwright.async_api import Locator, Page, expect
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

CHANNEL = "C0INC4711"
USERS = ("alice", "audituser", "bob")
Json = dict[str, Any]
Blocks = list[Json]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(value), "value": value}


def question(block_id: str, label: str, element: Json, **more: Any) -> Json:
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


def form(blocks: Blocks) -> Json:
    return {"type": "modal", "callback_id": "f", "title": plain("Kick"), "submit": plain("Ask"), "blocks": blocks}


WHO = question("who", "Who", {"type": "multi_external_select", "action_id": "users", "min_query_length": 0})
WHY = question("why", "Reason", {"type": "plain_text_input", "action_id": "reason", "max_length": 100})
HOW = question(
    "how",
    "How",
    {
        "type": "checkboxes",
        "action_id": "options",
        "options": [{**option("warn"), "description": plain("told before")}, option("force")],
    },
    optional=True,
)
WHERE = question(
    "where",
    "Host",
    {"type": "static_select", "action_id": "host", "options": [option("host1"), option("host2")]},
    dispatch_action=True,
)


async def opened(app: AsyncApp, client: AsyncWebClient, page: Page, view: Json) -> None:
    """The form, on the screen of Alice, who pressed a button for it."""

    @app.action("open")
    async def _open(ack: Any, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=view)

    button = {"type": "button", "action_id": "open", "text": plain("Open")}
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "actions", "elements": [button]}])
    await page.get_by_role("button", name="Open", exact=True).click()
    await expect(page.get_by_role("dialog", name="Kick")).to_be_visible()


def offered(page: Page, name: str | None = None) -> Locator:
    """The options of the menu that is open."""
    return page.get_by_role("listbox").get_by_role("option", name=name)


def suggesting(app: AsyncApp) -> None:
    @app.options("users")
    async def _users(ack: Any, payload: Json) -> None:
        await ack(options=[option(user) for user in USERS if payload["value"] in user])


def taking(app: AsyncApp) -> Callable[[], Json]:
    """Takes every form; what was filled in, once it was sent."""
    sent: list[Json] = []

    @app.view("f")
    async def _taken(ack: Any, view: Json) -> None:
        await ack()
        sent.append(view["state"]["values"])

    return lambda: sent[-1]


async def test_suggestions_are_chosen_and_dropped_by_keyboard(
    app: AsyncApp, client: AsyncWebClient, page: Page
) -> None:
    """Type-ahead asks the app; arrows and Enter choose, a choice closes the list, Backspace drops the last."""
    suggesting(app)
    sent = taking(app)
    await opened(app, client, page, form([WHO]))
    who = page.get_by_role("combobox", name="Who")
    await expect(who).to_be_focused()

    await page.keyboard.type("aud")
    await expect(offered(page)).to_have_text(["audituser"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove audituser")).to_be_visible()
    await expect(page.get_by_role("listbox")).to_have_count(0)
    await page.keyboard.press("ArrowDown")
    await expect(offered(page)).to_have_count(3)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Remove bob")).to_be_visible()
    await page.keyboard.press("Backspace")
    await expect(page.get_by_role("button", name="Remove bob")).to_have_count(0)
    await expect(page.get_by_role("listbox")).to_have_count(0)
    await page.get_by_role("button", name="Ask").press("Enter")

    await expect(page.get_by_role("dialog")).to_have_count(0)
    chosen = sent()["who"]["users"]["selected_options"]
    assert [each["value"] for each in chosen] == ["audituser"]


async def test_a_list_of_suggestions_is_put_away(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """A list that was opened highlights nothing by itself; Esc or a click elsewhere closes it, and not the form."""
    suggesting(app)
    await opened(app, client, page, form([WHO, WHY]))
    who = page.get_by_role("combobox", name="Who")
    await who.click()
    await offered(page, "alice").click()
    await expect(page.get_by_role("listbox")).to_have_count(0)

    await page.keyboard.press("Enter")
    await expect(offered(page)).to_have_count(3)
    assert await who.get_attribute("aria-activedescendant") is None
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("listbox")).to_have_count(0)
    await who.click()
    await expect(offered(page)).to_have_count(3)
    await page.get_by_role("heading", name="Kick").click()
    await expect(page.get_by_role("listbox")).to_have_count(0)
    await expect(page.get_by_role("button", name="Remove")).to_have_count(1)


async def test_tab_stays_inside_a_form(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """After its last button comes its first, and the other way round."""
    await opened(app, client, page, form([WHY]))
    last = page.get_by_role("button", name="Ask")
    await last.focus()

    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Close the form")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    await expect(last).to_be_focused()


async def test_what_is_filled_in_outlives_an_update(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """An update keeps what stands in the same fields; a field with another block_id starts anew."""
    suggesting(app)
    sent = taking(app)

    @app.action("host")
    async def _host(ack: Any, body: Json) -> None:
        await ack()
        values = body["view"]["state"]["values"]
        assert values["why"]["reason"]["value"] == "he left"
        note = {"type": "section", "text": plain(f"on {values['where']['host']['selected_option']['value']}")}
        other = {**WHO, "block_id": "who-on-host"}
        await client.views_update(view_id=body["view"]["id"], view=form([WHERE, note, WHY, HOW, other]))

    await opened(app, client, page, form([WHERE, WHY, HOW, WHO]))
    await page.get_by_label("Reason").fill("he left")
    await page.get_by_label("warn").check()
    await page.get_by_role("combobox", name="Who").click()
    await offered(page, "alice").click()
    await page.get_by_role("combobox", name="Host").click()
    await offered(page, "host2").click()
    await expect(page.get_by_text("on host2")).to_be_visible()

    await expect(page.get_by_label("Reason")).to_have_value("he left")
    await expect(page.get_by_label("warn")).to_be_checked()
    await expect(page.get_by_role("combobox", name="Host")).to_have_value("host2")
    await expect(page.get_by_role("button", name="Remove alice")).to_have_count(0)
    await page.get_by_role("combobox", name="Who").click()
    await offered(page, "bob").click()
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert sent()["why"]["reason"]["value"] == "he left"
    assert sent()["who-on-host"]["users"]["selected_options"][0]["value"] == "bob"


async def test_what_is_missing_is_said_at_its_field(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """A required field that is empty says so and gets the focus; nothing is sent."""
    taking(app)
    await opened(app, client, page, form([HOW, WHY]))

    await page.get_by_role("button", name="Ask").click()

    await expect(page.get_by_role("alert")).to_have_text("Please complete this required field.")
    await expect(page.get_by_label("Reason")).to_be_focused()
    await expect(page.get_by_label("Reason")).to_have_attribute("aria-invalid", "true")


async def test_a_menu_asks_before_it_acts(app: AsyncApp, client: AsyncWebClient, page: Page) -> None:
    """A menu of groups with a confirmation: no leaves it as it was, yes tells the app."""
    told: list[str] = []

    @app.action("level")
    async def _level(ack: Any, action: Json) -> None:
        await ack()
        told.append(action["selected_option"]["value"])

    groups = [{"label": plain("Hosts"), "options": [option("host1"), option("host2")]}]
    sure = {"title": plain("Sure?"), "text": plain("Really"), "confirm": plain("Do"), "deny": plain("Leave")}
    menu = {"type": "static_select", "action_id": "level", "placeholder": plain("Where"), "option_groups": groups}
    block = {"type": "actions", "elements": [{**menu, "confirm": sure}]}
    await client.chat_postMessage(channel=CHANNEL, text="x", blocks=[block])
    for answer in ("Leave", "Do"):
        await page.get_by_role("combobox", name="Where").click()
        await page.get_by_role("group", name="Hosts").get_by_role("option", name="host2").click()
        assert told == []
        await page.get_by_role("dialog", name="Sure?").get_by_role("button", name=answer).click()

    await expect(page.get_by_role("combobox", name="Where")).to_have_value("host2")
    assert told == ["host2"]
