"""An unmodified slack_bolt app in Socket Mode against the sandbox: commands, clicks, forms, events, connections."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.cast import demo_workspace
from bot.sandbox.elements import NotThereError
from bot.sandbox.installation import Shortcut
from bot.sandbox.nouns import Ephemeral, Message
from bot.sandbox.server import SandboxSlack
from tests.lives import PATIENCE

CHANNEL = "C0INCIDENT"
Json = dict[str, Any]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def button(action_id: str, value: str = "r1") -> Json:
    return {"type": "button", "action_id": action_id, "value": value, "text": plain(action_id)}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def form(**changes: Any) -> Json:
    reason = {"type": "plain_text_input", "action_id": "reason"}
    options = [{"text": plain(word), "value": word} for word in ("sessions", "processes")]
    level = {"type": "static_select", "action_id": "level", "options": options}
    blocks = [
        {"type": "input", "block_id": "why", "label": plain("Reason"), "element": reason},
        {"type": "input", "block_id": "what", "label": plain("Level"), "element": level, "optional": True},
    ]
    return {
        "type": "modal",
        "callback_id": "f",
        "title": plain("Deny"),
        "submit": plain("Deny"),
        "blocks": blocks,
    } | changes


async def acknowledge(ack: Any) -> None:
    await ack()


@pytest.fixture
def app(client: AsyncWebClient) -> AsyncApp:
    return AsyncApp(client=client)


@pytest.fixture
def ping_interval() -> float:
    """Slack's client gives a connection up after half of it without a pong: a busy machine tears a short one."""
    return 10.0


@pytest.fixture
async def connection(slack: SandboxSlack, app: AsyncApp, ping_interval: float) -> AsyncIterator[AsyncSocketModeHandler]:
    """The app, connected."""
    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=ping_interval)
    await handler.connect_async()
    await slack.workspace.until(lambda: slack.socket.connections)
    yield handler
    await handler.close_async()


async def asked(slack: SandboxSlack, client: AsyncWebClient) -> Message:
    """A message with an Approve button."""
    await client.chat_postMessage(channel=CHANNEL, text="Kick?", blocks=[actions(button("approve"), button("deny"))])
    shown = await slack.as_("bob").sees("Kick?")
    assert isinstance(shown, Message)
    return shown


# -- commands and clicks ---------------------------------------------------------------------------


async def test_a_command_a_message_a_click_an_edit(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The whole way: Alice's command, the app's message, Bob's click, the edited message."""

    @app.command("/kick")
    async def kick(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack()
        words = f"Kick {command['text']}?"
        await client.chat_postMessage(channel=command["channel_id"], text=words, blocks=[actions(button("approve"))])

    @app.action("approve")
    async def approve(ack: Any, body: Json, client: AsyncWebClient) -> None:
        await ack()
        place = {"channel": body["channel"]["id"], "ts": body["message"]["ts"]}
        await client.chat_update(**place, text=f"approved by {body['user']['id']}", blocks=[])

    outcome = await slack.as_("alice").command("incidents", "/kick", "audituser host1")
    message = await slack.as_("bob").sees("Kick audituser host1?", "incidents")
    clicked = await slack.as_("bob").click(message, "approve")
    await slack.as_("alice").sees("approved by U0BOB")

    assert outcome.ok
    assert clicked.ok
    assert outcome.seconds is not None
    assert outcome.seconds < slack.workspace.ack_span


async def test_a_command_carries_what_slack_sends(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The payload has Slack's fields, all of them text."""
    app.command("/kick")(acknowledge)

    outcome = await slack.as_("alice").command("incidents", "/kick", "audituser host1")

    assert outcome.delivery is not None
    payload = outcome.delivery.payload
    assert set(payload) == {
        *("token", "team_id", "team_domain", "channel_id", "channel_name", "user_id", "user_name", "command", "text"),
        *("api_app_id", "is_enterprise_install", "response_url", "trigger_id"),
    }
    assert all(isinstance(value, str) for value in payload.values())


async def test_a_command_is_answered_in_the_acknowledgement(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """Text in the ack is for the person alone, unless it says in_channel."""

    @app.command("/kick")
    async def kick(ack: Any) -> None:
        await ack("only you")

    @app.command("/audit")
    async def audit(ack: Any) -> None:
        await ack("everyone", response_type="in_channel")

    await slack.as_("alice").command("incidents", "/kick")
    await slack.as_("alice").command("incidents", "/audit")

    assert isinstance(await slack.as_("alice").sees("only you"), Ephemeral)
    assert isinstance(await slack.as_("bob").sees("everyone"), Message)
    assert slack.as_("bob").ephemerals() == []


async def test_a_command_that_slack_does_not_know_goes_nowhere(
    slack: SandboxSlack, connection: AsyncSocketModeHandler
) -> None:
    """Only registered commands reach the app."""
    outcome = await slack.as_("alice").command("incidents", "/kcik")

    assert outcome.error == "invalid_command"
    assert slack.socket.deliveries == []


async def test_no_acknowledgement_is_a_time_out(slack: SandboxSlack, connection: AsyncSocketModeHandler) -> None:
    """An app without a handler leaves the person with operation_timeout."""
    slack.workspace.ack_span = 0.1

    outcome = await slack.as_("alice").command("incidents", "/kick")

    assert outcome.error == "operation_timeout"


async def test_without_a_connection_nothing_is_kept(slack: SandboxSlack) -> None:
    """A command into the gap fails at once, and is not sent later."""
    outcome = await slack.as_("alice").command("incidents", "/kick")

    assert outcome.error == "dispatch_failed"


async def test_a_button_that_is_gone_can_only_be_pressed_on_a_stale_screen(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """After the edit there is no button; who still sees the old version presses that."""
    app.action("approve")(acknowledge)
    message = await asked(slack, client)
    await client.chat_update(channel=CHANNEL, ts=message.ts, text="decided", blocks=[])

    with pytest.raises(NotThereError):
        await slack.as_("bob").click(message, "approve")
    outcome = await slack.as_("bob").click(message, "approve", stale=True)

    assert outcome.ok
    assert outcome.delivery is not None
    assert outcome.delivery.payload["actions"][0]["value"] == "r1"


async def test_nobody_presses_what_they_cannot_see(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Not a button that isn't there, not from outside the channel, not when deactivated."""
    message = await asked(slack, client)
    slack.workspace.change_channel(CHANNEL, members=("U0KICKBOT", "U0BOB"))

    for name, action in (("bob", "aprove"), ("alice", "approve"), ("zoe", "approve")):
        with pytest.raises(NotThereError):
            await slack.as_(name).click(message, action)


async def test_a_menu_gives_the_chosen_option(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """Only an option of the menu can be chosen."""
    app.action("pick")(acknowledge)
    options = [{"text": plain("session 7"), "value": "7"}, {"text": plain("session 9"), "value": "9"}]
    menu = {"type": "static_select", "action_id": "pick", "options": options}
    await client.chat_postMessage(channel=CHANNEL, text="menu", blocks=[actions(menu)])
    message = await slack.as_("alice").sees("menu")

    outcome = await slack.as_("alice").click(message, "pick", value="9")

    assert outcome.delivery is not None
    assert outcome.delivery.payload["actions"][0]["selected_option"] == options[1]
    with pytest.raises(NotThereError):
        await slack.as_("alice").click(message, "pick", value="12")


async def test_slack_may_send_twice(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The same envelope, delivered again, reaches the app again."""
    seen: list[str] = []

    @app.action("approve")
    async def approve(ack: Any, body: Json) -> None:
        await ack()
        seen.append(body["trigger_id"])

    outcome = await slack.as_("bob").click(await asked(slack, client), "approve")
    assert outcome.delivery is not None
    again = await slack.socket.redeliver(outcome.delivery)

    assert again.acked
    assert len(seen) == 2
    assert len(set(seen)) == 1


# -- response_url ----------------------------------------------------------------------------------


async def test_a_response_url_answers_replaces_and_deletes(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """What was clicked can be replaced or deleted, also if only one person sees it."""

    @app.action("approve")
    async def approve(ack: Any, respond: Any) -> None:
        await ack()
        await respond(replace_original=True, text="replaced")

    @app.action("deny")
    async def deny(ack: Any, respond: Any) -> None:
        await ack()
        await respond(delete_original=True)

    alice = slack.as_("alice")
    blocks = [actions(button("approve"), button("deny"))]
    await client.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="one", blocks=blocks)
    await client.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="two", blocks=blocks)
    message = await asked(slack, client)

    one, two = alice.ephemerals()
    await alice.click(one, "approve")
    await alice.click(two, "deny")
    await alice.click(message, "approve")
    await slack.workspace.until(lambda: len(slack.workspace.calls("response_url")) == 3)

    assert [ephemeral.text for ephemeral in alice.ephemerals()] == ["replaced"]
    assert [shown.text for shown in alice.messages("incidents")] == ["replaced"]


async def test_a_response_url_works_five_times(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The sixth answer is refused, and so is one with bad blocks."""
    codes: list[int] = []

    @app.command("/kick")
    async def kick(ack: Any, respond: Any) -> None:
        await ack()
        codes.extend([(await respond(blocks=[{"type": "tabel"}], text="bad")).status_code])
        codes.extend([(await respond(f"answer {number}")).status_code for number in range(5)])

    await slack.as_("alice").command("incidents", "/kick")
    await slack.workspace.until(lambda: len(codes) == 6)

    assert codes == [404, 200, 200, 200, 200, 404]


async def test_a_response_url_ends_after_thirty_minutes() -> None:
    """A pending approval outlives it."""
    moment = [1_700_000_000.0]
    async with SandboxSlack.start(demo_workspace(clock=lambda: moment[0])) as slack:
        url = slack.parts.response_urls.new(slack.page_url.rstrip("/"), "U0ALICE", CHANNEL)
        moment[0] += 1801
        async with aiohttp.ClientSession() as session, session.post(url, json={"text": "late"}) as answer:
            assert await answer.json() == {"ok": False, "error": "expired_url"}


# -- forms and Home --------------------------------------------------------------------------------


async def test_a_form_is_opened_refused_and_sent(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The app may find errors in it first; then it closes."""
    sent: list[Json] = []

    @app.command("/kick")
    async def kick(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form(private_metadata="r1"))

    @app.view("f")
    async def submitted(ack: Any, view: Json) -> None:
        values = view["state"]["values"]
        sent.append(values)
        short = len(values["why"]["reason"]["value"]) < 3
        await (ack(response_action="errors", errors={"why": "too short"}) if short else ack())

    alice = slack.as_("alice")
    await alice.command("incidents", "/kick")
    view = await alice.sees_modal()
    with pytest.raises(NotThereError):
        await alice.submit(view, {})
    first = await alice.submit(view, {"reason": "x"})
    still_open = alice.modal
    second = await alice.submit(view, {"why": "because", "level": "processes"})

    assert first.response == {"response_action": "errors", "errors": {"why": "too short"}}
    assert still_open is not None
    assert second.ok
    assert alice.modal is None
    assert sent[-1]["what"]["level"]["selected_option"]["value"] == "processes"


async def test_a_form_can_lead_to_the_next(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """An update changes the form, push puts one on top, clear closes all."""
    answers: list[Json] = [
        {"response_action": "update", "view": form(title=plain("Second"))},
        {"response_action": "push", "view": form(title=plain("Third"))},
        {"response_action": "clear"},
    ]
    titles = []

    @app.command("/kick")
    async def kick(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=form())

    @app.view("f")
    async def submitted(ack: Any) -> None:
        await ack(**answers.pop(0))

    alice = slack.as_("alice")
    await alice.command("incidents", "/kick")
    await alice.sees_modal()
    while alice.modal:
        titles.append(alice.modal.content["title"]["text"])
        assert (await alice.submit(alice.modal, {"why": "because"})).ok

    assert titles == ["Deny", "Second", "Third"]


async def test_a_form_that_comes_too_late_is_refused(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """A trigger lives for a few seconds: first the form, then the work."""
    slack.workspace.trigger_span = 0.05
    errors: list[str] = []

    @app.command("/kick")
    async def kick(ack: Any, command: Json, client: AsyncWebClient) -> None:
        await ack()
        await asyncio.sleep(0.1)
        try:
            await client.views_open(trigger_id=command["trigger_id"], view=form())
        except SlackApiError as error:
            errors.append(error.response["error"])

    await slack.as_("alice").command("incidents", "/kick")
    await slack.workspace.until(lambda: errors)

    assert errors == ["expired_trigger_id"]


async def test_a_closed_form_is_told_only_if_asked_for(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """notify_on_close brings a view_closed."""
    app.view_closed("f")(acknowledge)
    alice = slack.as_("alice")
    for notify in (False, True):
        trigger = slack.workspace.new_trigger("U0ALICE")
        await client.views_open(trigger_id=trigger, view=form(notify_on_close=notify))
        assert (await alice.close(await alice.sees_modal())).ok

    assert [delivery.payload["type"] for delivery in slack.socket.deliveries] == ["view_closed"]


async def test_a_form_is_filled_in_afterwards(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """views.update needs the form's id, and refuses an old hash and a form that was closed."""
    opened = await client.views_open(trigger_id=slack.workspace.new_trigger("U0ALICE"), view=form())
    view = opened["view"]
    await client.views_update(view_id=view["id"], hash=view["hash"], view=form(title=plain("Filled")))

    shown = slack.as_("alice").modal
    assert shown is not None
    assert shown.content["title"]["text"] == "Filled"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await client.views_update(view_id=view["id"], hash=view["hash"], view=form())
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id="V0NONE", view=form())
    await slack.as_("alice").close(shown)
    with pytest.raises(SlackApiError, match="not_found"):
        await client.views_update(view_id=view["id"], view=form())


async def test_three_forms_on_top_of_each_other_are_enough(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The fourth is refused; each needs a trigger from the form below."""
    alice = slack.as_("alice")
    await client.views_open(trigger_id=slack.workspace.new_trigger("U0ALICE"), view=form())
    for _ in range(2):
        assert alice.modal is not None
        await client.views_push(trigger_id=slack.workspace.new_trigger("U0ALICE", alice.modal.id), view=form())
    assert alice.modal is not None

    with pytest.raises(SlackApiError, match="push_limit_reached"):
        await client.views_push(trigger_id=slack.workspace.new_trigger("U0ALICE", alice.modal.id), view=form())


async def test_the_home_tab_is_published_and_pressed(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """Opening it tells the app; its buttons carry the view instead of a message."""
    views: list[str] = []

    @app.event("app_home_opened")
    async def opened(event: Json, client: AsyncWebClient) -> None:
        section = {"type": "section", "text": plain("Waiting for you"), "accessory": button("approve")}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [section]})

    @app.action("approve")
    async def approve(ack: Any, body: Json) -> None:
        await ack()
        views.append(body["container"]["view_id"])

    bob = slack.as_("bob")
    await bob.open_home()
    home = await bob.sees_home("Waiting for you")
    await bob.click(home, "approve")

    assert views == [home.id]
    assert slack.as_("alice").home is None


# -- events ----------------------------------------------------------------------------------------


async def test_a_mention_reaches_an_app_that_subscribed(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """app_mention comes for <@BOT>; a message that says nothing of the bot does not."""

    @app.event("app_mention")
    async def mentioned(event: Json, say: Any) -> None:
        await say(f"you said {event['text']}", thread_ts=event["ts"])

    await slack.as_("alice").say("incidents", "hello all")
    await slack.as_("alice").say("incidents", "<@U0KICKBOT> hello")
    await slack.as_("alice").sees("you said <@U0KICKBOT> hello")

    assert [delivery.kind for delivery in slack.socket.deliveries] == ["events_api"]


async def test_a_mention_carries_what_slacks_client_sends(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The blocks of what was typed and the thread; a reply to a reply stands in the same thread."""
    heard: list[Json] = []

    @app.event("app_mention")
    async def mentioned(event: Json) -> None:
        heard.append(event)

    parent = await asked(slack, client)
    alice = slack.as_("alice")
    first = await alice.say("incidents", "hello", thread_ts=parent.ts)
    await alice.say("incidents", "please <@U0KICKBOT> kick bob &amp; co", thread_ts=first.ts)
    await slack.workspace.until(lambda: heard)

    [event] = heard
    [block] = event["blocks"]
    assert event["type"] == "app_mention"
    assert (event["thread_ts"], event["parent_user_id"]) == (parent.ts, "U0KICKBOT")
    assert (event["channel"], event["user"], event["event_ts"]) == (CHANNEL, "U0ALICE", event["ts"])
    assert event["client_msg_id"]
    assert "channel_type" not in event
    assert block["type"] == "rich_text"
    assert block["block_id"]
    assert block["elements"][0]["elements"] == [
        {"type": "text", "text": "please "},
        {"type": "user", "user_id": "U0KICKBOT"},
        {"type": "text", "text": " kick bob & co"},
    ]


async def test_a_mention_where_the_bot_is_not_is_not_heard(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """Slack tells an app only of conversations that it is in, and of a direct message by message.im alone."""
    app.event("message")(acknowledge)
    slack.workspace.change_channel(CHANNEL, members=("U0ALICE",))

    await slack.as_("alice").say("incidents", "<@U0KICKBOT> hello")
    await slack.as_("alice").say("@kickbot", "<@U0KICKBOT> hello")
    await slack.workspace.until(lambda: slack.socket.deliveries)
    await asyncio.gather(*slack.parts.events)

    [event] = [delivery.payload["event"] for delivery in slack.socket.deliveries]
    assert (event["type"], event["channel_type"]) == ("message", "im")


async def test_nobody_answers_in_a_thread_that_is_not_there(slack: SandboxSlack) -> None:
    """Slack's client shows no such thread."""
    with pytest.raises(NotThereError):
        await slack.as_("alice").say("incidents", "hello", thread_ts="1.2")


async def test_an_opened_home_tells_its_tab_and_what_it_shows(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The first time there is no view yet, afterwards there is."""
    heard: list[Json] = []

    @app.event("app_home_opened")
    async def opened(event: Json) -> None:
        heard.append(event)

    alice = slack.as_("alice")
    await alice.open_home()
    await slack.workspace.until(lambda: len(heard) == 1)
    shown = await client.views_publish(user_id="U0ALICE", view={"type": "home", "blocks": []})
    await alice.open_home()
    await slack.workspace.until(lambda: len(heard) == 2)

    assert [(event["tab"], event["user"], event["channel"]) for event in heard] == [("home", "U0ALICE", "D0ALICE")] * 2
    assert [event.get("view", {}).get("id") for event in heard] == [None, shown["view"]["id"]]


async def test_an_event_says_which_attempt_it_is(slack: SandboxSlack) -> None:
    """Its envelope has Slack's fields; the first attempt is number 0."""
    url = slack.socket.new_url(slack.page_url.rstrip("/"))
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive_json()
        await slack.as_("alice").open_home()
        envelope = await socket.receive_json(timeout=PATIENCE)

    assert (envelope["type"], envelope["retry_attempt"], envelope["retry_reason"]) == ("events_api", 0, "")
    assert set(envelope["payload"]) == {
        *("type", "token", "team_id", "api_app_id", "event", "event_id", "event_time"),
        *("authorizations", "is_ext_shared_channel", "event_context"),
    }


# -- shortcuts -------------------------------------------------------------------------------------


async def test_a_message_shortcut_opens_a_form(
    slack: SandboxSlack, client: AsyncWebClient, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The app gets the message, a trigger, and a way to answer the person alone."""
    bodies: list[Json] = []

    @app.message_shortcut("kickbot_kick")
    async def kick(ack: Any, body: Json, client: AsyncWebClient, respond: Any) -> None:
        await ack()
        bodies.append(body)
        await client.views_open(trigger_id=body["trigger_id"], view=form())
        await respond("answered")

    said = await slack.as_("bob").say("incidents", "audituser misbehaves")
    outcome = await slack.as_("alice").shortcut("kickbot_kick", said)
    await slack.as_("alice").sees_modal()
    answer = await slack.as_("alice").sees("answered")

    [body] = bodies
    assert outcome.ok
    assert isinstance(answer, Ephemeral)
    assert set(body) == {
        *("type", "callback_id", "trigger_id", "response_url", "action_ts", "message_ts", "message", "channel"),
        *("user", "team", "token", "enterprise", "is_enterprise_install"),
    }
    assert (body["type"], body["callback_id"], body["message_ts"]) == ("message_action", "kickbot_kick", said.ts)
    assert (body["message"]["user"], body["message"]["text"]) == ("U0BOB", "audituser misbehaves")
    assert body["channel"] == {"id": CHANNEL, "name": "incidents"}


async def test_a_global_shortcut_knows_no_channel(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """It has a trigger, and nowhere to answer."""
    everywhere = Shortcut(callback_id="kickbot_home", name="Kick…", type="global")
    slack.workspace.change_app(shortcuts=(everywhere,))
    app.global_shortcut("kickbot_home")(acknowledge)

    outcome = await slack.as_("alice").shortcut("kickbot_home")

    assert outcome.ok
    assert outcome.delivery is not None
    payload = outcome.delivery.payload
    assert payload["type"] == "shortcut"
    assert payload["trigger_id"]
    assert not {"channel", "message", "response_url"} & set(payload)


async def test_a_shortcut_is_chosen_only_where_slack_shows_it(slack: SandboxSlack) -> None:
    """Not a strange one, not on a deleted message, not outside of the person's channels, and each by its type."""
    said = await slack.as_("bob").say("incidents", "one")
    gone = await slack.as_("bob").say("incidents", "two")
    slack.workspace.delete(gone)
    attempts: list[tuple[str, str, Message | None]] = [
        ("alice", "kickbot_kcik", said),
        ("alice", "kickbot_kick", None),
        ("alice", "kickbot_kick", gone),
        ("dave", "kickbot_kick", said),
    ]
    slack.workspace.change_channel(CHANNEL, members=("U0KICKBOT", "U0ALICE", "U0BOB"))

    for name, callback_id, message in attempts:
        with pytest.raises(NotThereError):
            await slack.as_(name).shortcut(callback_id, message)
    assert slack.socket.deliveries == []


# -- connections -----------------------------------------------------------------------------------


async def connect(slack: SandboxSlack, url: str) -> Json:
    """The first message over a raw connection."""
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        return dict(await socket.receive_json(timeout=PATIENCE))


async def test_an_address_works_once(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The second handshake with one ticket fails, and one without a ticket."""
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    hello = await connect(slack, url)

    assert (hello["type"], hello["connection_info"]) == ("hello", {"app_id": "A0KICKBOT"})
    for again in (url, url.split("?", maxsplit=1)[0]):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await connect(slack, again)
        assert caught.value.status == 408


async def test_the_eleventh_connection_is_sent_away(slack: SandboxSlack) -> None:
    """Ten connections for one app, as in Slack."""
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(slack.socket.new_url(slack.page_url.rstrip("/"))) for _ in range(10)]
        assert {(await socket.receive_json())["type"] for socket in sockets} == {"hello"}

        assert (await connect(slack, slack.socket.new_url(slack.page_url.rstrip("/"))))[
            "reason"
        ] == "too_many_websockets"


async def test_each_envelope_goes_to_one_connection(slack: SandboxSlack) -> None:
    """Two connections take turns."""
    origin = slack.page_url.rstrip("/")
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(slack.socket.new_url(origin)) for _ in range(2)]
        for socket in sockets:
            await socket.receive_json()
        sending = [asyncio.ensure_future(slack.as_("alice").command("random", "/kick")) for _ in range(4)]
        for socket in sockets:
            for _ in range(2):
                envelope = await socket.receive_json(timeout=PATIENCE)
                await socket.send_json({"envelope_id": envelope["envelope_id"]})

        assert [(await outcome).ok for outcome in sending] == [True] * 4


@pytest.mark.parametrize("ping_interval", [2.0])
async def test_a_dropped_connection_comes_back(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """Slack's client reconnects by itself, over a new address."""
    app.command("/kick")(acknowledge)
    slack.socket.drop()
    await slack.workspace.until(lambda: not slack.socket.connections)
    await slack.workspace.until(lambda: slack.socket.connections)

    assert (await slack.as_("alice").command("incidents", "/kick")).ok
    assert len(slack.workspace.calls("apps.connections.open")) == 2


async def test_a_connection_is_replaced_when_slack_asks(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """A disconnect with refresh_requested leads to a new connection."""
    app.command("/kick")(acknowledge)
    old = slack.socket.connections[0]

    await slack.socket.disconnect()
    await slack.workspace.until(lambda: slack.socket.connections and old not in slack.socket.connections)

    assert (await slack.as_("alice").command("incidents", "/kick")).ok


async def test_a_connection_lost_before_the_acknowledgement_is_a_time_out_for_the_person(
    slack: SandboxSlack, app: AsyncApp, connection: AsyncSocketModeHandler
) -> None:
    """The app may have begun to work; the person can't know."""
    began: list[str] = []

    @app.command("/kick")
    async def kick(ack: Any, command: Json) -> None:
        began.append(command["text"])
        slack.socket.drop()

    outcome = await slack.as_("alice").command("incidents", "/kick", "audituser host1")

    assert outcome.error == "operation_timeout"
    assert began == ["audituser host1"]


async def test_a_failed_handshake_uses_its_ticket_up(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Slack's client would try that address for ever: here the tests of a watchdog can see it."""
    slack.socket.refuse_handshakes = 1
    url = (await client.apps_connections_open(app_token=slack.app_token))["url"]

    for status in (503, 408):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await connect(slack, url)
        assert caught.value.status == status
