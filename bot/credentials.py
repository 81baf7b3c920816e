"""Tokens and keys of others, from the environment or from files that it names: never from kickbot.toml."""

import re
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot import secret_files
from bot.errors import SettingsError

SLACK_API_URL = "https://slack.com/api/"
_BOT_TOKEN = "xoxb-.*"  # noqa: S105 - its shape


class Secrets(BaseSettings):
    """What comes from the environment, or from files that it names.

    Read by what talks to Slack: `run`, `check`, `policy`, `audit verify`.
    """

    model_config = SettingsConfigDict(env_prefix="", extra="ignore")

    slack_bot_token: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")
    slack_signing_secret: SecretStr = SecretStr("")
    slack_api_url: str = SLACK_API_URL
    aws_access_key_id: str = ""
    aws_secret_access_key: SecretStr = SecretStr("")
    aws_session_token: SecretStr = SecretStr("")
    aws_region: str = ""
    aws_default_region: str = ""
    audit_push_authorization: SecretStr = SecretStr("")


def secrets(mode: Literal["socket", "http"] = "socket") -> Secrets:
    """Raises SettingsError for the first secret that is missing. mode: each way to Slack needs another second one."""
    found = reading_secrets()
    demand_second(found, mode)
    return found


def secrets_as_they_are() -> Secrets:
    """From wherever they come; empty where nobody gives one. Raises SettingsError for a file that can't be used."""
    names = [name for name in Secrets.model_fields if name != "slack_api_url"]
    in_files = {name: SecretStr(text) for name in names if (text := secret_files.read(name.upper()))}
    return Secrets().model_copy(update=in_files)


def reading_secrets() -> Secrets:
    """For someone who only reads from Slack. Raises SettingsError."""
    found = secrets_as_they_are()
    _demand("SLACK_BOT_TOKEN", found.slack_bot_token, _BOT_TOKEN, "the token that starts with xoxb-")
    return found


def demand_second(found: Secrets, mode: Literal["socket", "http"]) -> None:
    """Raises SettingsError unless that is there which lets Slack reach the bot."""
    if mode == "socket":
        _demand("SLACK_APP_TOKEN", found.slack_app_token, r"xapp-.*", "the token that starts with xapp-")
    else:
        what = "the Signing Secret of the Slack app's Basic Information"
        _demand("SLACK_SIGNING_SECRET", found.slack_signing_secret, r"[0-9A-Za-z]{16,}", what)


def _demand(name: str, secret: SecretStr, shape: str, what: str) -> None:
    value = secret.get_secret_value()
    if not re.fullmatch(shape, value, re.DOTALL):
        state = "has the wrong form" if value else "is not set"
        raise SettingsError(f"{name} {state}: put {what} into the environment, or into a file that {name}_FILE names")
