"""response_url: the address in a command's or a click's payload, good for five answers within thirty minutes."""

import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox import limits
from bot.sandbox.elements import identified
from bot.sandbox.nouns import TEAM, Ephemeral, Json, Message, SlackError, Version
from bot.sandbox.web_api import WebApi, body_json
from bot.sandbox.workspace import Workspace

USES = 5
SPAN = 30 * 60


@dataclass
class ResponseUrl:
    """`origin`: the message or ephemeral that was clicked; None for a command."""

    person: str
    channel: str
    at: float
    origin: Message | Ephemeral | None = None
    uses: int = 0


class ResponseUrls:
    def __init__(self, workspace: Workspace, web_api: WebApi) -> None:
        self.workspace = workspace
        self.web_api = web_api
        self._urls: dict[str, ResponseUrl] = {}

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post(f"/actions/{TEAM}/{{secret}}", self.handle)]

    def new(self, server: str, person: str, channel: str, origin: Message | Ephemeral | None = None) -> str:
        secret = secrets.token_urlsafe(24)
        self._urls[secret] = ResponseUrl(person, channel, self.workspace.clock(), origin)
        return f"{server}/actions/{TEAM}/{secret}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await body_json(request)
        secret = request.match_info["secret"]
        return await self.web_api.with_faults(request, "response_url", body or {}, lambda: self.answer(secret, body))

    def answer(self, secret: str, body: Any) -> web.Response:
        try:
            self.respond(self._usable(secret), body)
        except SlackError as error:
            self.web_api.record("response_url", body or {}, error.to_slack(), 404)
            return web.json_response(error.to_slack(), status=404)
        self.web_api.record("response_url", body, {"ok": True}, 200)
        return web.Response(text="ok")

    def _usable(self, secret: str) -> ResponseUrl:
        url = self._urls.get(secret)
        if url is None or self.workspace.clock() - url.at > SPAN:
            raise SlackError("expired_url")
        if url.uses >= USES:
            raise SlackError("used_url")
        url.uses += 1
        return url

    def respond(self, url: ResponseUrl, body: Any) -> None:
        """Replaces or deletes what was clicked, or says something new: to the person alone, or in the channel."""
        if not isinstance(body, dict):
            raise SlackError("invalid_payload")
        if body.get("delete_original"):
            return self._delete(url.origin)
        content = _version(body)
        if body.get("replace_original") and url.origin:
            return self._replace(url.origin, content)
        return self.say(url.person, url.channel, content, body)

    def say(self, person: str, channel: str, content: Version, body: Json) -> None:
        thread_ts = body.get("thread_ts")
        if body.get("response_type") == "in_channel":
            self.workspace.post(channel, self.workspace.app.bot_user, content, thread_ts=thread_ts)
        else:
            ephemeral = Ephemeral(channel=channel, ts=self.workspace.tick(), reader=person, thread_ts=thread_ts)
            self.workspace.show(ephemeral.model_copy(update={"text": content.text, "blocks": content.blocks}))

    def _replace(self, origin: Message | Ephemeral, content: Version) -> None:
        if isinstance(origin, Ephemeral):
            changed = origin.model_copy(update={"text": content.text, "blocks": content.blocks})
            self.workspace.show(changed, "ephemeral_replaced")
        else:
            self.workspace.edit(self.workspace.message(origin.channel, origin.ts), content)

    def _delete(self, origin: Message | Ephemeral | None) -> None:
        if isinstance(origin, Ephemeral):
            self.workspace.hide(origin)
        elif origin:
            self.workspace.delete(self.workspace.message(origin.channel, origin.ts))

    def acknowledged(self, person: str, channel: str, response: Json) -> None:
        """A slash command may be answered in the acknowledgement itself."""
        if response.get("text") or response.get("blocks"):
            self.say(person, channel, _version(response), response)


def _version(body: Json) -> Version:
    text, blocks, attachments = body.get("text") or "", body.get("blocks") or [], body.get("attachments") or []
    limits.check_message(text, blocks, attachments, bounded=False)
    return Version(at="", text=text, blocks=identified(blocks), attachments=attachments)
