"""A web server that strangers can reach: none of them can hold it up, fill it or learn much from it."""

import asyncio
import gzip
import logging
import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from bot import web_server
from bot.slack import http_mode
from bot.slack.http_mode import HttpMode
from tests.lives import PATIENCE

HEAD = b"POST /slack/events HTTP/1.1\r\nHost: kickbot\r\n"
SIGNED = b"X-Slack-Request-Timestamp: %d\r\nX-Slack-Signature: v0=" + b"0" * 64 + b"\r\n"


class NobodyListens:
    """Stands where bolt's app would; being asked at all is a failure."""

    async def async_dispatch(self, _request: object) -> None:
        pytest.fail("a stranger's request came through")


@pytest.fixture
async def http() -> AsyncIterator[HttpMode]:
    """Open, with an app that must never be asked."""
    async with HttpMode.open("a secret", "127.0.0.1", 0) as opened:
        opened._app = NobodyListens()  # type: ignore[assignment]
        yield opened


def well_formed() -> bytes:
    return SIGNED % int(time.time())


async def said(http: HttpMode, sent: bytes, seconds: float = 20) -> bytes:
    """Everything that the server answers until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
    try:
        writer.write(sent)
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def healthy(http: HttpMode) -> bool:
    return (await said(http, b"GET /healthz HTTP/1.1\r\nHost: kickbot\r\n\r\n")).endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("sent", [b"", b"POST", HEAD, HEAD + b"X-A: "], ids=["nothing", "a word", "no end", "half"])
async def test_half_a_request_is_cut(http: HttpMode, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """Who connects and then says nothing more is gone after seconds, and others are served meanwhile."""
    waiting = asyncio.create_task(said(http, sent))
    await asyncio.sleep(0.05)
    assert await healthy(http)
    assert not waiting.done()
    waiting.cancel()
    monkeypatch.setattr(web_server, "LIFE", 0.1)
    assert await said(http, sent) == b""


async def test_a_body_that_does_not_come_is_given_up(http: HttpMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """408, if it could be Slack; 401 at once if not."""
    monkeypatch.setattr(http_mode, "BODY_TIME", 0.1)
    slow = b"Content-Length: 100\r\n\r\nx"
    assert (await said(http, HEAD + well_formed() + slow)).startswith(b"HTTP/1.1 408 ")
    assert (await said(http, HEAD + slow)).startswith(b"HTTP/1.1 401 ")


async def test_a_body_by_drops_is_cut(http: HttpMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then doesn't keep a connection."""
    monkeypatch.setattr(web_server, "LIFE", 0.4)
    monkeypatch.setattr(http_mode, "BODY_TIME", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", http.port)
    writer.write(HEAD + well_formed() + b"Transfer-Encoding: chunked\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        while not reader.at_eof():
            writer.write(b"1\r\nx\r\n")
            await asyncio.sleep(0.02)
            if await _anything(reader):
                break
    writer.close()


async def _anything(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.01):
            return bool(await reader.read(1))
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_a_body_without_a_stated_length_is_bounded(http: HttpMode) -> None:
    """413 while it still comes."""
    chunk = b"%x\r\n%b\r\n" % (200_000, b"x" * 200_000)
    sent = HEAD + well_formed() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 6
    assert (await said(http, sent)).startswith(b"HTTP/1.1 413 ")


async def test_a_compressed_body_does_not_grow(http: HttpMode) -> None:
    """100 MB of zeros in 100 kB stay 100 kB; and they are no request of Slack's."""
    body = gzip.compress(bytes(100_000_000), 1)
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert (await said(http, HEAD + well_formed() + head + body)).startswith(b"HTTP/1.1 401 ")


async def test_more_connections_than_there_is_room_for(http: HttpMode, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over the limit is closed, and there is room again when others have gone."""
    monkeypatch.setattr(web_server, "MOST", 3)
    held = [await asyncio.open_connection("127.0.0.1", http.port) for _ in range(3)]
    await asyncio.sleep(0.05)
    assert not await healthy(http)

    for _, writer in held:
        writer.close()
    async with asyncio.timeout(PATIENCE):
        while not await healthy(http):  # noqa: ASYNC110 - the server hears of it a moment later
            await asyncio.sleep(0.01)


async def test_a_connection_is_for_one_request(http: HttpMode) -> None:
    """The second one gets no answer, so nobody can hide behind the first."""
    one = b"GET /healthz HTTP/1.1\r\nHost: kickbot\r\n\r\n"
    answer = await said(http, one + one)
    assert answer.count(b"HTTP/1.1") == 1
    assert b"Connection: close" in answer


async def test_an_answer_does_not_say_what_gave_it(http: HttpMode) -> None:
    """Neither Python nor aiohttp, with its release."""
    for sent in (HEAD + b"\r\n", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"):
        answer = (await said(http, sent)).lower()
        assert b"http/1.1 " in answer
        assert b"aiohttp" not in answer
        assert b"python" not in answer


async def test_a_fault_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    """500 without a word."""

    async def broken(_request: web.Request) -> web.Response:
        raise RuntimeError("hunter2")

    async with web_server.serving([web.get("/", broken)], "127.0.0.1", 0, key="x") as port:
        http = HttpMode.__new__(HttpMode)
        http.port = port
        answer = await said(http, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"hunter2" not in answer
    assert "hunter2" in caplog.text


def no_line_break(text: bytes) -> bool:
    return not set(text) & set(b"\r\n")


@tuned(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    timestamp=st.binary(max_size=40).filter(no_line_break) | st.integers().map(lambda n: b"%d" % n),
    signature=st.binary(max_size=80).filter(no_line_break) | st.just(b"v0=" + b"0" * 64),
    body=st.binary(max_size=40),
)
def test_any_bytes_in_the_headers(timestamp: bytes, signature: bytes, body: bytes) -> None:
    """On the wire, in any encoding or none: 401, or 400 where it is no HTTP; never 500, and nothing gets through."""
    lines = b"X-Slack-Request-Timestamp: %b\r\nX-Slack-Signature: %b\r\n" % (timestamp, signature)
    sent = HEAD + lines + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    status = asyncio.run(_status(sent))
    assert status in {b"401", b"400"}


async def _status(sent: bytes) -> bytes:
    async with HttpMode.open("a secret", "127.0.0.1", 0) as http:
        http._app = NobodyListens()  # type: ignore[assignment]
        return (await said(http, sent)).split(b" ")[1]


@pytest.mark.parametrize(
    "rest",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ],
)
async def test_a_body_that_is_no_http(http: HttpMode, rest: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """400, and no traceback in the log for a stranger's nonsense."""
    assert b" 400 " in (await said(http, HEAD + well_formed() + rest)).splitlines()[0]
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_hanging_up_in_the_middle(http: HttpMode, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a fault nor a line in the log."""
    _, writer = await asyncio.open_connection("127.0.0.1", http.port)
    writer.write(HEAD + well_formed() + b"Content-Length: 100\r\n\r\nx")
    await asyncio.sleep(0.05)
    writer.transport.abort()
    await asyncio.sleep(0.05)
    assert await healthy(http)
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]
