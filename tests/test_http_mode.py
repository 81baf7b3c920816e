"""The whole bot in HTTP mode. What isn't Slack's, of now and new gets 401 and nothing else happens; refusals first."""

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest
from multidict import CIMultiDict

from bot import web_server
from bot.errors import SettingsError
from bot.models import RequestId
from bot.sandbox import payloads
from bot.sandbox.http_delivery import FORM, encoded, signed
from bot.sandbox.nouns import Json
from bot.sandbox.server import SandboxSlack
from bot.slack import http_mode
from bot.slack.content.tickets import APPROVE
from bot.slack.http_mode import EVENTS, HttpMode, payload
from bot.slack.signatures import WINDOW, Claim
from tests.make import INCIDENT
from tests.scene import until
from tests.slack_bot import Bot, open_port, start

GROUPS = ("S0SRE", "S0LEADS")
KICK = "audituser host1 because INC-42"
Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@pytest.fixture
async def http(sandbox: SandboxSlack) -> AsyncIterator[HttpMode]:
    async with open_port(sandbox) as opened:
        yield opened


@pytest.fixture
async def bot(sandbox: SandboxSlack, http: HttpMode, tmp_path: Path) -> AsyncIterator[Bot]:
    """Ready, and done with its look round Slack."""
    async with start(sandbox, tmp_path, http=http) as running:
        await sandbox.workspace.until(lambda: len(sandbox.workspace.calls("usergroups.users.list")) == len(GROUPS))
        yield running


def kick(sandbox: SandboxSlack) -> bytes:
    """The body of a `/kick` that would be a new request, if it were let in."""
    workspace = sandbox.workspace
    said = payloads.slash_command(workspace, workspace.person("U0ALICE"), workspace.channels[INCIDENT], "/kick", KICK)
    said["response_url"] = sandbox.parts.response_urls.new(sandbox.parts.origin, "U0ALICE", INCIDENT)
    said["trigger_id"] = workspace.new_trigger("U0ALICE")
    return encoded("slash_commands", said)[1]


async def answer(
    sandbox: SandboxSlack, body: bytes, headers: Headers, *, path: str = EVENTS, method: str = "POST"
) -> tuple[int, str]:
    """Status and text. The URL is the app's, whoever sends this."""
    url = sandbox.workspace.app.request_url.replace(EVENTS, path)
    sent = CIMultiDict(headers)
    sent.setdefault("Content-Type", FORM)
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, data=io.BytesIO(body), headers=sent) as said,
    ):
        return said.status, await said.text()


def now() -> int:
    return int(time.time())


# ------------------------------------------------------------------------------------------ 401, and nothing else


def wrong_headers(secret: str, body: bytes) -> dict[str, Headers]:
    """By what is wrong with them."""
    good = signed(secret, now(), body)
    at, signature = good.items()
    return {
        "none": {},
        "only the time": dict([at]),
        "only the signature": dict([signature]),
        "forged": signed("another secret", now(), body),
        "of another body": signed(secret, now(), body + b"x"),
        "of another time": good | {at[0]: str(now() + 1)},
        "late": signed(secret, now() - WINDOW - 2, body),
        "early": signed(secret, now() + WINDOW + 60, body),
        "no number": good | {at[0]: "yesterday"},
        "a number for Python": good | {at[0]: f"+{at[1]}"},
        "not ASCII": good | {at[0]: "१७००"},
        "a signature that is not ASCII": good | {signature[0]: "v0=" + "é" * 64},
        "empty": {at[0]: "", signature[0]: ""},
        "two times": [at, at, signature],
        "two signatures": [at, signature, signature],
        "orders for bolt": {"X-Slack-Bolt-Lazy-Only": "1", "X-Slack-Bolt-Lazy-Function-Name": "listener"},
    }


@pytest.mark.parametrize("wrong", wrong_headers("", b""))
async def test_what_slack_did_not_sign_reaches_nothing(bot: Bot, wrong: str) -> None:
    """401 without a word; no listener runs, nothing is recorded, nobody is told, no host is looked at."""
    body = kick(bot.sandbox)
    before = len(bot.sandbox.workspace.happenings)

    said = await answer(bot.sandbox, body, wrong_headers(bot.sandbox.signing_secret, body)[wrong])
    await asyncio.sleep(0.05)

    assert said == (401, "")
    assert not await bot.trail.read(RequestId(1))
    assert len(bot.sandbox.workspace.happenings) == before


async def test_a_replay_within_the_five_minutes_reaches_nothing(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A captured request, sent again exactly as it was: 401, bolt never sees it, and there is one request."""
    body = kick(bot.sandbox)
    headers = signed(bot.sandbox.signing_secret, now(), body)
    assert (await answer(bot.sandbox, body, headers))[0] == 200
    await bot.sandbox.as_("bob").sees("waiting for approval")
    seen: list[object] = []
    monkeypatch.setattr(bot.slack.app, "async_dispatch", seen.append)

    assert await answer(bot.sandbox, body, headers) == (401, "")
    assert await answer(bot.sandbox, body, headers) == (401, "")

    assert not seen
    assert not await bot.trail.read(RequestId(2))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(FORM, b"ssl_check=1&token=x"), ("application/json", b'{"type":"url_verification","challenge":"c"}')],
)
async def test_slacks_own_questions_are_answered_to_slack_alone(bot: Bot, content_type: str, body: bytes) -> None:
    """Bolt itself would answer ssl_check to everyone."""
    assert await answer(bot.sandbox, body, {"Content-Type": content_type}) == (401, "")
    forged = signed("another secret", now(), body) | {"Content-Type": content_type}
    assert await answer(bot.sandbox, body, forged) == (401, "")


async def test_bolt_checks_the_signature_once_more(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """If our own check were broken, bolt's would still hold."""
    monkeypatch.setattr("bot.slack.signatures.Signatures.verify", lambda *_: None)
    body = kick(bot.sandbox)
    status, _ = await answer(bot.sandbox, body, signed("another secret", now(), body))
    await asyncio.sleep(0.05)

    assert status == 401
    assert not await bot.trail.read(RequestId(1))


async def test_refusals_do_not_fill_the_log(bot: Bot, caplog: pytest.LogCaptureFixture) -> None:
    """One line in a minute says why, without what was sent; a wrong signing secret shows there."""
    for _ in range(20):
        await answer(bot.sandbox, b"text=hunter2", signed("hunter2", now(), b"text=hunter2"))

    lines = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert len(lines) == 1
    assert "is SLACK_SIGNING_SECRET this app's?" in lines[0]
    assert "hunter2" not in caplog.text


# ------------------------------------------------------------------------------------------ other refusals


async def test_too_large(bot: Bot) -> None:
    """413, signed or not, and it isn't kept in memory."""
    body = b"x" * (web_server.LARGEST + 1)
    assert await answer(bot.sandbox, body, signed(bot.sandbox.signing_secret, now(), body)) == (413, "")
    assert await answer(bot.sandbox, body, signed("another secret", now(), body)) == (413, "")
    assert await answer(bot.sandbox, body, {}) == (401, "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", EVENTS, 405),
        ("PUT", EVENTS, 405),
        ("POST", "/healthz", 405),
        ("POST", "/", 404),
        ("POST", "/slack/events/", 404),
        ("GET", "/slack/install", 404),
        ("GET", "/slack/oauth_redirect", 404),
    ],
)
async def test_other_ways_and_methods(bot: Bot, method: str, path: str, status: int) -> None:
    """Even rightly signed."""
    body = kick(bot.sandbox)
    headers = signed(bot.sandbox.signing_secret, now(), body)
    assert await answer(bot.sandbox, body, headers, path=path, method=method) == (status, "")
    assert not await bot.trail.read(RequestId(1))


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"payload=", b"payload={", b"payload=[]", b"\xff\xfe", b"a=%ff", b"{", b"[" * 10**5),
        *(b'payload={"enterprise":1}', b'payload={"authorizations":"x"}', b'payload={"type":"block_actions","user":1}'),
    ],
)
async def test_signed_nonsense(bot: Bot, body: bytes) -> None:
    """Slack sends none; if it does, it is no fault of the server: never 500."""
    headers = signed(bot.sandbox.signing_secret, now(), body)
    for content_type in (FORM, "application/json"):
        status, _ = await answer(bot.sandbox, body, headers | {"Content-Type": content_type})
        assert status in {400, 401, 404}


# ------------------------------------------------------------------------------------------ healthz, start, stop


async def test_healthz_says_ok_and_nothing_else(sandbox: SandboxSlack, http: HttpMode, tmp_path: Path) -> None:
    """503 before the bot listens and after it stopped; requests are not taken then either."""
    body = kick(sandbox)
    headers = signed(sandbox.signing_secret, now(), body)

    assert await answer(sandbox, b"", {}, path="/healthz", method="GET") == (503, "")
    assert await answer(sandbox, body, headers) == (503, "")
    async with start(sandbox, tmp_path, http=http):
        assert await answer(sandbox, b"", {}, path="/healthz", method="GET") == (200, "ok")
    assert await answer(sandbox, b"", {}, path="/healthz", method="GET") == (503, "")
    assert await answer(sandbox, body, headers) == (503, "")


async def test_a_port_that_is_taken_stops_the_start(http: HttpMode) -> None:
    """In one line, which names the key."""
    with pytest.raises(SettingsError, match=r"^slack\.listen: can't listen on 127\.0\.0\.1:\d+: [^\n]*$"):
        async with HttpMode.open("a secret", "127.0.0.1", http.port):
            pass


async def test_who_waits_gets_an_answer_when_the_bot_stops(
    sandbox: SandboxSlack, http: HttpMode, tmp_path: Path
) -> None:
    """A listing that is under way is shown; what comes meanwhile is refused, and /healthz says so."""
    async with start(sandbox, tmp_path, http=http) as bot:
        bot.hosts["host1"].slow = 0.5
        assert (await sandbox.as_("alice").command("incidents", "/sessions", "host1")).ok
        late = asyncio.create_task(_while_stopping(sandbox, http))

    assert await late == [(503, ""), (503, "")]
    assert await sandbox.as_("bob").sees("host1: 3 sessions")


async def _while_stopping(sandbox: SandboxSlack, http: HttpMode) -> list[tuple[int, str]]:
    await until(lambda: http._app is None)
    body = kick(sandbox)
    health = await answer(sandbox, b"", {}, path="/healthz", method="GET")
    return [health, await answer(sandbox, body, signed(sandbox.signing_secret, now(), body))]


async def test_an_acknowledgement_under_way_is_given_when_the_bot_stops(
    sandbox: SandboxSlack, http: HttpMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request came before the stop, so it is taken."""
    async with start(sandbox, tmp_path, http=http):
        sending = asyncio.create_task(sandbox.as_("alice").command("incidents", "/kick", KICK))
        arrived = asyncio.Event()
        verify = http._signatures.verify

        def noticed(claim: Claim, body: bytes) -> None:
            verify(claim, body)
            arrived.set()

        monkeypatch.setattr(http._signatures, "verify", noticed)
        await arrived.wait()

    assert (await sending).ok
    assert await bot_has_asked(tmp_path, sandbox)


async def bot_has_asked(folder: Path, sandbox: SandboxSlack) -> bool:
    """The next start goes on with it."""
    async with start(sandbox, folder) as bot:
        return bool(await bot.trail.read(RequestId(1)))


# ------------------------------------------------------------------------------------------ the main job


async def test_a_kick_from_the_words_to_the_proof(bot: Bot) -> None:
    """Asked, refused to the asker, approved by another, ended, told: every step came as a signed request."""
    alice, carol = bot.sandbox.as_("alice"), bot.sandbox.as_("carol")
    assert (await alice.command("incidents", "/kick", KICK)).ok
    parent = await alice.sees("waiting for approval")
    assert (await alice.click(parent, APPROVE)).ok
    await alice.sees("can't approve")
    assert (await carol.click(parent, APPROVE)).ok
    await alice.sees("audituser is off host1", "incidents")

    assert list(bot.hosts["host1"].sessions) == ["12"]
    assert [d.kind for d in bot.sandbox.http.deliveries] == ["slash_commands", "interactive", "interactive"]
    assert not bot.sandbox.socket.connections
    assert all(d.seconds is not None and d.seconds < 3 for d in bot.sandbox.http.deliveries)


async def test_the_form_of_a_denial(bot: Bot) -> None:
    """A form is opened and sent; the acknowledgement closes it."""
    alice, carol = bot.sandbox.as_("alice"), bot.sandbox.as_("carol")
    await alice.command("incidents", "/kick", KICK)
    await carol.click(await alice.sees("waiting for approval"), "kickbot_deny")
    form = await carol.sees_modal()
    assert (await carol.submit(form, {"reason": "wrong host"})).ok
    await alice.sees("wrong host")
    assert carol.modal is None


async def test_a_reason_with_the_word_payload(bot: Bot) -> None:
    """Bolt's own reader loses such a command: it takes every body with that word in it for a click."""
    alice = bot.sandbox.as_("alice")
    assert (await alice.command("incidents", "/kick", "audituser host1 because payload=1&payload.exe ran")).ok
    await alice.sees("payload=1&amp;payload.exe ran")


async def test_the_same_command_once_more_is_one_request(bot: Bot) -> None:
    """Slack's own repetition is newly signed, so it is no replay; the trail knows it all the same."""
    alice = bot.sandbox.as_("alice")
    outcome = await alice.command("incidents", "/kick", KICK)
    assert outcome.delivery
    again = await bot.sandbox.http.redeliver(outcome.delivery, retry_attempt=1, retry_reason="http_timeout")
    await alice.sees("waiting for approval")
    assert again.acked or again.error == "dispatch_failed"
    assert not await bot.trail.read(RequestId(2))


async def test_ssl_check_and_url_verification(bot: Bot) -> None:
    """Signed, they are answered as Slack expects."""
    secret = bot.sandbox.signing_secret
    check, verification = b"ssl_check=1&token=x", b'{"type":"url_verification","token":"x","challenge":"3eZbrw1a"}'
    as_json = {"Content-Type": "application/json"}

    assert await answer(bot.sandbox, check, signed(secret, now(), check)) == (200, "")
    status, said = await answer(bot.sandbox, verification, signed(secret, now(), verification) | as_json)
    assert (status, json.loads(said)) == (200, {"challenge": "3eZbrw1a"})


@pytest.mark.parametrize("kind", ["event_callback", "block_suggestion", "message_action", "view_closed", "unheard_of"])
async def test_everything_that_slack_sends_comes_to_one_address(bot: Bot, kind: str) -> None:
    """Events as JSON, suggestions and shortcuts as a form: whatever has a listener is acknowledged, and never 500."""
    user = {"id": "U0ALICE", "team_id": "T0SANDBOX"}
    said: Json = {"type": kind, "team": {"id": "T0SANDBOX"}, "user": user, "callback_id": "x", "action_id": "x"}
    said |= {
        "block_id": "b",
        "value": "",
        "event": {"type": "app_home_opened", "user": "U0ALICE"},
        "view": {"callback_id": "x"},
    }
    content_type, body = encoded("events_api" if kind == "event_callback" else "interactive", said)
    headers = signed(bot.sandbox.signing_secret, now(), body) | {"Content-Type": content_type}

    status, _ = await answer(bot.sandbox, body, headers)
    assert status == (404 if kind == "unheard_of" else 200)


async def test_variables_that_bolt_reads_by_itself_change_nothing(
    sandbox: SandboxSlack, http: HttpMode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither OAuth nor another secret comes in through the environment; Slack's ssl_check is still answered."""
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "SLACK_VERIFICATION_TOKEN"):
        monkeypatch.setenv(name, "x")
    body = b"ssl_check=1&token=x"
    async with start(sandbox, tmp_path, http=http) as bot:
        assert bot.slack.app.oauth_flow is None
        assert await answer(sandbox, body, signed(sandbox.signing_secret, now(), body)) == (200, "")
        assert (await sandbox.as_("alice").command("incidents", "/sessions", "host1")).ok
        await sandbox.as_("bob").sees("host1: 3 sessions")


async def test_no_app_token_is_needed(sandbox: SandboxSlack, http: HttpMode, tmp_path: Path) -> None:
    """No address for Socket Mode is ever asked for."""
    async with start(sandbox, tmp_path, http=http):
        assert not sandbox.workspace.calls("apps.connections.open")


def test_a_body_is_read_as_slack_writes_it() -> None:
    """A command's empty text stays; what is no JSON object is refused."""
    assert payload(b"command=%2Fkick&text=", FORM) == {"command": "/kick", "text": ""}
    assert payload(b"payload=%7B%22a%22%3A1%7D", FORM) == {"a": 1}
    assert payload(b'{"a":1}', "application/json") == {"a": 1}
    with pytest.raises(ValueError, match="payload"):
        payload(b"[]", "application/json")
    assert http_mode.BODY_TIME < web_server.LIFE
