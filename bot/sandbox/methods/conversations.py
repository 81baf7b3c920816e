"""conversations.* and reactions.*: who is in a channel, and what was said there."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import Channel, Json, Message, SlackError


def info(call: Call) -> Json:
    channel = call.workspace.channel(call.need("channel"))
    return {"channel": channel.to_slack(call.workspace.app.bot_user)}


def list_(call: Call) -> Json:
    asked = set((call.text("types") or "public_channel").split(","))
    kinds = {"channels": "public_channel", "groups": "private_channel", "im": "im"}
    bot = call.workspace.app.bot_user
    shown = [c for c in call.workspace.channels.values() if kinds[c.kind] in asked]
    shown = [c for c in shown if (c.kind == "channels" or bot in c.members)]
    shown = [c for c in shown if not (c.is_archived and call.flag("exclude_archived"))]
    return call.page([c.to_slack(bot) for c in shown], "channels", call.number("limit", 100))


def members(call: Call) -> Json:
    channel = call.workspace.channel(call.need("channel"))
    return call.page(channel.members, "members", call.number("limit", 100))


def open_(call: Call) -> Json:
    """Direct messages with one person only; group messages are not part of the sandbox."""
    users = call.need("users").split(",")
    if len(users) > 1:
        raise SlackError("too_many_users")
    known = f"D{users[0][1:]}" in call.workspace.channels
    channel = call.workspace.open_direct(users[0])
    again = {"no_op": True, "already_open": True} if known else {}
    return {**again, "channel": {"id": channel.id}}


def join(call: Call) -> Json:
    channel = call.workspace.channel(call.need("channel"))
    if channel.is_archived:
        raise SlackError("is_archived")
    if channel.kind != "channels":
        raise SlackError("method_not_supported_for_channel_type")
    bot = call.workspace.app.bot_user
    if bot not in channel.members:
        call.workspace.change_channel(channel.id, members=(*channel.members, bot))
        call.workspace.happen("channel_joined", channel=channel.id, user=bot)
    return {"channel": call.workspace.channel(channel.id).to_slack(bot)}


def history(call: Call) -> Json:
    """Newest first, without the replies in threads."""
    channel = readable(call)
    found = within(call, call.workspace.history(channel.id))
    return shown(call, found[::-1], 100)


def replies(call: Call) -> Json:
    """The parent first, then the replies, oldest first."""
    channel = readable(call)
    thread = call.workspace.thread(channel.id, call.need("ts"))
    if not thread:
        raise SlackError("thread_not_found")
    return shown(call, [thread[0], *within(call, thread[1:])], 1000)


def add_reaction(call: Call) -> Json:
    channel = call.workspace.joined(call.workspace.channel(call.need("channel")))
    message = call.workspace.message(channel.id, call.need("timestamp"))
    name = call.need("name").strip(":")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise SlackError("invalid_name")
    call.workspace.react(message, call.workspace.app.bot_user, name)
    return {}


def readable(call: Call) -> Channel:
    channel = call.workspace.channel(call.need("channel"))
    if call.workspace.app.bot_user not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def within(call: Call, messages: Sequence[Message]) -> list[Message]:
    """Those between `oldest` and `latest`; the ends count with `inclusive`."""
    oldest, latest = moment(call, "oldest", "0"), moment(call, "latest", "Infinity")
    inclusive = call.flag("inclusive")
    return [m for m in messages if oldest < Decimal(m.ts) < latest or (inclusive and Decimal(m.ts) in {oldest, latest})]


def moment(call: Call, name: str, otherwise: str) -> Decimal:
    try:
        return Decimal(call.text(name) or otherwise)
    except InvalidOperation as error:
        raise SlackError(f"invalid_ts_{name}") from error


def shown(call: Call, messages: Sequence[Message], usual: int) -> Json:
    full = call.flag("include_all_metadata")
    listed = [call.workspace.to_slack(message, full=full) for message in messages]
    page = call.page(listed, "messages", call.number("limit", usual))
    return page | {"has_more": bool(page["response_metadata"]["next_cursor"]), "pin_count": 0}
