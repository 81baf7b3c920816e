"""Connects to Slack: checks the tokens and the scopes, makes the bolt app, and says which way Slack reaches it.

A start that can't succeed ends in one line that says what to fix. It takes no setting from the environment.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any
from urllib.parse import urlsplit

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack import tokens
from bot.slack.http_mode import HttpMode
from bot.slack.socket_mode import Heartbeat, SocketMode
from bot.slack.tokens import BotToken

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
        who: BotToken,
    ) -> None:
        self.app = app
        self.way = way
        self.reads = reads
        self.posts = posts
        self.team = who.team_id
        self.user = who.user_id

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
    who = await tokens.bot(reads)
    who.demand()
    if http is None:
        await tokens.open_connection(reads, app_token)
    app = _app(bot_token, api_url, who, http.signing_secret if http else "")
    return Slack(app, http or SocketMode(app_token, heartbeat), reads, posts, who)


async def connect_reading(bot_token: str, api_url: str) -> tuple[AsyncWebClient, BotToken]:
    """For someone who only reads: a client, and whose token it is. Raises SettingsError."""
    client = reading_client(bot_token, api_url)
    who = await tokens.bot(client)
    who.demand()
    return client, who


def reading_client(token: str, api_url: str) -> AsyncWebClient:
    """Nothing was asked yet."""
    _stay_on_this_machine(api_url)
    return _client(token, api_url, repeat=True)


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


def _app(bot_token: str, api_url: str, who: BotToken, signing_secret: str) -> AsyncApp:
    """The bolt app. It authorizes by what was checked at the start, so no call comes before an acknowledgement."""

    async def authorize(**_: Any) -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=who.team_id,
            bot_user_id=who.user_id,
            bot_id=who.bot_id,
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
