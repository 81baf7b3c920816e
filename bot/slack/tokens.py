"""The tokens: whose they are, what they were granted, and what Slack says of those that can't be used.

It never shows one.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import SettingsError
from bot.models import Value
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


class BotToken(Value):
    """team, user: in words. scopes: as granted; None: Slack didn't say. date: Slack's clock, to the second."""

    team_id: str
    user_id: str
    bot_id: str
    team: str = ""
    user: str = ""
    scopes: frozenset[str] | None = None
    date: datetime | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """Slack always says; a stand-in that doesn't is believed to have granted all."""
        return () if self.scopes is None else tuple(sorted(SCOPES - self.scopes))

    @property
    def spare(self) -> tuple[str, ...]:
        """What was granted and nobody needs."""
        return tuple(sorted((self.scopes or frozenset()) - SCOPES))

    def demand(self) -> None:
        """Raises SettingsError unless it is a bot's, with every scope."""
        if self.missing:
            named = ", ".join(self.missing)
            raise SettingsError(f"SLACK_BOT_TOKEN lacks the scopes {named}: add them to the Slack app and reinstall it")
        if not self.bot_id:
            raise SettingsError("SLACK_BOT_TOKEN is not a bot's token: take the bot user token (xoxb-…)")


async def bot(client: AsyncWebClient) -> BotToken:
    """Whose token the client has. Raises SettingsError."""
    answer = await _asked("SLACK_BOT_TOKEN", "the bot user token, xoxb-…", client.auth_test)
    headers = {name.lower(): value for name, value in dict(answer.headers).items()}
    said = headers.get("x-oauth-scopes")
    words = {name: str(answer.get(name) or "") for name in ("team_id", "user_id", "bot_id", "team", "user")}
    scopes = None if said is None else frozenset(scope.strip() for scope in said.split(","))
    return BotToken(**words, scopes=scopes, date=_date(headers.get("date", "")))


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None


async def open_connection(client: AsyncWebClient, app_token: str) -> None:
    """Opens an address for Socket Mode and leaves it unused: connecting itself would retry a wrong token for ever.

    A connection could also be given an envelope that a bot at work would miss. Raises SettingsError.
    """

    async def ask() -> AsyncSlackResponse:
        return await client.apps_connections_open(app_token=app_token)

    await _asked("SLACK_APP_TOKEN", "an app-level token with connections:write, xapp-…", ask)


async def _asked(variable: str, expected: str, ask: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
    try:
        return await ask()
    except SlackApiError as error:
        code = code_of(error) or "an answer that is not Slack's"
        raise SettingsError(f"{variable}: Slack says {code}. It must be {expected}") from error
    except NO_ANSWER as error:
        raise SettingsError(f"Slack can't be reached ({error}): check the network and SLACK_API_URL") from error
