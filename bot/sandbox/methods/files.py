"""files.*: two of the three steps of an upload, as files_upload_v2 takes them; the bytes go to the upload address."""

import secrets

from bot.sandbox.methods.call import Call
from bot.sandbox.methods.chat import parent, writable
from bot.sandbox.nouns import File, Json, SlackError, Version


def get_upload_url(call: Call) -> Json:
    name = call.need("filename")
    length = call.need("length")
    if not length.isdecimal() or int(length) < 1:
        raise SlackError("invalid_arguments", "[ERROR] length must be more than 0")
    file = File(id=f"F0{secrets.token_hex(5).upper()}", name=name, length=int(length))
    call.workspace.files[file.id] = file
    return {"file_id": file.id, "upload_url": f"{call.origin}/upload/v1/{file.id}"}


def complete_upload(call: Call) -> Json:
    wanted = call.parsed("files")
    if not wanted or not isinstance(wanted, list):
        raise SlackError("invalid_arguments", "[ERROR] missing required field: files")
    files = [_uploaded(call, item) for item in wanted]
    share(call, files)
    for file in files:
        call.workspace.files[file.id] = file.model_copy(update={"shared": True})
    return {"files": [{"id": file.id, "title": file.title, "name": file.name} for file in files]}


def delete(call: Call) -> Json:
    """What it was shared with is gone too."""
    file = call.workspace.files.pop(call.need("file"), None)
    if file is None:
        raise SlackError("file_not_found")
    for message in [m for m in call.workspace.messages.values() if file.id in m.files]:
        call.workspace.delete(message)
    return {}


def share(call: Call, files: list[File]) -> None:
    """Posts the files into the channels that were named; into none, they stay private to the app."""
    named = [call.text("channel_id"), *call.text("channels").split(",")]
    for channel_id in dict.fromkeys(name for name in named if name):
        channel = writable(call, call.workspace.channel(channel_id))
        thread_ts = parent(call, channel)
        call.workspace.files |= {file.id: file for file in files}
        content = Version(at="", text=call.text("initial_comment"))
        shared = tuple(file.id for file in files)
        call.workspace.post(channel.id, call.workspace.app.bot_user, content, thread_ts=thread_ts, files=shared)
        call.workspace.happen("file_shared", channel=channel.id, thread_ts=thread_ts, files=list(shared))


def _uploaded(call: Call, item: Json) -> File:
    file = call.workspace.files.get(item.get("id", ""))
    if file is None or file.content is None or file.shared:
        raise SlackError("file_not_found")
    return file.model_copy(update={"title": item.get("title") or file.name})
