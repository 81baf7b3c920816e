"""chat.*: posts, edits, deletes and links messages, within `limits`."""

from typing import Any

from bot.sandbox import limits
from bot.sandbox.elements import identified
from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import Channel, Ephemeral, Json, Message, SlackError, Version


def post_message(call: Call) -> Json:
    channel = writable(call, call.workspace.conversation(call.need("channel")))
    content = version(call)
    thread_ts = parent(call, channel)
    broadcast = bool(thread_ts) and call.flag("reply_broadcast")
    message = call.workspace.post(
        channel.id, call.workspace.app.bot_user, content, thread_ts=thread_ts, broadcast=broadcast
    )
    shown = call.workspace.to_slack(message, full=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def post_ephemeral(call: Call) -> Json:
    channel = writable(call, call.workspace.conversation(call.need("channel")))
    reader = call.need("user")
    if call.workspace.person(reader).deleted or reader not in channel.members:
        raise SlackError("user_not_in_channel")
    content = version(call)
    ephemeral = Ephemeral(
        channel=channel.id,
        ts=call.workspace.tick(),
        reader=reader,
        text=content.text,
        blocks=content.blocks,
        thread_ts=parent(call, channel),
    )
    return {"message_ts": call.workspace.show(ephemeral).ts}


def update(call: Call) -> Json:
    """What is not given stays as it was; an empty list takes blocks away, an empty object the metadata, as in Slack."""
    message = own_message(call, "ts", "cant_update_message")
    writable(call, call.workspace.channel(message.channel))
    changed = call.workspace.edit(message, version(call, message.current))
    shown = call.workspace.to_slack(changed, full=True)
    return {"channel": message.channel, "ts": message.ts, "text": changed.text, "message": shown}


def delete(call: Call) -> Json:
    message = own_message(call, "ts", "cant_delete_message")
    call.workspace.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    """The link leads to the sandbox's own page."""
    channel = call.workspace.channel(call.need("channel"))
    message = call.workspace.message(channel.id, call.need("message_ts"))
    thread = f"?thread_ts={message.thread_ts}&cid={channel.id}" if message.thread_ts else ""
    link = f"{call.origin}/archives/{channel.id}/p{message.ts.replace('.', '')}{thread}"
    return {"channel": channel.id, "permalink": link}


def writable(call: Call, channel: Channel) -> Channel:
    """A public channel takes posts from outside only with chat:write.public."""
    public = not channel.is_private and not channel.is_archived and "chat:write.public" in call.workspace.app.scopes
    return channel if public else call.workspace.joined(channel)


def own_message(call: Call, name: str, refusal: str) -> Message:
    channel = call.workspace.channel(call.need("channel"))
    message = call.workspace.message(channel.id, call.need(name))
    if message.author != call.workspace.app.bot_user:
        raise SlackError(refusal)
    return message


def parent(call: Call, channel: Channel) -> str | None:
    """The ts of the thread's first message, also if a reply was named."""
    if not (ts := call.text("thread_ts")):
        return None
    message = call.workspace.messages.get((channel.id, ts))
    if message is None:
        raise SlackError("thread_not_found")
    return message.thread_ts or message.ts


def version(call: Call, before: Version | None = None) -> Version:
    """The content of the message that is asked for, checked against Slack's limits."""
    before = before or Version(at="")
    blocks = _given(call, "blocks", before.blocks, "invalid_blocks_format")
    attachments = _given(call, "attachments", before.attachments, "invalid_attachments")
    text = call.text("text") or call.text("markdown_text")
    limits.check_message(text, blocks, attachments)
    metadata = call.parsed("metadata", "invalid_metadata_format")
    if metadata:
        limits.check_metadata(metadata)
    kept = before.metadata if metadata is None else metadata or None
    return Version(at="", text=text, blocks=identified(blocks), attachments=attachments, metadata=kept)


def _given(call: Call, name: str, before: tuple[Json, ...], code: str) -> Any:
    given = call.parsed(name, code)
    return before if given is None else given
