"""Certificates, a stamping authority and a web server behind TLS, made with OpenSSL's own command for one test run."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

_STAMPER = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
_SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1\n"
_CONFIGURATION = """[tsa]
default_tsa = own
[own]
serial = {folder}/serial
signer_cert = {folder}/stamper.pem
signer_key = {folder}/stamper.pem
certs = {folder}/ca.pem
signer_digest = {digest}
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_chain = no
ess_cert_id_alg = {digest}
"""


def openssl(*words: object, content: bytes = b"") -> bytes:
    command = ["openssl", *map(str, words)]
    return subprocess.run(command, input=content, capture_output=True, check=True, timeout=60).stdout


class Authority:
    """A certificate authority in a folder of its own, and who has a certificate of it."""

    def __init__(self, folder: Path, *, key: str = "ec") -> None:
        self.folder = folder
        self._key = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["rsa:2048"]
        subject = ["-subj", "/CN=Authority of the tests", "-days", 30, "-nodes"]
        files = ["-keyout", self.folder / "ca.key", "-out", self.certificates]
        openssl("req", "-x509", "-newkey", *self._key, *subject, *files)
        self.issue("stamper", _STAMPER)
        self.issue("server", _SERVER)
        digest = "sha512" if key == "ec" else "sha256"
        (self.folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=self.folder, digest=digest))

    @property
    def certificates(self) -> Path:
        """Whom to believe, to believe it."""
        return self.folder / "ca.pem"

    def issue(self, name: str, extensions: str) -> Path:
        """A file with a new certificate and its key."""
        file = self.folder / name
        made = ["-keyout", f"{file}.key", "-out", f"{file}.csr"]
        openssl("req", "-newkey", *self._key, "-nodes", "-subj", f"/CN={name}", *made)
        file.with_suffix(".ext").write_text(extensions)
        signed = ["-CA", self.certificates, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", 20]
        openssl("x509", "-req", "-in", f"{file}.csr", *signed, "-extfile", f"{file}.ext", "-out", f"{file}.pem")
        pem = file.with_suffix(".pem")
        pem.write_bytes(pem.read_bytes() + Path(f"{file}.key").read_bytes())
        return pem

    def stamp(self, query: bytes) -> bytes:
        """The answer of OpenSSL's stamping authority."""
        file = self.folder / "query.tsq"
        file.write_bytes(query)
        answer = self.folder / "answer.tsr"
        openssl("ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", file, "-out", answer)
        return answer.read_bytes()

    def server(self, certificate: Path | None = None) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate or self.folder / "server.pem")
        return context


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def https_server(authority: Authority, handler: Handler) -> AsyncIterator[str]:
    """Its address; every path and method is the handler's."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server())
    await site.start()
    try:
        yield f"https://localhost:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def stamping(authority: Authority) -> Handler:
    """What OpenSSL's authority answers over HTTP."""

    async def answer(request: web.Request) -> web.Response:
        assert request.content_type == "application/timestamp-query"
        content = await asyncio.to_thread(authority.stamp, await request.read())
        return web.Response(body=content, content_type="application/timestamp-reply")

    return answer
