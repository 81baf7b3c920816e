"""What it means when Slack refuses a call: whether to try again, elsewhere, in other words, or to look first. Pure."""

from enum import Enum

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

CALL_FAILED = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""Whatever a call raises that Slack refused, or didn't answer."""

NO_ANSWER = (*CALL_FAILED, OSError)
"""The same, and what did not reach it."""


class Trouble(Enum):
    """What a refusal means for the message."""

    PLACE = "it can't be done there"
    CONTENT = "Slack does not take it"
    UNCLEAR = "it may have been done"
    WAIT = "it was not done; a later try may succeed"


_PLACE = """
    channel_not_found is_archived not_in_channel thread_not_found message_not_found cant_update_message
    edit_window_closed posting_to_channel_denied channel_is_limited_access restricted_action
    restricted_action_read_only_channel restricted_action_thread_only_channel restricted_action_thread_locked
    restricted_action_non_threadable_channel user_disabled user_not_found users_not_found cannot_dm_bot
    messages_tab_disabled team_not_found
"""
_WAIT = """
    ratelimited rate_limited invalid_auth not_authed account_inactive token_revoked token_expired missing_scope
    access_denied ekm_access_denied accesslimited org_login_required team_added_to_org two_factor_setup_required
"""
_UNCLEAR = "internal_error fatal_error service_unavailable request_timeout"

TROUBLE = {
    **dict.fromkeys(_PLACE.split(), Trouble.PLACE),
    **dict.fromkeys(_WAIT.split(), Trouble.WAIT),
    **dict.fromkeys(_UNCLEAR.split(), Trouble.UNCLEAR),
}
"""Slack's codes. One that nobody knows is taken for the content's fault."""

TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500


class Impossible(Exception):  # noqa: N818 - it says what it is
    """Trying again will not help, or not soon."""

    def __init__(self, trouble: Trouble, code: str) -> None:
        super().__init__(f"{code}: {trouble.value}")
        self.trouble = trouble

    @property
    def may_heal(self) -> bool:
        """True if it was given up only for now."""
        return self.trouble in {Trouble.WAIT, Trouble.UNCLEAR}


def code_of(error: SlackApiError) -> str:
    """Slack's code for what went wrong; empty if its answer has none."""
    data = getattr(error.response, "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def judge(error: SlackApiError) -> tuple[Trouble, str]:
    """What a refusal means, and what to call it in the log."""
    status = getattr(error.response, "status_code", getattr(error.response, "status", 0))
    code = code_of(error)
    if status == TOO_MANY_REQUESTS:
        return Trouble.WAIT, code or "ratelimited"
    if code in TROUBLE:
        return TROUBLE[code], code
    if not code or status >= SERVER_ERROR:
        return Trouble.UNCLEAR, code or f"HTTP {status}"
    return Trouble.CONTENT, code


def retry_after(error: SlackApiError) -> float:
    """How many seconds Slack wants to be left alone."""
    headers = getattr(error.response, "headers", None) or {}
    try:
        return float(headers.get("Retry-After", 0))
    except ValueError:
        return 0.0
