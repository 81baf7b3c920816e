"""The start: what is wrong with a token, a scope or an address is said in one line."""

import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from bot.slack.connect import Slack, connect
from bot.slack.tokens import SCOPES
from tests.slack_bot import sandbox_slack, start

MANIFEST = Path(__file__).parent.parent / "app_manifest.yml"


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxSlack]:
    async with sandbox_slack() as running:
        yield running


async def joined(sandbox: SandboxSlack, **changes: str) -> Slack:
    known = {"bot_token": sandbox.bot_token, "app_token": sandbox.app_token, "api_url": sandbox.api_url} | changes
    return await connect(bot_token=known["bot_token"], app_token=known["app_token"], api_url=known["api_url"])


async def test_the_right_tokens_connect(sandbox: SandboxSlack) -> None:
    """Team and user are Slack's."""
    slack = await joined(sandbox)
    assert (slack.team, slack.user) == ("T0SANDBOX", "U0KICKBOT")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"bot_token": "xoxb-wrong"}, "SLACK_BOT_TOKEN: Slack says invalid_auth"),
        ({"bot_token": ""}, "SLACK_BOT_TOKEN: Slack says not_authed"),
        ({"app_token": "xapp-wrong"}, "SLACK_APP_TOKEN: Slack says invalid_auth"),
    ],
)
async def test_what_is_wrong_is_said_in_one_line(sandbox: SandboxSlack, changes: dict[str, str], line: str) -> None:
    """The line names the variable, and never shows a token."""
    said = await complaint(sandbox, **changes)
    assert line in said
    assert "wrong" not in said


async def test_a_slack_that_is_not_there_is_said_in_one_line(sandbox: SandboxSlack) -> None:
    """A port on which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        said = await complaint(sandbox, api_url=f"http://127.0.0.1:{closed.getsockname()[1]}/api/")
    assert "Slack can't be reached" in said
    assert "wrong" not in said


async def complaint(sandbox: SandboxSlack, **changes: str) -> str:
    """Why the start stopped, in one line."""
    with pytest.raises(SettingsError) as stopped:
        await joined(sandbox, **changes)
    said = str(stopped.value)
    assert "\n" not in said
    return said


async def test_tokens_in_each_others_place_are_noticed(sandbox: SandboxSlack) -> None:
    """The commonest mistake of all."""
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN: Slack says not_allowed_token_type"):
        await joined(sandbox, bot_token=sandbox.app_token, app_token=sandbox.bot_token)


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_a_missing_scope_stops_the_start(sandbox: SandboxSlack, scope: str) -> None:
    """Not the first request that needs it, in the middle of an incident."""
    sandbox.workspace.change_app(scopes=SCOPES - {scope})
    with pytest.raises(SettingsError, match=f"lacks the scopes {scope}: add them"):
        await joined(sandbox)


async def test_an_app_token_without_its_scope_stops_the_start(sandbox: SandboxSlack) -> None:
    """Socket Mode would retry it for ever."""
    sandbox.workspace.change_app(app_scopes=frozenset())
    with pytest.raises(SettingsError, match="SLACK_APP_TOKEN: Slack says missing_scope"):
        await joined(sandbox)


async def test_an_answer_that_is_not_slacks_stops_the_start(sandbox: SandboxSlack) -> None:
    """A proxy's login page, for example."""
    sandbox.workspace.faults = lambda _method, _args: Fault(body="<html>log in</html>")
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN: Slack says an answer that is not Slack's"):
        await joined(sandbox)


async def test_variables_that_bolt_reads_by_itself_change_nothing(
    sandbox: SandboxSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither OAuth nor another token comes in through the environment."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"):
        monkeypatch.setenv(name, "from the environment")
    async with start(sandbox, tmp_path) as bot:
        await sandbox.as_("alice").command("incidents", "/sessions", "host1")
        await sandbox.as_("bob").sees("host1: 3 sessions")
        assert bot.slack.app.oauth_flow is None
    assert not [r for r in caplog.records if r.name.startswith("slack_bolt") and r.levelname != "INFO"]


async def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    sandbox: SandboxSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """slack_sdk would ask it, so the demo would not start behind a company's proxy."""
    for name in ("HTTPS_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await joined(sandbox)


def test_the_manifest_asks_for_exactly_the_scopes_of_the_code() -> None:
    """Neither more nor less."""
    scopes = MANIFEST.read_text().split("  scopes:")[1].split("settings:")[0]
    assert set(re.findall(r"^ +- ([a-z_:.]+)", scopes, re.MULTILINE)) == SCOPES
