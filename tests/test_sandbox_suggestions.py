"""Menus whose options come from the app: an unmodified slack_bolt app, by both ways, and what people may choose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.elements import NotThereError
from bot.sandbox.nouns import Message, View
from bot.sandbox.server import SandboxSlack
from tests.bolt_over_http import by, serving
from tests.lives import PATIENCE

CHANNEL = "C0INCIDENT"
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def option(value: str) -> Json:
    return {"text": plain(f"session {value}"), "value": value}


def menu(action_id: str = "who", kind: str = "external_select", **more: Any) -> Json:
    return {"type": kind, "action_id": action_id, "min_query_length": 0, **more}


def field(element: Json, **more: Any) -> Json:
    block = {"type": "input", "block_id": f"b_{element['action_id']}", "label": plain("Field"), "element": element}
    return block | more


def form(*blocks: Json) -> Json:
    title = {"title": plain("Kick"), "submit": plain("Ask")}
    return {"type": "modal", "callback_id": "f", **title, "blocks": list(blocks)}


async def acknowledge(ack: Any) -> None:
    await ack()


@pytest.fixture
def heard() -> list[Json]:
    """Every request for options that reached the app."""
    return []


@pytest.fixture
def app(client: AsyncWebClient, slack: SandboxSlack, heard: list[Json]) -> AsyncApp:
    """Offers two options for whatever was typed."""
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)

    @app.options("who")
    async def offer(ack: Any, payload: Json) -> None:
        heard.append(payload)
        await ack(options=[option(f"{payload['value']}1"), option(f"{payload['value']}2")])

    for action_id in ("who", "level", "reason"):
        app.action(action_id)(acknowledge)
    app.view("f")(acknowledge)
    return app


async def over_a_socket(slack: SandboxSlack, app: AsyncApp) -> AsyncIterator[None]:
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()
    await slack.workspace.until(lambda: slack.socket.connections)
    yield
    await handler.close_async()


async def over_http(slack: SandboxSlack, app: AsyncApp) -> AsyncIterator[None]:
    async with serving(slack, by(app)):
        yield


@pytest.fixture(params=[over_a_socket, over_http])
async def either_way(request: pytest.FixtureRequest, slack: SandboxSlack, app: AsyncApp) -> AsyncIterator[None]:
    async for ready in request.param(slack, app):
        yield ready


@pytest.fixture
async def connection(slack: SandboxSlack, app: AsyncApp) -> AsyncIterator[None]:
    async for ready in over_a_socket(slack, app):
        yield ready


async def opened(slack: SandboxSlack, client: AsyncWebClient, *blocks: Json) -> View:
    """Alice's form."""
    await client.views_open(trigger_id=slack.workspace.new_trigger("U0ALICE"), view=form(*blocks))
    return await slack.as_("alice").sees_modal()


async def posted(slack: SandboxSlack, client: AsyncWebClient, element: Json) -> Message:
    section = {"type": "section", "text": plain("Choose"), "accessory": element}
    await client.chat_postMessage(channel=CHANNEL, text="menu", blocks=[section])
    shown = await slack.as_("alice").sees("menu")
    assert isinstance(shown, Message)
    return shown


@asynccontextmanager
async def raw_socket(slack: SandboxSlack) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A connection of Socket Mode on which the test answers by itself."""
    url = slack.socket.new_url(slack.page_url.rstrip("/"))
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert (await socket.receive_json(timeout=PATIENCE))["type"] == "hello"
        yield socket


# -- what the app hears ----------------------------------------------------------------------------


@pytest.mark.usefixtures("either_way")
async def test_the_app_offers_options_and_one_is_chosen(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """What the app acknowledges is what the person sees, and can then send."""
    alice, view = slack.as_("alice"), await opened(slack, client, field(menu()))

    outcome = await alice.suggest(view, "who", "9")
    assert outcome.response == {"options": [option("91"), option("92")]}
    sent = await alice.submit(view, {"b_who": "92"})

    assert sent.delivery is not None
    values = sent.delivery.payload["view"]["state"]["values"]
    assert values == {"b_who": {"who": {"type": "external_select", "selected_option": option("92")}}}


@pytest.mark.usefixtures("either_way")
async def test_a_request_from_a_form_carries_what_slack_sends(
    slack: SandboxSlack, client: AsyncWebClient, heard: list[Json]
) -> None:
    """The view with its state, and no way to open or to answer anything."""
    view = await opened(slack, client, field(menu()))

    await slack.as_("alice").suggest(view, "who", "be", block_id="b_who")

    [request] = heard
    assert set(request) == {
        *("type", "user", "api_app_id", "token", "container", "team", "enterprise", "is_enterprise_install"),
        *("action_id", "block_id", "value", "view"),
    }
    assert (request["type"], request["action_id"], request["block_id"]) == ("block_suggestion", "who", "b_who")
    assert request["value"] == "be"
    assert request["container"] == {"type": "view", "view_id": view.id}
    assert request["view"]["id"] == view.id


@pytest.mark.usefixtures("connection")
async def test_a_request_from_a_message_carries_the_message(
    slack: SandboxSlack, client: AsyncWebClient, heard: list[Json]
) -> None:
    """Channel and message instead of a view."""
    message = await posted(slack, client, menu())

    await slack.as_("alice").suggest(message, "who", "9")

    [request] = heard
    assert request["container"]["message_ts"] == message.ts
    assert request["channel"] == {"id": CHANNEL, "name": "incidents"}
    assert request["message"]["ts"] == message.ts
    assert "view" not in request


@pytest.mark.usefixtures("connection")
async def test_the_app_is_asked_only_when_enough_was_typed(
    slack: SandboxSlack, client: AsyncWebClient, heard: list[Json]
) -> None:
    """Three characters, unless the menu says another number; and a menu with options of its own never asks."""
    default = {"type": "external_select", "action_id": "who"}
    own = {"type": "static_select", "action_id": "level", "options": [option("1")]}
    view = await opened(slack, client, field(default), field(own))
    alice = slack.as_("alice")

    for action_id, text in (("who", "be"), ("level", "bert"), ("nothing", "bert")):
        with pytest.raises(NotThereError):
            await alice.suggest(view, action_id, text)

    assert heard == []
    assert (await alice.suggest(view, "who", "ber")).ok


# -- what can be chosen ----------------------------------------------------------------------------


@pytest.mark.usefixtures("connection")
async def test_only_what_was_offered_can_be_chosen(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """To this person, on this screen; earlier requests count too, as a choice may be made of several."""
    several = menu(kind="multi_external_select", max_selected_items=2)
    message = await posted(slack, client, several)
    alice = slack.as_("alice")
    await alice.suggest(message, "who", "7")
    await alice.suggest(message, "who", "9")

    outcome = await alice.click(message, "who", value=["71", "92"])

    assert outcome.delivery is not None
    [action] = outcome.delivery.payload["actions"]
    assert action["selected_options"] == [option("71"), option("92")]
    assert "options" not in action
    refused: list[tuple[str, Any]] = [
        ("bob", ["71"]),
        ("alice", ["12"]),
        ("alice", "71"),
        ("alice", ["71", "72", "91"]),
    ]
    for name, value in refused:
        with pytest.raises(NotThereError):
            await slack.as_(name).click(message, "who", value=value)
    other = await posted(slack, client, several)
    with pytest.raises(NotThereError):
        await alice.click(other, "who", value=["71"])


@pytest.mark.usefixtures("connection")
async def test_what_the_app_has_chosen_is_known(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """initial_option and initial_options stay if nobody touches them, and may be chosen again."""
    one, several = (
        menu(initial_option=option("5")),
        menu("more", "multi_external_select", initial_options=[option("6")]),
    )
    view = await opened(slack, client, field(one), field(several))

    sent = await slack.as_("alice").submit(view, {"who": "5"})

    assert sent.delivery is not None
    values = sent.delivery.payload["view"]["state"]["values"]
    assert values["b_who"]["who"]["selected_option"] == option("5")
    assert values["b_more"]["more"]["selected_options"] == [option("6")]


# -- what the app may answer -----------------------------------------------------------------------


def many(number: int, **changes: Any) -> list[Json]:
    return [option(str(count)) | changes for count in range(number)]


RUBBISH: dict[str, Json] = {
    "too many": {"options": many(101)},
    "a long text": {"options": many(1, text=plain("x" * 76))},
    "a long value": {"options": many(1, value="x" * 76)},
    "text that isn't plain": {"options": many(1, text={"type": "mrkdwn", "text": "x"})},
    "no text": {"options": [{"value": "1"}]},
    "both": {"options": many(1), "option_groups": [{"label": plain("a"), "options": many(1)}]},
    "an empty group": {"option_groups": [{"label": plain("a"), "options": []}]},
    "a stranger": {"options": many(1), "text": "hello"},
    "nothing": {},
}


async def answered(slack: SandboxSlack, client: AsyncWebClient, answer: Json) -> tuple[bool, str | None]:
    """What becomes of a request for options that the app answers so, over a raw connection."""
    view = await opened(slack, client, field(menu()))
    async with raw_socket(slack) as socket:
        asking = asyncio.ensure_future(slack.as_("alice").suggest(view, "who", "x"))
        envelope = await socket.receive_json(timeout=PATIENCE)
        assert envelope["accepts_response_payload"] is True
        await socket.send_json({"envelope_id": envelope["envelope_id"], "payload": answer})
        outcome = await asking
    return outcome.ok, outcome.error


@pytest.mark.parametrize("answer", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_refused(slack: SandboxSlack, client: AsyncWebClient, answer: Json) -> None:
    """What Slack would not show is an error for the person, and nothing of it can be chosen."""
    assert await answered(slack, client, answer) == (False, "invalid_options")
    [view] = slack.workspace.views.values()
    with pytest.raises(NotThereError):
        await slack.as_("alice").submit(view, {"who": "0"})


@pytest.mark.parametrize(
    "answer",
    [
        {"options": many(100, text=plain("x" * 75), value="y" * 75)},
        {"options": []},
        {"option_groups": [{"label": plain("a"), "options": many(100)}]},
    ],
)
async def test_what_is_just_within_slacks_limits_is_shown(
    slack: SandboxSlack, client: AsyncWebClient, answer: Json
) -> None:
    """A hundred options, texts and values of 75 characters, groups, and nothing found."""
    assert await answered(slack, client, answer) == (True, None)


async def test_grouped_options_can_be_chosen(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """By value, whatever the group."""
    groups = [{"label": plain(label), "options": [option(label)]} for label in ("a", "b")]
    await answered(slack, client, {"option_groups": groups})
    [view] = slack.workspace.views.values()

    outcome = await slack.as_("alice").submit(view, {"who": "b"})

    assert outcome.delivery is not None
    assert outcome.delivery.payload["view"]["state"]["values"]["b_who"]["who"]["selected_option"] == option("b")


@pytest.mark.usefixtures("either_way")
async def test_an_app_that_is_late_has_offered_nothing(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp
) -> None:
    """Three seconds, here a part of one."""
    slack.workspace.ack_span = 0.1

    @app.options("slow")
    async def offer(ack: Any) -> None:
        await asyncio.sleep(1)
        await ack(options=[option("1")])

    view = await opened(slack, client, field(menu("slow")))

    assert (await slack.as_("alice").suggest(view, "slow", "x")).error == "operation_timeout"


# -- fields that dispatch --------------------------------------------------------------------------


@pytest.mark.usefixtures("connection")
async def test_an_act_in_a_form_carries_all_that_is_filled_in(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """What was touched before, the act itself, and what stands there untouched; nothing has to be complete."""
    text = {"type": "plain_text_input", "action_id": "reason", "initial_value": "INC-1"}
    boxes = {"type": "checkboxes", "action_id": "level", "options": [option("1"), option("2")]}
    empty = {"type": "plain_text_input", "action_id": "required"}
    view = await opened(slack, client, field(text), field(menu()), field(boxes, dispatch_action=True), field(empty))
    alice = slack.as_("alice")
    await alice.suggest(view, "who", "9")

    outcome = await alice.click(view, "level", value=["2"], values={"b_who": "91"})

    assert outcome.delivery is not None
    payload = outcome.delivery.payload
    [action] = payload["actions"]
    assert {key: action[key] for key in ("type", "action_id", "block_id", "selected_options")} == {
        "type": "checkboxes",
        "action_id": "level",
        "block_id": "b_level",
        "selected_options": [option("2")],
    }
    assert payload["view"]["state"]["values"] == {
        "b_reason": {"reason": {"type": "plain_text_input", "value": "INC-1"}},
        "b_who": {"who": {"type": "external_select", "selected_option": option("91")}},
        "b_level": {"level": {"type": "checkboxes", "selected_options": [option("2")]}},
        "b_required": {"required": {"type": "plain_text_input", "value": None}},
    }
    assert "state" not in payload


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize(
    ("element", "cleared"),
    [
        (menu("who", "multi_external_select", initial_options=[option("6")]), {"selected_options": []}),
        (menu("who", "external_select", initial_option=option("6")), {"selected_option": None}),
        ({"type": "plain_text_input", "action_id": "reason", "initial_value": "x"}, {"value": None}),
    ],
)
async def test_what_is_cleared_is_told_as_slack_does(
    slack: SandboxSlack, client: AsyncWebClient, element: Json, cleared: Json
) -> None:
    """An empty list, or null: what stood there at first is gone in the state as well."""
    view = await opened(slack, client, field(element, dispatch_action=True))

    outcome = await slack.as_("alice").click(view, element["action_id"], value=None)

    assert outcome.delivery is not None
    payload = outcome.delivery.payload
    state = payload["view"]["state"]["values"][f"b_{element['action_id']}"][element["action_id"]]
    assert payload["actions"][0].items() >= cleared.items()
    assert state == {"type": element["type"]} | cleared


@pytest.mark.usefixtures("connection")
async def test_the_state_of_a_messages_menus_stands_beside_the_message(
    slack: SandboxSlack, client: AsyncWebClient
) -> None:
    """As in Slack, which sends it with every act in a message; buttons have none."""
    options = [option("1"), option("2")]
    message = await posted(slack, client, {"type": "static_select", "action_id": "level", "options": options})

    outcome = await slack.as_("alice").click(message, "level", value="2")

    assert outcome.delivery is not None
    [fields] = outcome.delivery.payload["state"]["values"].values()
    assert fields == {"level": {"type": "static_select", "selected_option": option("2")}}


async def test_after_an_update_what_was_not_touched_is_as_updated(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The new initial values count, and what the person has filled in stays."""
    text = {"type": "plain_text_input", "action_id": "reason"}
    view = await opened(slack, client, field(text), field(menu(), optional=True))
    renewed = form(field(text | {"initial_value": "INC-2"}), field(menu(initial_option=option("5"))))
    await client.views_update(view_id=view.id, view=renewed)

    untouched = await slack.as_("alice").submit(view, {})
    touched = await slack.as_("alice").submit(view, {"b_reason": "mine"})

    said = [outcome.delivery.payload["view"]["state"]["values"] for outcome in (untouched, touched) if outcome.delivery]
    assert [values["b_reason"]["reason"]["value"] for values in said] == ["INC-2", "mine"]
    assert [values["b_who"]["who"]["selected_option"] for values in said] == [option("5")] * 2


async def test_fields_of_one_block_are_told_apart(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Values may be given by block and action."""
    picks = [{"type": "static_select", "action_id": name, "options": [option(name)]} for name in ("a", "b")]
    view = await opened(slack, client, {"type": "actions", "block_id": "both", "elements": picks})

    outcome = await slack.as_("alice").submit(view, {"both": {"b": "b"}})

    assert outcome.delivery is not None
    state = outcome.delivery.payload["view"]["state"]["values"]["both"]
    assert (state["a"]["selected_option"], state["b"]["selected_option"]) == (None, option("b"))
