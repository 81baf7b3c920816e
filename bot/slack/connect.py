"""Connects to Slack: checks the tokens and the scopes, makes the bolt app, and says which way Slack reaches it.

A start that can't succeed ends in one line that says what to fix. It takes no setting from the environment.
"""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import SettingsError
from bot.slack.http_mode import HttpMode
from bot.slack.socket_mode import Heartbeat, SocketMode
from bot.slack.trouble import NO_ANSWER, code_of

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "usergroups:read",
        "users:read",
    }
)
"""The bot scopes that the code uses; the same as in app_manifest.yml."""

TIME_LIMIT = 15
RETRIES = 3

# slack_bolt reads these by itself: the first two would switch OAuth on, the third would be taken for ours, and
# with the last one it refuses Slack's own ssl_check.
_UNWANTED = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN", "SLACK_VERIFICATION_TOKEN")
_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")


class Slack:
    """A checked workspace. app: for the listeners. posts: for the publisher, it never repeats a call by itself.

    way: how Slack reaches the bot, and how long it was silent. team, user: the ids of the workspace and of the bot.
    """

    def __init__(
        self,
        app: AsyncApp,
        way: SocketMode | HttpMode,
        reads: AsyncWebClient,
        posts: AsyncWebClient,
        who: dict[str, str],
    ) -> None:
        self.app = app
        self.way = way
        self.reads = reads
        self.posts = posts
        self.team = who["team_id"]
        self.user = who["user_id"]

    def listening(self) -> AbstractAsyncContextManager[None]:
        """Commands and clicks arrive while the block runs."""
        return self.way.listening(self.app)


async def connect(
    *,
    bot_token: str,
    api_url: str,
    app_token: str = "",
    http: HttpMode | None = None,
    heartbeat: Heartbeat = Heartbeat(),  # noqa: B008 - frozen
) -> Slack:
    """A workspace in which everything that Kickbot needs is there. Raises SettingsError, naming what isn't.

    http: HTTP mode, and no app_token is needed; without it, Socket Mode.
    """
    _stay_on_this_machine(api_url)
    posts = _client(bot_token, api_url)
    reads = _client(bot_token, api_url, repeat=True)
    who = await _check_bot_token(reads)
    if http is None:
        await _check_app_token(reads, app_token)
    app = _app(bot_token, api_url, who, http.signing_secret if http else "")
    return Slack(app, http or SocketMode(app_token, heartbeat), reads, posts, who)


async def connect_reading(bot_token: str, api_url: str) -> tuple[AsyncWebClient, str]:
    """For someone who only reads messages: a client, and the bot's own user id. Raises SettingsError."""
    _stay_on_this_machine(api_url)
    client = _client(bot_token, api_url, repeat=True)
    return client, (await _check_bot_token(client))["user_id"]


def _stay_on_this_machine(api_url: str) -> None:
    """slack_sdk would send even this through a proxy that the environment names, and it knows no NO_PROXY."""
    if urlsplit(api_url).hostname in {"127.0.0.1", "::1", "localhost"}:
        for name in _PROXIES:
            os.environ.pop(name, None)


def _client(token: str | None, api_url: str, *, repeat: bool = False) -> AsyncWebClient:
    """repeat: calls that only read may be made again after a lost answer; one that posts would then post twice."""
    handlers: list[Any] = [AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES)]
    if repeat:
        handlers += [AsyncServerErrorRetryHandler(), AsyncConnectionErrorRetryHandler()]
    return AsyncWebClient(token=token, base_url=api_url, timeout=TIME_LIMIT, retry_handlers=handlers)


def _app(bot_token: str, api_url: str, who: dict[str, str], signing_secret: str) -> AsyncApp:
    """The bolt app. It authorizes by what was checked at the start, so no call comes before an acknowledgement."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=who["team_id"],
            bot_user_id=who["user_id"],
            bot_id=who["bot_id"],
            bot_token=bot_token,
        )

    with _without(_UNWANTED):
        return AsyncApp(
            name="kickbot",
            client=_client(None, api_url, repeat=True),
            authorize=authorize,
            signing_secret=signing_secret,
            request_verification_enabled=bool(signing_secret),  # in Socket Mode the connection itself is authenticated
        )


@contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


# -------------------------------------------------------------------------------------------- checks


async def _check_bot_token(client: AsyncWebClient) -> dict[str, str]:
    """The ids of the team, the bot's user and the bot."""
    answer = await _asked("SLACK_BOT_TOKEN", "the bot user token, xoxb-…", client.auth_test)
    missing = SCOPES - _granted(answer)
    if missing:
        named = ", ".join(sorted(missing))
        raise SettingsError(f"SLACK_BOT_TOKEN lacks the scopes {named}: add them to the Slack app and reinstall it")
    if not answer.get("bot_id"):
        raise SettingsError("SLACK_BOT_TOKEN is not a bot's token: take the bot user token (xoxb-…)")
    return {key: str(answer.get(key) or "") for key in ("team_id", "user_id", "bot_id")}


def _granted(answer: AsyncSlackResponse) -> frozenset[str]:
    """The token's scopes. Slack always says; a stand-in that doesn't is believed to have granted all."""
    headers = {name.lower(): value for name, value in dict(answer.headers).items()}
    said = headers.get("x-oauth-scopes")
    return SCOPES if said is None else frozenset(scope.strip() for scope in said.split(","))


async def _check_app_token(client: AsyncWebClient, app_token: str) -> None:
    """Opens an address for Socket Mode and leaves it unused: connecting itself would retry a wrong token for ever."""

    async def open_connection() -> AsyncSlackResponse:
        return await client.apps_connections_open(app_token=app_token)

    await _asked("SLACK_APP_TOKEN", "an app-level token with connections:write, xapp-…", open_connection)


async def _asked(variable: str, expected: str, ask: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    try:
        return await ask()
    except SlackApiError as error:
        code = code_of(error) or "an answer that is not Slack's"
        raise SettingsError(f"{variable}: Slack says {code}. It must be {expected}") from error
    except NO_ANSWER as error:
        raise SettingsError(f"Slack can't be reached ({error}): check the network and SLACK_API_URL") from error
