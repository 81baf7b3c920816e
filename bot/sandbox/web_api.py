"""Slack's Web API under /api/: reads a call, checks token and scope, lets faults happen, answers as Slack does.

It decides nothing about content: the methods do, within `limits`.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from bot.sandbox.methods import chat, conversations, files, people, views
from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import Fault, Json, SlackError
from bot.sandbox.workspace import Workspace


@dataclass(frozen=True)
class Method:
    """`scope`: what the caller's token needs; {kind} is channels, groups or im, by the channel that is named."""

    answer: Callable[[Call], Json]
    scope: str | None = None
    caller: Literal["bot", "app", "anyone"] = "bot"


METHODS: Mapping[str, Method] = {
    "api.test": Method(people.api_test, caller="anyone"),
    "apps.connections.open": Method(people.open_connection, "connections:write", caller="app"),
    "auth.test": Method(people.auth_test),
    "bots.info": Method(people.bot_info, "users:read"),
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.history, "{kind}:history"),
    "conversations.info": Method(conversations.info, "{kind}:read"),
    "conversations.join": Method(conversations.join, "channels:join"),
    "conversations.list": Method(conversations.list_, "channels:read"),
    "conversations.members": Method(conversations.members, "{kind}:read"),
    "conversations.open": Method(conversations.open_, "im:write"),
    "conversations.replies": Method(conversations.replies, "{kind}:history"),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "files.delete": Method(files.delete, "files:write"),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
    "reactions.add": Method(conversations.add_reaction, "reactions:write"),
    "team.info": Method(people.team_info, "team:read"),
    "usergroups.list": Method(people.groups, "usergroups:read"),
    "usergroups.users.list": Method(people.group_members, "usergroups:read"),
    "users.info": Method(people.info, "users:read"),
    "users.list": Method(people.list_, "users:read"),
    "views.open": Method(views.open_),
    "views.publish": Method(views.publish),
    "views.push": Method(views.push),
    "views.update": Method(views.update),
}


class WebApi:
    def __init__(self, workspace: Workspace, new_socket_url: Callable[[str], str]) -> None:
        self.workspace = workspace
        self.new_socket_url = new_socket_url

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.route("*", "/api/{method}", self.handle),
            web.post("/upload/v1/{file}", self.upload),
        ]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        token, args = await arguments(request)
        return await self.with_faults(request, name, args, lambda: self.answer(request, name, token, args))

    async def with_faults(
        self, request: web.Request, name: str, args: Mapping[str, Any], carry_out: Callable[[], web.Response]
    ) -> web.Response:
        """Carries the call out, unless the tests' fault for it says otherwise."""
        fault = self.workspace.faults(name, args)
        if fault is None:
            return carry_out()
        await asyncio.sleep(fault.delay)
        response = carry_out() if fault.effect else None
        if not fault.effect:
            self.record(name, args, {"ok": False, "error": "fault"}, 0 if fault.drop else fault.status)
        if fault.drop and request.transport:
            request.transport.abort()
        return faulty(fault) if response is None or fault.body is not None else response

    def answer(self, request: web.Request, name: str, token: str, args: Mapping[str, Any]) -> web.Response:
        origin = f"http://{request.host}"
        call = Call(self.workspace, args, origin, lambda: self.new_socket_url(origin))
        try:
            body = {"ok": True, **self.allowed(name, token, args).answer(call)}
        except SlackError as error:
            body = error.to_slack() | ({"req_method": name} if error.error == "unknown_method" else {})
        self.record(name, args, body, 200)
        return web.json_response(body, headers=self.scope_headers(token))

    def allowed(self, name: str, token: str, args: Mapping[str, Any]) -> Method:
        """The method, if this token may call it."""
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method")
        if method.caller == "anyone":
            return method
        granted = self.granted(method, token)
        needed = (method.scope or "").format(kind=self.kind(args))
        if needed and needed not in granted:
            raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(granted)))
        return method

    def granted(self, method: Method, token: str) -> frozenset[str]:
        """The scopes of the token, which must be a living one of the kind that the method takes."""
        app = self.workspace.app
        scopes = {app.bot_token: ("bot", app.scopes), app.app_token: ("app", app.app_scopes)}
        if not token:
            raise SlackError("not_authed")
        if token not in scopes:
            raise SlackError("invalid_auth")
        kind, granted = scopes[token]
        if kind != method.caller:
            raise SlackError("not_allowed_token_type")
        return granted

    def kind(self, args: Mapping[str, Any]) -> str:
        channel = self.workspace.channels.get(str(args.get("channel")))
        return channel.kind if channel else "channels"

    def scope_headers(self, token: str) -> dict[str, str]:
        known = token == self.workspace.app.bot_token
        return {"x-oauth-scopes": ",".join(sorted(self.workspace.app.scopes))} if known else {}

    def record(self, name: str, args: Mapping[str, Any], body: Json, status: int) -> None:
        outcome = {"ok": body["ok"], "error": body.get("error"), "status": status}
        self.workspace.happen("api_call", method=name, args=dict(args), **outcome)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The second step of an upload: the bytes as the body, or as a form's first file."""
        content = await uploaded(request)
        args = {"file": request.match_info["file"], "length": len(content)}
        return await self.with_faults(request, "upload", args, lambda: self.receive(str(args["file"]), content))

    def receive(self, file_id: str, content: bytes) -> web.Response:
        file = self.workspace.files.get(file_id)
        if file is None or file.content is not None or file.length != len(content):
            return web.Response(status=400, text="error: the file is unknown, complete, or not of the stated length")
        self.workspace.files[file_id] = file.model_copy(update={"content": content})
        return web.Response(text=f"OK - {len(content)}")


async def arguments(request: web.Request) -> tuple[str, Json]:
    """(token, arguments) from the query, a form or a JSON body; a Bearer header wins over a token argument."""
    args: Json = dict(request.query)
    if request.content_type == "application/json":
        body = await body_json(request)
        args |= body if isinstance(body, dict) else {}
    elif request.can_read_body:
        args |= {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    given = args.pop("token", "")
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or str(given or ""), args


async def body_json(request: web.Request) -> Any:
    try:
        return await request.json()
    except ValueError:
        return None


async def uploaded(request: web.Request) -> bytes:
    if not request.content_type.startswith("multipart/"):
        return await request.read()
    fields = (await request.post()).values()
    return next((field.file.read() for field in fields if isinstance(field, web.FileField)), b"")


def faulty(fault: Fault) -> web.Response:
    text = fault.body if isinstance(fault.body, str) else json.dumps(fault.body or {"ok": False, "error": "fault"})
    return web.Response(status=fault.status, headers=fault.headers, content_type="application/json", text=text)
