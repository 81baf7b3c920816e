"""The sandbox's Web API, asked by an unmodified slack_sdk client."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack

CHANNEL = "C0INCIDENT"


async def refused(call: Any) -> dict[str, Any]:
    with pytest.raises(SlackApiError) as caught:
        await call
    return dict(caught.value.response.data)


def once(fault: Fault, method: str) -> Any:
    """A fault for the first call of the method only."""
    left = [fault]
    return lambda called, _args: left.pop() if called == method and left else None


# -- tokens and scopes -----------------------------------------------------------------------------


async def test_no_token_is_not_authed(slack: SandboxSlack) -> None:
    """A call without a token is refused before all else."""
    answer = await refused(AsyncWebClient(base_url=slack.api_url).auth_test())

    assert answer == {"ok": False, "error": "not_authed"}


async def test_a_made_up_token_is_invalid(slack: SandboxSlack) -> None:
    """Only the tokens of this installation count."""
    answer = await refused(AsyncWebClient(token="xoxb-0-guess", base_url=slack.api_url).auth_test())

    assert answer["error"] == "invalid_auth"


async def test_the_app_token_is_for_connections_only(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Each kind of token opens its own methods."""
    assert (await refused(client.auth_test(token=slack.app_token)))["error"] == "not_allowed_token_type"
    assert (await refused(client.apps_connections_open(app_token=slack.bot_token)))["error"] == "not_allowed_token_type"


async def test_a_missing_scope_is_named(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The answer says which scope is needed and which are there."""
    slack.workspace.change_app(scopes=frozenset({"commands", "chat:write"}))

    answer = await refused(client.usergroups_users_list(usergroup="S0SRE"))

    expected = {"needed": "usergroups:read", "provided": "chat:write,commands"}
    assert answer == {"ok": False, "error": "missing_scope", **expected}


async def test_a_private_channel_needs_the_scopes_of_groups(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """channels:history does not reach a private channel."""
    slack.workspace.change_channel(CHANNEL, is_private=True)
    slack.workspace.change_app(scopes=frozenset({"channels:history"}))

    assert (await refused(client.conversations_history(channel=CHANNEL)))["needed"] == "groups:history"


async def test_auth_test_says_who_and_with_which_scopes(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The scopes are in a header, where Slack puts them."""
    answer = await client.auth_test()

    assert (answer["user_id"], answer["bot_id"]) == ("U0KICKBOT", "B0KICKBOT")
    assert "chat:write" in answer.headers["x-oauth-scopes"].split(",")


async def test_an_unknown_method_is_named(client: AsyncWebClient) -> None:
    """A typing error in a method's name does not pass for anything else."""
    answer = await refused(client.api_call("chat.postMesage"))

    assert answer == {"ok": False, "error": "unknown_method", "req_method": "chat.postMesage"}


# -- messages --------------------------------------------------------------------------------------


async def test_a_message_is_posted_and_read_again(client: AsyncWebClient) -> None:
    """Text, blocks and metadata come back; the metadata's payload only for who asks."""
    metadata = {"event_type": "kickbot.event", "event_payload": {"request": "r1"}}
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*parent*"}}]
    parent = await client.chat_postMessage(channel="#incidents", text="parent", blocks=blocks, metadata=metadata)
    await client.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=parent["ts"], metadata=metadata)

    full = await client.conversations_replies(channel=CHANNEL, ts=parent["ts"], include_all_metadata=True)
    short = await client.conversations_replies(channel=CHANNEL, ts=parent["ts"])

    assert [message["metadata"] for message in full["messages"]] == [metadata, metadata]
    assert [message["metadata"] for message in short["messages"]] == [{"event_type": "kickbot.event"}] * 2
    assert full["messages"][0]["blocks"][0]["block_id"]


async def test_blocks_may_be_json_in_a_form(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Form bodies carry blocks as a string, and the token as a field."""
    form = {"token": slack.bot_token, "channel": CHANNEL, "text": "x", "blocks": '[{"type": "divider"}]'}
    async with aiohttp.ClientSession() as session, session.post(f"{slack.api_url}chat.postMessage", data=form) as done:
        answer = await done.json()

    assert answer["message"]["blocks"][0]["type"] == "divider"
    assert (await refused(client.chat_postMessage(channel=CHANNEL, text="x", blocks="[{")))["error"] == (
        "invalid_blocks_format"
    )


async def test_bad_blocks_are_explained(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """Slack's client gets the code and the place, and nothing is posted."""
    answer = await refused(client.chat_postMessage(channel=CHANNEL, text="x", blocks=[{"type": "divider"}] * 51))

    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"] == ["[ERROR] no more than 50 items allowed [json-pointer:/blocks]"]
    assert slack.workspace.messages == {}


async def test_an_edit_keeps_what_it_does_not_name(client: AsyncWebClient) -> None:
    """Blocks and metadata stay unless they are given, as Slack's reference says."""
    blocks = [{"type": "divider"}]
    metadata = {"event_type": "e", "event_payload": {}}
    posted = await client.chat_postMessage(channel=CHANNEL, text="one", blocks=blocks, metadata=metadata)

    kept = await client.chat_update(channel=CHANNEL, ts=posted["ts"], text="two")
    gone = await client.chat_update(channel=CHANNEL, ts=posted["ts"], text="three", blocks=[], metadata={})

    assert (kept["text"], len(kept["message"]["blocks"]), kept["message"]["metadata"]) == ("two", 1, metadata)
    assert "blocks" not in gone["message"]
    assert "metadata" not in gone["message"]


async def test_only_own_messages_can_be_changed(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A person's words are not the app's to edit or delete."""
    said = await slack.as_("alice").say("incidents", "mine")

    assert (await refused(client.chat_update(channel=CHANNEL, ts=said.ts, text="x")))["error"] == "cant_update_message"
    assert (await refused(client.chat_delete(channel=CHANNEL, ts=said.ts)))["error"] == "cant_delete_message"


async def test_a_deleted_message_is_gone(client: AsyncWebClient) -> None:
    """After chat.delete nothing finds it."""
    posted = await client.chat_postMessage(channel=CHANNEL, text="one")
    await client.chat_delete(channel=CHANNEL, ts=posted["ts"])

    answer = await refused(client.chat_update(channel=CHANNEL, ts=posted["ts"], text="two"))

    assert answer["error"] == "message_not_found"
    assert (await client.conversations_history(channel=CHANNEL))["messages"] == []


@pytest.mark.parametrize(
    ("changes", "code"), [({"is_archived": True}, "is_archived"), ({"members": ("U0ALICE",)}, "not_in_channel")]
)
async def test_where_the_bot_may_not_post(
    slack: SandboxSlack, client: AsyncWebClient, changes: dict[str, Any], code: str
) -> None:
    """Archived channels, and channels that it is not in, take nothing."""
    slack.workspace.change_channel(CHANNEL, **changes)

    assert (await refused(client.chat_postMessage(channel=CHANNEL, text="x")))["error"] == code


async def test_nowhere_and_nothing_are_refused(client: AsyncWebClient) -> None:
    """Unknown channels, empty messages and unknown threads have their codes."""
    assert (await refused(client.chat_postMessage(channel="C0NONE", text="x")))["error"] == "channel_not_found"
    assert (await refused(client.chat_postMessage(channel=CHANNEL, text=" ", attachments=[])))["error"] == "no_text"
    lost = client.chat_postMessage(channel=CHANNEL, text="x", thread_ts="1.000001")
    assert (await refused(lost))["error"] == "thread_not_found"


async def test_a_message_for_one_person_is_seen_by_nobody_else(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """An ephemeral message is in no history, and needs its reader in the channel."""
    await client.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="only you")

    assert [e.text for e in slack.as_("alice").ephemerals()] == ["only you"]
    assert slack.as_("bob").ephemerals() == []
    assert (await client.conversations_history(channel=CHANNEL))["messages"] == []
    answer = await refused(client.chat_postEphemeral(channel=CHANNEL, user="U0ZOE", text="x"))
    assert answer["error"] == "user_not_in_channel"


async def test_a_direct_message_goes_to_a_person(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """By conversations.open, or by the person's id."""
    opened = await client.conversations_open(users=["U0ALICE"])
    await client.chat_postMessage(channel=opened["channel"]["id"], text="one")
    await client.chat_postMessage(channel="U0ALICE", text="two")

    assert [m.text for m in slack.as_("alice").messages("@kickbot")] == ["one", "two"]


async def test_a_permalink_leads_to_the_page(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A link in the demo opens the message in the sandbox."""
    posted = await client.chat_postMessage(channel=CHANNEL, text="x")

    link = (await client.chat_getPermalink(channel=CHANNEL, message_ts=posted["ts"]))["permalink"]

    assert link == f"{slack.page_url}archives/{CHANNEL}/p{posted['ts'].replace('.', '')}"
    async with aiohttp.ClientSession() as session, session.get(link) as page:
        assert page.status == 200


async def test_a_reaction_counts_once(client: AsyncWebClient) -> None:
    """The same reaction again is refused."""
    posted = await client.chat_postMessage(channel=CHANNEL, text="x")
    await client.reactions_add(channel=CHANNEL, timestamp=posted["ts"], name="eyes")

    answer = await refused(client.reactions_add(channel=CHANNEL, timestamp=posted["ts"], name="eyes"))

    assert answer["error"] == "already_reacted"


# -- reading ---------------------------------------------------------------------------------------


async def test_history_comes_in_pages_newest_first(client: AsyncWebClient) -> None:
    """A cursor leads through all of it, without gaps."""
    for number in range(5):
        await client.chat_postMessage(channel=CHANNEL, text=str(number))

    pages = await client.conversations_history(channel=CHANNEL, limit=2)
    read = [[message["text"] for message in page["messages"]] async for page in pages]

    assert read == [["4", "3"], ["2", "1"], ["0"]]


async def test_history_between_two_times(client: AsyncWebClient) -> None:
    """The ends count only with `inclusive`."""
    ts = [(await client.chat_postMessage(channel=CHANNEL, text=str(n)))["ts"] for n in range(4)]

    outer = await client.conversations_history(channel=CHANNEL, oldest=ts[0], latest=ts[3])
    inner = await client.conversations_history(channel=CHANNEL, oldest=ts[0], latest=ts[1], inclusive=True)

    assert [message["text"] for message in outer["messages"]] == ["2", "1"]
    assert [message["text"] for message in inner["messages"]] == ["1", "0"]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"cursor": "nonsense"}, "invalid_cursor"),
        ({"limit": 5000}, "invalid_limit"),
        ({"oldest": "yesterday"}, "invalid_ts_oldest"),
    ],
)
async def test_a_malformed_question_is_refused(client: AsyncWebClient, given: dict[str, Any], code: str) -> None:
    """Cursors, limits and times are checked."""
    assert (await refused(client.conversations_history(channel=CHANNEL, **given)))["error"] == code


async def test_members_come_in_pages(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """All members are found through the cursor."""
    pages = await client.conversations_members(channel=CHANNEL, limit=2)
    read = [member async for page in pages for member in page["members"]]

    assert read == list(slack.workspace.channels[CHANNEL].members)


async def test_groups_tell_their_members(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """An unknown or disabled group is refused, not empty."""
    assert (await client.usergroups_users_list(usergroup="S0LEADS"))["users"] == ["U0BOB", "U0CAROL"]
    assert [group["handle"] for group in (await client.usergroups_list())["usergroups"]] == ["sre", "sre-leads"]

    slack.workspace.change_group("S0LEADS", disabled=True)

    assert (await refused(client.usergroups_users_list(usergroup="S0LEADS")))["error"] == "no_such_subteam"


async def test_people_are_described(client: AsyncWebClient) -> None:
    """users.info shows guests and deactivated people as such; unknown ids are refused."""
    assert (await client.users_info(user="U0GUS"))["user"]["is_restricted"] is True
    assert (await client.users_info(user="U0ZOE"))["user"]["deleted"] is True
    assert (await refused(client.users_info(user="U0NONE")))["error"] == "user_not_found"
    assert len((await client.users_list())["members"]) == 7


async def test_channels_are_described_and_joined(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A public channel can be seen from outside, and joined."""
    slack.workspace.change_channel(CHANNEL, members=("U0ALICE",))
    assert (await client.conversations_info(channel=CHANNEL))["channel"]["is_member"] is False

    await client.conversations_join(channel=CHANNEL)

    listed = (await client.conversations_list())["channels"]
    assert {channel["name"]: channel["is_member"] for channel in listed} == dict.fromkeys(
        ("inc-4711", "incidents", "random"), True
    )


async def test_a_missing_argument_is_named(client: AsyncWebClient) -> None:
    """Slack says which field is missing."""
    answer = await refused(client.api_call("users.info"))

    assert answer["response_metadata"]["messages"] == ["[ERROR] missing required field: user"]


# -- files -----------------------------------------------------------------------------------------


async def test_a_file_is_uploaded_into_a_thread(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """files_upload_v2 works as it is, and the file's bytes are kept."""
    parent = await client.chat_postMessage(channel=CHANNEL, text="parent")

    answer = await client.files_upload_v2(
        channel=CHANNEL, thread_ts=parent["ts"], filename="before.txt", content="raw", initial_comment="Before"
    )

    replies = (await client.conversations_replies(channel=CHANNEL, ts=parent["ts"]))["messages"]
    assert (replies[1]["text"], replies[1]["files"][0]["name"]) == ("Before", "before.txt")
    assert slack.workspace.files[answer["file"]["id"]].content == b"raw"


async def test_a_file_without_its_bytes_is_not_found(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """The third step needs the second, and the second the stated length."""
    begun = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    async with aiohttp.ClientSession() as session, session.post(begun["upload_url"], data=b"four") as sent:
        assert sent.status == 400

    answer = await refused(client.files_completeUploadExternal(files=[{"id": begun["file_id"]}], channel_id=CHANNEL))

    assert answer["error"] == "file_not_found"


# -- faults ----------------------------------------------------------------------------------------


async def test_a_rate_limit_says_when_to_come_back(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A fault can be a 429; Slack's own retry handler then succeeds."""
    slack.workspace.faults = once(Fault.rate_limited(1), "chat.postMessage")
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    started = time.monotonic()

    await client.chat_postMessage(channel=CHANNEL, text="x")

    assert time.monotonic() - started >= 1
    assert [call["status"] for call in slack.workspace.calls("chat.postMessage")] == [429, 200]


@pytest.mark.parametrize(("fault", "posted"), [(Fault.dropped_before(), 0), (Fault.dropped_after(), 1)])
async def test_a_dropped_call_may_have_had_its_effect(slack: SandboxSlack, fault: Fault, posted: int) -> None:
    """Both look the same to the client: only a look tells whether the message is there."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
    slack.workspace.faults = once(fault, "chat.postMessage")

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.chat_postMessage(channel=CHANNEL, text="x")

    assert len(slack.workspace.messages) == posted


async def test_a_server_error_is_no_answer(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A 500 may come with the effect done."""
    slack.workspace.faults = once(Fault.server_error(effect=True), "chat.postMessage")

    answer = await refused(client.chat_postMessage(channel=CHANNEL, text="x"))

    assert answer["error"] == "internal_error"
    assert len(slack.workspace.messages) == 1


async def test_a_slow_call_runs_into_the_clients_time_limit(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """What comes too late is a time-out for the client."""
    slack.workspace.faults = once(Fault.slow(5), "auth.test")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.auth_test()


async def test_a_fault_can_look_at_the_arguments(slack: SandboxSlack, client: AsyncWebClient) -> None:
    """A hook decides for each call; the token is not among what it sees, nor in the log."""

    def only_bob(method: str, args: Mapping[str, Any]) -> Fault | None:
        return Fault.refused("fatal_error") if method == "users.info" and args["user"] == "U0BOB" else None

    slack.workspace.faults = only_bob

    assert (await refused(client.users_info(user="U0BOB")))["error"] == "fatal_error"
    assert (await client.users_info(user="U0CAROL"))["ok"]
    assert slack.bot_token not in str(slack.workspace.happenings)


# -- who may ask -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["sandbox/state", "", "api/api.test"])
async def test_other_sites_get_nothing(slack: SandboxSlack, headers: dict[str, str], path: str) -> None:
    """A page of another site, or a name rebound to this address, can't act through a browser."""
    async with aiohttp.ClientSession() as session, session.get(slack.page_url + path, headers=headers) as answer:
        assert answer.status == 403


async def test_the_page_loads_nothing_from_elsewhere(slack: SandboxSlack) -> None:
    """Its policy forbids it, and nothing in it asks for it."""
    async with aiohttp.ClientSession() as session, session.get(slack.page_url) as answer:
        page = await answer.text()

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "innerHTML =" not in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["/page/app.css", "/page/app.js"]
