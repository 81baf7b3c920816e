"""Places outside of the bot: whom it believes there, what it tells them, and what holds up nothing. Attacks first."""

import asyncio
import logging
import shutil
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot import settings
from bot.access import access_of
from bot.audit import checkpoints, der
from bot.audit.notary import Notary
from bot.audit.places import collectors, opening
from bot.audit.places.aws import Keys, signed
from bot.audit.places.buckets import Credentials
from bot.audit.places.https import LARGEST
from bot.audit.places.interface import Place, Reached
from bot.audit.places.opening import Access
from bot.audit.places.tls import Tls
from bot.audit.signing import Signer
from bot.audit.sqlite import SqliteTrail
from bot.borders import Checkpoint
from bot.credentials import Secrets
from bot.errors import SettingsError
from tests.authorities import Authority, Handler, https_server, stamping
from tests.scene import until
from tests.test_notary import at_work, key, one_request, path, told, trail, until_remembered  # noqa: F401 - fixtures
from tests.whole import configure

PATIENCE = 120
FOUND = Checkpoint(
    seq=2,
    text=checkpoints.Statement(
        trail="a" * 64, seq=2, hash="b" * 64, at="2026-11-20T13:31:05.000000Z", before=0, before_hash="0" * 64
    ).text,
    signature="signed",
)
LATER = FOUND.model_copy(update={"seq": 4, "text": FOUND.text.replace("event 2", "event 4")})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    if not shutil.which("openssl"):
        pytest.skip("no openssl here")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def access(authority: Authority) -> Access:
    return Access(tls=Tls(authorities=authority.certificates), stamp_authorities=authority.certificates)


async def reached(place: Place, *found: Checkpoint) -> list[Reached]:
    return [each async for each in place.tell(found)]


class Heard:
    """A collector behind TLS, or without it, and what it took from each connection."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.port = 0

    def messages(self) -> list[bytes]:
        """Of all connections, out of their frames."""
        found = list[bytes]()
        for content in self.calls:
            rest = content
            while rest:
                length, _, rest = rest.partition(b" ")
                found.append(rest[: int(length)])
                rest = rest[int(length) :]
        return found

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls.append(await reader.read())
        writer.close()

    @classmethod
    @asynccontextmanager
    async def listening(cls, context: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        heard = cls()
        server = await asyncio.start_server(heard.take, "127.0.0.1", 0, ssl=context)
        heard.port = server.sockets[0].getsockname()[1]
        async with server:
            yield heard


# ------------------------------------------------------------------------------------------ whom it believes


async def test_a_collector_that_nobody_stands_for_hears_nothing(authority: Authority, tmp_path: Path) -> None:
    """Neither one of another authority, nor one that carries another name."""
    other_name = authority.server(authority.issue("elsewhere", "subjectAltName=DNS:elsewhere\n"))
    mine, strange = Access(tls=Tls(authorities=authority.certificates)), Authority(tmp_path).certificates
    others = Access(tls=Tls(authorities=strange))
    for context, access in ((authority.server(), others), (authority.server(), Access()), (other_name, mine)):
        async with Heard.listening(context) as heard:
            with pytest.raises(OSError, match="certificate"):
                await reached(opening.place(f"syslog+tls://localhost:{heard.port}", access), FOUND)
        assert b"".join(heard.calls) == b""


@pytest.mark.parametrize("scheme", ["", "tsp+"])
async def test_a_web_server_that_nobody_stands_for_is_asked_nothing(
    authority: Authority, tmp_path: Path, scheme: str
) -> None:
    """Its certificate is looked at before a word is said."""
    asked = list[str]()

    async def take(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.Response()

    stranger = Authority(tmp_path).certificates
    access = Access(tls=Tls(authorities=stranger), stamp_authorities=stranger)
    async with https_server(authority, take) as address:
        with pytest.raises(OSError, match="certificate"):
            await reached(opening.place(f"{scheme}{address}/x", access), FOUND)
    assert asked == []


def test_certificates_that_can_not_be_used_stop_the_start(tmp_path: Path, authority: Authority) -> None:
    """In one line; and nobody's stamp is asked for if no stamp would count."""
    (tmp_path / "none").write_text("hello")
    for tls in (Tls(authorities=tmp_path / "none"), Tls(certificate=authority.certificates)):
        with pytest.raises(SettingsError, match="can't be used"):
            opening.place("syslog+tls://localhost:1", Access(tls=tls))
    with pytest.raises(SettingsError, match="stamp_authorities: is missing"):
        opening.place("tsp+https://localhost/", Access())


# ------------------------------------------------------------------------------------------ syslog over TLS


async def test_a_collector_behind_tls_gets_each_checkpoint_in_a_frame(authority: Authority, access: Access) -> None:
    """RFC 5425: octet counting, over TLS, and a good-bye from both sides."""
    async with Heard.listening(authority.server()) as heard:
        place = opening.place(f"syslog+tls://localhost:{heard.port}", access)
        assert await reached(place, FOUND, LATER) == [Reached(seq=4)]
        await until(lambda: len(heard.messages()) == 2)
    contents = [message[message.index(b"{") :] for message in heard.messages()]
    assert contents == [checkpoints.line(each).rstrip() for each in (FOUND, LATER)]
    assert heard.messages()[0].startswith(b"<109>1 2")


@asynccontextmanager
async def s_server(authority: Authority, *words: str) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """OpenSSL's own server: its address, and what it was told."""
    mine = ("-cert", str(authority.folder / "server.pem"), "-CAfile", str(authority.certificates))
    command = ("openssl", "s_server", "-accept", "127.0.0.1:0", *mine, *words)
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout
    try:
        await asyncio.wait_for(process.stdout.readuntil(b"ACCEPT 127.0.0.1:"), PATIENCE)
        yield f"localhost:{int(await process.stdout.readline())}", process.stdout
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_a_collector_may_ask_who_the_bot_is(authority: Authority, access: Access, version: str) -> None:
    """Without a certificate nothing counts as told, though it says no only after the bot has spoken."""
    mine = Tls(authorities=authority.certificates, certificate=authority.issue("bot", "extendedKeyUsage=clientAuth\n"))
    async with s_server(authority, version, "-Verify", "1", "-verify_return_error") as (address, heard):
        with pytest.raises(OSError, match=r"(?i)certificate|handshake|reset"):
            await reached(opening.place(f"syslog+tls://{address}", access), FOUND)
        assert await reached(opening.place(f"syslog+tls://{address}", Access(tls=mine)), FOUND) == [Reached(seq=2)]
        assert await asyncio.wait_for(heard.readuntil(checkpoints.line(FOUND).rstrip()), PATIENCE)


@pytest.mark.parametrize("tls", [True, False])
async def test_a_collector_that_reads_nothing_was_told_nothing(
    authority: Authority, access: Access, monkeypatch: pytest.MonkeyPatch, tls: bool
) -> None:
    """It is told again; and the wait for it has an end."""
    monkeypatch.setattr(collectors, "TIME_LIMIT", 0.3)
    done = threading.Event()

    def hang(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        if tls:
            connection = authority.server().wrap_socket(connection, server_side=True)
        done.wait(PATIENCE)
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        hanging = asyncio.create_task(asyncio.to_thread(hang, listening))
        name = f"syslog+{'tls' if tls else 'tcp'}://localhost:{listening.getsockname()[1]}"
        with pytest.raises(TimeoutError):
            await reached(opening.place(name, access), FOUND)
        done.set()
        await hanging


@pytest.mark.parametrize("tls", [True, False])
async def test_a_collector_that_leaves_in_the_middle_was_told_nothing(
    authority: Authority, access: Access, tls: bool
) -> None:
    """It may close as politely as it likes."""

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    many = [FOUND] * 20_000  # more than what fits between them
    server = await asyncio.start_server(leave, "127.0.0.1", 0, ssl=authority.server() if tls else None)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(OSError, match=r"|"):
            await reached(opening.place(f"syslog+{'tls' if tls else 'tcp'}://localhost:{port}", access), *many)


# ------------------------------------------------------------------------------------------ a bucket


class Bucket:
    """Takes an object once. answers: what it says before it does so."""

    def __init__(self, *answers: web.Response) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[web.Request] = []
        self._answers = list(answers)

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        if self._answers:
            return self._answers.pop(0)
        if request.method != "PUT" or request.headers.get("If-None-Match") != "*":
            return web.Response(status=400)
        if request.path in self.objects:
            return web.Response(status=412)
        self.objects[request.path] = await request.read()
        return web.Response(status=201)


async def test_a_bucket_gets_one_object_for_each_checkpoint_and_once(authority: Authority, access: Access) -> None:
    """In their order; one that is there already is never written again, and counts as told."""
    bucket = Bucket()
    async with https_server(authority, bucket.take) as address:
        place = opening.place(f"{address}/kickbot/", access)
        assert [each.seq for each in await reached(place, FOUND, LATER)] == [2, 4]
        assert [each.seq for each in await reached(place, FOUND)] == [2]
    assert list(bucket.objects.values()) == [checkpoints.line(FOUND), checkpoints.line(LATER)]
    assert [name[:22] for name in bucket.objects] == ["/kickbot/000000000002-", "/kickbot/000000000004-"]
    assert all("Content-MD5" in request.headers for request in bucket.requests)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.Response(status=403, text="the secret is SECRET"),
        lambda: web.Response(status=307, headers={"Location": "http://127.0.0.1:1/SECRET"}),
        lambda: web.Response(status=200, body=b"x" * (LARGEST + 1)),
        lambda: web.Response(status=409),
        lambda: web.Response(status=500),
    ],
)
async def test_a_bucket_that_did_not_take_it_was_told_nothing(
    authority: Authority, access: Access, answer: "type[web.Response]"
) -> None:
    """Nobody is followed elsewhere, nothing is read without end, and no error repeats a secret."""
    keys = Keys(id="id", secret=SecretStr("SECRET"), session=SecretStr("SECRET"))
    bucket = Bucket(answer())
    async with https_server(authority, bucket.take) as address:
        place = opening.place(f"{address}/a", access.model_copy(update={"credentials": Credentials(aws=keys)}))
        with pytest.raises(OSError, match=r".") as error:
            await reached(place, FOUND)
        assert "SECRET" not in str(error.value) + repr(place) + repr(access)
        assert "SECRET" not in str(dict(bucket.requests[0].headers)).replace("'X-Amz-Security-Token': 'SECRET'", "")
        assert [each.seq for each in await reached(place, FOUND)] == [2]


async def test_a_header_of_ones_own_is_sent_as_it_is(authority: Authority, access: Access) -> None:
    """For buckets that know another kind of proof."""
    bucket = Bucket()
    credentials = Credentials(authorization=SecretStr("Bearer abc"))
    async with https_server(authority, bucket.take) as address:
        await reached(opening.place(f"{address}/a", access.model_copy(update={"credentials": credentials})), FOUND)
    assert bucket.requests[0].headers["Authorization"] == "Bearer abc"


def test_credentials_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a key is none; without a region it is the one that stands for all."""
    config = configure(tmp_path, [], key=tmp_path / "key", known_hosts=tmp_path / "known_hosts")
    config.write_text(config.read_text() + '[[hosts]]\nname = "host1"\n')

    def credentials(**environment: str) -> Credentials:
        for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION", "DEFAULT_REGION"):
            monkeypatch.delenv(f"AWS_{name}", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return access_of(settings.load(config), Secrets()).credentials

    assert credentials() == credentials(AWS_ACCESS_KEY_ID="id") == Credentials()
    whole = credentials(AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="s", AWS_SESSION_TOKEN="t")
    assert whole.aws == Keys(id="id", secret=SecretStr("s"), session=SecretStr("t"), region="us-east-1")
    assert credentials(AUDIT_PUSH_AUTHORIZATION="Bearer a").authorization.get_secret_value() == "Bearer a"


KEYS = Keys(
    id="AKIDEXAMPLE",
    secret=SecretStr("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    region="us-east-1",
    service="service",
)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("method", "headers", "signature"),
    [
        ("GET", {}, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", {}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", {"My-Header1": "value1"}, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
    ],
)
def test_requests_are_signed_as_awss_test_suite_says(method: str, headers: dict[str, str], signature: str) -> None:
    """Its get-vanilla, post-vanilla and post-header-key-sort."""
    at = datetime(2015, 8, 30, 12, 36, 0, tzinfo=UTC)

    proof = signed(method, "https://example.amazonaws.com/", headers, EMPTY, KEYS, at)["Authorization"]

    assert proof.startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ")
    assert proof.endswith(f"Signature={signature}")


def test_an_object_is_signed_as_s3s_own_example_says() -> None:
    """GET Object of *Authenticating Requests*: with the content's digest among what is signed."""
    keys = Keys(id="AKIAIOSFODNN7EXAMPLE", secret=SecretStr("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    at = datetime(2013, 5, 24, tzinfo=UTC)

    said = signed("GET", "https://examplebucket.s3.amazonaws.com/test.txt", {"Range": "bytes=0-9"}, EMPTY, keys, at)

    assert said["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


# ------------------------------------------------------------------------------------------ a stamping authority


async def test_a_stamp_is_kept_only_if_it_counts(authority: Authority, access: Access, tmp_path: Path) -> None:
    """An error, a refusal, and a stranger's stamp are none."""
    refusal = der.encoded(der.SEQUENCE, der.encoded(der.SEQUENCE, der.integer(2)))
    answers: list[Handler] = [
        Bucket(web.Response(status=500)).take,
        Bucket(web.Response(body=refusal)).take,
        stamping(Authority(tmp_path)),
    ]
    for handler in answers:
        async with https_server(authority, handler) as address:
            with pytest.raises(OSError, match=r"status 500|no time stamp that counts"):
                await reached(opening.place(f"tsp+{address}/", access), FOUND)


async def test_the_newest_alone_is_stamped(authority: Authority, access: Access) -> None:
    """It stands for all before it, so a trail of years asks an authority once."""
    async with https_server(authority, stamping(authority)) as address:
        (found,) = await reached(opening.place(f"tsp+{address}/tsr", access), FOUND, LATER)
    assert found.seq == 4
    assert found.stamp


# ------------------------------------------------------------------------------------------ all at once


async def test_a_place_that_is_down_delays_nobody(
    trail: SqliteTrail,  # noqa: F811
    key: Path,  # noqa: F811
    authority: Authority,
    access: Access,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The others have each checkpoint at once, once; it gets all of them, in their order, after a restart."""
    down = Bucket(*(web.Response(status=503) for _ in range(2)))
    file = tmp_path / "here"
    async with https_server(authority, down.take) as address, Heard.listening(authority.server()) as heard:
        names_ = [f"{address}/away", f"syslog+tls://localhost:{heard.port}", f"file:{file}"]

        def notary() -> Notary:
            return Notary(trail, Signer(key), 3600, [opening.place(name, access) for name in names_])

        with caplog.at_level(logging.WARNING):
            await one_request(trail, "1")
            async with at_work(notary()):
                await until(lambda: told(file) == [2] and len(heard.messages()) == 1)
                await until_remembered(trail, 2, *names_[1:])
                await until(lambda: bool(caplog.records))
        assert "which is tried again: it answered with status 503" in caplog.text
        await one_request(trail, "2")
        async with at_work(notary()):
            await until(lambda: told(file) == [2, 4] and len(heard.messages()) == 2)
            await until(lambda: len(down.objects) == 2)
    assert [name[6:18] for name in down.objects] == ["000000000002", "000000000004"]
